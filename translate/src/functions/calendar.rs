//! Parts of dates and times: truncating to them, extracting them.

use super::{DatePart, declaration::part_of};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

/// `TIMESTAMP_TRUNC(x, part[, zone])` and its kin.
pub(super) fn truncate(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    truncated(args, lowered, "logweir.in_range($1)")
}

/// As [`truncate`], NULL where it fails.
pub(super) fn safe_truncate(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    truncated(args, lowered, "logweir.safe_in_range($1)")
}

fn truncated(
    args: &[Expr],
    mut lowered: Vec<Pg>,
    in_range: &'static str,
) -> Result<Pg, Diagnostic> {
    let part = part_of(args)?;
    let zone = (lowered.len() > 2).then(|| lowered.remove(2));
    let value = lowered.remove(0);
    if args[0].ty == Type::Time {
        let template = truncation(part).filter(|_| part.is_of_day());
        let template = template.ok_or_else(|| unsupported("TIME_TRUNC", part, args))?;
        let of_day = Pg::template(template, vec![Pg::template("$1::interval", vec![value])]);
        return Ok(Pg::cast(of_day, &Type::Time));
    }
    let date = args[0].ty == Type::Date;
    let template = truncation(part).filter(|_| !(date && part.is_of_day()));
    let template = template.ok_or_else(|| {
        let function = match args[0].ty {
            Type::Date => "DATE_TRUNC",
            Type::Datetime => "DATETIME_TRUNC",
            _ => "TIMESTAMP_TRUNC",
        };
        unsupported(function, part, args)
    })?;
    let Some(zone) = zone else {
        let value = if date { Pg::cast(value, &Type::Datetime) } else { value };
        let mut result = Pg::template(template, vec![value]);
        // Only weeks can begin before the year 1.
        let weeks = part.first_day_of_week().is_some();
        if weeks && part != DatePart::Week(1) && part != DatePart::IsoWeek && !near_now(&args[0]) {
            result = Pg::template(in_range, vec![result]);
        }
        return Ok(if date { Pg::cast(result, &Type::Date) } else { result });
    };
    if part.is_of_day() {
        let name = Pg::text(&part.name().to_ascii_lowercase());
        let template = "logweir.truncate_in_zone($1, $2, $3)";
        return Ok(Pg::template(template, vec![value, name, zone]));
    }
    let local = Pg::template("logweir.local_time($1, $2)", vec![value, zone.clone()]);
    let template = Pg::template(template, vec![local]);
    Ok(Pg::template("logweir.from_local_time($1, $2)", vec![template, zone]))
}

/// What BigQuery says of a part that a function does not take.
pub(super) fn unsupported(function: &str, part: DatePart, args: &[Expr]) -> Diagnostic {
    let at = args.iter().find(|arg| arg.ty == Type::DatePart).or(args.last());
    let message = format!("{function} does not support the {} date part", part.name());
    Diagnostic::invalid(at.map(|arg| arg.at).unwrap_or_default(), message)
}

/// Whether a time is the present one, or worked out from it by literals: such a time is far from
/// the bounds of its type.
pub(super) fn near_now(time: &Expr) -> bool {
    let constant = |arg: &Expr| matches!(arg.kind, ExprKind::Literal(_) | ExprKind::DatePart(_));
    match &time.kind {
        ExprKind::Call { args, .. } => match args.split_first() {
            None => true,
            Some((first, rest)) => {
                near_now(first) && rest.iter().all(|arg| constant(arg) || short(arg))
            }
        },
        ExprKind::Cast { expr, .. } => near_now(expr),
        ExprKind::Arithmetic { left, right, .. } => near_now(left) && short(right),
        _ => false,
    }
}

