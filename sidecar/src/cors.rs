//! Pages of any origin may ask endpoints. What they have to show is a token, not a cookie.

use warp::{
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

const METHODS: &str = "GET, POST, OPTIONS";

const HEADERS: &str = "Authorization, Content-Type, Content-Length, X-API-KEY, X-Requested-With, \
                       X-Request-Id, LF-ENDPOINT-LABELS, LF-ENDPOINT-REDACT-PII, \
                       LF-ENDPOINT-BIGQUERY-RESERVATION, LF-ENDPOINT-CLICKHOUSE-READ-CLUSTER-LABEL";

/// Seconds that a browser may remember it, as in Logflare.
const MAX_AGE: &str = "1728000";

/// What a browser asks before it sends a request.
pub(crate) fn preflight() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    open(response)
}

/// Lets pages of any origin read an answer.
pub(crate) fn open(mut response: Response) -> Response {
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}
