//! JSON of any kind, and what browsers report: kept whole, and as text to read.

use event_schemas::Value;

use crate::fields::{self, Fields, named, string};

/// `{"message": the object's JSON, "metadata": the object}`, and its own time where it has one.
pub(super) fn event(object: Fields<'_>) -> Value<'_> {
    let timestamp = fields::get(&object, "timestamp").cloned();
    let metadata = Value::Object(object);
    let mut event = vec![named("message", string(metadata.to_json())), named("metadata", metadata)];
    event.extend(timestamp.map(|timestamp| named("timestamp", timestamp)));
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn keeps_json_and_its_text() {
        for (object, expected) in [
            (
                r#"{"b": 1,  "a": "x"}"#,
                json!({"message": r#"{"b":1,"a":"x"}"#, "metadata": {"b": 1, "a": "x"}}),
            ),
            (
                r#"{"timestamp":5,"csp-report":{"a":[]}}"#,
                json!({
                    "message": r#"{"timestamp":5,"csp-report":{"a":[]}}"#,
                    "metadata": {"timestamp": 5, "csp-report": {"a": []}},
                    "timestamp": 5,
                }),
            ),
            ("{}", json!({"message": "{}", "metadata": {}})),
        ] {
            assert_eq!(made(object, event), expected, "{object}");
        }
    }
}
