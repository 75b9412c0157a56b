//! Asks Studio's queries over made events of every table.
//!
//! `cargo run --release -p end-to-end --bin studio-queries -- FILE.jsonl [--only TEXT] [--causes] [--min-passed N]`

use std::fs;

use clap::Parser as _;
use end_to_end::{
    conformance::{Choice, Report, Warehouse},
    postgres::TestCluster,
    studio_queries::{LogTables, judge, log_tables, queries},
};

/// Asks Studio's queries over made events of every table.
#[derive(Debug, clap::Parser)]
struct Wish {
    /// A file of queries, a JSON object a line.
    #[arg(value_name = "FILE.jsonl")]
    file: String,
    #[command(flatten)]
    choice: Choice,
}

#[tokio::main]
async fn main() {
    let wish = Wish::parse();
    wish.choice.end(&answer(&wish).await)
}

async fn answer(wish: &Wish) -> Result<Report, String> {
    let file = &wish.file;
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let queries = queries(&text).map_err(|error| format!("{file}: {error}"))?;
    let cluster = TestCluster::start();
    let events = log_tables();
    let tables = LogTables::store(Warehouse::start(&cluster).await, &events).await?;
    let mut report = Report::default();
    for query in queries.iter().filter(|query| wish.choice.holds(&query.id)) {
        let outcome = judge(query, tables.ask(&query.sql, &query.parameters).await);
        println!("{}", report.add(&query.id, &query.surface, &outcome));
    }
    Ok(report)
}
