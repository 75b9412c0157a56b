//! RFC 5424 over TCP or TLS (RFC 5425), each message with its length in front (RFC 6587).
//!
//! The receiver says nothing, so that a message counts as delivered when the connection has taken
//! it: what a receiver had not read when it ended is lost.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use outbound::TlsOptions;
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use crate::{
    event::Event,
    http::{flag_of, number_of, text_of},
    otlp::level,
    outcome::Outcome,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// `local0`
const FACILITY: u8 = 16;

/// A connection, in TLS or not.
trait Connected: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connected for C {}

type Connection = Box<dyn Connected>;

pub(crate) struct Syslog {
    host: String,
    port: u16,
    structured_data: String,
    /// Of one message.
    max_bytes: usize,
    /// Whether it was told that messages are cut.
    told_cut: AtomicBool,
    tls: Option<TlsConnector>,
    connection: Mutex<Option<Connection>>,
}

/// Without what it holds of a config.
impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").finish_non_exhaustive()
    }
}

/// What is wrong with certificates or a key.
#[derive(Debug)]
pub(crate) struct WrongTls {
    pub(crate) text: String,
    /// What is shown, not what is trusted.
    pub(crate) is_of_identity: bool,
}

/// How TLS is spoken, by a config.
pub(crate) fn tls_of(config: &Map<String, Value>) -> Result<Arc<ClientConfig>, WrongTls> {
    let given = |name| Some(text_of(config, name)).filter(|text| !text.is_empty());
    let authorities = given("ca_cert");
    let identity = given("client_cert").zip(given("client_key"));
    let options = TlsOptions { authorities: authorities.as_deref(), identity: None };
    let wrong = |is_of_identity| {
        move |error: outbound::InvalidPem| WrongTls { text: error.to_string(), is_of_identity }
    };
    let anonymous = outbound::tls(options).map_err(wrong(false))?;
    let Some((certificate, key)) = &identity else { return Ok(anonymous) };
    let identity = Some((certificate.as_str(), key.as_str()));
    outbound::tls(TlsOptions { identity, ..options }).map_err(wrong(true))
}

impl Syslog {
    pub(crate) fn new(config: &Map<String, Value>) -> Result<Self, String> {
        let tls = flag_of(config, "tls").then(|| tls_of(config)).transpose();
        let tls = tls.map_err(|error| error.text)?.map(TlsConnector::from);
        let given = text_of(config, "structured_data");
        let number = |name| usize::try_from(number_of(config, name)).unwrap_or(usize::MAX);
        Ok(Self {
            host: text_of(config, "host"),
            port: u16::try_from(number_of(config, "port")).unwrap_or_default(),
            structured_data: if given.is_empty() { "-".to_owned() } else { given },
            max_bytes: number("max_message_bytes"),
            told_cut: AtomicBool::new(false),
            tls,
            connection: Mutex::default(),
        })
    }

    pub(crate) async fn send(&self, events: &[Event<'_>]) -> Outcome {
        let bytes: Vec<u8> = events.iter().flat_map(|event| self.frame(event)).collect();
        match self.write(&bytes).await {
            Ok(()) => Outcome::Delivered,
            // Nothing is known of what a receiver without answers dislikes.
            Err(error) => {
                Outcome::Later { reason: error.to_string(), after: None, of_events: false }
            }
        }
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut kept = self.connection.lock().await;
        let before = kept.take();
        let kept_open = before.and_then(|mut connection| {
            matches!(look(&mut connection), Ok(true)).then_some(connection)
        });
        let mut connection = match kept_open {
            Some(connection) => connection,
            None => {
                let connecting = timeout(CONNECT_TIMEOUT, self.connect()).await;
                connecting.map_err(|_| late("connection"))??
            }
        };
        let writing = async {
            connection.write_all(bytes).await?;
            connection.flush().await
        };
        timeout(WRITE_TIMEOUT, writing).await.map_err(|_| late("progress"))??;
        // Broken, it has taken nothing for sure; closed in order, it has read what came.
        if look(&mut connection)? {
            *kept = Some(connection);
        }
        Ok(())
    }

    async fn connect(&self) -> io::Result<Connection> {
        let connection = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let Some(tls) = &self.tls else { return Ok(Box::new(connection)) };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, connection).await?))
    }

    fn frame(&self, event: &Event<'_>) -> Vec<u8> {
        let parts = event.parts();
        let severity = level(&parts.fields).map_or(6, |level| severity(&level));
        let priority = FACILITY * 8 + severity;
        let time = parts.rfc3339();
        let name: String = event.source.chars().filter(char::is_ascii_graphic).take(48).collect();
        let name = if name.is_empty() { "-" } else { &name };
        let data = &self.structured_data;
        let head = format!("<{priority}>1 {time} - {name} - - {data} ");
        let room = self.max_bytes.saturating_sub(head.len());
        let mut end = event.body.len().min(room);
        while !event.body.is_char_boundary(end) {
            end -= 1;
        }
        let body = event.body.get(..end).unwrap_or_default();
        if end < event.body.len() && !self.told_cut.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                host = self.host,
                source = event.source,
                bytes = head.len() + event.body.len(),
                max_message_bytes = self.max_bytes,
                "messages of syslog are cut; raise max_message_bytes if the receiver takes more"
            );
        }
        format!("{} {head}{body}", head.len() + body.len()).into_bytes()
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no {what} in time"))
}

