//! Functions of TIMESTAMP, which is carried as PostgreSQL's `timestamp` in UTC.

use super::{
    Function, Param, Returns,
    calendar::{difference, extract, truncate},
    function, lowered, overload,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_TIMESTAMP",
        "The time at which the query began.",
        &[overload(&[], Returns::Timestamp, "now() AT TIME ZONE 'UTC'").total()],
        &[
            ("CURRENT_TIMESTAMP() > TIMESTAMP '2024-01-01'", "true"),
            ("CURRENT_TIMESTAMP = CURRENT_TIMESTAMP()", "true"),
        ],
    ),
    function(
        "TIMESTAMP_TRUNC",
        "The begin of the part of time that a time lies in, in UTC or a zone.",
        &[lowered(
            &[Param::Timestamp, Param::DatePart, Param::String],
            Returns::Timestamp,
            truncate,
        )
        .optional(1)],
        &[
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
    ),
    function(
        "TIMESTAMP_ADD",
        "The time an interval later.",
        &[overload(&[Param::Timestamp, Param::Interval], Returns::Timestamp, "$1 + $2")],
        &[(
            "TIMESTAMP_ADD(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 90 MINUTE)",
            "2024-01-01 01:30:00+00",
        )],
    ),
    function(
        "TIMESTAMP_SUB",
        "The time an interval earlier.",
        &[overload(&[Param::Timestamp, Param::Interval], Returns::Timestamp, "$1 - $2")],
        &[(
            "TIMESTAMP_SUB(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 1 DAY)",
            "2023-12-31 00:00:00+00",
        )],
    ),
    function(
        "TIMESTAMP_DIFF",
        "How many whole parts of time lie between two times.",
        &[lowered(
            &[Param::Timestamp, Param::Timestamp, Param::DatePart],
            Returns::Int64,
            difference,
        )],
        &[
            (
                "TIMESTAMP_DIFF(TIMESTAMP '2024-01-02 00:00:00+00', TIMESTAMP '2024-01-01 00:00:01+00', HOUR)",
                "23",
            ),
            (
                "TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 00:00:00+00', TIMESTAMP '2024-01-01 01:59:00+00', HOUR)",
                "-1",
            ),
        ],
    ),
    function(
        "TIMESTAMP",
        "The time that a text, a date or a DATETIME stands for.",
        &[
            overload(&[Param::Timestamp], Returns::Timestamp, "$1").total(),
            overload(&[Param::Datetime], Returns::Timestamp, "$1").total(),
            overload(&[Param::Date], Returns::Timestamp, "$1::timestamp").total(),
            overload(&[Param::String], Returns::Timestamp, "logweir.to_timestamp($1)")
                .safe("logweir.safe_timestamp($1)"),
        ],
        &[
            ("TIMESTAMP('2024-01-01 02:00:00+02:00')", "2024-01-01 00:00:00+00"),
            ("SAFE.TIMESTAMP('yesterday')", "NULL"),
        ],
    ),
    // The numbers count from 1970, also before it: BigQuery rounds down.
    function(
        "UNIX_SECONDS",
        "Seconds since 1970.",
        &[overload(&[Param::Timestamp], Returns::Int64, "floor(extract(epoch FROM $1))::bigint")
            .total()],
        &[
            ("UNIX_SECONDS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1"),
            ("UNIX_SECONDS(TIMESTAMP '1969-12-31 23:59:59.5+00')", "-1"),
        ],
    ),
    function(
        "UNIX_MILLIS",
        "Milliseconds since 1970.",
        &[overload(
            &[Param::Timestamp],
            Returns::Int64,
            "floor(extract(epoch FROM $1) * 1000)::bigint",
        )
        .total()],
        &[("UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1900")],
    ),
    function(
        "UNIX_MICROS",
        "Microseconds since 1970.",
        &[overload(
            &[Param::Timestamp],
            Returns::Int64,
            "(extract(epoch FROM $1) * 1000000)::bigint",
        )
        .total()],
        &[("UNIX_MICROS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1900000")],
    ),
    function(
        "TIMESTAMP_SECONDS",
        "The time so many seconds after 1970.",
        &[overload(
            &[Param::Int64],
            Returns::Timestamp,
            "timestamp '1970-01-01' + $1 * interval '1 second'",
        )],
        &[("TIMESTAMP_SECONDS(1)", "1970-01-01 00:00:01+00")],
    ),
    function(
        "TIMESTAMP_MILLIS",
        "The time so many milliseconds after 1970.",
        &[overload(
            &[Param::Int64],
            Returns::Timestamp,
            "timestamp '1970-01-01' + $1 * interval '1 millisecond'",
        )],
        &[("TIMESTAMP_MILLIS(1500)", "1970-01-01 00:00:01.500+00")],
    ),
    function(
        "TIMESTAMP_MICROS",
        "The time so many microseconds after 1970.",
        &[overload(
            &[Param::Int64],
            Returns::Timestamp,
            "timestamp '1970-01-01' + $1 * interval '1 microsecond'",
        )],
        &[("TIMESTAMP_MICROS(1767225600000001)", "2026-01-01 00:00:00.000001+00")],
    ),
    function(
        "EXTRACT",
        "A part of a time as a number.",
        &[
            lowered(&[Param::DatePart, Param::Timestamp], Returns::Int64, extract).total(),
            lowered(&[Param::DatePart, Param::Datetime], Returns::Int64, extract).total(),
            lowered(&[Param::DatePart, Param::Date], Returns::Int64, extract).total(),
        ],
        &[
            ("EXTRACT(HOUR FROM TIMESTAMP '2024-01-03 04:05:06+00')", "4"),
            ("EXTRACT(DAYOFWEEK FROM TIMESTAMP '2024-01-07 00:00:00+00')", "1"),
            ("EXTRACT(MILLISECOND FROM TIMESTAMP '2024-01-03 04:05:06.789+00')", "789"),
        ],
    ),
];
