//! Studio's queries over made events, each answer worked out here from the events in plain Rust.

mod explorer;
mod pages;
mod reports;
mod unified;

use std::collections::BTreeMap;

use end_to_end::{
    conformance::{NoAnswer, Warehouse},
    postgres::TestCluster,
    studio_queries::{LogTable, LogTables, log_tables},
};
use serde_json::{Map, Value};

/// Queries that are not answered rightly yet. One that is has to be taken out.
const NOT_YET: &[&str] = &[];

/// A query and what it has to answer.
struct Question {
    /// `surface: tables`
    name: String,
    sql: String,
    /// `iso_timestamp_start` and `iso_timestamp_end`.
    bounds: [&'static str; 2],
    expected: Expected,
}

enum Expected {
    /// These rows in this order.
    Ordered(Vec<Value>),
    /// These rows in any order.
    Rows(Vec<Value>),
    /// As many of these rows, any of them.
    SomeOf(usize, Vec<Value>),
}

/// The events of all tables, and those within a question's bounds.
struct Events(Vec<LogTable>);

impl Events {
    /// Events of a table after `from` up to `to`, in microseconds since 1970; newest first.
    fn within(&self, table: &str, from: i64, to: i64) -> Vec<&Value> {
        let table = self.0.iter().find(|found| found.name == table).expect("a table");
        let time = |event: &&Value| from < micros(event) && micros(event) <= to;
        let mut events: Vec<_> = table.events.iter().filter(time).collect();
        events.sort_by_key(|event| std::cmp::Reverse(micros(event)));
        events
    }
}

/// The time of an event in microseconds since 1970.
fn micros(event: &Value) -> i64 {
    event["timestamp"].as_i64().expect("an event has a time")
}

fn message(event: &Value) -> &str {
    event["event_message"].as_str().expect("an event has a message")
}

/// The value at a path, NULL where there is none.
fn at<'e>(event: &'e Value, path: &str) -> &'e Value {
    path.split('.').fold(event, |value, name| &value[name])
}

/// The text at a path, empty where there is none.
fn text<'e>(event: &'e Value, path: &str) -> &'e str {
    at(event, path).as_str().unwrap_or_default()
}

/// The whole number at a path; None where there is none.
fn number(event: &Value, path: &str) -> Option<i64> {
    at(event, path).as_i64()
}

/// The beginning of the minute, hour … that a time is in.
fn truncated(micros: i64, unit: i64) -> i64 {
    micros - micros.rem_euclid(unit)
}

/// A DATETIME as the server answers it.
fn datetime(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).expect("a time");
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let form = if micros % 1_000_000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S.%6f" };
    time.strftime(form).to_string()
}

/// What a raw object becomes: an array of one, in it each object that is the value of a key too.
fn wrapped(value: &Value) -> Value {
    fn inside(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), wrapped(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }
    match value {
        Value::Object(_) => Value::Array(vec![inside(value)]),
        Value::Array(elements) => elements.iter().map(inside).collect(),
        other => other.clone(),
    }
}

/// Counts by key, in the order of the keys.
fn counted<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, i64> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Rows in a form in which `1` and `1.0` are one number, and sums may differ in the last digits.
fn normal(row: &Value) -> String {
    match row {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(float)) => {
                let text = format!("{float:.6}");
                text.strip_suffix(".000000").unwrap_or(&text).to_owned()
            }
            (None, None) => number.to_string(),
        },
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(normal).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name}: {}", normal(value))).collect();
            members.sort();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// What is wrong with an answer.
fn difference(expected: &Expected, rows: &[Value]) -> Option<String> {
    let form = |rows: &[Value]| rows.iter().map(normal).collect::<Vec<_>>();
    let mut found = form(rows);
    let (mut wanted, most) = match expected {
        Expected::Ordered(wanted) | Expected::Rows(wanted) => (form(wanted), wanted.len()),
        Expected::SomeOf(most, wanted) => (form(wanted), *most),
    };
    if found.len() != most {
        return Some(format!("{} rows instead of {most}", found.len()));
    }
    if let Expected::SomeOf(..) = expected {
        for row in found {
            let Some(place) = wanted.iter().position(|wanted| *wanted == row) else {
                return Some(format!("{row} does not belong there"));
            };
            wanted.swap_remove(place);
        }
        return None;
    }
    if let Expected::Rows(_) = expected {
        found.sort();
        wanted.sort();
    }
    let differs = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted)?;
    Some(format!("{} instead of {}", differs.0, differs.1))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_plain_rust() {
    let events = Events(log_tables());
    let warehouse = Warehouse::start(TestCluster::shared()).await;
    let tables = LogTables::store(warehouse, &events.0).await.expect("the events are stored");
    let mut questions = pages::questions(&events);
    questions.extend(explorer::questions(&events));
    questions.extend(reports::questions(&events));
    questions.extend(unified::questions(&events));
    let mut wrong = Vec::new();
    for Question { name, sql, bounds: [start, end], expected } in &questions {
        let wanted = match expected {
            Expected::Ordered(rows) | Expected::Rows(rows) | Expected::SomeOf(_, rows) => rows,
        };
        assert!(!wanted.is_empty(), "{name}: no event is asked for");
        let bounds = [("iso_timestamp_start", *start), ("iso_timestamp_end", *end)];
        let bounds = bounds.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let problem = match tables.ask(sql, &bounds).await {
            Ok(answer) => {
                let row = |row: &BTreeMap<String, Box<serde_json::value::RawValue>>| {
                    let cell = |value: &serde_json::value::RawValue| {
                        serde_json::from_str(value.get()).expect("JSON")
                    };
                    row.iter()
                        .map(|(name, value)| (name.clone(), cell(value)))
                        .collect::<Map<_, _>>()
                        .into()
                };
                difference(expected, &answer.rows.iter().map(row).collect::<Vec<Value>>())
            }
            Err(error @ NoAnswer::Refused(_)) => Some(format!("refused: {error}")),
            Err(error) => Some(error.to_string()),
        };
        match (problem, NOT_YET.contains(&name.as_str())) {
            (None, true) => wrong.push(format!("{name} is right: take it out of NOT_YET")),
            (Some(problem), false) => wrong.push(format!("{name}: {problem}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(questions.len() > 70, "{}", questions.len());
}
