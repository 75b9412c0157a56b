//! The message that people read, made of an event's values.

use std::{borrow::Cow, str::FromStr};

use super::{InvalidTransform, MAX_LINES, path::EventPath, value_path::ValuePath};
use crate::{Event, Value, value::extent};

/// What stands between the values of a message.
const BETWEEN: &str = " | ";

/// Of which values a message is made: `id, m.level, $.metadata.context[0].host`, with commas
/// between.
#[derive(Debug, Clone)]
pub struct MessageKeys(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    /// The message as it came.
    Message,
    Field(EventPath),
    Found(ValuePath),
}

impl MessageKeys {
    /// Makes the message anew: the values with ` | ` between, JSON of those that are no text. It stays
    /// as it is where `may_add`, asked before each part with its bytes in JSON, says no: then this is
    /// false.
    pub fn apply(&self, event: &mut Event<'_>, mut may_add: impl FnMut(usize) -> bool) -> bool {
        // Only JSONPath needs it.
        let mut body = None;
        let mut message = String::new();
        for (place, part) in self.0.iter().enumerate() {
            if place > 0 {
                message.push_str(BETWEEN);
            }
            match part {
                Part::Message => {
                    let text = event.event_message.as_deref().unwrap_or_default();
                    if !may_add(extent::string(text) + BETWEEN.len()) {
                        return false;
                    }
                    message.push_str(text);
                }
                Part::Field(path) => {
                    let value = path.get(event).unwrap_or(Value::Null);
                    if !may_add(value.extent().bytes + BETWEEN.len()) {
                        return false;
                    }
                    message.push_str(&match value {
                        Value::String(text) => text,
                        other => Cow::Owned(other.to_json()),
                    });
                }
                Part::Found(path) => {
                    let body = body.get_or_insert_with(|| {
                        let mut text = Vec::new();
                        event.write_body(&mut text);
                        serde_json::from_slice::<serde_json::Value>(&text).unwrap_or_default()
                    });
                    let found = path.find(body);
                    if !may_add(found.extent().bytes + BETWEEN.len()) {
                        return false;
                    }
                    message.push_str(&found.to_text());
                }
            }
        }
        event.event_message = (!message.is_empty()).then_some(Cow::Owned(message));
        true
    }
}

impl FromStr for MessageKeys {
    type Err = InvalidTransform;

    fn from_str(text: &str) -> Result<Self, InvalidTransform> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(part).collect::<Result<_, _>>()?;
        (parts.len() <= MAX_LINES).then_some(Self(parts)).ok_or(InvalidTransform::TooManyLines)
    }
}

fn part(text: &str) -> Result<Part, InvalidTransform> {
    if ["message", "event_message"].contains(&text) {
        return Ok(Part::Message);
    }
    if let Some(path) = EventPath::read(text) {
        return Ok(Part::Field(path));
    }
    let invalid = |reason: String| InvalidTransform::Message {
        text: text.chars().take(100).collect(),
        reason,
    };
    if !text.contains(['$', '[', '*']) {
        return Err(invalid("write it like m.request.host".to_owned()));
    }
    let whole = match text.strip_prefix("m.") {
        Some(rest) => Cow::Owned(format!("metadata.{rest}")),
        None => Cow::Borrowed(text),
    };
    ValuePath::read(&whole).map(Part::Found).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transform::tests::changed;

    const EVENT: &str = r#"{"id":"x","message":"m","n":1.50,"t":"\"q\"",
        "metadata":{"level":"info","context":[{"host":"a"},{"host":"b"}],"o":{"p":true}}}"#;

    #[test]
    fn messages_are_made() {
        for (keys, expected) in [
            ("id", "x"),
            ("id, message", "x | m"),
            (" event_message ,, m.level", "m | info"),
            ("metadata.level,n,t,m.o,timestamp", r#"info | 1.5 | "q" | {"p":true} | 0"#),
            ("nothing, m.nothing.at.all", "null | null"),
            ("m.context[0].host, $.metadata.context[*].host", r#"a | ["a","b"]"#),
            ("$.nothing", "null"),
        ] {
            let keys: MessageKeys = keys.parse().unwrap();
            let body = changed(EVENT, |event| assert!(keys.apply(event, |_| true)));
            assert_eq!(body["event_message"], json!(expected), "{keys:?}");
        }
        let keys: MessageKeys = "message".parse().unwrap();
        let made = changed(r#"{"a":1}"#, |event| assert!(keys.apply(event, |_| true)));
        assert_eq!(made, json!({"a": 1}));
    }

    #[test]
    fn parts_are_asked_for_before_they_are_added() {
        let keys: MessageKeys = "t, message, $.metadata.context[*].host, m, id".parse().unwrap();
        let mut asked = Vec::new();
        let body = changed(EVENT, |event| {
            let made = keys.apply(event, |bytes| {
                asked.push(bytes);
                asked.len() < 4
            });
            assert!(!made);
        });
        assert_eq!(body["event_message"], "m");
        // As JSON, with what stands between: `"\"q\""`, `"m"`, `["a","b"]`.
        assert_eq!(asked[..3], [10, 6, 12]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["a b", "id, m..x", "$.a[", "a:b"] {
            let error = text.parse::<MessageKeys>().unwrap_err().to_string();
            assert!(error.starts_with("has a part that is no path: `"), "{error}");
        }
    }
}
