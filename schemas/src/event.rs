//! The normalised event.
//!
//! Contract: Logflare's event transformation, read and run: pruning, names, times, messages. Where
//! it loses information, this does not: an event keeps its own `timestamp` and `id` however it was
//! sent, and a time without an offset is UTC.

use std::borrow::Cow;

use uuid::Uuid;

use crate::{Value, key, timestamp};

/// A log event as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// The event's own id, else a random UUID.
    pub id: Cow<'a, str>,
    /// Whether the id is the event's own: the same event sent again then has the same id.
    pub has_own_id: bool,
    /// Microseconds since 1970-01-01 UTC, within the years 1 to 9999.
    pub timestamp: i64,
    /// The text that people read.
    pub event_message: Option<Cow<'a, str>>,
    /// All other fields, their names fit for a column, nothing empty among them.
    pub fields: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// Why a value cannot be stored as an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// A number, a string, a list … where an object should be.
    #[error("an event must be a JSON object, this is {0}")]
    NotAnObject(&'static str),
}

impl<'a> Event<'a> {
    /// Turns a decoded value into an event. `now` (microseconds since 1970) is the time of an
    /// event that says nothing of its own.
    pub fn normalise(value: Value<'a>, now: i64) -> Result<Self, NotAnEvent> {
        let Value::Object(given) = value else { return Err(NotAnEvent::NotAnObject(value.kind())) };
        let mut event = Self {
            id: Cow::Borrowed(""),
            has_own_id: false,
            timestamp: now,
            event_message: None,
            fields: Vec::with_capacity(given.len()),
        };
        let (mut id, mut message, mut event_message) = (None, None, None);
        for (name, value) in named(given) {
            match name.as_ref() {
                "timestamp" => event.timestamp = timestamp::microseconds(&value).unwrap_or(now),
                "id" => id = text(value),
                "message" => message = text(value),
                "event_message" => event_message = text(value),
                _ => {
                    if let Some(mut value) = pruned(value) {
                        value.order_fields();
                        event.fields.push((name, value));
                    }
                }
            }
        }
        // Logflare drops the text that `message` takes the place of; here it stays a field.
        if message.is_some()
            && let Some(replaced) = event_message.take_if(|text| Some(&*text) != message.as_ref())
        {
            event.fields.push((Cow::Borrowed("_event_message"), Value::String(replaced)));
        }
        event.event_message = message.or(event_message);
        event.has_own_id = id.is_some();
        event.id = id.unwrap_or_else(|| Cow::Owned(Uuid::new_v4().to_string()));
        Ok(event)
    }

    /// A field of the body, one of those that are no column of their own.
    pub fn field(&self, name: &str) -> Option<&Value<'a>> {
        self.fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// Appends the body as compact JSON: an object that holds `id`, `timestamp` (microseconds) and
    /// `event_message` (null where there is none) too.
    pub fn write_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        Value::String(Cow::Borrowed(&self.id)).write(out);
        out.extend_from_slice(b",\"timestamp\":");
        out.extend_from_slice(self.timestamp.to_string().as_bytes());
        out.extend_from_slice(b",\"event_message\":");
        match &self.event_message {
            Some(message) => Value::String(Cow::Borrowed(message)).write(out),
            None => out.extend_from_slice(b"null"),
        }
        for (name, value) in &self.fields {
            out.push(b',');
            Value::String(Cow::Borrowed(name)).write(out);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }
}

/// A text; what is no text becomes its JSON, what is empty is none.
pub(crate) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match pruned(value)? {
        Value::String(text) => Some(text),
        other => Some(Cow::Owned(other.to_json())),
    }
}

