//! Time that passes: moving a date or time by parts, counting the parts between two.

use super::{
    DatePart,
    calendar::{stays_near_now, truncation, unsupported},
    declaration::part_of,
};
use crate::{
    diagnostic::Diagnostic,
    lower,
    postgres::Expr as Pg,
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

/// A function that moves a date or time, and whether it does so towards the past.
pub(super) struct Shift {
    pub(super) function: &'static str,
    pub(super) back: bool,
    /// NULL where it fails.
    pub(super) safe: bool,
}

/// `DATE_ADD(x, INTERVAL n part)` and its kin, of a DATE, DATETIME, TIMESTAMP or TIME.
pub(super) fn shift(how: &Shift, args: &[Expr], mut lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let ty = &args[0].ty;
    let ExprKind::Interval { value: count, part } = &args[1].kind else {
        let message =
            format!("{} expects INTERVAL, a whole number and one date part", how.function);
        return Err(Diagnostic::invalid(args[1].at, message));
    };
    let months = part.months();
    let unit = part.microseconds();
    let allowed = match ty {
        Type::Date => *part == DatePart::Day || *part == DatePart::Week(0) || months.is_some(),
        Type::Datetime => unit.is_some() || *part == DatePart::Week(0) || months.is_some(),
        Type::Timestamp => unit.is_some(),
        _ => part.is_of_day(),
    };
    if !allowed {
        let mut message =
            format!("{} does not support the {} date part", how.function, part.name());
        if *ty != Type::Time {
            message.push_str(&format!(" when the argument is {ty} type"));
        }
        return Err(Diagnostic::invalid(args[1].at, message));
    }
    let interval = lowered.remove(1);
    let value = lowered.remove(0);
    if stays_near_now(args) && matches!(ty, Type::Timestamp | Type::Datetime) {
        return Ok(Pg::infix(if how.back { "-" } else { "+" }, value, interval));
    }
    if let (true, Type::Date, None, Some(Literal::Int64(count))) =
        (stays_near_now(args), ty, months, count.as_literal())
    {
        let days = count * if unit.is_some() { 1 } else { 7 };
        let days = Pg::number(if how.back { -days } else { days });
        return Ok(Pg::template("$1 + $2::int", vec![value, days]));
    }
    let count = match count.as_literal() {
        Some(Literal::Int64(count)) if how.back && *count != i64::MIN => Pg::number(-count),
        _ if how.back => {
            Pg::Prefix { operator: "-", operand: Box::new(lower::lower_expression(count)?) }
        }
        _ => lower::lower_expression(count)?,
    };
    let name = Pg::text(&part.name());
    let what = Pg::text(&ty.to_string().to_ascii_lowercase());
    if let Some(months) = months {
        let date = *ty == Type::Date;
        let value = if date { Pg::cast(value, &Type::Datetime) } else { value };
        let args = vec![value, count, Pg::number(months), name, what];
        let moved = if how.safe {
            Pg::template("logweir.safe_add_months($1, $2, $3)", args)
        } else {
            Pg::template("logweir.add_months($1, $2, $3, $4, $5)", args)
        };
        return Ok(if date { Pg::cast(moved, &Type::Date) } else { moved });
    }
    Ok(match (ty, unit) {
        (Type::Date, _) => {
            let days = Pg::number(if unit.is_some() { 1 } else { 7 });
            let args = vec![value, count, days, name];
            if how.safe {
                Pg::template("logweir.safe_add_days($1, $2, $3)", args)
            } else {
                Pg::template("logweir.add_days($1, $2, $3, $4)", args)
            }
        }
        (Type::Time, Some(unit)) => {
            Pg::template("logweir.add_to_time($1, $2, $3)", vec![value, count, Pg::number(unit)])
        }
        (_, unit) => {
            let count = match unit {
                Some(_) => count,
                None => Pg::template("$1 * 7", vec![count]),
            };
            let unit = Pg::number(unit.unwrap_or(86_400_000_000));
            let args = vec![value, count, unit, name, what];
            if how.safe {
                Pg::template("logweir.safe_add($1, $2, $3)", args)
            } else {
                Pg::template("logweir.add($1, $2, $3, $4, $5)", args)
            }
        }
    })
}

/// `DATE_DIFF(a, b, part)` and its kin. Of TIMESTAMPs it counts the whole parts between them, towards
/// zero; of the others the times that a part begins.
pub(super) fn difference(
    function: &str,
    args: &[Expr],
    mut lowered: Vec<Pg>,
) -> Result<Pg, Diagnostic> {
    let part = part_of(args)?;
    let ty = &args[0].ty;
    let refused = || {
        let mut error = unsupported(function, part, args);
        error.message.push_str(&format!(" when the argument is {ty} type"));
        error
    };
    lowered.truncate(2);
    if *ty == Type::Timestamp {
        lowered.push(Pg::number(part.microseconds().ok_or_else(refused)?));
        let template = "trunc(extract(epoch FROM $1 - $2) * 1000000 / $3)::bigint";
        return Ok(Pg::template(template, lowered));
    }
    if part.is_of_day() {
        lowered.push(Pg::number(part.microseconds().ok_or_else(refused)?));
        let template = match ty {
            Type::Date => return Err(refused()),
            Type::Time => {
                "(floor(extract(epoch FROM $1) * 1000000 / $3) - floor(extract(epoch FROM $2) * 1000000 / $3))::bigint"
            }
            _ => {
                lowered.push(Pg::text(&part.name().to_ascii_lowercase()));
                "(extract(epoch FROM date_trunc($4, $1) - date_trunc($4, $2)) * 1000000 / $3)::bigint"
            }
        };
        return Ok(Pg::template(template, lowered));
    }
    if *ty == Type::Time {
        return Err(refused());
    }
    if *ty == Type::Datetime {
        lowered = lowered.into_iter().map(|value| Pg::cast(value, &Type::Date)).collect();
    }
    let template = match part {
        DatePart::Day => "($1 - $2)::bigint",
        DatePart::Month => {
            "((extract(year FROM $1) - extract(year FROM $2)) * 12 + extract(month FROM $1) - extract(month FROM $2))::bigint"
        }
        DatePart::Quarter => {
            "((extract(year FROM $1) - extract(year FROM $2)) * 4 + extract(quarter FROM $1) - extract(quarter FROM $2))::bigint"
        }
        DatePart::Year => "(extract(year FROM $1) - extract(year FROM $2))::bigint",
        DatePart::IsoYear => "(extract(isoyear FROM $1) - extract(isoyear FROM $2))::bigint",
        part => {
            // The first day of all is a Monday.
            let day = part.first_day_of_week().ok_or_else(refused)?;
            lowered.push(Pg::number((8 - i64::from(day)) % 7));
            "(($1 - date '0001-01-01' + $3) / 7 - ($2 - date '0001-01-01' + $3) / 7)"
        }
    };
    Ok(Pg::template(template, lowered))
}

/// `LAST_DAY(x[, part])`
pub(super) fn last_day(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let next = next_begins(args, &lowered)?;
    let value = lowered.into_iter().next();
    let value = value.map(|value| Pg::cast(value, &Type::Datetime));
    let args = std::iter::once(next).chain(value).collect();
    Ok(Pg::template("logweir.last_day($1, $2)", args))
}

/// As [`last_day`], NULL where it is out of range.
pub(super) fn safe_last_day(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    Ok(Pg::template("logweir.safe_last_day($1)", vec![next_begins(args, &lowered)?]))
}

/// When the part of time begins that follows the one that the first argument lies in.
fn next_begins(args: &[Expr], lowered: &[Pg]) -> Result<Pg, Diagnostic> {
    let part = if args.len() > 1 { part_of(args)? } else { DatePart::Month };
    let step = match part {
        DatePart::Week(_) | DatePart::IsoWeek => "$1 + interval '7 days'",
        DatePart::Month => "$1 + interval '1 month'",
        DatePart::Quarter => "$1 + interval '3 months'",
        DatePart::Year => "$1 + interval '1 year'",
        // It has 52 or 53 weeks.
        DatePart::IsoYear => {
            "date_trunc('week', make_date(extract(isoyear FROM $1 + interval '371 days')::int, 1, 4)::timestamp)"
        }
        _ => return Err(unsupported("LAST_DAY", part, args)),
    };
    let (Some(truncation), Some(value)) = (truncation(part), lowered.first()) else {
        return Err(unsupported("LAST_DAY", part, args));
    };
    let begins = Pg::template(truncation, vec![Pg::cast(value.clone(), &Type::Datetime)]);
    Ok(Pg::template(step, vec![begins]))
}
