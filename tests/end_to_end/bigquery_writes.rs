//! Events on their way into BigQuery.

use std::{
    collections::HashSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bigquery::ColumnType;
use end_to_end::{
    fake_bigquery::{
        rest::Answer,
        services::{DATASET, FakeBigQuery},
        tables::Row,
    },
    postgres::TestCluster,
    program::{Program, eventually},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;

use super::{
    bigquery_queries::{serving, serving_with, token},
    endpoints::{answer, made, request},
};

const SOURCE: &str = "postgres.logs";

/// Requests of a second, and events of a request.
const REQUESTS: u32 = 20;
const EVENTS: u64 = 50;

async fn rejected(program: &Program) -> Vec<Value> {
    let token = token(program, SOURCE).await;
    let path = format!("/api/sources/{token}/rejected-events");
    let (_, listed) = answer(request(program, Method::GET, &path)).await;
    listed["rejected_events"].as_array().expect("a list").clone()
}

/// Sends 1,000 events a second, some of them with a field that nobody knows, while BigQuery takes so
/// long to know of new columns.
async fn new_fields_are_waited_for(lag: Duration) {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let source = token(&program, SOURCE).await;
    program
        .log(SOURCE, &json!([{"message": "first", "timestamp": 1_795_176_000_000_000_i64}]))
        .await;
    fake.tables.set_schema_lag(lag);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / REQUESTS);
    let mut answers = JoinSet::new();
    let (begun, mut sent) = (Instant::now(), 0_u64);
    while begun.elapsed() < lag + Duration::from_secs(2) {
        ticks.tick().await;
        let event = |number: u64| {
            let mut event =
                json!({"message": format!("event {number}"), "metadata": {"host": "db"}});
            // One of ten requests has it.
            if number.is_multiple_of(10 * EVENTS) {
                event["metadata"]["never_seen"] = json!({"deep": [{"n": number}]});
            }
            event
        };
        let events: Vec<Value> = (sent..sent + EVENTS).map(event).collect();
        sent += EVENTS;
        let request = program.ingest(SOURCE, json!(events).to_string());
        answers.spawn(async move { request.send().await.map(|answer| answer.status()) });
    }
    for answer in answers.join_all().await {
        assert_eq!(answer.expect("it answers"), StatusCode::OK);
    }
    let rows = || fake.rows(source);
    let deadline = Instant::now() + lag * 2 + Duration::from_secs(60);
    while (rows().len() as u64) < sent + 1 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let messages: HashSet<String> =
        rows().iter().map(|row| row["event_message"].to_string()).collect();
    assert_eq!((rows().len() as u64, messages.len() as u64), (sent + 1, sent + 1));
    let new = |row: &&Row| row.get("metadata").is_some_and(|m| m[0].get("never_seen").is_some());
    let with_new: Vec<Row> = rows().iter().filter(new).cloned().collect();
    assert_eq!(with_new.len() as u64, sent.div_ceil(10 * EVENTS));
    let number = |row: &Row| row["metadata"][0]["never_seen"][0]["deep"][0]["n"].as_u64();
    assert!(with_new.iter().all(|row| number(row).is_some()));
    assert_eq!(rejected(&program).await, Vec::<Value>::new());
    assert!(fake.storage.counts().too_early.load(Ordering::Relaxed) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_fields_that_bigquery_is_slow_to_know_lose_nothing() {
    new_fields_are_waited_for(Duration::from_secs(7)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute or more: the same with the time that BigQuery may take"]
async fn new_fields_that_bigquery_is_very_slow_to_know_lose_nothing() {
    new_fields_are_waited_for(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_its_column_is_rejected_with_the_reason() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let source = token(&program, SOURCE).await;
    fake.storage.refuse_rows_with("poison");
    let log = async |events: Value| program.log(SOURCE, &events).await;
    log(json!([{"id": "a", "message": "m", "size": 5}])).await;
    log(json!([
        {"id": "b", "message": "m", "size": "large"},
        {"id": "c", "message": "m", "size": "7"},
        {"id": "d", "message": "poison"},
        {"id": "e", "message": "m", "o": {"x": [[1, 2], "y"]}}
    ]))
    .await;
    let mut rows = fake.rows(source);
    rows.sort_by_key(|row| row["id"].to_string());
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap_or_default()).collect();
    assert_eq!(ids, ["a", "c", "e"]);
    assert_eq!((&rows[0]["size"], &rows[1]["size"]), (&json!(5), &json!(7)));
    // What lists hold that is of several kinds is text.
    assert_eq!(rows[2]["o"], json!([{"x": ["[1,2]", "y"]}]));
    let mut reasons: Vec<_> = rejected(&program).await.iter().map(reason).collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "b size: the column holds a whole number of 64 bits (INT64), this is \"large\"",
            "d : BigQuery refuses it: as it was told to",
        ]
    );
}

fn reason(rejected: &Value) -> String {
    let reason = &rejected["reasons"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{} {}: {}",
        text(&rejected["event"]["id"]),
        text(&reason["path"]),
        text(&reason["reason"])
    )
}

/// BigQuery refuses to change one table: the others, and queries of it, go on, also after a start.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_refused_is_in_nobody_elses_way() {
    const OTHER: &str = "cloudflare.logs.prod";
    let fake = FakeBigQuery::start().await;
    let mut program = serving(&fake, &[]).await;
    let (source, other) = (token(&program, SOURCE).await, token(&program, OTHER).await);
    let stored = async |program: &Program, message: &str| {
        program.log(OTHER, &json!([{"event_message": message}])).await;
        let is_there = |row: &Row| row["event_message"] == message;
        eventually("the other's is stored", async || fake.rows(other).iter().any(is_there)).await;
        assert_eq!(program.rows("select id from edge_logs").await, Vec::<Value>::new());
    };
    let none = Answer::rows(&[("id", ColumnType::String)], &[]);
    fake.rest.answer("select id", none);
    stored(&program, "before").await;
    program.log(SOURCE, &json!([{"event_message": "known"}])).await;
    assert_eq!(fake.rows(source).len(), 1);
    fake.rest.deny("bigquery.tables.update");
    program.log(SOURCE, &json!([{"event_message": "new", "never_seen": 5}])).await;
    stored(&program, "meanwhile").await;
    // Its own queries read what is there.
    assert_eq!(program.rows("select id from postgres_logs").await, Vec::<Value>::new());
    let tables = || fake.tables.names(DATASET).len();
    let made = tables();
    program.kill();
    program.restart();
    program.ready().await;
    stored(&program, "after a start").await;
    assert_eq!((fake.rows(source).len(), tables()), (1, made));
    fake.rest.permit_again("bigquery.tables.update");
    eventually("it is stored", async || fake.rows(source).len() == 2).await;
    assert_eq!(fake.rows(source)[1]["never_seen"], 5);
}

/// An object whose names are data would take all columns.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_names_are_data_is_text() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let source = token(&program, SOURCE).await;
    let ids: serde_json::Map<_, _> = (0..300).map(|n| (format!("id_{n}"), json!(n))).collect();
    program.log(SOURCE, &json!([{"message": "m", "by_id": ids}])).await;
    let rows = fake.rows(source);
    let by_id = rows[0]["by_id"].as_str().expect("text");
    let read: Value = serde_json::from_str(by_id).expect("JSON");
    assert_eq!(read, Value::Object(ids));
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_the_tables() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[("LOGWEIR_DEFAULT_RETENTION_DAYS", "9")]).await;
    let source = token(&program, SOURCE).await;
    let table = || {
        let table = bigquery::table_id(source);
        fake.tables.table(DATASET, &table).expect("it is there")
    };
    let days = |days: u64| json!((days * 86_400_000).to_string());
    assert_eq!(table()["timePartitioning"]["expirationMs"], days(9));
    let path = format!("/api/sources/{source}");
    let change = request(&program, Method::PATCH, &path).json(&json!({"retention_days": 3}));
    let (status, text) = answer(change).await;
    assert!((200..300).contains(&status), "{status} {text}");
    eventually("the table knows", async || table()["timePartitioning"]["expirationMs"] == days(3))
        .await;
}

