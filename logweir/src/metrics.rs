//! `/metrics`, in the text format of Prometheus: totals for everybody, and the figures of each source
//! and backend, whose names are nobody else's business, for who may manage.

use std::{sync::Arc, time::Duration};

use hyper::{HeaderMap, StatusCode};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use store::{AccessTokens, Readiness, Store, UncertainToken};
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
    async fn shown(&self, headers: &HeaderMap) -> Result<Shown, UncertainToken> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| !value.is_empty())
        };
        let presented = AccessTokens::presented(header("authorization"), header("x-api-key"), None);
        let token = match presented {
            _ if self.open => return Ok(Shown::Everything),
            None => return Ok(Shown::Totals),
            Some(token) => token,
        };
        let is_starting = self.store.readiness() == Readiness::Starting;
        let grant = match is_starting {
            true => self.store.grant(token),
            false => self.store.grant_after_news(token).await?,
        };
        Ok(match grant.is_some_and(|grant| grant.may_manage()) {
            true => Shown::Everything,
            // While it starts, nobody is turned away.
            false if is_starting => Shown::Totals,
            false => Shown::Nothing,
        })
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
        .then(move |headers: HeaderMap| {
            let (handle, refresh, readers) = (handle.clone(), refresh.clone(), readers.clone());
            async move {
                let everything = match readers.shown(&headers).await {
                    Ok(Shown::Everything) => true,
                    Ok(Shown::Totals) => false,
                    Ok(Shown::Nothing) => {
                        return answer::error(StatusCode::UNAUTHORIZED, "Unauthorized");
                    }
                    Err(error) => {
                        let text = error.to_string();
                        return answer::error(StatusCode::SERVICE_UNAVAILABLE, &text);
                    }
                };
                refresh();
                let text = handle.render();
                let text = if everything { text } else { totals(&text) };
                let mut response = Response::new(text.into());
                let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert("content-type", text);
                response
            }
        })
        .boxed()
}
