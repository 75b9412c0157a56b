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
    let source = text(&sources, "postgres.logs", "token");
    let endpoint = text(&endpoints, "logs.all", "token");
    let mut all = pairs_of_events(program, &narrow, &source);
    all.extend(pairs_of_queries(program, &narrow, &source, &endpoint));
    all.extend(pairs_of_tokens(program, &narrow));
    all
}

/// The same request for what is there and for what is not.
fn both([there, not_there]: [&str; 2], request: impl Fn(&str) -> Request) -> [Request; 2] {
    [request(there), request(not_there)]
}

fn many(name: &'static str, requests: [Request; 2]) -> Pair {
    Pair { name, requests, samples: SAMPLES }
}

fn events() -> Vec<Value> {
    (0..100).map(|event| json!({ "event_message": format!("event {event}") })).collect()
}

fn pairs_of_events(program: &Program, narrow: &str, source: &str) -> Vec<Pair> {
    let names = ["postgres.logs", "pqstgres.logs"];
    let narrow = Some(narrow);
    let events = json!(events()).to_string();
    let otlp = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "body": { "stringValue": "an event" } }
    ] }] }] })
    .to_string();
    vec![
        many(
            "events for a source, by name",
            both(names, |name| {
                let line = format!("POST /api/logs?source_name={name}");
                Request::new(program, &line, narrow, "", &events)
            }),
        ),
        many(
            "events for a source, by token",
            both([source, NOBODY], |token| {
                let line = format!("POST /api/logs?source={token}");
                Request::new(program, &line, narrow, "", &events)
            }),
        ),
        many(
            "events for a source, named in the body",
            both(names, |name| {
                let body = json!({ "source": name, "batch": self::events() }).to_string();
                Request::new(program, "POST /api/logs", narrow, "", &body)
            }),
        ),
        many(
            "an OTLP export for a source",
            both(names, |name| {
                let header = format!("x-source: {name}\r\n");
                Request::new(program, "POST /v1/logs", narrow, &header, &otlp)
            }),
        ),
    ]
}

fn pairs_of_queries(program: &Program, narrow: &str, source: &str, endpoint: &str) -> Vec<Pair> {
    let narrow = Some(narrow);
    let query = |token: Option<&str>, named: &str| {
        let line = format!("GET /api/endpoints/query/{named}?sql=select+1");
        Request::new(program, &line, token, "", "")
    };
    vec![
        many(
            "a query of an endpoint, by name",
            both(["logs.all", "logs.alx"], |name| query(narrow, name)),
        ),
        many(
            "a query of an endpoint, by token",
            both([endpoint, NOBODY], |token| query(narrow, token)),
        ),
        many(
            "a query of an endpoint, without a token",
            both([endpoint, NOBODY], |token| query(None, token)),
        ),
        many(
            "management of a source, with a narrow token",
            both([source, NOBODY], |token| {
                Request::new(program, &format!("GET /api/sources/{token}"), narrow, "", "")
            }),
        ),
    ]
}

fn pairs_of_tokens(program: &Program, narrow: &str) -> Vec<Pair> {
    let nearly = format!("{}x", &narrow[..narrow.len() - 1]);
    let nearly_public = format!("{PUBLIC}x");
    let events = json!(events()).to_string();
    let with =
        |line: &str, token: &str, body: &str| Request::new(program, line, Some(token), "", body);
    let of_senders = |name, tokens| {
        let line = "POST /api/logs?source_name=postgres.logs";
        let requests = both(tokens, |token| with(line, token, &events));
        Pair { name, requests, samples: SAMPLES_OF_SENDERS_TOKENS }
    };
    vec![
        many(
            "management, with a narrow : unknown token",
            both([narrow, NOBODY], |token| with("GET /api/sources", token, "")),
        ),
        many(
            "a query, with a nearly right : unknown token",
            both([&nearly, NOBODY], |token| {
                with("GET /api/endpoints/query/logs.all?sql=select+1", token, "")
            }),
        ),
        of_senders("events, with a nearly right : unknown token", [&nearly, NOBODY]),
        of_senders("events, with a nearly public : unknown token", [&nearly_public, NOBODY]),
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
