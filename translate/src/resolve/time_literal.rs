//! Times as BigQuery writes them: `2024-1-2 3:04:05.678 America/New_York`.

use jiff::{SignedDuration, civil, tz::TimeZone};

use crate::{tree::Literal, types::Type};

/// What times are counted from.
const EPOCH: civil::DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// Reads a TIMESTAMP (UTC where no zone is written), a DATETIME, a DATE or a TIME.
pub(crate) fn parse(text: &str, ty: &Type) -> Option<Literal> {
    if *ty == Type::Time {
        let (clock, rest) = clock(text)?;
        return rest.is_empty().then_some(Literal::Time(clock % DAY));
    }
    let (days, rest) = date(text)?;
    if *ty == Type::Date {
        return rest.is_empty().then_some(Literal::Date(days));
    }
    let (clock, rest) = match rest.strip_prefix(['T', 't', ' ']) {
        Some(rest) => clock(rest)?,
        None if rest.is_empty() => (0, rest),
        None => return None,
    };
    let local = i64::from(days) * DAY + clock;
    match ty {
        Type::Datetime => rest.is_empty().then_some(Literal::Datetime(local)),
        Type::Timestamp => match zone(rest)? {
            Zone::Offset(seconds) => {
                Some(Literal::Timestamp(local - i64::from(seconds) * 1_000_000))
            }
            Zone::Named(zone) => {
                let local = EPOCH.checked_add(SignedDuration::from_micros(local)).ok()?;
                let instant = zone.to_ambiguous_zoned(local).compatible().ok()?;
                Some(Literal::Timestamp(instant.timestamp().as_microsecond()))
            }
        },
        _ => None,
    }
}

/// `12:34:56.789000`
pub(crate) fn format_time(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    format!("{:02}:{:02}:{:02}.{fraction:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A date in days since 1970; years have four digits.
fn date(text: &str) -> Option<(i32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (year, rest) = number(text, 5).filter(|_| digits >= 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let date = civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    );
    let date = date.ok().filter(|date| date.year() >= 1)?;
    let since = date.at(0, 0, 0, 0).duration_since(EPOCH).as_secs() / 86_400;
    Some((i32::try_from(since).ok()?, rest))
}

/// A time of day in microseconds. A leap second is the first one of the next minute.
fn clock(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (micros, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some((seconds * 1_000_000 + i64::from(micros), rest))
}

/// Digits after the point as microseconds; finer ones are cut.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits: String = text[..length].chars().chain("000000".chars()).take(6).collect();
    (1..=9).contains(&length).then_some(())?;
    Some((digits.parse().ok()?, &text[length..]))
}

/// A zone as it stands behind a time.
enum Zone {
    /// Seconds east of Greenwich.
    Offset(i32),
    Named(TimeZone),
}

/// `Z`, `+05:30`, ` UTC`, ` UTC+5`, ` America/New_York`
fn zone(text: &str) -> Option<Zone> {
    if matches!(text, "" | "Z" | "z" | " UTC") {
        return Some(Zone::Offset(0));
    }
    let signed = text.strip_prefix(" UTC").unwrap_or(text);
    let Some(offset) = signed.strip_prefix(['+', '-']) else {
        return TimeZone::get(text.strip_prefix(' ')?).ok().map(Zone::Named);
    };
    let (hours, rest) = number(offset, 2)?;
    let (minutes, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 2)?,
        None if rest.is_empty() => (0, rest),
        None => number(rest, 2)?,
    };
    if !rest.is_empty() || hours > 14 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    let seconds = if signed.starts_with('-') { -seconds } else { seconds };
    Some(Zone::Offset(seconds))
}

/// A number of one to `most` digits.
fn number(text: &str, most: usize) -> Option<(i32, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (length > 0).then_some(())?;
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// `2024-01-02 03:04:05.678901`, the digits after the point only where there are some.
pub(crate) fn format_datetime(micros: i64) -> Option<String> {
    let datetime = EPOCH.checked_add(SignedDuration::from_micros(micros)).ok()?;
    (datetime.year() >= 1).then(|| datetime.strftime("%Y-%m-%d %H:%M:%S%.f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Option<String> {
        match parse(text, &Type::Timestamp) {
            Some(Literal::Timestamp(micros)) => format_datetime(micros),
            _ => None,
        }
    }

    #[test]
    fn reads_timestamps() {
        for (text, utc) in [
            ("2026-02-28T18:00:00.000Z", "2026-02-28 18:00:00"),
            ("2026-02-28", "2026-02-28 00:00:00"),
            ("2026-2-8 1:2:3", "2026-02-08 01:02:03"),
            ("2026-02-28 18:00:00.123456789", "2026-02-28 18:00:00.123456"),
            ("2026-02-28T19:21:00+02:00", "2026-02-28 17:21:00"),
            ("2026-02-28 19:21:00-8", "2026-03-01 03:21:00"),
            ("2026-02-28 19:21:00-0830", "2026-03-01 03:51:00"),
            ("2026-07-01 12:00:00 America/New_York", "2026-07-01 16:00:00"),
            ("2026-07-01 12:00:00 UTC", "2026-07-01 12:00:00"),
            ("2026-07-01 12:00:00 UTC+1", "2026-07-01 11:00:00"),
            ("2026-12-31 23:59:60", "2027-01-01 00:00:00"),
            ("02026-07-01", "2026-07-01 00:00:00"),
            ("9999-12-31 23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
            ("0001-01-01", "0001-01-01 00:00:00"),
        ] {
            assert_eq!(timestamp(text).as_deref(), Some(utc), "{text}");
        }
        for text in [
            "",
            "x",
            "2026",
            "2026-13-01",
            "2026-02-30",
            "2026-01-01 25:00:00",
            "2026-01-01x",
            "2026-01-01 +99",
            "0000-01-01",
            "2026-01-01 00:00:00 Nowhere/City",
            "2026-07-01 12:00",
            "2026-07-01T",
            "2026-07-01Z",
            "26-07-01",
            " 2026-07-01",
            "2026-07-01 12:00:00.",
            "2026-07-01 12:00:00 Z",
            "2026-07-01 12:00:00 +5",
            "2026-07-01 12:00:00UTC",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn reads_dates() {
        assert_eq!(parse("1970-01-02", &Type::Date), Some(Literal::Date(1)));
        assert_eq!(parse("1969-12-31", &Type::Date), Some(Literal::Date(-1)));
        assert_eq!(parse("0001-01-01", &Type::Date), Some(Literal::Date(-719_162)));
        assert_eq!(parse("9999-12-31", &Type::Date), Some(Literal::Date(2_932_896)));
        assert_eq!(parse("2024-01-01 00:00:00", &Type::Date), None);
        assert_eq!(parse("23:59:60", &Type::Time), Some(Literal::Time(0)));
        assert_eq!(parse("10:11:12.5", &Type::Time), Some(Literal::Time(36_672_500_000)));
        assert_eq!(parse("10:11", &Type::Time), None);
        assert_eq!(parse("24:00:00", &Type::Time), None);
        assert_eq!(
            parse("1970-01-01 00:00:00.5", &Type::Datetime),
            Some(Literal::Datetime(500_000))
        );
        assert_eq!(parse("1970-01-01 00:00:00Z", &Type::Datetime), None);
    }
}
