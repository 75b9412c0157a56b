//! Ingest over HTTP beside the same rows written by others into the same kind of table.
//!
//! `cargo bench -p end-to-end --bench ingest` prints, for bodies of 1,000 events on a Postgres that
//! fsyncs: events acknowledged per second, the time to an answer, the program's memory, and the
//! ratios to one client that does nothing but COPY rows that it holds ready in memory, and to one
//! that runs the statement of Vector's own postgres sink; how much of the rate is left where a rule
//! stores every fifth event in another source, and a drain sends all of them on; and what it costs to
//! repair events that a stock pipeline sends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use end_to_end::{
    figures::Figures,
    postgres::TestCluster,
    program::{PRIVATE, Program, eventually},
    receiver::Receiver,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const SOURCE: &str = "cloudflare.logs.prod";
const COLUMNS: &str = r#"id, body, event_message, "timestamp""#;
const EVENTS_PER_BODY: usize = 1_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const CONNECTIONS: [usize; 4] = [1, 2, 4, 8];

#[tokio::main]
async fn main() {
    let cluster = TestCluster::durable();
    let database = cluster.database().await;
    let program = Program::serve(&database).await;
    tokio::time::sleep(ROUND).await;
    let idle = memory(&program, "VmRSS");
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let bodies = Bodies::new(&mut connection, event).await;
    println!(
        "bodies of {EVENTS_PER_BODY} events, {} bytes an event; rounds of {ROUND:?}",
        bodies.next().len() / EVENTS_PER_BODY
    );

    let response = program.ingest(SOURCE, bodies.next()).send().await.expect("it answers");
    assert!(response.status().is_success(), "{}", response.status());
    let table = event_table(&mut connection).await;
    let mut copied = Rows::for_copy(&mut connection, &table).await;
    let mut inserted = Rows::for_insert(&mut connection, &table).await;
    for copy in ["raw_copy", "vector_sink"] {
        make_table(&mut connection, copy, &table).await;
    }
    let (mut raw, mut vector) = (Figures::default(), Figures::default());
    let mut served: Vec<(Figures, Figures)> = vec![Default::default(); CONNECTIONS.len()];
    for _ in 0..ROUNDS {
        empty(&mut connection, "raw_copy").await;
        raw.push(raw_copy(&mut connection, &mut copied).await);
        empty(&mut connection, "vector_sink").await;
        vector.push(vector_sink(&mut connection, &mut inserted).await);
        for (connections, (rate, latency)) in CONNECTIONS.into_iter().zip(&mut served) {
            empty(&mut connection, &table).await;
            let start = Instant::now();
            let acknowledged = ingest(&program, SOURCE, &bodies, connections, latency).await;
            rate.push(per_second(acknowledged, start.elapsed()));
            eventually("every acknowledged event is stored once", async || {
                count(&mut connection, &table).await == acknowledged
            })
            .await;
        }
    }
    let busy = memory(&program, "VmHWM");

    println!("raw COPY, one client, {EVENTS_PER_BODY} rows each: {raw} rows/s");
    println!("Vector's postgres sink, one client, {EVENTS_PER_BODY} rows each: {vector} rows/s");
    println!(
        "connections | acknowledged events/s | to raw COPY (goal 0.8) | to Vector's sink (goal 2) | \
         answer after p50 / p99 ms"
    );
    for (connections, (rate, latency)) in CONNECTIONS.into_iter().zip(&served) {
        println!(
            "{connections:>11} | {rate:>21} | {:>22.2} | {:>24.2} | {:.1} / {:.1}",
            rate.median() / raw.median(),
            rate.median() / vector.median(),
            latency.median(),
            latency.quantile(0.99)
        );
    }
    println!("memory idle: {idle} MB (goal 40); at full load, at most: {busy} MB (goal 250)");
    beside_forwarding(&program, &bodies).await;
    repair(&program, &mut connection).await;
}

