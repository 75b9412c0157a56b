//! Numbers of any size, and which of them PostgreSQL's `numeric` holds: that is what a number in a
//! `jsonb` is.

use std::borrow::Cow;

use super::Value;

/// Most digits before and after the point.
const WHOLE_DIGITS: i64 = 131_072;
const FRACTION_DIGITS: i64 = 16_383;

/// A number of fewer bytes fits whatever it says: `1e99999`.
const SURELY_FITS: usize = 8;

/// Largest exponent that is looked at; no number that fits needs a larger one, but for zero.
const MAX_EXPONENT: i64 = 1_000_000_000;

/// A number of JSON. One that cannot be stored is rounded to a float; one that is too large for that
/// too is kept as text.
pub(super) fn number(text: &str) -> Value<'_> {
    if fits(text) {
        return Value::Number(Cow::Borrowed(text));
    }
    let float = text.parse().ok().and_then(serde_json::Number::from_f64);
    float.map_or(Value::String(Cow::Borrowed(text)), |rounded| {
        Value::Number(Cow::Owned(rounded.to_string()))
    })
}

fn fits(text: &str) -> bool {
    if text.len() < SURELY_FITS {
        return true;
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let Ok(exponent) = exponent.parse::<i64>() else { return false };
    if exponent.abs() > MAX_EXPONENT {
        return false;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let significant = |digits: &str| digits.find(|digit| digit != '0');
    let before_point = match (significant(whole), significant(fraction)) {
        (Some(start), _) => length(whole.get(start..).unwrap_or_default()) + exponent,
        (None, Some(start)) => exponent - i64::try_from(start).unwrap_or(i64::MAX),
        (None, None) => 0,
    };
    before_point <= WHOLE_DIGITS && length(fraction) - exponent <= FRACTION_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numeric_holds_stays_and_the_rest_is_rounded_or_text() {
        let nines = |count: usize| "9".repeat(count);
        let fraction = |count: usize| format!("0.{}", nines(count));
        for text in [
            "1e99999",
            "9e131071",
            "-9.5E+131071",
            "0.09e131073",
            "1e-16383",
            "1.5e-16382",
            "0e131073",
            "0.0e500000000",
            "123456789012345678901234567890",
            &nines(131_072),
            &fraction(16_383),
        ] {
            assert_eq!(number(text), Value::Number(text.into()), "{text:.40}");
        }
        for text in
            ["1e131072", "-10E131071", "0.9e131073", "1e99999999999999999999", &nines(131_073)]
        {
            assert_eq!(number(text), Value::String(text.into()), "{text:.40}");
        }
        for (text, rounded) in [
            ("1e-16384", "0.0"),
            ("-1.5e-16383", "-0.0"),
            ("0e-20000", "0.0"),
            ("0e99999999999", "0.0"),
            (&fraction(16_384), "1.0"),
            (&format!("1{}.{}", "0".repeat(15), nines(20_000)), "1000000000000001.0"),
        ] {
            assert_eq!(number(text), Value::Number(rounded.into()), "{text:.40}");
        }
    }
}
