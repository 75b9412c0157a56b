//! Requests recorded from a real Vector, sent byte for byte, and read back as Studio reads them.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
};

use serde_json::{Value, json};

use end_to_end::program::{DEADLINE, PUBLIC, Program};

/// The key that the recorded requests carry.
const RECORDED_KEY: &str = "x-api-key: pub\r\n";

pub(super) struct Recording {
    /// The file's name: a source's, or what is special.
    pub(super) name: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// The recorded requests in a folder of the fixtures.
pub(super) fn recordings(folder: &str) -> Vec<Recording> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let files = std::fs::read_dir(folder).expect("the fixtures are there");
    let paths = files.map(|file| file.expect("the folder can be read").path());
    // The folders in it hold other recordings.
    let recordings = paths.filter(|path| path.is_file()).map(|path| {
        let bytes = std::fs::read(&path).expect("the file can be read");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the head ends") + 4;
        Recording {
            name: path.file_stem().expect("it has a name").to_string_lossy().into_owned(),
            head: String::from_utf8(bytes[..end].to_vec()).expect("the head is text"),
            body: bytes[end..].to_vec(),
        }
    });
    recordings.collect()
}

/// Sends a recorded request as it is, but for the key; gives the answer as it comes.
pub(super) fn send(program: &Program, Recording { head, body, .. }: &Recording) -> String {
    assert!(head.contains(RECORDED_KEY), "{head}");
    let head = head.replace(RECORDED_KEY, &format!("x-api-key: {PUBLIC}\r\n"));
    let mut stream = TcpStream::connect(("127.0.0.1", program.port())).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
    stream.write_all(head.as_bytes()).expect("the head is taken");
    stream.write_all(body).expect("the body is taken");
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !complete(&answer) {
        let length = stream.read(&mut part).expect("it answers in time");
        assert!(length > 0, "the answer is cut: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..length]);
    }
    String::from_utf8(answer).expect("the answer is text")
}

fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// The list queries of Studio's pages, with the columns that the pages show.
pub(super) fn list_query(source: &str) -> &'static str {
    match source {
        "cloudflare.logs.prod" => {
            "select id, edge_logs.timestamp, event_message, request.method, request.path, request.search, response.status_code
             from edge_logs cross join unnest(metadata) as m
             cross join unnest(m.request) as request cross join unnest(m.response) as response
             order by timestamp desc limit 100;"
        }
        "postgres.logs" => {
            "select postgres_logs.timestamp, id, event_message, parsed.error_severity, parsed.detail, parsed.hint
             from postgres_logs cross join unnest(metadata) as m cross join unnest(m.parsed) as parsed
             order by timestamp desc limit 100"
        }
        "gotrue.logs.prod" => {
            "select id, auth_logs.timestamp, event_message, metadata.level, metadata.status, metadata.path, metadata.msg as msg, metadata.error
             from auth_logs cross join unnest(metadata) as metadata order by timestamp desc limit 100"
        }
        "deno-relay-logs" => "select id, function_edge_logs.timestamp, event_message from function_edge_logs order by timestamp desc limit 100",
        "realtime.logs.prod" => "select id, realtime_logs.timestamp, event_message from realtime_logs order by timestamp desc limit 100",
        "storage.logs.prod.2" => "select id, storage_logs.timestamp, event_message from storage_logs order by timestamp desc limit 100",
        "postgREST.logs.prod" => "select id, postgrest_logs.timestamp, event_message from postgrest_logs order by timestamp desc limit 100",
        other => panic!("no page shows {other}"),
    }
}

