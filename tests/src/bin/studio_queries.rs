//! Asks Studio's queries over made events of every table.
//!
//! `cargo run --release -p end-to-end --bin studio-queries -- FILE.jsonl [--only TEXT] [--causes] [--min-passed N]`

use std::{fs, process::ExitCode};

use end_to_end::{
    conformance::{Report, Warehouse},
    postgres::TestCluster,
    studio_queries::{LogTables, judge, log_tables, queries},
};

const USAGE: &str = "usage: studio-queries FILE.jsonl [--only TEXT] [--causes] [--min-passed N]";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wish {
    file: String,
    /// Only queries whose id holds this.
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
    let file = &wish.file;
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let queries = queries(&text).map_err(|error| format!("{file}: {error}"))?;
    let cluster = TestCluster::start();
    let events = log_tables();
    let tables = LogTables::store(Warehouse::start(&cluster).await, &events).await?;
    let mut report = Report::default();
    let wanted = |id: &str| wish.only.as_ref().is_none_or(|only| id.contains(only));
    for query in queries.iter().filter(|query| wanted(&query.id)) {
        let outcome = judge(query, tables.ask(&query.sql, &query.parameters).await);
        println!("{}", report.add(&query.id, &query.surface, &outcome));
    }
    Ok(report)
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--causes" => wish.causes = true,
            "--only" => wish.only = Some(value()?),
            "--min-passed" => {
                wish.min_passed = value()?.parse().map_err(|_| "--min-passed needs a number")?;
            }
            option if option.starts_with('-') => return Err(format!("unknown: {option}")),
            _ => wish.file = argument,
        }
    }
    if wish.file.is_empty() {
        return Err("a file of queries is needed".to_owned());
    }
    Ok(wish)
}
