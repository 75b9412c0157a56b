//! Answers: the only place that knows status codes.

use serde_json::json;
use store::AppendError;
use warp::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_TYPE},
    },
    reply::Response,
};

use crate::error::IngestError;

/// Every event is stored.
pub(crate) fn logged() -> Response {
    json(StatusCode::OK, &json!({ "message": "Logged!" }))
}

/// A known path, another method.
pub(crate) fn only_post() -> Response {
    let error = json!({ "error": "Method Not Allowed" });
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &error);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Some or all events are not stored.
pub(crate) fn failure(error: &IngestError) -> Response {
    let status = match error {
        // The contract's shape for events that are no events; the valid ones are stored.
        IngestError::Rejected(reasons) => {
            return json(StatusCode::NOT_ACCEPTABLE, &json!({ "message": reasons }));
        }
        IngestError::Starting | IngestError::Append(AppendError::Unavailable(_)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        IngestError::Append(AppendError::Refused(_)) => StatusCode::NOT_ACCEPTABLE,
        IngestError::Unauthorized => StatusCode::UNAUTHORIZED,
        IngestError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        IngestError::Encoding(_)
        | IngestError::Inflate(_)
        | IngestError::Body(_)
        | IngestError::NotJson(_) => StatusCode::BAD_REQUEST,
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

    use warp::Filter as _;

    use super::*;

    #[tokio::test]
    async fn failures_have_their_status_and_a_text() {
        let refused = || AppendError::Refused("no".to_owned());
        let away = || AppendError::Unavailable("gone".to_owned());
        // Vector drops for good on 4xx and comes again on 5xx.
        for (error, status, body) in [
            (IngestError::Unauthorized, 401, json!({"error": "Unauthorized"})),
            (away().into(), 503, json!({"error": away().to_string()})),
            (refused().into(), 406, json!({"error": refused().to_string()})),
            (
                IngestError::Rejected(vec!["event 3: x".to_owned()]),
                406,
                json!({"message": ["event 3: x"]}),
            ),
            (IngestError::TooLarge(9), 413, json!({"error": IngestError::TooLarge(9).to_string()})),
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
    async fn success_is_told_as_logflare_does() {
        let answer = warp::test::request().reply(&warp::any().map(logged)).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &br#"{"message":"Logged!"}"#[..])
        );
        let answer = warp::test::request().reply(&warp::any().map(only_post)).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["allow"].as_bytes()),
            (405, &b"POST"[..])
        );
    }
}
