//! Those who ask for large answers and do not read them.

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use end_to_end::program::{DEADLINE, PRIVATE, Program, eventually};

use crate::api::manage;

/// Bytes of each of eight columns of an answer. That of each reader is another one, so that none is
/// shared.
const COLUMN: usize = 1_000_000;

/// Together they want several times what all answers may take.
const READERS: usize = 40;

/// Asks for an answer of its own and reads how it begins. Gives the connection, and whether it is an
/// answer rather than a refusal.
async fn asked(address: SocketAddr, path: String, reader: usize) -> (TcpStream, bool) {
    let socket = TcpSocket::new_v4().expect("a socket");
    // The system shall take as little as possible of what is not read.
    socket.set_recv_buffer_size(4096).expect("it is set");
    let mut stream = socket.connect(address).await.expect("it listens");
    let request = format!("GET {path}?n={reader} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    let mut beginning = Vec::new();
    while !beginning.windows(6).any(|part| part == b"\r\n\r\n{\"") {
        let byte = stream.read_u8().await.expect("an answer begins");
        beginning.push(byte);
    }
    let is_answer = stream.read_u8().await.expect("it goes on") == b'r';
    (stream, is_answer)
}

/// What they do not read is bounded, is in nobody's way who has a token, and is free when they leave.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_read_are_bounded_together() {
    let program = super::program().await;
    let columns: Vec<_> = (0..8).map(|x| format!("repeat('x', {COLUMN}) as x{x}")).collect();
    let given = json!({
        "name": "large", "query": format!("select @n as n, {}", columns.join(", ")),
        "enable_auth": false, "cache_duration_seconds": 0,
    });
    let (_, made) = manage(&program, Method::POST, "/api/endpoints", &given).await;
    let path = format!("/api/endpoints/query/{}", made["token"].as_str().expect("a token"));
    let before = program.peak_kilobytes();

    let mut held = Vec::new();
    let mut refused = 0;
    for reader in 0..READERS {
        let asked = timeout(DEADLINE, asked(program.address(), path.clone(), reader)).await;
        match asked.expect("it begins to answer in time") {
            (stream, true) => held.push(stream),
            (_, false) => refused += 1,
        }
    }
    assert!(held.len() >= 5 && refused >= READERS / 2, "{} and {refused}", held.len());
    let known = answer(&program, &path, Some(PRIVATE)).await;
    assert_eq!(known["result"][0]["x7"].as_str().map(str::len), Some(COLUMN));
    let grown = program.peak_kilobytes() - before;
    assert!(grown < 250_000, "{grown} kB more");

    drop(held);
    eventually("there is room again", async || {
        answer(&program, &path, None).await["result"][0]["n"] == "0"
    })
    .await;
}

async fn answer(program: &Program, path: &str, token: Option<&str>) -> Value {
    let mut request = program.client.get(program.url(path)).query(&[("n", "0")]);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("it answers").json().await.expect("JSON")
}
