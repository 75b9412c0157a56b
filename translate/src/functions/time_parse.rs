//! PARSE_… of dates and times.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "PARSE_DATE",
        "The date that a text in a form of `%` elements stands for.",
        &[overload(
            &[Param::String, Param::String],
            Returns::Date,
            "logweir.parse_time($1, $2, 'DATE')::date",
        )
        .safe("logweir.safe_parse_time($1, $2, 'DATE')::date")],
        &[
            ("PARSE_DATE('%Y-%m-%d', '2024-01-15')", "2024-01-15"),
            ("PARSE_DATE('%F', ' 2024-1-2 ')", "2024-01-02"),
            ("PARSE_DATE('%b %e %Y', 'jan  2 2024')", "2024-01-02"),
            ("PARSE_DATE('%A %d %B %Y', 'friday 02 January 2024')", "2024-01-02"),
            ("PARSE_DATE('%m/%d/%y', '1/2/69')", "1969-01-02"),
            ("PARSE_DATE('%D', '1/2/68')", "2068-01-02"),
            ("PARSE_DATE('%Y%m%d', '20240102')", "2024-01-02"),
            ("PARSE_DATE('%Y%j', '2024366')", "2024-12-31"),
            ("PARSE_DATE('%U %Y', '10 2024')", "2024-03-10"),
            ("PARSE_DATE('%Q %Y', '2 2024')", "2024-04-01"),
            ("PARSE_DATE('%C%y', '2024')", "2024-01-01"),
            ("PARSE_DATE('%Y%%%m', '2024%05')", "2024-05-01"),
            ("PARSE_DATE('', '')", "1970-01-01"),
            ("PARSE_DATE(NULL, '2024')", "NULL"),
            ("SAFE.PARSE_DATE('%Y-%m-%d', '2024-01-02 x')", "NULL"),
            ("SAFE.PARSE_DATE('%Y-%m-%d', '2024-02-30')", "NULL"),
            ("SAFE.PARSE_DATE('%Y-%j', '2023-366')", "NULL"),
            ("SAFE.PARSE_DATE('%H', '10')", "NULL"),
            ("SAFE.PARSE_DATE('%Y', '-5')", "NULL"),
        ],
    ),
    function(
        "PARSE_DATETIME",
        "The DATETIME that a text in a form of `%` elements stands for.",
        &[overload(
            &[Param::String, Param::String],
            Returns::Datetime,
            "logweir.parse_time($1, $2, 'DATETIME')",
        )
        .safe("logweir.safe_parse_time($1, $2, 'DATETIME')")],
        &[
            ("PARSE_DATETIME('%Y-%m-%dT%H:%M:%S', '2024-01-15T12:30:45')", "2024-01-15 12:30:45"),
            ("PARSE_DATETIME('%c', 'Tue Jan  2 03:04:05 2024')", "2024-01-02 03:04:05"),
            ("PARSE_DATETIME('%s', '86400')", "1970-01-02 00:00:00"),
            ("PARSE_DATETIME('%F %T', '2024-01-02 23:59:60')", "2024-01-03 00:00:00"),
            ("SAFE.PARSE_DATETIME('%Z', 'UTC')", "NULL"),
        ],
    ),
    function(
        "PARSE_TIME",
        "The time of day that a text in a form of `%` elements stands for.",
        &[overload(
            &[Param::String, Param::String],
            Returns::Time,
            "logweir.parse_time($1, $2, 'TIME')::time",
        )
        .safe("logweir.safe_parse_time($1, $2, 'TIME')::time")],
        &[
            ("PARSE_TIME('%H:%M', '03:04')", "03:04:00"),
            ("PARSE_TIME('%I:%M %p', '12:30 am')", "00:30:00"),
            ("PARSE_TIME('%p %I', 'PM 3')", "15:00:00"),
            ("PARSE_TIME('%r', '10:11:12 PM')", "22:11:12"),
            ("PARSE_TIME('%H:%M:%E*S', '1:2:3.4567891')", "01:02:03.456789"),
            ("PARSE_TIME('%T', '23:59:60')", "00:00:00"),
            ("PARSE_TIME('%k', ' 5')", "05:00:00"),
            ("SAFE.PARSE_TIME('%T', '24:00:00')", "NULL"),
            ("SAFE.PARSE_TIME('%H:%M:%E3S', '1:2:3.4567')", "NULL"),
        ],
    ),
    function(
        "PARSE_TIMESTAMP",
        "The time that a text in a form of `%` elements stands for, in UTC or a zone where it names none.",
        &[
            overload(
                &[Param::String, Param::String],
                Returns::Timestamp,
                "logweir.parse_time($1, $2, 'TIMESTAMP')",
            )
            .safe("logweir.safe_parse_time($1, $2, 'TIMESTAMP')"),
            overload(
                &[Param::String, Param::String, Param::String],
                Returns::Timestamp,
                "logweir.parse_time($1, $2, 'TIMESTAMP', $3)",
            )
            .safe("logweir.safe_parse_time($1, $2, 'TIMESTAMP', $3)"),
        ],
        &[
            (
                "PARSE_TIMESTAMP('%Y-%m-%d %H:%M:%S', '2024-01-02 03:04:05')",
                "2024-01-02 03:04:05+00",
            ),
            (
                "PARSE_TIMESTAMP('%d/%b/%Y:%H:%M:%S %z', '02/Jan/2024:03:04:05 +0100')",
                "2024-01-02 02:04:05+00",
            ),
            ("PARSE_TIMESTAMP('%FT%T%Ez', '2024-01-02T03:04:05+02:00')", "2024-01-02 01:04:05+00"),
            ("PARSE_TIMESTAMP('%FT%T%Ez', '2024-01-02T03:04:05Z')", "2024-01-02 03:04:05+00"),
            (
                "PARSE_TIMESTAMP('%F %T %Z', '2024-01-02 03:04:05 America/New_York')",
                "2024-01-02 08:04:05+00",
            ),
            (
                "PARSE_TIMESTAMP('%Y-%m-%d', '2024-01-02', 'America/New_York')",
                "2024-01-02 05:00:00+00",
            ),
            ("PARSE_TIMESTAMP('%s', '-5')", "1969-12-31 23:59:55+00"),
            (
                "PARSE_TIMESTAMP('%F %H:%M:%E*S', '2024-01-02 03:04:05.123456')",
                "2024-01-02 03:04:05.123456+00",
            ),
            (
                "PARSE_TIMESTAMP('%F %H:%M:%E6S', '2024-01-02 03:04:05.123')",
                "2024-01-02 03:04:05.123+00",
            ),
            ("PARSE_TIMESTAMP('%Y', '2024')", "2024-01-01 00:00:00+00"),
            ("SAFE.PARSE_TIMESTAMP('%Y-%m-%d', '2024-13-02')", "NULL"),
            ("SAFE.PARSE_TIMESTAMP('%s', '1.5')", "NULL"),
            ("SAFE.PARSE_TIMESTAMP('%F%Z', '2024-01-02Z')", "NULL"),
        ],
    ),
];
