//! Queries that ask for far more than they say are refused while they grow; none of these would end
//! otherwise, or only with gigabytes.

use serde_json::json;
use translate::{OutputType, Parameter, Parameters, Translation};

fn with(query: &str, parameters: &Parameters) -> Result<Translation, String> {
    super::translated_with(query, parameters).map_err(|error| error.to_string())
}

fn translated(query: &str) -> Result<Translation, String> {
    with(query, &Parameters::default())
}

const FIELDS: &str = "A STRUCT or a row of more than 10000 fields, those of fields included, is not supported yet at [";
const EXPRESSIONS: &str = "A query that comes to more than 200000 expressions, all columns of * and copies of what aliases name included, is not supported yet at [";

/// The refusal is one of these words, and names a place.
fn assert_refused(name: &str, query: &str, words: &str) {
    match translated(query) {
        Ok(translation) => panic!("{name}: {} bytes of SQL", translation.sql.len()),
        Err(error) => assert!(error.starts_with(words), "{name}: {error:.300}"),
    }
}

/// `part` with each number of a range in place of `#`, joined.
fn many(part: &str, numbers: std::ops::Range<usize>, separator: &str) -> String {
    let parts: Vec<_> = numbers.map(|number| part.replace('#', &number.to_string())).collect();
    parts.join(separator)
}

/// A CTE `w` of a row of so many columns.
fn wide(columns: usize) -> String {
    format!("w AS (SELECT {})", many("1 AS c#", 0..columns, ", "))
}

#[test]
fn types_do_not_grow_tenfold_with_each_query() {
    let next = |name: usize| {
        let fields = many("s AS f#", 0..10, ", ");
        format!("t{} AS (SELECT STRUCT({fields}) AS s FROM t{name})", name + 1)
    };
    let ctes: Vec<_> = (0..20).map(next).collect();
    let growing = |ctes: &[String], what: &str| {
        format!(
            "WITH t0 AS (SELECT 1 AS s), {} SELECT {what} FROM t{}",
            ctes.join(", "),
            ctes.len()
        )
    };
    assert_refused("20", &growing(&ctes, "COUNT(*)"), FIELDS);
    assert_refused("4", &growing(&ctes[..4], "COUNT(*)"), FIELDS);
    let error = translated(&growing(&ctes[..4], "s")).expect_err("it has too many fields");
    assert!(error.ends_with("; take the fields that you need"), "{error}");
    assert!(translated(&growing(&ctes[..3], "s")).is_ok());
}

#[test]
fn rows_and_structs_of_rows_are_bounded() {
    let wide = wide(2_000);
    for (name, query) in [
        ("row", "SELECT *, *, *, *, *, * FROM w"),
        ("row of relations", "SELECT * FROM w, w AS a, w AS b, w AS c, w AS d, w AS e"),
        ("structs of a row", "SELECT w, w, w, w, w, w FROM w"),
        ("AS STRUCT", "SELECT AS STRUCT w, w, w, w, w, w FROM w"),
        ("array", "SELECT [(w, w, w, w, w, w)] FROM w"),
        ("cast", &format!("SELECT CAST(NULL AS STRUCT<{}>)", many("c# INT64", 0..10_001, ","))),
    ] {
        let query = format!("WITH {wide} {query}");
        // The last has more words than a query may have.
        let words = if name == "cast" { "The query is too long" } else { FIELDS };
        assert_refused(name, &query, words);
    }
    let nested = (0..40).fold("1".to_owned(), |value, _| format!("STRUCT({value})"));
    assert_refused("deep", &format!("SELECT {nested}"), "A STRUCT with STRUCTs more than 32 deep");
    let five = translated(&format!("WITH {wide} SELECT w, w, w, w FROM w"));
    assert_eq!(five.map(|done| done.columns.len()), Ok(4));
}

/// Of STRUCTs that differ, each field may come from another.
#[test]
fn common_types_are_bounded() {
    let arm = |place: usize| {
        let field = |field| if field == place { "w".to_owned() } else { "NULL".to_owned() };
        let fields: Vec<String> = (0..20).map(field).collect();
        format!("SELECT STRUCT({}) AS s FROM w", fields.join(", "))
    };
    let arms: Vec<_> = (0..20).map(arm).collect();
    let query = format!("WITH {} {}", wide(900), arms.join(" UNION ALL "));
    assert_refused("union", &query, FIELDS);
}

