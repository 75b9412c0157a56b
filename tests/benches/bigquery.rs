//! Events as rows of BigQuery, beside the same events as JSON.
//!
//! `cargo bench -p end-to-end --bench bigquery` prints, for events of about 600 bytes: how many a core
//! serialises with serde_json, how many it encodes as rows, and how many it encodes and sends to a
//! stand-in that only counts them. Counted is the time of the thread that does it; the stand-in runs
//! on another. Once they also go to a stand-in that reads each row and holds it against the columns.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use end_to_end::{
    fake_bigquery::{
        rest::PROJECT,
        services::{DATASET, FakeBigQuery},
    },
    figures::Figures,
};
use event_schemas::{Event, SchemaNews, SourceSchema, parse};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use store::bigquery::{
    AsText, Credentials, Progress, Rest, Settings, Target, WriteMethod, Writer, table_id,
};
use uuid::Uuid;

const GROUP: usize = 5_000;
const GROUPS: usize = 20;
const ROUNDS: usize = 5;

fn main() {
    let (tell, addresses) = mpsc::channel();
    std::thread::spawn(move || serve(&tell));
    let [blind, reading] = [(); 2].map(|()| addresses.recv().expect("the stand-ins start"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure(&blind, &reading));
}

/// Runs the stand-in until the process ends.
fn serve(tell: &mpsc::Sender<(String, String)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let fake = FakeBigQuery::start().await;
        fake.storage.set_blind();
        let reading = FakeBigQuery::start().await;
        for fake in [&fake, &reading] {
            tell.send((fake.rest.url(), fake.storage.url())).expect("the bench waits");
        }
        std::future::pending::<()>().await;
    });
}

/// A writer to a stand-in, by the URLs of its two services.
async fn writer((rest_url, storage_url): &(String, String)) -> Writer {
    let settings = Settings {
        project: PROJECT.to_owned(),
        dataset: DATASET.to_owned(),
        location: "US".to_owned(),
        credentials: Credentials::none(),
        rest_url: rest_url.parse().expect("a URL"),
        storage_url: storage_url.parse().expect("a URL"),
        write_method: WriteMethod::Storage,
        append_streams: 1,
        maximum_bytes_billed: None,
    };
    let rest = Rest::new(&settings);
    rest.create_dataset().await.expect("the dataset is made");
    Writer::new(settings, rest)
}

async fn measure(blind: &(String, String), reading: &(String, String)) {
    let writer = writer(blind).await;
    let values: Vec<Value> = (0..GROUP).map(event).collect();
    let bodies: Vec<String> = values.iter().map(body).collect();
    let bytes: usize = bodies.iter().map(String::len).sum();
    println!("{} bytes an event, {GROUP} events a group", bytes / GROUP);

    let target = Target {
        table: table_id(Uuid::from_u128(1)),
        schema: Arc::new(known(&bodies).table_schema()),
        as_text: AsText::new(),
        retention_days: None,
        clustering: Vec::new(),
    };
    let table = writer.open(&target).await.expect("the table is made");
    let encode = || writer.encode(&table, bodies.iter().map(String::as_str));
    let (rows, unknown) = (encode().len(), encode().unknown.len());
    assert_eq!((rows, unknown), (GROUP, 0), "{:?}", encode().refused.first());

    let (mut json, mut encoded) = (Figures::default(), Figures::default());
    let (mut sent, mut sent_wall) = (Figures::default(), Figures::default());
    for _ in 0..ROUNDS {
        let begun = cpu_time();
        for _ in 0..GROUPS {
            for value in &values {
                std::hint::black_box(serde_json::to_vec(value).expect("it is JSON"));
            }
        }
        json.push(rate(cpu_time() - begun));
        let begun = cpu_time();
        for _ in 0..GROUPS {
            std::hint::black_box(encode());
        }
        encoded.push(rate(cpu_time() - begun));
        let (begun, wall) = (cpu_time(), Instant::now());
        for _ in 0..GROUPS {
            let deadline = Instant::now() + Duration::from_secs(20);
            let mut progress = Progress::default();
            let appended = writer.append(&table, encode(), deadline, &mut progress).await;
            appended.expect("the rows are taken");
            assert_eq!(progress.stored.len(), GROUP);
        }
        sent.push(rate(cpu_time() - begun));
        sent_wall.push(rate(wall.elapsed()));
    }
    let reader = self::writer(reading).await;
    let table = reader.open(&target).await.expect("the table is made");
    let (mut progress, wall) = (Progress::default(), Instant::now());
    for _ in 0..GROUPS {
        let rows = reader.encode(&table, bodies.iter().map(String::as_str));
        let deadline = Instant::now() + Duration::from_secs(60);
        reader.append(&table, rows, deadline, &mut progress).await.expect("the rows are taken");
    }
    assert_eq!((progress.stored.len(), progress.refused.len()), (GROUP * GROUPS, 0));
    let mut read = Figures::default();
    read.push(rate(wall.elapsed()));
    for (what, figures) in [
        ("serde_json::to_vec", json),
        ("encoded as rows", encoded),
        ("encoded and sent, a core", sent),
        ("encoded and sent, one after the other", sent_wall),
        ("the same, each row read and checked", read),
    ] {
        println!("{what:<40} {figures} events/s");
    }
}

fn rate(took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    let events = (GROUP * GROUPS) as f64;
    events / took.as_secs_f64()
}

/// What this thread has worked.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = Duration::from_secs(time.tv_sec.try_into().unwrap_or_default());
    seconds + Duration::from_nanos(time.tv_nsec.try_into().unwrap_or_default())
}

/// An event of the API gateway.
fn event(number: usize) -> Value {
    json!({
        "id": Uuid::from_u128(number as u128).to_string(),
        "timestamp": 1_795_176_000_000_000_i64 + i64::try_from(number).unwrap_or_default(),
        "event_message": format!("GET | 200 | 10.0.0.{} | /rest/v1/items?select=*", number % 250),
        "project": "default",
        "metadata": {
            "request": {
                "method": "GET", "path": "/rest/v1/items", "host": "api.example.com",
                "protocol": "http", "search": format!("?select=*&id=eq.{number}"),
                "headers": {
                    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
                    "cf_connecting_ip": format!("10.0.0.{}", number % 250),
                    "x_client_info": "example-js/2.39.0"
                },
                "cf": {"country": "DE", "asn": 3320, "colo": "FRA"}
            },
            "response": {
                "status_code": 200, "origin_time": number % 97,
                "headers": {"content_type": "application/json", "content_length": number % 10_000}
            }
        }
    })
}

/// As it is stored.
fn body(value: &Value) -> String {
    let text = value.to_string();
    let event = Event::normalise(parse(&text).expect("JSON"), 0).expect("an event");
    let mut out = Vec::new();
    event.write_body(&mut out);
    String::from_utf8(out).expect("JSON is text")
}

fn known(bodies: &[String]) -> SourceSchema {
    let mut known = SourceSchema::new(Arc::default());
    let mut news = SchemaNews::default();
    for body in bodies.iter().take(10) {
        let event = Event::normalise(parse(body).expect("JSON"), 0).expect("an event");
        known.news(&event, &mut news);
    }
    for sighting in news.iter() {
        known.learn(sighting.path, sighting.kind);
    }
    known
}
