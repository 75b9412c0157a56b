//! The columns of set operations: their types, and what long chains take.

use translate::{OutputType, Translation};

fn translated(query: &str) -> Result<Translation, String> {
    super::translated(query).map_err(|error| error.message)
}

const ROW: &str =
    "SELECT 1 AS i, NUMERIC '1' AS n, BIGNUMERIC '1' AS b, CAST(1 AS FLOAT64) AS f, 'x' AS s";

/// The type of the only column of a query over a row of every type.
fn type_of(query: &str) -> Result<OutputType, String> {
    let translation = translated(&format!("WITH t AS ({ROW}) {query}"))?;
    let mut columns = translation.columns.into_iter();
    match (columns.next(), columns.next()) {
        (Some(column), None) => Ok(column.ty),
        _ => panic!("{query} has not one column"),
    }
}

/// The orders in which three can stand.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

#[test]
fn literals_adapt_to_all_queries_of_a_chain_in_any_order() {
    let numeric = ["1.5 AS x", "i AS x FROM t", "n AS x FROM t"];
    for (arms, ty) in [
        (numeric, OutputType::Numeric),
        (["1.5 AS x", "n AS x FROM t", "b AS x FROM t"], OutputType::BigNumeric),
        (["1.5 AS x", "i AS x FROM t", "2.5 AS x"], OutputType::Float64),
        (["1.5 AS x", "n AS x FROM t", "f AS x FROM t"], OutputType::Float64),
        (["'2024-01-01' AS x", "DATE '2024-01-02' AS x", "NULL AS x"], OutputType::Date),
        (["NULL AS x", "NULL AS x", "s AS x FROM t"], OutputType::String),
    ] {
        for order in ORDERS {
            let [one, two, three] = order.map(|place| arms[place]);
            for query in [
                format!("SELECT {one} UNION ALL SELECT {two} UNION ALL SELECT {three}"),
                format!("SELECT {one} UNION DISTINCT SELECT {two} UNION DISTINCT SELECT {three}"),
                format!(
                    "SELECT {one} INTERSECT DISTINCT SELECT {two} INTERSECT DISTINCT SELECT {three}"
                ),
                format!("SELECT {one} EXCEPT DISTINCT SELECT {two} EXCEPT DISTINCT SELECT {three}"),
                format!(
                    "SELECT {one} UNION ALL BY NAME SELECT {two} UNION ALL BY NAME SELECT {three}"
                ),
                format!(
                    "SELECT {one} FULL UNION ALL BY NAME SELECT {two} FULL UNION ALL BY NAME SELECT {three}"
                ),
                format!("(SELECT {one}) |> UNION ALL (SELECT {two}), (SELECT {three})"),
            ] {
                assert_eq!(type_of(&query), Ok(ty.clone()), "{query}");
            }
            let recursive = format!(
                "WITH RECURSIVE t AS ({ROW}), c AS (SELECT {one} UNION ALL SELECT {two} UNION ALL SELECT {three}) SELECT x FROM c"
            );
            let columns = translated(&recursive).map(|done| done.columns[0].ty.clone());
            assert_eq!(columns, Ok(ty.clone()), "{recursive}");
        }
    }
}

/// A query in parentheses has types of its own before it is one of a chain.
#[test]
fn parentheses_begin_another_chain() {
    for (query, ty) in [
        ("(SELECT 1.5 UNION ALL SELECT i FROM t) UNION ALL SELECT n FROM t", OutputType::Float64),
        ("SELECT n FROM t UNION ALL (SELECT i FROM t UNION ALL SELECT 1.5)", OutputType::Float64),
        ("(SELECT 1.5) UNION ALL (SELECT n FROM t)", OutputType::Numeric),
    ] {
        assert_eq!(type_of(query), Ok(ty), "{query}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    for (query, message) in [
        (
            "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT s FROM t",
            "Column 1 in a set operation has incompatible types: INT64, STRING",
        ),
        (
            "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 1, 2",
            "Queries in a set operation have mismatched column count; the first has 1, the second 2",
        ),
        (
            "SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3",
            "Different set operations cannot be used in the same query without using parentheses for grouping",
        ),
        (
            "SELECT 1 UNION ALL SELECT 2 INTERSECT DISTINCT SELECT 3",
            "Different set operations cannot be used in the same query without using parentheses for grouping",
        ),
        (
            "SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS a UNION ALL BY NAME SELECT 3 AS b",
            "BY NAME needs column a in both queries of the set operation; FULL, LEFT and INNER before it do not",
        ),
        (
            "SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS a UNION ALL BY NAME SELECT 3 AS a, 4 AS A",
            "BY NAME needs one column of the name A",
        ),
        (
            "SELECT 1 AS a, 2 AS b INNER UNION ALL BY NAME SELECT 2 AS a INNER UNION ALL BY NAME SELECT 3 AS b",
            "The queries of the set operation have no column in common",
        ),
    ] {
        assert_eq!(type_of(query), Err(message.to_owned()), "{query}");
    }
}

/// The names of the columns of a chain of BY NAME.
#[test]
fn columns_are_matched_by_name_along_the_chain() {
    let arms = ["SELECT 1 AS a, 2 AS b", "SELECT 3 AS b, 4 AS c", "SELECT 5 AS B, 6 AS d"];
    for (operations, names) in [
        (["FULL UNION ALL BY NAME"; 2], vec!["a", "b", "c", "d"]),
        (["LEFT UNION ALL BY NAME"; 2], vec!["a", "b"]),
        (["UNION ALL CORRESPONDING"; 2], vec!["b"]),
        (["FULL UNION ALL BY NAME", "INNER UNION ALL BY NAME"], vec!["b"]),
        (["INNER UNION ALL BY NAME", "FULL UNION ALL BY NAME"], vec!["b", "d"]),
    ] {
        let query =
            format!("{} {} {} {} {}", arms[0], operations[0], arms[1], operations[1], arms[2]);
        let translation = translated(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let found: Vec<_> = translation.columns.iter().map(|column| &column.name).collect();
        assert_eq!(found, names, "{query}");
    }
}

/// A result that is sorted as a whole has a name in PostgreSQL that no alias can have.
#[test]
fn a_sorted_result_is_no_relation_of_the_query() {
    for alias in ["result", "RESULT", "`Result`"] {
        let query = format!(
            "SELECT COUNT(*) AS n, ARRAY(SELECT 1 AS a UNION ALL SELECT 2 ORDER BY a) AS l FROM t AS {alias}"
        );
        let translation = translated(&format!("WITH t AS ({ROW}) {query}"));
        assert!(translation.is_ok(), "{query}: {translation:?}");
        let error = type_of(&format!("SELECT 1 AS a UNION ALL SELECT 2 ORDER BY {alias}.a"));
        let error = error.expect_err("nothing is called so");
        assert!(error.contains("nrecognized name"), "{error}");
    }
}

/// What is worked out for each query of a chain must not be worked out again for each that follows:
/// this would take minutes.
#[test]
fn long_chains_of_wide_structs_are_translated() {
    let fields: Vec<_> = (0..300).map(|field| format!("1 AS f{field}")).collect();
    let chain = vec!["SELECT s FROM w"; 1_300].join(" UNION ALL ");
    let query = format!(
        "WITH v AS (SELECT STRUCT({}) AS s), w AS (SELECT STRUCT(s AS a, s AS b, s AS c) AS s FROM v)
         SELECT COUNT(*) AS c FROM ({chain})",
        fields.join(", ")
    );
    let translation = translated(&query).expect("it is translated");
    assert_eq!(translation.sql.matches("UNION ALL").count(), 1_299);
}
