//! `/metrics`, in the text format of Prometheus, without any token: it holds no log and no secret.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use warp::{Filter as _, filters::BoxedFilter, http::HeaderValue, reply::Response};

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

/// `GET /metrics`
pub(crate) fn routes(handle: PrometheusHandle, refresh: Refresh) -> BoxedFilter<(Response,)> {
    warp::path!("metrics")
        .and(warp::get())
        .map(move || {
            refresh();
            let mut response = Response::new(handle.render().into());
            let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert("content-type", text);
            response
        })
        .boxed()
}
