//! CloudEvents over HTTP: the event is the body, its attributes are in headers.

use std::borrow::Cow;

use chrono::DateTime;
use event_schemas::Value;
use percent_encoding::percent_decode;
use warp::http::HeaderMap;

use crate::fields::{Fields, named, string};

/// The attributes of a request's events: `ce-some-name` is `some_name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Reads the `ce-*` headers. What is not ASCII is percent-encoded in them.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let attributes = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("ce-")?.replace('-', "_");
            let value = percent_decode(value.as_bytes()).decode_utf8_lossy();
            Some((name, value.replace('\0', "\u{fffd}")))
        });
        Self(attributes.collect())
    }
}

/// The object with its attributes as `cloud_event`, and with their time.
pub(super) fn event<'a>(mut object: Fields<'a>, Attributes(attributes): &Attributes) -> Value<'a> {
    if attributes.is_empty() {
        return Value::Object(object);
    }
    let time = attributes.iter().find(|(name, _)| name == "time").map(|(_, time)| time);
    if let Some(time) = time.filter(|time| DateTime::parse_from_rfc3339(time).is_ok()) {
        object.push(named("timestamp", string(time.clone())));
    }
    let attributes = attributes.iter().cloned();
    let attributes = attributes.map(|(name, value)| (Cow::Owned(name), string(value)));
    object.push(named("cloud_event", Value::Object(attributes.collect())));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warp::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::formats::testing::made;

    fn attributes(pairs: &[(&'static str, &'static str)]) -> Attributes {
        let header =
            |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Attributes::of(&pairs.iter().map(header).collect())
    }

    #[test]
    fn headers_become_fields() {
        let given = attributes(&[
            ("ce-id", "7"),
            ("ce-data-schema", "caf%C3%A9%00"),
            ("ce-time", "2026-11-20T12:00:00Z"),
            ("content-type", "application/json"),
        ]);
        let mut event_made =
            made(r#"{"message":"m","timestamp":1}"#, |fields| event(fields, &given));
        // The one that was pushed last counts.
        assert_eq!(event_made["timestamp"], "2026-11-20T12:00:00Z");
        assert_eq!(
            event_made["cloud_event"].take(),
            json!({"id": "7", "data_schema": "café\u{fffd}", "time": "2026-11-20T12:00:00Z"})
        );
        assert_eq!(event_made["message"], "m");
    }

    #[test]
    fn a_time_that_is_none_is_no_time() {
        let given = attributes(&[("ce-time", "yesterday")]);
        let made_of = |attributes| made(r#"{"timestamp":1}"#, |fields| event(fields, attributes));
        assert_eq!(made_of(&given), json!({"timestamp": 1, "cloud_event": {"time": "yesterday"}}));
        assert_eq!(made_of(&Attributes::default()), json!({"timestamp": 1}));
    }
}
