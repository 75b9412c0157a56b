//! Functions of TIMESTAMP, which is carried as PostgreSQL's `timestamp` in UTC.

use super::{Function, Param, Returns, function, overload};

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
        "TIMESTAMP",
        "The time that a text, a date or a DATETIME stands for, in UTC or a zone.",
        &[
            overload(&[Param::Timestamp], Returns::Timestamp, "$1").total(),
            overload(&[Param::Datetime], Returns::Timestamp, "$1").total(),
            overload(&[Param::Date], Returns::Timestamp, "$1::timestamp").total(),
            overload(&[Param::String], Returns::Timestamp, "logweir.to_timestamp($1)")
                .safe("logweir.safe_timestamp($1)"),
            overload(
                &[Param::String, Param::String],
                Returns::Timestamp,
                "logweir.to_timestamp($1, $2)",
            )
            .safe("logweir.safe_timestamp($1, $2)"),
            overload(
                &[Param::Datetime, Param::String],
                Returns::Timestamp,
                "logweir.from_local_time($1, $2)",
            ),
            overload(
                &[Param::Date, Param::String],
                Returns::Timestamp,
                "logweir.from_local_time($1::timestamp, $2)",
            ),
        ],
        &[
            ("TIMESTAMP('2024-01-01 02:00:00+02:00')", "2024-01-01 00:00:00+00"),
            ("TIMESTAMP('2024-01-02 03:04:05', 'America/New_York')", "2024-01-02 08:04:05+00"),
            ("TIMESTAMP(DATE '2024-01-02')", "2024-01-02 00:00:00+00"),
            ("TIMESTAMP(DATE '2024-01-02', 'America/New_York')", "2024-01-02 05:00:00+00"),
            ("TIMESTAMP(DATETIME '2024-01-02 03:04:05')", "2024-01-02 03:04:05+00"),
            // Clocks skip this time, and show that one twice.
            (
                "TIMESTAMP(DATETIME '2024-03-10 02:30:00', 'America/New_York')",
                "2024-03-10 07:30:00+00",
            ),
            (
                "TIMESTAMP(DATETIME '2024-11-03 01:30:00', 'America/New_York')",
                "2024-11-03 05:30:00+00",
            ),
            ("SAFE.TIMESTAMP('yesterday')", "NULL"),
            ("SAFE.TIMESTAMP('2024-01-02', 'Nowhere/City')", "NULL"),
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
        &[
            ("UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1900"),
            ("UNIX_MILLIS(TIMESTAMP '1969-12-31 23:59:59.9999+00')", "-1"),
        ],
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
        &[
            ("UNIX_MICROS(TIMESTAMP '1970-01-01 00:00:01.9+00')", "1900000"),
            ("UNIX_MICROS(TIMESTAMP '0001-01-01 00:00:00+00')", "-62135596800000000"),
        ],
    ),
    function(
        "TIMESTAMP_SECONDS",
        "The time so many seconds after 1970.",
        &[overload(&[Param::Int64], Returns::Timestamp, "logweir.from_unix($1, 1000000)")
            .safe("logweir.safe_from_unix($1, 1000000)")],
        &[
            ("TIMESTAMP_SECONDS(1)", "1970-01-01 00:00:01+00"),
            ("TIMESTAMP_SECONDS(253402300799)", "9999-12-31 23:59:59+00"),
            ("SAFE.TIMESTAMP_SECONDS(253402300800)", "NULL"),
        ],
    ),
    function(
        "TIMESTAMP_MILLIS",
        "The time so many milliseconds after 1970.",
        &[overload(&[Param::Int64], Returns::Timestamp, "logweir.from_unix($1, 1000)")
            .safe("logweir.safe_from_unix($1, 1000)")],
        &[
            ("TIMESTAMP_MILLIS(1500)", "1970-01-01 00:00:01.500+00"),
            ("TIMESTAMP_MILLIS(-62135596800000)", "0001-01-01 00:00:00+00"),
            ("SAFE.TIMESTAMP_MILLIS(-62135596800001)", "NULL"),
        ],
    ),
    function(
        "TIMESTAMP_MICROS",
        "The time so many microseconds after 1970.",
        &[overload(&[Param::Int64], Returns::Timestamp, "logweir.from_unix($1, 1)")
            .safe("logweir.safe_from_unix($1, 1)")],
        &[
            ("TIMESTAMP_MICROS(1767225600000001)", "2026-01-01 00:00:00.000001+00"),
            ("TIMESTAMP_MICROS(253402300799999999)", "9999-12-31 23:59:59.999999+00"),
            ("TIMESTAMP_MICROS(-62135596799999999)", "0001-01-01 00:00:00.000001+00"),
            ("SAFE.TIMESTAMP_MICROS(9223372036854775807)", "NULL"),
        ],
    ),
];
