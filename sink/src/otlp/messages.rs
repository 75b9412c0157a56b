//! OTLP's messages, as far as what they hold takes memory or is text.

use super::decode::Signal;
use crate::protobuf::{self, Holds, Kind, Width};

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Request(Signal),
    OfResource(Signal),
    Resource,
    EntityRef,
    OfScope(Signal),
    Scope,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
    LogRecord,
    Span,
    SpanEvent,
    SpanLink,
    SpanStatus,
    Metric,
    /// The data of a metric, which are points of this kind.
    Points(Points),
    Point(Points),
    Exemplar,
    Buckets,
    Quantile,
}

/// What the points of a metric are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    Number,
    Histogram,
    ExponentialHistogram,
    Summary,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Message(Message),
    Text,
    Numbers(Width),
}

impl Message {
    /// What a field of this number holds.
    pub(super) fn field(self, number: u32) -> Option<Field> {
        use Points::{ExponentialHistogram, Histogram, Number, Summary};
        let message = match (self, number) {
            (Self::Request(signal), 1) => Self::OfResource(signal),
            (Self::OfResource(_), 1) => Self::Resource,
            (Self::OfResource(signal), 2) => Self::OfScope(signal),
            (Self::OfScope(_), 1) => Self::Scope,
            (Self::OfScope(Signal::Logs), 2) => Self::LogRecord,
            (Self::OfScope(Signal::Traces), 2) => Self::Span,
            (Self::OfScope(Signal::Metrics), 2) => Self::Metric,
            (Self::Resource, 3) => Self::EntityRef,
            (Self::Resource, 1)
            | (Self::Scope, 3)
            | (Self::KeyValueList, 1)
            | (Self::LogRecord, 6)
            | (Self::Span, 9)
            | (Self::SpanEvent, 3)
            | (Self::SpanLink, 4)
            | (Self::Metric, 12)
            | (Self::Exemplar, 7)
            | (Self::Point(Number | Summary), 7)
            | (Self::Point(Histogram), 9)
            | (Self::Point(ExponentialHistogram), 1) => Self::KeyValue,
            (Self::KeyValue, 2) | (Self::ArrayValue, 1) | (Self::LogRecord, 5) => Self::AnyValue,
            (Self::AnyValue, 5) => Self::ArrayValue,
            (Self::AnyValue, 6) => Self::KeyValueList,
            (Self::Span, 11) => Self::SpanEvent,
            (Self::Span, 13) => Self::SpanLink,
            (Self::Span, 15) => Self::SpanStatus,
            (Self::Metric, 5 | 7) => Self::Points(Number),
            (Self::Metric, 9) => Self::Points(Histogram),
            (Self::Metric, 10) => Self::Points(ExponentialHistogram),
            (Self::Metric, 11) => Self::Points(Summary),
            (Self::Points(kind), 1) => Self::Point(kind),
            (Self::Point(Number), 5)
            | (Self::Point(Histogram), 8)
            | (Self::Point(ExponentialHistogram), 11) => Self::Exemplar,
            (Self::Point(ExponentialHistogram), 8 | 9) => Self::Buckets,
            (Self::Point(Summary), 6) => Self::Quantile,
            (Self::Point(Histogram), 6 | 7) => return Some(Field::Numbers(Width::Eight)),
            (Self::Buckets, 2) => return Some(Field::Numbers(Width::Varint)),
            (Self::OfResource(_) | Self::OfScope(_) | Self::Span, 3)
            | (Self::EntityRef, 1..=4)
            | (Self::Scope, 1 | 2)
            | (Self::KeyValue | Self::AnyValue, 1)
            | (Self::LogRecord, 3 | 12)
            | (Self::Span, 5)
            | (Self::SpanEvent | Self::SpanStatus, 2)
            | (Self::SpanLink, 3)
            | (Self::Metric, 1..=3) => return Some(Field::Text),
            _ => return None,
        };
        Some(Field::Message(message))
    }

    /// How many records lie in it at most.
    pub(super) fn records(self, message: &[u8]) -> usize {
        let of_field = |field: protobuf::Field<'_>| match self.field(field.number) {
            Some(Field::Message(Self::LogRecord | Self::Span | Self::Point(_))) => 1,
            // One without points is a record too.
            Some(Field::Message(Self::Metric)) => Self::Metric.records(field.bytes).max(1),
            Some(Field::Message(
                inner @ (Self::OfResource(_) | Self::OfScope(_) | Self::Points(_)),
            )) => inner.records(field.bytes),
            _ => 0,
        };
        protobuf::fields(message).map(of_field).sum()
    }

    /// How many values it takes the memory of, as a part of another.
    fn own_weight(self, of: Self) -> usize {
        match self {
            // They lie in what they are a part of.
            Self::AnyValue if of != Self::ArrayValue => 0,
            Self::ArrayValue | Self::KeyValueList | Self::SpanStatus | Self::Points(_) => 0,
            Self::Span => 4,
            Self::OfResource(_)
            | Self::OfScope(_)
            | Self::LogRecord
            | Self::Metric
            | Self::Point(_)
            | Self::Quantile => 2,
            _ => 1,
        }
    }
}

impl Kind for Message {
    fn of_field(self, number: u32) -> Option<Holds<Self>> {
        match self.field(number)? {
            Field::Message(message) => Some(Holds::Message(message, message.own_weight(self))),
            Field::Numbers(width) => Some(Holds::Numbers(width)),
            // Of others, the last counts.
            Field::Text => (self == Self::EntityRef).then_some(Holds::Text),
        }
    }
}
