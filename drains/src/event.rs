//! Events on their way out.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
};

use event_schemas::{Fields, Value, members, parse};
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

/// The members of a value's objects and lists, with their names joined by `separator`; what has none
/// as text: strings as they are, all else as JSON. A name may come twice: of `{"a": {"b": …}}` and of
/// `{"a.b": …}`.
pub(crate) fn flattened(fields: Fields<'_, '_>, separator: &str) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    for (name, value) in members(fields) {
        flatten(name.to_owned(), value, separator, &mut flat);
    }
    flat
}

/// The same with each name once, and none that is `taken`: `a.b`, `a.b_2`, `a.b_3` …
pub(crate) fn distinct(flat: Vec<(String, String)>, taken: &[&str]) -> Vec<(String, String)> {
    // The number that a name was given last.
    let mut names: HashMap<String, usize> =
        taken.iter().map(|name| ((*name).to_owned(), 1)).collect();
    let mut distinct = |name: String| {
        let mut number = match names.entry(name.clone()) {
            Entry::Vacant(free) => {
                free.insert(1);
                return name;
            }
            Entry::Occupied(number) => *number.get(),
        };
        let other = loop {
            number += 1;
            let other = format!("{name}_{number}");
            if let Entry::Vacant(free) = names.entry(other.clone()) {
                free.insert(1);
                break other;
            }
        };
        names.insert(name, number);
        other
    };
    flat.into_iter().map(|(name, value)| (distinct(name), value)).collect()
}

fn flatten(name: String, value: &Value<'_>, separator: &str, flat: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (field, value) in members(fields) {
                flatten(format!("{name}{separator}{field}"), value, separator, flat);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
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

    #[test]
    fn no_field_takes_the_place_of_another() {
        let body = r#"{"id":"a","a":{"b":1,"c":[],"d":{}},"a.b":2,"a.b_2":3,"a":{"b":4,"e":[{}]},
            "source":5}"#;
        let parts = Event { source: "s", body }.parts();
        let shown = |flat: Vec<(String, String)>| -> Vec<String> {
            flat.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        // Of a field that comes twice the last counts.
        let flat = flattened(&parts.fields, ".");
        let expected = ["a.b=2", "a.b_2=3", "a.b=4", "a.e.0={}", "source=5"];
        assert_eq!(shown(flat.clone()), expected);
        let expected = ["a.b=2", "a.b_2=3", "a.b_3=4", "a.e.0={}", "source_2=5"];
        assert_eq!(shown(distinct(flat, &["id", "source"])), expected);
        let many = vec![("a".to_owned(), String::new()); 50_000];
        let last = distinct(many, &[]).pop().map(|(name, _)| name);
        assert_eq!(last.as_deref(), Some("a_50000"));
        let body = r#"{"id":"a","a":{"b":1,"c":[],"d":{}}}"#;
        let flat = flattened(&Event { source: "s", body }.parts().fields, ".");
        assert_eq!(shown(flat), ["a.b=1", "a.c=[]", "a.d={}"]);
    }
}
