//! Times as BigQuery writes them: `2024-1-2 3:04:05.678 America/New_York`.

use jiff::{civil, tz::TimeZone};

use crate::{tree::Literal, types::Type};

/// Reads a TIMESTAMP (UTC where no zone is written), a DATETIME, a DATE or a TIME.
pub(crate) fn parse(text: &str, ty: &Type) -> Option<Literal> {
    let text = text.trim();
    if *ty == Type::Time {
        return time_of_day(text).map(Literal::Time);
    }
    let (date, rest) = date(text)?;
    match ty {
        Type::Date => rest.is_empty().then(|| Literal::Date(days(date))),
        Type::Datetime => {
            let (time, rest) = time(rest)?;
            rest.is_empty().then(|| Literal::Datetime(micros(date.to_datetime(time))))
        }
        Type::Timestamp => {
            let (time, rest) = time(rest)?;
            let zone = zone(rest)?;
            let local = date.to_datetime(time);
            match zone {
                Zone::Offset(seconds) => {
                    Some(Literal::Timestamp(micros(local) - i64::from(seconds) * 1_000_000))
                }
                Zone::Named(zone) => {
                    let instant = zone.to_ambiguous_zoned(local).compatible().ok()?;
                    Some(Literal::Timestamp(instant.timestamp().as_microsecond()))
                }
            }
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

/// A zone as it stands behind a time.
enum Zone {
    /// Seconds east of Greenwich.
    Offset(i32),
    Named(TimeZone),
}

fn zone(text: &str) -> Option<Zone> {
    let name = text.trim();
    if name.is_empty() || name.eq_ignore_ascii_case("z") || name.eq_ignore_ascii_case("utc") {
        return Some(Zone::Offset(0));
    }
    let signed = name.strip_prefix("UTC").unwrap_or(name);
    let Some(offset) = signed.strip_prefix(['+', '-']) else {
        return text.starts_with(' ').then(|| TimeZone::get(name).ok()).flatten().map(Zone::Named);
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

/// Worked out by hand: the library's range of instants ends a day before BigQuery's.
fn micros(datetime: civil::DateTime) -> i64 {
    let time = datetime.time();
    let seconds =
        (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    i64::from(days(datetime.date())) * DAY
        + seconds * 1_000_000
        + i64::from(time.subsec_nanosecond()) / 1000
}

/// Since 1970, by the lengths of 400, 4 and 1 years that begin in March.
fn days(date: civil::Date) -> i32 {
    let (year, month, day) =
        (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// `2024-01-02 03:04:05.678901`, the digits after the point only where there are some.
pub(crate) fn format_datetime(micros: i64) -> Option<String> {
    let (days, of_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let epoch = civil::date(1970, 1, 1);
    let date = epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    if date.year() < 1 {
        return None;
    }
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{date} {hour:02}:{minute:02}:{second:02}");
    if fraction > 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    Some(text)
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
            ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"),
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
        assert_eq!(parse("0001-01-01", &Type::Date), Some(Literal::Date(-719_162)));
        assert_eq!(parse("9999-12-31", &Type::Date), Some(Literal::Date(2_932_896)));
        assert_eq!(parse("2024-02-29", &Type::Date), Some(Literal::Date(19_782)));
        assert_eq!(parse("2024-01-01 00:00:00", &Type::Date), None);
        assert_eq!(
            parse("1970-01-01 00:00:00.5", &Type::Datetime),
            Some(Literal::Datetime(500_000))
        );
        assert_eq!(parse("1970-01-01 00:00:00Z", &Type::Datetime), None);
    }
}
