//! Times: ISO 8601, ranges of them, and times that depend on when they are asked for.
//!
//! All are spans of whole microseconds in UTC, so that SQL and the matcher only compare numbers.

use jiff::{Span as Duration, Timestamp, ToSpan as _, Unit as Precision, civil, tz::TimeZone};

use crate::{Order, error::Problem};

/// 0001-01-01 and the last microsecond of 9999, which databases and events both hold.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// The last microsecond that jiff makes a time of, near the end of 9999.
const JIFFS_LAST: i64 = 253_402_207_200_000_000;

const DAY: i64 = 86_400_000_000;

/// When an event must have happened, in microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Then or later, where there is such a bound.
    pub from: Option<i64>,
    /// Earlier than that, where there is such a bound.
    pub before: Option<i64>,
}

/// What is asked of an event's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeTest {
    /// In a span that is written down.
    Fixed(Span),
    /// `today`
    Today,
    /// `yesterday`
    Yesterday,
    /// `this@week`: since the unit has begun. Weeks begin on Monday.
    This(TimeUnit),
    /// `last@15minutes`: in so many units before now.
    Last(u32, TimeUnit),
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// Seven days; the calendar's begin on Monday.
    Week,
    /// A month of the calendar.
    Month,
    /// Three months of the calendar.
    Quarter,
    /// A year of the calendar.
    Year,
}

impl Span {
    pub(crate) fn contains(self, micros: i64) -> bool {
        self.from.is_none_or(|from| micros >= from)
            && self.before.is_none_or(|before| micros < before)
    }

    fn until(from: Option<i64>, before: i64) -> Self {
        Self { from, before: Some(before).filter(|before| RANGE.contains(before)) }
    }

    fn between(from: i64, last: i64) -> Self {
        Self::until(Some(from), last.saturating_add(1))
    }
}

impl TimeTest {
    /// The span that is asked for at a time (microseconds since 1970-01-01 UTC).
    pub fn span(self, now: i64) -> Span {
        let now = now.clamp(*RANGE.start(), *RANGE.end());
        let today = now - now.rem_euclid(DAY);
        match self {
            Self::Fixed(span) => span,
            Self::Today => Span::until(Some(today), today + DAY),
            Self::Yesterday => {
                Span { from: Some((today - DAY).max(*RANGE.start())), before: Some(today) }
            }
            Self::This(unit) => Span::between(begin(unit, now).unwrap_or(*RANGE.start()), now),
            Self::Last(count, unit) => {
                Span::between(back(count, unit, now).unwrap_or(*RANGE.start()), now)
            }
        }
    }

    /// Whether it means something else later.
    pub(crate) fn is_relative(self) -> bool {
        !matches!(self, Self::Fixed(_))
    }
}

/// When the unit that holds a time has begun.
fn begin(unit: TimeUnit, now: i64) -> Option<i64> {
    let size = match unit {
        TimeUnit::Second => 1_000_000,
        TimeUnit::Minute => 60_000_000,
        TimeUnit::Hour => 3_600_000_000,
        TimeUnit::Day => DAY,
        _ => {
            let date = civil_of(now)?.date();
            let day = match unit {
                TimeUnit::Week => {
                    let since = i64::from(date.weekday().to_monday_zero_offset());
                    date.checked_sub(since.days()).ok()?
                }
                TimeUnit::Month => date.first_of_month(),
                TimeUnit::Quarter => {
                    let month = (date.month() - 1) / 3 * 3 + 1;
                    civil::Date::new(date.year(), month, 1).ok()?
                }
                _ => date.first_of_year(),
            };
            return micros_of(day.at(0, 0, 0, 0));
        }
    };
    Some(now - now.rem_euclid(size))
}

/// The time so many units ago.
fn back(count: u32, unit: TimeUnit, now: i64) -> Option<i64> {
    let count = i64::from(count);
    let exact = |size: i64| now.checked_sub(count.checked_mul(size)?);
    let months = |months: i64| {
        let span = Duration::new().try_months(count.checked_mul(months)?).ok()?;
        micros_of(civil_of(now)?.checked_sub(span).ok()?)
    };
    let micros = match unit {
        TimeUnit::Second => exact(1_000_000),
        TimeUnit::Minute => exact(60_000_000),
        TimeUnit::Hour => exact(3_600_000_000),
        TimeUnit::Day => exact(DAY),
        TimeUnit::Week => exact(7 * DAY),
        TimeUnit::Month => months(1),
        TimeUnit::Quarter => months(3),
        TimeUnit::Year => months(12),
    };
    micros.filter(|micros| RANGE.contains(micros))
}

fn civil_of(micros: i64) -> Option<civil::DateTime> {
    Some(
        Timestamp::from_microsecond(micros.min(JIFFS_LAST))
            .ok()?
            .to_zoned(TimeZone::UTC)
            .datetime(),
    )
}

fn micros_of(time: civil::DateTime) -> Option<i64> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

