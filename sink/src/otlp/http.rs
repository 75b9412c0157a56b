//! OTLP/HTTP: `POST /v1/logs`, `/v1/traces`, `/v1/metrics`, each also below `/api`.

use std::time::Instant;

use futures_util::Stream;
use warp::{Filter as _, filters::BoxedFilter, http::HeaderMap, path::FullPath, reply::Response};

use super::{
    answer,
    decode::{Format, Signal},
    export::{Export, Failure, admit},
};
use crate::{
    SenderConnection,
    body::{self, Encoding, declared_length},
    measures,
    pipeline::Pipeline,
    request::{Parameters, header},
};

/// The routes. An unknown path is rejected as not found; nothing else is rejected.
pub(crate) fn routes(pipeline: Pipeline) -> BoxedFilter<(Response,)> {
    let signal = warp::path::full().and_then(|path: FullPath| {
        std::future::ready(at(&path).ok_or_else(warp::reject::not_found))
    });
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    let pipeline_of_exports = pipeline.clone();
    let exports = signal
        .and(warp::post())
        .and(query_string)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional())
        .and(warp::body::stream())
        .then(move |signal, query: String, headers, connection, body| {
            let pipeline = pipeline_of_exports.clone();
            async move {
                let started = Instant::now();
                let answer = export(&pipeline, signal, &query, &headers, connection, body).await;
                measures::answered(started.elapsed());
                answer
            }
        });
    let other_methods = signal.map(move |_| match pipeline.started() {
        Ok(()) => crate::answer::only_post(),
        Err(error) => crate::answer::failure(&error),
    });
    exports.or(other_methods).unify().boxed()
}

/// What is exported to a path.
fn at(path: &FullPath) -> Option<Signal> {
    let path = path.as_str();
    match path.strip_prefix("/api").unwrap_or(path) {
        "/v1/logs" => Some(Signal::Logs),
        "/v1/traces" => Some(Signal::Traces),
        "/v1/metrics" => Some(Signal::Metrics),
        _ => None,
    }
}

async fn export(
    pipeline: &Pipeline,
    signal: Signal,
    query: &str,
    headers: &HeaderMap,
    connection: Option<SenderConnection>,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Response {
    // The format of the answer: people who try things out say no type, and read JSON.
    let mut format = Format::Json;
    let mut quota = None;
    let exported = async {
        // Its time begins here.
        let mut share = pipeline.share();
        let declared = declared(headers);
        if let Ok(Some(declared)) = declared {
            format = declared;
        }
        let parameters = Parameters::read(query);
        let admitted = admit(pipeline, &parameters, headers).await?;
        let counted = |failure: Failure| {
            admitted.count_refused(pipeline, &failure);
            failure
        };
        let declared = declared.map_err(counted)?;
        let encoding = Encoding::of(headers).map_err(Failure::from).map_err(counted)?;
        let (length, limit) = (declared_length(headers), pipeline.max_body_bytes());
        let body = body::collect(body, length, limit, &mut share).await;
        let body = body.map_err(Failure::from).map_err(counted)?;
        if body.is_empty() {
            return Err(Failure::Empty);
        }
        format = declared.unwrap_or_else(|| Format::of(&body));
        let export = Export { admitted, signal, format: declared, body, encoding, share };
        let (left, outcome) = export.store(pipeline, connection.as_ref()).await;
        quota = left;
        outcome
    };
    let mut response = match exported.await {
        Ok(outcome) => answer::success(signal, format, outcome),
        Err(failure) => answer::failure(format, &failure),
    };
    crate::answer::tell(quota.as_ref(), &mut response);
    response
}

/// The format that the content-type names; None where there is no such header.
fn declared(headers: &HeaderMap) -> Result<Option<Format>, Failure> {
    let Some(content_type) = header(headers, "content-type") else { return Ok(None) };
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Some(Format::Protobuf)),
        "application/json" => Ok(Some(Format::Json)),
        _ => Err(Failure::MediaType(media_type.to_owned())),
    }
}

#[cfg(test)]
mod tests;
