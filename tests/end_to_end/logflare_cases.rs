//! Queries that Logflare's translator to PostgreSQL was written for, answers wrongly, or fails on:
//! each with BigQuery's answer, and what becomes of it in Logflare.

mod failing;
mod required;
mod wrong;

use std::collections::BTreeMap;

use end_to_end::{
    conformance::Warehouse,
    postgres::TestCluster,
    studio_queries::{LogTable, LogTables},
};
use serde_json::{Map, Value, json, value::RawValue};

const MINUTE: i64 = 60_000_000;
/// 2026-11-20 12:00 UTC.
const NOON: i64 = 1_795_176_000_000_000;

/// The gateway's events with all that is inside of them.
const JOINS: &str = "edge_logs t cross join unnest(t.metadata) as m
    cross join unnest(m.request) as request cross join unnest(m.response) as response";

/// A query and its answer.
struct Case {
    /// What it is about; what Logflare makes of it.
    about: &'static str,
    sql: String,
    /// Whether it reads the sources, as an endpoint's own query does; else the tables of `logs.all`.
    of_sources: bool,
    /// Rows, or how the text of the error begins.
    answer: Value,
}

/// Asked as Studio asks.
fn asked(about: &'static str, sql: impl Into<String>, answer: Value) -> Case {
    Case { about, sql: sql.into(), of_sources: false, answer }
}

/// Asked as an endpoint's own query.
fn own(about: &'static str, sql: impl Into<String>, answer: Value) -> Case {
    Case { of_sources: true, ..asked(about, sql, answer) }
}

/// The ids of the gateway's events for which a condition holds, in their order.
fn holds(about: &'static str, condition: &str, ids: &[&str]) -> Case {
    let sql = format!("select id from {JOINS} where {condition} order by id");
    let rows = ids.iter().map(|id| json!({ "id": id })).collect();
    asked(about, sql, rows)
}

/// The values of expressions over the event `a`.
fn values(about: &'static str, columns: &str, row: Value) -> Case {
    asked(about, format!("select {columns} from {JOINS} where t.id = 'a'"), json!([row]))
}

/// Four events a minute apart: a GET, a POST that failed, one with a list of two, one without
/// metadata. And a source of which no schema is known.
fn tables() -> Vec<LogTable> {
    let edge = json!([
        {
            "id": "a", "timestamp": NOON, "event_message": "GET | 200 | it's \"quoted\" \\d",
            "project": "default", "metadata": {
                "kind": "123", "flag": true, "tags": ["x", "y"],
                "request": {"method": "GET", "path": "/rest/v1/todos"},
                "response": {"status_code": 200, "origin_time": 5},
            },
        },
        {
            "id": "b", "timestamp": NOON + MINUTE, "event_message": "POST | 500",
            "project": "default", "metadata": {
                "flag": false,
                "request": {"method": "POST", "path": "/auth/v1/token"},
                "response": {"status_code": 500, "origin_time": 50},
            },
        },
        {
            "id": "c", "timestamp": NOON + 2 * MINUTE, "event_message": "two",
            "project": "default", "metadata": [
                {"request": {"method": "PUT"}, "response": {"status_code": "404"}},
                {"request": {"method": "PATCH"}, "response": {"status_code": "none"}},
            ],
        },
        {
            "id": "d", "timestamp": NOON + 3 * MINUTE, "event_message": "bare",
            "project": "default",
        },
    ]);
    let things = json!([
        {"id": "x1", "timestamp": NOON, "my_col": "a", "n": 7, "mixed": "200", "seen": NOON},
        {"id": "x2", "timestamp": NOON, "my_col": "Z", "n": 100, "mixed": 200},
        {"id": "x3", "timestamp": NOON, "my_col": "é", "n": 9, "mixed": "no number"},
    ]);
    let table = |name, source, events: Value| LogTable {
        name,
        source,
        events: events.as_array().cloned().unwrap_or_default(),
    };
    let mut tables = vec![
        table("edge_logs", "cloudflare.logs.prod", edge),
        table("things", "my.things", things),
    ];
    // `logs.all` names all of them.
    for (name, source) in [
        ("postgres_logs", "postgres.logs"),
        ("function_edge_logs", "deno-relay-logs"),
        ("function_logs", "deno-subhosting-events"),
        ("auth_logs", "gotrue.logs.prod"),
        ("realtime_logs", "realtime.logs.prod"),
        ("storage_logs", "storage.logs.prod.2"),
        ("postgrest_logs", "postgREST.logs.prod"),
        ("pgbouncer_logs", "pgbouncer.logs.prod"),
    ] {
        tables.push(table(name, source, json!([])));
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_bigquerys_where_logflares_are_not() {
    let warehouse = Warehouse::start(TestCluster::shared()).await;
    let tables = LogTables::store(warehouse, &tables()).await.expect("the events are stored");
    let parameters = [
        ("test", "GET"),
        ("test_another", "POST"),
        ("pattern", "^(GET|PUT)"),
        ("start", "2026-11-20T12:01:00Z"),
        ("n", "2"),
    ];
    let parameters: BTreeMap<String, String> =
        parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut cases = required::cases();
    cases.extend(wrong::cases());
    cases.extend(failing::cases());
    let mut differing = Vec::new();
    for Case { about, sql, of_sources, answer } in &cases {
        let found = if *of_sources {
            tables.ask_sources(sql, &parameters).await
        } else {
            tables.ask(sql, &parameters).await
        };
        let found = match found {
            Ok(found) => found.rows.iter().map(row).collect(),
            Err(error) => Value::String(error.to_string()),
        };
        let right = match (answer, &found) {
            (Value::String(begin), Value::String(text)) => text.starts_with(begin.as_str()),
            (answer, found) => answer == found,
        };
        if !right {
            differing.push(format!("{about}: {sql}\n  {answer}\n  {found}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(cases.len() > 130, "{}", cases.len());
}

fn row(row: &BTreeMap<String, Box<RawValue>>) -> Value {
    let cell = |value: &RawValue| serde_json::from_str(value.get()).expect("JSON");
    row.iter().map(|(name, value)| (name.clone(), cell(value))).collect::<Map<_, _>>().into()
}
