//! What our pipeline for Vector sends, as a test of `vector-config` keeps it, fills the columns of
//! Studio's lists.

use serde_json::Value;

/// Source, the list's query, its columns besides time, id and message: those that every row has, and
/// those that only lines of some kinds have.
const LISTS: [(&str, &str, &[&str], &[&str]); 8] = [
    (
        "cloudflare.logs.prod",
        "select id, edge_logs.timestamp, event_message, request.method, request.path, request.search, request.protocol,
                response.status_code
         from edge_logs cross join unnest(metadata) as m
         cross join unnest(m.request) as request cross join unnest(m.response) as response",
        &["method", "path", "protocol"],
        // An error of the gateway does not say what was answered.
        &["search", "status_code"],
    ),
    (
        "postgres.logs",
        "select id, postgres_logs.timestamp, event_message, parsed.error_severity, parsed.user_name
         from postgres_logs cross join unnest(metadata) as m cross join unnest(m.parsed) as parsed",
        &["error_severity"],
        &["user_name"],
    ),
    (
        "gotrue.logs.prod",
        "select id, auth_logs.timestamp, event_message, metadata.level, metadata.status, metadata.path, metadata.msg as msg,
                metadata.error
         from auth_logs cross join unnest(metadata) as metadata",
        &[],
        // A line that is no JSON has none.
        &["level", "status", "path", "msg", "error"],
    ),
    (
        "deno-relay-logs",
        "select id, function_edge_logs.timestamp, event_message, response.status_code, request.method, request.pathname
         from function_edge_logs cross join unnest(metadata) as m
         cross join unnest(m.response) as response cross join unnest(m.request) as request",
        &["status_code", "method", "pathname"],
        &[],
    ),
    (
        "deno-subhosting-events",
        "select id, function_logs.timestamp, event_message, metadata.event_type, metadata.level
         from function_logs cross join unnest(metadata) as metadata",
        &["event_type", "level"],
        &[],
    ),
    ("realtime.logs.prod", "select id, timestamp, event_message from realtime_logs", &[], &[]),
    ("storage.logs.prod.2", "select id, timestamp, event_message from storage_logs", &[], &[]),
    ("postgREST.logs.prod", "select id, timestamp, event_message from postgrest_logs", &[], &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn our_pipeline_fills_every_column_of_studios_lists() {
    let sent = include_str!("../../vector-config/fixtures/sent.json");
    let sent: Value = serde_json::from_str(sent).expect("it is JSON");
    let program = super::program().await;
    for (source, query, of_every, of_some) in LISTS {
        let events = &sent[source];
        program.log(source, events).await;
        let rows = program.rows(query).await;
        assert_eq!(Some(rows.len()), events.as_array().map(Vec::len), "{source}: {rows:?}");
        assert!(rows.iter().all(|row| !row["event_message"].is_null()), "{source}: {rows:?}");
        for column in of_every {
            let filled = rows.iter().all(|row| !row[column].is_null());
            assert!(filled, "{source}: {column} is empty in some row: {rows:?}");
        }
        for column in of_some {
            let filled = rows.iter().any(|row| !row[column].is_null());
            assert!(filled, "{source}: {column} is empty: {rows:?}");
        }
    }
}
