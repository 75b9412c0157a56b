//! Routes.

use std::convert::Infallible;

use bytes::BytesMut;
use futures_util::{Stream, TryStreamExt as _};
use store::{AccessTokens, Store};
use warp::{
    Filter as _,
    filters::BoxedFilter,
    http::{HeaderMap, Method},
    reject::Rejection,
    reply::Response,
};

use crate::{
    answer,
    parameters::Parameters,
    query::{self, Refusal, Request},
};

/// Largest body of a query, in bytes. A query's text has its own, smaller limit.
const MAX_BODY: usize = 4 << 20;

/// What the routes need to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may ask what.
    pub tokens: AccessTokens,
}

/// All routes of the sidecar. An unknown path is rejected as not found.
pub fn routes(store: Store, settings: Settings) -> BoxedFilter<(Response,)> {
    endpoint_query()
        .then(move |request: Result<Request, Refusal>| {
            let (store, tokens) = (store.clone(), settings.tokens.clone());
            async move {
                let rows = match request {
                    Ok(request) => query::run(&store, &tokens, &request).await,
                    Err(refusal) => Err(refusal),
                };
                rows.map_or_else(|refusal| answer::refusal(&refusal), |rows| answer::rows(&rows))
            }
        })
        .boxed()
}

/// `GET|POST /api/endpoints/query/{name or token}`
fn endpoint_query()
-> impl warp::Filter<Extract = (Result<Request, Refusal>,), Error = Rejection> + Clone {
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path!("api" / "endpoints" / "query" / String)
        .and(warp::get().or(warp::post()).unify())
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(query_string)
        .and(warp::body::stream())
        .and_then(|endpoint, method, headers, query: String, body| async move {
            Ok::<_, Infallible>(request(endpoint, &method, &headers, &query, body).await)
        })
}

async fn request(
    endpoint: String,
    method: &Method,
    headers: &HeaderMap,
    query: &str,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<Request, Refusal> {
    let mut parameters = Parameters::from_query_string(query);
    let token = token(headers, &parameters);
    // A GET may carry its SQL in a body when the URL has none.
    if method == Method::POST || parameters.get("sql").is_none() {
        parameters.add_body(&capped(body).await?)?;
    }
    // The token is no parameter of the query.
    parameters.0.remove("api_key");
    Ok(Request { endpoint, token, parameters })
}

/// The token of a request, the first that is there: `Authorization: Bearer …`, `X-API-KEY`, the
/// query parameter `api_key`.
fn token(headers: &HeaderMap, parameters: &Parameters) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| header("x-api-key"))
        .or_else(|| parameters.get("api_key"))
        .map(str::to_owned)
}

async fn capped(
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<BytesMut, Refusal> {
    let mut collected = BytesMut::new();
    let mut body = std::pin::pin!(body);
    while let Some(mut part) =
        body.try_next().await.map_err(|error| Refusal::Body(error.to_string()))?
    {
        if collected.len() + part.remaining() > MAX_BODY {
            return Err(Refusal::BodyTooLarge(MAX_BODY));
        }
        while part.has_remaining() {
            let chunk = part.chunk();
            collected.extend_from_slice(chunk);
            let length = chunk.len();
            part.advance(length);
        }
    }
    Ok(collected)
}
