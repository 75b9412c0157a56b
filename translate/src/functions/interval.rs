//! Functions of INTERVAL.

use super::{Function, Param, Returns, function, lowered, overload};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "MAKE_INTERVAL",
        "An interval from its parts.",
        &[lowered(
            &[Param::Int64, Param::Int64, Param::Int64, Param::Int64, Param::Int64, Param::Int64],
            Returns::Interval,
            make_interval,
        )
        .optional(6)
        .names(&["year", "month", "day", "hour", "minute", "second"])],
        &[
            ("MAKE_INTERVAL(1, 6, 15)", "1-6 15 0:0:0"),
            ("MAKE_INTERVAL(hour => 10, second => 20)", "0-0 0 10:0:20"),
            ("MAKE_INTERVAL(month => -13, day => -3, hour => -25)", "-1-1 -3 -25:0:0"),
            ("MAKE_INTERVAL(1, NULL)", "NULL"),
        ],
    ),
    function(
        "JUSTIFY_DAYS",
        "The interval with 30 days as a month.",
        &[overload(&[Param::Interval], Returns::Interval, "logweir.justify($1, TRUE, FALSE)")
            .total()],
        &[
            ("JUSTIFY_DAYS(INTERVAL 29 DAY)", "0-0 29 0:0:0"),
            ("JUSTIFY_DAYS(INTERVAL -65 DAY)", "-0-2 -5 0:0:0"),
            ("JUSTIFY_DAYS(INTERVAL 370 DAY)", "1-0 10 0:0:0"),
            ("JUSTIFY_DAYS(MAKE_INTERVAL(month => 1, day => -5))", "0-0 25 0:0:0"),
        ],
    ),
    function(
        "JUSTIFY_HOURS",
        "The interval with 24 hours as a day.",
        &[overload(&[Param::Interval], Returns::Interval, "logweir.justify($1, FALSE, TRUE)")
            .total()],
        &[
            ("JUSTIFY_HOURS(INTERVAL 47 HOUR)", "0-0 1 23:0:0"),
            ("JUSTIFY_HOURS(INTERVAL -12345 MINUTE)", "0-0 -8 -13:45:0"),
            ("JUSTIFY_HOURS(MAKE_INTERVAL(day => 1, hour => -5))", "0-0 0 19:0:0"),
        ],
    ),
    function(
        "JUSTIFY_INTERVAL",
        "The interval with 24 hours as a day and 30 days as a month.",
        &[overload(&[Param::Interval], Returns::Interval, "logweir.justify($1, TRUE, TRUE)")
            .total()],
        &[
            ("JUSTIFY_INTERVAL(INTERVAL '29 49:00:00' DAY TO SECOND)", "0-1 1 1:0:0"),
            ("JUSTIFY_INTERVAL(MAKE_INTERVAL(month => 1, day => -31, hour => 25))", "0-0 0 1:0:0"),
            ("JUSTIFY_INTERVAL(MAKE_INTERVAL(month => -1, day => 31, hour => 25))", "0-0 2 1:0:0"),
        ],
    ),
];

/// A part that is passed over is 0; a NULL that is written makes the whole NULL.
fn make_interval(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let parts = args
        .iter()
        .zip(lowered)
        .map(|(arg, part)| if arg.is_null() && arg.at.line == 0 { Pg::number(0) } else { part });
    Ok(Pg::template("logweir.make_interval($*)", parts.collect()))
}
