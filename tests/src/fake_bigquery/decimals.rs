//! Which texts are a NUMERIC or a BIGNUMERIC.

use bigquery::ColumnType;

/// The largest BIGNUMERIC without what stands after its point.
const LARGEST: &str = "578960446186580977117854925043439539266";

/// Whether a text is a number of the type, without a digit being lost.
pub fn is_decimal(text: &str, kind: ColumnType) -> bool {
    let Some((whole, fraction)) = digits(text) else { return false };
    match kind {
        ColumnType::Numeric => whole.len() <= 29 && fraction.len() <= 9,
        // Beyond the largest by its fraction only is left to the real one.
        ColumnType::Bignumeric => {
            let fits =
                whole.len() < LARGEST.len() || whole.len() == LARGEST.len() && *whole <= *LARGEST;
            fits && fraction.len() <= 38
        }
        _ => false,
    }
}

/// The digits before and after the point, without zeros that say nothing.
fn digits(text: &str) -> Option<(String, String)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > 1_000 {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i64::try_from(all.len()).ok()?;
    let all = format!("{}{all}{}", zeros(-point), zeros(point - length));
    let (whole, fraction) = all.split_at(usize::try_from(point.max(0)).ok()?);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some((whole.to_owned(), fraction.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted() {
        use ColumnType::{Bignumeric, Numeric};
        for (text, kind, is_one) in [
            ("1.50", Numeric, true),
            ("-1e28", Numeric, true),
            ("1e29", Numeric, false),
            ("0.0000000010", Numeric, true),
            ("1e-9", Numeric, true),
            ("1e-10", Numeric, false),
            ("12.34e-9", Numeric, false),
            ("1e-38", Bignumeric, true),
            ("1e38", Bignumeric, true),
            (LARGEST, Bignumeric, true),
            ("578960446186580977117854925043439539267", Bignumeric, false),
            ("1e39", Bignumeric, false),
            ("1e-39", Bignumeric, false),
            ("", Numeric, false),
            (".", Numeric, false),
            ("1x", Numeric, false),
            ("NaN", Numeric, false),
        ] {
            assert_eq!(is_decimal(text, kind), is_one, "{text} {kind:?}");
        }
    }
}
