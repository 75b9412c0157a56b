//! Proof that every acknowledged event is stored, and none twice, whatever breaks.
//!
//! `cargo run --release -p end-to-end --bin crash-matrix -- [--bigquery] [--rounds N] [--only NAME] [--quick]`

use std::{process::ExitCode, time::Instant};

use end_to_end::{
    crash_matrix::{self, Effort, Place, Report, Scenario},
    postgres::TestCluster,
};

const USAGE: &str = "usage: crash-matrix [--bigquery] [--rounds N] [--only NAME]… [--quick]";

/// What the command line asks for.
#[derive(Debug)]
struct Wish {
    effort: Effort,
    place: Place,
    scenarios: Vec<Scenario>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Wish { effort, place, scenarios } = match read(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(problem) => {
            let names: Vec<_> = Scenario::ALL.into_iter().map(Scenario::name).collect();
            eprintln!("{problem}\n{USAGE}\nnames: {}", names.join(", "));
            return ExitCode::from(2);
        }
    };
    let cluster = TestCluster::durable();
    let mut report = Report::default();
    for scenario in scenarios {
        let start = Instant::now();
        let row = crash_matrix::run(scenario, place, effort, &cluster).await;
        let time = start.elapsed().as_secs_f64();
        eprintln!("{:<18} {} in {time:.1} s", scenario.name(), row.result());
        for failure in row.failures() {
            eprintln!("  {failure}");
        }
        report.add(row);
    }
    println!("{report}");
    if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let (mut rounds, mut quick, mut scenarios) = (None, false, Vec::new());
    let mut place = Place::Postgres;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--bigquery" => place = Place::BigQuery,
            "--rounds" => {
                let number = arguments.next().and_then(|number| number.parse::<u32>().ok());
                rounds =
                    Some(number.filter(|&number| number > 0).ok_or("--rounds needs a number")?);
            }
            "--only" => {
                let name = arguments.next().ok_or("--only needs a name")?;
                let scenario = Scenario::ALL
                    .into_iter()
                    .chain(Scenario::ON_BIGQUERY)
                    .find(|scenario| scenario.name() == name);
                scenarios.push(scenario.ok_or(format!("there is no scenario {name}"))?);
            }
            other => return Err(format!("unknown: {other}")),
        }
    }
    if scenarios.is_empty() {
        match place {
            Place::Postgres => scenarios.extend(Scenario::ALL),
            Place::BigQuery => scenarios.extend(Scenario::ON_BIGQUERY),
        }
    }
    let rounds = rounds.unwrap_or(if quick { 1 } else { 20 });
    Ok(Wish { effort: Effort { rounds, quick }, place, scenarios })
}
