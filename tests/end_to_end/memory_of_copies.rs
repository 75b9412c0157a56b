//! What settings, rules and backends make of bodies is within the memory for bodies, however many come
//! at once.

use std::time::{Duration, Instant};

use end_to_end::{
    postgres::TestCluster,
    program::{PUBLIC, Program, eventually},
    receiver::Receiver,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::drains::{attached, ids, made, manage, source, text};

/// Senders at a time.
const SENDERS: usize = 32;

/// Of a sender.
const PATIENCE: Duration = Duration::from_secs(120);

/// Of the one large field of an event, in bytes.
const FIELD: usize = 300_000;

/// Bodies at a time would come to so much, without any other memory: 9 × 300 kB for each.
const ALL_IN_KB: u64 = (SENDERS * FIELD * 9 / 1024) as u64;

async fn program() -> Program {
    let database = TestCluster::shared().database().await;
    let settings = [
        ("POSTGRES_BACKEND_URL", database.as_str()),
        ("LOGWEIR_MAX_BODY_BYTES", "1048576"),
        ("LOGWEIR_INGEST_MEMORY_BYTES", "16777216"),
    ];
    let program = Program::start(&["serve"], &settings);
    program.ready().await;
    program
}

/// Sends an event of each sender at once, and again while there is no memory; gives by how many kB
/// the program has grown.
async fn flooded(program: &Program, body: impl Fn(Value) -> Value) -> u64 {
    let event = |id| body(json!({ "id": id, "blob": "x".repeat(FIELD) }));
    flooded_with(program, event).await
}

/// The same with any body that holds an event of this id.
async fn flooded_with(program: &Program, body: impl Fn(String) -> Value) -> u64 {
    let before = program.peak_kilobytes();
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let request = program.client.post(program.url("/api/logs")).header("x-api-key", PUBLIC);
        let request = request.json(&body(format!("{number:02}")));
        senders.spawn(async move {
            let start = Instant::now();
            loop {
                let sending = request.try_clone().expect("a body in memory").send();
                match sending.await.expect("it answers").status() {
                    StatusCode::OK => return,
                    status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
                }
                assert!(start.elapsed() < PATIENCE, "it is never taken");
                // As senders do.
                tokio::time::sleep(Duration::from_millis(rand::random_range(20..200))).await;
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.expect("its event is taken");
    }
    program.peak_kilobytes() - before
}

/// A body that names the source itself, so that it is read before it is known who else gets it.
fn in_app(event: Value) -> Value {
    json!({ "source_name": "app", "batch": [event] })
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_fields_are_within_the_memory_for_bodies() {
    let program = program().await;
    let app = source(&program, "app").await;
    let copy: Vec<_> = (0..8).map(|number| format!("blob:copy{number}")).collect();
    let path = format!("/api/sources/{}", text(&app["token"]));
    let set = async |lines: String| {
        let settings = json!({ "transform_copy_fields": lines });
        let (status, _) = manage(&program, Method::PATCH, &path, settings).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    };
    set(copy.join("\n")).await;
    let grown = flooded(&program, in_app).await;
    println!("{SENDERS} bodies of {FIELD} bytes, copied 8 times: {grown} kB more, not {ALL_IN_KB}");
    assert!(grown < ALL_IN_KB, "{grown} kB");
    assert_eq!(ids(&program, &app).await.len(), SENDERS);

    // What is beyond all bounds is a rejected event, and its neighbours are stored.
    set((0..50).map(|number| format!("blob:copy{number}\n")).collect()).await;
    let events = json!([{ "id": "large", "blob": "x".repeat(FIELD) }, { "id": "small" }]);
    program.log("app", &events).await;
    let stored = ids(&program, &app).await;
    assert!(stored.contains(&"small".to_owned()) && !stored.contains(&"large".to_owned()));
    let path = format!("{path}/rejected-events");
    let (_, rejected) = manage(&program, Method::GET, &path, Value::Null).await;
    let rejected = rejected.to_string();
    assert!(rejected.contains("transform_copy_fields makes the events"), "{rejected:.300}");
}

/// Bytes of a value that is looked up: nine of them are about as much as nine fields are elsewhere.
const LOOKED_UP: usize = 250_000;

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_looked_up_are_too() {
    let program = program().await;
    let app = source(&program, "app").await;
    let value = json!({ "text": "y".repeat(LOOKED_UP) });
    let (status, _) =
        manage(&program, Method::POST, "/api/key-values", json!([{ "key": "k", "value": value }]))
            .await;
    assert_eq!(status, StatusCode::CREATED);
    let path = format!("/api/sources/{}", text(&app["token"]));
    let lines: Vec<_> = (0..9).map(|number| format!("p:found{number}")).collect();
    let settings = json!({ "transform_key_values": lines.join("\n") });
    let (status, _) = manage(&program, Method::PATCH, &path, settings).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let all_in_kb = (SENDERS * LOOKED_UP * 9 / 1024) as u64;
    let grown = flooded_with(&program, |id| in_app(json!({ "id": id, "p": "k" }))).await;
    println!(
        "{SENDERS} small bodies, {LOOKED_UP} bytes found 9 times: {grown} kB, not {all_in_kb}"
    );
    assert!(grown < all_in_kb, "{grown} kB");
    assert_eq!(ids(&program, &app).await.len(), SENDERS);

    // A body may say a key very often. Four of these are within the bound, and the rest is rejected.
    let settings = json!({ "transform_key_values": "p:found\np:again\np:more\np:most" });
    manage(&program, Method::PATCH, &path, settings).await;
    let before = program.peak_kilobytes();
    let events = (0..2000).map(|number| json!({ "id": format!("n{number}"), "p": "k" }));
    let mut events: Vec<_> = events.collect();
    events.push(json!({ "id": "neighbour", "p": "unknown" }));
    program.log("app", &json!(events)).await;
    let grown = program.peak_kilobytes() - before;
    println!("2000 events that find {} bytes each: {grown} kB", 4 * LOOKED_UP);
    assert!(grown < 64 << 10, "{grown} kB");
    let stored = ids(&program, &app).await;
    assert!(stored.contains(&"neighbour".to_owned()));
    assert_eq!(stored.len(), SENDERS + 4 + 1);
    let (_, rejected) =
        manage(&program, Method::GET, &format!("{path}/rejected-events"), Value::Null).await;
    let rejected = rejected.to_string();
    assert!(rejected.contains("transform_key_values makes the events"), "{rejected:.300}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_made_are_too() {
    let program = program().await;
    let app = source(&program, "app").await;
    let path = format!("/api/sources/{}", text(&app["token"]));
    let set = async |keys: Vec<&str>| {
        let settings = json!({ "custom_event_message_keys": keys.join(",") });
        let (status, _) = manage(&program, Method::PATCH, &path, settings).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    };
    set(vec!["blob"; 8]).await;
    let grown = flooded(&program, in_app).await;
    // A message is in a column of its own too.
    println!("{SENDERS} bodies of {FIELD} bytes, 8 times in the message: {grown} kB more");
    assert!(grown < 2 * ALL_IN_KB, "{grown} kB");
    assert_eq!(ids(&program, &app).await.len(), SENDERS);

    set(vec!["blob"; 50]).await;
    let events = json!([{ "id": "large", "blob": "x".repeat(FIELD) }, { "id": "small" }]);
    program.log("app", &events).await;
    let stored = ids(&program, &app).await;
    assert!(stored.contains(&"small".to_owned()) && !stored.contains(&"large".to_owned()));
    let (_, rejected) =
        manage(&program, Method::GET, &format!("{path}/rejected-events"), Value::Null).await;
    let rejected = rejected.to_string();
    assert!(rejected.contains("custom_event_message_keys makes the events"), "{rejected:.300}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_rules_and_backends_get_is_too() {
    let program = program().await;
    let app = source(&program, "app").await;
    let receiver = Receiver::willing().await;
    for number in 0..4 {
        let copies = source(&program, &format!("copies {number}")).await;
        let rule =
            json!({ "source_id": app["id"], "lql_string": "m.x:1", "sink": copies["token"] });
        made(&program, "/api/rules", rule).await;
        let rule =
            json!({ "source_id": app["id"], "lql_string": "blob:x", "sink": copies["token"] });
        made(&program, "/api/rules", rule).await;
        let config = json!({ "url": receiver.url("/"), "http": "http1", "gzip": false });
        attached(&program, &app, "webhook", config).await;
    }
    let grown = flooded(&program, in_app).await;
    println!("{SENDERS} bodies of {FIELD} bytes, to 8 places: {grown} kB more, not {ALL_IN_KB}");
    assert!(grown < ALL_IN_KB, "{grown} kB");
    eventually("each backend gets all", async || {
        receiver.received().iter().map(|one| one.text().matches("blob").count()).sum::<usize>()
            >= 4 * SENDERS
    })
    .await;
}
