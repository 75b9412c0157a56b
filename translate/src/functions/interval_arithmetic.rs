//! `+`, `-`, `*` and `/` of dates, times and intervals.

use super::{Function, Param, Returns, calendar::stays_near_now, function, lowered, overload};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr};

/// `+` and its kin of numbers are not here: they are part of the tree.
pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "+",
        "A date or time an interval later, a date some days later, the sum of intervals.",
        &[
            lowered(&[Param::Timestamp, Param::Interval], Returns::Timestamp, |args, lowered| {
                moved("+", "logweir.timestamp_plus($1, $2)", args, lowered)
            }),
            overload(
                &[Param::Interval, Param::Timestamp],
                Returns::Timestamp,
                "logweir.timestamp_plus($2, $1)",
            ),
            lowered(&[Param::Datetime, Param::Interval], Returns::Datetime, |args, lowered| {
                moved("+", "logweir.in_range($1 + $2)", args, lowered)
            }),
            overload(
                &[Param::Interval, Param::Datetime],
                Returns::Datetime,
                "logweir.in_range($2 + $1)",
            ),
            overload(
                &[Param::Date, Param::Interval],
                Returns::Datetime,
                "logweir.in_range($1::timestamp + $2)",
            ),
            overload(
                &[Param::Interval, Param::Date],
                Returns::Datetime,
                "logweir.in_range($2::timestamp + $1)",
            ),
            overload(
                &[Param::Date, Param::Int64],
                Returns::Date,
                "logweir.add_days($1, $2, 1, 'DAY')",
            ),
            overload(
                &[Param::Int64, Param::Date],
                Returns::Date,
                "logweir.add_days($2, $1, 1, 'DAY')",
            ),
            overload(
                &[Param::Interval, Param::Interval],
                Returns::Interval,
                "logweir.check_interval($1 + $2)",
            ),
        ],
        &[
            ("TIMESTAMP '2024-01-31 00:00:00+00' + INTERVAL 1 HOUR", "2024-01-31 01:00:00+00"),
            ("INTERVAL 1 HOUR + TIMESTAMP '2024-01-31 00:00:00+00'", "2024-01-31 01:00:00+00"),
            (
                "TIMESTAMP '2024-01-31 00:00:00+00' + INTERVAL '1 2' DAY TO HOUR",
                "2024-02-01 02:00:00+00",
            ),
            (
                "DATETIME '2024-01-31 00:00:00' + INTERVAL '1-1 1' YEAR TO DAY",
                "2025-03-01 00:00:00",
            ),
            ("DATE '2024-01-01' + INTERVAL 1 DAY", "2024-01-02 00:00:00"),
            ("INTERVAL 1 MONTH + DATE '2024-01-31'", "2024-02-29 00:00:00"),
            ("DATE '2024-01-01' + 1", "2024-01-02"),
            ("CAST(NULL AS TIMESTAMP) + INTERVAL 1 MONTH", "NULL"),
            ("1 + DATE '2024-01-01'", "2024-01-02"),
            ("INTERVAL 1 DAY + INTERVAL 5 HOUR", "0-0 1 5:0:0"),
        ],
    ),
    function(
        "-",
        "A date or time an interval earlier, a date some days earlier, what lies between two.",
        &[
            lowered(&[Param::Timestamp, Param::Interval], Returns::Timestamp, |args, lowered| {
                moved("-", "logweir.timestamp_plus($1, - $2)", args, lowered)
            }),
            lowered(&[Param::Datetime, Param::Interval], Returns::Datetime, |args, lowered| {
                moved("-", "logweir.in_range($1 - $2)", args, lowered)
            }),
            overload(
                &[Param::Date, Param::Interval],
                Returns::Datetime,
                "logweir.in_range($1::timestamp - $2)",
            ),
            overload(
                &[Param::Date, Param::Int64],
                Returns::Date,
                "logweir.add_days($1, - $2, 1, 'DAY')",
            ),
            overload(
                &[Param::Date, Param::Date],
                Returns::Interval,
                "make_interval(days => $1 - $2)",
            ),
            overload(
                &[Param::Timestamp, Param::Timestamp],
                Returns::Interval,
                "logweir.time_between($2, $1)",
            ),
            overload(&[Param::Datetime, Param::Datetime], Returns::Interval, "$1 - $2"),
            overload(&[Param::Time, Param::Time], Returns::Interval, "$1 - $2"),
            overload(
                &[Param::Interval, Param::Interval],
                Returns::Interval,
                "logweir.check_interval($1 - $2)",
            ),
            overload(&[Param::Interval], Returns::Interval, "- $1"),
        ],
        &[
            ("TIMESTAMP '2024-01-31 00:00:00+00' - INTERVAL 1 HOUR", "2024-01-30 23:00:00+00"),
            ("DATETIME '2024-03-31 00:00:00' - INTERVAL 1 MONTH", "2024-02-29 00:00:00"),
            ("DATE '2024-01-01' - INTERVAL 1 HOUR", "2023-12-31 23:00:00"),
            ("DATE '2024-01-01' - 1", "2023-12-31"),
            ("DATE '2024-01-03' - DATE '2023-01-01'", "0-0 367 0:0:0"),
            (
                "TIMESTAMP '2024-01-03 10:00:00+00' - TIMESTAMP '2024-01-01 00:00:00+00'",
                "0-0 0 58:0:0",
            ),
            (
                "TIMESTAMP '2024-01-01 00:00:00+00' - TIMESTAMP '2024-01-03 10:00:00+00'",
                "0-0 0 -58:0:0",
            ),
            ("DATETIME '2024-01-03 10:00:00' - DATETIME '2024-01-01 00:00:00'", "0-0 2 10:0:0"),
            ("DATETIME '2024-01-03 10:00:00' - DATE '2024-01-01'", "0-0 2 10:0:0"),
            ("TIME '10:00:00' - TIME '09:00:00'", "0-0 0 1:0:0"),
            ("INTERVAL 1 DAY - INTERVAL 5 HOUR", "0-0 1 -5:0:0"),
            ("-INTERVAL 1 DAY", "0-0 -1 0:0:0"),
        ],
    ),
    function(
        "*",
        "So many times an interval.",
        &[
            overload(
                &[Param::Interval, Param::Int64],
                Returns::Interval,
                "logweir.multiply_interval($1, $2)",
            ),
            overload(
                &[Param::Int64, Param::Interval],
                Returns::Interval,
                "logweir.multiply_interval($2, $1)",
            ),
        ],
        &[
            ("INTERVAL '1-2 3 4:5:6.5' YEAR TO SECOND * 3", "3-6 9 12:15:19.500"),
            ("3 * INTERVAL 1 DAY", "0-0 3 0:0:0"),
        ],
    ),
    function(
        "/",
        "A part of an interval; what is left of months and days goes to days and hours.",
        &[overload(
            &[Param::Interval, Param::Int64],
            Returns::Interval,
            "logweir.divide_interval($1, $2)",
        )],
        &[
            ("INTERVAL '1-2 3 4:5:6.5' YEAR TO SECOND / 2", "0-7 1 14:2:33.250"),
            ("INTERVAL 1 DAY / 7", "0-0 0 3:25:42.857142"),
            ("INTERVAL 1 YEAR / 5", "0-2 12 0:0:0"),
            ("INTERVAL -1 MONTH / 4", "0-0 -7 -12:0:0"),
            ("INTERVAL 1 MONTH = INTERVAL 30 DAY", "true"),
            ("INTERVAL 1 MONTH > INTERVAL 29 DAY", "true"),
        ],
    ),
];

/// What is near the present stays an expression that the planner sees through.
fn moved(
    operator: &'static str,
    template: &'static str,
    args: &[Expr],
    mut lowered: Vec<Pg>,
) -> Result<Pg, Diagnostic> {
    if stays_near_now(args) && lowered.len() == 2 {
        let interval = lowered.remove(1);
        return Ok(Pg::infix(operator, lowered.remove(0), interval));
    }
    Ok(Pg::template(template, lowered))
}
