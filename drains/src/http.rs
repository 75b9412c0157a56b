//! Requests that receivers get, and their answers.

use std::{fmt, io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{Client, Method};
use serde_json::{Map, Value};

use crate::outcome::Outcome;

/// Bytes of an answer that are looked at.
const MAX_ANSWER: usize = 16 << 20;

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoAnswer {
    pub(crate) reason: String,
    /// Whether there was a connection. It may have ended because of what was sent.
    pub(crate) was_reached: bool,
}

/// Address and headers hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.method, self.body.len())
    }
}

impl Request {
    pub(crate) fn post(url: &str, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { method: Method::POST, url: url.to_owned(), headers, body }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Headers that people chose, which take the place of ours.
    pub(crate) fn chosen(mut self, headers: &[(String, String)]) -> Self {
        for (name, value) in headers {
            self = self.header(name, value);
        }
        self
    }

    pub(crate) fn gzip(mut self) -> Self {
        self.body = gzip(&self.body);
        self.header("content-encoding", "gzip")
    }

    pub(crate) fn basic_auth(self, user: &str, password: &str) -> Self {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", format!("Basic {encoded}"))
    }

    /// Sends it.
    pub(crate) async fn send(self, client: &Client) -> Result<Answer, NoAnswer> {
        let mut request = client.request(self.method, self.url).body(self.body);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(NoAnswer::of)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).and_then(wait);
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(NoAnswer::of)? {
            let room = MAX_ANSWER.saturating_sub(body.len());
            body.extend_from_slice(part.get(..room).unwrap_or(&part));
            if room <= part.len() {
                break;
            }
        }
        Ok(Answer { status, retry_after, body })
    }
}

impl NoAnswer {
    fn of(error: reqwest::Error) -> Self {
        let was_reached = !error.is_connect() && !error.is_builder();
        Self { reason: outbound::with_causes(&error.without_url()), was_reached }
    }

    /// It may be taken when it is sent again.
    pub(crate) fn later(self) -> Outcome {
        Outcome::Later { reason: self.reason, after: None, of_events: self.was_reached }
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // A list takes everything.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// `Retry-After` in seconds, or as a date.
fn wait(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    let wait = at.duration_since(Timestamp::now());
    Some(wait.try_into().unwrap_or_default())
}

impl Answer {
    /// What most receivers mean by their statuses.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.status {
            200..=299 => Outcome::Delivered,
            // Some event may be what it does not like, or there may be too many.
            400 | 413 | 422 => Outcome::Refused { reason: self.reason() },
            // An address, a token, a proxy: likely nothing of it is the events' fault, and a person
            // or time will mend it.
            _ => self.later(),
        }
    }

    /// It may be taken when it is sent again.
    pub(crate) fn later(&self) -> Outcome {
        // These speak of the sender, its token or its pace.
        let of_events = !matches!(self.status, 300..=399 | 401 | 407 | 429);
        Outcome::Later { reason: self.reason(), after: self.retry_after, of_events }
    }

    /// Status and text, cut.
    pub(crate) fn reason(&self) -> String {
        let text = String::from_utf8_lossy(self.body.get(..2000).unwrap_or(&self.body));
        let text: String = text.trim().chars().take(500).collect();
        let status = self.status;
        if text.is_empty() {
            format!("status {status}")
        } else {
            format!("status {status}: {text}")
        }
    }
}

/// Headers of a config.
pub(crate) fn headers(config: &Map<String, Value>) -> Vec<(String, String)> {
    let headers = config.get("headers").and_then(Value::as_object).into_iter().flatten();
    headers
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// A text of a config, empty where it is not given.
pub(crate) fn text_of(config: &Map<String, Value>, name: &str) -> String {
    config.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A flag of a config.
pub(crate) fn flag_of(config: &Map<String, Value>, name: &str) -> bool {
    config.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// A number of a config, which is not negative.
pub(crate) fn number_of(config: &Map<String, Value>, name: &str) -> u64 {
    config.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// User and password of a config, where it has them.
pub(crate) fn credentials(config: &Map<String, Value>) -> Option<(String, String)> {
    config
        .contains_key("username")
        .then(|| (text_of(config, "username"), text_of(config, "password")))
}

#[cfg(test)]
pub(crate) mod shown {
    use super::Request;

    /// A request for a golden file: what is compressed is shown inflated.
    pub(crate) fn request(request: &Request) -> String {
        use std::io::Read as _;
        let Request { method, url, headers, body } = request;
        let is_gzip = body.starts_with(&[0x1f, 0x8b]);
        let mut inflated = Vec::new();
        if is_gzip {
            flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut inflated).unwrap();
        }
        let body = if is_gzip { inflated } else { body.clone() };
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body =
            String::from_utf8(body).unwrap_or_else(|error| format!("{:?}", error.as_bytes()));
        format!("{method} {url}\n{}\n{body}", headers.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_mean_what_most_receivers_mean() {
        for (statuses, expected) in [
            (&[200, 204][..], "delivered"),
            (&[400, 413, 422], "refused"),
            (&[302, 401, 407, 429], "later, whatever is sent"),
            // A firewall may dislike one event, and a proxy answers when one broke what is behind.
            (&[402, 403, 404, 405, 408, 409, 421, 425, 500, 502, 503, 504], "later"),
        ] {
            for status in statuses.iter().copied() {
                let answer = Answer { status, retry_after: None, body: b" no\n".to_vec() };
                let found = match answer.outcome() {
                    Outcome::Delivered => "delivered",
                    Outcome::Later { of_events: false, .. } => "later, whatever is sent",
                    Outcome::Later { .. } => "later",
                    Outcome::Refused { .. } => "refused",
                    Outcome::Partly { .. } => "partly",
                };
                assert_eq!(found, expected, "{status}");
                assert_eq!(answer.reason(), format!("status {status}: no"));
            }
        }
    }

    #[test]
    fn retry_after_is_read() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(wait("Wed, 21 Oct 2150 07:28:00 GMT") > Some(Duration::from_secs(1)));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn debug_output_holds_no_secrets() {
        let request = Request::post("http://u:hidden@h", "text/plain", b"hidden".to_vec());
        let request = request.basic_auth("u", "hidden").header("x-key", "hidden");
        assert_eq!(format!("{request:?}"), "POST of 6 bytes");
    }
}
