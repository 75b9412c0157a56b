//! Events on their way out.

use std::borrow::Cow;

use event_schemas::{Value, parse};
use jiff::Timestamp;

/// An event as it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Name of its source.
    pub(crate) source: &'a str,
    /// A JSON object in one line, with `id`, `timestamp` (microseconds since 1970) and
    /// `event_message`.
    pub(crate) body: &'a str,
}

/// Its parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parts<'a> {
    pub(crate) id: Cow<'a, str>,
    /// Microseconds since 1970.
    pub(crate) timestamp: i64,
    /// Empty where there is none.
    pub(crate) message: Cow<'a, str>,
    /// All else.
    pub(crate) fields: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Event<'a> {
    pub(crate) fn parts(&self) -> Parts<'a> {
        let mut parts =
            Parts { id: "".into(), timestamp: 0, message: "".into(), fields: Vec::new() };
        // It was written by us.
        let Ok(Value::Object(fields)) = parse(self.body) else { return parts };
        for (name, value) in fields {
            match (name.as_ref(), value) {
                ("id", Value::String(id)) => parts.id = id,
                ("timestamp", Value::Number(number)) => {
                    parts.timestamp = number.parse().unwrap_or_default();
                }
                ("event_message", Value::String(message)) => parts.message = message,
                ("event_message", Value::Null) => {}
                (_, value) => parts.fields.push((name, value)),
            }
        }
        parts
    }
}

impl Parts<'_> {
    /// RFC 3339 in UTC, with microseconds.
    pub(crate) fn rfc3339(&self) -> String {
        rfc3339(self.timestamp)
    }
}

/// RFC 3339 in UTC, with microseconds; years beyond all calendars are the epoch.
pub(crate) fn rfc3339(micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{time:.6}")
}

/// A string as JSON.
pub(crate) fn json_string(text: &str, out: &mut Vec<u8>) {
    Value::String(Cow::Borrowed(text)).write(out);
}

/// The members of a value's objects, with their names joined by `separator`; what is no object as
/// text: strings as they are, all else as JSON.
pub(crate) fn flattened(
    fields: &[(Cow<'_, str>, Value<'_>)],
    separator: &str,
) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    for (name, value) in fields {
        flatten(name.to_string(), value, separator, &mut flat);
    }
    flat
}

fn flatten(name: String, value: &Value<'_>, separator: &str, flat: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                flatten(format!("{name}{separator}{field}"), value, separator, flat);
            }
        }
        Value::Array(elements) => {
            for (place, value) in elements.iter().enumerate() {
                flatten(format!("{name}{separator}{place}"), value, separator, flat);
            }
        }
        Value::String(text) => flat.push((name, text.to_string())),
        other => flat.push((name, other.to_json())),
    }
}

#[cfg(test)]
pub(crate) mod examples {
    use super::Event;

    /// Two events of one source and one of another.
    pub(crate) const EVENTS: [Event<'static>; 3] = [
        Event {
            source: "postgres.logs",
            body: r#"{"id":"a1","timestamp":1795495200000001,"event_message":"line \"one\"\n","metadata":{"level":"error","host":"db","parsed":[{"pid":7}]},"project":"default"}"#,
        },
        Event {
            source: "auth",
            body: r#"{"id":"b2","timestamp":1795495200500000,"event_message":null,"level":"info","n":1.50}"#,
        },
        Event {
            source: "postgres.logs",
            body: r#"{"id":"c3","timestamp":1795495201000000,"event_message":"two"}"#,
        },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_apart() {
        let parts = examples::EVENTS[0].parts();
        assert_eq!((parts.id.as_ref(), parts.timestamp), ("a1", 1_795_495_200_000_001));
        assert_eq!(parts.message, "line \"one\"\n");
        assert_eq!(parts.rfc3339(), "2026-11-24T04:40:00.000001Z");
        let flat = flattened(&parts.fields, "_");
        let flat: Vec<_> = flat.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "metadata_level=error",
            "metadata_host=db",
            "metadata_parsed_0_pid=7",
            "project=default",
        ];
        assert_eq!(flat, expected);
        let parts = examples::EVENTS[1].parts();
        assert_eq!((parts.message.as_ref(), parts.fields.len()), ("", 2));
    }
}
