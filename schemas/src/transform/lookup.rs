//! Values that are looked up in the table of key-values.

use std::{collections::HashMap, str::FromStr};

use super::{
    InvalidTransform, lines,
    path::EventPath,
    value_path::{Found, ValuePath},
};
use crate::{Event, MAX_DEPTH, MAX_VALUES, Value, event};

/// The table of key-values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyValues(HashMap<String, serde_json::Value>);

impl FromIterator<(String, serde_json::Value)> for KeyValues {
    fn from_iter<T: IntoIterator<Item = (String, serde_json::Value)>>(rows: T) -> Self {
        Self(rows.into_iter().collect())
    }
}

/// Lines of `lookup path:destination path[:accessor]`.
#[derive(Debug, Clone)]
pub struct KeyLookups(Vec<Lookup>);

#[derive(Debug, Clone)]
struct Lookup {
    /// Where an event has the key.
    key: EventPath,
    to: EventPath,
    /// Which part of the value, if not all.
    part: Option<ValuePath>,
}

impl KeyLookups {
    /// Puts the values of the keys that are known into the event, as long as `may_put`, asked before
    /// each with about the bytes of its JSON, says so.
    pub fn apply(
        &self,
        event: &mut Event<'_>,
        key_values: &KeyValues,
        mut may_put: impl FnMut(usize) -> bool,
    ) {
        let mut left = MAX_VALUES;
        for Lookup { key, to, part } in &self.0 {
            let Some(key) = key.get(event).and_then(event::text) else { continue };
            // As the keys are kept.
            let Some(value) = key_values.0.get(key.trim()) else { continue };
            let found = match part {
                None => Found::One(Some(value)),
                Some(part) => part.find(value),
            };
            if found.is_nothing() {
                continue;
            }
            let extent = found.extent();
            left = left.saturating_sub(extent.values);
            if left == 0 || !may_put(extent.bytes + to.bytes()) {
                return;
            }
            let value = match found {
                Found::One(value) => value.map_or(Value::Null, |value| owned(value, MAX_DEPTH)),
                Found::List(values) => {
                    Value::Array(values.iter().map(|one| owned(one, MAX_DEPTH - 1)).collect())
                }
            };
            if let Some(value) = event::pruned(value) {
                to.put(event, value);
            }
        }
    }
}

impl FromStr for KeyLookups {
    type Err = InvalidTransform;

    fn from_str(text: &str) -> Result<Self, InvalidTransform> {
        let read = |line: &str| {
            let (key, rest) = line.split_once(':')?;
            let (to, part) =
                rest.split_once(':').map_or((rest, None), |(to, part)| (to, Some(part)));
            let part = part.map(|part| ValuePath::read(part.trim())).transpose().ok()?;
            Some(Lookup { key: EventPath::read(key)?, to: EventPath::read(to)?, part })
        };
        lines(text, "lookup:destination[:accessor], such as project:org.id:org_id", read).map(Self)
    }
}

/// As a value of an event; what lies deeper than `levels` becomes text.
fn owned(value: &serde_json::Value, levels: usize) -> Value<'static> {
    use serde_json::Value as Json;

    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Number(number.to_string().into()),
        Json::String(text) => Value::String(text.clone().into()),
        Json::Array(_) | Json::Object(_) if levels == 0 => Value::String(value.to_string().into()),
        Json::Array(elements) => {
            Value::Array(elements.iter().map(|element| owned(element, levels - 1)).collect())
        }
        Json::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, field)| (name.clone().into(), owned(field, levels - 1)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transform::tests::changed;

    #[test]
    fn values_are_looked_up() {
        let key_values: KeyValues = [
            ("p", json!({"org": {"id": 7, "a-b": ""}, "name": "n"})),
            ("7", json!({"name": "seven"})),
            ("empty", json!({"a": {}})),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect();
        for (lines, event, expected) in [
            ("project:org:org.id", r#"{"project":"p"}"#, json!({"project": "p", "org": 7})),
            (
                "project:m.org:$.org.id",
                r#"{"project":"p"}"#,
                json!({"project": "p", "metadata": {"org": 7}}),
            ),
            (
                "project:found",
                r#"{"project":"p"}"#,
                json!({"project": "p", "found": {"org": {"id": 7}, "name": "n"}}),
            ),
            ("project:org:org.id", r#"{"project":" p\n"}"#, json!({"project": " p\n", "org": 7})),
            // A later line sees what an earlier one has found.
            ("a:b:org.id\nb:c:name", r#"{"a":"p"}"#, json!({"a": "p", "b": 7, "c": "seven"})),
            // Unknown keys, unknown parts, nothing in it.
            ("a:b\nx:b", r#"{"a":"q"}"#, json!({"a": "q"})),
            ("a:b:nothing", r#"{"a":"p"}"#, json!({"a": "p"})),
            ("a:b", r#"{"a":"empty"}"#, json!({"a": "empty"})),
        ] {
            let lookups: KeyLookups = lines.parse().unwrap();
            let body = changed(event, |event| lookups.apply(event, &key_values, |_| true));
            assert_eq!(body, expected, "{lines}");
        }
        // Each is asked for before it is put there, with its name and signs: `,"b":{"x":["text"]}`.
        let key_values = [("k".to_owned(), json!({"x": ["text"]}))].into_iter().collect();
        let lookups: KeyLookups = "a:b\na:none:y\na:c:$.x[*]\na:d".parse().unwrap();
        let mut asked = Vec::new();
        let body = changed(r#"{"a":"k"}"#, |event| {
            lookups.apply(event, &key_values, |bytes| {
                asked.push(bytes);
                asked.len() < 3
            });
        });
        assert_eq!(body, json!({"a": "k", "b": {"x": ["text"]}, "c": ["text"]}));
        assert_eq!(asked, [19, 13, 19]);
        for text in ["a", "a:", "a:b:", "a:b:$.", ":b"] {
            let error = text.parse::<KeyLookups>().unwrap_err().to_string();
            assert!(error.contains("write lookup:destination[:accessor]"), "{error}");
        }
    }
}
