//! A system that events are sent on to, and that answers as a test wants.

use std::{
    collections::HashMap,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader,
    },
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::program::{eventually, free_port};

/// Who says that the certificate of receivers in TLS is theirs, in PEM.
pub const AUTHORITY: &str = include_str!("../fixtures/tls/authority.pem");

const CERTIFICATE: &str = include_str!("../fixtures/tls/server.pem");
const KEY: &str = include_str!("../fixtures/tls/server.key");

/// TLS as receivers speak it, as `localhost` and `127.0.0.1`.
///
/// # Panics
/// When the certificate is none.
pub fn tls_acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("usual versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("a certificate")], key)
        .expect("they belong together");
    Arc::new(config).into()
}

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST /path?query`
    pub line: String,
    /// By names in lower case.
    pub headers: HashMap<String, String>,
    /// Inflated.
    pub body: Vec<u8>,
}

impl Received {
    /// The body.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header by its name in lower case; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What a receiver answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status; 0 breaks the connection.
    pub status: u16,
    /// Lines, each with its end.
    pub headers: &'static str,
    /// The body.
    pub body: String,
    /// How long it takes.
    pub after: Duration,
}

impl Reply {
    /// At once, without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: "", body: String::new(), after: Duration::ZERO }
    }

    /// With a body.
    pub fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }
}

type Script = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

/// A receiver, gone when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
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
    pub async fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(free_port(), script).await
    }

    /// The same at a port.
    ///
    /// # Panics
    /// When somebody else has it.
    pub async fn start_at(
        port: u16,
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(port, Arc::new(script), None).await
    }

    /// One that speaks TLS.
    pub async fn start_tls(
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(free_port(), Arc::new(script), Some(tls_acceptor())).await
    }

    async fn listen(port: u16, script: Script, tls: Option<TlsAcceptor>) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let kept = Arc::clone(&received);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept, tls) = (Arc::clone(&script), Arc::clone(&kept), tls.clone());
                // A client may end in the middle, or not trust it.
                tokio::spawn(async move {
                    _ = match tls {
                        Some(tls) => serve(tls.accept(stream).await?, &script, &kept).await,
                        None => serve(stream, &script, &kept).await,
                    };
                    Ok::<_, io::Error>(())
                });
            }
        });
        Self { address, scheme, received, task }
    }

    /// One that takes everything.
    pub async fn willing() -> Self {
        Self::start(|_, _| Reply::status(200)).await
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Takes out what has come, so that it is kept no longer.
    ///
    /// # Panics
    /// When somebody panicked with it; so also below.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock().expect("nobody panics with it"))
    }

    /// All that has come.
    ///
    /// # Panics
    /// As above.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("nobody panics with it").clone()
    }

    /// Waits until so many requests have come; gives all.
    pub async fn requests(&self, count: usize) -> Vec<Received> {
        eventually("requests are sent on", async || self.received().len() >= count).await;
        self.received()
    }

    /// The messages of all events that came in JSON arrays, in their order.
    pub fn messages(&self) -> Vec<String> {
        self.received().iter().flat_map(messages).collect()
    }
}

/// The messages of a JSON array of events.
///
/// # Panics
/// When it is none.
pub fn messages(received: &Received) -> Vec<String> {
    let events = received.json();
    let events = events.as_array().expect("an array").iter();
    events.map(|event| event["event_message"].as_str().expect("a message").to_owned()).collect()
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    kept: &Mutex<Vec<Received>>,
) -> io::Result<()> {
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
        if status == 0 {
            return Ok(());
        }
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await?;
    }
}
