//! Values of events, read as a query in the database reads them (`logweir.float64` and its kin).

use std::borrow::Cow;

use event_schemas::Value;

/// Most digits that a number with an exponent is written out to. PostgreSQL writes out more, and
/// refuses events with many more.
const MAX_DIGITS: usize = 10_000;

/// Numbers that are not whole.
pub(crate) struct Real;

impl Real {
    /// A number as the language writes one: digits, a point, an exponent.
    pub(crate) fn read(text: &str) -> Option<f64> {
        decimal(text).filter(|number| number.is_finite())
    }
}

/// A whole number of 64 bits.
pub(crate) fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// A value as a number, None of what is none.
pub(crate) fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Number(text) => text.parse::<f64>().ok().filter(|number| number.abs() <= 1e308),
        Value::String(text) => number_in(text),
        _ => None,
    }
}

/// A text as a number, by BigQuery's rules for a cast.
fn number_in(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches(|c: char| matches!(c, ' ' | '\t'..='\r'));
    decimal(trimmed).or_else(|| hexadecimal(trimmed)).or_else(|| {
        let word = text.trim_matches(' ').to_ascii_lowercase();
        Some(match word.as_str() {
            "nan" => f64::NAN,
            "inf" | "+inf" | "infinity" | "+infinity" => f64::INFINITY,
            "-inf" | "-infinity" => f64::NEG_INFINITY,
            _ => return None,
        })
    })
}

/// `[-+]?(1.5|1.|1|.5)(e-10)?` of at most 255 digits on each side of the point, 3 in the exponent.
fn decimal(text: &str) -> Option<f64> {
    let digits = |text: &str, most: usize| {
        text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent, 3) {
            return None;
        }
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some = !whole.is_empty() || !fraction.is_empty();
    (some && digits(whole, 255) && digits(fraction, 255)).then(|| text.parse().ok())?
}

/// `[-+]?0x` and at most 13 digits.
fn hexadecimal(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"))?;
    if digits.is_empty() || digits.len() > 13 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(digits, 16).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "13 digits are 52 bits")]
    Some(sign * number as f64)
}

/// A value as BOOL, None of what is none.
pub(crate) fn truth(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A value as text, None of objects and lists.
pub(crate) fn text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => number_text(number),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A JSON number as PostgreSQL's `jsonb` writes it: `1e3` as 1000, `-0` as 0.
fn number_text(number: &str) -> Option<Cow<'_, str>> {
    let (sign, unsigned) = match number.strip_prefix('-') {
        Some(rest) if rest.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => ("-", rest),
        Some(rest) => ("", rest),
        None => ("", number),
    };
    let Some((mantissa, exponent)) = unsigned.split_once(['e', 'E']) else {
        // A sign that stays, or none.
        let text = if sign.is_empty() { unsigned } else { number };
        return Some(Cow::Borrowed(text));
    };
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if point.unsigned_abs() > MAX_DIGITS as u64 {
        return None;
    }
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => {
            (format!("{digits}{}", "0".repeat(point - digits.len())), String::new())
        }
        Ok(point) => {
            let (whole, fraction) = digits.split_at_checked(point)?;
            (whole.to_owned(), fraction.to_owned())
        }
        Err(_) => {
            let zeros = "0".repeat(usize::try_from(point.unsigned_abs()).ok()?);
            (String::new(), format!("{zeros}{digits}"))
        }
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    // The mantissa may have been all zeros.
    Some(Cow::Owned(format!("{sign}{whole}{point}{fraction}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_as_a_cast_does() {
        for (text, number) in [
            ("5", Some(5.0)),
            (" -5.5e1\n", Some(-55.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("+0x1F", Some(31.0)),
            ("1e400", Some(f64::INFINITY)),
            (" -Inf ", Some(f64::NEG_INFINITY)),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1e1000", None),
            ("0x", None),
            ("infinit", None),
            ("1_000", None),
            ("\u{a0}5", None),
        ] {
            assert_eq!(number_in(text), number, "{text}");
        }
        assert!(number_in("NaN").is_some_and(f64::is_nan));
        assert_eq!(super::number(&Value::Number("1e309".into())), None);
    }

    #[test]
    fn writes_numbers_as_jsonb_does() {
        for (number, text) in [
            ("500", "500"),
            ("1.50", "1.50"),
            ("-1.5", "-1.5"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("1e3", "1000"),
            ("1.5E+3", "1500"),
            ("1.500e1", "15.00"),
            ("1.5e-3", "0.0015"),
            ("12.5e-1", "1.25"),
            ("0e5", "0"),
            ("-25e-1", "-2.5"),
        ] {
            assert_eq!(number_text(number).as_deref(), Some(text), "{number}");
        }
        assert_eq!(number_text("1e99999999"), None);
        assert_eq!(number_text("1e99999999999999999999"), None);
    }
}
