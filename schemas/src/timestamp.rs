//! Times of events, in all forms in which senders write them.

use jiff::{Timestamp, civil, tz::TimeZone};

use crate::Value;

/// 0001-01-01 and the last microsecond of 9999, which BigQuery and PostgreSQL both hold.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// Microseconds since 1970 UTC; None where the value says nothing of a time.
///
/// Numbers are read by how many digits they have (seconds, ms, µs, ns), texts as ISO 8601. Unlike
/// Logflare, which takes the time of arrival for them, a text without an offset is UTC, and a text
/// of digits is a number.
pub fn microseconds(value: &Value<'_>) -> Option<i64> {
    let micros = match value {
        Value::Number(number) => from_number(number),
        Value::String(text) => from_text(text.trim()),
        _ => None,
    };
    micros.filter(|micros| RANGE.contains(micros))
}

fn from_number(number: &str) -> Option<i64> {
    if let Ok(whole) = number.parse::<i64>() {
        return from_integer(whole);
    }
    // A fraction: rounded first, as the contract says.
    let float: f64 = number.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "checked against the range of i64")]
    let whole = (float.abs() < 9e18).then(|| float.round() as i64)?;
    from_integer(whole)
}

fn from_integer(number: i64) -> Option<i64> {
    if number < 0 {
        return None;
    }
    match number.checked_ilog10().map_or(1, |log| log + 1) {
        7 => number.checked_mul(1_000_000_000),
        10 => number.checked_mul(1_000_000),
        13 => number.checked_mul(1_000),
        19 => Some(number / 1_000),
        _ => Some(number),
    }
}

fn from_text(text: &str) -> Option<i64> {
    if let Some(micros) = rfc3339_utc(text.as_bytes()) {
        return Some(micros);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return from_number(text);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_microsecond());
    }
    let local: civil::DateTime = text.parse().ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

/// `2026-11-20T12:00:00[.123456789]Z`, which is what Vector sends, without a general parser.
fn rfc3339_utc(text: &[u8]) -> Option<i64> {
    let (&b'Z', text) = text.split_last()? else { return None };
    let (head, fraction) = text.split_at_checked(19)?;
    let shape = head[4] == b'-'
        && head[7] == b'-'
        && head[10] == b'T'
        && head[13] == b':'
        && head[16] == b':';
    if !shape {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits(&head[range]);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let micros = match fraction.split_first() {
        None => 0,
        Some((b'.', digits_after)) if (1..=9).contains(&digits_after.len()) => {
            let shown = digits(&digits_after[..digits_after.len().min(6)])?;
            digits(digits_after)?;
            shown * 10_i64.pow(6_u32.saturating_sub(u32::try_from(digits_after.len()).ok()?))
        }
        Some(_) => return None,
    };
    let part = |number: i64| i8::try_from(number).ok();
    let date = civil::Date::new(i16::try_from(year).ok()?, part(month)?, part(day)?).ok()?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((days_since_1970(date) * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000 + micros)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Days between 1970-01-01 and a date, by the calendar's cycle of 400 years.
fn days_since_1970(date: civil::Date) -> i64 {
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + i64::from(date.day()) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: i64 = 1_795_176_000_000_000;

    fn text(text: &str) -> Option<i64> {
        microseconds(&Value::String(text.into()))
    }

    fn number(number: &str) -> Option<i64> {
        microseconds(&Value::Number(number.into()))
    }

    #[test]
    fn reads_texts() {
        for (form, micros) in [
            ("2026-11-20T12:00:00Z", NOON),
            ("2026-11-20T12:00:00.5Z", NOON + 500_000),
            ("2026-11-20T12:00:00.123456789Z", NOON + 123_456),
            ("2026-11-20T14:00:00+02:00", NOON),
            ("2026-11-20 12:00:00", NOON),
            ("2026-11-20T12:00:00.000001", NOON + 1),
            ("2026-11-20 12:00:00Z", NOON),
            (" 2026-11-20T12:00:00z ", NOON),
            ("2026-11-20", NOON - 43_200_000_000),
            ("1795176000", NOON),
            ("1795176000000", NOON),
        ] {
            assert_eq!(text(form), Some(micros), "{form}");
        }
        for form in ["", "x", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "12:00", "-1"] {
            assert_eq!(text(form), None, "{form}");
        }
    }

    #[test]
    fn reads_numbers_by_their_digits() {
        for (form, micros) in [
            ("1795176000", NOON),
            ("1795176000000", NOON),
            ("1795176000000000", NOON),
            ("1795176000000000999", NOON),
            ("1795176000.4", NOON),
            ("1795176", 1_795_176_000_000_000),
            ("0", 0),
            ("12345", 12_345),
        ] {
            assert_eq!(number(form), Some(micros), "{form}");
        }
        for form in ["-1795176000", "1e400", "99999999999999999999999999", "999999999999999999"] {
            assert_eq!(number(form), None, "{form}");
        }
        assert_eq!(microseconds(&Value::Bool(true)), None);
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(micros in RANGE) {
            let timestamp = Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(rfc3339_utc(format!("{timestamp:.6}").as_bytes()), Some(micros));
        }

        #[test]
        fn never_panics(form in ".{0,40}") {
            let _ = (text(&form), number(&form));
        }
    }
}