/// Prints what a rule and a drain cost.
async fn beside_forwarding(program: &Program, bodies: &Arc<Bodies>) {
    const CONNECTIONS: usize = 4;
    let receiver = Receiver::willing().await;
    let made = async |path: &str, body: Value| {
        let request = program.client.post(program.url(path)).bearer_auth(PRIVATE).json(&body);
        let response = request.send().await.expect("it answers");
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json::<Value>().await.expect("JSON")
    };
    made("/api/sources", json!({ "name": "plain" })).await;
    let forwarding = made("/api/sources", json!({ "name": "forwarding" })).await;
    let copies = made("/api/sources", json!({ "name": "copies" })).await;
    let config = json!({ "url": receiver.url("/"), "http": "http1", "gzip": false });
    let backend = json!({ "name": "drain", "type": "webhook", "config": config });
    let backend = made("/api/backends", backend).await;
    for (lql, name, target) in [
        ("m.response.status_code:500", "sink", &copies["token"]),
        ("~\".*?\"", "backend_id", &backend["id"]),
    ] {
        let rule = json!({ "source_id": forwarding["id"], "lql_string": lql, name: target });
        made("/api/rules", rule).await;
    }
    let [mut plain, mut forwarded] = [const { (Figures::new(), Figures::new()) }; 2];
    for _ in 0..ROUNDS {
        for (source, (rate, latency)) in [("plain", &mut plain), ("forwarding", &mut forwarded)] {
            let start = Instant::now();
            let events = ingest(program, source, bodies, CONNECTIONS, latency).await;
            rate.push(per_second(events, start.elapsed()));
            // What was kept is of no use.
            drop(receiver.take_received());
        }
    }
    let of = |(rate, latency): &(Figures, Figures)| {
        let (median, late) = (latency.median(), latency.quantile(0.99));
        format!("{rate} events/s, answers after p50 / p99 {median:.1} / {late:.1} ms")
    };
    println!("{CONNECTIONS} connections, a source without rules: {}", of(&plain));
    println!("the same with a rule for a fifth and a drain of everything: {}", of(&forwarded));
    let busy = memory(program, "VmHWM");
    println!("ratio: {:.2}; memory at most: {busy} MB", forwarded.0.median() / plain.0.median());
}

/// Prints what repair costs: the program's time for an event of a stock pipeline, without and with
/// it.
async fn repair(program: &Program, connection: &mut PgConnection) {
    let bodies = Bodies::new(connection, stock_event).await;
    let sql = "select token::text from logweir_sources where name = $1";
    let token: String =
        sqlx::query_scalar(sql).bind(SOURCE).fetch_one(connection).await.expect("a source");
    let source = program.url(&format!("/api/sources/{token}"));
    let mut measured: [(Figures, Figures); 2] = Default::default();
    for _ in 0..ROUNDS {
        for (repair, (rate, cost)) in [false, true].into_iter().zip(&mut measured) {
            let request = program.client.patch(&source).header("x-api-key", PRIVATE);
            let response = request.json(&json!({ "repair": repair })).send().await;
            assert_eq!(response.expect("it answers").status().as_u16(), 204);
            let (start, before) = (Instant::now(), processor_time(program));
            let events = ingest(program, SOURCE, &bodies, 4, &mut Figures::default()).await;
            rate.push(per_second(events, start.elapsed()));
            cost.push(1e6 / per_second(events, processor_time(program) - before));
        }
    }
    println!("stock events, 4 connections | acknowledged events/s | processor µs an event");
    for (name, (rate, cost)) in ["as they are", "repaired"].iter().zip(&measured) {
        println!("{name:>27} | {rate:>21} | {cost}");
    }
    let [(_, without), (_, with)] = &measured;
    println!("repair costs {:.1} µs an event", with.median() - without.median());
}

/// Bodies that differ, so that none is taken for another one that was sent again.
struct Bodies {
    /// With [`MARK`](Self::MARK) in one place.
    template: String,
    made: AtomicUsize,
}

impl Bodies {
    /// Stands where each body has its number.
    const MARK: &str = "0000000000";

