//! What a stock pipeline leaves empty is filled on arrival, where a source's `repair` is on.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::vector::recordings;
use end_to_end::program::{PRIVATE, Program};

/// Source, and what of its list and details a stock pipeline leaves empty in all recorded events.
const EMPTY: [(&str, &str, &[&str]); 3] = [
    (
        "cloudflare.logs.prod",
        "select id, event_message, request.method, request.path, request.protocol, headers.x_real_ip
         from edge_logs cross join unnest(metadata) as m cross join unnest(m.request) as request
         cross join unnest(request.headers) as headers",
        &["method", "path", "protocol", "x_real_ip"],
    ),
    (
        "postgres.logs",
        "select id, event_message, parsed.process_id, parsed.user_name, parsed.database_name, parsed.connection_from
         from postgres_logs cross join unnest(metadata) as m cross join unnest(m.parsed) as parsed",
        &["process_id", "user_name", "database_name", "connection_from"],
    ),
    (
        "storage.logs.prod.2",
        "select id, event_message, req.method, req.url, res.statusCode as status
         from storage_logs cross join unnest(metadata) as m cross join unnest(m.req) as req
         cross join unnest(m.res) as res",
        &["method", "url", "status"],
    ),
];

async fn call(program: &Program, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = program.client.request(method, program.url(path)).header("x-api-key", PRIVATE);
    let response = request.json(&body).send().await.expect("it answers");
    let status = response.status().as_u16();
    let text = response.text().await.expect("the answer is complete");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// The paths of sources in the API, by their names.
async fn sources(program: &Program) -> BTreeMap<String, String> {
    let (status, sources) = call(program, Method::GET, "/api/sources", Value::Null).await;
    assert_eq!(status, 200, "{sources}");
    let text = |source: &Value, name: &str| source[name].as_str().expect("a text").to_owned();
    let sources = sources.as_array().expect("a list").iter();
    sources
        .inspect(|source| assert_eq!(source["repair"], false, "off until it is asked for"))
        .map(|source| (text(source, "name"), format!("/api/sources/{}", text(source, "token"))))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stock_pipeline_leaves_empty_is_filled() {
    let program = super::program().await;
    let sources = sources(&program).await;
    for recording in recordings("vector-0.58") {
        let sent: Value = serde_json::from_slice(&recording.body).expect("it is JSON");
        let sent = sent.as_array().expect("a list");
        let (before, after) = sent.split_at(sent.len() / 2);
        program.log(&recording.name, &json!(before)).await;
        let path = &sources[&recording.name];
        let (status, answer) = call(&program, Method::PATCH, path, json!({"repair": true})).await;
        let repaired = EMPTY.iter().find(|(source, ..)| *source == recording.name);
        if ["gotrue.logs.prod", "deno-relay-logs"].contains(&&*recording.name) {
            let told = answer["errors"]["repair"][0].as_str().expect("a reason");
            assert!(status == 422 && told.contains("cloudflare.logs.prod"), "{status} {answer}");
            continue;
        }
        assert_eq!(status, 204, "{}: {answer}", recording.name);
        program.log(&recording.name, &json!(after)).await;
        let Some((source, query, columns)) = repaired else { continue };
        let rows = program.rows(query).await;
        assert_eq!(rows.len(), sent.len(), "{source}");
        for column in *columns {
            let filled = rows.iter().filter(|row| !row[column].is_null()).count();
            assert_eq!(filled, after.len(), "{source}: {column}: {rows:?}");
        }
    }
    let metrics = program.client.get(program.url("/metrics")).send().await.expect("it answers");
    let metrics = metrics.text().await.expect("a text");
    for source in EMPTY.map(|(source, ..)| source) {
        let line = format!("logweir_ingest_events_repaired_total{{source=\"{source}\"}} ");
        let count = metrics.lines().find_map(|text| text.strip_prefix(&line)).expect("a figure");
        assert_ne!(count, "0", "{source}");
        let none = format!("logweir_ingest_repairs_failed_total{{source=\"{source}\"}} 0");
        assert!(metrics.contains(&none), "{metrics}");
    }
}

/// It is repaired again when it is sent in again.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_event_is_kept_as_it_came() {
    let program = super::program().await;
    let path = sources(&program).await.remove("cloudflare.logs.prod").expect("it is there");
    let (status, _) = call(&program, Method::PATCH, &path, json!({"repair": true})).await;
    assert_eq!(status, 204);
    let message =
        "172.18.0.1 - - [20/Nov/2026:12:00:00 +0000] \"GET /a?b HTTP/1.1\" 200 7 \"-\" \"-\"";
    let wrong = json!({"id": "wrong", "project": "default", "event_message": message,
        "metadata": {"response": {"status_code": "no number"}}});
    program.log("cloudflare.logs.prod", &json!([wrong])).await;
    let rejected = format!("{path}/rejected-events");
    let (status, rejected) = call(&program, Method::GET, &rejected, Value::Null).await;
    let text = rejected.to_string();
    assert!(status == 200 && text.contains("status_code"), "{text}");
    assert!(text.contains("GET /a?b") && !text.contains("x_real_ip"), "{text}");
}
