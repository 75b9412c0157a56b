use hyper_util::service::TowerToHyperService;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use warp::{Filter as _, Reply as _, filters::BoxedFilter, reply};

use super::*;
use raw_http2::{BAD_REQUEST, HEAD_TOO_LARGE, OK, http2_status};

mod raw_http2;

/// Longer than anything here takes; a test that hits it has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server on a free port of the loopback.
struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Running {
    fn start(routes: BoxedFilter<(reply::Response,)>, limits: Limits) -> Self {
        let listener = bind(Some(Ipv4Addr::LOCALHOST.into()), 0, "PORT").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = TowerToHyperService::new(warp::service(routes));
        let ended = tokio::spawn(serve(listener, service, limits, async {
            _ = stopped.await;
        }));
        Self { address, stop: Some(stop), ended }
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(self) {
        timeout(DEADLINE, self.ended).await.expect("the server does not end").unwrap();
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the server closes the connection.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = timeout(DEADLINE, self.0.read_to_end(&mut bytes)).await;
        // A connection that is reset is closed too.
        _ = read.expect("the connection stays open");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything until the text `end` came.
    async fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.contains(end) {
            let mut bytes = [0; 1024];
            let read = timeout(DEADLINE, self.0.read(&mut bytes)).await.expect(end).unwrap();
            assert_ne!(read, 0, "closed after {text:?}");
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        text
    }
}

const BODY_TIMES: BodyTimes = BodyTimes {
    quiet: DEADLINE.saturating_mul(2),
    whole: DEADLINE.saturating_mul(2),
    trickles_after: DEADLINE.saturating_mul(2),
};

fn limits() -> Limits {
    Limits {
        max_connections: 100,
        head_timeout: DEADLINE * 2,
        idle_timeout: DEADLINE * 2,
        body_times: BODY_TIMES,
        drain_timeout: DEADLINE * 2,
    }
}

/// Reads the body, if there is one, and says how long the path is.
fn hello() -> BoxedFilter<(reply::Response,)> {
    warp::path::full()
        .and(warp::body::stream())
        .then(async |path: warp::path::FullPath, body| {
            let _: Vec<_> = futures_util::TryStreamExt::try_collect(body).await.unwrap_or_default();
            format!("{} bytes", path.as_str().len()).into_response()
        })
        .boxed()
}

/// A handler that says when it was reached and answers when it may.
fn slow(reached: &Arc<Notify>, go_on: &Arc<Notify>) -> BoxedFilter<(reply::Response,)> {
    let (reached, go_on) = (Arc::clone(reached), Arc::clone(go_on));
    warp::any()
        .then(move || {
            let (reached, go_on) = (Arc::clone(&reached), Arc::clone(&go_on));
            async move {
                reached.notify_one();
                go_on.notified().await;
                "slow, but here".into_response()
            }
        })
        .boxed()
}

async fn notified(notify: &Notify) {
    timeout(DEADLINE, notify.notified()).await.expect("never notified");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_end_was_asked_for() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let mut server = Running::start(slow(&reached, &go_on), limits());
    let mut idle = server.connect().await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
    notified(&reached).await;
    server.stop();
    // An idle connection is closed at once, and that shows that the drain has begun.
    assert_eq!(idle.rest().await, "");
    assert!(TcpStream::connect(server.address).await.is_err(), "still accepting");
    assert!(!server.ended.is_finished());

    go_on.notify_one();
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("slow, but here"), "{answer}");
    server.ended().await;
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_end_up() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let limits = Limits { drain_timeout: Duration::from_millis(10), ..limits() };
    let mut server = Running::start(slow(&reached, &go_on), limits);
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
    notified(&reached).await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let short = Duration::from_millis(50);
    let limits = Limits { head_timeout: short, idle_timeout: short, ..limits() };
    let server = Running::start(hello(), limits);
    // Nothing at all; the beginning of HTTP/2 or of a POST; half a head.
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nhost: he"] {
        let mut client = server.connect().await;
        client.send(beginning).await;
        let answer = client.rest().await;
        assert!(!answer.contains("200 OK"), "{beginning:?} {answer}");
    }
    // A connection that was used once is held to it too.
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: here\r\n\r\nGET / HT").await;
    let answer = client.rest().await;
    assert!(answer.contains("1 bytes"), "{answer}");
}

