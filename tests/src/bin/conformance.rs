//! Asks the translator what BigQuery was asked, and compares the answers.
//!
//! `cargo run --release -p end-to-end --bin conformance -- FILE.jsonl… [--min-passed N]`
//! `cargo run --release -p end-to-end --bin conformance -- --pairs FILE.tsv [--helpers FILE.sql]`

use std::{fs, process::ExitCode};

use end_to_end::{
    conformance::{Report, Warehouse, cases, pairs, run, run_pairs},
    postgres::TestCluster,
};

const USAGE: &str = "usage: conformance FILE.jsonl… [--pairs FILE.tsv] [--helpers FILE.sql] \
                     [--only TEXT] [--causes] [--min-passed N]";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wish {
    files: Vec<String>,
    pairs: Option<String>,
    helpers: Option<String>,
    /// Only cases whose id holds this.
    only: Option<String>,
    min_passed: usize,
    /// Whether the causes are told, each with its cases.
    causes: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let wish = match read(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = match answer(&wish).await {
        Ok(report) => report,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    if wish.causes {
        print!("{}", report.causes());
    }
    println!("{report}");
    // A translation that never ends must not hold the program.
    std::process::exit(i32::from(report.passed() < wish.min_passed))
}

async fn answer(wish: &Wish) -> Result<Report, String> {
    let text = |file: &String| fs::read_to_string(file).map_err(|error| format!("{file}: {error}"));
    let mut all = Vec::new();
    for file in &wish.files {
        all.extend(cases(&text(file)?).map_err(|error| format!("{file}: {error}"))?);
    }
    let wanted = |id: &str| wish.only.as_ref().is_none_or(|only| id.contains(only));
    let cluster = TestCluster::start();
    let mut warehouse = Warehouse::start(&cluster).await;
    let mut report = Report::default();
    for (number, case) in all.iter().enumerate().filter(|(_, case)| wanted(&case.id)) {
        let outcome = run(&mut warehouse, number, case).await;
        println!("{}", report.add(&case.id, case.family(), &outcome));
    }
    if let Some(file) = &wish.helpers {
        warehouse.execute(&text(file)?).await.map_err(|error| format!("{file}: {error}"))?;
    }
    if let Some(file) = &wish.pairs {
        let pairs: Vec<_> = pairs(&text(file)?);
        run_pairs(&mut warehouse, &pairs, |number, pair, outcome| {
            let id = format!("{}/{}", pair.family, number + 1);
            let line = report.add(&id, &pair.family, outcome);
            println!("{line} | {}", pair.bigquery);
        })
        .await;
    }
    Ok(report)
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--pairs" => wish.pairs = Some(value()?),
            "--helpers" => wish.helpers = Some(value()?),
            "--causes" => wish.causes = true,
            "--only" => wish.only = Some(value()?),
            "--min-passed" => {
                wish.min_passed = value()?.parse().map_err(|_| "--min-passed needs a number")?;
            }
            option if option.starts_with('-') => return Err(format!("unknown: {option}")),
            _ => wish.files.push(argument),
        }
    }
    if wish.files.is_empty() && wish.pairs.is_none() {
        return Err("a file of cases is needed".to_owned());
    }
    Ok(wish)
}
