//! Events that were rejected and are sent in again, and requests that are.

use std::{fs, io::ErrorKind};

use end_to_end::{
    http_exchange::{Exchange, Fault, Outcome},
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program, eventually},
};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tokio::{io::AsyncWriteExt as _, net::TcpSocket};

const TABLE: &str = "postgres.logs";

/// A rejected event teaches nothing, and what is replayed is an event like others.
#[tokio::test(flavor = "multi_thread")]
async fn replayed_events_teach_their_source() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let mut admin = PgConnection::connect(&database).await.expect("the database answers");
    let mut known = async |size: &str| {
        let sql = "select count(*) from logweir_source_fields where path = $1";
        let path = format!("metadata.custom.{size}");
        let asked = sqlx::query_scalar::<_, i64>(sql).bind(path);
        asked.fetch_one(&mut admin).await.expect("it is read") > 0
    };
    let far = "2099-01-01T00:00:00Z";
    let event = json!({"project": "default", "timestamp": far, "metadata": {"custom": {"far": 7}}});
    program.log(TABLE, &json!([event])).await;
    program.log(TABLE, &json!([{"project": "default", "metadata": {"custom": {"near": 7}}}])).await;
    eventually("what was stored is learned", async || known("near").await).await;
    assert!(!known("far").await);

    program.set_validation(TABLE, "off").await;
    let url = program.url(&format!("/api/sources/{TABLE}/rejected-events/replay"));
    let replay = program.client.post(url).header("x-api-key", PRIVATE).json(&json!({}));
    let replayed = replay.send().await.expect("it answers");
    assert_eq!(replayed.status(), StatusCode::OK);
    let replayed: serde_json::Value = replayed.json().await.expect("JSON");
    assert_eq!(replayed["replayed"], 1, "{replayed}");
    eventually("what was replayed is learned", async || known("far").await).await;
}

/// A network that loses an answer says nothing of it: here the sender's buffer is full, which looks
/// the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_acknowledged_was_not_delivered() {
    let program = super::program().await;
    let request = |number: usize| {
        let body = format!(r#"[{{"event_message": "{number:05}", "project": "default"}}]"#);
        let head = format!(
            "POST /api/logs?source_name={TABLE} HTTP/1.1\r\nhost: here\r\nx-api-key: {PUBLIC}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        (head, body)
    };
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2048).expect("a small buffer");
    let mut deaf = socket.connect(program.address()).await.expect("it listens");
    let [here, there] = [deaf.local_addr(), deaf.peer_addr()].map(|address| {
        let port = address.expect("it is connected").port();
        format!("0100007F:{port:04X}")
    });
    // The program's end, established.
    let end = format!(" {there} {here} 01 ");
    let is_listed = || {
        let connections = fs::read_to_string("/proc/self/net/tcp").expect("connections are listed");
        connections.contains(&end)
    };
    assert!(is_listed());
    const REQUESTS: usize = 200;
    for number in 0..REQUESTS {
        let (head, body) = request(number);
        deaf.write_all(format!("{head}{body}").as_bytes()).await.expect("it is read");
    }
    let stored = async || {
        let rows = program.rows("select count(*) as n from postgres_logs").await;
        rows[0]["n"].as_u64().expect("a number")
    };
    let all = REQUESTS as u64;
    eventually("all are stored", async || stored().await == all).await;
    // Looked for without a byte on the connection: each that comes puts off the program's system,
    // which asks whether there is room again.
    eventually("the program's end of it is gone", async || !is_listed()).await;
    // The program's end knows nothing of the connection any more. Empty lines are no request.
    eventually("it is broken off", async || {
        deaf.try_write(b"\r\n").is_err_and(|error| error.kind() != ErrorKind::WouldBlock)
    })
    .await;
    // Those before the last one count as read, because more was sent on the same connection.
    let (head, body) = request(REQUESTS - 1);
    let again = Exchange::with(program.address()).send(&head, body.as_bytes(), None).await;
    assert_eq!(again, Outcome::Answered(200));
    assert_eq!(stored().await, all);
    let again = Exchange::with(program.address()).send(&head, body.as_bytes(), None).await;
    assert_eq!(again, Outcome::Answered(200));
    assert_eq!(stored().await, all + 1);
}

/// The attributes of a CloudEvent stand in headers: what differs in them alone is another one.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_part_of_the_event_are_part_of_the_request() {
    let program = super::program().await;
    let body = r#"{"message": "m", "project": "default"}"#;
    let head = |id: &str| {
        format!(
            "POST /api/events/cloud-event?source_name={TABLE} HTTP/1.1\r\nhost: here\r\n\
             x-api-key: {PUBLIC}\r\ncontent-type: application/json\r\nce-id: {id}\r\n\
             ce-type: t\r\nce-source: s\r\nce-specversion: 1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
    };
    let mut client = Exchange::with(program.address());
    let stored = async || program.rows("select count(*) as n from postgres_logs").await;
    let lost = client.send(&head("1"), body.as_bytes(), Some(Fault::LeaveAnswer)).await;
    assert_eq!(lost, Outcome::Undelivered);
    for (id, count) in [("2", 2), ("1", 2), ("1", 3)] {
        let sent = client.send(&head(id), body.as_bytes(), None).await;
        assert_eq!(sent, Outcome::Answered(200), "{id}");
        assert_eq!(stored().await, [json!({"n": count})], "{id}");
    }
}
