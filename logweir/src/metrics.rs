//! `/metrics`, in the text format of Prometheus: totals for everybody, and the figures of each source
//! and backend, whose names are nobody else's business, for who may manage.

use std::{sync::Arc, time::Duration};

use hyper::{HeaderMap, StatusCode};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use store::{AccessTokens, Grant, Readiness, Store};
use warp::{Filter as _, filters::BoxedFilter, http::HeaderValue, reply::Response};

use crate::{answer, metric_totals::totals};

/// How often histograms are condensed.
const UPKEEP: Duration = Duration::from_secs(5);

/// Times in seconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Events of a group that was written at once.
const EVENTS: [f64; 12] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5];

/// Brings figures up to date that are only worked out when they are asked for.
pub(crate) type Refresh = Arc<dyn Fn() + Send + Sync>;

/// Takes all that the program counts from now on.
pub(crate) fn record() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_events".to_owned()), &EVENTS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Who is shown what.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    pub(crate) store: Store,
    /// Whether everybody is shown everything.
    pub(crate) open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Everything,
    Totals,
    Nothing,
}

impl Readers {
    fn shown(&self, headers: &HeaderMap) -> Shown {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| !value.is_empty())
        };
        let presented = AccessTokens::presented(header("authorization"), header("x-api-key"), None);
        match presented.map(|token| self.store.grant(token)) {
            _ if self.open => Shown::Everything,
            Some(grant) if grant.as_ref().is_some_and(Grant::may_manage) => Shown::Everything,
            // While it starts, nobody is turned away.
            Some(_) if self.store.readiness() != Readiness::Starting => Shown::Nothing,
            _ => Shown::Totals,
        }
    }
}

/// `GET` and `HEAD` of `/metrics`
pub(crate) fn routes(
    handle: PrometheusHandle,
    refresh: Refresh,
    readers: Readers,
) -> BoxedFilter<(Response,)> {
    warp::path!("metrics")
        .and(warp::get().or(warp::head()).unify())
        .and(warp::header::headers_cloned())
        .map(move |headers: HeaderMap| {
            let shown = readers.shown(&headers);
            if shown == Shown::Nothing {
                return answer::error(StatusCode::UNAUTHORIZED, "Unauthorized");
            }
            refresh();
            let text = handle.render();
            let text = if shown == Shown::Totals { totals(&text) } else { text };
            let mut response = Response::new(text.into());
            let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert("content-type", text);
            response
        })
        .boxed()
}
