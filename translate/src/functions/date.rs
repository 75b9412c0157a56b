//! Functions of DATE.

use super::{
    Function, Param, Returns,
    calendar::{safe_truncate, truncate},
    elapsed::{Shift, difference, last_day, safe_last_day, shift},
    function, lowered, overload,
};

/// The overloads of a function that moves a date or time.
macro_rules! shifts {
    ($name:literal, $back:literal, [$($ty:ident),+]) => {
        &[$(
            lowered(&[Param::$ty, Param::Interval], Returns::$ty, |args, lowered| {
                shift(&Shift { function: $name, back: $back, safe: false }, args, lowered)
            })
            .safe_with(|args, lowered| {
                shift(&Shift { function: $name, back: $back, safe: true }, args, lowered)
            }),
        )+]
    };
}

/// The overloads of a function that counts the parts between two dates or times.
macro_rules! differences {
    ($name:literal, [$($ty:ident),+]) => {
        &[$(
            lowered(
                &[Param::$ty, Param::$ty, Param::DatePart],
                Returns::Int64,
                |args, lowered| difference($name, args, lowered),
            )
            .total(),
        )+]
    };
}

/// The overloads of a function that truncates dates or times.
macro_rules! truncations {
    ([$($ty:ident),+]) => {
        &[
            $(
                lowered(&[Param::$ty, Param::DatePart], Returns::$ty, truncate)
                    .safe_with(safe_truncate),
            )+
            lowered(
                &[Param::Timestamp, Param::DatePart, Param::String],
                Returns::Timestamp,
                truncate,
            ),
        ]
    };
}

