//! Answers come out.

use std::time::{Duration, Instant};

use end_to_end::postgres::TestCluster;
use store::{Column, ColumnKind, Query, QueryError};

use crate::fixture::{Fixture, batch, eventually, now, run, settings, start};

/// Asks a query of one row, each expression with its kind, and returns its values by number.
async fn values(fixture: &Fixture, expressions: &[(&str, ColumnKind)]) -> Vec<String> {
    let mut shown = Vec::new();
    for (expression, kind) in expressions {
        let sql = format!("select {expression}");
        let columns = [Column { name: "v".to_owned(), kind: kind.clone() }];
        let rows = fixture.store().query(Query { sql: &sql, columns: &columns }).await;
        let json = rows.unwrap_or_else(|error| panic!("{expression}: {error}")).into_json();
        shown.push(json.strip_prefix(r#"[{"v":"#).unwrap().strip_suffix("}]").unwrap().to_owned());
    }
    shown
}

#[tokio::test]
async fn values_have_studios_shapes() {
    use ColumnKind::*;
    let fixture = Fixture::new().await;
    let cases = [
        ("-5::int2", Int64, "-5"),
        ("5::int4", Int64, "5"),
        ("9223372036854775807::int8", Int64, "9223372036854775807"),
        ("sum(x) from (values (1::bigint), (2)) t(x)", Int64, "3"),
        ("1.5::float4", Float64, "1.5"),
        ("0.1::float8 + 0.2", Float64, "0.30000000000000004"),
        ("'NaN'::float8", Float64, r#""NaN""#),
        ("'-infinity'::float8", Float64, r#""-Infinity""#),
        ("2::numeric", Float64, "2"),
        ("12345678901234567890.0123456789::numeric", Numeric, "12345678901234567890.0123456789"),
        ("-0.00012::numeric", Numeric, "-0.00012"),
        ("100000000::numeric", Numeric, "100000000"),
        ("'NaN'::numeric", Numeric, r#""NaN""#),
        ("true", Bool, "true"),
        ("false", Bool, "false"),
        (r#"E'a"\\\n\u0001é'"#, String, r#""a\"\\\n\u0001é""#),
        ("'unknown'", String, r#""unknown""#),
        ("'n'::name", String, r#""n""#),
        ("'\\x00ff10'::bytea", Bytes, r#""AP8Q""#),
        ("timestamp '2026-11-24 03:20:00.000001'", Timestamp, "1795490400000001"),
        ("timestamptz '2026-11-24 03:20:00+01'", Timestamp, "1795486800000000"),
        ("timestamp '1969-12-31 23:59:59'", Timestamp, "-1000000"),
        ("timestamp '2026-11-24 03:20:00'", Datetime, r#""2026-11-24T03:20:00""#),
        ("timestamp '0099-01-02 03:04:05.06'", Datetime, r#""0099-01-02T03:04:05.060000""#),
        ("date '2026-02-28'", Date, r#""2026-02-28""#),
        ("date '1600-02-29'", Date, r#""1600-02-29""#),
        ("time '03:04:05.5'", Time, r#""03:04:05.500000""#),
        ("interval '14 months -3 days 01:02:03'", Interval, r#""1-2 -3 1:2:3""#),
        ("null::jsonb", Json, "null"),
        ("'1'::jsonb", Json, "1"),
        (r#"'{"a":{"b":[{"c":{}},1]}}'::jsonb"#, Json, r#"[{"a":[{"b":[{"c":[{}]},1]}]}]"#),
        (r#"'{"z":{}, "a":[]}'::json"#, Json, r#"[{"z":[{}],"a":[]}]"#),
        (r#"'{"bb": [1, 2], "a": "x y"}'::jsonb"#, JsonText, r#""{\"a\":\"x y\",\"bb\":[1,2]}""#),
        ("array[3, null]::bigint[]", Array(Box::new(Int64)), "[3,null]"),
        ("array['a', 'b']", Array(Box::new(String)), r#"["a","b"]"#),
        ("array[]::timestamp[]", Array(Box::new(Timestamp)), "[]"),
        ("null::text[]", Array(Box::new(String)), "[]"),
        ("array[1.50]::numeric[]", Array(Box::new(Numeric)), "[1.5]"),
        (
            "jsonb_build_array(1.50, timestamp '2026-11-24 03:20:00', null, '\\x00'::bytea)",
            Struct(vec![
                ("n".to_owned(), Numeric),
                ("t".to_owned(), Timestamp),
                ("s".to_owned(), String),
                ("b".to_owned(), Bytes),
            ]),
            r#"{"n":1.5,"t":1795490400000000,"s":null,"b":"AA=="}"#,
        ),
        (
            "array[jsonb_build_array(1), jsonb_build_array(2)]",
            Array(Box::new(Struct(vec![("x".to_owned(), Int64)]))),
            r#"[{"x":1},{"x":2}]"#,
        ),
        ("null::bigint", Int64, "null"),
        ("null::timestamp", Timestamp, "null"),
        ("'infinity'::timestamp", Timestamp, "null"),
    ];
    let expressions: Vec<_> = cases.iter().map(|case| (case.0, case.1.clone())).collect();
    for ((expression, _, expected), shown) in cases.iter().zip(values(&fixture, &expressions).await)
    {
        assert_eq!(shown, *expected, "{expression}");
    }
}

#[tokio::test]
async fn rows_are_objects_in_the_order_of_the_columns() {
    let fixture = Fixture::new().await;
    let columns = [("b", ColumnKind::Int64), ("a", ColumnKind::Int64), ("b", ColumnKind::String)]
        .map(|(name, kind)| Column { name: name.to_owned(), kind });
    let sql = "select x, x * 10, 'row ' || x from generate_series(1, 2) t(x)";
    let rows = fixture.store().query(Query { sql, columns: &columns }).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.into_json(), r#"[{"a":10,"b":"row 1"},{"a":20,"b":"row 2"}]"#);

    let none =
        fixture.store().query(Query { sql: "select 1, 2, 'x' where false", columns: &columns });
    let none = none.await.unwrap();
    assert!(none.is_empty());
    assert_eq!(none.into_json(), "[]");
}

#[tokio::test]
async fn a_description_that_does_not_fit_is_an_internal_error() {
    let fixture = Fixture::new().await;
    for sql in [
        "select 'a', 'b'",
        "select 1",
        "select '{}'::jsonb",
        "select '::1'::inet",
        "select '1'::tsvector",
    ] {
        let asked = fixture.query(sql).await;
        assert!(matches!(asked, Err(QueryError::Internal(_))), "{sql}: {asked:?}");
    }
    fixture.query("select 'fine'").await.unwrap();
}

#[tokio::test]
async fn readers_read_event_tables_and_nothing_else() {
    let mut fixture = Fixture::new().await;
    fixture.append(batch([("seen", now())])).await.unwrap();
    let table = fixture.source.table.clone();
    let seen = fixture.query(&format!("select id from {table}")).await.unwrap();
    assert_eq!(seen, r#"[{"v":"seen"}]"#);

    for (sql, expected) in [
        (format!("with gone as (delete from {table} returning id) select id from gone"), "25006"),
        ("select name from _analytics.logweir_sources".to_owned(), "42501"),
        ("select rolpassword from pg_authid".to_owned(), "42501"),
        ("select pg_read_file('/etc/passwd')".to_owned(), "42501"),
        ("select 1; select 2".to_owned(), "42601"),
        ("create table x (y int)".to_owned(), "25006"),
        ("select id from logweir_sources".to_owned(), "42P01"),
    ] {
        // Numbers are not measured, so that the query runs as it stands.
        let columns = [Column { name: "v".to_owned(), kind: ColumnKind::Int64 }];
        match fixture.store().query(Query { sql: &sql, columns: &columns }).await {
            Err(QueryError::Failed { sqlstate, .. }) => assert_eq!(sqlstate, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
    assert_eq!(fixture.ids().await, ["seen"]);
}

#[tokio::test]
async fn answers_do_not_depend_on_the_servers_settings() {
    let mut fixture = Fixture::new().await;
    let name = fixture.ask("current_database()").await;
    for setting in [
        "standard_conforming_strings = off",
        "search_path = _analytics",
        "timezone = 'Asia/Kathmandu'",
        "intervalstyle = 'iso_8601'",
        "datestyle = 'German'",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
    ] {
        run(&mut fixture.admin, &format!("alter database {name} set {setting}")).await;
    }
    let running = start(settings(&fixture.url)).await;
    let columns = [Column { name: "v".to_owned(), kind: ColumnKind::String }];
    let sql = r"select concat_ws(' ', 'a\b', date '2026-02-03', timestamptz '2026-02-03 00:00:00Z',
                       interval '1 day', '\x00'::bytea, 0.1::float8 + 0.2)";
    let rows = running.store.query(Query { sql, columns: &columns }).await.unwrap();
    assert_eq!(
        rows.into_json(),
        r#"[{"v":"a\\b 2026-02-03 2026-02-03 00:00:00+00 1 day \\x00 0.30000000000000004"}]"#
    );
}

#[tokio::test]
async fn a_failed_query_leaves_a_connection_that_works() {
    let fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.query_connections = 1).await;
    for (sql, expected) in [
        ("select (1 / (x - 3))::text from generate_series(1, 5) t(x)", "22012"),
        ("select 'x'::int::text", "22P02"),
        ("select", "42601"),
        ("select repeat('x', 1000000) from generate_series(1, 100)", "54000"),
        ("select string_agg(repeat('x', 1000), '') from generate_series(1, 40000)", "54000"),
    ] {
        match fixture.query(sql).await {
            Err(QueryError::Failed { sqlstate, message }) => {
                assert_eq!(sqlstate, expected, "{sql}: {message}");
            }
            // An empty SELECT is no error in PostgreSQL, but it has no columns.
            Err(QueryError::Internal(_)) if sql == "select" => {}
            other => panic!("{sql}: {other:?}"),
        }
        let next = fixture.query("select (now() = statement_timestamp())::text").await;
        assert_eq!(next.unwrap().len(), r#"[{"v":"false"}]"#.len(), "after {sql}");
    }
}

/// The driver would take each of them whole before anybody could say that it is too much.
#[tokio::test]
async fn no_row_comes_that_is_too_large() {
    use ColumnKind::*;
    let fixture = Fixture::new().await;
    let large = 40 << 20;
    for (expression, kind) in [
        (format!("repeat('x', {large})"), String),
        (format!("convert_to(repeat('x', {large}), 'UTF8')"), Bytes),
        (format!("to_jsonb(repeat('x', {large}))"), Json),
        (format!("to_jsonb(repeat('x', {large}))"), JsonText),
        ("array_fill(1, array[5000000])".to_owned(), Array(Box::new(Int64))),
    ] {
        let sql = format!("select 1 as n, null::text as m, {expression} as v");
        let described = [("n", Int64), ("n", String), ("v", kind.clone())];
        let columns = described.map(|(name, kind)| Column { name: name.to_owned(), kind });
        let asked = [
            fixture.store().query(Query { sql: &sql, columns: &columns }).await,
            fixture.store().query_as_it_comes(&sql.replace("5000000", "20000000")).await,
        ];
        for answer in asked {
            let refusal = answer.map(|rows| rows.len()).unwrap_err().to_string();
            assert!(refusal.starts_with("a row of the answer has "), "{expression}: {refusal}");
            assert!(refusal.contains("at most 33554432 are answered"), "{refusal}");
        }
    }
    // Also where columns have one name, or one that the limit uses itself.
    let sql = "select 1 as a, 2 as a, 'x' as answer, '{\"b\": 1}'::jsonb as \"1\" limit 5";
    let rows = fixture.store().query_as_it_comes(sql).await.unwrap();
    assert_eq!(rows.into_json(), r#"[{"a":2,"answer":"x","1":[{"b":1}]}]"#);
}

#[tokio::test]
async fn a_query_is_ended_at_its_time_limit() {
    let limit = Duration::from_millis(300);
    let fixture = Fixture::with(TestCluster::shared(), |settings| {
        settings.query_connections = 1;
        settings.query_timeout = limit;
    })
    .await;
    let started = Instant::now();
    let asked = fixture.query("select pg_sleep(60)::text").await;
    assert!(matches!(&asked, Err(QueryError::Timeout(of)) if *of == limit), "{asked:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(asked.unwrap_err().to_string().contains("longer than 0.3 s"));
    fixture.query("select 'next'").await.unwrap();
}

#[tokio::test]
async fn a_query_nobody_waits_for_ends_and_frees_its_connection() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.query_connections = 1).await;
    let abandoned = fixture.query("select 'nobody waits' || pg_sleep(600)::text");
    assert!(tokio::time::timeout(Duration::from_millis(300), abandoned).await.is_err());

    assert_eq!(fixture.query("select 'next'").await.unwrap(), r#"[{"v":"next"}]"#);
    eventually("the query is gone from the server", async || {
        let running = "select count(*) from pg_stat_activity where query like '%nobody waits%' \
                       and pid <> pg_backend_pid() and state = 'active'";
        fixture.ask(running).await == "0"
    })
    .await;
}

#[tokio::test]
async fn a_query_given_up_at_any_moment_leaves_no_transaction_open() {
    let fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.query_connections = 1).await;
    let sql = "select x::text from generate_series(1, 20000) t(x)";
    for wait in 0..40 {
        let _ = tokio::time::timeout(Duration::from_millis(wait), fixture.query(sql)).await;
        // In a transaction that is still open, the two would be different.
        let fresh = fixture.query("select (now() = transaction_timestamp())::text").await;
        assert_eq!(fresh.unwrap(), r#"[{"v":"true"}]"#);
    }
}
