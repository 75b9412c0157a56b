//! The HTTP server: accepts connections, keeps them within limits, and drains them at the end.
//!
//! warp's own server has no time limits and no drain, so its routes are served by hyper here.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{
    Request,
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tracing::Instrument as _;
use warp::{filters::BoxedFilter, reply::Response};

use crate::request_id::RequestId;

/// Studio asks with the whole query in the URL; hyper takes URLs of up to 65,534 bytes.
const MAX_HEAD_BYTES: u32 = 256 << 10;

/// Pause after the system refused a connection, usually because all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a client of HTTP/2 that says nothing is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);

/// What a client may take.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub(crate) max_connections: usize,
    /// For a request's head to arrive: after the connection is made, and, kept alive, after the
    /// answer before.
    pub(crate) head_timeout: Duration,
    /// For requests in flight to be answered after the end was asked for.
    pub(crate) drain_timeout: Duration,
}

/// Why the address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Another program has it.
    #[error("another program listens on {0} already. Stop it, or set PHX_HTTP_PORT to a free port")]
    Taken(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on {address}: {error}. Check PHX_HTTP_IP and PHX_HTTP_PORT")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// Listens on an address; without one, on all of the machine, of IPv6 and IPv4.
pub(crate) async fn bind(ip: Option<IpAddr>, port: u16) -> Result<TcpListener, BindError> {
    let all = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let ips = ip.as_ref().map_or(&all[..], std::slice::from_ref);
    let mut refused = None;
    for &ip in ips {
        let address = SocketAddr::new(ip, port);
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(BindError::Taken(address));
            }
            // Without IPv6 the system knows no such address, and the next one is tried.
            Err(error) => refused = Some(BindError::Refused { address, error }),
        }
    }
    // There was at least one address, or the loop would not have ended without a listener.
    Err(refused.unwrap_or(BindError::Taken(SocketAddr::new(all[1], port))))
}

/// Serves until `stop` is done; then answers what is in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: BoxedFilter<(Response,)>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let drain_timeout = limits.drain_timeout;
    let connections = GracefulShutdown::new();
    {
        let accepting = accept_all(&listener, &routes, &limits, &connections);
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
    routes: &BoxedFilter<(Response,)>,
    limits: &Limits,
    connections: &GracefulShutdown,
) {
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    // The semaphore is never closed, so this loop never ends.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let stream = accept(listener).await;
        tokio::spawn(serve_connection(
            stream,
            routes.clone(),
            limits.head_timeout,
            connections.watcher(),
            slot,
        ));
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

async fn serve_connection(
    stream: TcpStream,
    routes: BoxedFilter<(Response,)>,
    head_timeout: Duration,
    watcher: Watcher,
    _slot: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection closed before it was served");
        return;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = {
        let asked = Arc::clone(&asked);
        service_fn(move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            answer(request, routes.clone())
        })
    };
    let builder = connection_builder(head_timeout);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = watcher.watch(connection.into_owned()) => {
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended early");
            }
        }
        () = silence(&asked, head_timeout) => {
            tracing::debug!("a connection is closed because no request came");
        }
    }
}

fn connection_builder(head_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(MAX_HEAD_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_header_list_size(MAX_HEAD_BYTES);
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

/// Answers one request, under its id.
async fn answer<S>(request: Request<Incoming>, routes: S) -> Result<Response, S::Error>
where
    S: Service<Request<Incoming>, Response = Response>,
{
    let id = RequestId::of(request.headers());
    let span = tracing::info_span!("request", id = id.as_str());
    let mut response = routes.call(request).instrument(span).await?;
    id.mark(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests;
