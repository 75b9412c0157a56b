//! Dates, times, intervals and conversions: what the examples of functions cannot say.

use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_times_have_bigquerys_errors() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (expression, error) in ERRORS {
        let refusal = program.refusal(&format!("select {expression} as v")).await;
        if !refusal.starts_with(*error) {
            wrong.push(format!("{expression}: {error}, not {refusal}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn casts_convert_as_bigquerys_do() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (expression, value) in [
        ("CAST('0x1F' AS INT64)", "31"),
        ("CAST('-0x8000000000000000' AS INT64)", "-9223372036854775808"),
        ("CAST(' 12 ' AS INT64)", "12"),
        ("SAFE_CAST('- 5' AS INT64)", "NULL"),
        ("CAST('1e400' AS FLOAT64)", "inf"),
        ("CAST('-1e400' AS FLOAT64)", "-inf"),
        ("CAST('1e-400' AS FLOAT64)", "0"),
        ("CAST('1e300' AS FLOAT64)", "1e+300"),
        ("CAST('.5' AS FLOAT64)", "0.5"),
        ("CAST(NUMERIC '2.5' AS INT64)", "3"),
        ("CAST(0.1 AS BIGNUMERIC)", "0.1"),
        ("CAST(123456789.123456789 AS NUMERIC)", "123456789.123456789"),
        ("CAST(-123456789.123456789 AS NUMERIC)", "-123456789.123456789"),
        ("CAST(0.1234567885 AS NUMERIC)", "0.123456789"),
        (
            "CAST(1234567890123456789.1234567890123456789 AS BIGNUMERIC)",
            "1234567890123456789.1234567890123456789",
        ),
        ("NUMERIC '1' + 12345678901234567.25", "12345678901234568.25"),
        ("CAST('2024-01-02 23:59:60' AS DATETIME)", "2024-01-03 00:00:00"),
        ("CAST('23:59:60' AS TIME)", "00:00:00"),
        ("CAST('1.23456789012' AS NUMERIC)", "1.23456789"),
        ("CAST(CONCAT('2024-01-02T03:04:05', 'Z') AS TIMESTAMP)", "2024-01-02 03:04:05+00"),
        ("CAST(CONCAT('2024-1-2 3:4:5', '+5') AS TIMESTAMP)", "2024-01-01 22:04:05+00"),
        (
            "CAST(CONCAT('2024-11-03 01:30:00', ' America/New_York') AS TIMESTAMP)",
            "2024-11-03 05:30:00+00",
        ),
        ("CAST(CONCAT('2024-01-02 23:59', ':60') AS TIMESTAMP)", "2024-01-03 00:00:00+00"),
        ("SAFE_CAST(CONCAT('2024-01-02', 'T') AS TIMESTAMP)", "NULL"),
        ("SAFE_CAST(CONCAT('2024-02', '-30') AS TIMESTAMP)", "NULL"),
        ("SAFE_CAST(CONCAT('0001-01-01 00:00:00', '+05') AS TIMESTAMP)", "NULL"),
        ("SAFE_CAST(CONCAT('2024-01-02 03:04:05', ' IST') AS TIMESTAMP)", "NULL"),
        ("CAST(CONCAT('2024-1', '-2') AS DATE)", "2024-01-02"),
        ("SAFE_CAST(CONCAT('2024-01-02', ' 10:00:00') AS DATE)", "NULL"),
        ("CAST(CONCAT('2024-01-02', 'T10:00:00.5') AS DATETIME)", "2024-01-02 10:00:00.500"),
        ("CAST(CONCAT('1:2:3', '.4567') AS TIME)", "01:02:03.456700"),
        ("CAST('P1Y2M3DT4H5M6.5S' AS INTERVAL)", "1-2 3 4:5:6.500"),
        ("CAST('1 2:3:4' AS INTERVAL)", "0-0 1 2:3:4"),
        ("CAST('+1-2 -3 +4:5:6' AS INTERVAL)", "1-2 -3 4:5:6"),
        ("SAFE_CAST('5' AS INTERVAL)", "NULL"),
        ("DATE '9999-12-31'", "9999-12-31"),
        ("DATETIME '9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
        ("TIMESTAMP '0001-01-01 00:00:00+00'", "0001-01-01 00:00:00+00"),
    ] {
        let sql = format!("select cast({expression} as string) as v");
        let answer = program.ask(&sql, &[]).await;
        let expected = if value == "NULL" { Value::Null } else { Value::from(value) };
        if answer["result"] != json!([{ "v": expected }]) {
            wrong.push(format!("{expression}: {value}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Expressions and how their errors begin.
const ERRORS: &[(&str, &str)] = &[
    (
        "DATE_ADD(DATE '9999-12-31', INTERVAL 1 DAY)",
        "Adding 1 DAY to date 9999-12-31 causes overflow",
    ),
    (
        "DATE_SUB(DATE '0001-01-01', INTERVAL 1 DAY)",
        "Adding -1 DAY to date 0001-01-01 causes overflow",
    ),
    (
        "DATE_ADD(DATE '9999-12-01', INTERVAL 1 MONTH)",
        "Adding 1 MONTH to date 9999-12-01 causes overflow",
    ),
    (
        "DATETIME_ADD(DATETIME '9999-12-31 23:59:59', INTERVAL 1 SECOND)",
        "Adding 1 SECOND to datetime 9999-12-31 23:59:59 causes overflow",
    ),
    (
        "TIMESTAMP_ADD(TIMESTAMP '9999-12-31 23:59:59+00', INTERVAL 1 SECOND)",
        "Adding 1 SECOND to timestamp 9999-12-31 23:59:59",
    ),
    (
        "DATE_ADD(DATE '2024-01-31', INTERVAL 1 HOUR)",
        "DATE_ADD does not support the HOUR date part when the argument is DATE type",
    ),
    (
        "TIMESTAMP_ADD(TIMESTAMP '2024-01-01', INTERVAL 1 MONTH)",
        "TIMESTAMP_ADD does not support the MONTH date part when the argument is TIMESTAMP type",
    ),
    ("TIME_ADD(TIME '10:00:00', INTERVAL 1 DAY)", "TIME_ADD does not support the DAY date part"),
    (
        "TIMESTAMP_DIFF(TIMESTAMP '2024-01-02', TIMESTAMP '2024-01-01', WEEK)",
        "TIMESTAMP_DIFF does not support the WEEK date part when the argument is TIMESTAMP type",
    ),
    (
        "DATE_DIFF(DATE '2024-01-02', DATE '2024-01-01', HOUR)",
        "DATE_DIFF does not support the HOUR date part when the argument is DATE type",
    ),
    ("DATE_TRUNC(DATE '2024-01-01', HOUR)", "DATE_TRUNC does not support the HOUR date part"),
    ("DATE_TRUNC(DATE '0001-01-03', WEEK)", "Out of range"),
    ("LAST_DAY(DATE '2024-02-03', DAY)", "LAST_DAY does not support the DAY date part"),
    (
        "EXTRACT(HOUR FROM DATE '2024-01-01')",
        "EXTRACT from DATE does not support the HOUR date part",
    ),
    ("EXTRACT(WEEK FROM INTERVAL 1 DAY)", "Unsupported date part WEEK in EXTRACT FROM INTERVAL"),
    ("DATE(2024, 2, 30)", "Input calculates to invalid date: 2024-02-30"),
    ("TIME(24, 0, 0)", "Input calculates to invalid time: 24:00:00"),
    (
        "TIMESTAMP_SECONDS(253402300800)",
        "Input value 253402300800 cannot be converted into a TIMESTAMP",
    ),
    (
        "DATE_FROM_UNIX_DATE(2932897)",
        "DATE_FROM_UNIX_DATE range is -719162 to 2932896 but saw 2932897",
    ),
    ("DATE(TIMESTAMP '2024-01-01', 'IST')", "Invalid time zone: IST"),
    ("DATE(TIMESTAMP '2024-01-01', 'Nowhere/City')", "Invalid time zone: Nowhere/City"),
    ("DATE(TIMESTAMP '2024-01-01', '+14:01')", "Invalid time zone: +14:01"),
    ("TIMESTAMP('2024-01-01 10:00:00+01', 'UTC')", "Timezone is not allowed in"),
    ("DATE(TIMESTAMP '0001-01-01', 'America/New_York')", "Out of range"),
    (
        "GENERATE_DATE_ARRAY(DATE '2024-01-01', DATE '2024-01-03', INTERVAL 0 DAY)",
        "Sequence step cannot be 0.",
    ),
    (
        "GENERATE_DATE_ARRAY(DATE '2024-01-01', DATE '2024-01-03', INTERVAL 1 HOUR)",
        "GENERATE_DATE_ARRAY does not support the HOUR date part",
    ),
    (
        "TIMESTAMP_BUCKET(TIMESTAMP '2024-01-01', INTERVAL 1 MONTH)",
        "Bucket width INTERVAL with non-zero MONTH part is not allowed",
    ),
    ("DATE_BUCKET(DATE '2024-05-30', INTERVAL 2 HOUR)", "Only MONTH and DAY parts are allowed"),
    ("DATE_BUCKET(DATE '2024-05-30', INTERVAL -1 DAY)", "Negative bucket width INTERVAL"),
    (
        "TIMESTAMP '2024-01-31' + INTERVAL 1 MONTH",
        "TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part.",
    ),
    ("TIME '10:00:00' + INTERVAL 1 HOUR", "No matching signature for operator +"),
    ("DATE '9999-12-31' + 1", "Adding 1 DAY to date 9999-12-31 causes overflow"),
    ("INTERVAL 1 DAY / 0", "Interval division by zero"),
    ("INTERVAL 10001 YEAR", "Interval field months '120012' is out of range -120000 to 120000"),
    ("PARSE_DATE('%Y-%m-%d', '2024-01-02 x')", "Failed to parse input string \"2024-01-02 x\""),
    ("PARSE_DATE('%H', '10')", "Invalid format: %H is not allowed for the DATE type."),
    ("PARSE_DATE('%', '1')", "Format string cannot end with a single '%'"),
    ("PARSE_DATE('%Y-%m-%d', '2024-02-30')", "Out-of-range datetime field in parsing function"),
    ("PARSE_TIMESTAMP('%Y%Z', '2024IST')", "Invalid time zone: IST"),
    ("CAST('not-a-date' AS DATE)", "Invalid date: 'not-a-date'"),
    ("CAST(CONCAT('2024-02', '-30') AS DATE)", "Invalid date: '2024-02-30'"),
    ("CAST(CONCAT('a', '') AS TIMESTAMP)", "Invalid timestamp: 'a'"),
    ("CAST(CONCAT('a', '') AS DATETIME)", "Invalid datetime string \"a\""),
    ("CAST(CONCAT('10:11', '') AS TIME)", "Invalid time string \"10:11\""),
    ("CAST('2024-01-02 03:04' AS TIMESTAMP)", "Invalid timestamp: '2024-01-02 03:04'"),
    ("CAST('10:11' AS TIME)", "Invalid time string \"10:11\""),
    ("CAST('5.0' AS INT64)", "Bad int64 value: 5.0"),
    ("CAST('0x8000000000000000' AS INT64)", "Bad int64 value: 0x8000000000000000"),
    ("CAST('1.5f' AS FLOAT64)", "Bad double value: 1.5f"),
    ("CAST('yes' AS BOOL)", "Bad bool value: yes"),
    ("CAST('abc' AS NUMERIC)", "Invalid NUMERIC value: abc"),
    ("CAST(NUMERIC '9223372036854775807.5' AS INT64)", "int64 out of range: 9223372036854775807.5"),
    ("CAST(1 AS DATE)", "Invalid cast from INT64 to DATE"),
    ("CAST(TIME '10:00:00' AS DATETIME)", "Invalid cast from TIME to DATETIME"),
    ("PARSE_NUMERIC('1.2.3')", "Invalid input to PARSE_NUMERIC: \"1.2.3\""),
    ("CAST(DATE '2024-01-02' AS STRING FORMAT 'HH24')", "DATE does not support 'HH24'"),
    ("CAST(b'a' AS STRING FORMAT 'x')", "Invalid format 'x'"),
    (
        "CAST(12 AS STRING FORMAT 'RN')",
        "'R' at this place in the FORMAT of a number is not supported yet",
    ),
    ("CAST('1' AS INT64 FORMAT '9')", "FORMAT is not allowed for cast from STRING to INT64"),
];
