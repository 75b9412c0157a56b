//! Functions of DATE.

use super::{
    Function, Param, Returns,
    calendar::{truncate, truncate_date},
    function, lowered, overload,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_DATE",
        "The date at which the query began, in UTC.",
        &[overload(&[], Returns::Date, "(now() AT TIME ZONE 'UTC')::date").total()],
        &[("CURRENT_DATE() > DATE '2024-01-01'", "true")],
    ),
    function(
        "DATE",
        "The date of a time, in UTC.",
        &[
            overload(&[Param::Date], Returns::Date, "$1").total(),
            overload(&[Param::Timestamp], Returns::Date, "$1::date").total(),
            overload(&[Param::Datetime], Returns::Date, "$1::date").total(),
        ],
        &[("DATE(TIMESTAMP '2024-01-01 23:00:00+00')", "2024-01-01")],
    ),
    function(
        "DATE_TRUNC",
        "The first day of the part of time that a date lies in.",
        &[
            lowered(&[Param::Date, Param::DatePart], Returns::Date, truncate_date),
            lowered(
                &[Param::Timestamp, Param::DatePart, Param::String],
                Returns::Timestamp,
                truncate,
            )
            .optional(1),
            lowered(&[Param::Datetime, Param::DatePart], Returns::Datetime, truncate),
        ],
        &[("DATE_TRUNC(DATE '2024-02-03', MONTH)", "2024-02-01")],
    ),
];
