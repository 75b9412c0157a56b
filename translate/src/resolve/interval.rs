//! `INTERVAL 3 HOUR`, `INTERVAL '1-2 3 4:5:6' YEAR TO SECOND`

use sqlparser::ast::{self, Spanned};

use super::{Resolver, coerce, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::DatePart,
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

/// What an interval of several parts is made of, in order.
const PARTS: [DatePart; 6] = [
    DatePart::Year,
    DatePart::Month,
    DatePart::Day,
    DatePart::Hour,
    DatePart::Minute,
    DatePart::Second,
];

impl Resolver<'_> {
    pub(super) fn interval(
        &mut self,
        whole: &ast::Expr,
        interval: &ast::Interval,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        let part = |field: &ast::DateTimeField| {
            DatePart::named(&field.to_string()).ok_or_else(|| {
                Diagnostic::invalid(at, format!("{field} is not a unit of INTERVAL"))
            })
        };
        let Some(leading) = &interval.leading_field else {
            let message = "Syntax error: an INTERVAL needs a unit such as HOUR";
            return Err(Diagnostic::invalid(at, message));
        };
        let leading = part(leading)?;
        let value = self.expr(&interval.value, place)?;
        if let Some(last) = &interval.last_field {
            let Some(Literal::String(text)) = value.as_literal() else {
                let message = "Syntax error: an INTERVAL of several parts is a string literal";
                return Err(Diagnostic::invalid(at, message));
            };
            return parts(text, leading, part(last)?)
                .map(|literal| Expr::literal(literal, at))
                .ok_or_else(|| {
                    Diagnostic::invalid(at, format!("Invalid INTERVAL value '{text}'"))
                });
        }
        // Of one unit, the number may be quoted.
        let value = match value.as_literal() {
            Some(Literal::String(text)) if leading == DatePart::Second => {
                let literal = parts(text, leading, leading).ok_or_else(|| {
                    Diagnostic::invalid(at, format!("Invalid INTERVAL value '{text}'"))
                })?;
                return Ok(Expr::literal(literal, at));
            }
            Some(Literal::String(text)) => match text.trim().parse() {
                Ok(number) => Expr::literal(Literal::Int64(number), value.at),
                Err(_) => {
                    let message = format!("Invalid INTERVAL value '{text}'");
                    return Err(Diagnostic::invalid(at, message));
                }
            },
            _ => value,
        };
        let from = value.ty.clone();
        let value = coerce::to(value, &Type::Int64).ok_or_else(|| {
            Diagnostic::invalid(at, format!("INTERVAL expects a whole number, this is {from}"))
        })?;
        let kind = ExprKind::Interval { value: Box::new(value), part: leading };
        Ok(Expr::new(kind, Type::Interval, at))
    }
}

/// Reads the parts from the first to the last: years-months, days, hours:minutes:seconds, each of
/// the three with a sign of its own.
fn parts(text: &str, first: DatePart, last: DatePart) -> Option<Literal> {
    let place = |part| PARTS.iter().position(|known| *known == part);
    let (first, last) = (place(first)?, place(last)?);
    let mut rest = text.trim();
    let mut negative = false;
    let (mut months, mut days, mut microseconds) = (0_i64, 0_i64, 0_i64);
    for (number, part) in PARTS.iter().enumerate().take(last + 1).skip(first) {
        // Days stand alone; the others have a sign only where their group begins.
        let begins = number == first || matches!(part, DatePart::Day | DatePart::Hour);
        if number > first {
            let separator = match (begins, part) {
                (true, _) => ' ',
                (false, DatePart::Month) => '-',
                _ => ':',
            };
            rest = rest.strip_prefix(separator)?;
        }
        if begins {
            negative = rest.starts_with('-');
            rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        }
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest.get(..length)?.parse().ok()?;
        rest = &rest[length..];
        let count = if negative { -count } else { count };
        match part {
            DatePart::Year => months = months.checked_add(count.checked_mul(12)?)?,
            DatePart::Month => months = months.checked_add(count)?,
            DatePart::Day => days = count,
            part => {
                let length = part.microseconds()?;
                microseconds = microseconds.checked_add(count.checked_mul(length)?)?;
            }
        }
    }
    if let Some(fraction) = rest.strip_prefix('.').filter(|_| last == PARTS.len() - 1) {
        let known =
            (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
        let micros: i64 = known.then(|| format!("{fraction:0<6}")[..6].parse().ok())??;
        microseconds = microseconds.checked_add(if negative { -micros } else { micros })?;
        rest = "";
    }
    rest.is_empty().then_some(Literal::Interval { months, days, microseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parts() {
        use DatePart::{Day, Hour, Minute, Month, Second, Year};
        let interval =
            |months, days, microseconds| Some(Literal::Interval { months, days, microseconds });
        for (text, first, last, expected) in [
            ("1-2 3 4:5:6.789", Year, Second, interval(14, 3, 14_706_789_000)),
            ("-1-2", Year, Month, interval(-14, 0, 0)),
            ("1 -2", Month, Day, interval(1, -2, 0)),
            ("-4:5", Hour, Minute, interval(0, 0, -14_700_000_000)),
            ("2 10:20:30.52", Day, Second, interval(0, 2, 37_230_520_000)),
            ("0.000001", Second, Second, interval(0, 0, 1)),
            ("1", Year, Month, None),
            ("1-2 3", Year, Month, None),
            ("4:5", Minute, Hour, None),
            ("99999999999999999999", Second, Second, None),
            ("", Second, Second, None),
            ("1.", Second, Second, None),
        ] {
            assert_eq!(parts(text, first, last), expected, "{text}");
        }
    }
}
