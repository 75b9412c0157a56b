use event_schemas::{Event, parse};
use opentelemetry_proto::tonic::{
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data},
    trace::v1::{ResourceSpans, ScopeSpans, Span, span},
};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::{
    otlp::value::testing::{list, map, string},
    records::testing::Kept,
};

fn decoded(signal: Signal, format: Format, body: &[u8]) -> Result<Vec<String>, IngestError> {
    let mut kept = Kept::default();
    let decoder = Decoder { signal, format: Some(format) };
    decoder.needs(body)?;
    decoder.decode(body.to_vec(), &mut kept).map(|()| kept.records)
}

/// The records of an export of one span, metric or log record, given as JSON.
fn records(signal: Signal, item: &Value) -> Vec<Value> {
    let body = match signal {
        Signal::Logs => json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [item]}]}]}),
        Signal::Traces => json!({"resourceSpans": [{"scopeSpans": [{"spans": [item]}]}]}),
        Signal::Metrics => json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [item]}]}]}),
    };
    let records = decoded(signal, Format::Json, body.to_string().as_bytes()).unwrap();
    records.iter().map(|record| serde_json::from_str(record).unwrap()).collect()
}

fn record(signal: Signal, item: &Value) -> Value {
    let mut records = records(signal, item);
    assert_eq!(records.len(), 1, "{item}");
    records.remove(0)
}

/// The fields of an event as it is stored, without its id.
fn event(record: &str) -> Value {
    let mut body = Vec::new();
    Event::normalise(parse(record).unwrap(), 0).unwrap().write_body(&mut body);
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    body.as_object_mut().unwrap().remove("id");
    body
}

/// The examples that OTLP's specification has.
const LOGS: &str = include_str!("../../../fixtures/otlp/logs.json");
const TRACE: &str = include_str!("../../../fixtures/otlp/trace.json");
const METRICS: &str = include_str!("../../../fixtures/otlp/metrics.json");

#[test]
fn the_specification_s_log_becomes_an_event() {
    let records = decoded(Signal::Logs, Format::Json, LOGS.as_bytes()).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(
        event(&records[0]),
        json!({
            "timestamp": 1_544_712_660_300_000_i64,
            "event_message": "Example log record",
            "metadata": {"type": "otel_log"},
            "body": "Example log record",
            "severity_number": 10,
            "severity_text": "Information",
            "trace_id": "5b8efff798038103d269b633813fc60c",
            "span_id": "eee19b7ec3c1b174",
            "attributes": {
                "_string_attribute": "some string",
                "_boolean_attribute": true,
                "_int_attribute": 10,
                "_double_attribute": 637.704,
                "_array_attribute": ["many", "values"],
                "_map_attribute": {"_some_map_key": "some value"},
            },
            "resource": {"_service_name": "my.service"},
            "scope": {
                "name": "my.library",
                "version": "1.0.0",
                "attributes": {"_my_scope_attribute": "some scope attribute"},
            },
            "project": "my.service",
        })
    );
}

#[test]
fn the_specification_s_span_and_metrics_become_records() {
    let spans = decoded(Signal::Traces, Format::Json, TRACE.as_bytes()).unwrap();
    assert_eq!(spans.len(), 1);
    let span = event(&spans[0]);
    for (name, value) in [
        ("event_message", json!("I'm a server span")),
        ("trace_id", json!("5b8efff798038103d269b633813fc60c")),
        ("parent_span_id", json!("eee19b7ec3c1b173")),
        ("kind", json!("Server")),
        ("start_time", json!(1_544_712_660_000_000_000_i64)),
        ("end_time", json!(1_544_712_661_000_000_000_i64)),
        ("timestamp", json!(1_544_712_660_000_000_i64)),
    ] {
        assert_eq!(span[name], value, "{name}");
    }
    let points = decoded(Signal::Metrics, Format::Json, METRICS.as_bytes()).unwrap();
    let points: Vec<Value> = points.iter().map(|point| event(point)).collect();
    let of_all = |name: &str| points.iter().map(|point| point[name].clone()).collect::<Vec<_>>();
    assert_eq!(of_all("metric_type"), ["sum", "gauge", "histogram", "exponential_histogram"]);
    assert_eq!(of_all("value"), [json!(5.0), json!(10.0), Value::Null, Value::Null]);
    assert_eq!(points[3]["zero_count"], 1);
    assert_eq!(points[3]["positive"], json!({"offset": 1, "bucket_counts": [0, 2]}));
}

/// A log record with one attribute `k`.
fn with_attribute(value: &Value) -> Value {
    json!({"attributes": [{"key": "k", "value": value}]})
}

