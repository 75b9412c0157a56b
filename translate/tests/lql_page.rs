//! Keeps the examples of `docs/lql.md` true.

use std::sync::Arc;

use event_schemas::{Event, TableSchema};
use translate::{LqlRequest, SourceTable, Sources, TableColumns, translate_lql};

const PAGE: &str = include_str!("../../docs/lql.md");

/// 2026-11-20 12:00 UTC.
const NOW: i64 = 1_795_176_000_000_000;

/// One source, of which nothing is known.
struct Logs;

impl Sources for Logs {
    fn source(&self, name: &str) -> Option<SourceTable> {
        (name == "logs").then(|| SourceTable {
            table: "\"logs\"".to_owned(),
            schema: Arc::new(TableSchema::default()),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        vec!["logs".to_owned()]
    }
}

/// The rows of all tables whose second column is called so: the LQL and that column.
fn rows(heading: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        let cells: Vec<String> = line
            .replace("\\|", "\u{1}")
            .split('|')
            .map(|cell| cell.trim().replace('\u{1}', "|"))
            .collect();
        let [_, lql, second, ..] = cells.as_slice() else {
            inside = false;
            continue;
        };
        if lql == "LQL" {
            inside = second == heading;
        } else if inside && !lql.starts_with("---") {
            found.push((lql.trim_matches('`').to_owned(), second.clone()));
        }
    }
    assert!(!found.is_empty(), "{heading}");
    found
}

fn translated(text: &str) -> Result<String, String> {
    let request = LqlRequest { text, source: Some("logs"), now: NOW, max_rows: 100 };
    let translation = translate_lql(&request, &Logs);
    translation.map(|translation| translation.sql).map_err(|error| error.to_string())
}

#[test]
fn filters_find_what_the_page_says() {
    let (_, rest) = PAGE.split_once("```jsonl\n").unwrap();
    let (events, _) = rest.split_once("```").unwrap();
    let events = events
        .lines()
        .map(|line| Event::normalise(event_schemas::parse(line).unwrap(), NOW).unwrap());
    let events: Vec<Event<'_>> = events.collect();
    assert_eq!(events.len(), 3);
    for (text, expected) in rows("finds") {
        let lql = lql::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = events.iter().filter(|event| lql.matches_at(event, NOW));
        let found: Vec<&str> = found.map(|event| event.id.as_ref()).collect();
        assert_eq!(found.join(" "), expected, "{text}");
        translated(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn queries_are_translated() {
    for (text, _) in rows("what it shows") {
        translated(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn refusals_say_what_the_page_says() {
    for (text, expected) in rows("what is said") {
        assert_eq!(translated(&text).unwrap_err(), expected, "{text}");
    }
}
