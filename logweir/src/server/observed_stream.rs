//! A connection's stream that says when everything written was handed to the system, and how the
//! other end is.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::net::RecvFlags;
use sink::Peer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

use super::{
    connections::Place,
    heads::{self, Heads},
    request_line::RequestLines,
};

/// Longest time for the other end to acknowledge what was sent; see
/// [`Socket::gives_answer`].
pub(super) const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(2);

/// How long a connection waits until its other end has room for more of an answer. Answers are held
/// until they are read, and there is room for some only.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether the other end has acknowledged all: at once, then ever less often.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Most bytes that are dropped at the end of a connection, and at a time.
const MOST_DROPPED: usize = 64 << 20;
const DROPPED_AT_ONCE: usize = 16 << 10;

/// A stream that tells its connection's [`Place`] when it was flushed. An answer that is complete
/// may still lie in a buffer of ours, and then its connection must not be closed to make room. Of
/// URLs that are too long it drops the end.
pub(super) struct ObservedStream {
    socket: Arc<Socket>,
    place: Arc<Place>,
    lines: RequestLines,
    heads: Heads,
    /// The end of the other end's time to take something, while it takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
    patience: Duration,
}

/// The socket itself, for those who only look at it.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// Locked by whoever asks the system for more than whether it is ready: it tells an error once, and
    /// then the end of the stream looks as one in good order.
    is_broken: Mutex<bool>,
    limit: Mutex<Limit>,
}

