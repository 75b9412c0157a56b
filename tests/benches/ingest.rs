//! Ingest over HTTP beside a raw binary COPY of the same rows into the same kind of table.
//!
//! `cargo bench -p end-to-end --bench ingest` prints, for bodies of 1,000 events on a Postgres that
//! fsyncs: events acknowledged per second, the time to an answer, the program's memory, and the
//! ratio to one client that does nothing but COPY rows that it holds ready in memory.

use std::time::{Duration, Instant};

use end_to_end::{
    figures::Figures,
    postgres::TestCluster,
    program::{PUBLIC, Program},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const SOURCE: &str = "cloudflare.logs.prod";
const EVENTS_PER_BODY: usize = 1_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const CONNECTIONS: [usize; 4] = [1, 2, 4, 8];

#[tokio::main]
async fn main() {
    let cluster = TestCluster::durable();
    let database = cluster.database().await;
    let program = Program::serve(&database).await;
    let idle = memory(&program, "VmRSS");
    let body = Value::Array((0..EVENTS_PER_BODY).map(event).collect()).to_string();
    println!(
        "bodies of {EVENTS_PER_BODY} events, {} bytes an event; rounds of {ROUND:?}",
        body.len() / EVENTS_PER_BODY
    );

    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let rows = rows_as_stored(&program, &mut connection, &body).await;
    let copy = raw_copy_table(&mut connection).await;
    let mut raw = Figures::default();
    let mut served: Vec<(Figures, Figures)> = vec![Default::default(); CONNECTIONS.len()];
    for _ in 0..ROUNDS {
        raw.push(raw_copy(&mut connection, &copy, &rows).await);
        for (connections, (rate, latency)) in CONNECTIONS.into_iter().zip(&mut served) {
            rate.push(ingest(&program, &body, connections, latency).await);
        }
    }
    println!("raw COPY, one client, {EVENTS_PER_BODY} rows each: {raw} rows/s");
    println!("connections | acknowledged events/s | ratio to raw COPY | answer after p50 / p99 ms");
    for (connections, (rate, latency)) in CONNECTIONS.into_iter().zip(&served) {
        let ratio = rate.median() / raw.median();
        println!(
            "{connections:>11} | {rate:>21} | {ratio:>17.2} | {:.1} / {:.1}",
            latency.median(),
            latency.quantile(0.99)
        );
    }
    println!("memory: {idle} MB idle, {} MB at most", memory(&program, "VmHWM"));
}

/// An event of the API gateway, of the size that Supabase's have.
fn event(number: usize) -> Value {
    let path = format!("/rest/v1/todos?select=*&id=eq.{number}");
    let agent =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0";
    json!({
        "project": "default",
        "appname": "supabase-kong",
        "event_message": format!("172.18.0.{} - - \"GET {path} HTTP/1.1\" 200 793 \"-\" \"{agent}\"", number % 250),
        "timestamp": "2026-11-20T12:00:00.123Z",
        "metadata": {
            "request": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "host": "localhost",
                "headers": {"user_agent": agent, "referer": "http://localhost:3000/", "cf_connecting_ip": "172.18.0.1",
                            "x_client_info": "supabase-js/2.39.0", "accept": "*/*"},
                "cf": {"country": "DE", "city": "Berlin", "colo": "FRA", "asn": 3320, "timezone": "Europe/Berlin"},
            },
            "response": {
                "status_code": ([200, 201, 400, 404, 500][number % 5]),
                "origin_time": number % 300,
                "headers": {"content_type": "application/json", "content_length": "123", "x_sb_error_code": null},
            },
        },
    })
}

/// Sends the body over so many connections for a round; gives acknowledged events a second.
async fn ingest(program: &Program, body: &str, connections: usize, latency: &mut Figures) -> f64 {
    let start = Instant::now();
    let senders: Vec<_> = (0..connections)
        .map(|_| {
            let request = program.ingest(SOURCE, body.to_owned());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while start.elapsed() < ROUND {
                    let sent = Instant::now();
                    let request = request.try_clone().expect("a body in memory");
                    let response = request.send().await.expect("it answers");
                    assert!(response.status().is_success(), "{}", response.status());
                    response.bytes().await.expect("the answer is complete");
                    answers.push(sent.elapsed());
                }
                answers
            })
        })
        .collect();
    let mut answered = 0;
    for sender in senders {
        for answer in sender.await.expect("the sender ends") {
            latency.push(answer.as_secs_f64() * 1e3);
            answered += 1;
        }
    }
    per_second(answered * EVENTS_PER_BODY, start.elapsed())
}

/// The rows of one body as a binary COPY takes them, read back from what the program stored.
async fn rows_as_stored(program: &Program, connection: &mut PgConnection, body: &str) -> Vec<u8> {
    let response = program.client.post(program.url("/api/logs")).query(&[("source_name", SOURCE)]);
    let response = response
        .header("x-api-key", PUBLIC)
        .body(body.to_owned())
        .send()
        .await
        .expect("it answers");
    assert!(response.status().is_success());
    let table = event_table(connection).await;
    let sql = format!("copy (select * from {table}) to stdout (format binary)");
    let mut stream = connection.copy_out_raw(&sql).await.expect("rows can be read");
    let mut rows = Vec::new();
    while let Some(part) = next(&mut stream).await {
        rows.extend_from_slice(&part);
    }
    rows
}

async fn next(
    stream: &mut (impl futures_util::Stream<Item = sqlx::Result<impl AsRef<[u8]>>> + Unpin),
) -> Option<Vec<u8>> {
    let part = futures_util::StreamExt::next(stream).await?;
    Some(part.expect("rows can be read").as_ref().to_vec())
}

async fn event_table(connection: &mut PgConnection) -> String {
    let sql = "select 'log_events_' || replace(token::text, '-', '_') from logweir_sources where name = $1";
    sqlx::query_scalar(sql).bind(SOURCE).fetch_one(connection).await.expect("the catalog is there")
}

/// A table like the program's: partitioned, with the same indexes.
async fn raw_copy_table(connection: &mut PgConnection) -> String {
    let table = event_table(connection).await;
    let sql = format!(
        "create table raw_copy (like {table} including indexes) partition by range (\"timestamp\");
         create table raw_copy_default partition of raw_copy default;
         create table raw_copy_day partition of raw_copy for values from ('2026-11-20') to ('2026-11-21');"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("a table can be made");
    "copy raw_copy from stdin (format binary)".to_owned()
}

async fn raw_copy(connection: &mut PgConnection, copy: &str, rows: &[u8]) -> f64 {
    let start = Instant::now();
    let mut stored = 0;
    while start.elapsed() < ROUND {
        let mut sink = connection.copy_in_raw(copy).await.expect("COPY begins");
        sink.send(rows).await.expect("rows are taken");
        stored += sink.finish().await.expect("rows are stored");
    }
    per_second(usize::try_from(stored).unwrap_or_default(), start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "a count of events")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// A line of the process's status, in megabytes.
fn memory(program: &Program, line: &str) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap_or_default();
    let value = status.lines().find_map(|text| {
        text.strip_prefix(line)?
            .trim_start_matches(':')
            .trim()
            .split(' ')
            .next()?
            .parse::<u64>()
            .ok()
    });
    value.unwrap_or_default() / 1024
}
