//! The HTTP server: accepts connections, keeps them within limits, and drains them at the end.
//!
//! warp's own server has no time limits and no drain, so its routes are served by hyper here, and
//! gRPC with them.

mod with_grpc;

mod answer_body;
mod connections;
mod heads;
mod observed_stream;
mod refusals;
mod request_line;
mod timed_body;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{
    Request, Response, Version,
    body::{Body, Bytes, Incoming},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use sink::{Peer, SenderConnection};
use store::Delivery;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tracing::Instrument as _;

use crate::request_id::RequestId;
use answer_body::AnswerBody;
use connections::{Connections, Place, RequestInWork};
use heads::{HeadLimits, Heads};
use observed_stream::{ACKNOWLEDGED_WITHIN, ObservedStream, Socket};
use request_line::RequestLines;
pub(crate) use timed_body::BodyTimes;
use timed_body::TimedBody;

pub(crate) use with_grpc::WithGrpc;

/// Studio asks with the whole query in the URL, of which up to 65,534 bytes are taken; the rest is
/// for headers. So much of a body is read at a time too, which is enough for a call of the system
/// to cost next to nothing for each byte.
const MAX_HEAD_BYTES: usize = 80 << 10;

/// Likewise for HTTP/2, as that counts them. With more than a URL takes, requests whose URL is too
/// long would be reset rather than answered 431.
const MAX_HEAD_BYTES_HTTP2: u32 = request_line::LONGEST_URL as u32;

/// Connections that wait to be accepted; the system may have a lower limit. When they are more, a
/// client tries again after a second, so the usual 128 are too few.
const BACKLOG: u32 = 4096;

/// Pause after the system refused a connection, usually because all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers of at most so many bytes are acknowledged at once, whenever their reader gets to them.
const SHORT_ANSWER: u64 = 64 << 10;

/// Longest time for a client to close its end after the server has closed its own. By then the
/// client has the last answer, or the connection is broken.
const FINISHED_WITHIN: Duration = Duration::from_secs(4);

const _: () = assert!(
    ACKNOWLEDGED_WITHIN.as_secs() < FINISHED_WITHIN.as_secs()
        && FINISHED_WITHIN.as_secs() < Delivery::GRACE.as_secs()
);

/// Longest time for a client that has closed its end to acknowledge what it was sent. The system
/// breaks the connection off before, where it was told to.
const ANSWERS_WITHIN: Duration = ACKNOWLEDGED_WITHIN.saturating_add(Duration::from_millis(500));

/// How often a client of HTTP/2 that says nothing is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);

/// What a client may take.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Connections at a time. For one more, that which has waited the longest for a request is
    /// closed, else one whose request's body trickles in; while all have other requests, it waits.
    pub(crate) max_connections: usize,
    /// For the first request to arrive after the connection is made, and for the head of each
    /// request to be whole after its first byte.
    pub(crate) head_timeout: Duration,
    /// For a next one to begin. Vector keeps connections for 90 s, and one that is
    /// closed when it is used costs a retry.
    pub(crate) idle_timeout: Duration,
    /// For a request's body to arrive; 408 is answered when it does not, or gRPC's like of it.
    pub(crate) body_times: BodyTimes,
    /// For requests in flight to be answered after the end was asked for.
    pub(crate) drain_timeout: Duration,
}

/// Why the address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Another program has it.
    #[error(
        "another program listens on {address} already. Stop it, or set {variable} to a free port"
    )]
    Taken {
        /// The address.
        address: SocketAddr,
        /// The variable that decides the port.
        variable: &'static str,
    },
    /// The system refuses.
    #[error("cannot listen on {address}: {error}. Check PHX_HTTP_IP and {variable}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The variable that decides the port.
        variable: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// Listens on an address; without one, on all of the machine, of IPv6 and IPv4. `variable` is the
/// one that decides the port.
pub(crate) fn bind(
    ip: Option<IpAddr>,
    port: u16,
    variable: &'static str,
) -> Result<TcpListener, BindError> {
    let all = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let ips = ip.as_ref().map_or(&all[..], std::slice::from_ref);
    let mut refused = None;
    for &ip in ips {
        let address = SocketAddr::new(ip, port);
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(BindError::Taken { address, variable });
            }
            // Without IPv6 the system knows no such address, and the next one is tried.
            Err(error) => refused = Some(BindError::Refused { address, variable, error }),
        }
    }
    // There was at least one address, or the loop would not have ended without a listener.
    let address = SocketAddr::new(all[1], port);
    Err(refused.unwrap_or(BindError::Taken { address, variable }))
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request as it is handed on.
type Asked = Request<TimedBody<Incoming>>;

/// What can be served: routes of warp, services of tonic.
pub(crate) trait Served:
    Clone
    + Send
    + 'static
    + Service<Asked, Response = Response<Self::Body>, Future: Send + 'static, Error: Into<BoxError>>
{
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> Served for S
where
    S: Clone + Send + 'static,
    S: Service<Asked, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A start soon after an end must not find the address taken by connections that have closed.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is done; then answers what is in flight.
pub(crate) async fn serve<S: Served>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let drain_timeout = limits.drain_timeout;
    let connections = GracefulShutdown::new();
    {
        let accepting = accept_all(&listener, &service, &limits, &connections);
        tokio::select! {
            biased;
            () = stop => {}
            () = accepting => {}
        }
    }
    drop(listener);
    tracing::info!(connections = connections.count(), "stopping: answering requests in flight");
    if timeout(drain_timeout, connections.shutdown()).await.is_err() {
        tracing::warn!(?drain_timeout, "requests are still in flight and are given up");
    }
}