/// Reads what stands behind `t:` and an operator.
pub(crate) fn parse(order: Option<Order>, word: &str) -> Result<TimeTest, Problem> {
    if let Some(relative) = relative(word)? {
        return match order {
            None => Ok(relative),
            Some(_) => Err(Problem::RangeCompared(word.to_owned())),
        };
    }
    let Some(order) = order else { return span(word).map(TimeTest::Fixed) };
    let at = point(word)?;
    Ok(TimeTest::Fixed(match order {
        Order::Greater => {
            let after = Some(at.saturating_add(1)).filter(|after| RANGE.contains(after));
            let after = after.ok_or_else(|| Problem::Time(word.to_owned()))?;
            Span { from: Some(after), before: None }
        }
        Order::GreaterOrEqual => Span { from: Some(at), before: None },
        Order::Less => Span { from: None, before: Some(at) },
        Order::LessOrEqual => Span::until(None, at.saturating_add(1)),
    }))
}

/// `today`, `this@hour`, `last@5m`; None of other words.
fn relative(word: &str) -> Result<Option<TimeTest>, Problem> {
    match word {
        "today" => return Ok(Some(TimeTest::Today)),
        "yesterday" => return Ok(Some(TimeTest::Yesterday)),
        _ => {}
    }
    let wrong = || Problem::Time(word.to_owned());
    if let Some(name) = word.strip_prefix("this@") {
        return unit(name).map(|unit| Some(TimeTest::This(unit)));
    }
    let Some(rest) = word.strip_prefix("last@") else { return Ok(None) };
    let name = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &rest[..rest.len() - name.len()];
    // `last@hour` is one.
    let count = if digits.is_empty() { Some(1) } else { digits.parse().ok() };
    let count = count.filter(|count| *count > 0).ok_or_else(wrong)?;
    let unit = unit(name)?;
    // From the latest time there is, even this is before the first one.
    if back(count, unit, *RANGE.end()).is_none() {
        return Err(Problem::TooFarBack(word.to_owned()));
    }
    Ok(Some(TimeTest::Last(count, unit)))
}

fn unit(name: &str) -> Result<TimeUnit, Problem> {
    Ok(match name {
        "s" | "sec" | "second" | "seconds" => TimeUnit::Second,
        "m" | "min" | "minute" | "minutes" => TimeUnit::Minute,
        "h" | "hr" | "hour" | "hours" => TimeUnit::Hour,
        "d" | "day" | "days" => TimeUnit::Day,
        "w" | "week" | "weeks" => TimeUnit::Week,
        "mm" | "month" | "months" => TimeUnit::Month,
        "q" | "quarter" | "quarters" => TimeUnit::Quarter,
        "y" | "year" | "years" => TimeUnit::Year,
        _ => return Err(Problem::TimeUnit(name.to_owned())),
    })
}

/// A span that is written down: a time, a day, `a..b`, `2026-01-{01..05}`.
fn span(word: &str) -> Result<Span, Problem> {
    let (from, to) = if word.contains('{') {
        let (low, high) = braces(word).ok_or_else(|| Problem::Time(word.to_owned()))?;
        (point(&low)?, point(&high)?)
    } else if let Some((low, high)) = word.split_once("..") {
        if low.is_empty() || high.is_empty() {
            return Err(Problem::HalfRange(word.to_owned()));
        }
        (point(low)?, point(high)?)
    } else if let Ok(day) = word.parse::<civil::Date>()
        && !word.contains(['T', 't', ' ', ':'])
    {
        let begin = micros_of(day.at(0, 0, 0, 0)).filter(|micros| RANGE.contains(micros));
        let begin = begin.ok_or_else(|| Problem::Time(word.to_owned()))?;
        return Ok(Span::until(Some(begin), begin.saturating_add(DAY)));
    } else {
        let at = point(word)?;
        (at, at)
    };
    if from > to {
        let (low, high) = word.split_once("..").unwrap_or((word, word));
        return Err(Problem::EmptyRange(low.to_owned(), high.to_owned()));
    }
    Ok(Span::between(from, to))
}

/// Logflare's short form of a range: each `{a..b}` is a in its beginning and b in its end.
fn braces(word: &str) -> Option<(String, String)> {
    let (mut low, mut high) = (String::new(), String::new());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        let (inner, after) = after.split_once('}')?;
        let (from, to) = inner.split_once("..")?;
        low.push_str(before);
        low.push_str(from);
        high.push_str(before);
        high.push_str(to);
        rest = after;
    }
    low.push_str(rest);
    high.push_str(rest);
    Some((low, high))
}

/// A point in time: ISO 8601, UTC where it has no offset, a date its midnight; or digits that
/// count the seconds, milli-, micro- or nanoseconds since 1970.
fn point(word: &str) -> Result<i64, Problem> {
    let micros = if word.bytes().all(|byte| byte.is_ascii_digit()) {
        let count = word.parse::<i64>().ok();
        count.and_then(|count| match word.len() {
            10 => count.checked_mul(1_000_000),
            13 => count.checked_mul(1_000),
            16 => Some(count),
            19 => Some(count / 1_000),
            _ => None,
        })
    } else if let Ok(timestamp) = word.parse::<Timestamp>() {
        Some(truncated(timestamp))
    } else {
        word.parse::<civil::DateTime>().ok().and_then(micros_of)
    };
    let micros = micros.filter(|micros| RANGE.contains(micros));
    micros.ok_or_else(|| Problem::Time(word.to_owned()))
}

