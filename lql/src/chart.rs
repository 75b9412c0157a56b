//! `c:count(*)`, `c:group_by(t::minute)`: values over time.

use crate::{Path, Position};

/// A chart: one value for each unit of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What is shown; the number of events where nothing is written.
    pub measure: Measure,
    /// The unit of time, a minute where nothing is written.
    pub unit: Unit,
    /// Where it begins.
    pub at: Position,
}

/// What a chart shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// `count(*)`: the number of events.
    Events,
    /// A value made of the values at a path.
    Of(Aggregate, Path),
}

/// What is made of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// How many there are.
    Count,
    /// How many different ones there are.
    CountDistinct,
    /// The mean.
    Average,
    /// The sum.
    Sum,
    /// The greatest.
    Max,
    /// The one below which so many percent are: 50, 95 or 99.
    Percentile(u8),
}

/// A unit of time of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `t::second`
    Second,
    /// `t::minute`
    Minute,
    /// `t::hour`
    Hour,
    /// `t::day`
    Day,
}

impl Aggregate {
    /// The aggregate of this name, and the name.
    pub(crate) fn named(name: &str) -> Option<(Self, &'static str)> {
        Some(match name {
            "count" => (Self::Count, "count"),
            "countd" => (Self::CountDistinct, "countd"),
            "avg" => (Self::Average, "avg"),
            "sum" => (Self::Sum, "sum"),
            "max" => (Self::Max, "max"),
            "p50" => (Self::Percentile(50), "p50"),
            "p95" => (Self::Percentile(95), "p95"),
            "p99" => (Self::Percentile(99), "p99"),
            _ => return None,
        })
    }
}

impl Unit {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "second" | "s" => Self::Second,
            "minute" | "m" => Self::Minute,
            "hour" | "h" => Self::Hour,
            "day" | "d" => Self::Day,
            _ => return None,
        })
    }
}
