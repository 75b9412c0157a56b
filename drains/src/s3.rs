//! Objects of NDJSON in a bucket of S3, or of what speaks like it.
//!
//! Logflare writes Parquet under `<token>/<time>.parquet`; here it is what every tool reads.

use std::time::Duration;

use reqwest::Method;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    batching::Batching,
    event::{Event, rfc3339},
    http::{Answer, Request, flag_of, gzip, number_of, text_of},
    outcome::Outcome,
    receiver::Form,
};

/// How long a signed request may be on its way.
const SIGNED_FOR: Duration = Duration::from_secs(600);

/// What S3 answers with status 400 though the object is as it should be.
const NOT_THE_OBJECT: [&str; 8] = [
    "<Code>AuthorizationHeaderMalformed<",
    "<Code>BadDigest<",
    "<Code>ExpiredToken<",
    "<Code>IncompleteBody<",
    "<Code>InvalidToken<",
    "<Code>RequestTimeTooSkewed<",
    "<Code>RequestTimeout<",
    "<Code>TokenRefreshRequired<",
];

pub(crate) struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    gzip: bool,
    age: Duration,
}

impl S3 {
    pub(crate) fn new(config: &Map<String, Value>) -> Result<Self, String> {
        let (name, region) = (text_of(config, "s3_bucket"), text_of(config, "storage_region"));
        let (endpoint, style) = match text_of(config, "endpoint") {
            // A name with dots fits no certificate.
            given if given.is_empty() && !name.contains('.') => {
                (format!("https://s3.{region}.amazonaws.com"), UrlStyle::VirtualHost)
            }
            given if given.is_empty() => {
                (format!("https://s3.{region}.amazonaws.com"), UrlStyle::Path)
            }
            given => (given, UrlStyle::Path),
        };
        let endpoint = Url::parse(&endpoint).map_err(|error| error.to_string())?;
        let bucket = Bucket::new(endpoint, style, name, region);
        let secret = text_of(config, "secret_access_key");
        Ok(Self {
            bucket: bucket.map_err(|error| error.to_string())?,
            credentials: Credentials::new(text_of(config, "access_key_id"), secret),
            prefix: text_of(config, "prefix"),
            gzip: flag_of(config, "gzip"),
            age: Duration::from_millis(number_of(config, "batch_timeout")),
        })
    }

    /// `prefix/source/2026-11-25/10-11-12-<hash>.ndjson.gz`: the same for the same events, so that
    /// a request that is sent again makes no second object. After a restart other events may come
    /// together, under another key.
    fn key(&self, events: &[Event<'_>], lines: &[u8]) -> String {
        let first = events.first();
        let time = rfc3339(first.map_or(0, |event| event.parts().timestamp));
        let (day, time) = time.split_once('T').unwrap_or((&time, ""));
        let time = time.get(..8).unwrap_or_default().replace(':', "-");
        let source = first.map_or("", |event| event.source);
        let hash: String =
            Sha256::digest(lines).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let end = if self.gzip { "ndjson.gz" } else { "ndjson" };
        let prefix = self.prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{source}/{day}/{time}-{hash}.{end}")
    }
}

impl Form for S3 {
    fn batching(&self) -> Batching {
        Batching { events: 50_000, bytes: 8 << 20, age: self.age, by_source: true }
    }

    fn request(&self, events: &[Event<'_>]) -> Request {
        let mut lines = Vec::new();
        for event in events {
            lines.extend_from_slice(event.body.as_bytes());
            lines.push(b'\n');
        }
        let key = self.key(events, &lines);
        let url = self.bucket.put_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        // Not the header `content-encoding`: clients would inflate what is called `.gz`.
        let (content_type, body) = match self.gzip {
            true => ("application/gzip", gzip(&lines)),
            false => ("application/x-ndjson", lines),
        };
        let request = Request::post(url.as_str(), content_type, body);
        Request { method: Method::PUT, ..request }
    }

    fn outcome(&self, answer: &Answer, _events: &[Event<'_>]) -> Outcome {
        let text = String::from_utf8_lossy(&answer.body);
        match answer.outcome() {
            Outcome::Refused { .. } if NOT_THE_OBJECT.iter().any(|code| text.contains(code)) => {
                answer.later()
            }
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::examples::EVENTS;

    fn s3(more: Value) -> S3 {
        let mut config = json!({
            "s3_bucket": "logs", "storage_region": "eu-west-1", "access_key_id": "AK",
            "secret_access_key": "secret", "gzip": true, "batch_timeout": 5000,
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        S3::new(config.as_object().unwrap()).unwrap()
    }

    #[test]
    fn objects_are_named_by_source_day_and_content() {
        for (more, expected) in [
            (json!({}), "https://logs.s3.eu-west-1.amazonaws.com/postgres.logs/2026-11-24/"),
            (
                json!({"s3_bucket": "a.b"}),
                "https://s3.eu-west-1.amazonaws.com/a.b/postgres.logs/2026-11-24/04-40-00-",
            ),
            (
                json!({"endpoint": "http://minio:9000", "prefix": "/x y/"}),
                "http://minio:9000/logs/x%20y/postgres.logs/2026-11-24/04-40-00-",
            ),
        ] {
            let request = s3(more).request(&EVENTS[..1]);
            assert!(request.url.starts_with(expected), "{}", request.url);
            assert!(request.url.contains(".ndjson.gz?X-Amz-Algorithm=AWS4-HMAC-SHA256"));
            assert!(request.url.contains("X-Amz-Signature=") && !request.url.contains("secret"));
            assert_eq!(request.method, Method::PUT);
        }
        let plain = s3(json!({"gzip": false}));
        let request = plain.request(&EVENTS[2..]);
        assert_eq!(request.body, format!("{}\n", EVENTS[2].body).into_bytes());
        let path = |request: &Request| request.url.split('?').next().unwrap().to_owned();
        assert_eq!(path(&request), path(&plain.request(&EVENTS[2..])));
        assert_ne!(path(&request), path(&plain.request(&EVENTS[..1])));
    }

    #[test]
    fn only_what_speaks_of_the_object_refuses_it() {
        for (code, is_refused) in [
            ("RequestTimeout", false),
            ("ExpiredToken", false),
            ("RequestTimeTooSkewed", false),
            ("EntityTooLarge", true),
        ] {
            let body = format!("<Error><Code>{code}</Code></Error>").into_bytes();
            let answer = Answer { status: 400, retry_after: None, body };
            let outcome = s3(json!({})).outcome(&answer, &EVENTS);
            assert_eq!(matches!(outcome, Outcome::Refused { .. }), is_refused, "{code}");
            assert_eq!(matches!(outcome, Outcome::Later { .. }), !is_refused, "{code}");
        }
    }
}
