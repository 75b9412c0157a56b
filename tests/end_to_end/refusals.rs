//! What may not run does not run, and the text says why.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use end_to_end::{
    postgres::TestCluster,
    program::{DEADLINE, PRIVATE, PUBLIC, Program},
};
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_says_why() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    for (sql, text) in [
        ("delete from edge_logs where true", "Only SELECT queries allowed at [1:1]"),
        ("insert into edge_logs (id) values ('x')", "Only SELECT queries allowed at [1:1]"),
        ("drop table edge_logs", "Only SELECT queries allowed at [1:1]"),
        ("select 1; select 2", "Only singular query allowed at [1:11]"),
        ("select 1; drop table x", "Only singular query allowed at [1:11]"),
        (
            "select id from `cloudflare.logs.prod`",
            "Table \"cloudflare.logs.prod\" does not exist at [1:16]",
        ),
        ("select id from logweir_sources", "Table \"logweir_sources\" does not exist"),
        ("select rolname from pg_catalog.pg_roles", "Table \"pg_catalog.pg_roles\" does not exist"),
        (
            "select id from supavisor_logs",
            "Table \"supavisor_logs\" does not exist at [1:16]; there are auth_logs, ",
        ),
        ("select pg_read_file('/etc/passwd')", "Function not found: pg_read_file at [1:8]"),
        ("select pg_sleep(100)", "Function not found: pg_sleep at [1:8]"),
        ("select query_to_xml('select 1', true, false, '')", "Function not found: query_to_xml"),
        ("select current_setting('data_directory')", "Function not found: current_setting"),
        ("select lo_import('/etc/passwd')", "Function not found: lo_import"),
        ("select * from edge_logs", "restricted wildcard (*) in a result column at [1:8]"),
        (
            "select m.* from edge_logs, unnest(metadata) m",
            "restricted wildcard (*) in a result column",
        ),
        (
            "select id from edge_logs where nothing = 1",
            "Unrecognized name: nothing at [1:32]; here are timestamp, id",
        ),
        ("select id from edge_logs where", "Syntax error: "),
        ("select 1 / 0", "division by zero"),
        ("select cast('x' as int64)", "Bad int64 value: x"),
    ] {
        let refusal = program.refusal(sql).await;
        assert!(refusal.starts_with(text), "{sql}: {refusal}");
    }
    for monster in [
        format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("select 1{}", " + 1".repeat(100_000)),
        format!("select '{}'", "x".repeat(1 << 20)),
    ] {
        let answer = post(&program, &json!({ "sql": monster })).await;
        let refusal = answer["error"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(refusal.starts_with("The query is"), "{refusal}");
    }
    assert_eq!(program.rows("select 1 as one").await, [json!({"one": 1})]);
    // None of it reached the database: it has run no statement that failed but the last two above.
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let tables: i64 = sqlx::query_scalar("select count(*) from logweir_sources")
        .fetch_one(&mut connection)
        .await
        .expect("the catalog is there");
    assert_eq!(tables, 9);
}

