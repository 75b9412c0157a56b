//! Literals with a type before them: `NUMERIC '1.5'`, `DATE '2024-01-01'`, `JSON '{}'`.

use sqlparser::ast::{self, Value};

use super::{cast::named_type, json_literal, time_literal};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Expr, Literal},
    types::Type,
};

/// `TIMESTAMP '2024-01-01'`
pub(super) fn typed_literal(typed: &ast::TypedString) -> Result<Expr, Diagnostic> {
    let at = Position::from(typed.value.span.start);
    let Value::SingleQuotedString(text) = &typed.value.value else {
        return Err(Diagnostic::invalid(at, "Syntax error: a string literal is expected"));
    };
    let ty = named_type(&typed.data_type, at)?;
    let literal = match ty {
        Type::Timestamp | Type::Datetime | Type::Date | Type::Time => {
            time_literal::parse(text, &ty)
        }
        Type::Numeric => decimal(text, 9, 29).map(Literal::Numeric),
        Type::BigNumeric => decimal(text, 38, 39).map(Literal::Numeric),
        Type::Json => json_literal::normalised(text).map(Literal::Json),
        _ => return Err(Diagnostic::unsupported(at, format!("a literal of type {ty}"))),
    };
    let literal =
        literal.ok_or_else(|| Diagnostic::invalid(at, format!("Invalid {ty} literal: {text}")))?;
    Ok(Expr { ty, ..Expr::literal(literal, at) })
}

/// Decimal digits in plain form, None where they are no number, or too many for the type.
pub(super) fn decimal(text: &str, most_decimals: usize, most_whole: usize) -> Option<String> {
    let text = text.trim();
    let (sign, unsigned) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { "-" } else { "" }, rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > 400 {
        return None;
    }
    // Where the point stands among the digits.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let before = usize::try_from(point.max(0)).ok()?;
    let zeros = usize::try_from((-point).max(0)).ok()?;
    let digits = format!("{}{digits}", "0".repeat(zeros));
    let padded = format!("{digits:0<before$}");
    let (whole, fraction) = padded.split_at(before);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() > most_whole || fraction.len() > most_decimals {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if whole == "0" && fraction.is_empty() { "" } else { sign };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// As [`decimal`], but decimals that are too many are rounded, halves away from zero.
pub(super) fn rounded_decimal(text: &str, decimals: usize, whole: usize) -> Option<String> {
    let exact = decimal(text, usize::MAX, whole)?;
    let Some((before, after)) = exact.split_once('.').filter(|(_, after)| after.len() > decimals)
    else {
        return Some(exact);
    };
    let (kept, dropped) = after.split_at(decimals);
    let mut rounded: Vec<u8> = format!("{before}.{kept}").into_bytes();
    if dropped.as_bytes().first().is_some_and(|digit| *digit >= b'5') {
        let sign = usize::from(rounded.first() == Some(&b'-'));
        // Carries over nines from the right; a digit more in front takes what is left of it.
        rounded.insert(sign, b'0');
        for digit in rounded.iter_mut().rev() {
            match digit {
                b'9' => *digit = b'0',
                b'0'..=b'8' => {
                    *digit += 1;
                    break;
                }
                _ => {}
            }
        }
    }
    decimal(std::str::from_utf8(&rounded).ok()?, decimals, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_decimals_that_are_too_many() {
        for (text, digits) in [
            ("123456789.123456789", "123456789.123456789"),
            ("0.1234567885", "0.123456789"),
            ("-0.1234567885", "-0.123456789"),
            ("9.9999999995", "10"),
            ("-9.9999999995", "-10"),
            ("1.00000000049", "1"),
            ("-4e-10", "0"),
            ("-5e-10", "-0.000000001"),
        ] {
            assert_eq!(rounded_decimal(text, 9, 29).as_deref(), Some(digits), "{text}");
        }
        assert_eq!(rounded_decimal("1e29", 9, 29), None);
        assert_eq!(rounded_decimal("99999999999999999999999999999.9999999999", 9, 29), None);
    }

    #[test]
    fn reads_decimals() {
        for (text, digits) in [
            ("1.50", "1.5"),
            ("-0.0", "0"),
            ("+007", "7"),
            ("1.5e3", "1500"),
            ("12e-3", "0.012"),
            (".5", "0.5"),
            ("99999999999999999999999999999.999999999", "99999999999999999999999999999.999999999"),
        ] {
            assert_eq!(decimal(text, 9, 29).as_deref(), Some(digits), "{text}");
        }
        for text in ["", "x", "1.0000000001", "1e29", "1e999999999", "-", "1.2.3", "0x10"] {
            assert_eq!(decimal(text, 9, 29), None, "{text}");
        }
    }
}
