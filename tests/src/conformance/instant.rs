//! Times as BigQuery writes them.

use jiff::civil::{Date, DateTime, Time};

/// Microseconds since 1970 of a TIMESTAMP's text; without a zone it is UTC.
pub(super) fn micros(text: &str) -> Option<i64> {
    let text = text.trim();
    let (text, offset) = split_offset(text)?;
    let civil = datetime(text)?;
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let micros = civil.duration_since(epoch).as_micros();
    i64::try_from(micros - i128::from(offset) * 1_000_000).ok()
}

/// The text without its zone, and the zone's offset in seconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    for utc in [" UTC", "UTC", "Z", "z"] {
        if let Some(text) = text.strip_suffix(utc) {
            return Some((text, 0));
        }
    }
    // Signs before the time of day belong to the date.
    let Some(at) = text.get(10..).and_then(|rest| rest.rfind(['+', '-'])).map(|at| at + 10) else {
        return Some((text, 0));
    };
    let (sign, digits) = text[at..].split_at(1);
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some((text[..at].trim_end(), if sign == "-" { -seconds } else { seconds }))
}

/// A DATETIME; a date alone is its midnight.
pub(super) fn datetime(text: &str) -> Option<DateTime> {
    text.parse().ok().or_else(|| text.parse::<Date>().ok().map(DateTime::from))
}

/// A DATE.
pub(super) fn date(text: &str) -> Option<Date> {
    text.parse().ok()
}

/// A TIME.
pub(super) fn time(text: &str) -> Option<Time> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_all_spellings() {
        for (text, expected) in [
            ("1970-01-01T00:00:01+00:00", Some(1_000_000)),
            ("1970-01-01 00:00:01 UTC", Some(1_000_000)),
            ("1970-01-01 01:00:00.000001+01", Some(1)),
            ("1970-01-01 00:00:00-05:30", Some(19_800_000_000)),
            ("1970-01-02", Some(86_400_000_000)),
            ("0001-01-01T00:00:00+00:00", Some(-62_135_596_800_000_000)),
            ("9999-12-31T23:59:59.999999+00:00", Some(253_402_300_799_999_999)),
            ("yesterday", None),
        ] {
            assert_eq!(micros(text), expected, "{text}");
        }
    }
}