    async fn new(connection: &mut PgConnection, event: fn(usize, &str) -> Value) -> Arc<Self> {
        let times = times(connection).await;
        let mut events: Vec<_> = times.iter().enumerate().map(|(n, time)| event(n, time)).collect();
        events[0]["metadata"]["request"]["headers"]["cf_ray"] = Self::MARK.into();
        let template = Value::Array(events).to_string();
        assert_eq!(template.matches(Self::MARK).count(), 1, "the mark is not unique");
        Arc::new(Self { template, made: AtomicUsize::new(1) })
    }

    fn next(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.template.replacen(Self::MARK, &format!("{number:010}"), 1)
    }
}

/// Times of the last minutes, one for each event of a body.
async fn times(connection: &mut PgConnection) -> Vec<String> {
    let sql = r#"select to_char(
            (now() at time zone 'utc') - make_interval(secs => n * 0.3),
            'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        from generate_series(1, $1) n"#;
    let count = i32::try_from(EVENTS_PER_BODY).expect("a small number");
    sqlx::query_scalar(sql).bind(count).fetch_all(connection).await.expect("the database answers")
}

/// An event of the API gateway, of the size that Supabase's have.
fn event(number: usize, timestamp: &str) -> Value {
    let path = format!("/rest/v1/todos?select=*&id=eq.{number}");
    let agent =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0";
    json!({
        "project": "default",
        "appname": "supabase-kong",
        "event_message": format!("172.18.0.{} - - \"GET {path} HTTP/1.1\" 200 793 \"-\" \"{agent}\"", number % 250),
        "timestamp": timestamp,
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

/// The same as a stock pipeline sends it: the request is in the message alone.
fn stock_event(number: usize, timestamp: &str) -> Value {
    let mut event = event(number, timestamp);
    let request = &mut event["metadata"]["request"];
    let (path, agent) = (request["path"].take(), request["headers"]["user_agent"].clone());
    let (path, agent) = (path.as_str().unwrap_or("/"), agent.as_str().unwrap_or("-"));
    let message = format!(
        "172.18.0.{} - - [20/Nov/2026:12:00:00 +0000] \"GET {path} HTTP/1.1\" 200 793 \"-\" \"{agent}\"",
        number % 250
    );
    for name in ["method", "protocol"] {
        request[name] = Value::Null;
    }
    event["event_message"] = message.into();
    event
}

/// Sends bodies over so many connections for a round; gives how many events were acknowledged.
async fn ingest(
    program: &Program,
    source: &str,
    bodies: &Arc<Bodies>,
    connections: usize,
    latency: &mut Figures,
) -> usize {
    let start = Instant::now();
    let senders: Vec<_> = (0..connections)
        .map(|_| {
            let (request, bodies) = (program.ingest(source, ""), Arc::clone(bodies));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while start.elapsed() < ROUND {
                    let request = request.try_clone().expect("a body in memory");
                    let request = request.body(bodies.next());
                    let sent = Instant::now();
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
    answered * EVENTS_PER_BODY
}

/// Rows of one body in the form in which they are sent, with new ids each time: indexes of equal
/// ones would be slower.
struct Rows {
    bytes: Vec<u8>,
    /// Where ids begin.
    ids: Vec<usize>,
    sent: u32,
}

impl Rows {
    fn new(bytes: Vec<u8>, before_id: &[u8]) -> Self {
        let places = bytes.windows(before_id.len()).enumerate();
        let ids: Vec<_> = places
            .filter(|(_, bytes)| *bytes == before_id)
            .map(|(place, _)| place + before_id.len())
            .collect();
        assert_eq!(ids.len(), EVENTS_PER_BODY, "ids are not where they should be");
        Self { bytes, ids, sent: 0 }
    }

    /// As a binary COPY takes them, read back from what the program stored.
    async fn for_copy(connection: &mut PgConnection, table: &str) -> Self {
        let sql = format!("copy (select {COLUMNS} from {table}) to stdout (format binary)");
        let mut stream = connection.copy_out_raw(&sql).await.expect("rows can be read");
        let mut rows = Vec::new();
        while let Some(part) = next(&mut stream).await {
            rows.extend_from_slice(&part);
        }
        // Four columns, the first of which, a UUID's text, has 36 bytes.
        Self::new(rows, &[0, 4, 0, 0, 0, 36])
    }

    /// As Vector's postgres sink sends them, read back from what the program stored.
    async fn for_insert(connection: &mut PgConnection, table: &str) -> Self {
        let sql = format!("select json_agg(row)::text from (select {COLUMNS} from {table}) row");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(connection)
            .await
            .expect("rows can be read");
        // The id in the body, which is jsonb, has a space before it.
        Self::new(rows.into_bytes(), br#"{"id":""#)
    }

    fn next(&mut self) -> &[u8] {
        self.sent += 1;
        let beginning = format!("{:08x}", self.sent);
        for &id in &self.ids {
            self.bytes[id..id + beginning.len()].copy_from_slice(beginning.as_bytes());
        }
        &self.bytes
    }
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

/// A table like the program's: partitioned by day, with the same indexes.
async fn make_table(connection: &mut PgConnection, name: &str, like: &str) {
    let sql = format!(
        r#"create table {name} (like {like} including indexes) partition by range ("timestamp");
        create table {name}_default partition of {name} default;
        do $$
        declare today date := (now() at time zone 'utc')::date;
        begin
            for n in -1..1 loop
                execute format(
                    'create table {name}_%s partition of {name} for values from (%L) to (%L)',
                    n + 1, today + n, today + n + 1);
            end loop;
        end $$"#
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("a table can be made");
}

/// Lets a round begin with an empty table, as all others do: who writes more must not pay for more.
async fn empty(connection: &mut PgConnection, table: &str) {
    let sql = format!("truncate {table}; checkpoint");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("a table can be emptied");
}

async fn count(connection: &mut PgConnection, table: &str) -> usize {
    let sql = format!("select count(*) from {table}");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .expect("the table is there");
    usize::try_from(count).unwrap_or_default()
}

/// Writes rows with COPY for a round; gives rows a second.
async fn raw_copy(connection: &mut PgConnection, rows: &mut Rows) -> f64 {
    let (start, mut stored) = (Instant::now(), 0);
    let copy = format!("copy raw_copy ({COLUMNS}) from stdin (format binary)");
    while start.elapsed() < ROUND {
        let mut sink = connection.copy_in_raw(&copy).await.expect("COPY begins");
        sink.send(rows.next()).await.expect("rows are taken");
        stored += sink.finish().await.expect("rows are stored");
    }
    per_second(usize::try_from(stored).unwrap_or_default(), start.elapsed())
}

/// Writes rows as Vector's postgres sink does, for a round; gives rows a second.
async fn vector_sink(connection: &mut PgConnection, rows: &mut Rows) -> f64 {
    let (start, mut stored) = (Instant::now(), 0);
    // Vector binds jsonb, which goes over the wire, and is read by the server, as text too.
    let insert = "insert into vector_sink \
                  select * from jsonb_populate_recordset(null::vector_sink, $1::text::jsonb)";
    while start.elapsed() < ROUND {
        let rows = std::str::from_utf8(rows.next()).expect("JSON is text");
        let result = sqlx::query(insert).bind(rows).execute(&mut *connection).await;
        stored += result.expect("rows are stored").rows_affected();
    }
    per_second(usize::try_from(stored).unwrap_or_default(), start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "a count of events")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What the program has had of processors until now.
fn processor_time(program: &Program) -> Duration {
    let file = format!("/proc/{}/stat", program.id());
    let status = std::fs::read_to_string(file).expect("the program runs");
    // Behind the name in parentheses; in user and in system mode, in hundredths of a second.
    let fields: Vec<_> = status.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let hundredths = |place: usize| -> u64 { fields[place].parse().expect("a number") };
    Duration::from_millis(10 * (hundredths(11) + hundredths(12)))
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