/// What a page must show of an event, without its id.
fn shown(source: &str, event: &Value) -> Value {
    let metadata = &event["metadata"];
    let mut row = json!({
        "timestamp": microseconds(event["timestamp"].as_str().expect("Vector sends text")),
        "event_message": event["event_message"],
    });
    match source {
        "cloudflare.logs.prod" => {
            for name in ["method", "path", "search"] {
                row[name] = metadata["request"][name].clone();
            }
            row["status_code"] = metadata["response"]["status_code"].clone();
        }
        "postgres.logs" => {
            for name in ["error_severity", "detail", "hint"] {
                row[name] = metadata["parsed"][name].clone();
            }
        }
        "gotrue.logs.prod" => {
            for name in ["level", "status", "path", "msg", "error"] {
                row[name] = metadata[name].clone();
            }
        }
        _ => {}
    }
    row
}

/// `2026-11-20T12:00:00.959Z` as microseconds since 1970.
fn microseconds(text: &str) -> i64 {
    let (date, time) = text.trim_end_matches('Z').split_once('T').expect("date and time");
    let numbers = |text: &str, by: char| {
        text.split(by).map(|n| n.parse::<i64>().expect("a number")).collect::<Vec<_>>()
    };
    let date = numbers(date, '-');
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let time = numbers(time, ':');
    let fraction: i64 = format!("{fraction:0<6}").parse().expect("a fraction");
    // Days since 1970 of a date from March 1970 on.
    let (year, month) = if date[1] > 2 { (date[0], date[1]) } else { (date[0] - 1, date[1] + 12) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month - 457) / 5 + date[2]
        - 719_469;
    ((days * 24 + time[0]) * 3600 + time[1] * 60 + time[2]) * 1_000_000 + fraction
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vector_sends_is_what_studio_shows() {
    let program = super::program().await;
    let recordings = recordings("vector-0.58");
    assert_eq!(recordings.len(), 7);
    for recording in recordings {
        let answer = send(&program, &recording);
        let Recording { name: source, body, .. } = recording;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{source}: {answer}");
        assert!(answer.ends_with(r#"{"message":"Logged!"}"#), "{source}: {answer}");

        let events: Vec<Value> = serde_json::from_slice(&body).expect("the body is JSON");
        let mut expected: Vec<Value> = events.iter().map(|event| shown(&source, event)).collect();
        let mut rows = program.rows(list_query(&source)).await;
        let mut ids = std::collections::BTreeSet::new();
        for row in &mut rows {
            let id = row.as_object_mut().expect("a row").remove("id").expect("every row has an id");
            assert!(
                ids.insert(id.as_str().expect("an id is text").to_owned()),
                "two rows with one id"
            );
        }
        let newest_first =
            rows.windows(2).all(|two| two[0]["timestamp"].as_i64() >= two[1]["timestamp"].as_i64());
        assert!(newest_first, "{source}");
        for list in [&mut rows, &mut expected] {
            list.sort_by_key(Value::to_string);
        }
        assert_eq!(rows, expected, "{source}");
    }
}

/// The panel that opens on a click: the whole event, in the shape of BigQuery's repeated records.
#[tokio::test(flavor = "multi_thread")]
async fn one_event_has_the_shape_that_studio_unpacks() {
    let program = super::program().await;
    for Recording { name: source, body, .. } in recordings("vector-0.58") {
        let events: Value = serde_json::from_slice(&body).expect("the body is JSON");
        program.log(&source, &events).await;
    }
    let rows = program.rows("select id from storage_logs limit 1").await;
    let id = rows[0]["id"].as_str().expect("an id");
    let rows = program
        .rows(&format!("select id, timestamp, event_message, metadata from storage_logs where id = '{id}' limit 1"))
        .await;
    assert_eq!(
        rows[0]["metadata"],
        json!([{
            "context": [{"host": "abc", "pid": 1}],
            "level": 30,
            "project": "default",
            "tenantId": "default",
            "timestamp": "2026-11-20T12:00:00.123Z",
        }])
    );
    let rows = program.rows("select metadata from edge_logs order by timestamp limit 1").await;
    assert_eq!(
        rows[0]["metadata"],
        json!([{
            "request": [{"headers": [{
                "cf_connecting_ip": "172.18.0.7",
                "referer": "http://localhost:3000/",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            }]}],
            "response": [{"status_code": 200}],
        }])
    );
}
