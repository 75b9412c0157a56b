//! Answers: the only place that knows status codes.

use bytes::Bytes;
use serde_json::{Value, json};
use warp::{
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{refusal::Refusal, rows::Rows};

/// What a request that is done comes to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Rows of a query.
    Rows(Rows),
    /// What was asked for.
    Found(Value),
    /// The same, as JSON text.
    FoundText(Bytes),
    /// What was made, or changed where the published reference says 201.
    Created(Value),
    /// Some of what was asked for is made, and why the rest is not.
    InPart(Value),
    /// It is done, and there is nothing to show.
    Done,
}

impl Answer {
    /// The status, which the documentation of operations names too.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Rows(_) | Self::Found(_) | Self::FoundText(_) => StatusCode::OK,
            Self::Created(_) => StatusCode::CREATED,
            Self::InPart(_) => StatusCode::BAD_REQUEST,
            Self::Done => StatusCode::NO_CONTENT,
        }
    }

    pub(crate) fn into_response(self) -> Response {
        let status = self.status();
        match self {
            Self::Rows(rows) => json_text(status, rows.into_bytes()),
            Self::Found(value) | Self::Created(value) | Self::InPart(value) => {
                json_text(status, value.to_string())
            }
            Self::FoundText(json) => json_text(status, json),
            Self::Done => {
                let mut response = Response::default();
                *response.status_mut() = status;
                response
            }
        }
    }
}

/// A query that was not run or failed is told with 200, because Studio shows an error's text only
/// then. Everything else is told by the status.
pub(crate) fn refusal(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Starting | Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::Body(_) | Refusal::Request(_) => StatusCode::BAD_REQUEST,
        Refusal::Multipart => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Fields(errors) => {
            let body = json!({ "errors": errors.0 });
            return json_text(StatusCode::UNPROCESSABLE_ENTITY, body.to_string());
        }
        Refusal::UnknownEndpoint(_)
        | Refusal::NotSandboxable(_)
        | Refusal::Language(..)
        | Refusal::Translation(_)
        | Refusal::Query(_) => StatusCode::OK,
    };
    error(status, &refusal.to_string())
}

/// The path is known; these are its methods.
pub(crate) fn only(methods: &str) -> Response {
    let text = format!("this path takes {methods}");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, &text);
    if let Ok(methods) = HeaderValue::try_from(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

fn error(status: StatusCode, message: &str) -> Response {
    json_text(status, json!({ "error": message }).to_string())
}

fn json_text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
