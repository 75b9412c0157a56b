//! Routes.

use futures_util::Stream;
use store::{AccessTokens, Store};
use warp::{Filter as _, filters::BoxedFilter, http::HeaderMap, reply::Response};

use crate::{
    answer,
    body::{self, Encoding},
    error::IngestError,
    ingest,
    request::{Parameters, header},
};

/// What the routes need to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may send events.
    pub tokens: AccessTokens,
    /// Largest body, compressed or not.
    pub max_body_bytes: usize,
}

/// All routes of the sink. An unknown path is rejected as not found.
///
/// `POST /api/logs`, `/logs`, `/api/events`, as Logflare has them.
pub fn routes(store: Store, settings: Settings) -> BoxedFilter<(Response,)> {
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    let logs = warp::path!("api" / "logs")
        .or(warp::path!("logs"))
        .unify()
        .or(warp::path!("api" / "events"))
        .unify();
    logs.and(warp::post())
        .and(query_string)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |query: String, headers, body| {
            let (store, settings) = (store.clone(), settings.clone());
            async move {
                match log(&store, &settings, &query, &headers, body).await {
                    Ok(()) => answer::logged(),
                    Err(error) => answer::failure(&error),
                }
            }
        })
        .boxed()
}

async fn log(
    store: &Store,
    settings: &Settings,
    query: &str,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<(), IngestError> {
    let parameters = Parameters::read(query);
    ingest::authorise(store, &settings.tokens, parameters.token(headers))?;
    let route = parameters.route(headers);
    let encoding = Encoding::named(header(headers, "content-encoding"))?;
    let body = body::collect(body, settings.max_body_bytes).await?;
    ingest::ingest(store, route, body, encoding, settings.max_body_bytes).await
}
