//! Series of dates and times, and buckets of time.

use super::{
    DatePart, Function, Param, Returns, calendar::unsupported, function, lowered, overload,
};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Expr, ExprKind},
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "GENERATE_DATE_ARRAY",
        "The dates from one to another, a day or an interval apart.",
        &[
            overload(
                &[Param::Date, Param::Date],
                Returns::Array(&Returns::Date),
                "logweir.generate_dates($1, $2, interval '1 day')",
            )
            .total(),
            lowered(
                &[Param::Date, Param::Date, Param::Interval],
                Returns::Array(&Returns::Date),
                |args, lowered| {
                    step("GENERATE_DATE_ARRAY", args, |part| !part.is_of_day())?;
                    Ok(Pg::template("logweir.generate_dates($1, $2, $3)", lowered))
                },
            ),
        ],
        &[
            ("ARRAY_LENGTH(GENERATE_DATE_ARRAY(DATE '2024-01-01', DATE '2024-01-31'))", "31"),
            (
                "GENERATE_DATE_ARRAY('2024-01-01', '2024-01-10', INTERVAL 1 WEEK)[OFFSET(1)]",
                "2024-01-08",
            ),
            (
                "GENERATE_DATE_ARRAY(DATE '2024-01-31', DATE '2024-05-31', INTERVAL 1 MONTH)[OFFSET(2)]",
                "2024-03-29",
            ),
            (
                "GENERATE_DATE_ARRAY(DATE '2024-01-05', DATE '2024-01-01', INTERVAL -2 DAY)[OFFSET(2)]",
                "2024-01-01",
            ),
            ("ARRAY_LENGTH(GENERATE_DATE_ARRAY(DATE '2024-01-05', DATE '2024-01-01'))", "0"),
            ("ARRAY_LENGTH(GENERATE_DATE_ARRAY(DATE '2024-01-05', NULL))", "NULL"),
        ],
    ),
    function(
        "GENERATE_TIMESTAMP_ARRAY",
        "The times from one to another, an interval apart.",
        &[lowered(
            &[Param::Timestamp, Param::Timestamp, Param::Interval],
            Returns::Array(&Returns::Timestamp),
            |args, lowered| {
                step("GENERATE_TIMESTAMP_ARRAY", args, |part| part.microseconds().is_some())?;
                Ok(Pg::template("logweir.generate_times($1, $2, $3)", lowered))
            },
        )],
        &[
            (
                "GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '2024-01-15 00:00:00+00', TIMESTAMP '2024-01-15 00:10:00+00', INTERVAL 5 MINUTE)[OFFSET(2)]",
                "2024-01-15 00:10:00+00",
            ),
            (
                "ARRAY_LENGTH(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '2024-01-15 04:00:00+00', TIMESTAMP '2024-01-15 00:00:00+00', INTERVAL -1 HOUR))",
                "5",
            ),
        ],
    ),
    function(
        "TIMESTAMP_BUCKET",
        "The begin of the bucket that a time lies in; buckets are of one length, and one begins at the third argument (1950-01-01).",
        &[overload(
            &[Param::Timestamp, Param::Interval, Param::Timestamp],
            Returns::Timestamp,
            "logweir.timestamp_bucket($*)",
        )
        .optional(1)],
        &[
            (
                "TIMESTAMP_BUCKET(TIMESTAMP '2024-01-01 00:07:00+00', INTERVAL 5 MINUTE)",
                "2024-01-01 00:05:00+00",
            ),
            (
                "TIMESTAMP_BUCKET(TIMESTAMP '1949-12-31 23:07:00+00', INTERVAL 5 MINUTE)",
                "1949-12-31 23:05:00+00",
            ),
            (
                "TIMESTAMP_BUCKET(TIMESTAMP '2024-01-01 00:07:00+00', INTERVAL 5 MINUTE, TIMESTAMP '2000-01-01 00:01:00+00')",
                "2024-01-01 00:06:00+00",
            ),
            (
                "TIMESTAMP_BUCKET(TIMESTAMP '2024-01-01 00:07:00+00', INTERVAL 2 DAY)",
                "2024-01-01 00:00:00+00",
            ),
        ],
    ),
    function(
        "DATE_BUCKET",
        "The first day of the bucket that a date lies in; buckets are of one length, and one begins at the third argument (1950-01-01).",
        &[overload(
            &[Param::Date, Param::Interval, Param::Date],
            Returns::Date,
            "logweir.date_bucket($*)",
        )
        .optional(1)],
        &[
            ("DATE_BUCKET(DATE '2024-01-05', INTERVAL 2 DAY)", "2024-01-05"),
            ("DATE_BUCKET(DATE '1949-12-30', INTERVAL 7 DAY)", "1949-12-25"),
            ("DATE_BUCKET(DATE '2024-05-30', INTERVAL 2 MONTH)", "2024-05-01"),
            ("DATE_BUCKET(DATE '2024-05-30', INTERVAL 2 MONTH, DATE '2000-01-31')", "2024-03-31"),
            ("DATE_BUCKET(DATE '1940-05-30', INTERVAL 5 MONTH, DATE '2000-01-31')", "1940-01-31"),
        ],
    ),
    function(
        "DATETIME_BUCKET",
        "The begin of the bucket that a DATETIME lies in; buckets are of one length, and one begins at the third argument (1950-01-01).",
        &[overload(
            &[Param::Datetime, Param::Interval, Param::Datetime],
            Returns::Datetime,
            "logweir.datetime_bucket($*)",
        )
        .optional(1)],
        &[
            (
                "DATETIME_BUCKET(DATETIME '2024-05-30 10:00:00', INTERVAL 12 HOUR)",
                "2024-05-30 00:00:00",
            ),
            (
                "DATETIME_BUCKET(DATETIME '2024-05-30 10:00:00', INTERVAL 1 MONTH, DATETIME '2000-01-31 12:00:00')",
                "2024-04-30 12:00:00",
            ),
        ],
    ),
];

/// Checks the part of the step of a series.
fn step(function: &str, args: &[Expr], allowed: fn(DatePart) -> bool) -> Result<(), Diagnostic> {
    let Some(interval) = args.get(2) else { return Ok(()) };
    match &interval.kind {
        ExprKind::Interval { part, .. } if !allowed(*part) => {
            Err(unsupported(function, *part, args))
        }
        _ => Ok(()),
    }
}
