//! Events that are hard to store, and the forms in which they come.

use std::io::Write as _;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use end_to_end::{
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program, eventually},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

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
async fn what_is_no_event_is_kept_apart_and_harms_nothing() {
    for element in ["5", "\"text\"", "null", "[1]"] {
        let (status, answer, stored, program) = between_neighbours(element.as_bytes()).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Logged!"})));
        assert_eq!(stored, ["first", "last"]);
        let rejected = rejected(&program).await;
        assert_eq!(rejected.len(), 1, "{rejected:?}");
        assert_eq!(rejected[0]["event"].to_string(), element);
        let reason = rejected[0]["reasons"][0]["reason"].as_str().expect("a reason");
        assert!(reason.contains("must be a JSON object"), "{reason}");
    }
    let program = super::program().await;
    for body in ["[{\"event_message\":", "{]", "[1,"] {
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

/// Asks the API of a source's rejected events and validation.
async fn manage(program: &Program, method: Method, path: &str, body: Value) -> Value {
    let url = program.url(&format!("/api/sources/{TABLE}/{path}"));
    let request = program.client.request(method, url).header("x-api-key", PRIVATE);
    let response = request.json(&body).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.expect("the answer is JSON")
}

async fn rejected(program: &Program) -> Vec<Value> {
    let listed = manage(program, Method::GET, "rejected-events", json!({})).await;
    listed["rejected_events"].as_array().expect("a list").clone()
}

/// JSON has numbers that PostgreSQL has not.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_postgres_cannot_hold_are_text_and_harm_nothing() {
    let whole = "9".repeat(131_072);
    let (fraction, longer) = (format!("0.{}1", "0".repeat(16_382)), format!("9{whole}"));
    for (number, stored_as) in [
        ("9e131071", "number"),
        ("1e-16383", "number"),
        (&whole, "number"),
        (&fraction, "number"),
        ("1e131072", "string"),
        ("-1e200000", "string"),
        (&longer, "string"),
    ] {
        // The second one has them all read with care.
        let event =
            format!(r#"{{"event_message":"m","project":"default","n":{number},"m":1e400}}"#);
        let (status, answer, stored, program) = between_neighbours(event.as_bytes()).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Logged!"})));
        assert_eq!(stored, ["first", "last", "m"], "{number:.20}");
        assert_eq!(kind_of_n(&program).await, stored_as, "{number:.20}");
    }
}

async fn kind_of_n(program: &Program) -> String {
    let token = source_token(program.database()).await.replace('-', "_");
    let sql = format!("select jsonb_typeof(body -> 'n') from log_events_{token} where body ? 'n'");
    ask(program.database(), &sql).await
}

async fn ask(database: &str, sql: &str) -> String {
    let mut connection = PgConnection::connect(database).await.expect("the database answers");
    let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    asked.fetch_one(&mut connection).await.expect("it is there")
}

/// A constraint of somebody's.
#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_refuses_is_kept_apart_and_harms_nothing() {
    let program = super::program().await;
    let token = source_token(program.database()).await.replace('-', "_");
    let sql = format!(
        "alter table log_events_{token} \
             add constraint small check ((body ->> 'n')::numeric < 5)"
    );
    let mut database = PgConnection::connect(program.database()).await.expect("it answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.expect("it is added");
    let event =
        |id: &str, n: u32| json!({"id": id, "event_message": id, "project": "default", "n": n});
    let body = json!([event("first", 1), event("huge", 7), event("last", 2)]).to_string();
    let (status, answer) = send(&program, body).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Logged!"})));
    assert_eq!(messages(&program).await, ["first", "last"]);
    let kept = rejected(&program).await;
    assert_eq!((kept.len(), &kept[0]["event"]["id"]), (1, &json!("huge")));
    let reason = kept[0]["reasons"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("Postgres refuses it: ") && reason.contains("23514"), "{reason}");
}

/// What a source does with events that Studio would misread, and how they come back.
#[tokio::test(flavor = "multi_thread")]
async fn events_against_their_schema_are_quarantined_rejected_or_stored() {
    let program = super::program().await;
    let good = json!({"id": "good", "event_message": "good", "project": "default"});
    let bad = |id: &str| json!({"id": id, "event_message": id, "project": "default", "metadata": {"parsed": {"error_severity": {"no": "text"}}}});
    let future = json!({"id": "future", "event_message": "future", "project": "default", "timestamp": "2099-01-01T00:00:00Z"});

    let body = json!([bad("quarantined"), good, future]).to_string();
    assert_eq!(send(&program, body).await.0, StatusCode::OK);
    assert_eq!(messages(&program).await, ["good"]);
    let kept = rejected(&program).await;
    let mut told: Vec<_> = kept
        .iter()
        .map(|kept| (kept["event"]["id"].clone(), kept["reasons"][0]["path"].clone()))
        .collect();
    told.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(
        told,
        [
            (json!("future"), json!("timestamp")),
            (json!("quarantined"), json!("metadata.parsed.error_severity")),
        ]
    );

    let mode = json!({"mode": "reject"});
    assert_eq!(manage(&program, Method::PUT, "validation", mode.clone()).await, mode);
    assert_eq!(manage(&program, Method::GET, "validation", json!({})).await, mode);
    let (status, answer) = send(&program, json!([good, bad("refused")]).to_string()).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
    let message = answer["message"][0].as_str().expect("a text");
    assert!(message.starts_with("event 2: metadata.parsed.error_severity: "), "{message}");
    assert_eq!(rejected(&program).await.len(), 2);

    // Nothing has changed: they are still rejected.
    let replayed = manage(&program, Method::POST, "rejected-events/replay", json!({})).await;
    assert_eq!(replayed["replayed"], 0);
    assert_eq!(replayed["still_rejected"].as_array().expect("a list").len(), 2);

    manage(&program, Method::PUT, "validation", json!({"mode": "off"})).await;
    assert_eq!(send(&program, json!([bad("stored")]).to_string()).await.0, StatusCode::OK);
    let ids = json!({"ids": kept.iter().map(|kept| kept["id"].clone()).collect::<Vec<_>>()});
    for stored in [2, 0] {
        let replayed = manage(&program, Method::POST, "rejected-events/replay", ids.clone()).await;
        assert_eq!(replayed["replayed"], stored, "{replayed}");
    }
    assert_eq!(messages(&program).await, ["future", "good", "good", "quarantined", "stored"]);
    assert_eq!(rejected(&program).await, Vec::<Value>::new());

    for (key, path, status) in [
        (PUBLIC, "rejected-events", StatusCode::UNAUTHORIZED),
        ("wrong", "validation", StatusCode::UNAUTHORIZED),
        (PRIVATE, "rejected-events?limit=0", StatusCode::BAD_REQUEST),
        (PRIVATE, "rejected-events?before=x", StatusCode::BAD_REQUEST),
    ] {
        let url = program.url(&format!("/api/sources/{TABLE}/{path}"));
        let response = program.client.get(url).header("x-api-key", key).send().await;
        assert_eq!(response.expect("it answers").status(), status, "{path}");
    }
    let url = program.url("/api/sources/unknown/rejected-events");
    let response = program.client.get(url).header("x-api-key", PRIVATE).send().await;
    assert_eq!(response.expect("it answers").status(), StatusCode::NOT_FOUND);
}

/// What events carry can be asked for with its type, by every process, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn fields_are_learned_from_events() {
    let database = TestCluster::shared().database().await;
    let (program, other) = tokio::join!(Program::serve(&database), Program::serve(&database));
    let event = |size: Value| json!({"project": "default", "metadata": {"custom": {"size": size, "name": "n"}}});
    program.log(TABLE, &json!([event(json!(7)), event(json!(30)), event(json!(2.5))])).await;
    let sql = "select custom.size from postgres_logs cross join unnest(metadata) as m
               cross join unnest(m.custom) as custom where custom.size > 5 order by custom.size";
    let expected = [json!({"size": 7}), json!({"size": 30})];
    assert_eq!(program.rows(sql).await, expected);
    eventually("the other process knows it, too", async || other.rows(sql).await == expected).await;
    // Events that disagree are all kept, and the field takes the type of what it meets.
    program.log(TABLE, &json!([event(json!("large"))])).await;
    assert_eq!(program.rows("select count(*) as n from postgres_logs").await, [json!({"n": 4})]);
    drop((program, other));
    let program = Program::serve(&database).await;
    let sql = "select count(*) as n from postgres_logs cross join unnest(metadata) as m
               cross join unnest(m.custom) as custom where custom.size = 'large'";
    assert_eq!(program.rows(sql).await, [json!({"n": 1})]);
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
            ]),
        )
        .await;
    program.log(TABLE, &json!({"id": "alone", "timestamp": "2026-11-20 12:00:00", "message": "m", "project": "default"})).await;
    let rows = program.rows("select id, timestamp from postgres_logs order by id").await;
    let noon = 1_795_176_000_000_000_i64;
    let expected = [
        ("alone", noon),
        ("ms", noon),
        ("ns", noon),
        ("old", 915_148_800_000_000),
        ("seconds", noon),
        ("text", noon + 123_456),
        ("us", noon),
    ];
    assert_eq!(rows, expected.map(|(id, timestamp)| json!({"id": id, "timestamp": timestamp})));
}
