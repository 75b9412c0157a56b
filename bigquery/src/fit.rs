//! Whether a value is one that a column holds.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use event_schemas::Value;
use jiff::civil;

use crate::ColumnType;

/// A value as a column holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fitted<'v> {
    Bool(bool),
    /// A whole number, or the microseconds of a time since 1970.
    Int(i64),
    Float(f64),
    /// Text, and all that is written as text.
    Text(Cow<'v, str>),
    Bytes(Vec<u8>),
    /// Days since 1970.
    Days(i32),
}

/// Most characters of a value that are shown.
const MAX_SHOWN: usize = 100;

/// The value as a column of this type holds it. A text of digits is a number, as it is where
/// BigQuery reads JSON itself; and all values have a text.
///
/// # Errors
/// What belongs there, and what this is.
pub(crate) fn fit<'v>(value: &'v Value<'_>, kind: ColumnType) -> Result<Fitted<'v>, String> {
    let fitted = match kind {
        ColumnType::String => return Ok(Fitted::Text(text(value))),
        ColumnType::Json => return Ok(Fitted::Text(Cow::Owned(value.to_json()))),
        ColumnType::Boolean => boolean(value).map(Fitted::Bool),
        ColumnType::Integer => whole(value).map(Fitted::Int),
        ColumnType::Float => float(value).map(Fitted::Float),
        ColumnType::Timestamp => event_schemas::microseconds(value).map(Fitted::Int),
        ColumnType::Date => scalar(value).and_then(days).map(Fitted::Days),
        ColumnType::Datetime => {
            let at = scalar(value).and_then(|text| text.parse::<civil::DateTime>().ok());
            at.map(|at| Fitted::Text(Cow::Owned(format!("{} {}", at.date(), at.time()))))
        }
        ColumnType::Time => {
            let at = scalar(value).and_then(|text| text.parse::<civil::Time>().ok());
            at.map(|at| Fitted::Text(Cow::Owned(at.to_string())))
        }
        ColumnType::Numeric => decimal(value, 29, 9),
        ColumnType::Bignumeric => decimal(value, 39, 38),
        ColumnType::Bytes => {
            let bytes = scalar(value).and_then(|text| BASE64_STANDARD.decode(text).ok());
            bytes.map(Fitted::Bytes)
        }
        ColumnType::Interval | ColumnType::Geography => {
            scalar(value).map(|text| Fitted::Text(Cow::Borrowed(text)))
        }
        ColumnType::Record | ColumnType::Range => None,
    };
    fitted.ok_or_else(|| format!("the column holds {}, this is {}", noun(kind), shown(value)))
}

/// What a column holds.
pub(crate) fn noun(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean => "a boolean (BOOL)",
        ColumnType::Integer => "a whole number of 64 bits (INT64)",
        ColumnType::Float => "a number (FLOAT64)",
        ColumnType::String => "text (STRING)",
        ColumnType::Bytes => "bytes in base64 (BYTES)",
        ColumnType::Timestamp => "a point in time (TIMESTAMP)",
        ColumnType::Datetime => "a date and time (DATETIME)",
        ColumnType::Date => "a date (DATE)",
        ColumnType::Time => "a time of day (TIME)",
        ColumnType::Numeric => "a number of 29 digits and 9 after the point (NUMERIC)",
        ColumnType::Bignumeric => "a number of 38 digits and 38 after the point (BIGNUMERIC)",
        ColumnType::Interval => "a span of time (INTERVAL)",
        ColumnType::Json => "JSON",
        ColumnType::Record => "an object (RECORD)",
        ColumnType::Geography => "a place (GEOGRAPHY)",
        ColumnType::Range => "a range (RANGE), which no event can fill",
    }
}

/// A value for people, cut where it is long.
pub(crate) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => value.kind().to_owned(),
        _ => {
            let text = value.to_json();
            match text.char_indices().nth(MAX_SHOWN) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            }
        }
    }
}

fn text<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::String(text) | Value::Number(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_json()),
    }
}

/// The text of a string or a number.
fn scalar<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::String(text) => Some(text.trim()),
        Value::Number(text) => Some(text),
        _ => None,
    }
}

fn boolean(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn whole(value: &Value<'_>) -> Option<i64> {
    let text = scalar(value)?;
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    // `1.0` and `1e3` are whole as well. Beyond 2^53 a float tells no more which number it was.
    let float: f64 = text.parse().ok()?;
    let is_whole = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
    is_whole.then_some(float as i64)
}

fn float(value: &Value<'_>) -> Option<f64> {
    let float: f64 = scalar(value)?.parse().ok()?;
    // Rust reads a number that is too large as infinite.
    let is_number = matches!(value, Value::Number(_));
    (!is_number || float.is_finite()).then_some(float)
}

fn days(text: &str) -> Option<i32> {
    let date: civil::Date = text.parse().ok()?;
    let epoch = civil::date(1970, 1, 1);
    let days = epoch.until((jiff::Unit::Day, date)).ok()?.get_days();
    (date.year() >= 1).then_some(days)
}

/// A decimal number that has no more digits than these before and after the point.
fn decimal<'v>(value: &'v Value<'_>, before: usize, after: usize) -> Option<Fitted<'v>> {
    let text = scalar(value)?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let exponent = i64::from(exponent);
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let needs_before = length(whole.trim_start_matches('0')) + exponent;
    let needs_after = length(fraction.trim_end_matches('0')) - exponent;
    let most = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX);
    let fits = needs_before <= most(before) && needs_after <= most(after);
    fits.then_some(Fitted::Text(Cow::Borrowed(text)))
}

