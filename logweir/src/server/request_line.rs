//! Request lines whose URL is longer than hyper takes.
//!
//! hyper answers 414 or 431 without a word, and Studio sends queries in the URL. So the rest of
//! such a URL is dropped on its way in: hyper finds a request that it can read, and whoever
//! answers is told that its URL was cut.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};

use super::{answer_body::AnswerBody, connections::RequestInWork};

/// Longest URL of a request, in bytes: the same as hyper's.
const LONGEST_URL: usize = 65_534;

/// Bytes of a URL after which the connection is given up.
const MOST_DROPPED: usize = 16 << 20;

/// Longest name of a method.
const LONGEST_METHOD: usize = 20;

/// Where Studio's queries go: it shows the text of an error only with 200.
const QUERIES: &str = "/api/endpoints/query/";

/// What was cut of the request that is read. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct CutUrl(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Bytes of the whole URL; 0 when it was not cut.
    length: AtomicUsize,
    /// A head was handed on: after its answer comes another request line.
    handed_on: AtomicBool,
}

impl CutUrl {
    /// A head of HTTP/1 was handed on: the length of its whole URL in bytes, if that was cut.
    pub(super) fn take(&self) -> Option<usize> {
        self.0.handed_on.store(true, Ordering::Relaxed);
        Some(self.0.length.swap(0, Ordering::Relaxed)).filter(|length| *length > 0)
    }
}

/// Looks at what a connection of HTTP/1 reads, and cuts its request lines.
#[derive(Debug)]
pub(super) struct RequestLines {
    reading: Reading,
    cut: CutUrl,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// The method, of which so many bytes have come.
    Method(usize),
    /// The URL, of which so many bytes have come.
    Url(usize),
    /// The rest of a request, or no HTTP/1.
    Rest,
}

impl RequestLines {
    pub(super) fn new(cut: CutUrl) -> Self {
        Self { reading: Reading::Method(0), cut }
    }

    /// No request is in work, and all answers are with the system.
    pub(super) fn answered(&mut self) {
        if self.cut.0.handed_on.swap(false, Ordering::Relaxed) {
            self.reading = Reading::Method(0);
        }
    }

    /// Moves what is to be handed on to the beginning of `bytes`; gives its length.
    ///
    /// # Errors
    /// When a URL does not end at all.
    pub(super) fn filter(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut kept = 0;
        let mut from = 0;
        while from < bytes.len() {
            if self.reading == Reading::Rest {
                bytes.copy_within(from.., kept);
                return Ok(kept + bytes.len() - from);
            }
            let Some(&byte) = bytes.get(from) else { break };
            from += 1;
            self.reading = self.after(byte);
            match self.reading {
                Reading::Url(length) if length > MOST_DROPPED => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a URL without an end"));
                }
                Reading::Url(length) if length > LONGEST_URL => {
                    self.cut.0.length.store(length, Ordering::Relaxed);
                }
                _ => {
                    if let Some(place) = bytes.get_mut(kept) {
                        *place = byte;
                    }
                    kept += 1;
                }
            }
        }
        Ok(kept)
    }

    fn after(&self, byte: u8) -> Reading {
        match (self.reading, byte) {
            // Empty lines may come before a request.
            (Reading::Method(0), b'\r' | b'\n') => Reading::Method(0),
            (Reading::Method(length), b'A'..=b'Z') if length < LONGEST_METHOD => {
                Reading::Method(length + 1)
            }
            (Reading::Method(1..), b' ') => Reading::Url(0),
            // HTTP/2 begins with `PRI *`.
            (Reading::Url(0), b'*') | (Reading::Url(_), b' ' | b'\r' | b'\n') => Reading::Rest,
            (Reading::Url(length), _) => Reading::Url(length + 1),
            (Reading::Method(_) | Reading::Rest, _) => Reading::Rest,
        }
    }
}

/// The answer to a request whose URL was cut, which had `length` bytes.
pub(super) fn refusal<B>(
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
    let mut response = Response::new(AnswerBody::text(text, request));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on of `text`, which comes in parts of so many bytes.
    fn handed_on(lines: &mut RequestLines, text: &str, part: usize) -> String {
        let mut all = Vec::new();
        for part in text.as_bytes().chunks(part) {
            let mut part = part.to_vec();
            let kept = lines.filter(&mut part).unwrap();
            all.extend_from_slice(&part[..kept]);
        }
        String::from_utf8(all).unwrap()
    }

    fn url(length: usize) -> String {
        format!("/{}", "x".repeat(length - 1))
    }

    #[test]
    fn only_the_end_of_a_long_url_is_dropped() {
        let rest = " HTTP/1.1\r\nhost: here\r\n\r\nGET /a b";
        for (length, part) in [(1, 3), (LONGEST_URL, 1000), (LONGEST_URL + 1, 1000), (70_000, 1)] {
            let mut lines = RequestLines::new(CutUrl::default());
            let found = handed_on(&mut lines, &format!("\r\nPOST {}{rest}", url(length)), part);
            assert!(found == format!("\r\nPOST {}{rest}", url(length.min(LONGEST_URL))));
            assert_eq!(lines.cut.take(), (length > LONGEST_URL).then_some(length));
            assert_eq!(lines.cut.take(), None);
        }
    }

    #[test]
    fn what_is_no_request_line_passes() {
        let long = url(LONGEST_URL * 2);
        for beginning in ["", "{", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET ", "get ", "GET\t", "GET  "]
        {
            let mut lines = RequestLines::new(CutUrl::default());
            let text = format!("{beginning}{long}");
            assert!(handed_on(&mut lines, &text, 4096) == text, "{beginning:?}");
        }
    }

    #[test]
    fn a_request_line_comes_after_an_answer_only() {
        let mut lines = RequestLines::new(CutUrl::default());
        let long = format!("GET {} HTTP/1.1\r\n", url(LONGEST_URL * 2));
        assert_eq!(handed_on(&mut lines, "GET / HTTP/1.1\r\n", 100), "GET / HTTP/1.1\r\n");
        // Its head is not complete.
        lines.answered();
        assert!(handed_on(&mut lines, &long, 100) == long);
        assert_eq!(lines.cut.take(), None);
        lines.answered();
        assert!(handed_on(&mut lines, &long, 100).len() < long.len());
        assert_eq!(lines.cut.take(), Some(LONGEST_URL * 2));
    }

    #[test]
    fn a_url_without_an_end_is_given_up() {
        let mut lines = RequestLines::new(CutUrl::default());
        handed_on(&mut lines, "GET /", 10);
        let mut part = vec![b'x'; 1 << 20];
        let dropped = (0..17).map_while(|_| lines.filter(&mut part).ok()).count();
        assert_eq!(dropped, 15);
    }
}
