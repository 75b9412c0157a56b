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

/// All routes of the sink. An unknown path is rejected as not found; nothing else is rejected.
///
/// `POST /api/logs`, `/logs`, `/api/events`, as Logflare has them.
pub fn routes(store: Store, settings: Settings) -> BoxedFilter<(Response,)> {
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    let path = warp::path!("api" / "logs")
        .or(warp::path!("logs"))
        .unify()
        .or(warp::path!("api" / "events"))
        .unify();
    let store_of_logs = store.clone();
    let logs = path
        .and(warp::post())
        .and(query_string)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |query: String, headers, body| {
            let (store, settings) = (store_of_logs.clone(), settings.clone());
            async move {
                match log(&store, &settings, &query, &headers, body).await {
                    Ok(()) => answer::logged(),
                    Err(error) => answer::failure(&error),
                }
            }
        });
    let other_methods = path.map(move || match ingest::started(&store) {
        Ok(()) => answer::only_post(),
        Err(error) => answer::failure(&error),
    });
    logs.or(other_methods).unify().boxed()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::PostgresServer;
    use warp::http::Method;

    use super::*;

    /// The routes over a store that was never made ready.
    fn starting() -> BoxedFilter<(Response,)> {
        let server = PostgresServer::parse("postgresql://127.0.0.1:1/none", None).unwrap();
        let store = Store::new(store::Settings {
            events: server.clone(),
            catalog: server,
            seed_supabase: true,
            query_timeout: Duration::from_secs(1),
            ingest_connections: 1,
            query_connections: 1,
            query_functions: "",
        });
        let tokens = AccessTokens::new("public", "private");
        routes(store, Settings { tokens, max_body_bytes: 1 << 20 })
    }

    #[tokio::test]
    async fn while_starting_nobody_is_turned_away_for_good() {
        let routes = starting();
        for (method, path, key, body) in [
            (Method::POST, "/api/logs?source_name=postgres.logs", "public", "[{}]"),
            (Method::POST, "/logs?source=unknown", "public", "[{}]"),
            (Method::POST, "/api/events", "wrong", "no JSON"),
            (Method::GET, "/api/logs", "wrong", ""),
        ] {
            let request = warp::test::request().method(method.as_str()).path(path);
            let answer = request.header("x-api-key", key).body(body).reply(&routes).await;
            assert_eq!(answer.status(), 503, "{path}");
            assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
            let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            assert!(body["error"].as_str().unwrap().contains("starting"), "{body}");
        }
    }

    #[tokio::test]
    async fn unknown_paths_are_left_to_others() {
        let routes = starting();
        for path in ["/", "/api", "/api/logs/more", "/health", "/api/endpoints/query/logs.all"] {
            let request = warp::test::request().method("POST").path(path);
            let rejection = request.filter(&routes).await.unwrap_err();
            assert!(rejection.is_not_found(), "{path}");
        }
    }
}