/// What people set of the source's table counts where it is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_says_how_its_table_is_made() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[("LOGWEIR_DEFAULT_RETENTION_DAYS", "9")]).await;
    let source = json!({
        "name": "shop.events", "bigquery_table_ttl": 4,
        "bigquery_clustering_fields": "project, nothing,timestamp",
    });
    made(&program, "/api/sources", source).await;
    program.log("shop.events", &json!([{"event_message": "sold", "project": "shop"}])).await;
    let source = token(&program, "shop.events").await;
    let table = || fake.tables.table(DATASET, &bigquery::table_id(source)).expect("it is there");
    assert_eq!(table()["clustering"]["fields"], json!(["project", "timestamp"]));
    let days = |days: u64| json!((days * 86_400_000).to_string());
    assert_eq!(table()["timePartitioning"]["expirationMs"], days(4));
    let path = format!("/api/sources/{source}");
    for (change, expected) in
        [(json!({"bigquery_table_ttl": 5}), 5), (json!({"retention_days": 3}), 3)]
    {
        let change = request(&program, Method::PATCH, &path).json(&change);
        let (status, text) = answer(change).await;
        assert!((200..300).contains(&status), "{status} {text}");
        let knows = async || table()["timePartitioning"]["expirationMs"] == days(expected);
        eventually("the table knows", knows).await;
    }
}

