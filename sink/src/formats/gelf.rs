//! GELF, Graylog's format, which calls the message by another name.

use event_schemas::Value;

use crate::fields::{self, named};

/// An object of that format gets its `short_message` for a message. Everything else is as it is.
pub(super) fn event(value: Value<'_>) -> Value<'_> {
    let Value::Object(mut object) = value else { return value };
    let has = |name| fields::get(&object, name).is_some();
    if has("version")
        && has("host")
        && !has("message")
        && !has("event_message")
        && let Some(message) = fields::get(&object, "short_message").cloned()
    {
        object.push(named("event_message", message));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn gives_gelf_a_message() {
        for (object, message) in [
            (r#"{"version":"1.1","host":"h","short_message":"m"}"#, json!("m")),
            (r#"{"version":"1.1","host":"h","short_message":"m","message":"own"}"#, json!(null)),
            (r#"{"short_message":"m"}"#, json!(null)),
        ] {
            let made = made(object, |fields| event(Value::Object(fields)));
            assert_eq!(made["event_message"], message, "{object}");
        }
    }
}
