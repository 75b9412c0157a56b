//! Whether the time of a refusal tells what there is.
//!
//! `cargo bench -p end-to-end --bench refusals` asks in turns, in random order, for what is there and
//! may not be seen, and for what is not there, and prints the medians of both, their ratio, and in how
//! many of all pairs the first took longer: 50 % is what tells nothing. With the samples that are
//! taken, chance alone moves that by some 2 % (`unknown token` by 9 %, of which there are few, since
//! unknown tokens of senders are looked for ten times a second).

use std::time::Instant;

use end_to_end::{
    figures::Figures,
    http_exchange::{Exchange, Outcome},
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program},
};
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

const SAMPLES: usize = 3_000;
const SAMPLES_OF_SENDERS_TOKENS: usize = 120;

/// A token or name that nothing has.
const NOBODY: &str = "b1c0bd5b-22ff-4f4a-8a1e-6e8e6f1d9c11";

/// Two requests that are refused alike.
struct Pair {
    name: &'static str,
    /// Of what is there, and of what is not.
    requests: [Request; 2],
    samples: usize,
}

struct Request {
    head: String,
    body: String,
}

impl Request {
    fn new(program: &Program, line: &str, token: Option<&str>, headers: &str, body: &str) -> Self {
        let (address, length) = (program.address(), body.len());
        let token = token.map(|token| format!("x-api-key: {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: {address}\r\n{token}{headers}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        Self { head, body: body.to_owned() }
    }
}

#[tokio::main]
async fn main() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    println!(
        "{:<44} | {:>9} | {:>9} | {:>5} | there takes longer",
        "refused", "there, µs", "not, µs", "ratio"
    );
    for pair in pairs(&program).await {
        let [there, not_there] = measured(&program, &pair).await;
        println!(
            "{:<44} | {:>9.0} | {:>9.0} | {:>5.3} | {:>5.1} %",
            pair.name,
            there.median(),
            not_there.median(),
            there.median() / not_there.median(),
            longer(&there, &not_there) * 100.0
        );
    }
}

/// The times of both, in microseconds.
async fn measured(program: &Program, pair: &Pair) -> [Figures; 2] {
    let mut exchange = Exchange::with(program.address());
    let mut order: Vec<usize> = (0..2 * pair.samples).map(|place| place % 2).collect();
    order.shuffle(&mut rand::rng());
    // What is only done once is no sample.
    let warm_up = pair.samples / 20;
    let mut times = [Figures::new(), Figures::new()];
    for (place, which) in (0..warm_up).map(|place| place % 2).chain(order).enumerate() {
        let Request { head, body } = &pair.requests[which];
        let start = Instant::now();
        let outcome = exchange.send(head, body.as_bytes(), None).await;
        let time = start.elapsed().as_secs_f64() * 1e6;
        assert_eq!(outcome, Outcome::Answered(401), "{head}");
        if place >= warm_up {
            times[which].push(time);
        }
    }
    times
}

/// In what part of all pairs the first is greater.
fn longer(first: &Figures, second: &Figures) -> f64 {
    let of_second = |part: f64| (part, second.quantile(part));
    let steps: Vec<_> = (0..=1_000).map(|part| of_second(f64::from(part) / 1_000.0)).collect();
    let below = |value: f64| {
        let next = steps.partition_point(|(_, time)| *time < value);
        steps.get(next).map_or(1.0, |(part, _)| *part)
    };
    let firsts = (0..=1_000).map(|part| below(first.quantile(f64::from(part) / 1_000.0)));
    firsts.sum::<f64>() / 1_001.0
}

async fn pairs(program: &Program) -> Vec<Pair> {
    let sources = listed(program, "/api/sources").await;
    let endpoints = listed(program, "/api/endpoints").await;
    let scopes = format!(
        "ingest:source:{} query:endpoint:{}",
        id(&sources, "realtime.logs.prod"),
        id(&endpoints, "usage.api-counts")
    );
    let narrow = made_token(program, &scopes).await;
    let nearly = format!("{}x", &narrow[..narrow.len() - 1]);
    let source = text(&sources, "postgres.logs", "token");
    let endpoint = text(&endpoints, "logs.all", "token");
    let events: Vec<_> = (0..100)
        .map(|event| json!({ "event_message": format!("event {event}"), "metadata": {} }))
        .collect();
    let lone = json!(events).to_string();
    let wrapped = |source: &str| json!({ "source": source, "batch": events }).to_string();
    let otlp = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "body": { "stringValue": "an event" } }
    ] }] }] })
    .to_string();
    let new = |line: &str, token: Option<&str>, headers: &str, body: &str| {
        Request::new(program, line, token, headers, body)
    };
    let narrow = Some(narrow.as_str());
    let by = |[there, not_there]: [&str; 2], request: &dyn Fn(&str) -> Request| {
        [request(there), request(not_there)]
    };
    let names = ["postgres.logs", "pqstgres.logs"];
    let many = |name, requests| Pair { name, requests, samples: SAMPLES };
    vec![
        many(
            "events for a source, by name",
            by(names, &|name| {
                new(&format!("POST /api/logs?source_name={name}"), narrow, "", &lone)
            }),
        ),
        many(
            "events for a source, by token",
            by([&source, NOBODY], &|token| {
                new(&format!("POST /api/logs?source={token}"), narrow, "", &lone)
            }),
        ),
        many(
            "events for a source, named in the body",
            by(names, &|name| new("POST /api/logs", narrow, "", &wrapped(name))),
        ),
        many(
            "an OTLP export for a source",
            by(names, &|name| {
                new("POST /v1/logs", narrow, &format!("x-source: {name}\r\n"), &otlp)
            }),
        ),
        many(
            "a query of an endpoint, by name",
            by(["logs.all", "logs.alx"], &|name| {
                new(&format!("GET /api/endpoints/query/{name}?sql=select+1"), narrow, "", "")
            }),
        ),
        many(
            "a query of an endpoint, by token",
            by([&endpoint, NOBODY], &|token| {
                new(&format!("GET /api/endpoints/query/{token}?sql=select+1"), narrow, "", "")
            }),
        ),
        many(
            "a query of an endpoint, without a token",
            by([&endpoint, NOBODY], &|token| {
                new(&format!("GET /api/endpoints/query/{token}?sql=select+1"), None, "", "")
            }),
        ),
        many(
            "management of a source, with a narrow token",
            by([&source, NOBODY], &|token| {
                new(&format!("GET /api/sources/{token}"), narrow, "", "")
            }),
        ),
        many(
            "management, with a narrow : unknown token",
            [
                new("GET /api/sources", narrow, "", ""),
                new("GET /api/sources", Some(NOBODY), "", ""),
            ],
        ),
        many(
            "a query, with a nearly right : unknown token",
            by([&nearly, NOBODY], &|token| {
                new("GET /api/endpoints/query/logs.all?sql=select+1", Some(token), "", "")
            }),
        ),
        Pair {
            name: "events, with a nearly right : unknown token",
            requests: by([&nearly, NOBODY], &|token| {
                new("POST /api/logs?source_name=postgres.logs", Some(token), "", &lone)
            }),
            samples: SAMPLES_OF_SENDERS_TOKENS,
        },
        Pair {
            name: "events, with a nearly public : unknown token",
            requests: by([&format!("{PUBLIC}x"), NOBODY], &|token| {
                new("POST /api/logs?source_name=postgres.logs", Some(token), "", &lone)
            }),
            samples: SAMPLES_OF_SENDERS_TOKENS,
        },
    ]
}

async fn listed(program: &Program, path: &str) -> Vec<Value> {
    let request = program.client.get(program.url(path)).header("x-api-key", PRIVATE);
    request.send().await.expect("it answers").json().await.expect("a list")
}

async fn made_token(program: &Program, scopes: &str) -> String {
    let request = program.client.post(program.url("/api/access-tokens"));
    let request = request.header("x-api-key", PRIVATE).json(&json!({ "scopes": scopes }));
    let made: Value = request.send().await.expect("it answers").json().await.expect("an object");
    made["token"].as_str().expect("it is shown once").to_owned()
}

fn named<'a>(things: &'a [Value], name: &str) -> &'a Value {
    things.iter().find(|thing| thing["name"] == name).expect("it is there")
}

fn id(things: &[Value], name: &str) -> i64 {
    named(things, name)["id"].as_i64().expect("it has one")
}

fn text(things: &[Value], name: &str, field: &str) -> String {
    named(things, name)[field].as_str().expect("it has one").to_owned()
}