/// A process that dies while it waits for BigQuery to know of a column has told Postgres of all that
/// is stored.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_stored_are_committed_before_others_are_waited_for() {
    let fake = FakeBigQuery::start().await;
    let database = TestCluster::shared().database().await;
    let mut program = serving_with(&database, &fake, &[]).await;
    let source = token(&program, SOURCE).await;
    program.log(SOURCE, &json!([{"event_message": "first"}])).await;
    fake.tables.set_schema_lag(Duration::from_secs(3600));
    program.log(SOURCE, &json!([{"event_message": "new", "never_seen": 5}])).await;
    // They come from the spool, behind the one that waits, as one group with it.
    let others: Vec<String> = (0..20).map(|number| format!("other {number}")).collect();
    let mut answers = JoinSet::new();
    for other in &others {
        let request = program.ingest(SOURCE, json!([{"event_message": other}]).to_string());
        answers.spawn(async move { request.send().await.map(|answer| answer.status()) });
    }
    for answer in answers.join_all().await {
        assert_eq!(answer.expect("it answers"), StatusCode::OK);
    }
    let count = |other: &String| {
        fake.rows(source).iter().filter(|row| row["event_message"] == **other).count()
    };
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut receipts = 0;
    while receipts < 20 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let asked = sqlx::query_scalar("select count(*) from logweir_receipts");
        receipts = asked.fetch_one(&mut connection).await.expect("receipts can be counted");
    }
    assert!(receipts >= 20_i64, "{receipts} are committed");
    assert!(others.iter().all(|other| count(other) == 1));
    program.kill();
    program.restart();
    program.ready().await;
    fake.tables.set_schema_lag(Duration::ZERO);
    program.log(SOURCE, &json!([{"event_message": "last", "later_seen": 6}])).await;
    eventually("the spool is empty", async || {
        let metrics = program.client.get(program.url("/metrics")).send().await;
        let text = metrics.expect("it answers").text().await.expect("it is text");
        text.lines().any(|line| line == "logweir_spool_records 0")
    })
    .await;
    assert!(others.iter().all(|other| count(other) == 1));
}
