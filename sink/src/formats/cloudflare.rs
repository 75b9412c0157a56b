//! Cloudflare's Logpush: one object per line, one line per request.

use event_schemas::Value;

use crate::fields::{self, Fields, named, string};

/// The time of an HTTP request.
const REQUEST_TIME: &str = "EdgeStartTimestamp";

/// The times in Cloudflare's data sets: requests, firewall events, DNS and others, Workers.
const TIMES: [&str; 4] = [REQUEST_TIME, "Datetime", "Timestamp", "EventTimestampMs"];

/// Whether this is what Cloudflare says of an HTTP request.
pub(super) fn is_request(object: &Fields<'_>) -> bool {
    fields::get(object, REQUEST_TIME).is_some()
}

/// `{"timestamp", "event_message": the line, "metadata": the object}`
pub(super) fn line<'a>(line: &'a str, object: Fields<'a>) -> Value<'a> {
    let timestamp = TIMES.iter().find_map(|name| fields::get(&object, name)).cloned();
    let mut event =
        vec![named("event_message", string(line)), named("metadata", Value::Object(object))];
    event.extend(timestamp.map(|timestamp| named("timestamp", timestamp)));
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn a_line_is_an_event() {
        for (object, timestamp) in [
            (
                r#"{"EdgeStartTimestamp":1795176000000000000, "A":1}"#,
                json!(1_795_176_000_000_000_000_u64),
            ),
            (r#"{"Datetime":"2026-11-20T12:00:00Z","A":1}"#, json!("2026-11-20T12:00:00Z")),
            (r#"{"EventTimestampMs":5,"A":1}"#, json!(5)),
        ] {
            let made = made(object, |fields| line("raw", fields));
            assert_eq!(made["timestamp"], timestamp, "{object}");
            assert_eq!(
                (&made["event_message"], &made["metadata"]["A"]),
                (&json!("raw"), &json!(1))
            );
        }
        let made = made(r#"{"A":1}"#, |fields| line("raw", fields));
        assert_eq!(made, json!({"event_message": "raw", "metadata": {"A": 1}}));
    }
}