#[test]
fn all_columns_of_many_queries_are_bounded() {
    let arms = |count: usize, arm: &str| vec![arm; count].join(" UNION ALL ");
    let by_name = arms(500, "SELECT * FROM w").replace("ALL", "ALL BY NAME");
    for (name, query) in [
        ("star", arms(500, "SELECT * FROM w")),
        ("struct", arms(500, "SELECT w FROM w")),
        ("by name", by_name),
        ("field star", arms(500, "SELECT s.* FROM v")),
        ("row", format!("SELECT {} FROM w", many("TO_JSON_STRING(w)", 0..1_000, ", "))),
    ] {
        let query = format!("WITH {}, v AS (SELECT w AS s FROM w) {query}", wide(1_500));
        assert_refused(name, &query, EXPRESSIONS);
    }
    let some = format!("WITH {} {}", wide(1_500), arms(20, "SELECT * FROM w"));
    assert_eq!(translated(&some).map(|done| done.columns.len()), Ok(1_500));
}

#[test]
fn copies_of_expressions_are_bounded() {
    let long = many("x", 0..2_000, " + ").replace(" + ", ", ");
    let long = format!("GREATEST({long})");
    let nested = |depth: usize, outer: &str| {
        (0..depth).fold("x = 1".to_owned(), |inner, _| outer.replace('#', &inner))
    };
    for (name, select) in [
        ("alias", format!("{long} AS a FROM t ORDER BY {}", many("a", 0..2_000, ", "))),
        ("place", format!("{long} AS a FROM t ORDER BY {}", many("1", 0..2_000, ", "))),
        ("CASE", format!("CASE {long} {} END FROM t", many("WHEN x THEN x", 0..1_000, " "))),
        ("nested BETWEEN", format!("{} FROM t", nested(30, "(#) BETWEEN FALSE AND TRUE"))),
        (
            "nested CASE",
            format!(
                "{} FROM t",
                nested(20, "CASE (#) WHEN x = 1 THEN x = 2 WHEN x = 2 THEN x = 3 END")
            ),
        ),
        (
            "nested LIKE",
            format!("{} FROM t", nested(20, "CAST((#) AS STRING) LIKE ANY ('a', 'b', 'c')")),
        ),
    ] {
        let query = format!("WITH t AS (SELECT 1 AS x, 'x' AS s) SELECT {select}");
        assert_refused(name, &query, EXPRESSIONS);
    }
}

#[test]
fn rotations_are_bounded() {
    let values = many("#", 0..1_500, ", ");
    let long = many("x", 0..1_000, " + ").replace(" + ", ", ");
    let pivot = format!(
        "WITH t AS (SELECT 1 AS x, 2 AS y) SELECT * FROM t PIVOT(SUM(GREATEST({long})) FOR y IN ({values}))"
    );
    assert_refused("pivot", &pivot, EXPRESSIONS);
    let pivots = "|> PIVOT(SUM(x) FOR y IN (1 AS x)) |> EXTEND 1 AS y ".repeat(40);
    let pivots = format!("WITH t AS (SELECT 1 AS x, 2 AS y) FROM t {pivots}");
    assert_refused("pivots of pivots", &pivots, EXPRESSIONS);
}

#[test]
fn long_parameters_are_not_copied_without_end() {
    let long = Parameter { ty: OutputType::String, value: json!("x".repeat(100_000)) };
    let list = Parameter {
        ty: OutputType::Array(Box::new(OutputType::Int64)),
        value: json!(vec![1; 100_000]),
    };
    let parameters = Parameters { positional: vec![long, list], ..Parameters::default() };
    assert!(with("SELECT ?", &parameters).is_ok());
    let texts = Parameters {
        positional: vec![parameters.positional[0].clone(); 1_000],
        ..Parameters::default()
    };
    let lists = Parameters {
        positional: vec![parameters.positional[1].clone(); 10],
        ..Parameters::default()
    };
    for (parameters, call) in [(texts, "CONCAT(#)"), (lists, "ARRAY_CONCAT(#)")] {
        let marks = vec!["?"; parameters.positional.len()].join(", ");
        let error = with(&format!("SELECT {}", call.replace('#', &marks)), &parameters);
        let error = error.expect_err("it is too long");
        assert!(error.starts_with(EXPRESSIONS), "{error:.300}");
    }
}

