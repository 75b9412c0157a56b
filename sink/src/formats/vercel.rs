//! Vercel's log drains.

mod lambda;

use event_schemas::Value;

use crate::fields::{self, Fields, named, string};

/// Longest text that is taken apart, in bytes; Lambda cuts what is printed after 256 KB.
const MAX_PRINTED: usize = 1 << 20;

/// A composed message over the entry, what a function printed taken apart in it.
pub(super) fn event(mut object: Fields<'_>) -> Value<'_> {
    let message = string(message(&object));
    let timestamp = fields::get(&object, "timestamp").cloned();
    join_user_agents(&mut object);
    if fields::text(&object, "source") == Some("lambda")
        && let Some(Value::String(printed)) = fields::get(&object, "message")
        && printed.len() <= MAX_PRINTED
    {
        let parsed = lambda::parsed(printed);
        object.push(named("parsedLambdaMessage", parsed));
    }
    let mut event = vec![named("message", message), named("metadata", Value::Object(object))];
    event.extend(timestamp.map(|timestamp| named("timestamp", timestamp)));
    Value::Object(event)
}

/// The request, where there is one, else what was said. (Logflare leaves the text of builds out.)
fn message(object: &Fields<'_>) -> String {
    let source = fields::shown(fields::get(object, "source"));
    if source != "build" && fields::get(object, "proxy").is_some() {
        let part = |name| match fields::deep(object, &["proxy", name]) {
            Some(Value::Array(several)) => joined(several),
            one => fields::shown(one).into_owned(),
        };
        let parts = ["statusCode", "host", "path", "clientIp", "userAgent"].map(part);
        return format!("{source} | {}", parts.join(" | "));
    }
    match fields::get(object, "message") {
        Some(message) => format!("{source} | {}", fields::shown(Some(message))),
        None => source.into_owned(),
    }
}

/// User agents come as a list of one; a text is what can be searched.
fn join_user_agents(object: &mut Fields<'_>) {
    let proxies = object.iter_mut().filter(|(name, _)| name == "proxy");
    for (_, proxy) in proxies {
        let Value::Object(proxy) = proxy else { continue };
        for (_, agents) in proxy.iter_mut().filter(|(name, _)| name == "userAgent") {
            if let Value::Array(several) = agents {
                *agents = string(joined(several));
            }
        }
    }
}

fn joined(values: &[Value<'_>]) -> String {
    let texts: Vec<_> = values.iter().map(|value| fields::shown(Some(value))).collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn composes_a_message() {
        for (object, message) in [
            (
                r#"{"source":"static","proxy":{"statusCode":200,"host":"h","path":"/p",
                    "clientIp":"1.2.3.4","userAgent":["a","b"]}}"#,
                "static | 200 | h | /p | 1.2.3.4 | a,b",
            ),
            (r#"{"source":"edge","proxy":{"statusCode":200}}"#, "edge | 200 |  |  |  | "),
            (r#"{"source":"build","message":"done","proxy":{}}"#, "build | done"),
            (r#"{"source":"build"}"#, "build"),
            (r#"{"source":"external","message":"m"}"#, "external | m"),
        ] {
            assert_eq!(made(object, event)["message"], message, "{object}");
        }
    }

    #[test]
    fn keeps_the_entry() {
        let made = made(
            r#"{"source":"lambda","timestamp":1595552344000,"proxy":{"userAgent":["a"]},
                "message":"END RequestId: x"}"#,
            event,
        );
        assert_eq!(made["timestamp"], 1_595_552_344_000_u64);
        assert_eq!(
            made["metadata"],
            json!({
                "source": "lambda",
                "timestamp": 1_595_552_344_000_u64,
                "proxy": {"userAgent": "a"},
                "message": "END RequestId: x",
                "parsedLambdaMessage": {
                    "request_id": "x", "message_truncated": true, "parse_status": "full",
                },
            })
        );
    }
}
