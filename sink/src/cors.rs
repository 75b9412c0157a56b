//! What browsers ask before they send, and need to hear to be shown an answer.

use warp::{
    http::{
        HeaderValue, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
        },
    },
    reply::Response,
};

/// The star stands for all others but `Authorization`; old browsers do not know it.
const HEADERS: &str = "Authorization, Content-Type, Content-Length, Content-Encoding, \
                       X-Requested-With, X-API-KEY, X-Source, X-Collection, X-Source-Name, \
                       X-Collection-Name, *";

/// The answer to `OPTIONS`. It needs no token: browsers send none with that question.
pub(crate) fn preflight() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1728000"));
    shown_to_any_origin(response)
}

/// An answer that pages of any origin may read.
pub(crate) fn shown_to_any_origin(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
