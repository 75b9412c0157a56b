//! Decimal numbers by their value.

/// A number in one form for all of its spellings: `-1.50e1` is `-15`.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > 1000 {
        return None;
    }
    // Where the point stands in `all`.
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let before = zeros(-point);
    let after = zeros(point - i32::try_from(all.len()).ok()?);
    let all = format!("{before}{all}{after}");
    let (whole, fraction) = all.split_at(usize::try_from(point.max(0)).ok()?);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_form() {
        for (text, expected) in [
            ("1.50", "1.5"),
            ("-0.0", "0"),
            ("+007", "7"),
            ("-1.50e1", "-15"),
            ("12e-3", "0.012"),
            ("1.5E3", "1500"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.001", "-0.001"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", ".", "1x", "NaN", "1e", "1e9999"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
