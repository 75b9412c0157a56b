//! Requests to the management API, and a receiver of what the program itself posts.

use std::sync::{Arc, Mutex};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use end_to_end::program::{PRIVATE, Program};

/// Asks as somebody who may manage; gives the status and the body, `null` for none.
pub(crate) async fn manage(
    program: &Program,
    method: Method,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    ask(program, PRIVATE, method, path, body).await
}

/// Asks with a token.
pub(crate) async fn ask(
    program: &Program,
    token: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let request = program.client.request(method, program.url(path)).header("x-api-key", token);
    let request = if body.is_null() { request } else { request.json(body) };
    let response = request.send().await.expect("it answers");
    let status = response.status();
    let text = response.text().await.expect("the answer is complete");
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).expect("the answer is JSON"),
    };
    (status, body)
}

/// A server that takes JSON over HTTP.
pub(crate) struct Receiver {
    port: u16,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    /// The first `failures` requests are answered 503.
    pub(crate) async fn start(failures: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&taken);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, failures, Arc::clone(&shared)));
            }
        });
        Self { port, taken, accepting }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The bodies that came to a path so far.
    pub(crate) fn taken(&self, path: &str) -> Vec<Value> {
        let taken = self.taken.lock().expect("nobody panics with it");
        taken.iter().filter(|(at, _)| at == path).map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    stream: TcpStream,
    failures: usize,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.ok()?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let body = serde_json::from_slice(&body).expect("JSON is posted");
        let count = {
            let mut taken = taken.lock().expect("nobody panics with it");
            taken.push((path, body));
            taken.len()
        };
        let status = if count <= failures { "503 Service Unavailable" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}
