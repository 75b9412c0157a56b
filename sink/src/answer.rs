//! Answers: the only place that knows status codes.

use std::fmt;

use serde_json::json;
use warp::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER},
    },
    reply::Response,
};

use crate::{
    collected::Rejected,
    error::{IngestError, ManageError},
    pipeline::Taken,
    rate_limits::Quota,
};

/// Every event is stored.
pub(crate) fn logged() -> Response {
    json(StatusCode::OK, &json!({ "message": "Logged!" }))
}

/// A known path, another method.
pub(crate) fn only_post() -> Response {
    only("POST, OPTIONS")
}

/// A known path, a method that is none of these.
pub(crate) fn only(methods: &'static str) -> Response {
    let error = json!({ "error": "Method Not Allowed" });
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &error);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// What came of a request.
pub(crate) fn of(taken: &Taken) -> Response {
    let mut response = match &taken.outcome {
        Ok(()) => logged(),
        Err(error) => failure(error),
    };
    tell(taken.quota.as_ref(), &mut response);
    response
}

/// Tells what is left to a sender, where it is known.
pub(crate) fn tell(quota: Option<&Quota>, response: &mut Response) {
    let Some(Quota { limits, source_left, token_left }) = quota else { return };
    for (name, value) in [
        ("x-rate-limit-source_limit", limits.source),
        ("x-rate-limit-source_remaining", *source_left),
        ("x-rate-limit-user_limit", limits.token),
        ("x-rate-limit-user_remaining", *token_left),
    ] {
        response.headers_mut().insert(name, value.into());
    }
}

/// What was asked about a source's rejected events.
pub(crate) fn managed(done: Result<serde_json::Value, ManageError>) -> Response {
    let error = match done {
        Ok(body) => return json(StatusCode::OK, &body),
        Err(error) => error,
    };
    let status = match &error {
        ManageError::Starting
        | ManageError::UncertainToken
        | ManageError::Store(_)
        | ManageError::Append(_)
        | ManageError::Catalog(_) => StatusCode::SERVICE_UNAVAILABLE,
        ManageError::Unauthorized => StatusCode::UNAUTHORIZED,
        ManageError::NoSuchSource => StatusCode::NOT_FOUND,
        ManageError::TooLarge(_) => return too_large(&error),
        ManageError::Busy => return busy(&error),
        ManageError::Body(_) => StatusCode::BAD_REQUEST,
    };
    json(status, &json!({ "error": error.to_string() }))
}

/// Too much is being worked on already.
fn busy(error: &dyn fmt::Display) -> Response {
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, &json!({ "error": error.to_string() }));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("3"));
    response
}

