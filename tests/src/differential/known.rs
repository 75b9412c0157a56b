//! Where the evaluator is known to differ from BigQuery, or both may be right.

/// A text that a query has, one that the difference has, and why they differ.
const KNOWN: &[(&str, &str, &str)] = &[
    ("", "Invalid time zone", "a time zone that is none fails beside a NULL too"),
    ("", "underflow (SQLSTATE 22003)", "PostgreSQL fails where a FLOAT64 comes too near to 0"),
    ("", "overflow (SQLSTATE 22003)", "PostgreSQL's statistics fail where a FLOAT64 overflows"),
    ("", "cannot hold the character U+0000", "PostgreSQL's text has no U+0000"),
    ("JSON_ARRAY_INSERT(", " instead of: ", "a value that is put nowhere is not worked out"),
    (
        "REGEXP_INSTR(",
        " instead of ",
        "the evaluator counts an empty match from its next character",
    ),
    ("5e-324", "4.94065645841247e-324", "the digits of what is nearly 0"),
    ("JSON_SET(", "Failed to convert NUMERIC to JSON", "a value that is put nowhere is worked out"),
    ("JSON_VALUE(", "NULL", "the evaluator reads the begin of text that is no JSON"),
    ("JSON_EXTRACT", "NULL", "the evaluator reads the begin of text that is no JSON"),
    ("'%h %J'", "not supported yet", "the evaluator does not know %J"),
    ("TIMESTAMP_TRUNC(TIMESTAMP '0001", "causes underflow", "a local time before the year 1"),
    ("CAST(NULL AS", " instead of: ", "what stands beside a NULL is not worked out"),
    ("TIME_", "bigint out of range", "the least INT64 has no negative"),
    ("STRUCT(", " instead of: ", "a field of a STRUCT that is not asked for is not worked out"),
    ("", "Out of range time in this zone", "a local time beyond the year 9999 fails"),
];

/// Why a difference is none of ours.
pub(super) fn known_difference(sql: &str, detail: &str) -> Option<&'static str> {
    let found = KNOWN.iter().find(|(query, said, _)| sql.contains(query) && detail.contains(said));
    found.map(|(_, _, reason)| *reason)
}
