//! PostgreSQL's dates and times as Studio reads them.

use jiff::{SignedDuration, civil};

/// 2000-01-01, where PostgreSQL counts from, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A timestamp in microseconds since 1970; `None` for the infinities.
pub(super) fn unix_micros(timestamp: i64) -> Option<i64> {
    match timestamp {
        i64::MIN | i64::MAX => None,
        finite => finite.checked_add(EPOCH),
    }
}

/// `2026-11-24T03:20:00` or `…00.123456`; `None` outside of the years 1 to 9999.
pub(super) fn datetime(timestamp: i64) -> Option<String> {
    let date = day(timestamp.div_euclid(MICROS_PER_DAY))?;
    Some(format!("{date}T{}", time_of_day(timestamp.rem_euclid(MICROS_PER_DAY))))
}

/// `2026-11-24`; `None` outside of the years 1 to 9999.
pub(super) fn date(days: i32) -> Option<String> {
    day(i64::from(days)).map(|date| date.to_string())
}

fn day(since_2000: i64) -> Option<civil::Date> {
    let hours = since_2000.checked_mul(24)?;
    let date = civil::date(2000, 1, 1).checked_add(SignedDuration::try_from_hours(hours)?).ok()?;
    (date.year() >= 1).then_some(date)
}

/// `03:20:00` or `03:20:00.123456`, from microseconds since midnight.
pub(super) fn time_of_day(micros: i64) -> String {
    let (seconds, fraction) =
        (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND));
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if fraction != 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    text
}

/// Microseconds since 1970.
pub(super) fn unix_micros_of(datetime: civil::DateTime) -> i64 {
    let days = datetime.duration_since(civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    i64::try_from(days.as_micros()).unwrap_or(i64::MAX)
}

/// As [`datetime`].
pub(super) fn datetime_of(datetime: civil::DateTime) -> String {
    format!("{}T{}", datetime.date(), time_of_day(micros_of(datetime.time())))
}

/// Microseconds since midnight.
pub(super) fn micros_of(time: civil::Time) -> i64 {
    let seconds =
        (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    seconds * MICROS_PER_SECOND + i64::from(time.subsec_nanosecond()) / 1000
}

/// BigQuery's `years-months days hours:minutes:seconds`, each part with its own sign.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    let sign = |negative: bool| if negative { "-" } else { "" };
    let total_months = months.unsigned_abs();
    let (micros_sign, micros) = (sign(micros < 0), micros.unsigned_abs());
    let seconds = micros / 1_000_000;
    let mut text = format!(
        "{}{}-{} {days} {micros_sign}{}:{}:{}",
        sign(months < 0),
        total_months / 12,
        total_months % 12,
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
    );
    let fraction = micros % 1_000_000;
    if fraction != 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_2000() {
        assert_eq!(unix_micros(0), Some(EPOCH));
        assert_eq!(unix_micros(i64::MAX), None);
        assert_eq!(datetime(0).unwrap(), "2000-01-01T00:00:00");
        assert_eq!(datetime(-1).unwrap(), "1999-12-31T23:59:59.999999");
        assert_eq!(
            datetime(59 * 86_400 * MICROS_PER_SECOND + 1_500).unwrap(),
            "2000-02-29T00:00:00.001500"
        );
        assert_eq!(date(-1).unwrap(), "1999-12-31");
        assert_eq!(time_of_day(86_399_000_001), "23:59:59.000001");
    }

    #[test]
    fn ends_of_time_are_null() {
        for days in [i32::MIN, i32::MAX, -730_500] {
            assert_eq!(date(days), None, "{days}");
        }
        assert_eq!(datetime(i64::MIN), None);
        assert_eq!(datetime(i64::MAX), None);
    }

    #[test]
    fn intervals_are_bigquerys() {
        assert_eq!(interval(14, 3, 4 * 3_600_000_000), "1-2 3 4:0:0");
        assert_eq!(interval(-1, -2, -1_500_000), "-0-1 -2 -0:0:1.500000");
        assert_eq!(interval(0, 0, i64::MIN), "0-0 0 -2562047788:0:54.775808");
    }
}
