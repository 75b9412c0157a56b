//! Where requests of HTTP/1 begin: what that tells of the answer before, and request lines whose URL
//! is longer than hyper takes.
//!
//! hyper answers 414 or 431 without a word, and Studio sends queries in the URL. So the rest of
//! such a URL is dropped on its way in: hyper finds a request that it can read, and whoever
//! answers is told that its URL was cut. This may touch a request line only, so it is done only
//! where one begins for certain: at the beginning of a connection, and where exactly the bytes of
//! the request before had come when that was answered.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::heads::Coming;

/// Longest URL of a request, in bytes: the same as hyper's.
pub(super) const LONGEST_URL: usize = 65_534;

/// Bytes of a URL after which the connection is given up.
const MOST_DROPPED: usize = 16 << 20;

/// Methods of requests whose URL is cut.
const METHODS: [&[u8]; 7] = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"];

/// Longest name of a method, in bytes.
const LONGEST_METHOD: usize = 7;

/// How HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Looks at what a connection of HTTP/1 reads and writes, and cuts its request lines. Clones share
/// it.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestLines(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    reading: Reading,
    /// What has come of the method that is read.
    method: Vec<u8>,
    /// Bytes of the whole URL of the request that is read; 0 when it was not cut.
    cut_url: usize,
    /// The request that was handed on and is not answered, or whose body has not come.
    in_work: Option<BodyLength>,
    /// More had come before the answer was written.
    came_early: bool,
    /// The sender may send requests before it has the answers to others.
    may_pipeline: bool,
    /// Bytes of [`PREFACE`] that the connection began with. With all of them it has no heads.
    preface: usize,
    /// The head that comes next, as far as it has come.
    head: Coming,
}

/// Bytes of a request's body on the wire; `None` for one in chunks.
type BodyLength = Option<u64>;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reading {
    #[default]
    Method,
    /// The URL, of which so many bytes have come.
    Url(usize),
    /// The rest of a head. An empty line ends it.
    Head { line_is_empty: bool },
    /// What follows a head, of which so many bytes have come.
    Body(u64),
    /// Where the next request begins is not known, and will not be.
    Unknown,
}

/// What is known of a request besides its head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// Length of its whole URL in bytes, if that was cut.
    pub(super) cut_url: Option<usize>,
    /// Its first byte came after all answers before were given to the system.
    pub(super) after_answers: bool,
}

impl RequestLines {
    /// A head was handed on, of a request with a body of so many bytes on the wire.
    pub(super) fn request(&self, body: BodyLength) -> Begun {
        let mut lines = self.lines();
        let is_certain = lines.in_work.is_none() && matches!(lines.reading, Reading::Body(_));
        if !is_certain {
            lines.reading = Reading::Unknown;
            lines.may_pipeline = true;
        }
        lines.head = Coming { number: lines.head.number + 1, bytes: 0 };
        lines.in_work = Some(body);
        lines.came_early = false;
        let cut_url = Some(std::mem::take(&mut lines.cut_url)).filter(|length| *length > 0);
        Begun { cut_url, after_answers: !lines.may_pipeline }
    }

    /// Something is about to be written; `more_came` says whether there is something to read.
    pub(super) fn writing(&self, more_came: impl FnOnce() -> bool) {
        let mut lines = self.lines();
        if lines.in_work.is_some() && !lines.may_pipeline {
            lines.came_early = more_came();
        }
    }

    /// No request is in work, and all answers are with the system.
    pub(super) fn answered(&self) {
        let mut lines = self.lines();
        let Some(body) = lines.in_work else { return };
        match (body, lines.reading) {
            // The rest of it may still come.
            (Some(length), Reading::Body(come)) if come < length => return,
            (Some(length), Reading::Body(come)) if come == length => {
                lines.reading = Reading::Method;
                lines.method.clear();
                lines.may_pipeline |= lines.came_early;
            }
            (length, reading) => {
                if let (Some(length), Reading::Body(come)) = (length, reading) {
                    lines.head.bytes = usize::try_from(come - length).unwrap_or(usize::MAX);
                }
                lines.reading = Reading::Unknown;
                lines.may_pipeline = true;
            }
        }
        lines.in_work = None;
    }

    /// The head that is read, as far as it has come; `None` while a request is in work, and for
    /// HTTP/2. Of a head behind another request the beginning may not be counted, of at most so many
    /// bytes as are read at a time.
    pub(super) fn head(&self) -> Option<Coming> {
        let lines = self.lines();
        lines.reads_head().then_some(lines.head)
    }