/// Vector's connections are idle for longer than a head may take.
#[tokio::test]
async fn a_kept_connection_may_be_idle_but_not_slow() {
    let head_timeout = Duration::from_millis(300);
    let server = Running::start(hello(), Limits { head_timeout, ..limits() });
    let head = "GET /kept HTTP/1.1\r\nhost: here\r\n\r\n";
    let large = format!("GET /kept HTTP/1.1\r\nx: {}\r\nhost: here\r\n\r\n", "x".repeat(12_000));
    let (mut idle, mut slow, mut ahead, mut had_large) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    for client in [&mut idle, &mut slow] {
        client.send(head).await;
        client.until("5 bytes").await;
    }
    ahead.send(&format!("{head}{}", &head[..20])).await;
    // Its memory is wanted.
    had_large.send(&large).await;
    had_large.until("5 bytes").await;
    slow.send(&head[..20]).await;
    assert_eq!(slow.rest().await, "");
    assert_eq!(ahead.rest().await.matches("5 bytes").count(), 1);
    assert_eq!(had_large.rest().await, "");
    idle.send(head).await;
    idle.until("5 bytes").await;
}

#[tokio::test]
async fn a_slow_handler_is_not_a_missing_head() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let head_timeout = Duration::from_millis(50);
    let server = Running::start(slow(&reached, &go_on), Limits { head_timeout, ..limits() });
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    notified(&reached).await;
    // A connection that came later shows when the time was up for this one too.
    assert_eq!(server.connect().await.rest().await, "");
    go_on.notify_one();
    assert!(client.rest().await.ends_with("slow, but here"));
}

