//! One request over a bare connection, and what can go wrong with it.

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

/// How a client fails on purpose. Each time it has to send the request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Closes the connection in the middle of the body.
    CutBody,
    /// Resets the connection in the middle of the body.
    ResetBody,
    /// Closes the connection soon after the last byte of the body.
    CutAnswer,
    /// Resets the connection soon after the last byte of the body.
    ResetAnswer,
    /// Waits until the answer is there and closes the connection without having read it.
    LeaveAnswer,
}

/// What a client knows after it has sent a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The status of a complete answer.
    Answered(u16),
    /// The connection ended inside of the answer's body; Vector does not send such a request again.
    CutAfterHead(u16),
    /// No answer.
    Undelivered,
}

/// A client's connection, made when it is needed and kept alive.
#[derive(Debug)]
pub struct Exchange {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Exchange {
    /// A client of this address.
    pub fn with(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends a request and reads its answer. Where anything goes wrong, or this is not waited for
    /// to its end, the connection is closed.
    pub async fn send(&mut self, head: &str, body: &[u8], fault: Option<Fault>) -> Outcome {
        self.try_send(head, body, fault).await.unwrap_or(Outcome::Undelivered)
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        self.stream = None;
    }

    async fn try_send(
        &mut self,
        head: &str,
        body: &[u8],
        fault: Option<Fault>,
    ) -> io::Result<Outcome> {
        let mut stream = match self.stream.take() {
            // A reset right behind an answer that was read looks like one that came before it was
            // read: no server can tell. So what fails does so on a connection of its own.
            Some(stream) if fault.is_none() => stream,
            _ => TcpStream::connect(self.address).await?,
        };
        stream.set_nodelay(true)?;
        if let Some(fault) = fault {
            return fail(stream, head, body, fault).await.map(|()| Outcome::Undelivered);
        }
        let answer = exchange(&mut stream, head, body).await?;
        if answer.reusable {
            self.stream = Some(stream);
        }
        Ok(answer.outcome)
    }
}

struct Answer {
    outcome: Outcome,
    reusable: bool,
}

/// Reads while it writes: a server may answer before it has the body.
async fn exchange(stream: &mut TcpStream, head: &str, body: &[u8]) -> io::Result<Answer> {
    let (from_server, mut to_server) = stream.split();
    let mut reading = pin!(read_answer(from_server));
    let mut writing = pin!(async {
        to_server.write_all(head.as_bytes()).await?;
        to_server.write_all(body).await
    });
    let mut written = None;
    loop {
        tokio::select! {
            answer = &mut reading => {
                let Answer { outcome, reusable } = answer?;
                return Ok(Answer { outcome, reusable: reusable && written == Some(true) });
            }
            // The server may have closed the connection, and said why before.
            result = &mut writing, if written.is_none() => written = Some(result.is_ok()),
        }
    }
}

async fn read_answer(mut from_server: impl AsyncRead + Unpin) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut head: Option<AnswerHead> = None;
    loop {
        if let Some(head) = &head
            && bytes.len() >= head.whole_length
        {
            let outcome = Outcome::Answered(head.status);
            return Ok(Answer { outcome, reusable: !head.closes });
        }
        let read = from_server.read_buf(&mut bytes).await;
        match (&head, read) {
            (None, Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (None, Ok(_)) => head = AnswerHead::parse(&bytes)?,
            (None, Err(error)) => return Err(error),
            (Some(head), Ok(0) | Err(_)) => {
                let outcome = Outcome::CutAfterHead(head.status);
                return Ok(Answer { outcome, reusable: false });
            }
            (Some(_), Ok(_)) => {}
        }
    }
}

struct AnswerHead {
    status: u16,
    /// Of head and body, in bytes.
    whole_length: usize,
    closes: bool,
}

impl AnswerHead {
    /// The head, once it is complete.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = value("content-length").and_then(|length| length.parse::<usize>().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(format!("no answer that this client reads: {text}")));
        };
        let closes = value("connection") == Some("close");
        Ok(Some(Self { status, whole_length: end + 4 + length, closes }))
    }
}

/// Sends a request and fails as it was told to.
async fn fail(mut stream: TcpStream, head: &str, body: &[u8], fault: Fault) -> io::Result<()> {
    let sent = match fault {
        Fault::CutBody | Fault::ResetBody => rand::random_range(0..body.len()),
        Fault::CutAnswer | Fault::ResetAnswer | Fault::LeaveAnswer => body.len(),
    };
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body[..sent]).await?;
    if matches!(fault, Fault::CutAnswer | Fault::ResetAnswer) && rand::random() {
        // While the server stores the events, rather than before.
        sleep(Duration::from_millis(rand::random_range(1..20))).await;
    }
    match fault {
        Fault::CutBody | Fault::CutAnswer => {}
        Fault::ResetBody | Fault::ResetAnswer => stream.set_zero_linger()?,
        Fault::LeaveAnswer => stream.readable().await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that takes one request of 4 bytes of body on each connection, and answers it as
    /// the list says.
    async fn server(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("a client comes");
                let mut request = vec![0; "head\r\n\r\nbody".len()];
                if stream.read_exact(&mut request).await.is_ok() {
                    // The client may be gone.
                    _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_are_told_from_connections_that_end() {
        let cases = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Outcome::Answered(200)),
            (
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                Outcome::Answered(503),
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", Outcome::CutAfterHead(200)),
            ("HTTP/1.1 200 OK\r\ncontent-le", Outcome::Undelivered),
            ("", Outcome::Undelivered),
        ];
        for (answer, expected) in cases {
            let answers: &'static [&'static str] = vec![answer].leak();
            let mut exchange = Exchange::with(server(answers).await);
            assert_eq!(exchange.send("head\r\n\r\n", b"body", None).await, expected, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_connection_is_kept_after_an_answer_and_not_after_a_fault() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let answers: &'static [&'static str] = vec![answer; 6].leak();
        let mut exchange = Exchange::with(server(answers).await);
        use Fault::{CutAnswer, CutBody, LeaveAnswer, ResetAnswer, ResetBody};
        for fault in [CutBody, ResetBody, CutAnswer, ResetAnswer, LeaveAnswer] {
            let outcome = exchange.send("head\r\n\r\n", b"body", Some(fault)).await;
            assert_eq!((outcome, exchange.stream.is_some()), (Outcome::Undelivered, false));
        }
        let outcome = exchange.send("head\r\n\r\n", b"body", None).await;
        assert_eq!((outcome, exchange.stream.is_some()), (Outcome::Answered(200), true));
    }
}
