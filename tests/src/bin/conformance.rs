//! Asks the translator what BigQuery was asked, and compares the answers.
//!
//! `cargo run --release -p end-to-end --bin conformance -- FILE.jsonl… [--min-passed N]`
//! `cargo run --release -p end-to-end --bin conformance -- --pairs FILE.tsv [--helpers FILE.sql]`

use std::fs;

use clap::Parser as _;
use end_to_end::{
    conformance::{Choice, Report, Warehouse, cases, pairs, run, run_pairs},
    postgres::TestCluster,
};

/// Holds the translator's answers against those of BigQuery.
#[derive(Debug, clap::Parser)]
struct Wish {
    /// Files of cases, a JSON object a line.
    #[arg(value_name = "FILE.jsonl", required_unless_present = "pairs")]
    files: Vec<String>,
    /// Expressions of BigQuery's, each with one of PostgreSQL's that has its value.
    #[arg(long, value_name = "FILE.tsv")]
    pairs: Option<String>,
    /// SQL functions that the pairs call.
    #[arg(long, value_name = "FILE.sql")]
    helpers: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

#[tokio::main]
async fn main() {
    let wish = Wish::parse();
    wish.choice.end(&answer(&wish).await)
}

async fn answer(wish: &Wish) -> Result<Report, String> {
    let text = |file: &String| fs::read_to_string(file).map_err(|error| format!("{file}: {error}"));
    let mut all = Vec::new();
    for file in &wish.files {
        all.extend(cases(&text(file)?).map_err(|error| format!("{file}: {error}"))?);
    }
    let cluster = TestCluster::start();
    let mut warehouse = Warehouse::start(&cluster).await;
    let mut report = Report::default();
    for (number, case) in all.iter().enumerate().filter(|(_, case)| wish.choice.holds(&case.id)) {
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