#[tokio::test]
async fn connections_that_wait_for_a_request_make_room() {
    let server = Running::start(hello(), Limits { max_connections: 2, ..limits() });
    // Nothing at all; the beginning of HTTP/2 or of a POST; half a head; one that was answered.
    let answered = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";
    for beginning in
        ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nhos", answered]
    {
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let mut client = server.connect().await;
            client.send(beginning).await;
            waiting.push(client);
        }
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
        assert!(client.rest().await.contains("1 bytes"), "{beginning:?}");
        for mut closed in waiting.drain(..4) {
            let answer = closed.rest().await;
            assert_eq!(answer.contains("200 OK"), beginning == answered, "{beginning:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn while_all_have_a_request_one_more_waits() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let limits = Limits { max_connections: 1, ..limits() };
    let server = Running::start(slow(&reached, &go_on), limits);
    let mut first = server.connect().await;
    first.send("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
    notified(&reached).await;
    let mut second = server.connect().await;
    second.send("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    go_on.notify_one();
    // The answer is complete, then the connection makes room.
    assert!(first.rest().await.ends_with("slow, but here"));
    notified(&reached).await;
    go_on.notify_one();
    assert!(second.rest().await.ends_with("slow, but here"));
}

/// Bodies that trickle keep nobody out, though each of them has a request in work.
#[tokio::test]
async fn bodies_that_trickle_make_room() {
    let body_times = BodyTimes { trickles_after: Duration::from_millis(20), ..BODY_TIMES };
    let limits = Limits { max_connections: 2, body_times, ..limits() };
    let server = Running::start(hello(), limits);
    let mut trickling = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9999\r\n\r\n").await;
        trickling.push(client);
    }
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    let answer = async { client.rest().await };
    let trickle = async {
        let mut pauses = tokio::time::interval(Duration::from_millis(10));
        loop {
            pauses.tick().await;
            for client in &trickling {
                // One of them makes room.
                _ = client.0.try_write(b"a");
            }
        }
    };
    tokio::select! {
        answer = answer => assert!(answer.contains("1 bytes"), "{answer}"),
        () = trickle => {}
    }
}

/// A client of gRPC knows nothing of 408.
#[tokio::test]
async fn a_message_of_grpc_that_does_not_come_may_be_sent_again() {
    let body_times = BodyTimes { quiet: Duration::from_millis(50), ..BODY_TIMES };
    let server = Running::start(reads_all(), Limits { body_times, ..limits() });
    let mut client = server.connect().await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: here\r\ncontent-type: application/grpc+proto\r\n\
             content-length: 3\r\n\r\nab",
        )
        .await;
    let answer = client.until("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for header in ["content-type: application/grpc\r\n", "grpc-status: 14\r\n"] {
        assert!(answer.contains(header), "{answer}");
    }
}

/// A connection that is closed while the client sends is reset, and the answer is lost.
#[tokio::test]
async fn an_answer_to_half_a_body_arrives() {
    let server = Running::start(warp::any().map(|| "early".into_response()).boxed(), limits());
    let mut client = server.connect().await;
    let length = 20 << 20;
    client
        .send(&format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n"))
        .await;
    client.send(&"x".repeat(length)).await;
    let mut answer = String::new();
    let read = timeout(DEADLINE, client.0.read_to_string(&mut answer)).await.expect("it is closed");
    read.expect("it is closed in order");
    assert!(answer.ends_with("early"), "{answer}");
}

/// A handler that needs the whole body.
fn reads_all() -> BoxedFilter<(reply::Response,)> {
    warp::body::stream()
        .then(async |body| {
            let parts: Result<Vec<_>, _> = futures_util::TryStreamExt::try_collect(body).await;
            parts.map_or("broken", |_: Vec<_>| "complete").into_response()
        })
        .boxed()
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let body_times = BodyTimes { quiet: Duration::from_millis(50), ..BODY_TIMES };
    let server = Running::start(reads_all(), Limits { body_times, ..limits() });
    let head = "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 3\r\n\r\n";
    for beginning in ["", "ab"] {
        let mut client = server.connect().await;
        client.send(&format!("{head}{beginning}")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.ends_with(r#"{"error":"the body did not come in time; send it again"}"#));
    }
    let mut client = server.connect().await;
    client.send(&format!("{head}abc")).await;
    assert!(client.until("complete").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_url_of_nearly_64_kib_is_taken_and_a_longer_one_refused_with_a_reason() {
    let server = Running::start(hello(), limits());
    // One connection after the other, and all on one.
    let mut kept = server.connect().await;
    let query = "/api/endpoints/query/logs.all?sql=";
    for (beginning, length, status, expected) in [
        ("/", 65_534, "200 OK", "65534 bytes"),
        ("/", 65_535, "414 URI Too Long", r#"{"error":"The URL is too long: 65535 bytes, at"#),
        (query, 65_534, "200 OK", "29 bytes"),
        (query, 70_000, "200 OK", r#"{"error":"The query is too long for a URL: 70000 bytes, at"#),
        (query, 1 << 20, "200 OK", r#"{"error":"The query is too long for a URL: 1048576 "#),
        ("/", 10 << 20, "414 URI Too Long", "10485760 bytes"),
    ] {
        let url = format!("{beginning}{}", "x".repeat(length - beginning.len()));
        let mut client = server.connect().await;
        let head =
            format!("GET {url} HTTP/1.1\r\nhost: here\r\nx-request-id: twenty-bytes-or-more\r\n");
        client.send(&format!("{head}connection: close\r\n\r\n")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{length}: {answer}");
        assert!(answer.contains(expected), "{length}: {answer}");
        assert!(answer.contains("x-request-id: twenty-bytes-or-more\r\n"), "{answer}");
        kept.send(&format!("{head}\r\n")).await;
        kept.until(expected).await;
        let body = "a body, GET /of/no/importance".repeat(5000);
        let length = body.len();
        kept.send(&format!(
            "POST /then HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n"
        ))
        .await;
        kept.send(&body).await;
        kept.until("5 bytes").await;
    }
}

#[tokio::test]
async fn a_request_without_a_path_is_refused_with_a_reason() {
    let server = Running::start(hello(), limits());
    for line in ["GET localhost", "POST x:80", "CONNECT foo:1", "OPTIONS *"] {
        let mut client = server.connect().await;
        client.send(&format!("{line} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{line}: {answer}");
        assert!(answer.contains("\r\ncontent-type: application/json"), "{line}: {answer}");
        assert!(answer.ends_with(r#"{"error":"the URL has no path; it begins with `/`"}"#));
    }
    let mut client = server.connect().await;
    client.send("GET http://here HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    assert!(client.rest().await.ends_with("1 bytes"));
    // HTTP/2 has such requests as well.
    let headers = [(":method", "CONNECT"), (":authority", "foo:1")];
    assert_eq!(http2_status(&server, &headers).await, BAD_REQUEST);
}

#[tokio::test]
async fn http2_refuses_long_urls_with_a_status() {
    let server = Running::start(hello(), limits());
    for (length, status) in
        [(64_000, OK), (65_535, HEAD_TOO_LARGE), (70_000, HEAD_TOO_LARGE), (90_000, HEAD_TOO_LARGE)]
    {
        let path = format!("/{}", "x".repeat(length - 1));
        let headers =
            [(":method", "GET"), (":scheme", "http"), (":authority", "here"), (":path", &path)];
        assert_eq!(http2_status(&server, &headers).await, status, "{length}");
    }
}

/// A body that looks like a request line in the middle arrives whole, whenever its request came.
#[tokio::test]
async fn bodies_of_pipelined_requests_stay_as_they_are() {
    let routes = warp::body::stream()
        .then(async |body| {
            let parts: Vec<_> = futures_util::TryStreamExt::try_collect(body).await.unwrap();
            let length: usize = parts.iter().map(hyper::body::Buf::remaining).sum();
            format!("<{length} bytes>").into_response()
        })
        .boxed();
    let server = Running::start(routes, limits());
    for line in ["AB ", "GET /"] {
        let body = format!("{{\"a\":\"{line}{}\"}} end", "z".repeat(70_000));
        let head = |length: usize| {
            format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n")
        };
        let (beginning, rest) = body.split_at(body.find(line).unwrap());
        let mut client = server.connect().await;
        client.send(&format!("{}first{}{beginning}", head(5), head(body.len()))).await;
        client.until("<5 bytes>").await;
        client.send(rest).await;
        client.until(&format!("<{} bytes>", body.len())).await;
        // hyper refuses a long URL now, since nobody knows that it is one.
        client.send(&format!("GET /{} HTTP/1.1\r\nhost: here\r\n\r\n", "x".repeat(70_000))).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 414 URI Too Long\r\n"));
    }
}

#[tokio::test]
async fn every_answer_has_the_request_s_id() {
    let server = Running::start(hello(), limits());
    let mut client = server.connect().await;
    let id = "an-id-of-twenty-bytes-or-more";
    client
        .send(&format!(
            "GET / HTTP/1.1\r\nhost: here\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n"
        ))
        .await;
    let answer = client.rest().await;
    assert!(answer.contains(&format!("x-request-id: {id}\r\n")), "{answer}");
}

#[tokio::test]
async fn a_handler_that_panics_harms_only_its_connection() {
    let routes = warp::path::full()
        .map(|path: warp::path::FullPath| {
            assert_ne!(path.as_str(), "/panic", "on purpose");
            "fine".into_response()
        })
        .boxed();
    let server = Running::start(routes, limits());
    let mut client = server.connect().await;
    client.send("GET /panic HTTP/1.1\r\nhost: here\r\n\r\n").await;
    assert_eq!(client.rest().await, "");
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
    assert!(client.rest().await.ends_with("fine"));
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_variable() {
    let listener = bind(Some(Ipv4Addr::LOCALHOST.into()), 0, "PORT").unwrap();
    let address = listener.local_addr().unwrap();
    let error = bind(Some(address.ip()), address.port(), "A_PORT").unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("A_PORT"), "{error}");
    let error = bind(None, address.port(), "A_PORT").unwrap_err().to_string();
    assert!(error.contains("A_PORT"), "{error}");
}
