//! Functions of time. A TIMESTAMP is carried as PostgreSQL's `timestamp` in UTC.

use super::{DatePart, Function, Lower, Overload, Param, Returns, overload};
use crate::{
    diagnostic::Diagnostic,
    postgres,
    tree::{Expr, ExprKind},
    types::Type,
};

const fn with(
    params: &'static [Param],
    optional: usize,
    returns: Returns,
    lower: fn(&[Expr], Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic>,
) -> Overload {
    Overload { params, optional, variadic: false, returns, lower: Lower::With(lower) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "CURRENT_TIMESTAMP",
        overloads: &[overload(&[], Returns::Timestamp, "now() AT TIME ZONE 'UTC'")],
        examples: &[
            ("CURRENT_TIMESTAMP() > TIMESTAMP '2024-01-01'", "true"),
            ("CURRENT_TIMESTAMP = CURRENT_TIMESTAMP()", "true"),
        ],
    },
    Function {
        name: "CURRENT_DATE",
        overloads: &[overload(&[], Returns::Date, "(now() AT TIME ZONE 'UTC')::date")],
        examples: &[("CURRENT_DATE() > DATE '2024-01-01'", "true")],
    },
    Function {
        name: "CURRENT_DATETIME",
        overloads: &[overload(&[], Returns::Datetime, "now() AT TIME ZONE 'UTC'")],
        examples: &[("CURRENT_DATETIME() > DATETIME '2024-01-01 00:00:00'", "true")],
    },
    Function {
        name: "TIMESTAMP_TRUNC",
        overloads: &[with(
            &[Param::Timestamp, Param::DatePart, Param::String],
            1,
            Returns::Timestamp,
            truncate,
        )],
        examples: &[
            (
                "TIMESTAMP_TRUNC(TIMESTAMP '2024-01-03 04:05:06.7+00', MINUTE)",
                "2024-01-03 04:05:00+00",
            ),
            ("TIMESTAMP_TRUNC(TIMESTAMP '2024-01-03 04:05:06+00', WEEK)", "2023-12-31 00:00:00+00"),
            (
                "TIMESTAMP_TRUNC(TIMESTAMP '2024-01-03 04:05:06+00', WEEK(MONDAY))",
                "2024-01-01 00:00:00+00",
            ),
            (
                "TIMESTAMP_TRUNC(TIMESTAMP '2024-01-03 04:05:06+00', DAY, 'America/New_York')",
                "2024-01-02 05:00:00+00",
            ),
        ],
    },
    Function {
        name: "DATETIME_TRUNC",
        overloads: &[with(&[Param::Datetime, Param::DatePart], 0, Returns::Datetime, truncate)],
        examples: &[(
            "DATETIME_TRUNC(DATETIME '2024-01-03 04:05:06', HOUR)",
            "2024-01-03 04:00:00",
        )],
    },
    Function {
        name: "DATE_TRUNC",
        overloads: &[
            with(&[Param::Date, Param::DatePart], 0, Returns::Date, truncate_date),
            with(
                &[Param::Timestamp, Param::DatePart, Param::String],
                1,
                Returns::Timestamp,
                truncate,
            ),
            with(&[Param::Datetime, Param::DatePart], 0, Returns::Datetime, truncate),
        ],
        examples: &[("DATE_TRUNC(DATE '2024-02-03', MONTH)", "2024-02-01")],
    },
    Function {
        name: "TIMESTAMP_ADD",
        overloads: &[overload(&[Param::Timestamp, Param::Interval], Returns::Timestamp, "$1 + $2")],
        examples: &[(
            "TIMESTAMP_ADD(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 90 MINUTE)",
            "2024-01-01 01:30:00+00",
        )],
    },
    Function {
        name: "TIMESTAMP_SUB",
        overloads: &[overload(&[Param::Timestamp, Param::Interval], Returns::Timestamp, "$1 - $2")],
        examples: &[(
            "TIMESTAMP_SUB(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 1 DAY)",
            "2023-12-31 00:00:00+00",
        )],
    },
    Function {
        name: "TIMESTAMP_DIFF",
        overloads: &[with(
            &[Param::Timestamp, Param::Timestamp, Param::DatePart],
            0,
            Returns::Int64,
            difference,
        )],
        examples: &[
            (
                "TIMESTAMP_DIFF(TIMESTAMP '2024-01-02 00:00:00+00', TIMESTAMP '2024-01-01 00:00:01+00', HOUR)",
                "23",
            ),
            (
                "TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 00:00:00+00', TIMESTAMP '2024-01-01 01:59:00+00', HOUR)",
                "-1",
            ),
        ],
    },
    Function {
        name: "TIMESTAMP",
        overloads: &[
            overload(&[Param::Timestamp], Returns::Timestamp, "$1"),
            overload(&[Param::Datetime], Returns::Timestamp, "$1"),
            overload(&[Param::Date], Returns::Timestamp, "$1::timestamp"),
            overload(&[Param::String], Returns::Timestamp, "logweir.to_timestamp($1)"),
        ],
        examples: &[("TIMESTAMP('2024-01-01 02:00:00+02:00')", "2024-01-01 00:00:00+00")],
    },
    Function {
        name: "DATETIME",
        overloads: &[
            overload(&[Param::Datetime], Returns::Datetime, "$1"),
            overload(&[Param::Timestamp], Returns::Datetime, "$1"),
            overload(&[Param::Date], Returns::Datetime, "$1::timestamp"),
            overload(
                &[Param::Timestamp, Param::String],
                Returns::Datetime,
                "$1 AT TIME ZONE 'UTC' AT TIME ZONE logweir.time_zone($2)",
            ),
        ],
        examples: &[
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00')", "2024-01-01 00:00:00"),
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00', 'Asia/Tokyo')", "2024-01-01 09:00:00"),
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00', '+05:30')", "2024-01-01 05:30:00"),
        ],
    },
    Function {
        name: "DATE",
        overloads: &[
            overload(&[Param::Date], Returns::Date, "$1"),
            overload(&[Param::Timestamp], Returns::Date, "$1::date"),
            overload(&[Param::Datetime], Returns::Date, "$1::date"),
        ],
        examples: &[("DATE(TIMESTAMP '2024-01-01 23:00:00+00')", "2024-01-01")],
    },
    // The numbers count from 1970, also before it: BigQuery rounds down.
    Function {
        name: "UNIX_SECONDS",
        overloads: &[overload(
            &[Param::Timestamp],
            Returns::Int64,
            "floor(extract(epoch FROM $1))::bigint",
        )],
        examples: &[
            ("UNIX_SECONDS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1"),
            ("UNIX_SECONDS(TIMESTAMP '1969-12-31 23:59:59.5+00')", "-1"),
        ],
    },
    Function {
        name: "UNIX_MILLIS",
        overloads: &[overload(
            &[Param::Timestamp],
            Returns::Int64,
            "floor(extract(epoch FROM $1) * 1000)::bigint",
        )],
        examples: &[("UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1900")],
    },
    Function {
        name: "UNIX_MICROS",
        overloads: &[overload(
            &[Param::Timestamp],
            Returns::Int64,
            "(extract(epoch FROM $1) * 1000000)::bigint",
        )],
        examples: &[("UNIX_MICROS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1900000")],
    },
    Function {
        name: "TIMESTAMP_SECONDS",
        overloads: &[overload(
            &[Param::Int64],
            Returns::Timestamp,
            "timestamp '1970-01-01' + $1 * interval '1 second'",
        )],
        examples: &[("TIMESTAMP_SECONDS(1)", "1970-01-01 00:00:01+00")],
    },
    Function {
        name: "TIMESTAMP_MILLIS",
        overloads: &[overload(
            &[Param::Int64],
            Returns::Timestamp,
            "timestamp '1970-01-01' + $1 * interval '1 millisecond'",
        )],
        examples: &[("TIMESTAMP_MILLIS(1500)", "1970-01-01 00:00:01.500+00")],
    },
    Function {
        name: "TIMESTAMP_MICROS",
        overloads: &[overload(
            &[Param::Int64],
            Returns::Timestamp,
            "timestamp '1970-01-01' + $1 * interval '1 microsecond'",
        )],
        examples: &[("TIMESTAMP_MICROS(1767225600000001)", "2026-01-01 00:00:00.000001+00")],
    },
    Function {
        name: "EXTRACT",
        overloads: &[
            with(&[Param::DatePart, Param::Timestamp], 0, Returns::Int64, extract),
            with(&[Param::DatePart, Param::Datetime], 0, Returns::Int64, extract),
            with(&[Param::DatePart, Param::Date], 0, Returns::Int64, extract),
        ],
        examples: &[
            ("EXTRACT(HOUR FROM TIMESTAMP '2024-01-03 04:05:06+00')", "4"),
            ("EXTRACT(DAYOFWEEK FROM TIMESTAMP '2024-01-07 00:00:00+00')", "1"),
            ("EXTRACT(MILLISECOND FROM TIMESTAMP '2024-01-03 04:05:06.789+00')", "789"),
        ],
    },
];

/// The part that an argument names.
fn part_of(args: &[Expr]) -> Result<DatePart, Diagnostic> {
    let named = args.iter().find_map(|arg| match arg.kind {
        ExprKind::DatePart(part) => Some(part),
        _ => None,
    });
    named.ok_or_else(|| {
        let at = args.first().map(|arg| arg.at).unwrap_or_default();
        Diagnostic::internal(at, "a date part was lost")
    })
}

/// `TIMESTAMP_TRUNC(x, part[, zone])` and its kin.
fn truncate(args: &[Expr], mut lowered: Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic> {
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

fn truncate_date(
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
fn difference(
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
fn extract(args: &[Expr], mut lowered: Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic> {
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