#[test]
fn values_in_json_are_taken_as_they_are_sent() {
    for (value, expected) in [
        // Whole numbers of 64 bits are strings, or numbers.
        (json!({"intValue": 7}), json!(7)),
        (json!({"intValue": "-7"}), json!(-7)),
        (json!({"intValue": 1e20}), json!(1e20)),
        (json!({"intValue": "7.5"}), json!("7.5")),
        (json!({"doubleValue": 7}), json!(7.0)),
        (json!({"doubleValue": "7.5"}), json!(7.5)),
        (json!({"doubleValue": "NaN"}), json!("NaN")),
        (json!({"boolValue": true, "unknown": {}}), json!(true)),
        (json!({"string_value": "a_b"}), json!("a_b")),
        (json!({"bytesValue": "-_8"}), json!("-_8")),
        // What is empty may be left out.
        (json!({}), Value::Null),
        (Value::Null, Value::Null),
        (json!({"arrayValue": {}}), json!([])),
        (json!({"arrayValue": {"values": [{}, {"intValue": 1}]}}), json!([null, 1])),
        (json!({"kvlistValue": {}}), json!({})),
        (json!({"kvlistValue": {"values": [{"value": {"intValue": 1}}]}}), json!({"": 1})),
    ] {
        let record = record(Signal::Logs, &with_attribute(&value));
        assert_eq!(record["attributes"]["k"], expected, "{value}");
    }
}

