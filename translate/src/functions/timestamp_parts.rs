//! Parts of TIMESTAMPs: moving, counting, truncating and extracting by them.

use super::{
    Function, Param, Returns,
    calendar::{extract, extracted_type, safe_truncate, truncate},
    date::{differences, shifts, truncations},
    elapsed::{Shift, difference, shift},
    function, lowered,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "TIMESTAMP_TRUNC",
        "The begin of the part of time that a time lies in, in UTC or a zone.",
        truncations!([Timestamp, Datetime]),
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
            (
                "TIMESTAMP_TRUNC(TIMESTAMP '2024-02-03 02:34:56+00', HOUR, 'Asia/Kolkata')",
                "2024-02-03 02:30:00+00",
            ),
            // The hour that comes twice.
            (
                "TIMESTAMP_TRUNC(TIMESTAMP '2024-11-03 06:30:00+00', HOUR, 'America/New_York')",
                "2024-11-03 06:00:00+00",
            ),
            (
                "TIMESTAMP_TRUNC(TIMESTAMP '2024-02-03 02:34:56+00', ISOYEAR, '-08')",
                "2024-01-01 08:00:00+00",
            ),
            ("TIMESTAMP_TRUNC(DATETIME '2024-05-15 10:11:12', HOUR)", "2024-05-15 10:00:00"),
            ("SAFE.TIMESTAMP_TRUNC(TIMESTAMP '0001-01-01 00:00:00+00', WEEK)", "NULL"),
        ],
    ),
    function(
        "TIMESTAMP_ADD",
        "The time some parts of at most a day (of 24 hours) later.",
        shifts!("TIMESTAMP_ADD", false, [Timestamp, Datetime]),
        &[
            (
                "TIMESTAMP_ADD(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 90 MINUTE)",
                "2024-01-01 01:30:00+00",
            ),
            (
                "TIMESTAMP_ADD(TIMESTAMP '2024-03-09 12:00:00 America/New_York', INTERVAL 1 DAY)",
                "2024-03-10 17:00:00+00",
            ),
            (
                "TIMESTAMP_ADD(DATETIME '2024-01-01 00:00:00', INTERVAL 1 MONTH)",
                "2024-02-01 00:00:00",
            ),
            ("TIMESTAMP_ADD(CAST(NULL AS TIMESTAMP), INTERVAL 1 DAY)", "NULL"),
            ("TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) > CURRENT_TIMESTAMP()", "true"),
            ("SAFE.TIMESTAMP_ADD(TIMESTAMP '9999-12-31 23:59:59+00', INTERVAL 1 SECOND)", "NULL"),
        ],
    ),
    function(
        "TIMESTAMP_SUB",
        "The time some parts of at most a day (of 24 hours) earlier.",
        shifts!("TIMESTAMP_SUB", true, [Timestamp, Datetime]),
        &[
            (
                "TIMESTAMP_SUB(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 1 DAY)",
                "2023-12-31 00:00:00+00",
            ),
            (
                "TIMESTAMP_SUB(TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL -1 MICROSECOND)",
                "2024-01-01 00:00:00.000001+00",
            ),
        ],
    ),
    function(
        "TIMESTAMP_DIFF",
        "How many whole parts of time lie between two times; of DATETIMEs, how often one begins.",
        differences!("TIMESTAMP_DIFF", [Timestamp, Datetime]),
        &[
            (
                "TIMESTAMP_DIFF(TIMESTAMP '2024-01-02 00:00:00+00', TIMESTAMP '2024-01-01 00:00:01+00', HOUR)",
                "23",
            ),
            (
                "TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 00:00:00+00', TIMESTAMP '2024-01-01 01:59:00+00', HOUR)",
                "-1",
            ),
            ("TIMESTAMP_DIFF('2024-01-01 01:00:00', '2024-01-01', MINUTE)", "60"),
            (
                "TIMESTAMP_DIFF(TIMESTAMP '9999-12-31 23:59:59.999999+00', TIMESTAMP '0001-01-01 00:00:00+00', MICROSECOND)",
                "315537897599999999",
            ),
        ],
    ),
    function(
        "EXTRACT",
        "A part of a time, in UTC or a zone.",
        &[
            lowered(&[Param::DatePart, Param::Timestamp], Returns::With(extracted_type), extract)
                .total(),
            lowered(
                &[Param::DatePart, Param::Timestamp, Param::String],
                Returns::With(extracted_type),
                extract,
            ),
            lowered(&[Param::DatePart, Param::Datetime], Returns::With(extracted_type), extract)
                .total(),
            lowered(&[Param::DatePart, Param::Date], Returns::Int64, extract).total(),
            lowered(&[Param::DatePart, Param::Time], Returns::Int64, extract).total(),
            lowered(&[Param::DatePart, Param::Interval], Returns::Int64, extract).total(),
        ],
        &[
            ("EXTRACT(HOUR FROM TIMESTAMP '2024-01-03 04:05:06+00')", "4"),
            ("EXTRACT(DAYOFWEEK FROM TIMESTAMP '2024-01-07 00:00:00+00')", "1"),
            ("EXTRACT(MILLISECOND FROM TIMESTAMP '2024-01-03 04:05:06.789+00')", "789"),
            ("EXTRACT(MICROSECOND FROM TIMESTAMP '2024-01-03 04:05:06.789012+00')", "789012"),
            ("EXTRACT(SECOND FROM TIMESTAMP '2024-01-03 04:05:06.9+00')", "6"),
            ("EXTRACT(HOUR FROM TIMESTAMP '2024-06-15 12:00:00+00' AT TIME ZONE '-04:30')", "7"),
            (
                "EXTRACT(DATETIME FROM TIMESTAMP '2024-01-01 10:00:00+00' AT TIME ZONE 'Asia/Tokyo')",
                "2024-01-01 19:00:00",
            ),
            ("EXTRACT(DATE FROM TIMESTAMP '2024-01-03 04:05:06+00')", "2024-01-03"),
            ("EXTRACT(TIME FROM DATETIME '2024-01-03 04:05:06')", "04:05:06"),
            ("EXTRACT(DATETIME FROM TIMESTAMP '2024-01-03 04:05:06+00')", "2024-01-03 04:05:06"),
            ("EXTRACT(WEEK FROM DATE '2024-01-07')", "1"),
            ("EXTRACT(WEEK(MONDAY) FROM DATE '2024-01-01')", "1"),
            ("EXTRACT(WEEK(WEDNESDAY) FROM DATETIME '2024-01-03 10:00:00')", "1"),
            ("EXTRACT(ISOWEEK FROM DATE '2024-03-15')", "11"),
            ("EXTRACT(ISOYEAR FROM DATE '2024-12-30')", "2025"),
            ("EXTRACT(DAYOFYEAR FROM DATE '2024-12-31')", "366"),
            ("EXTRACT(QUARTER FROM DATE '2024-05-01')", "2"),
            ("EXTRACT(MINUTE FROM TIME '10:11:12.5')", "11"),
            ("EXTRACT(MONTH FROM INTERVAL '-1-2 3 4:5:6.789' YEAR TO SECOND)", "-2"),
            ("EXTRACT(HOUR FROM INTERVAL 27 HOUR)", "27"),
            ("EXTRACT(SECOND FROM INTERVAL '-0:0:6.789' HOUR TO SECOND)", "-6"),
        ],
    ),
];
