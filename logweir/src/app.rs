//! All routes of the program, put together.

use std::convert::Infallible;

use hyper::{
    StatusCode,
    header::{ALLOW, HeaderValue},
};
use warp::{
    Filter as _,
    filters::BoxedFilter,
    reject::{self, Rejection},
    reply::Response,
};

use crate::{answer, health::Health};

/// Health and metrics, then, once started, the areas of the API; whatever none of them knows is answered in
/// JSON too.
pub(crate) fn routes(
    health: Health,
    metrics: BoxedFilter<(Response,)>,
    areas: BoxedFilter<(Response,)>,
) -> BoxedFilter<(Response,)> {
    let not_before_start = health.clone().not_before_start();
    health
        .routes()
        .or(metrics)
        .unify()
        .or(not_before_start)
        .unify()
        .or(areas)
        .unify()
        .recover(|rejection: Rejection| {
            let (status, text) = explain(&rejection);
            let mut response = answer::error(status, text);
            if status == StatusCode::METHOD_NOT_ALLOWED {
                // Areas answer this themselves; the routes before them are all alike.
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            std::future::ready(Ok::<_, Infallible>(response))
        })
        .unify()
        .boxed()
}

/// What no area took, in the words of the contract (`{"error":"Not Found"}`).
fn explain(rejection: &Rejection) -> (StatusCode, &'static str) {
    let status = if rejection.is_not_found() {
        StatusCode::NOT_FOUND
    } else if rejection.find::<reject::MethodNotAllowed>().is_some() {
        StatusCode::METHOD_NOT_ALLOWED
    } else if rejection.find::<reject::PayloadTooLarge>().is_some() {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if rejection.find::<reject::UnsupportedMediaType>().is_some() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else if rejection.find::<reject::InvalidQuery>().is_some()
        || rejection.find::<reject::InvalidHeader>().is_some()
        || rejection.find::<reject::MissingHeader>().is_some()
    {
        StatusCode::BAD_REQUEST
    } else {
        tracing::error!(?rejection, "a request was rejected for a reason that no area answers");
        StatusCode::INTERNAL_SERVER_ERROR
    };
    (status, status.canonical_reason().unwrap_or_default())
}

#[cfg(test)]
mod tests;
