//! Vector's events as its sources make them: everything but message and time becomes metadata.

use event_schemas::Value;

use crate::fields::{self, Fields, named, string};

/// `{"message", "timestamp", "metadata": the other fields}`. A message lets the project stand at
/// the top too, where it is looked for. Without one the metadata's JSON is the message.
///
/// Logflare fails without a `timestamp`; here such an event has the time of its arrival.
pub(super) fn event(mut object: Fields<'_>) -> Value<'_> {
    let timestamp = fields::take(&mut object, "timestamp");
    let message = fields::take(&mut object, "message").filter(|message| *message != Value::Null);
    let project = message.as_ref().and_then(|_| fields::get(&object, "project")).cloned();
    let metadata = Value::Object(object);
    let message = message.unwrap_or_else(|| string(metadata.to_json()));
    let mut event = vec![named("message", message), named("metadata", metadata)];
    event.extend(timestamp.map(|timestamp| named("timestamp", timestamp)));
    event.extend(project.map(|project| named("project", project)));
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn parts_the_message_from_the_rest() {
        for (object, expected) in [
            (
                r#"{"timestamp":"t","message":"m","project":"p","host":"h"}"#,
                json!({
                    "message": "m", "timestamp": "t", "project": "p",
                    "metadata": {"project": "p", "host": "h"},
                }),
            ),
            (r#"{"message":"m","host":"h"}"#, json!({"message": "m", "metadata": {"host": "h"}})),
            (
                r#"{"timestamp":1,"project":"p","host":"h"}"#,
                json!({
                    "message": r#"{"project":"p","host":"h"}"#, "timestamp": 1,
                    "metadata": {"project": "p", "host": "h"},
                }),
            ),
            (r#"{"message":null}"#, json!({"message": "{}", "metadata": {}})),
        ] {
            assert_eq!(made(object, event), expected, "{object}");
        }
    }
}