#[cfg(test)]
mod tests {
    use event_schemas::parse;
    use proptest::prelude::*;

    use super::*;

    fn fitted(json: &str, kind: ColumnType) -> String {
        match fit(&parse(json).unwrap(), kind) {
            Ok(Fitted::Bool(value)) => value.to_string(),
            Ok(Fitted::Int(value)) => value.to_string(),
            Ok(Fitted::Float(value)) => format!("{value:?}"),
            Ok(Fitted::Text(value)) => format!("`{value}`"),
            Ok(Fitted::Bytes(value)) => format!("{value:?}"),
            Ok(Fitted::Days(value)) => format!("{value} days"),
            Err(why) => why,
        }
    }

    #[test]
    fn values_fit_or_it_is_said_why_not() {
        use ColumnType::{
            Bignumeric, Boolean, Bytes, Date, Datetime, Float, Integer, Json, Numeric, String,
            Time, Timestamp,
        };
        for (json, kind, expected) in [
            ("true", Boolean, "true"),
            (r#""FALSE""#, Boolean, "false"),
            ("1", Boolean, "the column holds a boolean (BOOL), this is 1"),
            ("9223372036854775807", Integer, "9223372036854775807"),
            (r#""-7""#, Integer, "-7"),
            ("1.0", Integer, "1"),
            ("12e2", Integer, "1200"),
            ("1.5", Integer, "the column holds a whole number of 64 bits (INT64), this is 1.5"),
            (
                "9223372036854775808",
                Integer,
                "the column holds a whole number of 64 bits (INT64), this is 9223372036854775808",
            ),
            (
                r#""abc""#,
                Integer,
                "the column holds a whole number of 64 bits (INT64), this is \"abc\"",
            ),
            (
                "{}",
                Integer,
                "the column holds a whole number of 64 bits (INT64), this is an object",
            ),
            ("1", Float, "1.0"),
            (r#""2.5""#, Float, "2.5"),
            (r#""NaN""#, Float, "NaN"),
            ("1e999", Float, "the column holds a number (FLOAT64), this is 1e999"),
            (r#""x""#, String, "`x`"),
            ("1.5", String, "`1.5`"),
            ("false", String, "`false`"),
            (r#"{"a":[1]}"#, String, r#"`{"a":[1]}`"#),
            (r#"{"a":[1]}"#, Json, r#"`{"a":[1]}`"#),
            (r#""x""#, Json, r#"`"x"`"#),
            (r#""2026-11-20T12:00:00Z""#, Timestamp, "1795176000000000"),
            ("1795176000", Timestamp, "1795176000000000"),
            (
                r#""now""#,
                Timestamp,
                "the column holds a point in time (TIMESTAMP), this is \"now\"",
            ),
            (r#""1970-01-31""#, Date, "30 days"),
            (r#""1969-12-31""#, Date, "-1 days"),
            (r#""31.1.1970""#, Date, "the column holds a date (DATE), this is \"31.1.1970\""),
            (r#""2026-11-20T12:00:00.5""#, Datetime, "`2026-11-20 12:00:00.5`"),
            (r#""12:30""#, Time, "`12:30:00`"),
            (r#""1.50""#, Numeric, "`1.50`"),
            (r#""1e28""#, Numeric, "`1e28`"),
            (
                r#""1e29""#,
                Numeric,
                "the column holds a number of 29 digits and 9 after the point (NUMERIC), this is \"1e29\"",
            ),
            (r#""1e-30""#, Bignumeric, "`1e-30`"),
            (r#""AAE=""#, Bytes, "[0, 1]"),
            (r#""?""#, Bytes, "the column holds bytes in base64 (BYTES), this is \"?\""),
        ] {
            assert_eq!(fitted(json, kind), expected, "{json} {kind:?}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_kept(number: i64) {
            prop_assert_eq!(fitted(&number.to_string(), ColumnType::Integer), number.to_string());
        }

        #[test]
        fn nothing_panics(text in ".{0,40}|[-+]?[0-9]{0,50}(\\.[0-9]{0,50})?([eE][-+]?[0-9]{1,9})?") {
            let value = Value::String(text.into());
            for kind in [
                ColumnType::Boolean, ColumnType::Integer, ColumnType::Float, ColumnType::Bytes,
                ColumnType::Timestamp, ColumnType::Datetime, ColumnType::Date, ColumnType::Time,
                ColumnType::Numeric, ColumnType::Bignumeric, ColumnType::Interval,
                ColumnType::Json, ColumnType::Record, ColumnType::Geography, ColumnType::Range,
            ] {
                let _ = fit(&value, kind);
            }
        }
    }
}
