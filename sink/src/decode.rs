//! From a body's text to the values in it: a list, `{"batch": […]}`, or one object.

use std::borrow::Cow;

use event_schemas::{Value, parse};

use crate::{error::IngestError, request::Route};

/// What a body holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded<'a> {
    /// What should be events, in the order of the text. They are not looked at yet.
    pub(crate) values: Vec<Value<'a>>,
    /// Where the body itself wants to go; only an object can say that.
    pub(crate) route: Route,
}

/// Reads a body, whatever its content-type says.
///
/// # Errors
/// [`IngestError::NotJson`] with the place where the text stops being JSON.
pub(crate) fn decode(text: &str) -> Result<Decoded<'_>, IngestError> {
    let value = parse(text).map_err(|error| IngestError::NotJson(error.to_string()))?;
    let Value::Object(mut fields) = value else {
        let values = match value {
            Value::Array(elements) => elements,
            // Refused as an event, with its place.
            scalar => vec![scalar],
        };
        return Ok(Decoded { values, route: Route::default() });
    };
    let route = route(&fields);
    let batch = fields
        .iter()
        .rposition(|(name, value)| name == "batch" && matches!(value, Value::Array(_)));
    let values = match batch.map(|place| fields.swap_remove(place).1) {
        Some(Value::Array(elements)) => elements,
        _ => vec![Value::Object(fields)],
    };
    Ok(Decoded { values, route })
}

fn route(fields: &[(Cow<'_, str>, Value<'_>)]) -> Route {
    Route::of(|wanted| {
        fields.iter().rev().find_map(|(name, value)| match value {
            Value::String(value) if name == wanted => Some(value.as_ref()),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<String> {
        decode(text).unwrap().values.iter().map(Value::to_json).collect()
    }

    #[test]
    fn knows_the_forms() {
        for (body, values) in [
            (r#"[{"a":1},{"a":2}]"#, &[r#"{"a":1}"#, r#"{"a":2}"#][..]),
            ("[\n  {\"a\": 1}\n]\n", &[r#"{"a":1}"#]),
            (r#"{"batch":[{"a":1},5],"source":"x"}"#, &[r#"{"a":1}"#, "5"]),
            (r#"{"batch":"no list"}"#, &[r#"{"batch":"no list"}"#]),
            (r#" {"a":1} "#, &[r#"{"a":1}"#]),
            ("[]", &[]),
            ("5", &["5"]),
            (r#"[{"a":1e999},{"b":2}]"#, &[r#"{"a":1e999}"#, r#"{"b":2}"#]),
        ] {
            assert_eq!(decoded(body), values, "{body}");
        }
    }

    #[test]
    fn says_where_the_json_ends() {
        for text in ["", "[", "[1,]", "{]", "nonsense"] {
            assert!(matches!(decode(text), Err(IngestError::NotJson(_))), "{text}");
        }
        let lines = decode("{\"a\":1}\n{\"a\":2}").unwrap_err().to_string();
        assert!(
            lines.contains("line 2 column 1") && lines.contains("a list of objects"),
            "{lines}"
        );
    }

    #[test]
    fn only_an_object_names_its_source() {
        let route = |body| decode(body).unwrap().route;
        assert_eq!(
            route(r#"{"batch":[{"source":"event"}],"collection_name":"c","source_name":"s"}"#),
            Route::to_name("s")
        );
        assert_eq!(route(r#"{"source":"t","message":"m"}"#), Route::to_token_or_name("t"));
        for body in [r#"[{"source":"event"}]"#, r#"{"source":7,"source_name":""}"#] {
            assert_eq!(route(body), Route::default(), "{body}");
        }
    }
}
