//! Log records.
//!
//! Logflare's keys, and `event_name` and `project` besides. Left out: flags, counts of what the
//! sender dropped, schema URLs.

use std::borrow::Cow;

use event_schemas::Value;
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest, logs::v1::LogRecord,
};

use super::{
    origin::Origin,
    value::{self, Fields},
};
use crate::records::{Record, Records};

/// One record for each log record, in their order.
pub(super) fn find(request: &ExportLogsServiceRequest, records: &mut dyn Records) {
    for of_resource in &request.resource_logs {
        for of_scope in &of_resource.scope_logs {
            let origin = Origin::of(of_resource.resource.as_ref(), of_scope.scope.as_ref());
            for log in &of_scope.log_records {
                if records.is_full() {
                    return;
                }
                records.record(Record::Value(record(log, &origin)));
            }
        }
    }
}

fn record<'a>(log: &'a LogRecord, origin: &Origin<'a>) -> Value<'a> {
    let body = log.body.as_ref().map_or(Value::Null, value::any);
    let mut fields = Fields::of_type("otel_log");
    fields.value("event_message", message(&body, &log.event_name));
    fields.timestamp(&[log.time_unix_nano, log.observed_time_unix_nano]);
    fields.value("body", body);
    fields.text("event_name", &log.event_name);
    fields.attributes(&log.attributes);
    fields.value("severity_number", value::integer(log.severity_number));
    fields.text("severity_text", &log.severity_text);
    fields.id("trace_id", &log.trace_id);
    fields.id("span_id", &log.span_id);
    origin.mark(&mut fields);
    fields.into_value()
}

/// The text for people: the body where it is one, else the event's name, else the body's JSON.
fn message<'a>(body: &Value<'a>, event_name: &'a str) -> Value<'a> {
    match body {
        Value::String(text) if !text.is_empty() => Value::String(text.clone()),
        Value::Null => value::text(event_name),
        _ if !event_name.is_empty() => value::text(event_name),
        Value::String(_) => Value::Null,
        other => Value::String(Cow::Owned(other.to_json())),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, any_value},
        logs::v1::{ResourceLogs, ScopeLogs},
    };

    use super::*;
    use crate::{
        otlp::value::testing::{attribute, map, string, value},
        records::testing::Kept,
    };

    const NOON: u64 = 1_795_176_000_000_000_123;

    fn records(of_scope: ScopeLogs) -> Vec<String> {
        let of_resource = ResourceLogs { scope_logs: vec![of_scope], ..ResourceLogs::default() };
        let request = ExportLogsServiceRequest { resource_logs: vec![of_resource] };
        let mut kept = Kept::default();
        find(&request, &mut kept);
        kept.records
    }

    fn of(log: LogRecord) -> serde_json::Value {
        let found = records(ScopeLogs { log_records: vec![log], ..ScopeLogs::default() });
        assert_eq!(found.len(), 1);
        serde_json::from_str(&found[0]).unwrap()
    }

    #[test]
    fn a_log_record_has_its_keys() {
        let log = LogRecord {
            time_unix_nano: NOON,
            observed_time_unix_nano: NOON + 1,
            severity_number: 17,
            severity_text: "ERROR".to_owned(),
            body: Some(string("it failed")),
            attributes: vec![attribute("http.status", value(any_value::Value::IntValue(500)))],
            trace_id: (0xf0..=0xff).collect(),
            span_id: vec![0xEE; 8],
            event_name: "failure".to_owned(),
            ..LogRecord::default()
        };
        assert_eq!(
            of(log),
            serde_json::json!({
                "metadata": {"type": "otel_log"},
                "event_message": "it failed",
                "event_name": "failure",
                "timestamp": NOON,
                "body": "it failed",
                "attributes": {"http.status": 500},
                "severity_number": 17,
                "severity_text": "ERROR",
                "trace_id": "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
                "span_id": "eeeeeeeeeeeeeeee",
            })
        );
    }

    #[test]
    fn nothing_needs_to_be_there() {
        let bare = serde_json::json!({"metadata": {"type": "otel_log"}, "severity_number": 0});
        assert_eq!(of(LogRecord::default()), bare);
        assert_eq!(records(ScopeLogs::default()), Vec::<String>::new());
    }

    #[test]
    fn the_time_of_observation_stands_in() {
        let log = LogRecord { observed_time_unix_nano: NOON, ..LogRecord::default() };
        assert_eq!(of(log)["timestamp"], NOON);
    }

    #[test]
    fn there_is_a_message_where_there_can_be_one() {
        let fields = || map(vec![attribute("a.b", string("c"))]);
        for (body, event_name, message) in [
            (Some(string("text")), "name", Some("text")),
            (Some(string("")), "name", Some("name")),
            (Some(string("")), "", None),
            (Some(fields()), "name", Some("name")),
            (Some(fields()), "", Some(r#"{"a.b":"c"}"#)),
            (Some(value(any_value::Value::IntValue(0))), "", Some("0")),
            (Some(value(any_value::Value::BytesValue(vec![1]))), "", Some("AQ==")),
            (Some(AnyValue::default()), "", None),
            (None, "name", Some("name")),
            (None, "", None),
        ] {
            let log = LogRecord { body, event_name: event_name.to_owned(), ..LogRecord::default() };
            assert_eq!(of(log)["event_message"].as_str(), message, "{event_name} {message:?}");
        }
    }
}
