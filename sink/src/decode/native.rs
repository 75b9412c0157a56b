//! Vector's own events: protobuf, as its codec `native` writes it.

mod message;
mod metric;
mod part;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use event_schemas::Value;
use prost::{DecodeError, Message as _};

use self::{
    message::{EventArray, Events, Kind, Log, Trace},
    part::Part,
};
use super::lossy;
use crate::{
    fields::{Fields, named},
    formats,
    limits::MAX_BODY_VALUES,
    protobuf,
    records::{Record, Records},
};

/// Hands over the events of one message. What Vector knows of an event besides its fields (among
/// it tokens of other services) is left out.
///
/// prost reads no deeper than 100 messages in each other, which is about 32 objects.
pub(super) fn decode(message: Bytes, records: &mut dyn Records) -> Result<(), DecodeError> {
    if weight(&message) > MAX_BODY_VALUES {
        let text = String::from_utf8_lossy(&message);
        let reason = format!("a frame of more than {MAX_BODY_VALUES} values");
        records.record(Record::Unreadable { text, reason });
        return Ok(());
    }
    let EventArray { events } = EventArray::decode(message.clone())?;
    let Some(events) = events else {
        // An empty frame holds no event that could be lost.
        if message.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&message);
        let reason = "a frame without an event of Vector's codec native".to_owned();
        records.record(Record::Unreadable { text, reason });
        return Ok(());
    };
    let mut record = |value: Value<'_>| records.record(Record::Value(value));
    match events {
        Events::Logs(array) => array.logs.iter().for_each(|event| record(log(event))),
        Events::Traces(array) => array.traces.iter().for_each(|event| record(trace(event))),
        Events::Metrics(array) => {
            for event in &array.metrics {
                record(formats::of_metric(metric::fields(event)));
            }
        }
    }
    Ok(())
}

/// About how many values a message takes the memory of.
pub(super) fn weight(message: &[u8]) -> usize {
    protobuf::weight(Part::EventArray, message, MAX_BODY_VALUES + 1)
}

/// How many events a message holds at most.
pub(super) fn events(message: &[u8]) -> usize {
    // Of the arrays.
    protobuf::fields(message).map(|array| protobuf::fields(array.bytes).count()).sum()
}

fn log(log: &Log) -> Value<'_> {
    match log.value.as_ref().and_then(|value| value.kind.as_ref()) {
        None => Value::Object(fields(&log.fields)),
        Some(Kind::Map(map)) => Value::Object(fields(&map.fields)),
        Some(text @ Kind::RawBytes(_)) => {
            Value::Object(vec![named("event_message", value(Some(text)))])
        }
        Some(other) => value(Some(other)),
    }
}

fn trace(trace: &Trace) -> Value<'_> {
    Value::Object(fields(&trace.fields))
}

fn fields(map: &message::Fields) -> Fields<'_> {
    map.iter().map(|(name, field)| (name.as_str().into(), value(field.kind.as_ref()))).collect()
}

fn value(kind: Option<&Kind>) -> Value<'_> {
    match kind {
        None | Some(Kind::Null(_)) => Value::Null,
        Some(Kind::RawBytes(bytes)) => Value::String(lossy::borrowed(bytes)),
        Some(Kind::Timestamp(time)) => timestamp(time),
        Some(Kind::Integer(number)) => Value::Number(number.to_string().into()),
        Some(Kind::Float(number)) => float(*number),
        Some(Kind::Boolean(boolean)) => Value::Bool(*boolean),
        Some(Kind::Map(map)) => Value::Object(fields(&map.fields)),
        Some(Kind::Array(array)) => {
            Value::Array(array.items.iter().map(|item| value(item.kind.as_ref())).collect())
        }
    }
}

/// As Vector's JSON has it: RFC 3339 in UTC, with as many digits as are needed.
fn timestamp<'a>(time: &message::Timestamp) -> Value<'a> {
    let nanos = u32::try_from(time.nanos).unwrap_or_default();
    match DateTime::from_timestamp(time.seconds, nanos) {
        Some(time) => Value::String(time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()),
        None => Value::Number(time.seconds.to_string().into()),
    }
}

/// A float; what JSON cannot say is null, as with Vector.
fn float<'a>(number: f64) -> Value<'a> {
    serde_json::Number::from_f64(number)
        .map_or(Value::Null, |number| Value::Number(number.to_string().into()))
}

#[cfg(test)]
mod tests;
