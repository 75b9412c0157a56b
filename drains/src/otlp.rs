//! OpenTelemetry's logs over HTTP, in protobuf or JSON.

use std::collections::BTreeMap;

use event_schemas::{Value as EventValue, members};
use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse},
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
};
use prost::Message as _;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    event::{Event, Parts, distinct, flattened},
    http::{Answer, Request, flag_of, headers, text_of},
    outcome::Outcome,
    receiver::Form,
};

pub(crate) struct Otlp {
    url: String,
    json: bool,
    gzip: bool,
    headers: Vec<(String, String)>,
    /// Whether objects become attributes of dotted names.
    flat: bool,
}

impl Otlp {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        Self {
            url: logs_url(&text_of(config, "endpoint")),
            json: text_of(config, "protocol") == "http/json",
            gzip: flag_of(config, "gzip"),
            headers: headers(config),
            flat: flag_of(config, "flatten_to_attributes"),
        }
    }

    fn export(&self, events: &[Event<'_>]) -> ExportLogsServiceRequest {
        let mut by_source: BTreeMap<&str, Vec<LogRecord>> = BTreeMap::new();
        for event in events {
            by_source.entry(event.source).or_default().push(self.record(&event.parts()));
        }
        let resource_logs = by_source.into_iter().map(|(source, log_records)| {
            let attributes = vec![attribute("service.name", text(source))];
            let scope = InstrumentationScope { name: "logweir".to_owned(), ..Default::default() };
            ResourceLogs {
                resource: Some(Resource { attributes, ..Default::default() }),
                scope_logs: vec![ScopeLogs {
                    scope: Some(scope),
                    log_records,
                    ..Default::default()
                }],
                ..Default::default()
            }
        });
        ExportLogsServiceRequest { resource_logs: resource_logs.collect() }
    }

    fn record(&self, parts: &Parts<'_>) -> LogRecord {
        let time = u64::try_from(parts.timestamp).unwrap_or_default().saturating_mul(1000);
        let severity_text = level(&parts.fields).unwrap_or_default();
        let mut attributes = vec![attribute("id", text(&parts.id))];
        if self.flat {
            let flat = distinct(flattened(&parts.fields, "."), &["id"]);
            attributes.extend(flat.iter().map(|(name, value)| attribute(name, text(value))));
        } else {
            let fields = members(&parts.fields);
            attributes.extend(fields.map(|(name, value)| attribute(name, any(value))));
        }
        LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: time,
            severity_number: severity(&severity_text),
            severity_text,
            body: Some(text(&parts.message)),
            attributes,
            ..LogRecord::default()
        }
    }
}

impl Form for Otlp {
    fn request(&self, events: &[Event<'_>]) -> Request {
        let export = self.export(events);
        let (content_type, body) = if self.json {
            // Lists, numbers and strings always become JSON.
            ("application/json", serde_json::to_vec(&export).unwrap_or_default())
        } else {
            ("application/x-protobuf", export.encode_to_vec())
        };
        let request = Request::post(&self.url, content_type, body).chosen(&self.headers);
        if self.gzip { request.gzip() } else { request }
    }

    fn outcome(&self, answer: &Answer, _events: &[Event<'_>]) -> Outcome {
        let outcome = answer.outcome();
        if outcome != Outcome::Delivered {
            return outcome;
        }
        let response: Option<ExportLogsServiceResponse> = if self.json {
            serde_json::from_slice(&answer.body).ok()
        } else {
            ExportLogsServiceResponse::decode(answer.body.as_slice()).ok()
        };
        let partial = response.and_then(|response| response.partial_success);
        let refused = partial.as_ref().map_or(0, |partial| partial.rejected_log_records);
        match (usize::try_from(refused).unwrap_or_default(), partial) {
            (unnamed @ 1.., Some(partial)) => Outcome::Partly {
                refused: Vec::new(),
                unnamed,
                later: Vec::new(),
                of_events: false,
                reason: partial.error_message,
            },
            _ => Outcome::Delivered,
        }
    }
}

/// The endpoint; where that names no path, the usual one.
fn logs_url(endpoint: &str) -> String {
    match Url::parse(endpoint) {
        Ok(mut url) if url.path() == "/" => {
            url.set_path("/v1/logs");
            url.into()
        }
        _ => endpoint.to_owned(),
    }
}

fn attribute(name: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) }
}

fn any(value: &EventValue<'_>) -> AnyValue {
    let value = match value {
        EventValue::Null => None,
        EventValue::Bool(flag) => Some(any_value::Value::BoolValue(*flag)),
        EventValue::Number(number) => Some(match number.parse() {
            Ok(integer) => any_value::Value::IntValue(integer),
            // What is beyond it has no place in JSON.
            Err(_) => match number.parse::<f64>() {
                Ok(double) if double.is_finite() => any_value::Value::DoubleValue(double),
                _ => any_value::Value::StringValue(number.to_string()),
            },
        }),
        EventValue::String(string) => return text(string),
        EventValue::Array(elements) => {
            let values = elements.iter().map(any).collect();
            Some(any_value::Value::ArrayValue(ArrayValue { values }))
        }
        EventValue::Object(fields) => {
            let values = members(fields).map(|(name, value)| attribute(name, any(value))).collect();
            Some(any_value::Value::KvlistValue(KeyValueList { values }))
        }
    };
    AnyValue { value }
}

