//! The codec `native`: an event as a message of Vector's own `event.proto`, its fields by number.

use std::collections::BTreeMap;

use prost::{Message, Oneof};
use vrl::value::{ObjectMap, Value};

use crate::event::Provenance;

/// One event, without its length. Vector's random id of the event is its number here.
pub(super) fn written(event: &Value, from: &Provenance<'_>) -> Vec<u8> {
    let (fields, value) = match event {
        Value::Object(fields) => (of_object(fields), None),
        other => (Fields::new(), Some(of_value(other))),
    };
    let metadata = Some(of_value(from.metadata));
    let full = Metadata {
        value: metadata.clone(),
        source_id: Some(from.source.to_owned()),
        source_type: Some(from.source_type.to_owned()),
        upstream_id: Some(OutputId {
            component: from.component.to_owned(),
            port: from.port.map(str::to_owned),
        }),
        source_event_id: u128::from(from.number).to_be_bytes().to_vec(),
    };
    let log = Log { fields, value, metadata, metadata_full: Some(full) };
    EventArray { logs: Some(LogArray { logs: vec![log] }) }.encode_to_vec()
}

type Fields = BTreeMap<String, Part>;

/// Of several kinds of events, those that are logs.
#[derive(Clone, PartialEq, Message)]
struct EventArray {
    #[prost(message, optional, tag = "1")]
    logs: Option<LogArray>,
}

#[derive(Clone, PartialEq, Message)]
struct LogArray {
    #[prost(message, repeated, tag = "1")]
    logs: Vec<Log>,
}

#[derive(Clone, PartialEq, Message)]
struct Log {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: Fields,
    #[prost(message, optional, tag = "2")]
    value: Option<Part>,
    #[prost(message, optional, tag = "3")]
    metadata: Option<Part>,
    #[prost(message, optional, tag = "4")]
    metadata_full: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    value: Option<Part>,
    #[prost(string, optional, tag = "3")]
    source_id: Option<String>,
    #[prost(string, optional, tag = "4")]
    source_type: Option<String>,
    #[prost(message, optional, tag = "5")]
    upstream_id: Option<OutputId>,
    #[prost(bytes = "vec", tag = "7")]
    source_event_id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct OutputId {
    #[prost(string, tag = "1")]
    component: String,
    #[prost(string, optional, tag = "2")]
    port: Option<String>,
}

/// A value.
#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(oneof = "Kind", tags = "1, 2, 4, 5, 6, 7, 8, 9")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(bytes = "vec", tag = "1")]
    RawBytes(Vec<u8>),
    #[prost(message, tag = "2")]
    Timestamp(Timestamp),
    #[prost(int64, tag = "4")]
    Integer(i64),
    #[prost(double, tag = "5")]
    Float(f64),
    #[prost(bool, tag = "6")]
    Boolean(bool),
    #[prost(message, tag = "7")]
    Map(PartMap),
    #[prost(message, tag = "8")]
    Array(PartList),
    #[prost(int32, tag = "9")]
    Null(i32),
}

#[derive(Clone, PartialEq, Message)]
struct PartMap {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: Fields,
}

#[derive(Clone, PartialEq, Message)]
struct PartList {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Part>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn of_object(fields: &ObjectMap) -> Fields {
    fields.iter().map(|(name, value)| (name.to_string(), of_value(value))).collect()
}

fn of_value(value: &Value) -> Part {
    let kind = match value {
        Value::Null => Kind::Null(0),
        Value::Boolean(value) => Kind::Boolean(*value),
        Value::Integer(integer) => Kind::Integer(*integer),
        Value::Float(float) => Kind::Float(float.into_inner()),
        Value::Timestamp(time) => Kind::Timestamp(Timestamp {
            seconds: time.timestamp(),
            nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
        }),
        Value::Array(elements) => {
            Kind::Array(PartList { items: elements.iter().map(of_value).collect() })
        }
        Value::Object(fields) => Kind::Map(PartMap { fields: of_object(fields) }),
        text => Kind::RawBytes(text.coerce_to_bytes().to_vec()),
    };
    Part { kind: Some(kind) }
}