async fn post(program: &Program, body: &Value) -> Value {
    let response = program
        .client
        .post(program.url("/api/endpoints/query/logs.all?project=default"))
        .header("authorization", format!("Bearer {PRIVATE}"))
        .json(body)
        .send()
        .await
        .expect("it answers");
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_what_they_should() {
    let program = super::program().await;
    let query = program.url("/api/endpoints/query/logs.all?project=default&sql=select+1+as+one");
    let logs = program.url("/api/logs?source_name=postgres.logs");
    let status =
        async |request: reqwest::RequestBuilder| request.send().await.expect("it answers").status();
    let client = &program.client;
    let get = || client.get(&query);
    let send = |url: &str| client.post(url).header("content-type", "application/json").body("[]");

    assert_eq!(status(get()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(get().header("x-api-key", "wrong")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(get().header("x-api-key", PUBLIC)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(get().header("x-api-key", PRIVATE)).await, StatusCode::OK);
    assert_eq!(status(get().bearer_auth(PRIVATE)).await, StatusCode::OK);
    assert_eq!(status(get().query(&[("api_key", PRIVATE)])).await, StatusCode::OK);
    assert_eq!(
        status(get().header("authorization", "Basic x").header("x-api-key", PRIVATE)).await,
        StatusCode::OK
    );

    assert_eq!(status(send(&logs)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(send(&logs).header("x-api-key", "wrong")).await, StatusCode::UNAUTHORIZED);
    for token in [PUBLIC, PRIVATE] {
        assert_eq!(status(send(&logs).header("x-api-key", token)).await, StatusCode::OK);
        assert_eq!(status(send(&logs).bearer_auth(token)).await, StatusCode::OK);
        assert_eq!(status(send(&logs).query(&[("api_key", token)])).await, StatusCode::OK);
    }
    let unknown = program.url("/api/logs?source_name=nobody");
    assert_eq!(status(send(&unknown).header("x-api-key", PUBLIC)).await, StatusCode::UNAUTHORIZED);

    let response = client
        .get(program.url("/api/endpoints/query/functions.req-stats"))
        .bearer_auth(PRIVATE)
        .send()
        .await;
    let response = response.expect("it answers");
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(
        answer,
        json!({"error": "Endpoint \"functions.req-stats\" is not available on this server"})
    );
    assert_eq!(status(client.get(program.url("/nowhere"))).await, StatusCode::NOT_FOUND);
}

/// An export of so many spans, two bytes each.
fn empty_spans(count: usize) -> Vec<u8> {
    let field = |tag: u8, inner: &[u8]| {
        let digit = |place: usize| u8::try_from(inner.len() >> (7 * place) & 127).unwrap_or(0);
        [&[tag, digit(0) | 128, digit(1) | 128, digit(2)][..], inner].concat()
    };
    field(0x0a, &field(0x12, &b"\x12\x00".repeat(count)))
}

/// Whoever means no good is answered, and counted; neighbours of what is too much are stored.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_and_counted() {
    let database = TestCluster::shared().database().await;
    let settings = [("POSTGRES_BACKEND_URL", &*database), ("LOGWEIR_MAX_BODY_BYTES", "2000000")];
    let program = Program::start(&["serve"], &settings);
    program.ready().await;
    let events = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    let zeros = vec!["0"; 100_000].join(",");
    let many_values = format!("[{{\"a\":[{zeros}]}},{{\"event_message\":\"neighbour\"}}]");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"[{}]").expect("memory can be written");
    let zlib = encoder.finish().expect("memory can be written");
    let export = empty_spans(300_000);
    for (path, encoding, body, status, text) in [
        ("/api/logs", "", events(200_001).into_bytes(), 413, "more than 200000 events"),
        ("/api/logs", "", vec![b' '; 2_000_001], 413, "larger than 2000000 bytes"),
        ("/api/logs", "", many_values.into_bytes(), 200, ""),
        ("/api/logs", "deflate", [&zlib[..], b"[{}]"].concat(), 400, "4 bytes follow its end"),
        ("/api/logs", "deflate", zlib, 200, ""),
        ("/api/logs", "lzma", b"[{}]".to_vec(), 400, "send gzip"),
        ("/api/logs", "", b"[{}".to_vec(), 400, "not JSON"),
        ("/v1/traces", "", export, 413, "more than 1000000 values"),
    ] {
        let url = program.url(path);
        let request = program.client.post(url).header("x-api-key", PUBLIC).body(body);
        let request = request.header("x-source-name", "postgres.logs");
        let request = request.header("content-encoding", encoding);
        let response = request.send().await.expect("it answers");
        assert_eq!(response.status(), status, "{text}");
        let body = response.bytes().await.expect("the answer is complete");
        assert!(String::from_utf8_lossy(&body).contains(text), "{text}: {body:?}");
    }
    let url = program.url("/api/logs?source_name=nobody");
    let unknown = program.client.post(url).header("x-api-key", PUBLIC).body("[{},{}]").send();
    assert_eq!(unknown.await.expect("it answers").status(), StatusCode::UNAUTHORIZED);
    let metrics = program.client.get(program.url("/metrics")).bearer_auth(PRIVATE);
    let metrics = metrics.send().await.expect("it answers");
    let metrics = metrics.text().await.expect("text");
    for line in [
        r#"logweir_ingest_events_received_total{source="postgres.logs"} 200009"#,
        r#"logweir_ingest_events_stored_total{source="postgres.logs"} 2"#,
        r#"logweir_ingest_events_rejected_total{source="postgres.logs"} 200007"#,
        r#"logweir_ingest_events_rejected_total{source=""} 2"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
}

/// Half a megabyte each, a hundred times as much in memory: they wait for each other.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_take_much_memory_wait_for_each_other() {
    const AT_A_TIME: usize = 16;
    /// In kB. All at once they take more than twice as much.
    const MOST: u64 = 768 << 10;
    let program = super::program().await;
    // So many that they are read, and then too many events.
    let export = empty_spans(240_000);
    let requests = (0..AT_A_TIME).map(|_| {
        let request = program.client.post(program.url("/v1/traces")).body(export.clone());
        request.header("x-api-key", PUBLIC).header("x-source-name", "postgres.logs").send()
    });
    for response in futures_util::future::join_all(requests).await {
        let response = response.expect("it answers");
        let status = response.status();
        let body = response.bytes().await.expect("the answer is complete");
        let text = String::from_utf8_lossy(&body);
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => assert!(text.contains("200000 events"), "{text}"),
            // Who has waited for five seconds comes again.
            StatusCode::TOO_MANY_REQUESTS => assert!(text.contains("Buffer Full"), "{text}"),
            _ => panic!("{status}: {text}"),
        }
    }
    let peak = program.peak_kilobytes();
    assert!(peak < MOST, "{} MiB", peak >> 10);
}

/// Two bytes that are an event take hundreds: so do lines, and what is said of each that is none.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_many_tiny_lines_wait_for_each_other() {
    const AT_A_TIME: usize = 32;
    const LINES: usize = 40_000;
    /// In kB. All at once they take a third more.
    const MOST: u64 = 300 << 10;
    let program = super::program().await;
    let requests = (0..AT_A_TIME).map(|number| {
        let body = gzip(format!("{number}\n{}", "a\n".repeat(LINES - 1)).as_bytes());
        let request = program.ingest("postgres.logs", body).header("content-encoding", "gzip");
        let kind = if number % 4 == 0 { "text/plain" } else { "application/x-ndjson" };
        request.header("content-type", kind).send()
    });
    for response in futures_util::future::join_all(requests).await {
        let status = response.expect("it answers").status();
        assert!(matches!(status, StatusCode::OK | StatusCode::TOO_MANY_REQUESTS), "{status}");
    }
    let peak = program.peak_kilobytes();
    assert!(peak < MOST, "{} MiB", peak >> 10);
}

/// Bodies as large as Vector makes them come at once: each has its turn, and none is sent away. A
/// small one does not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_have_their_turn() {
    const AT_A_TIME: usize = 12;
    /// Well below the time that all large ones take.
    const SMALL_WITHIN: Duration = Duration::from_secs(4);
    let program = super::program().await;
    let large = |number: usize| {
        let event = |place: usize| json!({"event_message": format!("{number}-{place}"), "padding": "x".repeat(4_000)});
        json!((0..2_500).map(event).collect::<Vec<_>>()).to_string()
    };
    let all = (0..AT_A_TIME).map(|number| {
        let request = program.ingest("postgres.logs", large(number));
        async { request.send().await.expect("it answers").status() }
    });
    let plain = gzip(br#"[{"event_message":"small and compressed"}]"#);
    let small = async {
        for number in 0..10 {
            let body = format!(r#"[{{"event_message":"small {number}"}}]"#).into_bytes();
            let compressed = number % 2 == 1;
            let (body, encoding) =
                if compressed { (plain.clone(), "gzip") } else { (body, "identity") };
            let request = program.ingest("gotrue.logs.prod", body);
            let begin = Instant::now();
            let answer = request.header("content-encoding", encoding).send().await;
            assert_eq!(answer.expect("it answers").status(), StatusCode::OK);
            assert!(begin.elapsed() < SMALL_WITHIN, "{:?}", begin.elapsed());
        }
    };
    let (statuses, ()) = tokio::join!(futures_util::future::join_all(all), small);
    assert_eq!(statuses, [StatusCode::OK; AT_A_TIME]);
}

/// What a head says of a body's length is enough to refuse it.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large_are_refused_before_they_come() {
    let program = super::program().await;
    for (path, head, text) in [
        ("/api/logs?source_name=postgres.logs", "", "larger than 33554432 bytes"),
        ("/api/logs?source_name=postgres.logs", "expect: 100-continue\r\n", "33554432"),
        ("/v1/logs?source_name=postgres.logs", "", "larger than 33554432 bytes"),
        ("/api/sources/postgres.logs/validation", "", "larger than 262144 bytes"),
    ] {
        let method = if path.ends_with("validation") { "PUT" } else { "POST" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: here\r\nx-api-key: {PRIVATE}\r\n{head}\
             content-length: 40000000\r\n\r\n"
        );
        let mut stream = TcpStream::connect(program.address()).await.expect("it listens");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        let read = tokio::time::timeout(DEADLINE, read).await.expect("it answers in time");
        read.expect("the answer is complete");
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
        assert!(answer.contains(text), "{path}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

/// Who manages rejected events has a limit of their own, which no setting raises.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_about_rejected_events_may_be_too_large() {
    let program = super::program().await;
    let url = program.url("/api/sources/postgres.logs/rejected-events/replay");
    let request = program.client.post(url).header("x-api-key", PRIVATE);
    let response = request.body(vec![b' '; 300_000]).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let text = response.text().await.expect("the answer is complete");
    assert!(text.contains("262144") && !text.contains("LOGWEIR_MAX_BODY_BYTES"), "{text}");
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
