//! Functions of DATETIME: a date and a time of day without a zone.

use super::{Function, Param, Returns, calendar::truncate, function, lowered, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_DATETIME",
        "The date and time at which the query began, in UTC.",
        &[overload(&[], Returns::Datetime, "now() AT TIME ZONE 'UTC'").total()],
        &[("CURRENT_DATETIME() > DATETIME '2024-01-01 00:00:00'", "true")],
    ),
    function(
        "DATETIME",
        "The date and time of a TIMESTAMP in UTC or a zone, or of a date at midnight.",
        &[
            overload(&[Param::Datetime], Returns::Datetime, "$1").total(),
            overload(&[Param::Timestamp], Returns::Datetime, "$1").total(),
            overload(&[Param::Date], Returns::Datetime, "$1::timestamp").total(),
            overload(
                &[Param::Timestamp, Param::String],
                Returns::Datetime,
                "$1 AT TIME ZONE 'UTC' AT TIME ZONE logweir.time_zone($2)",
            ),
        ],
        &[
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00')", "2024-01-01 00:00:00"),
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00', 'Asia/Tokyo')", "2024-01-01 09:00:00"),
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00', '+05:30')", "2024-01-01 05:30:00"),
        ],
    ),
    function(
        "DATETIME_TRUNC",
        "The begin of the part of time that a time lies in.",
        &[lowered(&[Param::Datetime, Param::DatePart], Returns::Datetime, truncate)],
        &[("DATETIME_TRUNC(DATETIME '2024-01-03 04:05:06', HOUR)", "2024-01-03 04:00:00")],
    ),
];
