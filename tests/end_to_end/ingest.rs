//! Events that are hard to store, and the forms in which they come.

use std::io::Write as _;

use reqwest::StatusCode;
use serde_json::{Value, json};

use end_to_end::{
    postgres::TestCluster,
    program::{PUBLIC, Program},
};
use sqlx::{Connection as _, PgConnection};

const TABLE: &str = "postgres.logs";

async fn send(program: &Program, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let response = program.ingest(TABLE, body).send().await.expect("it answers");
    let status = response.status();
    (status, response.json().await.expect("the answer is JSON"))
}

async fn messages(program: &Program) -> Vec<String> {
    let rows = program.rows("select event_message from postgres_logs order by event_message").await;
    rows.iter().map(|row| row["event_message"].as_str().unwrap_or("(none)").to_owned()).collect()
}

/// An event between two good ones; gives the answer and what of the three is stored.
async fn between_neighbours(event: &[u8]) -> (StatusCode, Value, Vec<String>, Program) {
    let program = super::program().await;
    let mut body = br#"[{"event_message":"first","project":"default"},"#.to_vec();
    body.extend_from_slice(event);
    body.extend_from_slice(br#",{"event_message":"last","project":"default"}]"#);
    let (status, answer) = send(&program, body).await;
    let stored = messages(&program).await;
    (status, answer, stored, program)
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_events_are_stored_and_harm_nothing() {
    let nested = format!("{}{}{}", r#"{"a":"#.repeat(200), 1, "}".repeat(200));
    let long_key =
        format!(r#"{{"event_message":"m","project":"default","{}":1}}"#, "k".repeat(300));
    let deep = format!(r#"{{"event_message":"m","project":"default","metadata":{nested}}}"#);
    for event in [
        &br#"{"event_message":"m\u0000","project":"default","metadata":{"a\u0000":"\\u0000 \u0000"}}"#[..],
        br#"{"event_message":"m","project":"default","metadata":{"a":"\ud800","b":"\udc00\ud83d\ude00"}}"#,
        long_key.as_bytes(),
        deep.as_bytes(),
        br#"{"event_message":"m","project":"default","n":123456789012345678901234567890,"f":1e400,"g":-1E+999}"#,
        b"{\"event_message\":\"m\",\"project\":\"default\",\"x\":\"\xff\xfe\"}",
        br#"{"event_message":{"not":"text"},"project":"default","id":7}"#,
        br#"{"event_message":"m","project":"default","timestamp":"not a time","":1,"a.b":1,"-x":{"1y":null,"z":[]}}"#,
        br#"{"event_message":"m","project":"default","timestamp":-5}"#,
        br#"{"event_message":"m","project":"default","timestamp":99999999999999999999999999}"#,
    ] {
        let (status, answer, stored, _program) = between_neighbours(event).await;
        let name = String::from_utf8_lossy(&event[..event.len().min(100)]).into_owned();
        assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Logged!"})), "{name}");
        assert_eq!(stored.len(), 3, "{name}: {stored:?}");
        assert!(stored.contains(&"first".to_owned()) && stored.contains(&"last".to_owned()), "{stored:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_reported_and_harms_nothing() {
    for element in [&b"5"[..], b"\"text\"", b"null", b"[1]"] {
        let (status, answer, stored, _program) = between_neighbours(element).await;
        assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{answer}");
        let message = answer["message"][0].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(message.contains("must be a JSON object"), "{message}");
        assert_eq!(stored, ["first", "last"]);
    }
    let program = super::program().await;
    for body in ["", "[{\"event_message\":", "{]", "[1,", "nonsense"] {
        let (status, answer) = send(&program, body).await;
        assert!(status == StatusCode::BAD_REQUEST, "{body:?}: {status} {answer}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    assert_eq!(messages(&program).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_many_forms() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let event = |message: &str| json!({"event_message": message, "project": "default"}).to_string();
    for body in [
        format!("[{}]", event("array")),
        format!("{{\"batch\":[{},{}]}}", event("batch 1"), event("batch 2")),
        event("single"),
        format!("[\n  {}\n]\n", event("pretty")),
        "[]".to_owned(),
    ] {
        assert_eq!(send(&program, body.clone()).await.0, StatusCode::OK, "{body}");
    }
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zipped.write_all(format!("[{}]", event("zipped")).as_bytes()).expect("memory is there");
    let zipped = zipped.finish().expect("memory is there");
    let request = program.ingest(TABLE, zipped).header("content-encoding", "gzip");
    assert_eq!(request.send().await.expect("it answers").status(), StatusCode::OK);
    let token = source_token(&database).await;
    for (path, source) in [("/logs", TABLE), ("/api/events", token.as_str())] {
        let request = program
            .client
            .post(program.url(path))
            .header("x-api-key", PUBLIC)
            .header("x-source", source)
            .body(format!("[{}]", event(path)));
        assert_eq!(request.send().await.expect("it answers").status(), StatusCode::OK, "{path}");
    }
    let expected =
        ["/api/events", "/logs", "array", "batch 1", "batch 2", "pretty", "single", "zipped"];
    assert_eq!(messages(&program).await, expected);
}

/// The token of the source, from the catalog.
async fn source_token(database: &str) -> String {
    let mut connection = PgConnection::connect(database).await.expect("the database answers");
    let sql = "select token::text from logweir_sources where name = $1";
    sqlx::query_scalar(sql)
        .bind(TABLE)
        .fetch_one(&mut connection)
        .await
        .expect("the source is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_ids_are_kept() {
    let program = super::program().await;
    program
        .log(
            TABLE,
            &json!([
                {"id": "text", "timestamp": "2026-11-20T14:00:00.123456+02:00", "project": "default"},
                {"id": "seconds", "timestamp": 1_795_176_000, "project": "default"},
                {"id": "ms", "timestamp": 1_795_176_000_000_i64, "project": "default"},
                {"id": "us", "timestamp": 1_795_176_000_000_000_i64, "project": "default"},
                {"id": "ns", "timestamp": 1_795_176_000_000_000_123_i64, "project": "default"},
                {"id": "old", "timestamp": "1999-01-01T00:00:00Z", "project": "default"},
                {"id": "far", "timestamp": "2099-01-01T00:00:00Z", "project": "default"},
            ]),
        )
        .await;
    program.log(TABLE, &json!({"id": "alone", "timestamp": "2026-11-20 12:00:00", "message": "m", "project": "default"})).await;
    let rows = program.rows("select id, timestamp from postgres_logs order by id").await;
    let noon = 1_795_176_000_000_000_i64;
    let expected = [
        ("alone", noon),
        ("far", 4_070_908_800_000_000),
        ("ms", noon),
        ("ns", noon),
        ("old", 915_148_800_000_000),
        ("seconds", noon),
        ("text", noon + 123_456),
        ("us", noon),
    ];
    assert_eq!(rows, expected.map(|(id, timestamp)| json!({"id": id, "timestamp": timestamp})));
}
