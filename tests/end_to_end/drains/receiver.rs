//! A system that events are sent on to, and that answers as a test wants.

use std::{
    collections::HashMap,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use end_to_end::program::{eventually, free_port};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// `POST /path?query`
    pub(super) line: String,
    /// By names in lower case.
    pub(super) headers: HashMap<String, String>,
    /// Inflated.
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What a receiver answers.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: &'static str,
    pub(super) body: String,
    pub(super) after: Duration,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self { status, headers: "", body: String::new(), after: Duration::ZERO }
    }

    pub(super) fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }
}

type Script = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

/// A receiver, gone when it is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// One that answers by a script: it gets the request, and how many there were before.
    pub(super) async fn start(
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(free_port(), script).await
    }

    pub(super) async fn start_at(
        port: u16,
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (script, kept): (Script, _) = (Arc::new(script), Arc::clone(&received));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept) = (Arc::clone(&script), Arc::clone(&kept));
                // A client may end in the middle.
                tokio::spawn(async move { _ = serve(stream, &script, &kept).await });
            }
        });
        Self { address, received, task }
    }

    /// One that takes everything.
    pub(super) async fn willing() -> Self {
        Self::start(|_, _| Reply::status(200)).await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("nobody panics with it").clone()
    }

    /// Waits until so many requests have come; gives all.
    pub(super) async fn requests(&self, count: usize) -> Vec<Received> {
        eventually("requests are sent on", async || self.received().len() >= count).await;
        self.received()
    }

    /// The messages of all events that came in JSON arrays, in their order.
    pub(super) fn messages(&self) -> Vec<String> {
        self.received().iter().flat_map(messages).collect()
    }
}

/// The messages of a JSON array of events.
pub(super) fn messages(received: &Received) -> Vec<String> {
    let events = received.json();
    let events = events.as_array().expect("an array").iter();
    events.map(|event| event["event_message"].as_str().expect("a message").to_owned()).collect()
}

async fn serve(stream: TcpStream, script: &Script, kept: &Mutex<Vec<Received>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut headers = HashMap::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        stream.read_exact(&mut body).await?;
        if body.starts_with(&[0x1f, 0x8b]) {
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut inflated)?;
            body = inflated;
        }
        let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
        let received = Received { line, headers, body };
        let before = {
            let mut kept = kept.lock().expect("nobody panics with it");
            kept.push(received.clone());
            kept.len() - 1
        };
        let Reply { status, headers, body, after } = script(&received, before);
        tokio::time::sleep(after).await;
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await?;
    }
}