/// Whether an interval is a constant of less than some hundred years.
fn short(interval: &Expr) -> bool {
    match &interval.kind {
        ExprKind::Interval { value, part } => match value.as_literal() {
            Some(Literal::Int64(count)) => {
                let unit = match part.months() {
                    Some(months) => months * 31 * 86_400_000_000,
                    None => part.microseconds().unwrap_or(7 * 86_400_000_000),
                };
                count.checked_abs().and_then(|count| count.checked_mul(unit)).is_some_and(
                    // A hundred years in microseconds.
                    |length| length < 3_155_760_000_000_000,
                )
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a time is near the present and is moved by little.
pub(super) fn stays_near_now(args: &[Expr]) -> bool {
    matches!(args, [time, interval] if near_now(time) && short(interval))
}

/// A template for the begin of a part of a `timestamp`.
pub(super) fn truncation(part: DatePart) -> Option<&'static str> {
    Some(match part {
        DatePart::Microsecond => "date_trunc('microseconds', $1)",
        DatePart::Millisecond => "date_trunc('milliseconds', $1)",
        DatePart::Second => "date_trunc('second', $1)",
        DatePart::Minute => "date_trunc('minute', $1)",
        DatePart::Hour => "date_trunc('hour', $1)",
        DatePart::Day => "date_trunc('day', $1)",
        // PostgreSQL's weeks begin on Monday: shift there and back.
        DatePart::Week(0) => "date_trunc('week', $1 + interval '1 day') - interval '1 day'",
        DatePart::IsoWeek | DatePart::Week(1) => "date_trunc('week', $1)",
        DatePart::Week(2) => "date_trunc('week', $1 - interval '1 day') + interval '1 day'",
        DatePart::Week(3) => "date_trunc('week', $1 - interval '2 day') + interval '2 day'",
        DatePart::Week(4) => "date_trunc('week', $1 - interval '3 day') + interval '3 day'",
        DatePart::Week(5) => "date_trunc('week', $1 - interval '4 day') + interval '4 day'",
        DatePart::Week(_) => "date_trunc('week', $1 - interval '5 day') + interval '5 day'",
        DatePart::Month => "date_trunc('month', $1)",
        DatePart::Quarter => "date_trunc('quarter', $1)",
        DatePart::Year => "date_trunc('year', $1)",
        DatePart::IsoYear => {
            "date_trunc('week', make_date(extract(isoyear FROM $1)::int, 1, 4)::timestamp)"
        }
        DatePart::DayOfWeek
        | DatePart::DayOfYear
        | DatePart::Date
        | DatePart::Time
        | DatePart::Datetime => return None,
    })
}

/// The type of `EXTRACT(part FROM x)`.
pub(super) fn extracted_type(args: &[Expr]) -> Type {
    match part_of(args) {
        Ok(DatePart::Date) => Type::Date,
        Ok(DatePart::Time) => Type::Time,
        Ok(DatePart::Datetime) => Type::Datetime,
        _ => Type::Int64,
    }
}

/// `EXTRACT(part FROM x [AT TIME ZONE zone])`: part, x, zone.
pub(super) fn extract(args: &[Expr], mut lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let part = part_of(args)?;
    let ty = &args[1].ty;
    let allowed = match ty {
        Type::Date => {
            !part.is_of_day()
                && !matches!(part, DatePart::Date | DatePart::Time | DatePart::Datetime)
        }
        Type::Time => part.is_of_day(),
        Type::Datetime => part != DatePart::Datetime,
        Type::Interval => {
            part.is_of_day() || matches!(part, DatePart::Day | DatePart::Month | DatePart::Year)
        }
        _ => true,
    };
    if !allowed {
        let message = if *ty == Type::Interval {
            format!("Unsupported date part {} in EXTRACT FROM INTERVAL", part.name())
        } else {
            format!("EXTRACT from {ty} does not support the {} date part", part.name())
        };
        return Err(Diagnostic::invalid(args[0].at, message));
    }
    let zone = (lowered.len() > 2).then(|| lowered.remove(2));
    let mut value = lowered.remove(1);
    if let Some(zone) = zone {
        value = Pg::template("logweir.local_time($1, $2)", vec![value, zone]);
    }
    let template = match part {
        DatePart::Microsecond => "(extract(microseconds FROM $1)::bigint % 1000000)",
        DatePart::Millisecond => "(extract(microseconds FROM $1)::bigint % 1000000 / 1000)",
        DatePart::Second => "trunc(extract(second FROM $1))::bigint",
        DatePart::Minute => "extract(minute FROM $1)::bigint",
        DatePart::Hour => "extract(hour FROM $1)::bigint",
        DatePart::Day => "extract(day FROM $1)::bigint",
        DatePart::DayOfWeek => "(extract(dow FROM $1)::bigint + 1)",
        DatePart::DayOfYear => "extract(doy FROM $1)::bigint",
        DatePart::Week(day) => {
            let day = Pg::Atom(day.to_string());
            return Ok(Pg::template("logweir.week_of_year($1, $2)", vec![value, day]));
        }
        DatePart::IsoWeek => "extract(week FROM $1)::bigint",
        DatePart::Month => "extract(month FROM $1)::bigint",
        DatePart::Quarter => "extract(quarter FROM $1)::bigint",
        DatePart::Year => "extract(year FROM $1)::bigint",
        DatePart::IsoYear => "extract(isoyear FROM $1)::bigint",
        DatePart::Date => "$1::date",
        DatePart::Time => "$1::time",
        DatePart::Datetime => "$1",
    };
    Ok(Pg::template(template, vec![value]))
}
