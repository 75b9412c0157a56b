//! How much a value is, without writing it.

use super::{Value, write::split_at_escape};

/// How much a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many values these are: itself, and all that lie in it.
    pub values: usize,
    /// Bytes of its compact JSON.
    pub bytes: usize,
}

impl Value<'_> {
    /// How much this is.
    pub fn extent(&self) -> Extent {
        let mut extent = Extent::default();
        add(self, &mut extent);
        extent
    }
}

impl Extent {
    /// How much a value of serde's is.
    pub(crate) fn of_json(value: &serde_json::Value) -> Self {
        let mut extent = Self::default();
        add_json(value, &mut extent);
        extent
    }
}

fn add_json(value: &serde_json::Value, extent: &mut Extent) {
    use serde_json::Value as Json;

    extent.values += 1;
    extent.bytes += match value {
        Json::Null | Json::Bool(true) => 4,
        Json::Bool(false) => 5,
        Json::Number(number) => number.to_string().len(),
        Json::String(text) => string(text),
        Json::Array(elements) => {
            elements.iter().for_each(|element| add_json(element, extent));
            2 + elements.len().saturating_sub(1)
        }
        Json::Object(fields) => {
            for (key, field) in fields {
                extent.bytes += string(key) + 1;
                add_json(field, extent);
            }
            2 + fields.len().saturating_sub(1)
        }
    };
}

fn add(value: &Value<'_>, extent: &mut Extent) {
    extent.values += 1;
    extent.bytes += match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.len(),
        Value::String(text) => string(text),
        Value::Array(elements) => {
            elements.iter().for_each(|element| add(element, extent));
            2 + elements.len().saturating_sub(1)
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                extent.bytes += string(key) + 1;
                add(field, extent);
            }
            2 + fields.len().saturating_sub(1)
        }
    };
}

/// A text as JSON, with its quotes.
pub(crate) fn string(text: &str) -> usize {
    let (mut bytes, mut rest) = (2 + text.len(), text.as_bytes());
    while let Some((_, byte, after)) = split_at_escape(rest) {
        bytes += match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
            _ => 5,
        };
        rest = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse;

    #[test]
    fn counts_values() {
        for (text, values) in [("1", 1), ("[]", 1), (r#"{"a":[1,{"b":null}],"c":""}"#, 6)] {
            assert_eq!(parse(text).unwrap().extent(), Extent { values, bytes: text.len() });
        }
    }

    proptest! {
        #[test]
        fn knows_the_length_of_its_json(
            texts in proptest::collection::vec("[a\"\\\\\u{0}-\u{1f}é]{0,5}", 0..4),
            number in any::<i64>(),
            truth in any::<bool>(),
        ) {
            let fields: Vec<_> =
                texts.iter().map(|text| (text.into(), Value::String(text.into()))).collect();
            let number = Value::Number(number.to_string().into());
            let value = Value::Array(vec![
                Value::Object(fields), Value::Null, Value::Bool(truth), number, Value::Array(vec![]),
            ]);
            prop_assert_eq!(value.extent().bytes, value.to_json().len());
            // Of equal names it keeps the last one.
            let json: serde_json::Value = serde_json::from_str(&value.to_json()).unwrap();
            prop_assert_eq!(Extent::of_json(&json), parse(&json.to_string()).unwrap().extent());
        }
    }
}
