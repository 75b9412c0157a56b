//! Parts of dates and times: truncating to them, counting them, extracting them.

use super::{DatePart, declaration::part_of};
use crate::{diagnostic::Diagnostic, postgres, tree::Expr, types::Type};

/// `TIMESTAMP_TRUNC(x, part[, zone])` and its kin.
pub(super) fn truncate(
    args: &[Expr],
    mut lowered: Vec<postgres::Expr>,
) -> Result<postgres::Expr, Diagnostic> {
    let template = truncation(part_of(args)?)
        .ok_or_else(|| Diagnostic::invalid(args[1].at, "Cannot truncate to this date part"))?;
    let zone = (lowered.len() > 2).then(|| lowered.remove(2));
    let value = lowered.remove(0);
    let Some(zone) = zone else {
        return Ok(postgres::Expr::template(template, vec![value]));
    };
    let local = postgres::Expr::template(
        "$1 AT TIME ZONE 'UTC' AT TIME ZONE logweir.time_zone($2)",
        vec![value, zone.clone()],
    );
    Ok(postgres::Expr::template(
        "$1 AT TIME ZONE logweir.time_zone($2) AT TIME ZONE 'UTC'",
        vec![postgres::Expr::template(template, vec![local]), zone],
    ))
}

pub(super) fn truncate_date(
    args: &[Expr],
    mut lowered: Vec<postgres::Expr>,
) -> Result<postgres::Expr, Diagnostic> {
    lowered[0] = postgres::Expr::cast(lowered[0].clone(), &Type::Datetime);
    truncate(args, lowered).map(|truncated| postgres::Expr::cast(truncated, &Type::Date))
}

fn truncation(part: DatePart) -> Option<&'static str> {
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
        DatePart::DayOfWeek | DatePart::DayOfYear | DatePart::Date => return None,
    })
}

/// `TIMESTAMP_DIFF(a, b, part)`: whole parts between them, towards zero.
pub(super) fn difference(
    args: &[Expr],
    mut lowered: Vec<postgres::Expr>,
) -> Result<postgres::Expr, Diagnostic> {
    let microseconds = part_of(args)?.microseconds().ok_or_else(|| {
        Diagnostic::invalid(args[2].at, "TIMESTAMP_DIFF does not take this date part")
            .advise("it takes MICROSECOND to DAY")
    })?;
    lowered[2] = postgres::Expr::number(microseconds);
    Ok(postgres::Expr::template(
        "trunc(extract(epoch FROM $1 - $2) * 1000000 / $3)::bigint",
        lowered,
    ))
}

/// `EXTRACT(part FROM x)`; the part is the first argument.
pub(super) fn extract(
    args: &[Expr],
    mut lowered: Vec<postgres::Expr>,
) -> Result<postgres::Expr, Diagnostic> {
    let template = match part_of(args)? {
        DatePart::Microsecond => "(extract(microseconds FROM $1)::bigint % 1000000)",
        DatePart::Millisecond => "(extract(microseconds FROM $1)::bigint % 1000000 / 1000)",
        DatePart::Second => "floor(extract(second FROM $1))::bigint",
        DatePart::Minute => "extract(minute FROM $1)::bigint",
        DatePart::Hour => "extract(hour FROM $1)::bigint",
        DatePart::Day => "extract(day FROM $1)::bigint",
        DatePart::DayOfWeek => "(extract(dow FROM $1)::bigint + 1)",
        DatePart::DayOfYear => "extract(doy FROM $1)::bigint",
        DatePart::IsoWeek => "extract(week FROM $1)::bigint",
        DatePart::Month => "extract(month FROM $1)::bigint",
        DatePart::Quarter => "extract(quarter FROM $1)::bigint",
        DatePart::Year => "extract(year FROM $1)::bigint",
        DatePart::IsoYear => "extract(isoyear FROM $1)::bigint",
        DatePart::Week(_) | DatePart::Date => {
            return Err(Diagnostic::unsupported(args[0].at, "EXTRACT of this date part"));
        }
    };
    Ok(postgres::Expr::template(template, vec![lowered.remove(1)]))
}
