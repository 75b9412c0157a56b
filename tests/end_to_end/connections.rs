//! Clients that hold connections and do nothing with them, and what else is unusual on the wire.

use std::{net::SocketAddr, time::Duration};

use end_to_end::{
    http_exchange::{Exchange, Outcome},
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program, eventually},
};
use futures_util::{StreamExt as _, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// As many as the program holds at a time where it is not told otherwise.
const CONNECTIONS: usize = 10_000;

/// Files that this process has open besides.
const OTHER_FILES: u64 = 500;

/// Longer than anything here takes, and shorter than the program waits for a whole body.
const DEADLINE: Duration = Duration::from_secs(40);

/// Requests that are answered while all places are taken.
const ROUNDS: usize = 20;

/// The program gives no body up for so long where it gets no bytes of it.
const SPARED_QUIET: Duration = Duration::from_secs(10);

/// Nor for so long where it does.
const SPARED: Duration = Duration::from_secs(60);

/// Between two bytes of a body that trickles.
const PAUSE: Duration = Duration::from_millis(500);

/// Where it is set, the test may make do with fewer connections.
const FEWER_CONNECTIONS: &str = "LOGWEIR_TEST_FEWER_CONNECTIONS";

/// How many connections this process opens: all, or as many as it may where that is allowed.
fn connections() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("the limit is ours");
    let places = maximum.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES));
    let affordable = usize::try_from(places).unwrap_or(usize::MAX).min(CONNECTIONS);
    assert!(
        affordable == CONNECTIONS || std::env::var_os(FEWER_CONNECTIONS).is_some(),
        "there are files for {affordable} of {CONNECTIONS} connections: raise the limit with \
         `ulimit -Hn {}`, or set {FEWER_CONNECTIONS}=1 to try so few",
        CONNECTIONS as u64 + OTHER_FILES
    );
    affordable
}

/// Sends the beginning of a request on so many new connections.
async fn hold(address: SocketAddr, beginning: &str, connections: usize) -> Vec<TcpStream> {
    let open = async |_| {
        let connect = TcpStream::connect(address);
        let mut stream = timeout(DEADLINE, connect).await.expect("in time").expect("it listens");
        // It may have made room already.
        _ = stream.write_all(beginning.as_bytes()).await;
        stream
    };
    // Not more at once than the system lets wait to be accepted.
    stream::iter(0..connections).map(open).buffer_unordered(100).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_do_not_hold_a_busy_one_up() {
    let connections = connections();
    let database = TestCluster::shared().database().await;
    let program = Program::start(
        &["serve"],
        &[
            ("POSTGRES_BACKEND_URL", &database),
            ("LOGWEIR_MAX_CONNECTIONS", &connections.to_string()),
        ],
    );
    program.ready().await;
    // The first event makes the source's tables.
    program.log("postgres.logs", &json!([{"event_message": "m", "project": "default"}])).await;
    let (address, body) = (program.address(), r#"[{"event_message":"m","project":"default"}]"#);
    let head = |length: usize| {
        format!(
            "POST /api/logs?source_name=postgres.logs HTTP/1.1\r\nhost: here\r\n\
             x-api-key: {PUBLIC}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let silent = hold(address, "", connections / 3).await;
    let half_heads = hold(address, &head(9)[..60], connections / 3).await;
    let rest = connections - silent.len() - half_heads.len();
    let opened = Instant::now();
    let trickling = hold(address, &head(9_999), rest).await;

    // Always on a new connection. It waits behind connections that were made just now.
    let answer = async || {
        let mut client = Exchange::with(address);
        let head = head(body.len());
        let answered = client.send(&head, body.as_bytes(), None);
        timeout(DEADLINE, answered).await.expect("it is answered")
    };
    // A machine that is too busy to send the bytes in time shows nothing of what is spared.
    let (mut in_time, mut last_bytes) = (true, opened);
    for _ in 0..ROUNDS {
        assert_eq!(answer().await, Outcome::Answered(200));
        let next_bytes = Instant::now();
        let open = trickling.iter().filter(|stream| stream.try_write(b" ").is_ok()).count();
        in_time &= last_bytes.elapsed() < SPARED_QUIET && opened.elapsed() < SPARED;
        last_bytes = next_bytes;
        assert!(!in_time || open == trickling.len(), "bodies that make progress are given up");
    }
    if !in_time {
        eprintln!("\n!!! the machine is too busy to see whether bodies that make progress stay\n");
    }

    // When all places are taken by bodies that trickle in, they make room, too.
    drop((silent, half_heads));
    let mut trickling = trickling;
    trickling.extend(hold(address, &head(9_999), connections - trickling.len()).await);
    let trickle = async {
        loop {
            for stream in &trickling {
                // It may have made room.
                _ = stream.try_write(b" ");
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        answered = answer() => assert_eq!(answered, Outcome::Answered(200)),
        () = trickle => {}
    }
}

/// Studio asks in the URL, and shows an error's text with 200 only.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_too_long_for_a_url_is_answered_with_the_reason() {
    let program = super::program().await;
    for length in [100_000, 1 << 20] {
        let mut stream = TcpStream::connect(program.address()).await.expect("it listens");
        let path = "/api/endpoints/query/logs.all?project=default&sql=select%201";
        let rest =
            format!("HTTP/1.1\r\nhost: here\r\nx-api-key: {PRIVATE}\r\nconnection: close\r\n\r\n");
        let request = format!("GET {path}{} {rest}", "+".repeat(length));
        stream.write_all(request.as_bytes()).await.expect("it is read");
        let mut answer = String::new();
        let read = timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("answered");
        read.expect("the connection is closed in order");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let error = body["error"].as_str().expect("a text");
        assert!(error.starts_with("The query is too long for a URL"), "{error}");
    }
}

/// A sender that sends on before it has read an answer, and breaks off, sends all of it again.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_were_sent_ahead_are_stored_once() {
    let program = super::program().await;
    let requests = ["first", "second", "third"].map(|message| {
        let body = json!([{"event_message": message, "project": "default"}]).to_string();
        let length = body.len();
        format!(
            "POST /api/logs?source_name=postgres.logs HTTP/1.1\r\nhost: here\r\n\
             x-api-key: {PUBLIC}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    });
    let stored = async |count: usize| {
        let query = "select count(*) as count from postgres_logs";
        eventually("all are stored", async || {
            program.rows(query).await == [json!({"count": count})]
        })
        .await;
    };
    // The first event makes the source's tables.
    program.log("postgres.logs", &json!([{"event_message": "m", "project": "default"}])).await;
    let mut stream = TcpStream::connect(program.address()).await.expect("it listens");
    stream.write_all(requests.concat().as_bytes()).await.expect("it is read");
    stored(1 + requests.len()).await;
    stream.set_zero_linger().expect("it is a socket");
    drop(stream);

    for request in &requests {
        let (head, body) = request.split_once("\r\n\r\n").expect("a head");
        let mut client = Exchange::with(program.address());
        let head = format!("{head}\r\n\r\n");
        let answered = client.send(&head, body.as_bytes(), None);
        let answered = timeout(DEADLINE, answered).await.expect("it is answered");
        assert_eq!(answered, Outcome::Answered(200));
    }
    stored(1 + requests.len()).await;
}