fn truncated(timestamp: Timestamp) -> i64 {
    timestamp
        .round(
            jiff::TimestampRound::new()
                .smallest(Precision::Microsecond)
                .mode(jiff::RoundMode::Floor),
        )
        .map_or_else(|_| timestamp.as_microsecond(), Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 12:00 UTC, a Friday.
    const NOON: i64 = 1_795_176_000_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn spans(word: &str) -> (Option<i64>, Option<i64>) {
        let span =
            parse(None, word).unwrap_or_else(|e| panic!("{word}: {e}")).span(NOON + 1_500_000);
        (span.from.map(|at| at - NOON), span.before.map(|at| at - NOON))
    }

    #[test]
    fn reads_spans() {
        let now = 1_500_001;
        let midnight = -12 * HOUR;
        for (word, from, before) in [
            ("2026-11-20T12:00:00Z", 0, 1),
            ("2026-11-20T12:00:00", 0, 1),
            ("2026-11-20 12:00:00.5", 500_000, 500_001),
            ("2026-11-20T14:00:00+02:00", 0, 1),
            ("1795176000", 0, 1),
            ("1795176000123", 123_000, 123_001),
            ("2026-11-20", midnight, midnight + DAY),
            ("2026-11-19..2026-11-20", midnight - DAY, midnight + 1),
            ("2026-11-20T11:00:00..2026-11-20T12:00:00Z", -HOUR, 1),
            ("2026-11-{19..20}", midnight - DAY, midnight + 1),
            ("2026-11-20T{11..12}:00:{00..30}", -HOUR, 30_000_001),
            ("today", midnight, midnight + DAY),
            ("yesterday", midnight - DAY, midnight),
            ("this@second", 1_000_000, now),
            ("this@minute", 0, now),
            ("this@h", 0, now),
            ("this@day", midnight, now),
            ("this@week", midnight - 4 * DAY, now),
            ("this@month", midnight - 19 * DAY, now),
            ("this@quarter", midnight - 50 * DAY, now),
            ("this@year", midnight - 323 * DAY, now),
            ("last@5m", 1_500_000 - 300_000_000, now),
            ("last@hour", 1_500_000 - HOUR, now),
            ("last@7days", 1_500_000 - 7 * DAY, now),
            ("last@1month", 1_500_000 - 31 * DAY, now),
            ("last@1y", 1_500_000 - 365 * DAY, now),
        ] {
            assert_eq!(spans(word), (Some(from), Some(before)), "{word}");
        }
    }

    #[test]
    fn reads_bounds() {
        for (order, from, before) in [
            (Order::Greater, Some(1), None),
            (Order::GreaterOrEqual, Some(0), None),
            (Order::Less, None, Some(0)),
            (Order::LessOrEqual, None, Some(1)),
        ] {
            let TimeTest::Fixed(span) = parse(Some(order), "2026-11-20T12:00:00Z").unwrap() else {
                panic!("{order:?}")
            };
            let bounds = (span.from.map(|at| at - NOON), span.before.map(|at| at - NOON));
            assert_eq!(bounds, (from, before), "{order:?}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        let time = |word: &str| Problem::Time(word.to_owned());
        for (word, problem) in [
            ("tomorrow", time("tomorrow")),
            ("2026-13-01", time("2026-13-01")),
            ("12", time("12")),
            ("NULL", time("NULL")),
            ("last@0m", time("last@0m")),
            ("last@99999999999m", time("last@99999999999m")),
            ("last@5x", Problem::TimeUnit("x".to_owned())),
            ("this@", Problem::TimeUnit(String::new())),
            ("last@4000000000y", Problem::TooFarBack("last@4000000000y".to_owned())),
            ("last@20000y", Problem::TooFarBack("last@20000y".to_owned())),
            ("..2026-01-01", Problem::HalfRange("..2026-01-01".to_owned())),
            ("2026-01-{01..", time("2026-01-{01..")),
            ("2026-01-{01}", time("2026-01-{01}")),
            (
                "2026-02-01..2026-01-01",
                Problem::EmptyRange("2026-02-01".to_owned(), "2026-01-01".to_owned()),
            ),
        ] {
            assert_eq!(parse(None, word).unwrap_err(), problem, "{word}");
        }
        assert_eq!(
            parse(Some(Order::Greater), "today").unwrap_err(),
            Problem::RangeCompared("today".to_owned())
        );
    }

    #[test]
    fn any_now_will_do() {
        for now in [i64::MIN, 0, i64::MAX] {
            for word in ["today", "this@year", "this@week", "last@1000y", "last@3months"] {
                let span = parse(None, word).unwrap().span(now);
                assert!(
                    span.before.is_none_or(|before| span.from < Some(before)),
                    "{word} at {now}"
                );
            }
        }
    }
}