/// Accepts connections for ever.
async fn accept_all(
    listener: &TcpListener,
    service: &impl Served,
    limits: &Limits,
    graceful: &GracefulShutdown,
) {
    let connections = Connections::new(limits.max_connections);
    let heads = HeadLimits::new(limits.head_timeout);
    loop {
        let stream = accept(listener).await;
        let place = connections.place().await;
        let (service, limits, heads) = (service.clone(), limits.clone(), Heads::new(heads.clone()));
        let connection =
            serve_connection(stream, service, limits, heads, graceful.watcher(), place);
        tokio::spawn(connection);
    }
}

/// Accepts one connection, however often the system refuses.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client went away while it waited.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection<S: Served>(
    stream: TcpStream,
    service: S,
    limits: Limits,
    heads: Heads,
    watcher: Watcher,
    place: Arc<Place>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection closed before it was served");
        return;
    }
    let Limits { head_timeout, idle_timeout, body_times, .. } = limits;
    let asked = Arc::new(AtomicBool::new(false));
    let socket = Socket::new(stream);
    let sender = {
        let socket = Arc::downgrade(&socket);
        SenderConnection::new(move || socket.upgrade().map_or(Peer::Closed, |open| open.peer()))
    };
    let lines = RequestLines::default();
    let service = {
        let lines = lines.clone();
        let (asked, place, sender) = (Arc::clone(&asked), Arc::clone(&place), sender.clone());
        let socket = Arc::downgrade(&socket);
        service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let mut cut_url = None;
            if request.version() < Version::HTTP_2 {
                let begun = lines.request(request.body().size_hint().exact());
                if begun.after_answers {
                    sender.next_request();
                    if let Some(socket) = socket.upgrade() {
                        socket.answers_were_read();
                    }
                }
                cut_url = begun.cut_url;
            }
            request.extensions_mut().insert(sender.request());
            let answer = answer(request, cut_url, service.clone(), body_times, place.request());
            let socket = Weak::clone(&socket);
            async move {
                let answer = answer.await?;
                if let Some(socket) = socket.upgrade() {
                    let is_short = answer.body().size_hint().lower() <= SHORT_ANSWER;
                    socket.gives_answer(is_short);
                }
                Ok::<_, S::Error>(answer)
            }
        })
    };
    let builder = connection_builder(idle_timeout);
    let stream = ObservedStream::new(Arc::clone(&socket), Arc::clone(&place), lines, heads);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // First, so that a request that has come is begun before anything is given up.
        biased;
        ended = watcher.watch(connection.into_owned()) => {
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended early");
            }
            place.flushed();
            tokio::select! {
                _ = timeout(FINISHED_WITHIN, socket.finish()) => {}
                () = place.told_to_close() => {}
            }
            if sender.awaits_delivery() {
                _ = timeout(ANSWERS_WITHIN, socket.acknowledged()).await;
            }
            sender.ended(socket.peer_at_end());
        }
        () = silence(&asked, head_timeout) => {
            tracing::debug!("a connection is closed because no request came");
        }
        () = place.told_to_close() => {
            tracing::debug!("a connection is closed to make room for another one");
        }
    }
}

fn connection_builder(idle_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_timeout)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_header_list_size(MAX_HEAD_BYTES_HTTP2);
    builder
}

/// Done when no request came in time. hyper's own time limit starts only when the first bytes
/// have told HTTP/1 from HTTP/2, for which it would wait for ever.
async fn silence(asked: &AtomicBool, head_timeout: Duration) {
    sleep(head_timeout).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// Answers one request, under its id; `cut_url` is the length of its URL if that was cut.
async fn answer<S: Served>(
    request: Request<Incoming>,
    cut_url: Option<usize>,
    service: S,
    body_times: BodyTimes,
    in_work: RequestInWork,
) -> Result<Response<AnswerBody<S::Body>>, S::Error> {
    let id = RequestId::of(request.headers());
    let span = tracing::info_span!("request", id = id.as_str());
    let version = request.version();
    let (mut head, body) = request.into_parts();
    // The audit log names requests too.
    id.clone().mark(&mut head.headers);
    let has_path = head.uri.path_and_query().is_some_and(|url| url.path().starts_with('/'));
    if cut_url.is_some() || !has_path {
        let mut response = match cut_url {
            Some(length) => refusals::long_url(head.uri.path(), length, in_work),
            None => refusals::without_path(in_work),
        };
        id.mark(response.headers_mut());
        return Ok(response);
    }
    let is_grpc = with_grpc::is_grpc(&head.headers);
    let (body, late) = TimedBody::new(body, body_times, in_work.body());
    let request = Request::from_parts(head, body);
    let response = service.call(request).instrument(span).await?;
    let mut response = if late.is_so() {
        match is_grpc {
            true => with_grpc::too_late(in_work),
            false => refusals::too_late(version, in_work),
        }
    } else {
        response.map(|body| AnswerBody::new(body, in_work))
    };
    id.mark(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests;
