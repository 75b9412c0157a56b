//! From a body's text to the values in it: a list, `{"batch": […]}`, or one object.

use event_schemas::{NotJson, Value, elements, parse};

use crate::error::IngestError;

/// The values of a body, each read or not: one that cannot be read harms no other.
pub(crate) fn decode(text: &str) -> Result<Vec<Result<Value<'_>, NotJson>>, IngestError> {
    match parse(text) {
        Ok(Value::Array(elements)) => Ok(elements.into_iter().map(Ok).collect()),
        Ok(Value::Object(mut fields)) => {
            let batch = fields
                .iter()
                .position(|(name, value)| name == "batch" && matches!(value, Value::Array(_)));
            match batch.map(|place| fields.swap_remove(place).1) {
                Some(Value::Array(elements)) => Ok(elements.into_iter().map(Ok).collect()),
                _ => Ok(vec![Ok(Value::Object(fields))]),
            }
        }
        // A scalar: refused as an event, with its place.
        Ok(scalar) => Ok(vec![Ok(scalar)]),
        Err(error) => match elements(text) {
            Some(elements) => Ok(elements.into_iter().map(parse).collect()),
            None => Err(IngestError::NotJson(error.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<String> {
        let values = decode(text).unwrap();
        values
            .into_iter()
            .map(|value| value.map_or_else(|error| error.to_string(), |value| value.to_json()))
            .collect()
    }

    #[test]
    fn knows_the_forms() {
        assert_eq!(decoded(r#"[{"a":1},{"a":2}]"#), [r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(decoded(r#"{"batch":[{"a":1},5],"source":"x"}"#), [r#"{"a":1}"#, "5"]);
        assert_eq!(decoded(r#"{"batch":"no list"}"#), [r#"{"batch":"no list"}"#]);
        assert_eq!(decoded(r#" {"a":1} "#), [r#"{"a":1}"#]);
        assert_eq!(decoded("[]"), Vec::<String>::new());
        assert_eq!(decoded("5"), ["5"]);
        assert_eq!(decoded(r#"[{"a":1e999},{"b":2}]"#), [r#"{"a":1e999}"#, r#"{"b":2}"#]);
        for text in ["", "[", "[1,]", "{]", "nonsense"] {
            assert!(matches!(decode(text), Err(IngestError::NotJson(_))), "{text}");
        }
    }
}
