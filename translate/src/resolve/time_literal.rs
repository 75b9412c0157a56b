//! Times as BigQuery writes them: `2024-1-2 3:04:05.678 America/New_York`.

use jiff::{SignedDuration, civil, tz::TimeZone};

use crate::{tree::Literal, types::Type};

/// What times are counted from.
const EPOCH: civil::DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// Reads a TIMESTAMP (UTC where no zone is written), a DATETIME, a DATE or a TIME.
pub(crate) fn parse(text: &str, ty: &Type) -> Option<Literal> {
    let text = text.trim();
    if *ty == Type::Time {
        return time_of_day(text).map(Literal::Time);
    }
    let (date, rest) = date(text)?;
    match ty {
        Type::Date => rest.is_empty().then(|| days(date)).flatten().map(Literal::Date),
        Type::Datetime => {
            let (time, rest) = time(rest)?;
            rest.is_empty().then(|| micros(date.to_datetime(time))).flatten().map(Literal::Datetime)
        }
        Type::Timestamp => {
            let (time, rest) = time(rest)?;
            let zone = zone(rest)?;
            if zone == TimeZone::UTC {
                return micros(date.to_datetime(time)).map(Literal::Timestamp);
            }
            let instant = zone.to_ambiguous_zoned(date.to_datetime(time)).compatible().ok()?;
            Some(Literal::Timestamp(instant.timestamp().as_microsecond()))
        }
        _ => None,
    }
}

/// A TIME, in microseconds since midnight.
fn time_of_day(text: &str) -> Option<i64> {
    let with_blank = format!(" {text}");
    let (time, rest) = time(&with_blank)?;
    let clock = text.contains(':') && rest.is_empty();
    let nanoseconds = i64::from(time.subsec_nanosecond());
    let seconds =
        (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    clock.then_some(seconds * 1_000_000 + nanoseconds / 1000)
}

/// `12:34:56.789000`
pub(crate) fn format_time(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    format!("{:02}:{:02}:{:02}.{fraction:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn date(text: &str) -> Option<(civil::Date, &str)> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let date = civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    );
    date.ok().filter(|date| date.year() >= 1).map(|date| (date, rest))
}

/// A time of day, midnight where there is none.
fn time(text: &str) -> Option<(civil::Time, &str)> {
    let Some(rest) = text
        .strip_prefix(['T', 't', ' '])
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Some((civil::Time::midnight(), text));
    };
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 2)?,
        None => (0, rest),
    };
    let (micros, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let part = |number: i32| i8::try_from(number).ok();
    let time =
        civil::Time::new(part(hour)?, part(minute)?, part(second)?, micros.checked_mul(1000)?);
    time.ok().map(|time| (time, rest))
}

/// Digits after the point as microseconds; finer ones are cut.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits: String = text[..length].chars().chain("000000".chars()).take(6).collect();
    (length <= 9).then_some(())?;
    Some((digits.parse().ok()?, &text[length..]))
}

fn zone(text: &str) -> Option<TimeZone> {
    let name = text.trim();
    if name.is_empty() || name.eq_ignore_ascii_case("z") || name.eq_ignore_ascii_case("utc") {
        return Some(TimeZone::UTC);
    }
    let signed = name.strip_prefix("UTC").unwrap_or(name);
    let Some(offset) = signed.strip_prefix(['+', '-']) else {
        return text.starts_with(' ').then(|| TimeZone::get(name).ok()).flatten();
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
    Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?))
}

/// A number of one to `most` digits.
fn number(text: &str, most: usize) -> Option<(i32, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (length > 0).then_some(())?;
    Some((text[..length].parse().ok()?, &text[length..]))
}

fn micros(datetime: civil::DateTime) -> Option<i64> {
    i64::try_from(datetime.duration_since(EPOCH).as_micros()).ok()
}

fn days(date: civil::Date) -> Option<i32> {
    i32::try_from(micros(date.to_datetime(civil::Time::midnight()))?.div_euclid(86_400_000_000))
        .ok()
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
            ("2026-07-01 12:00", "2026-07-01 12:00:00"),
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
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn reads_dates() {
        assert_eq!(parse("1970-01-02", &Type::Date), Some(Literal::Date(1)));
        assert_eq!(parse("1969-12-31", &Type::Date), Some(Literal::Date(-1)));
        assert_eq!(parse("2024-01-01 00:00:00", &Type::Date), None);
        assert_eq!(
            parse("1970-01-01 00:00:00.5", &Type::Datetime),
            Some(Literal::Datetime(500_000))
        );
        assert_eq!(parse("1970-01-01 00:00:00Z", &Type::Datetime), None);
    }
}
