//! Answers: the only place that knows status codes.

use serde_json::json;
use store::AppendError;
use warp::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    reply::Response,
};

use crate::error::IngestError;

/// Every event is stored.
pub(crate) fn logged() -> Response {
    json(StatusCode::OK, &json!({ "message": "Logged!" }))
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
