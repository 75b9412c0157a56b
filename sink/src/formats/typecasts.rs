//! Events that come with a list of values to convert, from senders whose JSON knows no floats.

use std::borrow::Cow;

use event_schemas::{Value, parse};

use crate::fields::{self, Fields};

/// Most values that are looked at for one event; each cast may name a list as long as a body.
const MAX_STEPS: usize = 1 << 20;

/// `{"body": event, "typecasts": [{"path": […], "from": "string", "to": "float"}]}` becomes the
/// event. An object without a body is the event itself; what cannot be converted stays as it is.
pub(super) fn event(mut object: Fields<'_>) -> Value<'_> {
    let Some(mut body) = fields::take(&mut object, "body") else { return Value::Object(object) };
    if let Some(Value::Array(casts)) = fields::get(&object, "typecasts") {
        let mut steps = MAX_STEPS;
        for cast in casts {
            if let Value::Object(cast) = cast
                && fields::text(cast, "from") == Some("string")
                && fields::text(cast, "to") == Some("float")
                && let Some(Value::Array(path)) = fields::get(cast, "path")
            {
                convert(&mut body, path, &mut steps);
            }
        }
    }
    body
}

/// Converts what lies at a path; in a list, in each of its elements. Takes `steps` down.
fn convert(value: &mut Value<'_>, path: &[Value<'_>], steps: &mut usize) {
    let size = match value {
        Value::Array(elements) => elements.len(),
        Value::Object(fields) => fields.len(),
        _ => 1,
    };
    let Some(left) = steps.checked_sub(size) else { return };
    *steps = left;
    match (value, path) {
        (Value::Array(elements), path) => {
            elements.iter_mut().for_each(|element| convert(element, path, steps));
        }
        (value, []) => {
            if let Some(number) = number(value) {
                *value = number;
            }
        }
        (Value::Object(fields), [Value::String(name), rest @ ..]) => {
            let wanted = fields.iter_mut().filter(|(field, _)| field == name);
            wanted.for_each(|(_, value)| convert(value, rest, steps));
        }
        _ => {}
    }
}

/// The number that a text says.
fn number<'a>(value: &Value<'a>) -> Option<Value<'a>> {
    let Value::String(text) = value else { return None };
    if let Ok(Value::Number(number)) = parse(text) {
        return Some(Value::Number(Cow::Owned(number.into_owned())));
    }
    // `+1`, `.5` and the like are no JSON.
    let number = serde_json::Number::from_f64(text.parse().ok()?)?;
    Some(Value::Number(Cow::Owned(number.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{fields::string, formats::testing::made};

    #[test]
    fn works_only_so_long() {
        let list = vec!["\"1\""; 1000].join(",");
        let cast = r#"{"path":["a"],"from":"string","to":"float"},{"path":["b"],"from":"string","to":"float"}"#;
        let casts = vec![cast; 1000].join(",");
        let object = format!(r#"{{"body":{{"a":[{list}],"b":"1"}},"typecasts":[{casts}]}}"#);
        assert_eq!(made(&object, event)["b"], 1);
        let mut steps = 1;
        let mut pair = Value::Array(vec![string("1"), string("2")]);
        convert(&mut pair, &[], &mut steps);
        assert_eq!((pair.to_json().as_str(), steps), (r#"["1","2"]"#, 1));
    }

    #[test]
    fn converts_what_is_listed() {
        for (object, expected) in [
            (
                r#"{"body":{"message":"m","metadata":{"a":"1.5","b":"2","list":[{"c":"3"},{"c":"x"}]}},
                    "typecasts":[
                        {"path":["metadata","a"],"from":"string","to":"float"},
                        {"path":["metadata","list","c"],"from":"string","to":"float"},
                        {"path":["metadata","b"],"from":"string","to":"date"},
                        {"path":["nowhere","b"],"from":"string","to":"float"},
                        {"path":"metadata","from":"string","to":"float"},
                        7]}"#,
                json!({
                    "message": "m",
                    "metadata": {"a": 1.5, "b": "2", "list": [{"c": 3}, {"c": "x"}]},
                }),
            ),
            (
                r#"{"body":{"a":[".5","+1","NaN","1e3"]},
                    "typecasts":[{"path":["a"],"from":"string","to":"float"}]}"#,
                json!({"a": [0.5, 1.0, "NaN", 1e3]}),
            ),
            (r#"{"body":{"a":"1"}}"#, json!({"a": "1"})),
            (r#"{"message":"m"}"#, json!({"message": "m"})),
            (r#"{"body":5,"typecasts":[]}"#, json!(5)),
        ] {
            assert_eq!(made(object, event), expected, "{object}");
        }
    }
}
