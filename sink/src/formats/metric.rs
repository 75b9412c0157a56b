//! Vector's `native_json`: `{"log": {…}}`, `{"trace": {…}}`, `{"metric": {…}}`, and what becomes of
//! a metric.

use event_schemas::Value;

use crate::fields::{Fields, named, string, take};

/// The fields in which a metric keeps its value, each an object.
const KINDS: [&str; 7] = [
    "counter",
    "gauge",
    "set",
    "distribution",
    "aggregated_histogram",
    "aggregated_summary",
    "sketch",
];

/// The event in its wrapping. An object with other fields, or with something else in that one, is
/// an event itself.
pub(super) fn untagged(mut object: Fields<'_>) -> Value<'_> {
    if object.len() == 1
        && let Some((name, value)) = object.pop()
    {
        match (name.as_ref(), value) {
            ("log" | "trace", event @ Value::Object(_)) => return event,
            ("metric", Value::Object(metric)) => return event(metric),
            (_, value) => object.push((name, value)),
        }
    }
    Value::Object(object)
}

/// A metric as an event: its name is the message, the parts of its value are fields.
pub(crate) fn event(mut metric: Fields<'_>) -> Value<'_> {
    let name = take(&mut metric, "name").unwrap_or(Value::Null);
    let kind = KINDS.into_iter().find_map(|kind| Some((kind, take(&mut metric, kind)?)));
    let mut event = vec![
        named("event_message", name),
        named("metadata", Value::Object(vec![named("type", string("metric"))])),
    ];
    // Time, namespace, tags, and whether the value is absolute.
    event.append(&mut metric);
    if let Some((kind, value)) = kind {
        event.push(named("metric_type", string(kind)));
        match value {
            Value::Object(parts) => event.extend(parts),
            other => event.push(named("value", other)),
        }
    }
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::formats::testing::made;

    #[test]
    fn unwraps_what_native_json_wraps() {
        for (object, expected) in [
            (r#"{"log":{"message":"m"}}"#, json!({"message": "m"})),
            (r#"{"trace":{"span":1}}"#, json!({"span": 1})),
            (r#"{"log":"text"}"#, json!({"log": "text"})),
            (r#"{"log":{"a":1},"b":2}"#, json!({"log": {"a": 1}, "b": 2})),
            (r#"{"other":{"a":1}}"#, json!({"other": {"a": 1}})),
            ("{}", json!({})),
            (
                r#"{"metric":{"name":"requests","namespace":"n","tags":{"a":"b"},
                    "timestamp":"2026-11-20T12:00:00Z","kind":"incremental",
                    "counter":{"value":1.5}}}"#,
                json!({
                    "event_message": "requests", "metadata": {"type": "metric"}, "namespace": "n",
                    "tags": {"a": "b"}, "timestamp": "2026-11-20T12:00:00Z",
                    "kind": "incremental", "metric_type": "counter", "value": 1.5,
                }),
            ),
            (
                r#"{"metric":{"name":"t","kind":"absolute","aggregated_histogram":{
                    "buckets":[{"upper_limit":1.0,"count":2}],"count":2,"sum":1.0}}}"#,
                json!({
                    "event_message": "t", "metadata": {"type": "metric"}, "kind": "absolute",
                    "metric_type": "aggregated_histogram",
                    "buckets": [{"upper_limit": 1.0, "count": 2}], "count": 2, "sum": 1.0,
                }),
            ),
            (
                r#"{"metric":{"gauge":3}}"#,
                json!({
                    "event_message": null, "metadata": {"type": "metric"},
                    "metric_type": "gauge", "value": 3,
                }),
            ),
        ] {
            assert_eq!(made(object, untagged), expected, "{object}");
        }
    }
}
