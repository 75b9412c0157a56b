//! Vector's messages, as far as what they hold takes memory.

use crate::protobuf::{
    Holds::{self, Message, Numbers, Text},
    Kind, Width,
};

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    EventArray,
    LogArray,
    MetricArray,
    TraceArray,
    /// Logs and traces alike.
    Event,
    /// A name and a value of a map.
    Entry,
    Value,
    Map,
    List,
    Metric,
    Tag,
    Tags,
    TagValues,
    TagValue,
    Set,
    /// Numbers beside each other: of 8 bytes in the first field; in the second those, or varints.
    Pairs(Width),
    /// Messages of two numbers each.
    Points,
    Point,
    SketchOf,
    Sketch,
}

/// The first name and value of a map make room for eleven.
const MAP: usize = 6;

impl Kind for Part {
    fn of_field(self, number: u32) -> Option<Holds<Self>> {
        Some(match (self, number) {
            (Self::EventArray, 1) => Message(Self::LogArray, 0),
            (Self::EventArray, 2) => Message(Self::MetricArray, 0),
            (Self::EventArray, 3) => Message(Self::TraceArray, 0),
            (Self::LogArray | Self::TraceArray, 1) => Message(Self::Event, MAP),
            (Self::MetricArray, 1) => Message(Self::Metric, 4),
            (Self::Event | Self::Map, 1) => Message(Self::Entry, 1),
            (Self::Event | Self::Entry, 2) => Message(Self::Value, 0),
            (Self::Value, 7) => Message(Self::Map, MAP),
            (Self::Value, 8) => Message(Self::List, 0),
            (Self::List, 1) => Message(Self::Value, 1),
            (Self::Metric, 3) => Message(Self::Tag, 1),
            (Self::Metric, 20) => Message(Self::Tags, 1),
            (Self::Tags, 2) => Message(Self::TagValues, 0),
            (Self::TagValues, 1) => Message(Self::TagValue, 1),
            (Self::Metric, 7) => Message(Self::Set, 0),
            (Self::Set, 1) => Text,
            (Self::Metric, 8 | 9) => Message(Self::Pairs(Width::Varint), 0),
            (Self::Metric, 10) => Message(Self::Pairs(Width::Eight), 0),
            (Self::Pairs(_), 1) => Numbers(Width::Eight),
            (Self::Pairs(width), 2) => Numbers(width),
            (Self::Metric, 12 | 13 | 14 | 16 | 17) => Message(Self::Points, 0),
            // Each becomes an object of two.
            (Self::Points, 1) => Message(Self::Point, 3),
            (Self::Metric, 15) => Message(Self::SketchOf, 0),
            (Self::SketchOf, 1) => Message(Self::Sketch, 0),
            (Self::Sketch, 6 | 7) => Numbers(Width::Varint),
            _ => return None,
        })
    }
}
