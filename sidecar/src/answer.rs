//! Answers: the only place that knows status codes.

use warp::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    reply::Response,
};

use crate::query::Refusal;

/// `{"result":[…]}`
pub(crate) fn rows(json_rows: &str) -> Response {
    json(StatusCode::OK, format!("{{\"result\":{json_rows}}}"))
}

/// A query that was not run or failed: 200, because Studio shows an error's text only then.
/// Everything else is told by the status.
pub(crate) fn refusal(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Starting => error(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
        Refusal::Unauthorized => error(StatusCode::UNAUTHORIZED, &refusal.to_string()),
        Refusal::Body(_) => error(StatusCode::BAD_REQUEST, &refusal.to_string()),
        Refusal::BodyTooLarge(_) => error(StatusCode::PAYLOAD_TOO_LARGE, &refusal.to_string()),
        _ => error(StatusCode::OK, &refusal.to_string()),
    }
}

fn error(status: StatusCode, message: &str) -> Response {
    json(status, serde_json::json!({ "error": message }).to_string())
}

fn json(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
