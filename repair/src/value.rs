//! Values of events as values of VRL, and back.

use event_schemas::Value;
use vrl::{
    prelude::NotNan,
    value::{ObjectMap, Value as VrlValue},
};

/// As programs see it. Numbers that VRL has no type for are text to them.
pub(crate) fn to_vrl(value: Value<'_>) -> VrlValue {
    match value {
        Value::Null => VrlValue::Null,
        Value::Bool(value) => VrlValue::Boolean(value),
        Value::Number(text) => number(&text),
        Value::String(text) => VrlValue::from(text.as_ref()),
        Value::Array(elements) => VrlValue::Array(elements.into_iter().map(to_vrl).collect()),
        Value::Object(fields) => {
            let fields =
                fields.into_iter().map(|(name, value)| (name.as_ref().into(), to_vrl(value)));
            VrlValue::Object(fields.collect::<ObjectMap>())
        }
    }
}

fn number(text: &str) -> VrlValue {
    if let Ok(integer) = text.parse::<i64>() {
        return VrlValue::Integer(integer);
    }
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite());
    float.and_then(|float| NotNan::new(float).ok()).map_or_else(|| text.into(), VrlValue::Float)
}

/// What a program made. Times become ISO 8601 text, as Vector sends them.
pub(crate) fn from_vrl(value: &VrlValue) -> Value<'static> {
    match value {
        VrlValue::Null => Value::Null,
        VrlValue::Boolean(value) => Value::Bool(*value),
        VrlValue::Integer(integer) => Value::Number(integer.to_string().into()),
        VrlValue::Float(float) if float.is_finite() => Value::Number(float.to_string().into()),
        VrlValue::Float(_) => Value::Null,
        VrlValue::Array(elements) => Value::Array(elements.iter().map(from_vrl).collect()),
        VrlValue::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| (name.to_string().into(), from_vrl(value)));
            Value::Object(fields.collect())
        }
        text => Value::String(text.to_string_lossy().into_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::parse;
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(json: &str) -> String {
        from_vrl(&to_vrl(parse(json).unwrap())).to_json()
    }

    #[test]
    fn values_come_back() {
        for (json, expected) in [
            (r#"{"a":[1,null,true,"x",{"b":-2.5}]}"#, None),
            ("9223372036854775807", None),
            // Too large for VRL's integers, and rounded as its floats are.
            ("9223372036854775808", Some("9223372036854776000")),
            ("1e400", Some("\"1e400\"")),
            (r#"{"b":1,"a":2}"#, Some(r#"{"a":2,"b":1}"#)),
        ] {
            assert_eq!(there_and_back(json), expected.unwrap_or(json));
        }
    }

    proptest! {
        #[test]
        fn numbers_are_always_json(float in any::<f64>()) {
            let Ok(float) = NotNan::new(float) else { return Ok(()) };
            let json = from_vrl(&VrlValue::Float(float)).to_json();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
        }
    }
}
