//! Protobuf whose texts are not UTF-8.
//!
//! Protobuf forbids them, yet collectors pass on what they read from log files. One such text would
//! refuse its whole request for good. Its wrong bytes become `?`: no length changes, so the message
//! can be repaired where it is. Only where these messages have texts needs to be known.

use std::ops::Range;

use prost::{
    bytes::Buf as _,
    encoding::{WireType, decode_key, decode_varint},
};

use super::decode::Signal;

/// Deepest nesting of messages that prost reads.
const MAX_DEPTH: usize = 100;

/// Messages that hold texts, however deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    OfResource,
    Resource,
    EntityRef,
    OfScope,
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
    /// Points of a kind, whose attributes and exemplars have these numbers.
    Points(u32, u32),
    Point(u32, u32),
    Exemplar,
    Text,
}

impl Kind {
    /// What a field of this number holds, where it holds texts.
    fn of_field(self, number: u32, signal: Signal) -> Option<Self> {
        let kind = match (self, number) {
            (Self::Request, 1) => Self::OfResource,
            (Self::OfResource, 1) => Self::Resource,
            (Self::OfResource, 2) => Self::OfScope,
            (Self::OfScope, 1) => Self::Scope,
            (Self::OfScope, 2) => match signal {
                Signal::Logs => Self::LogRecord,
                Signal::Traces => Self::Span,
                Signal::Metrics => Self::Metric,
            },
            (Self::Resource, 3) => Self::EntityRef,
            (Self::Resource, 1)
            | (Self::Scope, 3)
            | (Self::KeyValueList, 1)
            | (Self::LogRecord, 6)
            | (Self::Span, 9)
            | (Self::SpanEvent, 3)
            | (Self::SpanLink, 4)
            | (Self::Metric, 12)
            | (Self::Exemplar, 7) => Self::KeyValue,
            (Self::KeyValue, 2) | (Self::ArrayValue, 1) | (Self::LogRecord, 5) => Self::AnyValue,
            (Self::AnyValue, 5) => Self::ArrayValue,
            (Self::AnyValue, 6) => Self::KeyValueList,
            (Self::Span, 11) => Self::SpanEvent,
            (Self::Span, 13) => Self::SpanLink,
            (Self::Span, 15) => Self::SpanStatus,
            (Self::Metric, 5 | 7) => Self::Points(7, 5),
            (Self::Metric, 9) => Self::Points(9, 8),
            (Self::Metric, 10) => Self::Points(1, 11),
            // Summaries have no exemplars, and no field 0 either.
            (Self::Metric, 11) => Self::Points(7, 0),
            (Self::Points(attributes, exemplars), 1) => Self::Point(attributes, exemplars),
            (Self::Point(attributes, _), number) if number == attributes => Self::KeyValue,
            (Self::Point(_, exemplars), number) if number == exemplars => Self::Exemplar,
            (Self::OfResource | Self::OfScope | Self::Span, 3)
            | (Self::EntityRef, 1..=4)
            | (Self::Scope, 1 | 2)
            | (Self::KeyValue | Self::AnyValue, 1)
            | (Self::LogRecord, 3 | 12)
            | (Self::Span, 5)
            | (Self::SpanEvent | Self::SpanStatus, 2)
            | (Self::SpanLink, 3)
            | (Self::Metric, 1..=3) => Self::Text,
            _ => return None,
        };
        Some(kind)
    }
}

/// Repairs an export; whether there was anything to repair.
pub(super) fn repair(signal: Signal, body: &mut [u8]) -> bool {
    let mut texts = Vec::new();
    find(signal, Kind::Request, body, 0, 0, &mut texts);
    for text in &texts {
        if let Some(text) = body.get_mut(text.clone()) {
            patch(text);
        }
    }
    !texts.is_empty()
}

/// Finds the texts that are no UTF-8 in a message which begins at `start` of the body. What cannot
/// be read ends the search: it is no message.
fn find(
    signal: Signal,
    kind: Kind,
    message: &[u8],
    start: usize,
    depth: usize,
    texts: &mut Vec<Range<usize>>,
) {
    let mut rest = message;
    while let Ok((number, wire_type)) = decode_key(&mut rest) {
        let length = match wire_type {
            WireType::Varint => decode_varint(&mut rest).map(|_| 0),
            WireType::SixtyFourBit => Ok(8),
            WireType::ThirtyTwoBit => Ok(4),
            WireType::LengthDelimited => decode_varint(&mut rest),
            // Long gone from protobuf.
            WireType::StartGroup | WireType::EndGroup => return,
        };
        let length = length.ok().and_then(|length| usize::try_from(length).ok());
        let Some(field) = length.and_then(|length| rest.get(..length)) else { return };
        let start = start + (message.len() - rest.len());
        rest.advance(field.len());
        match kind.of_field(number, signal) {
            Some(_) if wire_type != WireType::LengthDelimited => {}
            Some(Kind::Text) => {
                let wrong = std::str::from_utf8(field).is_err();
                texts.extend(wrong.then(|| start..start + field.len()));
            }
            Some(kind) if depth < MAX_DEPTH => find(signal, kind, field, start, depth + 1, texts),
            _ => {}
        }
    }
}

/// Makes each byte that is no part of a character a `?`.
fn patch(text: &mut [u8]) {
    let mut rest = text;
    while let Err(error) = std::str::from_utf8(rest) {
        let wrong = error.valid_up_to();
        let length = error.error_len().unwrap_or(rest.len() - wrong);
        let (done, after) = rest.split_at_mut(wrong + length);
        done[wrong..].fill(b'?');
        rest = after;
    }
}

#[cfg(test)]
mod tests;
