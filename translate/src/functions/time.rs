//! Functions of TIME.

use super::{
    Function, Param, Returns,
    calendar::truncate,
    date::{differences, shifts},
    elapsed::{Shift, difference, shift},
    function, lowered, overload,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_TIME",
        "The time of day at which the query began, in UTC or a zone.",
        &[
            overload(&[], Returns::Time, "(now() AT TIME ZONE 'UTC')::time").total(),
            overload(
                &[Param::String],
                Returns::Time,
                "logweir.local_time(now() AT TIME ZONE 'UTC', $1)::time",
            ),
        ],
        &[
            ("CURRENT_TIME() >= TIME '00:00:00'", "true"),
            ("CURRENT_TIME('Asia/Tokyo') >= TIME '00:00:00'", "true"),
        ],
    ),
    function(
        "TIME",
        "A time of day from hours, minutes and seconds, or that of a time, in UTC or a zone.",
        &[
            overload(
                &[Param::Int64, Param::Int64, Param::Int64],
                Returns::Time,
                "logweir.make_time($1, $2, $3)",
            )
            .safe("logweir.safe_make_time($1, $2, $3)"),
            overload(&[Param::Time], Returns::Time, "$1").total(),
            overload(&[Param::Datetime], Returns::Time, "$1::time").total(),
            overload(&[Param::Timestamp], Returns::Time, "$1::time").total(),
            overload(
                &[Param::Timestamp, Param::String],
                Returns::Time,
                "logweir.local_time($1, $2)::time",
            ),
        ],
        &[
            ("TIME(12, 30, 45)", "12:30:45"),
            ("TIME(DATETIME '2024-01-01 01:02:03.5')", "01:02:03.500"),
            ("TIME(TIMESTAMP '2024-01-01 01:02:03+00')", "01:02:03"),
            ("TIME(TIMESTAMP '2024-01-01 10:00:00+00', 'America/New_York')", "05:00:00"),
            ("TIME(NULL, 1, 2)", "NULL"),
            ("SAFE.TIME(24, 0, 0)", "NULL"),
        ],
    ),
    function(
        "TIME_ADD",
        "The time of day some parts later; it goes round at midnight.",
        shifts!("TIME_ADD", false, [Time]),
        &[
            ("TIME_ADD(TIME '15:30:00', INTERVAL 10 MINUTE)", "15:40:00"),
            ("TIME_ADD(TIME '23:00:00', INTERVAL 25 HOUR)", "00:00:00"),
            ("TIME_ADD(TIME '00:00:00', INTERVAL 9223372036854775807 HOUR)", "07:00:00"),
            ("TIME_ADD(TIME '00:00:00', INTERVAL 1 MILLISECOND)", "00:00:00.001"),
        ],
    ),
    function(
        "TIME_SUB",
        "The time of day some parts earlier; it goes round at midnight.",
        shifts!("TIME_SUB", true, [Time]),
        &[
            ("TIME_SUB(TIME '12:30:45', INTERVAL 30 MINUTE)", "12:00:45"),
            ("TIME_SUB(TIME '00:30:00', INTERVAL 45 MINUTE)", "23:45:00"),
            ("TIME_SUB(TIME '00:00:00', INTERVAL 1 MICROSECOND)", "23:59:59.999999"),
        ],
    ),
    function(
        "TIME_DIFF",
        "How often a part of time begins between two times of day.",
        differences!("TIME_DIFF", [Time]),
        &[
            ("TIME_DIFF(TIME '10:00:00', TIME '09:59:59', HOUR)", "1"),
            ("TIME_DIFF(TIME '00:00:00', TIME '23:59:59.5', SECOND)", "-86399"),
            ("TIME_DIFF(TIME '15:30:00', TIME '14:35:00', MINUTE)", "55"),
        ],
    ),
    function(
        "TIME_TRUNC",
        "The begin of the part of a day that a time of day lies in.",
        &[lowered(&[Param::Time, Param::DatePart], Returns::Time, truncate).total()],
        &[
            ("TIME_TRUNC(TIME '12:30:45', HOUR)", "12:00:00"),
            ("TIME_TRUNC(TIME '12:30:45', MINUTE)", "12:30:00"),
            ("TIME_TRUNC(TIME '12:30:45.678901', MILLISECOND)", "12:30:45.678"),
        ],
    ),
];
