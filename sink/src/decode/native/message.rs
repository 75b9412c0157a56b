//! Vector's messages, as far as they are read: `event.proto`, its fields by number.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, Oneof};

/// An object's fields, in the order of their names, as in Vector's JSON.
pub(super) type Fields = BTreeMap<String, Value>;

#[derive(Clone, PartialEq, Message)]
pub(super) struct EventArray {
    #[prost(oneof = "Events", tags = "1, 2, 3")]
    pub(super) events: Option<Events>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Events {
    #[prost(message, tag = "1")]
    Logs(LogArray),
    #[prost(message, tag = "2")]
    Metrics(MetricArray),
    #[prost(message, tag = "3")]
    Traces(TraceArray),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LogArray {
    #[prost(message, repeated, tag = "1")]
    pub(super) logs: Vec<Log>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricArray {
    #[prost(message, repeated, tag = "1")]
    pub(super) metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TraceArray {
    #[prost(message, repeated, tag = "1")]
    pub(super) traces: Vec<Trace>,
}

/// Objects are in `fields`, other values in `value`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Log {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) fields: Fields,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Trace {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) fields: Fields,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 4, 5, 6, 7, 8, 9")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    /// Texts; whether they are UTF-8 is not certain.
    #[prost(bytes = "bytes", tag = "1")]
    RawBytes(Bytes),
    #[prost(message, tag = "2")]
    Timestamp(Timestamp),
    #[prost(int64, tag = "4")]
    Integer(i64),
    #[prost(double, tag = "5")]
    Float(f64),
    #[prost(bool, tag = "6")]
    Boolean(bool),
    #[prost(message, tag = "7")]
    Map(ValueMap),
    #[prost(message, tag = "8")]
    Array(ValueArray),
    #[prost(int32, tag = "9")]
    Null(i32),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueMap {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) fields: Fields,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueArray {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) timestamp: Option<Timestamp>,
    /// One value per name; of old.
    #[prost(btree_map = "string, string", tag = "3")]
    pub(super) tags_v1: BTreeMap<String, String>,
    /// 0 incremental, 1 absolute.
    #[prost(int32, tag = "4")]
    pub(super) kind: i32,
    #[prost(oneof = "Measure", tags = "5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17")]
    pub(super) measure: Option<Measure>,
    #[prost(string, tag = "11")]
    pub(super) namespace: String,
    #[prost(uint32, tag = "18")]
    pub(super) interval_ms: u32,
    #[prost(btree_map = "string, message", tag = "20")]
    pub(super) tags_v2: BTreeMap<String, TagValues>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TagValues {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<TagValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TagValue {
    #[prost(string, optional, tag = "1")]
    pub(super) value: Option<String>,
}

/// A metric's value.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Measure {
    #[prost(message, tag = "5")]
    Counter(Single),
    #[prost(message, tag = "6")]
    Gauge(Single),
    #[prost(message, tag = "7")]
    Set(Set),
    #[prost(message, tag = "8")]
    Distribution1(Distribution1),
    #[prost(message, tag = "9")]
    AggregatedHistogram1(Unzipped),
    #[prost(message, tag = "10")]
    AggregatedSummary1(AggregatedSummary1),
    #[prost(message, tag = "12")]
    Distribution2(Distribution2),
    #[prost(message, tag = "13")]
    AggregatedHistogram2(AggregatedHistogram),
    #[prost(message, tag = "14")]
    AggregatedSummary2(AggregatedSummary),
    #[prost(message, tag = "15")]
    Sketch(Sketch),
    // The third forms have wider counts, which are written alike.
    #[prost(message, tag = "16")]
    AggregatedHistogram3(AggregatedHistogram),
    #[prost(message, tag = "17")]
    AggregatedSummary3(AggregatedSummary),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Single {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Set {
    #[prost(string, repeated, tag = "1")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Distribution1 {
    #[prost(double, repeated, tag = "1")]
    pub(super) values: Vec<f64>,
    #[prost(uint32, repeated, tag = "2")]
    pub(super) sample_rates: Vec<u32>,
    #[prost(int32, tag = "3")]
    pub(super) statistic: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Distribution2 {
    #[prost(message, repeated, tag = "1")]
    pub(super) samples: Vec<Sample>,
    /// 0 histogram, 1 summary.
    #[prost(int32, tag = "2")]
    pub(super) statistic: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    #[prost(uint32, tag = "2")]
    pub(super) rate: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Unzipped {
    #[prost(double, repeated, tag = "1")]
    pub(super) buckets: Vec<f64>,
    #[prost(uint32, repeated, tag = "2")]
    pub(super) counts: Vec<u32>,
    #[prost(uint32, tag = "3")]
    pub(super) count: u32,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AggregatedSummary1 {
    #[prost(double, repeated, tag = "1")]
    pub(super) quantiles: Vec<f64>,
    #[prost(double, repeated, tag = "2")]
    pub(super) values: Vec<f64>,
    #[prost(uint32, tag = "3")]
    pub(super) count: u32,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AggregatedHistogram {
    #[prost(message, repeated, tag = "1")]
    pub(super) buckets: Vec<Bucket>,
    #[prost(uint64, tag = "2")]
    pub(super) count: u64,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Bucket {
    #[prost(double, tag = "1")]
    pub(super) upper_limit: f64,
    #[prost(uint64, tag = "2")]
    pub(super) count: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AggregatedSummary {
    #[prost(message, repeated, tag = "1")]
    pub(super) quantiles: Vec<Quantile>,
    #[prost(uint64, tag = "2")]
    pub(super) count: u64,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Quantile {
    #[prost(double, tag = "1")]
    pub(super) quantile: f64,
    #[prost(double, tag = "2")]
    pub(super) value: f64,
}

/// How values are spread, as Datadog's agent keeps it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Sketch {
    #[prost(message, optional, tag = "1")]
    pub(super) agent_dd_sketch: Option<AgentDdSketch>,
}

/// `k` and `n` are the keys of its bins and how many values are in each.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AgentDdSketch {
    #[prost(uint32, tag = "1")]
    pub(super) count: u32,
    #[prost(double, tag = "2")]
    pub(super) min: f64,
    #[prost(double, tag = "3")]
    pub(super) max: f64,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
    #[prost(double, tag = "5")]
    pub(super) avg: f64,
    #[prost(sint32, repeated, tag = "6")]
    pub(super) k: Vec<i32>,
    #[prost(uint32, repeated, tag = "7")]
    pub(super) n: Vec<u32>,
}
