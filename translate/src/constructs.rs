//! What of BigQuery's language is understood, for the docs; the tests translate every example.

/// A construct as its documentation shows it.
#[derive(Debug, Clone, Copy)]
pub struct ConstructDoc {
    /// Its name.
    pub name: &'static str,
    /// How it differs from BigQuery's; empty where it does not.
    pub differs: &'static str,
    /// A query that has it.
    pub example: &'static str,
}

const fn construct(
    name: &'static str,
    differs: &'static str,
    example: &'static str,
) -> ConstructDoc {
    ConstructDoc { name, differs, example }
}

/// The constructs that queries can have.
pub const CONSTRUCTS: &[ConstructDoc] = &[
    construct("CTEs", "", "WITH a AS (SELECT 1 AS x) SELECT x FROM a"),
    construct(
        "Recursive CTEs",
        "A column keeps the type that it begins with.",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
    ),
    construct(
        "SELECT *, t.*, EXCEPT, REPLACE",
        "Not over tables of events: name their columns.",
        "SELECT * EXCEPT (b) REPLACE (a + 1 AS a) FROM (SELECT 1 AS a, 2 AS b)",
    ),
    construct("SELECT DISTINCT", "", "SELECT DISTINCT x FROM UNNEST([1, 1]) AS x ORDER BY x"),
    construct(
        "SELECT AS STRUCT, AS VALUE",
        "",
        "SELECT ARRAY(SELECT AS STRUCT x, o FROM UNNEST(['a']) AS x WITH OFFSET AS o) AS l",
    ),
    construct("A table's row as a value", "", "SELECT t FROM (SELECT 1 AS a) AS t"),
    construct(
        "UNNEST, spelled out or not",
        "An object in an event is its own only element; where it is missing there is one row of NULL.",
        "SELECT e FROM (SELECT [1, 2] AS l) AS t LEFT JOIN UNNEST(t.l) AS e",
    ),
    construct(
        "Joins, with ON and USING, with commas, in parentheses",
        "",
        "SELECT * FROM (SELECT 1 AS k) AS a FULL JOIN (SELECT 2 AS k) AS b USING (k)",
    ),
    construct(
        "Sub-queries, also of values of rows around them",
        "",
        "SELECT x FROM UNNEST([1, 2]) AS x WHERE EXISTS (SELECT 1 FROM UNNEST([2]) AS y WHERE y = x)",
    ),
    construct(
        "Set operations, also BY NAME and CORRESPONDING",
        "Without `ON` and `BY` lists of columns.",
        "(SELECT 1 AS a, 2 AS b) UNION ALL BY NAME SELECT 3 AS b, 4 AS a",
    ),
    construct(
        "GROUP BY with aliases, places, ALL, ROLLUP, CUBE, GROUPING SETS",
        "",
        "SELECT x, GROUPING(x) AS g, COUNT(*) AS n FROM UNNEST([1, 2]) AS x GROUP BY ROLLUP (x)",
    ),
    construct(
        "Windows, named ones too, also over aggregates",
        "Of aggregates with DISTINCT only COUNT takes a window.",
        "SELECT x, SUM(COUNT(*)) OVER w AS s FROM UNNEST([1, 2]) AS x GROUP BY x WINDOW w AS (ORDER BY x)",
    ),
    construct(
        "QUALIFY",
        "",
        "SELECT x FROM UNNEST([1, 2]) AS x QUALIFY ROW_NUMBER() OVER (ORDER BY x DESC) = 1",
    ),
    construct(
        "PIVOT and UNPIVOT",
        "",
        "SELECT * FROM (SELECT 'a' AS k, 1 AS v) PIVOT (SUM(v) FOR k IN ('a', 'b'))",
    ),
    construct(
        "Pipe syntax",
        "Without TABLESAMPLE, CALL, ASSERT, WITH and grouping sets.",
        "FROM UNNEST([1, 2]) AS x |> WHERE x > 1 |> AGGREGATE COUNT(*) AS n GROUP BY x |> ORDER BY n",
    ),
    construct(
        "Comparisons, BETWEEN, IN, LIKE with ANY, SOME and ALL, IS DISTINCT FROM",
        "ILIKE is understood as well.",
        "SELECT 'abc' LIKE ANY ('a%', 'b%') AS a, 1 IN UNNEST([1, 2]) AS b, (1, 2) IN ((1, 2)) AS c",
    ),
    construct(
        "CASE",
        "",
        "SELECT CASE x WHEN 1 THEN 'one' ELSE 'more' END AS c FROM UNNEST([1]) AS x",
    ),
    construct(
        "STRUCTs and ARRAYs",
        "",
        "SELECT STRUCT(1 AS a, [1, 2] AS b).b[OFFSET(0)] AS x, [1] || [2] AS y",
    ),
    construct(
        "Arithmetic of dates, times and intervals",
        "",
        "SELECT DATE '2024-01-31' + 1 AS a, TIMESTAMP '2024-01-01' - INTERVAL 1 HOUR AS b",
    ),
    construct(
        "EXTRACT, with AT TIME ZONE",
        "",
        "SELECT EXTRACT(HOUR FROM TIMESTAMP '2024-01-01' AT TIME ZONE 'Asia/Tokyo') AS h",
    ),
    construct(
        "CAST and SAFE_CAST, to types with parameters too",
        "`::` is understood as well.",
        "SELECT CAST('1.25' AS NUMERIC(10, 1)) AS n, SAFE_CAST('x' AS INT64) AS i",
    ),
    construct(
        "SAFE. before a function",
        "Before functions of one row only.",
        "SELECT SAFE.TIMESTAMP('x') AS t",
    ),
    construct("Parameters", "", "SELECT @name AS a LIMIT 1"),
];
