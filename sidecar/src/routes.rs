//! Routes.

use bytes::BytesMut;
use futures_util::{Stream, TryStreamExt as _};
use store::{AccessTokens, Store};
use warp::{
    Filter as _,
    filters::BoxedFilter,
    http::{HeaderMap, Method},
    reply::Response,
};

use crate::{
    answer,
    parameters::Parameters,
    query::{self, Refusal},
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
///
/// `GET|POST /api/endpoints/query/{name or token}`
pub fn routes(store: Store, settings: Settings) -> BoxedFilter<(Response,)> {
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path!("api" / "endpoints" / "query" / String)
        .and(warp::get().or(warp::post()).unify())
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(query_string)
        .and(warp::body::stream())
        .then(move |endpoint, method, headers, query: String, body| {
            let (store, settings) = (store.clone(), settings.clone());
            async move {
                let head = Head { endpoint, method, headers, query };
                match endpoint_query(&store, &settings, &head, body).await {
                    Ok(rows) => answer::rows(&rows),
                    Err(refusal) => answer::refusal(&refusal),
                }
            }
        })
        .boxed()
}

/// What of a request is known before its body.
struct Head {
    endpoint: String,
    method: Method,
    headers: HeaderMap,
    query: String,
}

async fn endpoint_query(
    store: &Store,
    settings: &Settings,
    head: &Head,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<String, Refusal> {
    let mut parameters = Parameters::from_query_string(&head.query);
    let token = token(&head.headers, &parameters);
    let endpoint = query::authorise(store, &settings.tokens, &head.endpoint, token)?;
    // A GET may carry its SQL in a body when the URL has none.
    if head.method == Method::POST || parameters.get("sql").is_none() {
        parameters.add_body(&capped(body).await?)?;
    }
    query::run(store, &endpoint, &parameters).await
}

fn token<'a>(headers: &'a HeaderMap, parameters: &'a Parameters) -> Option<&'a str> {
    let header = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    };
    AccessTokens::presented(header("authorization"), header("x-api-key"), parameters.get("api_key"))
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