/// The event's level: its own, else that of its metadata, or of what Postgres logs.
pub(crate) fn level(fields: &[(std::borrow::Cow<'_, str>, EventValue<'_>)]) -> Option<String> {
    let of = |fields: &[(std::borrow::Cow<'_, str>, EventValue<'_>)], name: &str| {
        let found = fields.iter().find(|(field, _)| field == name);
        match found.map(|(_, value)| value) {
            Some(EventValue::String(level)) => Some(level.to_string()),
            _ => None,
        }
    };
    let metadata = fields.iter().find_map(|(name, value)| match value {
        EventValue::Object(fields) if name == "metadata" => Some(fields.as_slice()),
        _ => None,
    });
    let own = of(fields, "level").or_else(|| of(fields, "severity_text"));
    own.or_else(|| metadata.and_then(|metadata| of(metadata, "level")))
        .or_else(|| metadata.and_then(|metadata| of(metadata, "error_severity")))
}

/// OpenTelemetry's number of a level; 0 where it is none of the usual words.
pub(crate) fn severity(level: &str) -> i32 {
    match level.to_ascii_lowercase().as_str() {
        "trace" => 1,
        "debug" => 5,
        "info" | "log" | "notice" => 9,
        "warn" | "warning" => 13,
        "error" => 17,
        "fatal" | "panic" | "critical" => 21,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    fn otlp(config: Value) -> Otlp {
        Otlp::new(config.as_object().unwrap())
    }

    #[test]
    fn records_are_grouped_by_source() {
        let config = json!({
            "endpoint": "http://c:4318", "protocol": "http/json", "headers": {"x": "y"},
        });
        let json = otlp(config).request(&EVENTS);
        insta::assert_snapshot!(shown::request(&json));
        let protobuf = otlp(json!({"endpoint": "http://c/x", "gzip": false}));
        let request = protobuf.request(&EVENTS);
        assert_eq!(request.url, "http://c/x");
        let export = ExportLogsServiceRequest::decode(request.body.as_slice()).unwrap();
        assert_eq!(export, protobuf.export(&EVENTS));
        let flat = otlp(json!({"endpoint": "http://c", "flatten_to_attributes": true}));
        let record = flat.record(&EVENTS[0].parts());
        let names: Vec<_> = record.attributes.iter().map(|one| one.key.as_str()).collect();
        let expected =
            ["id", "metadata.level", "metadata.host", "metadata.parsed.0.pid", "project"];
        assert_eq!(names, expected);
    }

    #[test]
    fn keys_of_attributes_are_there_once() {
        let body =
            r#"{"id":"a","timestamp":1,"x":{"y":1,"z":1,"z":2},"x.y":2,"n":1e999,"n":2e999}"#;
        let parts = Event { source: "s", body }.parts();
        for (flat, expected) in [
            (false, r#"id="a" x={y=1 z=2} x.y=2 n="2e999""#),
            (true, r#"id="a" x.y="1" x.z="2" x.y_2="2" n="2e999""#),
        ] {
            let config = json!({"endpoint": "http://c", "flatten_to_attributes": flat});
            let record = otlp(config).record(&parts);
            assert_eq!(shown_attributes(&record.attributes), expected);
        }
    }

    fn shown_attributes(attributes: &[KeyValue]) -> String {
        let shown = attributes.iter().map(|KeyValue { key, value, .. }| {
            let value = match value.clone().and_then(|value| value.value) {
                Some(any_value::Value::StringValue(text)) => format!("{text:?}"),
                Some(any_value::Value::IntValue(number)) => number.to_string(),
                Some(any_value::Value::KvlistValue(list)) => {
                    format!("{{{}}}", shown_attributes(&list.values))
                }
                other => format!("{other:?}"),
            };
            format!("{key}={value}")
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_collector_rejects_is_heard() {
        use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;
        let partial = |rejected_log_records| {
            let error_message = "no".to_owned();
            let partial = ExportLogsPartialSuccess { rejected_log_records, error_message };
            let response = ExportLogsServiceResponse { partial_success: Some(partial) };
            let body = response.encode_to_vec();
            let answer = Answer { status: 200, retry_after: None, body };
            otlp(json!({"endpoint": "http://c"})).outcome(&answer, &EVENTS)
        };
        assert_eq!(partial(0), Outcome::Delivered);
        let reason = "no".to_owned();
        assert_eq!(
            partial(2),
            Outcome::Partly {
                refused: vec![],
                unnamed: 2,
                later: vec![],
                of_events: false,
                reason
            }
        );
    }
}