/// What is left of the body is not read, so the connection ends: the sender must not send its next
/// request over it. (In HTTP/2 only the request ends, and the header is left out.)
fn too_large(error: &dyn fmt::Display) -> Response {
    let mut response = json(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": error.to_string() }));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Some or all events are not stored.
pub(crate) fn failure(error: &IngestError) -> Response {
    let status = match error {
        // The contract's shape for events that are no events; the valid ones are stored.
        IngestError::Rejected(Rejected { reasons, .. }) => {
            return json(StatusCode::NOT_ACCEPTABLE, &json!({ "message": reasons }));
        }
        IngestError::Starting
        | IngestError::Append(_)
        | IngestError::UncertainToken
        | IngestError::Catalog(_)
        | IngestError::JustMade
        | IngestError::Left => StatusCode::SERVICE_UNAVAILABLE,
        IngestError::Busy => return busy(error),
        IngestError::TooLarge(_) => return too_large(error),
        IngestError::TooMany(exceeded) => {
            // The contract's text is one of Logflare's; what helps here stands beside it.
            let advice = format!("send less, or raise {}", exceeded.setting());
            let body = json!({ "error": error.to_string(), "advice": advice });
            return json(StatusCode::TOO_MANY_REQUESTS, &body);
        }
        IngestError::Unauthorized | IngestError::OutOfScope => StatusCode::UNAUTHORIZED,
        IngestError::TooManyEvents | IngestError::TooManyValues | IngestError::TooLong(_) => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        IngestError::Encoding(_)
        | IngestError::Inflate(_)
        | IngestError::Body(_)
        | IngestError::NotJson(_)
        | IngestError::NotOtlp { .. }
        | IngestError::Frames { .. }
        | IngestError::NotBert(_)
        | IngestError::NotSyslog
        | IngestError::Form { .. } => StatusCode::BAD_REQUEST,
        IngestError::Multipart => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        IngestError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    json(status, &json!({ "error": error.to_string() }))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use store::AppendError;
    use warp::Filter as _;

    use super::*;
    use crate::rate_limits::{Exceeded, RateLimits};

    #[tokio::test]
    async fn failures_have_their_status_and_a_text() {
        let away = || AppendError::Unavailable("gone".to_owned());
        // Vector drops for good on 4xx and comes again on 5xx.
        for (error, status, body) in [
            (IngestError::Unauthorized, 401, json!({"error": "Unauthorized"})),
            (away().into(), 503, json!({"error": away().to_string()})),
            (IngestError::Busy, 429, json!({"error": "Buffer Full: Too Many Requests"})),
            (
                IngestError::TooMany(Exceeded::Source),
                429,
                json!({
                    "error": "Source rate is over the API quota. Email support@logflare.app to \
                              increase your rate limit.",
                    "advice": "send less, or raise LOGWEIR_SOURCE_EVENTS_PER_MINUTE",
                }),
            ),
            (
                IngestError::TooMany(Exceeded::Token),
                429,
                json!({
                    "error": "User rate is over the API quota. Email support@logflare.app to \
                              increase your rate limit.",
                    "advice": "send less, or raise LOGWEIR_TOKEN_EVENTS_PER_MINUTE",
                }),
            ),
            (
                IngestError::Rejected(Rejected {
                    count: 1,
                    reasons: vec!["event 3: x".to_owned()],
                }),
                406,
                json!({"message": ["event 3: x"]}),
            ),
            (IngestError::TooLarge(9), 413, json!({"error": IngestError::TooLarge(9).to_string()})),
            (
                IngestError::TooManyEvents,
                413,
                json!({"error": IngestError::TooManyEvents.to_string()}),
            ),
            (
                IngestError::TooManyValues,
                413,
                json!({"error": IngestError::TooManyValues.to_string()}),
            ),
            (IngestError::TooLong(9), 413, json!({"error": IngestError::TooLong(9).to_string()})),
            (
                IngestError::Form { found: "text", expected: "a list" },
                400,
                json!({"error": "the body is text; this path takes a list"}),
            ),
            (IngestError::Multipart, 415, json!({"error": IngestError::Multipart.to_string()})),
            (IngestError::Internal("x".to_owned()), 500, json!({"error": "internal error: x"})),
        ] {
            let error = Arc::new(error);
            let routes = warp::any().map(move || failure(&error));
            let answer = warp::test::request().reply(&routes).await;
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
            assert_eq!(serde_json::from_slice::<serde_json::Value>(answer.body()).unwrap(), body);
        }
    }

    #[tokio::test]
    async fn answers_tell_what_is_left() {
        let limits = RateLimits { source: 10, token: 20 };
        let quota = Some(Quota { limits, source_left: 3, token_left: 4 });
        let routes = warp::any().map(move || of(&Taken { quota, outcome: Err(IngestError::Busy) }));
        let answer = warp::test::request().reply(&routes).await;
        for (name, value) in [
            ("x-rate-limit-source_limit", "10"),
            ("x-rate-limit-source_remaining", "3"),
            ("x-rate-limit-user_limit", "20"),
            ("x-rate-limit-user_remaining", "4"),
            ("retry-after", "3"),
        ] {
            assert_eq!(answer.headers()[name], value, "{name}");
        }
    }

    #[tokio::test]
    async fn success_is_told_as_logflare_does() {
        let answer = warp::test::request().reply(&warp::any().map(logged)).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &br#"{"message":"Logged!"}"#[..])
        );
        let answer = warp::test::request().reply(&warp::any().map(only_post)).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["allow"].as_bytes()),
            (405, &b"POST, OPTIONS"[..])
        );
    }
}
