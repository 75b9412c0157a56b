use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{EntityRef, InstrumentationScope, KeyValue},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
        HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
        SummaryDataPoint, metric::Data,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use prost::Message;

use super::*;
use crate::otlp::value::testing::{attribute, list, map, string};

/// Stands for a text that is no UTF-8; as long as one byte of 0xff and two of ASCII.
const MARK: &str = "x\u{1}x";

fn text() -> String {
    MARK.to_owned()
}

fn attributes() -> Vec<KeyValue> {
    vec![attribute(MARK, list(vec![map(vec![attribute(MARK, string(MARK))])]))]
}

fn resource() -> Option<Resource> {
    let entity = EntityRef {
        schema_url: text(),
        r#type: text(),
        id_keys: vec![text()],
        description_keys: vec![text()],
    };
    Some(Resource { attributes: attributes(), entity_refs: vec![entity], ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    let (name, version) = (text(), text());
    Some(InstrumentationScope { name, version, attributes: attributes(), ..Default::default() })
}

fn logs() -> ExportLogsServiceRequest {
    let log = LogRecord {
        severity_text: text(),
        body: Some(string(MARK)),
        attributes: attributes(),
        trace_id: vec![0xff; 16],
        event_name: text(),
        time_unix_nano: 1,
        flags: 1,
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records: vec![log], schema_url: text() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: resource(), scope_logs, schema_url: text() }],
    }
}

fn traces() -> ExportTraceServiceRequest {
    let span = Span {
        span_id: vec![0xff; 8],
        trace_state: text(),
        name: text(),
        kind: 1,
        attributes: attributes(),
        events: vec![span::Event { name: text(), attributes: attributes(), ..Default::default() }],
        links: vec![span::Link {
            trace_id: vec![0xff; 16],
            trace_state: text(),
            attributes: attributes(),
            ..Default::default()
        }],
        status: Some(Status { message: text(), code: 1 }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { scope: scope(), spans: vec![span], schema_url: text() }];
    let of_resource = ResourceSpans { resource: resource(), scope_spans, schema_url: text() };
    ExportTraceServiceRequest { resource_spans: vec![of_resource] }
}

fn metrics() -> ExportMetricsServiceRequest {
    let exemplars = || {
        vec![Exemplar {
            filtered_attributes: attributes(),
            trace_id: vec![0xff; 16],
            ..Exemplar::default()
        }]
    };
    let numbers = || {
        let (attributes, exemplars) = (attributes(), exemplars());
        vec![NumberDataPoint { attributes, exemplars, ..NumberDataPoint::default() }]
    };
    let histogram = HistogramDataPoint {
        attributes: attributes(),
        exemplars: exemplars(),
        bucket_counts: vec![u64::MAX],
        ..HistogramDataPoint::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        attributes: attributes(),
        exemplars: exemplars(),
        ..ExponentialHistogramDataPoint::default()
    };
    let summary = SummaryDataPoint { attributes: attributes(), ..SummaryDataPoint::default() };
    let metric = |data| Metric {
        name: text(),
        description: text(),
        unit: text(),
        metadata: attributes(),
        data: Some(data),
    };
    let metrics = vec![
        metric(Data::Gauge(Gauge { data_points: numbers() })),
        metric(Data::Sum(Sum { data_points: numbers(), ..Sum::default() })),
        metric(Data::Histogram(Histogram { data_points: vec![histogram], ..Default::default() })),
        metric(Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![exponential],
            ..ExponentialHistogram::default()
        })),
        metric(Data::Summary(Summary { data_points: vec![summary] })),
    ];
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, schema_url: text() }];
    let of_resource = ResourceMetrics { resource: resource(), scope_metrics, schema_url: text() };
    ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
}

/// Every text of `request` is made wrong, and repaired to `x?x`; nothing else is changed.
fn every_text_is_found<T: Message + Default + std::fmt::Debug>(signal: Signal, request: &T) {
    let given = request.encode_to_vec();
    let expected = replaced(&given, b"x?x");
    let mut body = replaced(&given, b"x\xffx");
    assert!(T::decode(body.as_slice()).is_err());
    assert!(repair(signal, &mut body));
    let decoded = T::decode(body.as_slice()).unwrap();
    assert_eq!(body, expected, "{decoded:?}");
    assert!(!repair(signal, &mut body));
}

fn replaced(body: &[u8], with: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let mark = MARK.as_bytes();
    for start in 0..body.len() - mark.len() {
        if body[start..].starts_with(mark) {
            body[start..start + mark.len()].copy_from_slice(with);
        }
    }
    body
}

#[test]
fn every_text_of_every_message_is_found() {
    every_text_is_found(Signal::Logs, &logs());
    every_text_is_found(Signal::Traces, &traces());
    every_text_is_found(Signal::Metrics, &metrics());
}

#[test]
fn only_wrong_bytes_are_replaced() {
    for (given, patched) in [
        (&b"\xff"[..], &b"?"[..]),
        (b"a\xffb\xfe", b"a?b?"),
        // A character that is cut, within a text and at its end.
        (b"\xe2\x82a", b"??a"),
        (b"a\xe2\x82", b"a??"),
        ("é\u{20ac}".as_bytes(), "é\u{20ac}".as_bytes()),
        (b"", b""),
    ] {
        let mut text = given.to_vec();
        patch(&mut text);
        assert_eq!(text, patched);
    }
}

#[test]
fn what_is_no_message_is_left_alone() {
    for body in
        [&b"\x0a\xff"[..], b"\x0a\x7f", b"\x0b\x0c", b"\xff\xff\xff\xff\xff\xff", b"{}", b""]
    {
        let mut repaired = body.to_vec();
        assert!(!repair(Signal::Logs, &mut repaired));
        assert_eq!(repaired, body);
    }
}
