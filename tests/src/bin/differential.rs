//! Asks random queries of the translator and of Google's reference evaluator, and tells where they
//! disagree.
//!
//! `cargo run -p end-to-end --bin differential -- --evaluator HOST:PORT --queries N --seed S`

use std::{fs, process::ExitCode};

use clap::Parser as _;
use end_to_end::{
    conformance::Warehouse,
    differential::{Differential, Evaluator, Outcome, Report},
    postgres::TestCluster,
};

/// Holds the translator's answers to random queries against those of Google's reference evaluator.
#[derive(Debug, clap::Parser)]
struct Wish {
    /// Where the evaluator listens.
    #[arg(long, value_name = "HOST:PORT")]
    evaluator: String,
    /// How many queries are made.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    queries: u64,
    /// What the queries follow from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many disagreements are told by a query that is as simple as can be.
    #[arg(long, value_name = "N", default_value_t = 100)]
    shrink: usize,
    /// Ask the queries of this file instead, one a line.
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Tell only which calls of declared functions the translator alone refuses.
    #[arg(long)]
    signatures: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Wish::parse()).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

/// Gives the number of disagreements.
async fn run(wish: &Wish) -> Result<usize, String> {
    let evaluator = Evaluator::connect(&wish.evaluator).await?;
    let cluster = TestCluster::start();
    let mut sides = Differential::new(Warehouse::start(&cluster).await, evaluator);
    if wish.signatures {
        let refused = sides.refused_signatures().await;
        for (sql, reason) in &refused {
            println!("{sql}\n  {reason}");
        }
        return Ok(refused.len());
    }
    let mut report = Report::default();
    if let Some(file) = &wish.file {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        for sql in text.lines().filter(|line| !line.trim().is_empty()) {
            let outcome = sides.ask_text(sql, false).await;
            println!("{outcome:?}\n  {sql}");
            report.add(outcome, sql);
        }
    } else {
        for number in 0..wish.queries {
            let seed = wish.seed.wrapping_mul(1_000_003).wrapping_add(number);
            let (sql, outcome) = sides.ask(seed, report.disagreements() < wish.shrink).await;
            if let Outcome::Disagreed(found) = &outcome {
                println!("disagreement ({}): {}\n  {}", found.kind, found.sql, found.detail);
            }
            report.add(outcome, &sql);
        }
    }
    println!("{report}");
    Ok(report.disagreements())
}