pub(super) use {differences, shifts, truncations};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_DATE",
        "The date at which the query began, in UTC or a zone.",
        &[
            overload(&[], Returns::Date, "(now() AT TIME ZONE 'UTC')::date").total(),
            overload(
                &[Param::String],
                Returns::Date,
                "logweir.local_time(now() AT TIME ZONE 'UTC', $1)::date",
            ),
        ],
        &[
            ("CURRENT_DATE() > DATE '2024-01-01'", "true"),
            ("DATE_DIFF(CURRENT_DATE('+14:00'), CURRENT_DATE('-11:00'), DAY) > 0", "true"),
        ],
    ),
    function(
        "DATE",
        "A date from year, month and day, or that of a time, in UTC or a zone.",
        &[
            overload(&[Param::Date], Returns::Date, "$1").total(),
            overload(&[Param::Timestamp], Returns::Date, "$1::date").total(),
            overload(&[Param::Datetime], Returns::Date, "$1::date").total(),
            overload(
                &[Param::Timestamp, Param::String],
                Returns::Date,
                "logweir.local_time($1, $2)::date",
            ),
            overload(
                &[Param::Int64, Param::Int64, Param::Int64],
                Returns::Date,
                "logweir.make_date($1, $2, $3)",
            )
            .safe("logweir.safe_make_date($1, $2, $3)"),
        ],
        &[
            ("DATE(TIMESTAMP '2024-01-01 23:00:00+00')", "2024-01-01"),
            ("DATE(DATETIME '2024-01-01 23:00:00')", "2024-01-01"),
            ("DATE(TIMESTAMP '2024-01-02 03:00:00+00', 'America/New_York')", "2024-01-01"),
            ("DATE(TIMESTAMP '2024-01-02 20:00:00+00', '+05:30')", "2024-01-03"),
            ("DATE(TIMESTAMP '2024-01-02 20:00:00+00', 'UTC+5')", "2024-01-03"),
            ("DATE(TIMESTAMP '2024-01-02 20:00:00+00', CAST(NULL AS STRING))", "NULL"),
            ("DATE('2024-01-01')", "2024-01-01"),
            ("DATE('2024-01-01 10:00:00')", "2024-01-01"),
            ("DATE(2024, 2, 29)", "2024-02-29"),
            ("DATE(2024, NULL, 29)", "NULL"),
            ("SAFE.DATE(2023, 2, 29)", "NULL"),
            ("SAFE.DATE(10000, 1, 1)", "NULL"),
        ],
    ),
    function(
        "DATE_ADD",
        "The date some days, weeks, months, quarters or years later.",
        shifts!("DATE_ADD", false, [Date, Datetime, Timestamp]),
        &[
            ("DATE_ADD(DATE '2024-01-31', INTERVAL 1 DAY)", "2024-02-01"),
            ("DATE_ADD(DATE '2024-01-31', INTERVAL -1 WEEK)", "2024-01-24"),
            ("DATE_ADD(DATE '2024-01-31', INTERVAL 1 MONTH)", "2024-02-29"),
            ("DATE_ADD(DATE '2024-01-31', INTERVAL 1 QUARTER)", "2024-04-30"),
            ("DATE_ADD(DATE '2024-02-29', INTERVAL 1 YEAR)", "2025-02-28"),
            ("DATE_ADD(CAST(NULL AS DATE), INTERVAL 1 DAY)", "NULL"),
            ("DATE_ADD('2024-01-31', INTERVAL 2 DAY)", "2024-02-02"),
            (
                "DATE_ADD(TIMESTAMP '2024-01-31 00:00:00+00', INTERVAL 1 DAY)",
                "2024-02-01 00:00:00+00",
            ),
            ("DATE_ADD(DATETIME '2024-01-31 00:00:00', INTERVAL 1 MONTH)", "2024-02-29 00:00:00"),
            ("SAFE.DATE_ADD(DATE '9999-12-31', INTERVAL 1 DAY)", "NULL"),
            ("SAFE.DATE_ADD(DATE '9999-12-01', INTERVAL 1 MONTH)", "NULL"),
            ("SAFE.DATE_ADD(DATE '2024-01-01', INTERVAL 9223372036854775807 DAY)", "NULL"),
        ],
    ),
    function(
        "DATE_SUB",
        "The date some days, weeks, months, quarters or years earlier.",
        shifts!("DATE_SUB", true, [Date, Datetime, Timestamp]),
        &[
            ("DATE_SUB(DATE '2024-03-31', INTERVAL 1 MONTH)", "2024-02-29"),
            ("DATE_SUB(DATE '2024-03-01', INTERVAL 1 DAY)", "2024-02-29"),
            ("DATE_DIFF(CURRENT_DATE(), DATE_SUB(CURRENT_DATE(), INTERVAL 2 WEEK), DAY)", "14"),
            ("SAFE.DATE_SUB(DATE '0001-01-01', INTERVAL 1 DAY)", "NULL"),
        ],
    ),
    function(
        "DATE_DIFF",
        "How often a part of time begins between two dates; of TIMESTAMPs, how many whole ones lie between.",
        differences!("DATE_DIFF", [Date, Datetime, Timestamp]),
        &[
            ("DATE_DIFF(DATE '2024-02-15', DATE '2024-01-15', DAY)", "31"),
            ("DATE_DIFF('2024-01-10', '2024-01-01', DAY)", "9"),
            ("DATE_DIFF(DATE '2024-02-01', DATE '2024-01-31', MONTH)", "1"),
            ("DATE_DIFF(DATE '2024-01-07', DATE '2024-01-06', WEEK)", "1"),
            ("DATE_DIFF(DATE '2024-01-08', DATE '2024-01-07', WEEK(MONDAY))", "1"),
            ("DATE_DIFF(DATE '2024-01-07', DATE '2024-01-01', ISOWEEK)", "0"),
            ("DATE_DIFF(DATE '0001-01-01', DATE '0001-01-08', WEEK(SUNDAY))", "-1"),
            ("DATE_DIFF(DATE '2024-01-01', DATE '2023-12-31', ISOYEAR)", "1"),
            ("DATE_DIFF(DATE '2024-04-01', DATE '2024-03-31', QUARTER)", "1"),
            ("DATE_DIFF(DATE '2024-01-01', DATE '2025-12-31', YEAR)", "-1"),
            ("DATE_DIFF(CAST(NULL AS DATE), DATE '2024-01-01', DAY)", "NULL"),
            (
                "DATE_DIFF(DATETIME '2024-01-02 00:00:00', DATETIME '2024-01-01 12:00:00', HOUR)",
                "12",
            ),
            (
                "DATE_DIFF(TIMESTAMP '2024-01-02 00:00:00+00', TIMESTAMP '2024-01-01 12:00:00+00', DAY)",
                "0",
            ),
        ],
    ),
    function(
        "DATE_TRUNC",
        "The first day of the part of time that a date lies in.",
        truncations!([Date, Timestamp, Datetime]),
        &[
            ("DATE_TRUNC(DATE '2024-02-03', MONTH)", "2024-02-01"),
            ("DATE_TRUNC(DATE '2024-05-15', WEEK)", "2024-05-12"),
            ("DATE_TRUNC(DATE '2024-05-15', WEEK(SATURDAY))", "2024-05-11"),
            ("DATE_TRUNC(DATE '2024-05-15', ISOWEEK)", "2024-05-13"),
            ("DATE_TRUNC(DATE '2023-01-01', ISOYEAR)", "2022-01-03"),
            ("DATE_TRUNC(DATE '0001-01-01', ISOWEEK)", "0001-01-01"),
            ("DATE_TRUNC(TIMESTAMP '2024-05-15 10:00:00+00', MONTH)", "2024-05-01 00:00:00+00"),
            ("DATE_TRUNC(DATETIME '2024-01-05 10:30:00', HOUR)", "2024-01-05 10:00:00"),
            ("SAFE.DATE_TRUNC(DATE '0001-01-03', WEEK)", "NULL"),
        ],
    ),
    function(
        "LAST_DAY",
        "The last day of the part of time (the month) that a date lies in.",
        &[
            lowered(&[Param::Date, Param::DatePart], Returns::Date, last_day)
                .optional(1)
                .safe_with(safe_last_day),
            lowered(&[Param::Datetime, Param::DatePart], Returns::Date, last_day)
                .optional(1)
                .safe_with(safe_last_day),
        ],
        &[
            ("LAST_DAY(DATE '2024-02-15')", "2024-02-29"),
            ("LAST_DAY(DATE '2024-02-15', MONTH)", "2024-02-29"),
            ("LAST_DAY(DATE '2024-02-15', WEEK)", "2024-02-17"),
            ("LAST_DAY(DATE '2024-02-03', WEEK(MONDAY))", "2024-02-04"),
            ("LAST_DAY(DATE '2024-02-03', ISOWEEK)", "2024-02-04"),
            ("LAST_DAY(DATE '2024-02-03', QUARTER)", "2024-03-31"),
            ("LAST_DAY(DATE '2024-02-03', YEAR)", "2024-12-31"),
            ("LAST_DAY(DATE '2024-02-03', ISOYEAR)", "2024-12-29"),
            ("LAST_DAY(DATE '9999-12-31')", "9999-12-31"),
            ("LAST_DAY(DATETIME '2024-02-03 12:00:00', WEEK(TUESDAY))", "2024-02-05"),
            ("SAFE.LAST_DAY(DATE '9999-12-31', WEEK)", "NULL"),
        ],
    ),
    function(
        "UNIX_DATE",
        "Days since 1970.",
        &[overload(&[Param::Date], Returns::Int64, "($1 - date '1970-01-01')::bigint").total()],
        &[("UNIX_DATE(DATE '2024-01-15')", "19737"), ("UNIX_DATE(DATE '0001-01-01')", "-719162")],
    ),
    function(
        "DATE_FROM_UNIX_DATE",
        "The date so many days after 1970-01-01.",
        &[overload(&[Param::Int64], Returns::Date, "logweir.date_from_unix($1)")
            .safe("CASE WHEN $1 BETWEEN -719162 AND 2932896 THEN date '1970-01-01' + $1::int END")],
        &[
            ("DATE_FROM_UNIX_DATE(19723)", "2024-01-01"),
            ("DATE_FROM_UNIX_DATE(2932896)", "9999-12-31"),
            ("SAFE.DATE_FROM_UNIX_DATE(2932897)", "NULL"),
        ],
    ),
];