/// Whether the other end has closed nothing; an error when the connection is broken. What it says
/// is passed over.
fn look(connection: &mut Connection) -> io::Result<bool> {
    let mut said = [0; 256];
    loop {
        match connection.read(&mut said).now_or_never() {
            Some(Ok(0)) => return Ok(false),
            Some(Ok(_)) => {}
            None => return Ok(true),
            Some(Err(error)) => return Err(error),
        }
    }
}

fn severity(level: &str) -> u8 {
    match level.to_ascii_lowercase().as_str() {
        "panic" => 0,
        "fatal" | "critical" => 2,
        "error" => 3,
        "warn" | "warning" => 4,
        "notice" => 5,
        "debug" | "trace" => 7,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;
    use crate::event::examples::EVENTS;

    #[tokio::test]
    async fn messages_have_their_length_in_front() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = json!({"host": "127.0.0.1", "port": port, "max_message_bytes": 90});
        let syslog = Syslog::new(config.as_object().unwrap()).unwrap();
        let receive = async {
            let mut received = Vec::new();
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = [0; 10_000];
                let read = stream.read(&mut bytes).await.unwrap();
                received.push(String::from_utf8_lossy(&bytes[..read]).into_owned());
            }
            received
        };
        let send = async {
            assert_eq!(syslog.send(&EVENTS[..2]).await, Outcome::Delivered);
            assert!(syslog.told_cut.load(Ordering::Relaxed));
            // The receiver closes after each; a new connection is made then.
            while matches!(look(syslog.connection.lock().await.as_mut().unwrap()), Ok(true)) {
                tokio::task::yield_now().await;
            }
            assert_eq!(syslog.send(&EVENTS[2..]).await, Outcome::Delivered);
        };
        let (received, ()) = tokio::join!(receive, send);
        insta::assert_snapshot!(received.join("\n\n"));
        drop(listener);
        *syslog.connection.lock().await = None;
        assert!(matches!(syslog.send(&EVENTS[2..]).await, Outcome::Later { .. }));
    }

    #[tokio::test]
    async fn messages_go_in_tls_to_whom_is_trusted() {
        use tokio_rustls::{
            TlsAcceptor,
            rustls::{
                ServerConfig,
                pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
            },
        };
        const AUTHORITY: &str = include_str!("../../tests/fixtures/tls/authority.pem");
        const CERTIFICATE: &str = include_str!("../../tests/fixtures/tls/server.pem");
        const KEY: &str = include_str!("../../tests/fixtures/tls/server.key");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let syslog = |authority: Option<&str>| {
            let config = json!({
                "host": "127.0.0.1", "port": port, "max_message_bytes": 50_000, "tls": true,
                "ca_cert": authority,
            });
            Syslog::new(config.as_object().unwrap()).unwrap()
        };
        let trusting = syslog(Some(AUTHORITY));
        let receive = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(EVENTS[2].body.as_bytes()) {
                assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
            }
            String::from_utf8(bytes).unwrap()
        };
        let send = async {
            assert_eq!(trusting.send(&EVENTS[..2]).await, Outcome::Delivered);
            // Over the same connection: no other is accepted.
            assert_eq!(trusting.send(&EVENTS[2..]).await, Outcome::Delivered);
        };
        let (received, ()) = tokio::join!(receive, send);
        assert!(EVENTS.iter().all(|event| received.contains(event.body)), "{received}");
        // Nobody else trusts it.
        let strange = syslog(Some(CERTIFICATE));
        let refuse = async {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(acceptor.accept(stream).await.is_err());
        };
        let (outcome, ()) = tokio::join!(strange.send(&EVENTS[..1]), refuse);
        assert!(matches!(outcome, Outcome::Later { of_events: false, .. }), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_broken_connection_is_told_from_a_closed_one() {
        for is_broken in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut connection: Connection = Box::new(TcpStream::connect(address).await.unwrap());
            let (other_end, _) = listener.accept().await.unwrap();
            assert!(matches!(look(&mut connection), Ok(true)));
            connection.write_all(b"unread").await.unwrap();
            if is_broken {
                // What was not read breaks the connection.
                other_end.readable().await.unwrap();
            } else {
                let mut bytes = [0; 6];
                other_end.readable().await.unwrap();
                other_end.try_read(&mut bytes).unwrap();
            }
            drop(other_end);
            let mut found = look(&mut connection);
            while matches!(found, Ok(true)) {
                tokio::task::yield_now().await;
                found = look(&mut connection);
            }
            assert_eq!(found.is_err(), is_broken, "{found:?}");
            assert!(is_broken || matches!(found, Ok(false)), "{found:?}");
        }
    }
}