/// Names that are there often are numbered, each once.
#[test]
fn many_columns_and_tables_of_one_name_are_numbered() {
    let rows = many("(SELECT 1 AS a)", 0..600, ", ");
    let names = many("1 AS a", 0..1_000, ", ");
    let translation = translated(&format!("SELECT {names} FROM {rows}")).expect("it is translated");
    assert!(
        translation.sql.contains("\"unnamed 600\"") && !translation.sql.contains("unnamed 601")
    );
    assert_eq!(translation.columns[999].name, "a_999");
    assert!(translation.sql.contains("AS \"a 1000\""));
}

const SQL: &str =
    "A query that comes to more than 4194304 bytes of PostgreSQL's SQL is not supported yet at [";

/// A CTE `t` of a STRUCT of so many fields.
fn wide_struct(fields: usize) -> String {
    format!("t AS (SELECT STRUCT({}) AS s, '' AS x)", many("1 AS f#", 0..fields, ", "))
}

/// What is repeated in what it is nested in grows with each nesting.
#[test]
fn nested_conversions_and_calls_are_bounded() {
    let ty = |of: &str| format!("STRUCT<{}>", many(&format!("f# {of}"), 0..8, ", "));
    let casts = |depth: usize| {
        let cast = |value, level: usize| {
            format!(
                "CAST({value} AS {})",
                ty(if level.is_multiple_of(2) { "STRING" } else { "INT64" })
            )
        };
        format!("WITH {} SELECT {} FROM t", wide_struct(8), (0..depth).fold("s".to_owned(), cast))
    };
    assert_refused("casts", &casts(20), SQL);
    assert!(translated(&casts(4)).is_ok());
    for (name, call) in [
        ("SAFE", "SAFE.SUBSTR(#, 1, LENGTH(x))"),
        ("SAFE, twice in itself", "SAFE.LPAD(#, LENGTH(x), x)"),
        ("IN UNNEST", "CAST(x IN UNNEST(SPLIT(#)) AS STRING)"),
        ("FORMAT", "FORMAT('%t %T', (#, 1), [#])"),
        ("DATE_ADD", "CAST(DATE_ADD(DATE '2026-01-01', INTERVAL LENGTH(#) DAY) AS STRING)"),
        ("JSON", "TO_JSON_STRING(STRUCT(# AS a, 1 AS b))"),
    ] {
        let depth = if name == "FORMAT" { 8 } else { 18 };
        let nested = (0..depth).fold("x".to_owned(), |inner, _| call.replace('#', &inner));
        let query = format!("WITH {} SELECT {nested} FROM t", wide_struct(8));
        let sql = translated(&query).map(|done| done.sql.len());
        assert!(
            sql.as_ref().map_or_else(
                |error| error.starts_with("A query") || error.starts_with("The query has calls"),
                |sql| *sql < 1 << 22
            ),
            "{name}: {sql:?}"
        );
    }
}

#[test]
fn calls_of_wide_structs_are_bounded() {
    for (name, call) in [
        ("JSON", "TO_JSON_STRING(s)"),
        ("FORMAT", "FORMAT('%t', s)"),
        ("CONTAINS", "CONTAINS_SUBSTR(s, 'x')"),
    ] {
        let query = format!("WITH {} SELECT {} FROM t", wide_struct(900), many(call, 0..500, ", "));
        assert_refused(name, &query, SQL);
        let once = format!("WITH {} SELECT {call} FROM t", wide_struct(900));
        assert!(translated(&once).is_ok(), "{name}");
    }
}

/// What is big, but says itself how big it is.
#[test]
fn what_is_long_but_sensible_is_translated() {
    let wide = wide(300);
    for (name, query) in [
        ("pipes", format!("FROM w {}", "|> LIMIT 1 ".repeat(300))),
        ("conditions", format!("SELECT 1 FROM w WHERE {}", many("c1 = #", 0..2_000, " OR "))),
        ("list", format!("SELECT c1 IN ({}) FROM w", many("#", 0..4_000, ", "))),
        ("windows", format!("SELECT {} FROM w", many("SUM(c#) OVER (ORDER BY c1)", 0..300, ", "))),
        ("cases", format!("SELECT CASE {} END FROM w", many("WHEN c1 = # THEN w", 0..200, " "))),
        ("JSON", format!("SELECT {} FROM w", many("TO_JSON_STRING(w)", 0..1, ", "))),
    ] {
        let done = translated(&format!("WITH {wide} {query}"));
        assert!(done.is_ok(), "{name}: {done:.300?}");
    }
}
