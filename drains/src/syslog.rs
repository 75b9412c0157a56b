//! RFC 5424 over TCP, each message with its length in front (RFC 6587).
//!
//! The receiver says nothing, so that a message counts as delivered when the connection has taken
//! it: what a receiver had not read when it ended is lost.

use std::{io, time::Duration};

use serde_json::{Map, Value};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Mutex, time::timeout};

use crate::{
    event::Event,
    http::{number_of, text_of},
    otlp::level,
    outcome::Outcome,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// `local0`
const FACILITY: u8 = 16;

pub(crate) struct Syslog {
    host: String,
    port: u16,
    structured_data: String,
    /// Of one message.
    max_bytes: usize,
    connection: Mutex<Option<TcpStream>>,
}

impl Syslog {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        let given = text_of(config, "structured_data");
        let number = |name| usize::try_from(number_of(config, name)).unwrap_or(usize::MAX);
        Self {
            host: text_of(config, "host"),
            port: u16::try_from(number_of(config, "port")).unwrap_or_default(),
            structured_data: if given.is_empty() { "-".to_owned() } else { given },
            max_bytes: number("max_message_bytes"),
            connection: Mutex::default(),
        }
    }

    pub(crate) async fn send(&self, events: &[Event<'_>]) -> Outcome {
        let bytes: Vec<u8> = events.iter().flat_map(|event| self.frame(event)).collect();
        match self.write(&bytes).await {
            Ok(()) => Outcome::Delivered,
            Err(error) => Outcome::Later { reason: error.to_string(), after: None },
        }
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut kept = self.connection.lock().await;
        let kept_open = kept.take().filter(|connection| matches!(look(connection), Ok(true)));
        let mut connection = match kept_open {
            Some(connection) => connection,
            None => {
                let connecting = TcpStream::connect((self.host.as_str(), self.port));
                timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| late("connection"))??
            }
        };
        let writing = async {
            connection.write_all(bytes).await?;
            connection.flush().await
        };
        timeout(WRITE_TIMEOUT, writing).await.map_err(|_| late("progress"))??;
        // Broken, it has taken nothing for sure; closed in order, it has read what came.
        if look(&connection)? {
            *kept = Some(connection);
        }
        Ok(())
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
        format!("{} {head}{body}", head.len() + body.len()).into_bytes()
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no {what} in time"))
}

/// Whether the other end has closed nothing; an error when the connection is broken. What it says
/// is passed over.
fn look(connection: &TcpStream) -> io::Result<bool> {
    let mut said = [0; 256];
    loop {
        match connection.try_read(&mut said) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
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
        let syslog = Syslog::new(config.as_object().unwrap());
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
            // The receiver closes after each; a new connection is made then.
            while matches!(look(syslog.connection.lock().await.as_ref().unwrap()), Ok(true)) {
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
    async fn a_broken_connection_is_told_from_a_closed_one() {
        for is_broken in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let connection = TcpStream::connect(address).await.unwrap();
            let (other_end, _) = listener.accept().await.unwrap();
            assert!(matches!(look(&connection), Ok(true)));
            connection.try_write(b"unread").unwrap();
            if is_broken {
                // What was not read breaks the connection.
                other_end.readable().await.unwrap();
            } else {
                let mut bytes = [0; 6];
                other_end.readable().await.unwrap();
                other_end.try_read(&mut bytes).unwrap();
            }
            drop(other_end);
            connection.readable().await.unwrap();
            let found = look(&connection);
            assert_eq!(found.is_err(), is_broken, "{found:?}");
            assert!(is_broken || matches!(found, Ok(false)), "{found:?}");
        }
    }
}
