//! A connection's stream that says when everything written was handed to the system, and how the
//! other end is.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use rustix::net::RecvFlags;
use sink::Peer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{connections::Place, request_line::RequestLines};

/// A stream that tells its connection's [`Place`] when it was flushed. An answer that is complete
/// may still lie in a buffer of ours, and then its connection must not be closed to make room. Of
/// URLs that are too long it drops the end.
#[derive(Debug)]
pub(super) struct ObservedStream {
    socket: Arc<Socket>,
    place: Arc<Place>,
    lines: RequestLines,
}

/// The socket itself, for those who only look at it.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    broken: AtomicBool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self { stream, broken: AtomicBool::new(false) })
    }

    /// What the sender's end shows now; takes nothing of what it has sent.
    pub(super) fn peer(&self) -> Peer {
        if !matches!(self.stream.take_error(), Ok(None)) {
            self.broken.store(true, Ordering::Release);
        }
        if self.broken.load(Ordering::Acquire) {
            return Peer::Broken;
        }
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(&self.stream, &mut [0; 1], flags) {
            Ok((_, 0)) => Peer::Closed,
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Peer::Open,
            Err(_) => {
                self.broken.store(true, Ordering::Release);
                Peer::Broken
            }
        }
    }

    /// Notes an error of reading or writing: the system tells it only once.
    fn noting<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            if error.kind() != io::ErrorKind::WouldBlock {
                self.broken.store(true, Ordering::Release);
            }
        })
    }
}

impl ObservedStream {
    pub(super) fn new(socket: Arc<Socket>, place: Arc<Place>, lines: RequestLines) -> Self {
        Self { socket, place, lines }
    }

    /// Tries until the system takes something.
    fn poll_writing(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.stream.poll_write_ready(cx))?;
            match self.socket.noting(write(&self.socket.stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncRead for ObservedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.stream.poll_read_ready(cx))?;
            let unfilled = buffer.initialize_unfilled();
            let length = match self.socket.noting(self.socket.stream.try_read(unfilled)) {
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
        self.poll_writing(cx, |stream| stream.try_write(bytes))
    }

    /// A socket has nothing to flush: what was written is the system's.
    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        self.poll_writing(cx, |stream| stream.try_write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
