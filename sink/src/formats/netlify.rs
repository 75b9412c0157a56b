//! Netlify's log drains: traffic, and what functions print.

use event_schemas::Value;

use crate::fields::{self, Fields, named, string};

/// What a line of traffic is made of.
const TRAFFIC: [&str; 7] =
    ["log_type", "method", "status_code", "client_ip", "request_id", "url", "user_agent"];

/// A composed message over the entry. An entry that tells of no request keeps its own message.
pub(super) fn event(mut object: Fields<'_>) -> Value<'_> {
    let timestamp = fields::take(&mut object, "timestamp");
    let is_request = fields::get(&object, "url").is_some();
    let message = match fields::get(&object, "message") {
        Some(message) if !is_request => fields::shown(Some(message)).into_owned(),
        _ => TRAFFIC.map(|name| fields::shown(fields::get(&object, name))).join(" | "),
    };
    let mut event =
        vec![named("message", string(message)), named("metadata", Value::Object(object))];
    event.extend(timestamp.map(|timestamp| named("timestamp", timestamp)));
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn composes_a_message() {
        for (object, expected) in [
            (
                r#"{"log_type":"traffic","timestamp":"t","method":"GET","status_code":200,
                    "client_ip":"1.2.3.4","request_id":"r","url":"https://x/y","user_agent":"ua"}"#,
                json!({
                    "message": "traffic | GET | 200 | 1.2.3.4 | r | https://x/y | ua",
                    "timestamp": "t",
                    "metadata": {
                        "log_type": "traffic", "method": "GET", "status_code": 200,
                        "client_ip": "1.2.3.4", "request_id": "r", "url": "https://x/y",
                        "user_agent": "ua",
                    },
                }),
            ),
            (
                r#"{"log_type":"functions","message":"hello","timestamp":1}"#,
                json!({
                    "message": "hello", "timestamp": 1,
                    "metadata": {"log_type": "functions", "message": "hello"},
                }),
            ),
            (
                r#"{"log_type":"x"}"#,
                json!({
                    "message": "x |  |  |  |  |  | ", "metadata": {"log_type": "x"},
                }),
            ),
        ] {
            assert_eq!(made(object, event), expected, "{object}");
        }
    }
}
