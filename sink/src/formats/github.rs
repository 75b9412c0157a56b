//! GitHub's webhooks.

use event_schemas::Value;

use crate::fields::{self, Fields, named, string};

/// `repository | sender | action` over the payload, without the many links in it.
pub(super) fn event(object: Fields<'_>) -> Value<'_> {
    let shown = |path: &[&str]| fields::shown(fields::deep(&object, path)).into_owned();
    let message = format!(
        "{} | {} | {}",
        shown(&["repository", "full_name"]),
        shown(&["sender", "login"]),
        shown(&["action"])
    );
    let metadata = without_links(Value::Object(object));
    Value::Object(vec![named("message", string(message)), named("metadata", metadata)])
}

fn without_links(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(name, _)| !name.ends_with("_url"));
            Value::Object(fields.map(|(name, value)| (name, without_links(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_links).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn says_who_did_what_where() {
        for (object, expected) in [
            (
                r#"{"action":"opened","repository":{"full_name":"o/r","keys_url":"x","url":"u"},
                    "sender":{"login":"me"},"commits":[{"html_url":"x","id":1}]}"#,
                json!({
                    "message": "o/r | me | opened",
                    "metadata": {
                        "action": "opened",
                        "repository": {"full_name": "o/r", "url": "u"},
                        "sender": {"login": "me"},
                        "commits": [{"id": 1}],
                    },
                }),
            ),
            (
                r#"{"zen":"x","repository":5}"#,
                json!({
                    "message": " |  | ", "metadata": {"zen": "x", "repository": 5},
                }),
            ),
        ] {
            assert_eq!(made(object, event), expected, "{object}");
        }
    }
}