/// A value without what is empty: nulls, empty strings, lists and objects, also those that become
/// empty by it. `false` and `0` stay. Names of fields are made fit for columns.
pub(crate) fn pruned(value: Value<'_>) -> Option<Value<'_>> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(mut elements) => {
            elements = elements.into_iter().filter_map(pruned).collect();
            (!elements.is_empty()).then_some(Value::Array(elements))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = named(fields)
                .into_iter()
                .filter_map(|(name, value)| Some((name, pruned(value)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

/// Fields with names that are fit for columns. Where two names become one, the later in the order
/// of the given names comes last, and so counts, as in Logflare.
fn named<'a>(mut fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Vec<(Cow<'a, str>, Value<'a>)> {
    if fields.iter().all(|(name, _)| key::is_fit(name)) {
        return fields;
    }
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields.into_iter().map(|(name, value)| (key::sanitise(name), value)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{parse, repair};

    const NOW: i64 = 1_795_176_000_000_000;

    /// The body of an event, without its id where that is random.
    fn body(text: &str) -> serde_json::Value {
        let event = Event::normalise(parse(text).unwrap(), NOW).unwrap();
        let mut out = Vec::new();
        event.write_body(&mut out);
        let mut body: serde_json::Value = serde_json::from_slice(&out).unwrap();
        if Uuid::try_parse(&event.id).is_ok() {
            body.as_object_mut().unwrap().remove("id");
        }
        body
    }

    #[test]
    fn follows_the_contract() {
        for (event, expected) in [
            (r#"{}"#, json!({"timestamp": NOW, "event_message": null})),
            (
                r#"{"message":"m","a":{"b":null,"c":[],"d":{"e":""}},"f":false,"z":0}"#,
                json!({"timestamp": NOW, "event_message": "m", "f": false, "z": 0}),
            ),
            (
                r#"{"id":"own","timestamp":"2026-11-20T12:00:01Z","event_message":"x","message":"x"}"#,
                json!({"id": "own", "timestamp": NOW + 1_000_000, "event_message": "x"}),
            ),
            (
                r#"{"message":"m","event_message":"e"}"#,
                json!({"timestamp": NOW, "event_message": "m", "_event_message": "e"}),
            ),
            (
                r#"{"message":"","event_message":"e"}"#,
                json!({"timestamp": NOW, "event_message": "e"}),
            ),
            (
                r#"{"id":7,"message":{"a":1}}"#,
                json!({"id": "7", "timestamp": NOW, "event_message": "{\"a\":1}"}),
            ),
            (
                r#"{"a-b":{"x.y":[{"1":1},null,[]]},"timestamp":true}"#,
                json!({"timestamp": NOW, "event_message": null, "_a_b": {"_x_y": [{"_1": 1}]}}),
            ),
            // `_a_b` < `a-b` < `a.b`, whatever their order in the text.
            (
                r#"{"a.b":1,"_a_b":3,"a-b":2}"#,
                json!({"timestamp": NOW, "event_message": null, "_a_b": 1}),
            ),
            (
                r#"{"in":{"a.b":"","a-b":2}}"#,
                json!({"timestamp": NOW, "event_message": null, "in": {"_a_b": 2}}),
            ),
        ] {
            assert_eq!(body(event), expected, "{event}");
        }
    }

    #[test]
    fn takes_objects_only() {
        for (value, text) in [
            ("5", "an event must be a JSON object, this is a number"),
            ("[]", "an event must be a JSON object, this is a list"),
            ("null", "an event must be a JSON object, this is null"),
        ] {
            let error = Event::normalise(parse(value).unwrap(), NOW).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn fields_come_as_jsonb_keeps_them() {
        let text = r#"{"id":"i","m":{"ccc":{"b":1,"a":[{"z":1,"aa":1,"b":2}]},"bb":2,"c":3}}"#;
        let mut out = Vec::new();
        Event::normalise(parse(text).unwrap(), NOW).unwrap().write_body(&mut out);
        let expected = format!(
            r#"{{"id":"i","timestamp":{NOW},"event_message":null,{}}}"#,
            r#""m":{"c":3,"bb":2,"ccc":{"a":[{"b":2,"z":1,"aa":1}],"b":1}}"#
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn finds_fields() {
        let event = Event::normalise(parse(r#"{"a.b":1,"a-b":2}"#).unwrap(), NOW).unwrap();
        assert_eq!(event.field("_a_b"), Some(&Value::Number("1".into())));
        assert_eq!(event.field("nothing"), None);
    }

    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::btree_map(
                    "[a-z_.0-9é-]{0,6}|id|timestamp|message|event_message|[k-]{127,131}",
                    inner,
                    0..6
                )
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn always_gives_json_and_is_done_once(value in json_value()) {
            let text = repair(value.to_string().into_bytes());
            if let Ok(event) = Event::normalise(parse(&text).unwrap(), NOW) {
                let mut once = Vec::new();
                event.write_body(&mut once);
                let once = String::from_utf8(once).unwrap();
                prop_assert!(serde_json::from_str::<serde_json::Value>(&once).is_ok(), "{}", once);
                let again = Event::normalise(parse(&once).unwrap(), NOW + 1).unwrap();
                let mut twice = Vec::new();
                again.write_body(&mut twice);
                prop_assert_eq!(once, String::from_utf8(twice).unwrap());
            }
        }
    }
}