    /// Moves what is to be handed on to the beginning of `bytes`; gives its length.
    ///
    /// # Errors
    /// When a URL does not end at all.
    pub(super) fn filter(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut lines = self.lines();
        lines.look_for_preface(bytes);
        let kept = lines.filter(bytes)?;
        if lines.reads_head() {
            lines.head.bytes = lines.head.bytes.saturating_add(kept);
        }
        Ok(kept)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn reads_head(&self) -> bool {
        self.in_work.is_none() && self.preface < PREFACE.len()
    }

    fn look_for_preface(&mut self, bytes: &[u8]) {
        let is_beginning = self.head.number == 0 && self.head.bytes == self.preface;
        if is_beginning && self.preface < PREFACE.len() {
            let rest = PREFACE.get(self.preface..).unwrap_or_default();
            let equal = rest.iter().zip(bytes).take_while(|(one, other)| one == other).count();
            self.preface += equal;
        }
    }

    fn filter(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut kept = 0;
        let mut from = 0;
        while let Some(&byte) = bytes.get(from) {
            if matches!(self.reading, Reading::Body(_) | Reading::Unknown) {
                let rest = bytes.len() - from;
                if let Reading::Body(come) = &mut self.reading {
                    *come += rest as u64;
                }
                bytes.copy_within(from.., kept);
                return Ok(kept + rest);
            }
            from += 1;
            self.reading = self.after(byte);
            match self.reading {
                Reading::Url(length) if length > MOST_DROPPED => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a URL without an end"));
                }
                Reading::Url(length) if length > LONGEST_URL => self.cut_url = length,
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

    fn after(&mut self, byte: u8) -> Reading {
        let in_line = Reading::Head { line_is_empty: false };
        match (self.reading, byte) {
            // Empty lines may come before a request.
            (Reading::Method, b'\r' | b'\n') if self.method.is_empty() => Reading::Method,
            (Reading::Method, b' ') if METHODS.contains(&self.method.as_slice()) => Reading::Url(0),
            (Reading::Method, b'A'..=b'Z') if self.method.len() < LONGEST_METHOD => {
                self.method.push(byte);
                Reading::Method
            }
            (Reading::Url(0), b'/') => Reading::Url(1),
            (Reading::Url(1..), b' ' | b'\r') => in_line,
            (Reading::Url(length @ 1..), byte) if byte != b'\n' => Reading::Url(length + 1),
            (Reading::Head { line_is_empty: true }, b'\n') => Reading::Body(0),
            (Reading::Head { line_is_empty: true }, b'\r') => self.reading,
            (Reading::Method | Reading::Url(_) | Reading::Head { .. }, b'\n') => {
                Reading::Head { line_is_empty: true }
            }
            (Reading::Method | Reading::Url(_) | Reading::Head { .. }, _) => in_line,
            (Reading::Body(come), _) => Reading::Body(come + 1),
            (Reading::Unknown, _) => Reading::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on of `text`, which comes in parts of so many bytes.
    fn handed_on(lines: &RequestLines, text: &str, part: usize) -> String {
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

    const HEAD: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

    /// Bytes of the URL that is cut when a request follows now.
    fn cut_next(lines: &RequestLines) -> Option<usize> {
        let head = format!("GET {} HTTP/1.1\r\nhost: here\r\n\r\n", url(LONGEST_URL * 2));
        let is_cut = handed_on(lines, &head, 9000).len() < head.len();
        let cut = lines.request(Some(0)).cut_url;
        assert_eq!(cut.is_some(), is_cut);
        cut
    }

    #[test]
    fn only_the_end_of_a_long_url_is_dropped() {
        let rest = " HTTP/1.1\r\nhost: here\r\n\r\nGET /a b";
        for (length, part) in [(1, 3), (LONGEST_URL, 1000), (LONGEST_URL + 1, 1000), (70_000, 1)] {
            let lines = RequestLines::default();
            let found = handed_on(&lines, &format!("\r\nPOST {}{rest}", url(length)), part);
            assert!(found == format!("\r\nPOST {}{rest}", url(length.min(LONGEST_URL))));
            assert_eq!(lines.request(None).cut_url, (length > LONGEST_URL).then_some(length));
            assert_eq!(lines.request(None).cut_url, None);
        }
    }

    #[test]
    fn what_is_no_request_line_passes() {
        let long = url(LONGEST_URL * 2);
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET ";
        for beginning in
            ["", "{", preface, "get ", "GET\t", "GET  ", "AB ", "GETS ", "GET x", "OPTIONS *"]
        {
            let text = format!("{beginning}{long}");
            assert!(handed_on(&RequestLines::default(), &text, 4096) == text, "{beginning:?}");
        }
    }

    /// What came of a connection before its second request, and what is known of that.
    #[test]
    fn a_later_request_line_is_one_where_nothing_came_before_its_turn() {
        let long = Some(LONGEST_URL * 2);
        for (rest, length, cut, after_answers) in [
            ("", Some(0), long, true),
            ("{}", Some(2), long, true),
            // The beginning of another request.
            ("{}P", Some(2), None, false),
            (HEAD, Some(0), None, false),
            // The body has not come, and what comes may be of it.
            ("{", Some(2), None, false),
            // Where it ends is not known here.
            ("2\r\n{}\r\n0\r\n\r\n", None, None, false),
        ] {
            for end in ["\r\n", "\n"] {
                let lines = RequestLines::default();
                let text = format!("{HEAD}{rest}").replace("\r\n", end);
                handed_on(&lines, &text, 7);
                assert!(lines.request(length).after_answers);
                lines.writing(|| false);
                lines.answered();
                let head = format!("GET {} HTTP/1.1\r\nhost: here\r\n\r\n", url(LONGEST_URL * 2));
                handed_on(&lines, &head, 9000);
                let expected = Begun { cut_url: cut, after_answers };
                assert_eq!(lines.request(Some(0)), expected, "{rest:?} {end:?}");
            }
        }
    }

    /// The middle of a body looks like a request line, and another request was just answered.
    #[test]
    fn bodies_of_requests_that_came_early_are_left_alone() {
        let lines = RequestLines::default();
        let body = format!("GET {} {{\"more\":1}}", url(LONGEST_URL * 2));
        handed_on(&lines, &format!("{HEAD}{HEAD}"), 4096);
        lines.request(Some(0));
        lines.answered();
        lines.request(Some(body.len() as u64));
        // Whatever is flushed meanwhile.
        lines.answered();
        assert!(handed_on(&lines, &body, 4096) == body);
        lines.answered();
        assert_eq!(cut_next(&lines), None);
    }

    #[test]
    fn a_body_that_ends_after_its_answer_is_not_taken_for_a_request() {
        let lines = RequestLines::default();
        let body = format!("GET {} ", url(LONGEST_URL * 2));
        handed_on(&lines, HEAD, 4096);
        lines.request(Some(body.len() as u64));
        lines.answered();
        assert!(handed_on(&lines, &body, 4096) == body);
        lines.answered();
        assert_eq!(cut_next(&lines), Some(LONGEST_URL * 2));
    }

    #[test]
    fn what_lay_unread_when_the_answer_was_written_came_before_it() {
        let lines = RequestLines::default();
        for (more_came, after_answers) in [([true, false], true), ([false, true], false)] {
            handed_on(&lines, HEAD, 4096);
            lines.request(Some(0));
            // The last time counts.
            more_came.into_iter().for_each(|more_came| lines.writing(|| more_came));
            lines.answered();
            handed_on(&lines, HEAD, 4096);
            assert_eq!(lines.request(Some(0)).after_answers, after_answers);
            lines.answered();
        }
        // A sender that did so once may do so again.
        handed_on(&lines, HEAD, 4096);
        assert!(!lines.request(Some(0)).after_answers);
    }

    #[test]
    fn heads_are_counted_from_their_first_byte_to_their_request() {
        let bytes = |lines: &RequestLines| lines.head().map(|head| head.bytes);
        let lines = RequestLines::default();
        assert_eq!(lines.head(), Some(Coming { number: 0, bytes: 0 }));
        handed_on(&lines, &HEAD[..9], 2);
        assert_eq!(bytes(&lines), Some(9));
        handed_on(&lines, &format!("{}{{}}", &HEAD[9..]), 7);
        lines.request(Some(2));
        assert_eq!(bytes(&lines), None);
        lines.answered();
        assert_eq!(lines.head(), Some(Coming { number: 1, bytes: 0 }));
        // Sent ahead, and of unknown length.
        handed_on(&lines, &format!("{HEAD}{HEAD}GET /"), 4096);
        lines.request(Some(0));
        lines.answered();
        assert_eq!(bytes(&lines), Some(HEAD.len() + 5));
        lines.request(None);
        assert_eq!(bytes(&lines), None);
        lines.answered();
        assert_eq!(bytes(&lines), Some(0));
        handed_on(&lines, "{}", 1);
        assert_eq!(lines.head(), Some(Coming { number: 3, bytes: 2 }));
        // What is dropped of a URL takes no memory.
        let lines = RequestLines::default();
        handed_on(&lines, &format!("GET {}", url(LONGEST_URL * 2)), 9000);
        assert_eq!(bytes(&lines), Some("GET ".len() + LONGEST_URL));
    }

    #[test]
    fn http2_has_no_heads_here() {
        let preface = std::str::from_utf8(PREFACE).unwrap();
        for part in [1, 5, 100] {
            let lines = RequestLines::default();
            handed_on(&lines, &format!("{preface}more"), part);
            assert_eq!(lines.head(), None);
            for other in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", "PRI * HTTP/1.1\r\nhost: a", "xPRI *"]
            {
                let lines = RequestLines::default();
                handed_on(&lines, &format!("{other}{preface}"), part);
                assert_eq!(lines.head().unwrap().bytes, other.len() + preface.len());
            }
        }
    }

    #[test]
    fn a_url_without_an_end_is_given_up() {
        let lines = RequestLines::default();
        handed_on(&lines, "GET /", 10);
        let mut part = vec![b'x'; 1 << 20];
        let dropped = (0..17).map_while(|_| lines.filter(&mut part).ok()).count();
        assert_eq!(dropped, 15);
    }
}
