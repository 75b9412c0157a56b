//! Functions that convert, besides CAST.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "STRING",
        "A time as text, of a TIMESTAMP in UTC or a zone; or the text that JSON is, an error if it is none.",
        &[
            overload(&[Param::Timestamp], Returns::String, "logweir.timestamp_text($1)").total(),
            overload(
                &[Param::Timestamp, Param::String],
                Returns::String,
                "logweir.timestamp_text($1, $2)",
            ),
            overload(&[Param::Date], Returns::String, "$1::text").total(),
            overload(&[Param::Datetime], Returns::String, "logweir.datetime_text($1)").total(),
            overload(&[Param::Time], Returns::String, "logweir.time_text($1)").total(),
            overload(&[Param::Json], Returns::String, "logweir.json_to_string($1)")
                .safe("CASE WHEN jsonb_typeof($1) = 'string' THEN $1 #>> '{}' END"),
        ],
        &[
            ("STRING(TIMESTAMP '2024-01-01 10:00:00+00')", "2024-01-01 10:00:00+00"),
            ("STRING(TIMESTAMP '2024-01-01 10:00:00+00', '+05:30')", "2024-01-01 15:30:00+05:30"),
            (
                "STRING(TIMESTAMP '2024-01-02 03:04:05.5+00', 'America/New_York')",
                "2024-01-01 22:04:05.500-05",
            ),
            ("STRING(DATE '2024-01-01')", "2024-01-01"),
            ("STRING(DATETIME '2024-01-01 10:00:00')", "2024-01-01 10:00:00"),
            ("STRING(TIME '10:00:00.5')", "10:00:00.500"),
            ("STRING(JSON '\"x\"')", "x"),
            ("SAFE.STRING(JSON '1')", "NULL"),
        ],
    ),
    function(
        "PARSE_NUMERIC",
        "A text as a NUMERIC; there may be commas between the digits, and a sign before or after them.",
        &[overload(&[Param::String], Returns::Numeric, "logweir.parse_numeric($1)")
            .safe("logweir.safe_parse_numeric($1)")],
        &[
            ("PARSE_NUMERIC('123.456')", "123.456"),
            ("PARSE_NUMERIC('1,234.5')", "1234.5"),
            ("PARSE_NUMERIC(' - 12.5 ')", "-12.5"),
            ("PARSE_NUMERIC('12.5-')", "-12.5"),
            ("PARSE_NUMERIC('12e2')", "1200"),
            ("PARSE_NUMERIC('1.12345678951')", "1.12345679"),
            ("SAFE.PARSE_NUMERIC('1.2,3')", "NULL"),
            ("SAFE.PARSE_NUMERIC('-5-')", "NULL"),
            ("SAFE.PARSE_NUMERIC('.')", "NULL"),
            ("SAFE.PARSE_NUMERIC('1e50')", "NULL"),
        ],
    ),
    function(
        "PARSE_BIGNUMERIC",
        "A text as a BIGNUMERIC, read as PARSE_NUMERIC does.",
        &[overload(&[Param::String], Returns::BigNumeric, "logweir.parse_bignumeric($1)")
            .safe("logweir.safe_parse_bignumeric($1)")],
        &[
            ("PARSE_BIGNUMERIC('1,234.5')", "1234.5"),
            ("PARSE_BIGNUMERIC('1e38')", "100000000000000000000000000000000000000"),
            ("SAFE.PARSE_BIGNUMERIC('$1')", "NULL"),
        ],
    ),
];
