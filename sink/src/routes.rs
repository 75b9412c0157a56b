//! Routes: one filter takes the path as a whole, as `paths` reads it.

use std::time::Instant;

use futures_util::Stream;
use warp::{
    Filter as _,
    filters::{BoxedFilter, path::FullPath},
    http::{HeaderMap, Method},
    reject,
    reply::Response,
};

use crate::{
    SenderConnection, answer,
    body::{self, Encoding, declared_length},
    cors,
    decode::Decoder,
    error::IngestError,
    formats::Attributes,
    measures,
    paths::Place,
    pipeline::{Pipeline, Sent, Taken},
    request::{Media, Parameters, Route},
};

/// Routes of events. An unknown path is rejected as not found; nothing else is rejected.
///
/// `/logs`, `/api/logs` and `/api/events`, alone, with the name of a source behind them, or with
/// one of the suffixes that Logflare has for other senders (`/json`, `/vercel`, `/syslog` …).
pub(crate) fn routes(pipeline: Pipeline) -> BoxedFilter<(Response,)> {
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    let place = warp::path::full().and_then(|path: FullPath| {
        let place = Place::at(path.as_str());
        std::future::ready(place.ok_or_else(reject::not_found))
    });
    place
        .and(warp::method())
        .and(query_string)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional())
        .and(warp::body::stream())
        .then(move |place, method: Method, query: String, headers, connection, body| {
            let pipeline = pipeline.clone();
            async move {
                let answer = match method {
                    Method::OPTIONS => return cors::preflight(),
                    Method::POST => {
                        let started = Instant::now();
                        let taken = log(&pipeline, place, &query, &headers, connection, body).await;
                        measures::answered(started.elapsed());
                        answer::of(&taken.unwrap_or_else(Taken::from))
                    }
                    _ => match pipeline.started() {
                        Ok(()) => answer::only_post(),
                        Err(error) => answer::failure(&error),
                    },
                };
                cors::shown_to_any_origin(answer)
            }
        })
        .boxed()
}

async fn log(
    pipeline: &Pipeline,
    place: Place,
    query: &str,
    headers: &HeaderMap,
    connection: Option<SenderConnection>,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<Taken, IngestError> {
    // Its time begins here.
    let mut share = pipeline.share();
    let parameters = Parameters::read(query);
    let grant = pipeline.authorise(parameters.token(headers)).await?;
    let route = parameters.route(place.source, headers);
    let counted = |error: IngestError| {
        if error.is_final() {
            pipeline.count_refused(&grant, &route, &error);
        }
        error
    };
    let encoding = Encoding::of(headers).map_err(counted)?;
    let limit = pipeline.max_body_bytes();
    let decoder = Decoder {
        format: place.format,
        media: Media::of(headers),
        attributes: Attributes::of(headers),
        routed: route != Route::default(),
    };
    let form = format!("{} {:?}", place.format.name(), decoder.attributes);
    let body =
        body::collect(body, declared_length(headers), limit, &mut share).await.map_err(counted)?;
    let sent = Sent { grant, route, form, body, encoding, share };
    Ok(pipeline.submit(sent, connection.as_ref(), decoder).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting() -> BoxedFilter<(Response,)> {
        routes(Pipeline::starting())
    }

    #[tokio::test]
    async fn while_starting_nobody_is_turned_away_for_good() {
        let routes = starting();
        for (method, path, key, body) in [
            (Method::POST, "/api/logs?source_name=postgres.logs", "public", "[{}]"),
            (Method::POST, "/logs?source=unknown", "public", "[{}]"),
            (Method::POST, "/logs/unknown", "public", "[{}]"),
            (Method::POST, "/api/events/vercel", "public", "nonsense"),
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
    async fn browsers_may_ask_without_a_token_and_see_the_answers() {
        let routes = starting();
        for path in ["/logs", "/api/logs/json", "/api/events/browser/reports", "/api/logs/a"] {
            let request = warp::test::request().method("OPTIONS").path(path);
            let request = request.header("access-control-request-headers", "x-api-key");
            let answer = request.reply(&routes).await;
            assert_eq!(answer.status(), 204, "{path}");
            assert!(answer.body().is_empty());
            for (name, value) in [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "POST, OPTIONS"),
                ("access-control-max-age", "1728000"),
            ] {
                assert_eq!(answer.headers()[name], value, "{path}");
            }
            let headers = answer.headers()["access-control-allow-headers"].to_str().unwrap();
            assert!(headers.contains("X-API-KEY") && headers.contains("Content-Type"), "{headers}");
            let answer = warp::test::request().method("POST").path(path).reply(&routes).await;
            assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        }
    }

    #[tokio::test]
    async fn unknown_paths_are_left_to_others() {
        let routes = starting();
        for path in ["/", "/api", "/api/logs/a/b", "/health", "/api/endpoints/query/logs.all"] {
            let request = warp::test::request().method("POST").path(path);
            let rejection = request.filter(&routes).await.unwrap_err();
            assert!(rejection.is_not_found(), "{path}");
        }
    }
}
