//! Days in UTC: what the event tables are partitioned by.

use std::{
    fmt,
    ops::RangeInclusive,
    time::{SystemTime, UNIX_EPOCH},
};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// How far back an event may be to get a partition of its own. Older ones share the default
/// partition.
const BACK: i32 = 366;

/// How many days are made ahead, and how far ahead of our clock a sender's may be.
const AHEAD: i32 = 2;

/// A day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i32);

impl Day {
    /// The day of a point in time in microseconds since 1970.
    pub(crate) fn of(timestamp: i64) -> Self {
        // Dividing an i64 by 86.4e9 leaves less than 2^27.
        Self(i32::try_from(timestamp.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX))
    }

    pub(crate) fn today() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of(i64::try_from(now.as_micros()).unwrap_or(0))
    }

    pub(crate) fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

/// `2026-11-24`
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = jiff::civil::date(1970, 1, 1)
            .saturating_add(jiff::SignedDuration::from_hours(i64::from(self.0).saturating_mul(24)));
        write!(f, "{date}")
    }
}

/// The days whose events have partitions of their own. Others go to the default partition, so that
/// a sender with a broken clock cannot make ten thousand tables.
pub(crate) fn window(today: Day) -> RangeInclusive<Day> {
    today.plus(-BACK)..=today.plus(AHEAD)
}

/// The days whose partitions exist before an event asks for them.
pub(crate) fn made_ahead(today: Day) -> impl Iterator<Item = Day> {
    (-1..=AHEAD).map(move |offset| today.plus(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(Day::of(0).to_string(), "1970-01-01");
        assert_eq!(Day::of(-1).to_string(), "1969-12-31");
        assert_eq!(Day::of(MICROS_PER_DAY - 1).to_string(), "1970-01-01");
        assert_eq!(Day::of(1_709_164_800_000_000).to_string(), "2024-02-29");
    }

    #[test]
    fn no_timestamp_is_too_far() {
        for timestamp in [i64::MIN, i64::MAX] {
            let _ = Day::of(timestamp).plus(i32::MAX).to_string();
        }
    }

    #[test]
    fn yesterday_to_the_day_after_tomorrow_are_made_ahead() {
        let today = Day::of(0);
        let days: Vec<_> = made_ahead(today).map(|day| day.to_string()).collect();
        assert_eq!(days, ["1969-12-31", "1970-01-01", "1970-01-02", "1970-01-03"]);
        assert!(made_ahead(today).all(|day| window(today).contains(&day)));
    }
}
