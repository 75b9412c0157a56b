//! Functions of DATETIME: a date and a time of day without a zone.

use super::{
    Function, Param, Returns,
    calendar::{safe_truncate, truncate},
    date::{differences, shifts, truncations},
    elapsed::{Shift, difference, shift},
    function, lowered, overload,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_DATETIME",
        "The date and time at which the query began, in UTC or a zone.",
        &[
            overload(&[], Returns::Datetime, "now() AT TIME ZONE 'UTC'").total(),
            overload(
                &[Param::String],
                Returns::Datetime,
                "logweir.local_time(now() AT TIME ZONE 'UTC', $1)",
            ),
        ],
        &[
            ("CURRENT_DATETIME() > DATETIME '2024-01-01 00:00:00'", "true"),
            ("DATETIME_DIFF(CURRENT_DATETIME('+01'), CURRENT_DATETIME(), HOUR)", "1"),
        ],
    ),
    function(
        "DATETIME",
        "A date and time from its parts, or that of a TIMESTAMP in UTC or a zone.",
        &[
            overload(&[Param::Datetime], Returns::Datetime, "$1").total(),
            overload(&[Param::Timestamp], Returns::Datetime, "$1").total(),
            overload(&[Param::Date], Returns::Datetime, "$1::timestamp").total(),
            overload(&[Param::Date, Param::Time], Returns::Datetime, "$1 + $2").total(),
            overload(
                &[Param::Timestamp, Param::String],
                Returns::Datetime,
                "logweir.local_time($1, $2)",
            ),
            overload(
                &[
                    Param::Int64,
                    Param::Int64,
                    Param::Int64,
                    Param::Int64,
                    Param::Int64,
                    Param::Int64,
                ],
                Returns::Datetime,
                "logweir.make_datetime($*)",
            )
            .safe("logweir.safe_make_datetime($*)"),
        ],
        &[
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00')", "2024-01-01 00:00:00"),
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00', 'Asia/Tokyo')", "2024-01-01 09:00:00"),
            ("DATETIME(TIMESTAMP '2024-01-01 00:00:00+00', '+05:30')", "2024-01-01 05:30:00"),
            ("DATETIME(DATE '2024-01-01')", "2024-01-01 00:00:00"),
            ("DATETIME(DATE '2024-01-01', TIME '10:00:00.5')", "2024-01-01 10:00:00.500"),
            ("DATETIME('2024-01-01 10:00:00')", "2024-01-01 10:00:00"),
            ("DATETIME(2024, 1, 2, 3, 4, 5)", "2024-01-02 03:04:05"),
            ("DATETIME(2024, 1, 1, 23, 59, 60)", "2024-01-02 00:00:00"),
            ("SAFE.DATETIME(2024, 1, 1, 24, 0, 0)", "NULL"),
        ],
    ),
    function(
        "DATETIME_ADD",
        "The date and time some parts later.",
        shifts!("DATETIME_ADD", false, [Datetime, Timestamp]),
        &[
            (
                "DATETIME_ADD(DATETIME '2024-01-15 12:00:00', INTERVAL 3 HOUR)",
                "2024-01-15 15:00:00",
            ),
            (
                "DATETIME_ADD(DATETIME '2024-01-31 12:00:00', INTERVAL 1 MONTH)",
                "2024-02-29 12:00:00",
            ),
            (
                "DATETIME_ADD(DATETIME '2024-01-31 12:00:00', INTERVAL 1 WEEK)",
                "2024-02-07 12:00:00",
            ),
            (
                "DATETIME_ADD(DATETIME '0001-01-01 00:00:00', INTERVAL 315537897599999999 MICROSECOND)",
                "9999-12-31 23:59:59.999999",
            ),
            ("DATETIME_ADD('2024-01-31', INTERVAL 1 SECOND)", "2024-01-31 00:00:01"),
            ("SAFE.DATETIME_ADD(DATETIME '9999-12-31 23:59:59', INTERVAL 1 SECOND)", "NULL"),
            (
                "SAFE.DATETIME_ADD(DATETIME '2024-01-31 00:00:00', INTERVAL 9223372036854775807 MICROSECOND)",
                "NULL",
            ),
        ],
    ),
    function(
        "DATETIME_SUB",
        "The date and time some parts earlier.",
        shifts!("DATETIME_SUB", true, [Datetime, Timestamp]),
        &[
            (
                "DATETIME_SUB(DATETIME '2024-03-31 12:00:00', INTERVAL 1 MONTH)",
                "2024-02-29 12:00:00",
            ),
            (
                "DATETIME_SUB(DATETIME '2024-03-31 12:00:00', INTERVAL 1 YEAR)",
                "2023-03-31 12:00:00",
            ),
        ],
    ),
    function(
        "DATETIME_DIFF",
        "How often a part of time begins between two times; of TIMESTAMPs, how many whole ones lie between.",
        differences!("DATETIME_DIFF", [Datetime, Timestamp]),
        &[
            (
                "DATETIME_DIFF(DATETIME '2024-01-15 14:00:00', DATETIME '2024-01-15 12:59:00', HOUR)",
                "2",
            ),
            (
                "DATETIME_DIFF(DATETIME '2024-01-02 00:00:00', DATETIME '2024-01-01 23:59:59', DAY)",
                "1",
            ),
            (
                "DATETIME_DIFF(DATETIME '2024-01-02 00:00:00.1', DATETIME '2024-01-02 00:00:00.0999', MILLISECOND)",
                "1",
            ),
            (
                "DATETIME_DIFF(DATETIME '2024-01-02 00:00:00', DATETIME '2023-12-31 12:00:00', WEEK)",
                "0",
            ),
            (
                "DATETIME_DIFF(DATETIME '9999-12-31 23:59:59.999999', DATETIME '0001-01-01 00:00:00', MICROSECOND)",
                "315537897599999999",
            ),
            (
                "DATETIME_DIFF(TIMESTAMP '2024-01-02 00:00:00+00', TIMESTAMP '2024-01-01 23:59:59.999+00', SECOND)",
                "0",
            ),
        ],
    ),
    function(
        "DATETIME_TRUNC",
        "The begin of the part of time that a time lies in.",
        truncations!([Datetime, Timestamp]),
        &[
            ("DATETIME_TRUNC(DATETIME '2024-01-03 04:05:06', HOUR)", "2024-01-03 04:00:00"),
            (
                "DATETIME_TRUNC(DATETIME '2024-01-03 04:05:06', WEEK(THURSDAY))",
                "2023-12-28 00:00:00",
            ),
            ("DATETIME_TRUNC(DATE '2024-01-05', MONTH)", "2024-01-01 00:00:00"),
            ("DATETIME_TRUNC(TIMESTAMP '2024-01-05 10:30:00+00', HOUR)", "2024-01-05 10:00:00+00"),
        ],
    ),
];