#[test]
fn log_records_in_json_are_taken_as_they_are_sent() {
    let (noon, hex) = (1_795_176_000_000_000_123_i64, "0102030405060708");
    for (log, name, value) in [
        (json!({"timeUnixNano": noon}), "timestamp", json!(noon)),
        (
            json!({"timeUnixNano": null, "observedTimeUnixNano": noon.to_string()}),
            "timestamp",
            json!(noon),
        ),
        (json!({"attributes": [{"value": {"intValue": 1}}]}), "attributes", json!({"": 1})),
        (json!({"attributes": null, "body": {"stringValue": "b"}}), "body", json!("b")),
        // Enumerations are numbers, or names.
        (json!({"severityNumber": "SEVERITY_NUMBER_WARN"}), "severity_number", json!(13)),
        (json!({"severityNumber": "13"}), "severity_number", json!(13)),
        (json!({"severityNumber": "loud"}), "severity_number", json!(0)),
        // Ids are hexadecimal; base64 comes too, and what is neither is lost.
        (json!({"spanId": "AbCdEf0102030405"}), "span_id", json!("abcdef0102030405")),
        (json!({"spanId": "AQIDBAUGBwg="}), "span_id", json!(hex)),
        (json!({"spanId": ""}), "span_id", Value::Null),
        (json!({"traceId": "\u{fffd}x"}), "trace_id", Value::Null),
        // Names as protobuf has them.
        (json!({"severity_text": "a_b"}), "severity_text", json!("a_b")),
        (json!({"trace_id": "", "span_id": hex}), "span_id", json!(hex)),
    ] {
        assert_eq!(record(Signal::Logs, &log)[name], value, "{log}");
    }
    let odd = json!({"resourceLogs": [{"resource": {"entityRefs": [{"type": "service"}]},
        "scopeLogs": [{"logRecords": [{}]}], "unknown": 1}]});
    let found = decoded(Signal::Logs, Format::Json, odd.to_string().as_bytes()).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn spans_in_json_are_taken_as_they_are_sent() {
    let hex = "0102030405060708";
    let error = json!({"code": "STATUS_CODE_ERROR", "message": "m"});
    for (span, name, value) in [
        (json!({"kind": "SPAN_KIND_CLIENT"}), "kind", json!("Client")),
        (json!({"status": error}), "status", json!({"code": "Error", "message": "m"})),
        (json!({"links": [{"spanId": hex}]}), "links", json!([{"span_id": hex}])),
    ] {
        assert_eq!(record(Signal::Traces, &span)[name], value, "{span}");
    }
}

/// A part that cannot be read would lose a whole metric without a word.
#[test]
fn points_in_json_are_taken_as_they_are_sent() {
    let sum = |point: Value| json!({"name": "m", "sum": {"dataPoints": [point]}});
    let histogram = |point: Value| json!({"name": "m", "histogram": {"dataPoints": [point]}});
    let delta =
        json!({"aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "dataPoints": [{}]});
    let quantiles = json!({"dataPoints": [{"quantileValues": [{"quantile": 0.5}]}]});
    let odd = json!({"asInt": 1, "attributes": null, "exemplars": [{"wrong": []}]});
    for (metric, name, value) in [
        (sum(json!({"asInt": "12"})), "value", json!(12)),
        (sum(json!({"asInt": 12})), "value", json!(12)),
        (sum(json!({"asDouble": "1.5"})), "value", json!(1.5)),
        (sum(json!({"asDouble": "NaN"})), "value", Value::Null),
        (sum(odd), "value", json!(1)),
        (json!({"name": "m", "sum": delta}), "aggregation_temporality", json!("delta")),
        (
            histogram(json!({"count": "2", "sum": "2.5", "min": null, "max": "Infinity"})),
            "sum",
            json!(2.5),
        ),
        (histogram(json!({"count": 2, "bucketCounts": [1, "1"]})), "bucket_counts", json!([1, 1])),
        (
            json!({"name": "m", "summary": quantiles}),
            "quantile_values",
            json!([{"quantile": 0.5, "value": 0.0}]),
        ),
    ] {
        assert_eq!(record(Signal::Metrics, &metric)[name], value, "{metric}");
    }
}

#[test]
fn deep_values_keep_their_depth() {
    let mut value = json!({"stringValue": "core"});
    let mut expected = "\"core\"".to_owned();
    for _ in 0..20 {
        value = json!({"arrayValue": {"values": [value]}});
        expected = format!("[{expected}]");
    }
    assert_eq!(record(Signal::Logs, &json!({"body": value}))["body"].to_string(), expected);
}

fn export_of(logs: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records: logs, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn named(event_name: &str) -> LogRecord {
    LogRecord { event_name: event_name.to_owned(), ..LogRecord::default() }
}

#[test]
fn several_requests_are_as_one() {
    let messages = |format, body: &[u8]| -> Vec<Value> {
        let records = decoded(Signal::Logs, format, body).unwrap();
        records.iter().map(|record| event(record)["event_message"].clone()).collect()
    };
    let one = export_of(vec![named("a"), named("b")]);
    let other = export_of(vec![named("c")]);
    let body = [one.encode_to_vec(), other.encode_to_vec()].concat();
    assert_eq!(messages(Format::Protobuf, &body), ["a", "b", "c"]);
    let body = serde_json::to_vec(&[one, other]).unwrap();
    assert_eq!(messages(Format::Json, &body), ["a", "b", "c"]);
    assert_eq!(messages(Format::Json, b"[]"), Vec::<Value>::new());
    assert_eq!(messages(Format::Json, b"{}"), Vec::<Value>::new());
}

#[test]
fn says_what_is_wrong() {
    for (format, body, reason) in [
        (Format::Protobuf, &b"\x0a\xff"[..], "the body is no export of logs in OTLP's protobuf: "),
        (Format::Protobuf, b"{}", "the body is no export of logs in OTLP's protobuf: "),
        (Format::Json, b"{", "the body is no export of logs in OTLP's JSON: EOF"),
        (Format::Json, b"[5]", "the body is no export of logs in OTLP's JSON: invalid type"),
        (Format::Json, b"\"x\"", "the body is no export of logs in OTLP's JSON: invalid type"),
        (Format::Json, br#"{"resourceLogs":7}"#, "invalid type: integer `7`"),
    ] {
        let error = decoded(Signal::Logs, format, body).unwrap_err();
        assert!(matches!(error, IngestError::NotOtlp { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(Format::of(b"[{}]"), Format::Json);
    assert_eq!(Format::of(b"{}"), Format::Json);
    // A line feed to JSON is a field's number to protobuf.
    assert_eq!(Format::of(b"\n{"), Format::Protobuf);
    assert_eq!(Format::of(b""), Format::Protobuf);
}

#[test]
fn a_text_that_is_no_utf_8_refuses_nothing() {
    let mut body = export_of(vec![named("ab"), named("c")]).encode_to_vec();
    let last = body.len() - 1;
    body[last] = 0xff;
    let records = decoded(Signal::Logs, Format::Protobuf, &body).unwrap();
    let messages: Vec<_> = records.iter().map(|log| event(log)["event_message"].clone()).collect();
    assert_eq!(messages, ["ab", "?"]);
}

/// Exports of all kinds, to be damaged.
fn bodies() -> Vec<Vec<u8>> {
    let log = LogRecord {
        body: Some(map(vec![crate::otlp::value::testing::attribute("k", list(vec![string("v")]))])),
        trace_id: vec![1; 16],
        time_unix_nano: 1_795_176_000_000_000_000,
        ..named("n")
    };
    let span = Span {
        events: vec![span::Event::default()],
        links: vec![span::Link::default()],
        ..Span::default()
    };
    let metric = Metric {
        data: Some(Data::Gauge(Gauge { data_points: vec![NumberDataPoint::default()] })),
        ..Metric::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    vec![
        export_of(vec![log]).encode_to_vec(),
        ExportTraceServiceRequest { resource_spans }.encode_to_vec(),
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec(),
        LOGS.as_bytes().to_vec(),
        TRACE.as_bytes().to_vec(),
        METRICS.as_bytes().to_vec(),
    ]
}

fn never_panics(body: &[u8]) {
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        for format in [Format::Protobuf, Format::Json] {
            for found in decoded(signal, format, body).into_iter().flatten() {
                // Whatever was found is JSON; what is unreadable is told of.
                assert!(parse(&found).is_ok() || found.contains(" !! "), "{found}");
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        never_panics(&body);
    }

    #[test]
    fn damaged_bodies_never_panic(
        which in 0_usize..6,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = bodies().swap_remove(which);
        for (place, byte) in damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        never_panics(&body);
    }

    #[test]
    fn odd_json_never_panics(body in r#"[\[\]{}:,"0-9eE.-]{0,20}|\{"(resourceLogs|resource_spans)":\[.{0,30}\]\}"#) {
        never_panics(body.as_bytes());
    }
}

#[test]
fn reads_only_so_many_values() {
    let delimited = |tag: u8, inner: &[u8]| {
        let mut message = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut message);
        [&message, inner].concat()
    };
    let export = |inner: &[u8]| delimited(0x0a, &delimited(0x12, inner));
    let histogram = |values: usize| {
        let bounds = delimited(0x3a, &vec![0; values * 8]);
        delimited(0x12, &delimited(0x4a, &delimited(0x0a, &bounds)))
    };
    let exponential = |values: usize| {
        let buckets = delimited(0x42, &delimited(0x12, &vec![0; values]));
        delimited(0x12, &delimited(0x52, &delimited(0x0a, &buckets)))
    };
    let links = |values: usize| delimited(0x12, &b"\x6a\x00".repeat(values));
    let items = |weight: usize| move |values: usize| b"\x12\x00".repeat(values / weight);
    let attributes = |values: usize| delimited(0x12, &b"\x32\x00".repeat(values));
    for (signal, of) in [
        (Signal::Metrics, &histogram as &dyn Fn(usize) -> Vec<u8>),
        (Signal::Metrics, &exponential),
        (Signal::Traces, &links),
        (Signal::Traces, &items(4)),
        (Signal::Logs, &items(2)),
        (Signal::Logs, &attributes),
    ] {
        let few = export(&of(MAX_BODY_VALUES - 20));
        let needs = Decoder { signal, format: None }.load(&few).unwrap().values;
        assert!((MAX_BODY_VALUES - 30..=MAX_BODY_VALUES).contains(&needs), "{needs}");
        let error = decoded(signal, Format::Protobuf, &export(&of(MAX_BODY_VALUES + 9)));
        assert!(matches!(error, Err(IngestError::TooManyValues)), "{signal:?}");
    }
    let json = |count: usize| {
        let spans = vec!["{}"; count].join(",");
        // What is no UTF-8 ends no count.
        [
            b"{\"\xff\":0,\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[",
            spans.as_bytes(),
            b"]}]}]}",
        ]
        .concat()
    };
    assert_eq!(decoded(Signal::Traces, Format::Json, &json(1000)).unwrap().len(), 1000);
    let error = decoded(Signal::Traces, Format::Json, &json(MAX_BODY_VALUES / 2));
    assert!(matches!(error, Err(IngestError::TooManyValues)), "{error:?}");
}

/// Refuses values with U+0000, but for names, which are made fit for columns later.
struct Storable(usize);

impl Records for Storable {
    fn route(&mut self, _: crate::request::Route) {}

    fn record(&mut self, record: crate::records::Record<'_>) {
        let shown = format!("{record:?}");
        assert!(!shown.contains("\\0") && shown.contains("c\u{fffd}"), "{shown}");
        self.0 += 1;
    }
}

#[test]
fn no_text_keeps_what_postgres_cannot_store() {
    let log = LogRecord {
        body: Some(string("a\0b")),
        severity_text: "c\0".to_owned(),
        event_name: "\0d".to_owned(),
        ..LogRecord::default()
    };
    let named = LogRecord { body: None, ..log.clone() };
    let listed = LogRecord { body: Some(list(vec![string("\0")])), ..log.clone() };
    let body = export_of(vec![log, named, listed]).encode_to_vec();
    let mut storable = Storable(0);
    Decoder { signal: Signal::Logs, format: None }.decode(body, &mut storable).unwrap();
    assert_eq!(storable.0, 3);
}
