//! What `SAFE.` makes of a call: NULL where a value is at fault, and nothing else of it.

use translate::Kind;

/// The SQL of a query, or the kind of the error and its text.
fn translated(query: &str) -> Result<String, (Kind, String)> {
    let translation = super::translated(query);
    translation.map(|done| done.sql).map_err(|error| (error.kind, error.message))
}

const ROW: &str = "SELECT TIMESTAMP '2024-01-01 00:00:00+00' AS ts, DATE '2024-01-01' AS d,
    TIME '01:00:00' AS t, INTERVAL 1 DAY AS i, 'x' AS s, 1 AS n";

/// A call over a row of every type, with `SAFE.` and without.
fn both(call: &str) -> [Result<String, (Kind, String)>; 2] {
    ["SAFE.", ""].map(|safe| translated(&format!("SELECT {safe}{call} AS v FROM ({ROW})")))
}

#[test]
fn what_analysis_refuses_stays_refused() {
    for (call, message) in [
        ("TIMESTAMP_ADD(ts, INTERVAL 1 MONTH)", "does not support the MONTH date part"),
        ("TIME_ADD(t, INTERVAL 1 DAY)", "does not support the DAY date part"),
        ("DATE_TRUNC(d, HOUR)", "does not support the HOUR date part"),
        ("DATE_DIFF(d, d, HOUR)", "does not support the HOUR date part"),
        ("LAST_DAY(d, DAY)", "does not support the DAY date part"),
        ("DATE_ADD(d, i)", "expects INTERVAL"),
        ("FORMAT('%d')", "Too few arguments to FORMAT"),
        ("FORMAT('%d', n, n)", "Too many arguments to FORMAT"),
        ("FORMAT('%d', s)", "Invalid type for argument 2 to FORMAT"),
        ("FORMAT('%y', n)", "FORMAT"),
        ("JSON_VALUE('{}', s)", "JSONPath must be a string literal"),
        ("JSON_OBJECT('a')", "JSON_OBJECT takes a value for every name"),
        ("CONTAINS_SUBSTR(s, NULL)", "search value cannot be NULL"),
        ("REGEXP_CONTAINS(s, s)", "not a constant"),
        ("NULLIF([n], [n])", "NULLIF is not defined"),
    ] {
        for outcome in both(call) {
            let Err((kind, said)) = outcome else { panic!("{call} is translated: {outcome:?}") };
            assert_ne!(kind, Kind::WrongValue, "{call}: {said}");
            assert!(said.contains(message), "{call}: {said}");
        }
    }
}

#[test]
fn a_value_at_fault_gives_null() {
    for call in [
        "REGEXP_CONTAINS(s, '(')",
        "REGEXP_EXTRACT(s, '(a)(b)')",
        r"REGEXP_REPLACE(s, 'a', r'\1')",
        "JSON_VALUE('{}', 'a')",
        "JSON_REMOVE(JSON '{}', '$')",
        "FLOAT64(JSON '1', wide_number_mode => 'exactly')",
        "SEARCH(s, ' ')",
    ] {
        let [safe, plain] = both(call);
        let safe = safe.unwrap_or_else(|error| panic!("{call}: {error:?}"));
        assert!(safe.contains("NULL::"), "{call}: {safe}");
        assert_eq!(plain.map_err(|(kind, _)| kind), Err(Kind::WrongValue), "{call}");
    }
}

#[test]
fn faults_of_arguments_stay() {
    for (call, message) in [
        ("DATE(CAST('foo' AS TIMESTAMP), 'UTC')", "Invalid timestamp: 'foo'"),
        ("FORMAT('%t', CAST('foo' AS DATE))", "Invalid date: 'foo'"),
        ("UPPER(REGEXP_EXTRACT(s, '('))", "Cannot parse regular expression"),
        ("SUBSTR(JSON_VALUE('{}', 'a'), 1)", "JSONPath must start with '$'"),
        ("REGEXP_CONTAINS(JSON_VALUE('{}', 'a'), '(')", "JSONPath must start with '$'"),
    ] {
        for outcome in both(call) {
            let Err((_, said)) = outcome else { panic!("{call} is translated: {outcome:?}") };
            assert!(said.contains(message), "{call}: {said}");
        }
    }
    // A row may hold what an argument fails at.
    let sql = translated(&format!("SELECT SAFE.REGEXP_CONTAINS(REPEAT(s, n), '(') FROM ({ROW})"));
    let sql = sql.expect("it is translated");
    assert!(sql.contains("num_nulls(logweir.repeat("), "{sql}");
    // An argument that is SAFE. itself gives NULL.
    let sql = translated(&format!("SELECT UPPER(SAFE.REGEXP_EXTRACT(s, '(')) FROM ({ROW})"));
    assert!(sql.expect("it is translated").contains("NULL::text"));
}
