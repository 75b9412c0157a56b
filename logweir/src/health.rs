//! `/health` and `/ready`: whether requests can be served.
//!
//! Compose files wait for a 2xx here before they start the rest of Supabase. The fields are
//! Logflare's; what has no meaning here (a cluster, caches) has the value of a healthy node.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use hyper::{Method, StatusCode, header};
use serde::Serialize;
use store::Readiness;
use warp::{Filter as _, filters::BoxedFilter, reject::Rejection, reply::Response};

use crate::{answer, memory};

/// How far the store is.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) readiness: Readiness,
    /// Why it is not ready, and what cannot be used though it is; without what only operators may
    /// know.
    pub(crate) reasons: Vec<&'static str>,
}

/// Asks the store how far it is.
pub(crate) type AskCondition = Arc<dyn Fn() -> Condition + Send + Sync>;

/// What the health routes need to know.
#[derive(Clone)]
pub(crate) struct Health {
    node: Arc<str>,
    condition: AskCondition,
    /// When the current time of readiness was first noticed.
    ready_since: Arc<Mutex<Option<Instant>>>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("node", &self.node).finish_non_exhaustive()
    }
}

/// The body of `/health`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    status: &'static str,
    /// Tasks of the program; Logflare counts its processes.
    proc_count: usize,
    this_node: &'a str,
    nodes: [&'a str; 1],
    nodes_count: usize,
    /// Seconds for which the database has answered, at least one; 0 when it does not.
    repo_uptime: u64,
    caches: Caches,
    /// Told only: a machine whose memory is full still stores what comes.
    memory_utilization: &'static str,
    /// Ours: why it is not ready, and what cannot be used though it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
}

/// An empty object: there are no caches that could be missing.
#[derive(Debug, Serialize)]
struct Caches {}

impl Health {
    /// `host` is the part of the node's name behind the `@`.
    pub(crate) fn new(host: &str, condition: AskCondition) -> Self {
        let node = format!("logweir@{host}").into();
        Self { node, condition, ready_since: Arc::default() }
    }

    /// `GET` and `HEAD` of `/health` and `/ready`, without any token.
    pub(crate) fn routes(self) -> BoxedFilter<(Response,)> {
        let method = warp::get().or(warp::head()).unify().and(warp::method());
        let at_health = self.clone();
        let health = warp::path!("health")
            .and(method)
            .map(move |method: Method| for_method(&method, at_health.health()));
        let ready = warp::path!("ready")
            .and(method)
            .map(move |method: Method| for_method(&method, self.ready()));
        health.or(ready).unify().boxed()
    }

    /// Passes while the catalog can be used; else answers 503, so that nobody gets a 401 or 404
    /// for what only is not loaded yet.
    pub(crate) fn not_before_start(self) -> BoxedFilter<(Response,)> {
        warp::any()
            .and_then(move || {
                let starting = (self.condition)().readiness == Readiness::Starting;
                std::future::ready(if starting {
                    let text = "The server is starting: its database is not ready yet";
                    Ok(answer::error(StatusCode::SERVICE_UNAVAILABLE, text))
                } else {
                    Err::<_, Rejection>(warp::reject::not_found())
                })
            })
            .boxed()
    }

    fn health(&self) -> Response {
        let Condition { readiness, reasons } = (self.condition)();
        let ready = readiness == Readiness::Ready;
        let report = Report {
            status: if ready { "ok" } else { "coming_up" },
            proc_count: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            this_node: &self.node,
            nodes: [&self.node],
            nodes_count: 1,
            repo_uptime: self.seconds_ready(ready),
            caches: Caches {},
            memory_utilization: memory::utilization(),
            reasons,
        };
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        answer::json(status, &report)
    }

    fn ready(&self) -> Response {
        #[derive(Serialize)]
        struct NotReady {
            status: &'static str,
            reasons: Vec<&'static str>,
        }
        let Condition { readiness, reasons } = (self.condition)();
        if readiness == Readiness::Starting {
            let body = NotReady { status: "not_ready", reasons };
            return answer::json(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
        self.health()
    }

    fn seconds_ready(&self, ready: bool) -> u64 {
        let mut since = self.ready_since.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready {
            *since = None;
            return 0;
        }
        since.get_or_insert_with(Instant::now).elapsed().as_secs().max(1)
    }
}

/// A `HEAD` answer keeps the length of the body that it leaves out.
fn for_method(method: &Method, mut response: Response) -> Response {
    if method == Method::HEAD {
        let (mut parts, body) = response.into_parts();
        if let Some(length) = hyper::body::Body::size_hint(&body).exact() {
            parts.headers.insert(header::CONTENT_LENGTH, length.into());
        }
        response = Response::from_parts(parts, Default::default());
    }
    response
}
