//! The forms in which events come, over the wire.

use std::io::Write as _;

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use end_to_end::{
    postgres::TestCluster,
    program::{PUBLIC, Program},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::vector::{recordings, send};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// Six events of the same run of Vector, which sent them in ten ways.
const EVENTS: [(i64, &str, Option<&str>); 6] = [
    (1_795_176_000_685_000, "GET | 200 | 172.18.0.1 | req | /object/a.png", None),
    (1_795_176_001_918_000, "GET | 200 | 172.18.0.1 | req | /object/a.png", None),
    (1_795_176_000_959_000, "statement: select 1", Some("ERROR")),
    (1_795_176_001_096_000, "statement: select 1", Some("FATAL")),
    (1_795_176_002_192_000, "statement: select 1", Some("FATAL")),
    (1_795_176_002_329_000, "statement: select 1", Some("WARNING")),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_vector_sends_in_ten_ways_is_stored_alike() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let recordings = recordings("vector-0.58/variants");
    assert_eq!(recordings.len(), 10);
    for recording in &recordings {
        let answer = send(&program, recording);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{}: {answer}", recording.name);
        assert!(answer.ends_with(r#"{"message":"Logged!"}"#), "{}: {answer}", recording.name);
    }
    // Studio's table leaves out the events of storage, which name no project at the top.
    let rows = program
        .rows(
            "select postgres_logs.timestamp as timestamp, event_message, parsed.error_severity as severity
             from postgres_logs cross join unnest(metadata) as m cross join unnest(m.parsed) as parsed
             order by timestamp limit 100",
        )
        .await;
    let of_postgres = EVENTS.iter().filter(|(_, _, severity)| severity.is_some());
    for (timestamp, message, severity) in of_postgres.clone() {
        let alike = rows.iter().filter(|row| {
            row["timestamp"] == *timestamp
                && row["event_message"].as_str().is_some_and(|text| text.ends_with(message))
                && row["severity"].as_str() == *severity
        });
        assert_eq!(alike.count(), recordings.len(), "{timestamp}: {rows:?}");
    }
    assert_eq!(rows.len(), recordings.len() * of_postgres.count());

    // Whatever way they came, they differ in their ids only.
    let stored = stored(&database, "(body - 'id')::text").await;
    let times: Vec<i64> = stored.iter().map(|(_, times)| *times).collect();
    // `timestamp_format: unix_ns` also is for the time that is written within the metadata of four.
    assert_eq!(times.iter().sum::<i64>(), 60);
    assert_eq!(stored.len(), EVENTS.len() + 4, "{stored:?}");
}

/// `[#{}]`
const BERT_LIST: &[u8] = b"\x83\x6c\0\0\0\x01\x74\0\0\0\0\x6a";

/// `#{<<"batch">> => [#{message => Message}]}`
fn bert(message: &str) -> Vec<u8> {
    let binary = |text: &str| {
        let length = u32::try_from(text.len()).expect("it is short");
        [&b"\x6d"[..], &length.to_be_bytes(), text.as_bytes()].concat()
    };
    let event = [&b"\x74\0\0\0\x01\x77\x07message"[..], &binary(message)].concat();
    let list = [&b"\x6c\0\0\0\x01"[..], &event, b"\x6a"].concat();
    [&b"\x83\x74\0\0\0\x01"[..], &binary("batch"), &list].concat()
}

/// As `term_to_binary(Term, [compressed])` writes it.
fn compressed(term: &[u8]) -> Vec<u8> {
    let (version, term) = term.split_at(1);
    let length = u32::try_from(term.len()).expect("it is short");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(term).expect("memory can be written");
    let zlib = encoder.finish().expect("memory can be written");
    [version, b"\x50", &length.to_be_bytes(), &zlib].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn erlang_sends_terms() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let headers = [("x-source-name", "postgres.logs"), ("content-type", "application/bert")];
    for body in [bert("plain"), compressed(&bert("compressed")), BERT_LIST.to_vec()] {
        let paths: &[&str] =
            if body == BERT_LIST { &["/logs"] } else { &["/logs", "/logs/erlang"] };
        for path in paths {
            let answer = post(&program, path, &headers, body.clone()).await;
            assert_eq!(answer, (StatusCode::OK, json!({"message": "Logged!"})), "{path} {body:?}");
        }
    }
    let stored = stored(&database, "coalesce(event_message, '(none)')").await;
    let mut stored: Vec<_> = stored.iter().map(|(text, times)| (text.as_str(), *times)).collect();
    stored.sort_unstable();
    assert_eq!(stored, [("(none)", 1), ("compressed", 2), ("plain", 2)]);
}

/// A request to a path of the sink, for the database's source.
async fn post(
    program: &Program,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> (StatusCode, Value) {
    let mut request = program.client.post(program.url(path)).header("x-api-key", PUBLIC).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("it answers");
    assert_eq!(response.headers()["access-control-allow-origin"], "*", "{path}");
    let status = response.status();
    (status, response.json().await.expect("the answer is JSON"))
}

/// What is stored of the events, each with how often.
async fn stored(database: &str, column: &str) -> Vec<(String, i64)> {
    let mut connection = PgConnection::connect(database).await.expect("the database answers");
    let table = "select 'log_events_' || replace(token::text, '-', '_') from logweir_sources where name = 'postgres.logs'";
    let table: String =
        sqlx::query_scalar(table).fetch_one(&mut connection).await.expect("the source is there");
    let sql = format!("select {column}, count(*) from {table} group by 1");
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .expect("the table can be read")
}

async fn messages(database: &str) -> Vec<String> {
    let stored = stored(database, "coalesce(event_message, '(none)')").await;
    let mut messages: Vec<_> = stored.into_iter().map(|(message, _)| message).collect();
    messages.sort();
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_takes_its_senders_events() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let source = [("x-source-name", "postgres.logs")];
    for (path, headers, body) in [
        ("/logs/postgres.logs", &[][..], r#"[{"message":"01 path"}]"#),
        ("/api/events/postgres%2Elogs", &[], r#"{"message":"02 path"}"#),
        ("/api/logs", &source, "03 text\n04 text"),
        ("/api/logs", &source, "{\"message\":\"05 line\"}\n{\"message\":\"06 line\"}\n"),
        (
            "/api/logs",
            &[
                ("x-source-name", "postgres.logs"),
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            "message=07+form",
        ),
        ("/api/logs/json", &source, "[{\"08\":\"json\"}]"),
        ("/logs/browser/reports", &source, "[{\"type\":\"crash\"}]"),
        (
            "/api/events/cloud-event",
            &[("x-source-name", "postgres.logs"), ("ce-id", "1")],
            r#"{"message":"09 cloud event"}"#,
        ),
        ("/logs/vercel", &source, r#"[{"source":"build","message":"vercel"}]"#),
        ("/logs/netlify", &source, r#"[{"message":"10 netlify"}]"#),
        ("/logs/elixir/logger", &source, r#"{"batch":[{"message":"11 elixir"}]}"#),
        ("/logs/erlang/lager", &source, r#"{"batch":[{"message":"12 erlang"}]}"#),
        (
            "/logs/typecasts",
            &source,
            r#"{"batch":[{"body":{"message":"13 typecasts"},"typecasts":[]}]}"#,
        ),
        (
            "/api/logs/logplex",
            &source,
            "67 <40>1 2026-11-20T12:00:00+00:00 host app web.3 - 14 logplex message",
        ),
        (
            "/api/events/syslog",
            &source,
            "<13>1 - - - - - - 15 syslog\n<13>1 - - - - - - 16 syslog\n",
        ),
        ("/logs/github", &source, r#"{"action":"17","repository":{"full_name":"github"}}"#),
        ("/logs/vector", &source, r#"[{"message":"18 vector","host":"h"}]"#),
        ("/logs/cloudflare", &source, "{\"19\":\"cloudflare\"}\n{\"20\":\"cloudflare\"}"),
        (
            "/logs/cloudflare",
            &[("x-source-name", "postgres.logs"), ("content-type", "text/plain; charset=utf-8")],
            "{\"21\":\"cloudflare\"}\n",
        ),
        ("/api/logs", &source, ""),
    ] {
        let answer = post(&program, path, headers, body).await;
        assert_eq!(answer, (StatusCode::OK, json!({"message": "Logged!"})), "{path} {body}");
    }
    assert_eq!(
        messages(&database).await,
        [
            "01 path",
            "02 path",
            "03 text",
            "04 text",
            "05 line",
            "06 line",
            "07 form",
            "09 cloud event",
            "10 netlify",
            "11 elixir",
            "12 erlang",
            "13 typecasts",
            "14 logplex message",
            "15 syslog",
            "16 syslog",
            "18 vector",
            "build | vercel",
            "github |  | 17",
            r#"{"08":"json"}"#,
            r#"{"19":"cloudflare"}"#,
            r#"{"20":"cloudflare"}"#,
            r#"{"21":"cloudflare"}"#,
            r#"{"type":"crash"}"#,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_does_not_take_is_refused_with_advice() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let source = ("x-source", "postgres.logs");
    for (path, headers, body, status, text) in [
        ("/logs/vercel", &[source][..], &b"{}"[..], 400, "a JSON list of objects"),
        ("/logs/typecasts", &[source], b"[]", 400, "this path takes {\"batch\""),
        ("/logs/erlang", &[source], BERT_LIST, 400, "this path takes {\"batch\""),
        ("/logs/erlang", &[source], b"\x83", 400, "this path takes {\"batch\""),
        ("/logs/erlang", &[source], b"\x83\x74\0\0\0\x01\x6d\0", 400, "no BERT: it is cut"),
        ("/logs/erlang", &[source], b"\x83\x50\0\0\0\x09x", 400, "cannot be inflated"),
        ("/logs/syslog", &[source], b"[{}]", 400, "RFC 5424"),
        ("/logs/json", &[source], b"text", 400, "a JSON list of objects"),
        ("/logs", &[source], b"[{}", 400, "the body is not JSON"),
        ("/logs", &[source], b"\x01", 400, "codec native"),
        ("/logs", &[source, ("content-encoding", "lzma")], b"[]", 400, "send gzip, deflate, zstd"),
        ("/logs", &[source, ("content-encoding", "zstd")], b"[]", 400, "cannot be inflated"),
        ("/logs", &[source, ("content-type", "multipart/form-data")], b"--x", 415, "send JSON"),
        ("/logs/nobody", &[], b"[]", 401, "Unauthorized"),
    ] {
        let (answered, answer) = post(&program, path, headers, body).await;
        assert_eq!(answered, status, "{path} {body:?}: {answer}");
        assert!(answer["error"].as_str().unwrap_or_default().contains(text), "{path}: {answer}");
    }
    let (status, answer) = post(
        &program,
        "/logs",
        &[source],
        "{\"message\":\"a\"}\n{\"message\"\n7\n{\"message\":\"b\"}",
    )
    .await;
    // What cannot be read is kept apart; its neighbours are stored.
    assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Logged!"})));
    assert_eq!(messages(&database).await, ["a", "b"]);

    let get = program.client.get(program.url("/api/logs/postgres.logs")).send().await;
    let get = get.expect("it answers");
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get.headers()["allow"], "POST, OPTIONS");
    let preflight = program
        .client
        .request(reqwest::Method::OPTIONS, program.url("/api/logs/json"))
        .send()
        .await
        .expect("it answers");
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
}

/// Other senders' paths say so too, and take what is right beside what is not.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_does_not_take_harms_nothing_else() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let headers = [("x-source", "postgres.logs"), ("ce-id", "1")];
    let (list, lines) = (r#"[{"message":"no"}]"#, "{\"message\":\"no\"}\n{\"message\":\"no\"}");
    let any_objects = "this path takes a JSON list of objects, one object, or one object per line";
    for (path, refused, advice, taken) in [
        ("netlify", &["text", "7"][..], any_objects, r#"[{"message":"netlify"},7]"#),
        (
            "github",
            &["text", "7", list, lines],
            "this path takes one JSON object, as GitHub's webhooks send it",
            r#"{"action":"a","repository":{"full_name":"github"}}"#,
        ),
        ("vector", &["text", "7"], any_objects, r#"[{"message":"vector"},7]"#),
        (
            "cloudflare",
            &["text", "7", list],
            "this path takes one JSON object per line, {\"batch\": […]}, or one object",
            "{\"by\":\"cloudflare\"}\n{\"cut\n{\"and\":\"cloudflare\"}",
        ),
        ("cloud-event", &["text", "7"], any_objects, r#"[{"message":"cloud event"},7]"#),
        ("browser/reports", &["text", "7"], any_objects, r#"[{"type":"crash"},7]"#),
    ] {
        let path = format!("/logs/{path}");
        for body in refused {
            let (status, answer) = post(&program, &path, &headers, *body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}: {answer}");
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(error.contains(advice), "{path} {body}: {error}");
        }
        let answer = post(&program, &path, &headers, taken).await;
        assert_eq!(answer, (StatusCode::OK, json!({"message": "Logged!"})), "{path} {taken}");
    }
    assert_eq!(
        messages(&database).await,
        [
            "cloud event",
            "github |  | a",
            "netlify",
            "vector",
            r#"{"and":"cloudflare"}"#,
            r#"{"by":"cloudflare"}"#,
            r#"{"type":"crash"}"#,
        ]
    );
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let kept: i64 = sqlx::query_scalar("select count(*) from logweir_rejected_events")
        .fetch_one(&mut connection)
        .await
        .expect("the table is there");
    assert_eq!(kept, 5);
}

/// A connection that is kept.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn to(program: &Program) -> Self {
        let stream = TcpStream::connect(program.address()).await.expect("it listens");
        Self(BufReader::new(stream))
    }

    /// Sends a request for the database's source; gives the answer's status and body.
    async fn post(&mut self, path: &str, encoding: &str, body: &[u8]) -> (u16, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\nx-api-key: {PUBLIC}\r\n\
             x-source-name: postgres.logs\r\ncontent-encoding: {encoding}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.0.get_mut().write_all(&request).await.expect("the connection is open");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.expect("the connection is open");
            let line = line.trim_end();
            assert_ne!(line, "connection: close");
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a number");
            } else if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().expect("a number");
            } else if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).await.expect("the answer is complete");
        (status, String::from_utf8(answer).expect("text"))
    }
}

/// Each is told what is wrong, and the next request on the same connection is stored.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_refused_and_harms_nothing_else() {
    const EVENT: &[u8] = br#"[{"message":"never stored"}]"#;
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let gzip = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(EVENT).expect("memory can be written");
        encoder.finish().expect("memory can be written")
    };
    let mut checksum = gzip.clone();
    let at = checksum.len() - 6;
    checksum[at] ^= 1;
    let zlib = {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(EVENT).expect("memory can be written");
        encoder.finish().expect("memory can be written")
    };
    let cut = |whole: &[u8]| whole[..whole.len() - 9].to_vec();
    // EventArray { logs: [Log { fields: {"message": "…"} }] }
    let frame = |message: &[u8]| {
        let within = |tag: u8, inner: &[u8]| {
            [&[tag, u8::try_from(inner.len()).expect("it is short")], inner].concat()
        };
        let entry = [within(0x0a, b"message"), within(0x12, &within(0x0a, message))].concat();
        let event = within(0x0a, &within(0x0a, &within(0x0a, &entry)));
        [&u32::try_from(event.len()).expect("it is short").to_be_bytes()[..], &event].concat()
    };
    let (never, native) = (frame(b"never stored"), frame(b"stored before a broken frame"));
    let names = [&b"\x83"[..], &b"\x74\0\0\0\x01".repeat(34), &b"\x6a".repeat(35)].concat();
    let inflated = "cannot be inflated";
    let mut connection = Connection::to(&program).await;
    for (number, (path, encoding, body, status, text)) in [
        ("/logs", "gzip", cut(&gzip), 400, inflated),
        ("/logs", "gzip", checksum, 400, inflated),
        ("/logs", "gzip", EVENT.to_vec(), 400, inflated),
        ("/logs", "deflate", cut(&zlib), 400, inflated),
        ("/logs", "deflate", b"\xff\xff\xff".to_vec(), 400, inflated),
        ("/logs", "zstd", b"\x28\xb5\x2f\xfd\x20\x04\x25\0\0[{".to_vec(), 400, inflated),
        ("/logs", "zstd", gzip.clone(), 400, inflated),
        // A length that is not the one of what comes, and a copy of what is not there.
        ("/logs", "snappy", b"\x09\x0c[{}]".to_vec(), 400, inflated),
        ("/logs", "snappy", b"\x08\x01\x05\0".to_vec(), 400, inflated),
        ("/logs", "br", b"\x0b\x01\x80[{".to_vec(), 400, inflated),
        ("/logs", "br", b"\xff\xff\xff\xff".to_vec(), 400, inflated),
        ("/v1/logs", "gzip", cut(&gzip), 400, inflated),
        ("/logs/vercel", "", br#"[{"source":"build","message":"never"}"#.to_vec(), 400, "not JSON"),
        ("/logs/vercel", "", b"{\"message\":\"kept\"}\n{\"cut\n".to_vec(), 200, ""),
        ("/logs/json", "", br#"[{"message":"never"},{]"#.to_vec(), 400, "not JSON"),
        ("/logs/json", "", b"{\"a\":1".to_vec(), 400, "not JSON"),
        ("/logs/erlang", "", bert("never")[..40].to_vec(), 400, "no BERT: it is cut"),
        ("/logs/erlang", "", b"\x83\x74\0\0\0\x01\x70".to_vec(), 400, "no data"),
        ("/logs", "", names, 200, ""),
        ("/logs/typecasts", "", br#"{"batch":[{"body":{"a":"1"}"#.to_vec(), 400, "not JSON"),
        (
            "/logs/typecasts",
            "",
            br#"{"batch":[{"body":5},{"body":{"message":"b"}}]}"#.to_vec(),
            200,
            "",
        ),
        ("/logs/syslog", "", b"<999>1 - - - - - - never\nnever".to_vec(), 400, "RFC 5424"),
        ("/logs/syslog", "", b"never\n<13>1 - - - - - - kept".to_vec(), 200, ""),
        ("/logs", "", [&native[..], b"\0\0\0\x02\x0a\x7f"].concat(), 200, ""),
        // What comes behind is not known.
        ("/logs", "", [&never[..], b"\0\0\0\x7f\x0a"].concat(), 400, "frame 2"),
        ("/logs", "", [b"\0\0\0\x02\x0a\x7f", &never[..]].concat(), 400, "codec native"),
    ]
    .into_iter()
    .enumerate()
    {
        let (answered, answer) = connection.post(path, encoding, &body).await;
        assert_eq!(answered, status, "{path} {encoding} {body:?}: {answer}");
        assert!(answer.contains(text), "{path} {encoding} {body:?}: {answer}");
        let neighbour = format!(r#"[{{"message":"neighbour {number:02}"}}]"#);
        let answer = connection.post("/logs", "", neighbour.as_bytes()).await;
        assert_eq!(answer, (200, r#"{"message":"Logged!"}"#.to_owned()), "{path} {encoding}");
    }
    let mut expected: Vec<_> = (0..26).map(|number| format!("neighbour {number:02}")).collect();
    expected.extend([" | kept", "b", "kept", "stored before a broken frame"].map(str::to_owned));
    expected.sort();
    assert_eq!(messages(&database).await, expected);
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let kept = "select event from logweir_rejected_events order by event";
    let kept: Vec<String> =
        sqlx::query_scalar(kept).fetch_all(&mut connection).await.expect("the table is there");
    let nested = (0..34).fold("[]".to_owned(), |name, _| format!("{{\"\":[{name},[]]}}"));
    let mut expected = ["\n\u{7f}", "5", "never", "{\"cut", &nested].map(str::to_owned);
    expected.sort();
    assert_eq!(kept, expected);
}
