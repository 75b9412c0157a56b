use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    message::{
        AgentDdSketch, AggregatedHistogram, Bucket, Distribution1, LogArray, Measure, Metric,
        MetricArray, Set, Single, Sketch, TagValue, TagValues, Timestamp, TraceArray, ValueArray,
        ValueMap,
    },
    *,
};
use crate::records::testing::Kept;

fn read(events: Events) -> Vec<serde_json::Value> {
    let message = EventArray { events: Some(events) }.encode_to_vec();
    let mut kept = Kept::default();
    decode(message.into(), &mut kept).unwrap();
    kept.records.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn some(kind: Kind) -> message::Value {
    message::Value { kind: Some(kind) }
}

fn text(text: &'static [u8]) -> message::Value {
    some(Kind::RawBytes(Bytes::from_static(text)))
}

#[test]
fn values_are_as_in_vectors_json() {
    let time = |seconds, nanos| some(Kind::Timestamp(Timestamp { seconds, nanos }));
    let map = |fields| some(Kind::Map(ValueMap { fields }));
    let array = |items| some(Kind::Array(ValueArray { items }));
    for (value, json) in [
        (text("é".as_bytes()), r#""é""#),
        (text(b"a\xff\0"), "\"a\u{fffd}\u{fffd}\""),
        (time(1_795_176_000, 0), r#""2026-11-20T12:00:00Z""#),
        (time(1_795_176_000, 685_000_000), r#""2026-11-20T12:00:00.685Z""#),
        (time(1_795_176_000, 1), r#""2026-11-20T12:00:00.000000001Z""#),
        (time(i64::MAX, 0), "9223372036854775807"),
        (some(Kind::Integer(i64::MIN)), "-9223372036854775808"),
        (some(Kind::Float(0.5)), "0.5"),
        (some(Kind::Float(f64::INFINITY)), "null"),
        (some(Kind::Boolean(true)), "true"),
        (some(Kind::Null(0)), "null"),
        (message::Value::default(), "null"),
        (array(vec![some(Kind::Integer(1)), text(b"x")]), r#"[1,"x"]"#),
        (map(BTreeMap::from([("k".to_owned(), some(Kind::Integer(1)))])), r#"{"k":1}"#),
    ] {
        assert_eq!(super::value(value.kind.as_ref()).to_json(), json);
    }
}

#[test]
fn logs_and_traces_are_events() {
    let fields = BTreeMap::from([("a".to_owned(), some(Kind::Integer(1)))]);
    let of_fields = Log { fields: fields.clone(), value: None };
    let of_value = Log {
        fields: BTreeMap::new(),
        value: Some(some(Kind::Map(ValueMap { fields: fields.clone() }))),
    };
    let of_text = Log { fields: BTreeMap::new(), value: Some(text(b"m")) };
    let of_number = Log { fields: BTreeMap::new(), value: Some(some(Kind::Integer(7))) };
    let logs = vec![of_fields, of_value, of_text, of_number];
    assert_eq!(
        read(Events::Logs(LogArray { logs })),
        [
            serde_json::json!({"a": 1}),
            serde_json::json!({"a": 1}),
            serde_json::json!({"event_message": "m"}),
            serde_json::json!(7),
        ]
    );
    let traces = vec![Trace { fields }];
    assert_eq!(read(Events::Traces(TraceArray { traces })), [serde_json::json!({"a": 1})]);
    let mut kept = Kept::default();
    decode(Bytes::new(), &mut kept).unwrap();
    assert!(kept.records.is_empty());
    // A field that no event has: something was sent, and is kept as it is.
    decode(Bytes::from_static(b"\x22\x01x"), &mut kept).unwrap();
    assert!(kept.records[0].contains("without an event"), "{:?}", kept.records);
}

#[test]
fn metrics_become_events() {
    let metric = Metric {
        name: "requests".to_owned(),
        namespace: "app".to_owned(),
        timestamp: Some(Timestamp { seconds: 1_795_176_000, nanos: 0 }),
        kind: 1,
        interval_ms: 1000,
        tags_v1: BTreeMap::from([("old".to_owned(), "x".to_owned())]),
        tags_v2: BTreeMap::from([
            ("bare".to_owned(), TagValues { values: vec![TagValue { value: None }] }),
            (
                "one".to_owned(),
                TagValues { values: vec![TagValue { value: Some("1".to_owned()) }] },
            ),
            (
                "two".to_owned(),
                TagValues {
                    values: ["1", "2"].map(|v| TagValue { value: Some(v.to_owned()) }).to_vec(),
                },
            ),
        ]),
        measure: Some(Measure::Gauge(Single { value: 1.5 })),
    };
    let read = |metric| read(Events::Metrics(MetricArray { metrics: vec![metric] })).remove(0);
    assert_eq!(
        read(metric),
        serde_json::json!({
            "event_message": "requests", "metadata": {"type": "metric"}, "namespace": "app",
            "tags": {"bare": null, "one": "1", "two": ["1", "2"]},
            "timestamp": "2026-11-20T12:00:00Z", "interval_ms": 1000, "kind": "absolute",
            "metric_type": "gauge", "value": 1.5,
        })
    );
    let plain = Metric { name: "n".to_owned(), ..Metric::default() };
    for (measure, expected) in [
        (
            Measure::Set(Set { values: vec!["a".to_owned()] }),
            serde_json::json!({"metric_type": "set", "values": ["a"]}),
        ),
        (
            Measure::Distribution1(Distribution1 {
                values: vec![1.0, 2.0],
                sample_rates: vec![3],
                statistic: 1,
            }),
            serde_json::json!({
                "metric_type": "distribution", "samples": [{"value": 1.0, "rate": 3}],
                "statistic": "summary",
            }),
        ),
        // As Vector's own JSON has it.
        (
            Measure::Sketch(Sketch {
                agent_dd_sketch: Some(AgentDdSketch {
                    count: 3,
                    min: -1.0,
                    max: 2.5,
                    sum: 3.0,
                    avg: 1.0,
                    k: vec![-1338, 1338],
                    n: vec![1, 2],
                }),
            }),
            serde_json::json!({
                "metric_type": "sketch",
                "sketch": {"AgentDDSketch": {
                    "bins": {"k": [-1338, 1338], "n": [1, 2]},
                    "count": 3, "min": -1.0, "max": 2.5, "sum": 3.0, "avg": 1.0,
                }},
            }),
        ),
        (
            Measure::AggregatedHistogram3(AggregatedHistogram {
                buckets: vec![Bucket { upper_limit: f64::INFINITY, count: u64::MAX }],
                count: 2,
                sum: 0.5,
            }),
            serde_json::json!({
                "metric_type": "aggregated_histogram",
                "buckets": [{"upper_limit": null, "count": u64::MAX}], "count": 2, "sum": 0.5,
            }),
        ),
    ] {
        let mut expected = expected;
        expected["event_message"] = "n".into();
        expected["metadata"] = serde_json::json!({"type": "metric"});
        expected["kind"] = "incremental".into();
        assert_eq!(read(Metric { measure: Some(measure), ..plain.clone() }), expected);
    }
}

#[test]
fn goes_only_so_deep() {
    let nested = |levels| {
        let mut value = some(Kind::Integer(1));
        for _ in 0..levels {
            value = some(Kind::Array(ValueArray { items: vec![value] }));
        }
        let fields = BTreeMap::from([("a".to_owned(), value)]);
        let logs = LogArray { logs: vec![Log { fields, value: None }] };
        EventArray { events: Some(Events::Logs(logs)) }.encode_to_vec()
    };
    assert!(decode(nested(40).into(), &mut Kept::default()).is_ok());
    assert!(decode(nested(60).into(), &mut Kept::default()).is_err());
}

proptest! {
    #[test]
    fn never_panics(body in proptest::collection::vec(prop_oneof![0_u8..40, any::<u8>()], 0..80)) {
        _ = decode(body.into(), &mut Kept::default());
    }
}
