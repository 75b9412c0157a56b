//! Answers to requests that no service sees, or whose service did not see all of.

use hyper::{
    Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue},
};

use super::{answer_body::AnswerBody, connections::RequestInWork, request_line::LONGEST_URL};

/// Where Studio's queries go: it shows the text of an error only with 200.
const QUERIES: &str = "/api/endpoints/query/";

/// For a request whose URL was cut, which had `length` bytes.
pub(super) fn long_url<B>(
    path: &str,
    length: usize,
    request: RequestInWork,
) -> Response<AnswerBody<B>> {
    let (status, what) = match path.starts_with(QUERIES) {
        true => (StatusCode::OK, "The query is too long for a URL"),
        false => (StatusCode::URI_TOO_LONG, "The URL is too long"),
    };
    let text = format!(
        "{{\"error\":\"{what}: {length} bytes, at most {LONGEST_URL} are allowed; \
         send it as the body of a POST\"}}"
    );
    refusal(status, text, request)
}

/// For `CONNECT host:1`, `OPTIONS *` and the like: routes expect a path, and warp's panic without.
pub(super) fn without_path<B>(request: RequestInWork) -> Response<AnswerBody<B>> {
    let text = r#"{"error":"the URL has no path; it begins with `/`"}"#;
    refusal(StatusCode::BAD_REQUEST, text.to_owned(), request)
}

/// For a request whose body did not come in time: whatever its handler made of the beginning, the
/// client may send it again.
pub(super) fn too_late<B>(version: Version, request: RequestInWork) -> Response<AnswerBody<B>> {
    let text = r#"{"error":"the body did not come in time; send it again"}"#;
    let mut response = refusal(StatusCode::REQUEST_TIMEOUT, text.to_owned(), request);
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn refusal<B>(status: StatusCode, text: String, request: RequestInWork) -> Response<AnswerBody<B>> {
    let mut response = Response::new(AnswerBody::text(text, request));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
