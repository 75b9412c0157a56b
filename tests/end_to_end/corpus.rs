//! The queries that Studio sends, from a corpus that lies beside the project where there is one.

use std::path::PathBuf;

use serde_json::Value;

/// The tables of a self-hosted Supabase.
const TABLES: [&str; 9] = [
    "edge_logs",
    "postgres_logs",
    "function_edge_logs",
    "function_logs",
    "auth_logs",
    "realtime_logs",
    "storage_logs",
    "postgrest_logs",
    "pgbouncer_logs",
];
/// The kinds of queries that all must run.
const MUST_RUN: [&str; 4] = ["preview page", "chart", "count", "single log"];

#[tokio::test(flavor = "multi_thread")]
async fn studios_queries_run() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/studio-queries.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: there is no corpus of Studio's queries beside the project");
        return;
    };
    let program = super::program().await;
    let (mut must, mut ran, mut self_hosted, mut failed) = (0, 0, [0, 0], Vec::new());
    for line in text.lines() {
        let query: Value = serde_json::from_str(line).expect("a line of JSON");
        let sql = query["sql"].as_str().expect("its text");
        let parameters: Vec<(&str, &str)> = query["params"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect();
        let answer = program.ask(sql, &parameters).await;
        let works = answer.get("result").is_some();
        if query["reaches_self_hosted"] == true {
            if !works {
                println!("does not run: {}: {}", query["id"], answer["error"]);
            }
            self_hosted[usize::from(works)] += 1;
        }
        let tables = query["table"].as_array().expect("its tables");
        let known =
            tables.iter().all(|table| table.as_str().is_some_and(|table| TABLES.contains(&table)));
        if known && query["surface"].as_str().is_some_and(|surface| MUST_RUN.contains(&surface)) {
            must += 1;
            ran += usize::from(works);
            if !works {
                failed.push(format!("{}: {}", query["id"], answer["error"]));
            }
        }
    }
    println!(
        "{ran} of {must} queries of pages run; of all that reach a self-hosted server {} of {}",
        self_hosted[1],
        self_hosted[0] + self_hosted[1]
    );
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(must > 100);
}