#[derive(Debug, Default)]
struct Limit {
    /// Whether the system breaks the connection off when nothing is acknowledged.
    is_on: bool,
    /// A long answer may be on its way.
    has_long_answer: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self { stream, is_broken: Mutex::default(), limit: Mutex::default() })
    }

    /// What the sender's end shows now; takes nothing of what it has sent.
    pub(super) fn peer(&self) -> Peer {
        let mut is_broken = self.is_broken();
        *is_broken |= !matches!(self.stream.take_error(), Ok(None));
        if *is_broken {
            return Peer::Broken;
        }
        match self.peek() {
            Ok((_, 0)) => Peer::Closed,
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Peer::Open,
            Err(_) => {
                *is_broken = true;
                Peer::Broken
            }
        }
    }

    /// Whether the connection is known to be broken.
    fn is_broken(&self) -> MutexGuard<'_, bool> {
        self.is_broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peek(&self) -> rustix::io::Result<(usize, usize)> {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        rustix::net::recv(&self.stream, &mut [0; 1], flags)
    }

    /// An answer is given. From a short one on, the connection is broken off when the other end
    /// acknowledges nothing of what was sent for [`ACKNOWLEDGED_WITHIN`]. A network that loses an
    /// answer says nothing of it. So it is known, when that time is over, that the other end has the
    /// answer.
    ///
    /// A reader that takes its time acknowledges nothing either while its buffer is full, so this
    /// limit is not for long answers, nor for short ones behind them: the system knows only
    /// connections. There is [`TAKEN_WITHIN`] for these.
    pub(super) fn gives_answer(&self, is_short: bool) {
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit.has_long_answer |= !is_short;
        let is_on = !limit.has_long_answer;
        if limit.is_on == is_on {
            return;
        }
        limit.is_on = is_on;
        #[cfg(target_os = "linux")]
        {
            let within = if is_on { ACKNOWLEDGED_WITHIN } else { Duration::ZERO };
            let within = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
            if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&self.stream, within) {
                tracing::debug!(%error, "the system does not limit how long answers are on their way");
            }
        }
    }

    /// The other end has all answers.
    pub(super) fn answers_were_read(&self) {
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit.has_long_answer = false;
    }

    /// Whether the other end has sent something that was not read.
    fn has_unread(&self) -> bool {
        let mut is_broken = self.is_broken();
        match self.peek() {
            Ok((_, length)) => length > 0,
            Err(error) => {
                *is_broken |= !matches!(error, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR);
                false
            }
        }
    }

    /// Says that nothing more is sent, and drops what still comes, until the other end has closed
    /// too, or there is no end of it. Closed at once, a connection is reset while the other end
    /// sends, and takes the answer with it.
    pub(super) async fn finish(&self) {
        _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write);
        let mut dropped = 0;
        let mut bytes = vec![0; DROPPED_AT_ONCE];
        while dropped < MOST_DROPPED {
            if self.stream.readable().await.is_err() {
                return;
            }
            match self.noting(|| self.stream.try_read(&mut bytes)) {
                Ok(0) => return,
                Ok(length) => dropped += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// Waits, where the other end has closed its end, until it has acknowledged all that was sent or
    /// has broken the connection off. One that gives up on an answer closes its end too, and an
    /// answer that crosses that on its way is never read: the system of the other end resets the
    /// connection for it. To be called when this end is closed as well.
    pub(super) async fn acknowledged(&self) {
        let mut pause = FIRST_PAUSE;
        // In this order: what ends by a reset shows it by then.
        while self.is_unacknowledged() && self.peer() == Peer::Closed {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// How the other end is at the end.
    pub(super) fn peer_at_end(&self) -> Peer {
        // Where the time is limited, the system would have told by now.
        let is_limited = self.limit.lock().unwrap_or_else(PoisonError::into_inner).is_on;
        let is_unread = !is_limited && self.is_unacknowledged();
        match self.peer() {
            Peer::Closed if is_unread => Peer::Broken,
            peer => peer,
        }
    }

    /// Whether the other end has not acknowledged all, when both ends are closed: the end of what
    /// was sent is the last to be. Until then the system knows who the other end is.
    fn is_unacknowledged(&self) -> bool {
        cfg!(target_os = "linux") && self.stream.peer_addr().is_ok()
    }

    /// Reads or writes without waiting, and notes an error.
    fn noting<T>(&self, done: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut is_broken = self.is_broken();
        done().inspect_err(|error| *is_broken |= error.kind() != io::ErrorKind::WouldBlock)
    }
}

impl ObservedStream {
    pub(super) fn new(
        socket: Arc<Socket>,
        place: Arc<Place>,
        lines: RequestLines,
        heads: Heads,
    ) -> Self {
        Self { socket, place, lines, heads, stall: None, patience: TAKEN_WITHIN }
    }

    /// Tries until the system takes something, which is not for ever.
    fn poll_writing(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.stream.poll_write_ready(cx) {
                Poll::Ready(is_ready) => is_ready?,
                Poll::Pending => return self.poll_stall(cx).map(Err),
            }
            self.lines.writing(|| self.socket.has_unread());
            match self.socket.noting(|| write(&self.socket.stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.stall = None;
                    return Poll::Ready(written);
                }
            }
        }
    }

    /// Waits for the end of the other end's time to take something.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stall.as_mut().poll(cx));
        *self.socket.is_broken() = true;
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read"))
    }
}

impl AsyncRead for ObservedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let head = self.lines.head();
            ready!(self.heads.poll_more(cx, head))?;
            ready!(self.socket.stream.poll_read_ready(cx))?;
            // hyper takes as much memory as it is given at a time, and keeps it.
            let most = if head.is_some() { heads::SMALL } else { usize::MAX };
            let unfilled = buffer.initialize_unfilled_to(buffer.remaining().min(most));
            let length = match self.socket.noting(|| self.socket.stream.try_read(unfilled)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(length) => length,
            };
            let handed_on = self.lines.filter(unfilled.get_mut(..length).unwrap_or_default())?;
            // None would mean the end.
            if handed_on > 0 {
                buffer.advance(handed_on);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for ObservedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_writing(cx, |stream| stream.try_write(bytes))
    }

    /// A socket has nothing to flush: what was written is the system's.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.place.flushed() {
            self.lines.answered();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = rustix::net::shutdown(&self.socket.stream, rustix::net::Shutdown::Write);
        Poll::Ready(shut.map_err(io::Error::from))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_writing(cx, |stream| stream.try_write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncWriteExt as _,
        net::{TcpListener, TcpSocket},
        time::{Instant, sleep, timeout},
    };

    use super::*;
    use crate::server::{connections::Connections, heads::HeadLimits};

    /// A connection whose other end neither reads nor acknowledges: on this machine nothing is lost,
    /// but a full buffer looks the same.
    async fn deaf() -> (Arc<Socket>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(2048).unwrap();
        let client = client.connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (Socket::new(accepted.unwrap().0), client.unwrap())
    }

    async fn fill(socket: &Socket) {
        while timeout(Duration::from_millis(100), socket.stream.writable()).await.is_ok() {
            _ = socket.stream.try_write(&[0; 4096]);
        }
    }

    #[tokio::test]
    async fn an_answer_of_which_nothing_is_taken_is_given_up() {
        let (socket, _client) = deaf().await;
        let place = Connections::new(1).place().await;
        let patience = Duration::from_millis(300);
        let stream = ObservedStream::new(
            Arc::clone(&socket),
            place,
            RequestLines::default(),
            Heads::new(HeadLimits::new(patience)),
        );
        let mut stream = ObservedStream { patience, ..stream };
        // What is taken begins the time anew.
        stream.stall = Some(Box::pin(sleep(Duration::ZERO)));
        stream.write_all(b"answer").await.unwrap();
        assert!(stream.stall.is_none());
        fill(&socket).await;
        assert_eq!(socket.peer(), Peer::Open);
        let begin = Instant::now();
        let written = timeout(Duration::from_secs(20), stream.write(&[0; 4096])).await.unwrap();
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() >= patience, "{:?}", begin.elapsed());
        assert_eq!(socket.peer(), Peer::Broken);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_not_acknowledged_breaks_the_connection_where_it_is_limited() {
        let [limited, unlimited, changed, behind, read] =
            [deaf().await, deaf().await, deaf().await, deaf().await, deaf().await];
        for (socket, _) in [&limited, &changed, &read, &behind] {
            socket.gives_answer(true);
        }
        changed.0.gives_answer(false);
        // A short answer behind a long one that the other end may not have.
        behind.0.gives_answer(false);
        behind.0.gives_answer(true);
        limited.0.gives_answer(false);
        limited.0.answers_were_read();
        limited.0.gives_answer(true);
        let begin = Instant::now();
        for (socket, _) in [&limited, &unlimited, &changed, &behind] {
            fill(socket).await;
        }
        read.0.stream.try_write(b"answer").unwrap();
        while limited.0.peer() != Peer::Broken {
            assert!(begin.elapsed() < Duration::from_secs(20), "it does not break");
            sleep(Duration::from_millis(10)).await;
        }
        assert!(begin.elapsed() >= ACKNOWLEDGED_WITHIN, "{:?}", begin.elapsed());
        // All bytes are in the other end's buffer: that is as good as read.
        for (socket, _) in [unlimited, changed, behind, read] {
            assert_eq!(socket.peer(), Peer::Open);
        }
    }

    /// The end of one who has closed its own, and has the answer or not.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_answer_is_read_when_it_is_acknowledged_and_not_when_its_sender_has_closed() {
        for has_room in [true, false] {
            let (socket, mut sender) = deaf().await;
            if has_room {
                socket.stream.try_write(b"answer").unwrap();
            } else {
                fill(&socket).await;
            }
            sender.shutdown().await.unwrap();
            timeout(Duration::from_secs(20), socket.finish()).await.unwrap();
            assert_eq!(socket.peer(), Peer::Closed);
            if has_room {
                timeout(Duration::from_secs(20), socket.acknowledged()).await.unwrap();
                assert_eq!(socket.peer_at_end(), Peer::Closed);
                continue;
            }
            let waiting = timeout(Duration::from_millis(200), socket.acknowledged()).await;
            assert!(waiting.is_err(), "it does not wait");
            assert_eq!(socket.peer_at_end(), Peer::Broken);
            // What it has not read makes this a reset.
            drop(sender);
            timeout(Duration::from_secs(20), socket.acknowledged()).await.unwrap();
            assert_eq!(socket.peer(), Peer::Broken);
        }
    }

    /// However many ask.
    #[tokio::test]
    async fn a_reset_never_looks_like_an_end_in_good_order() {
        for _ in 0..1000 {
            let (socket, sender) = deaf().await;
            socket.stream.try_write(b"answer").unwrap();
            let others = [(); 8].map(|()| {
                let socket = Arc::clone(&socket);
                std::thread::spawn(move || while socket.peer() == Peer::Open {})
            });
            sender.readable().await.unwrap();
            // What it has not read makes this a reset.
            drop(sender);
            timeout(Duration::from_secs(20), socket.finish()).await.unwrap();
            assert_eq!(socket.peer_at_end(), Peer::Broken);
            others.into_iter().for_each(|other| other.join().unwrap());
        }
    }
}
