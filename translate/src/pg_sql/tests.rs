//! What passes, what it becomes, and what does not pass.

use std::sync::Arc;

use super::*;
use crate::{Language, Parameter, SourceTable, StoredQuery, TableColumns};

struct Fixture;

impl Sources for Fixture {
    fn source(&self, name: &str) -> Option<SourceTable> {
        matches!(name, "postgres.logs" | "mine").then(|| SourceTable {
            table: format!("\"events\".\"{name}\""),
            schema: Arc::default(),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        vec!["postgres.logs".to_owned(), "mine".to_owned()]
    }

    fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
        let (text, language) = match name {
            "errors" => ("select id from mine where body->>'level' = @level", Language::Postgres),
            "of.errors" => ("select id from errors;", Language::Postgres),
            "loop" => ("select id from \"to.loop\"", Language::Postgres),
            "to.loop" => ("select id from loop", Language::Postgres),
            "broken" => ("select pg_sleep(1)", Language::Postgres),
            "other" => ("select 1 as a", Language::BigQuery),
            _ => return None,
        };
        Some(StoredQuery { text: text.to_owned(), language, sources: Box::new(Fixture) })
    }
}

fn confined(endpoint: &str, consumer: Option<&str>) -> Result<String, String> {
    let mut parameters = Parameters::default();
    for (name, value) in [("level", "it's"), ("n", "7"), ("bomb", "'; drop table x; --")] {
        parameters.named.insert(name.to_owned(), Parameter::text(value));
    }
    let request = Request {
        endpoint,
        consumer: consumer.map(Consumer::Sql),
        parameters: &parameters,
        max_rows: 100,
    };
    confine(&request, &Fixture).map_err(|error| error.to_string())
}

const HARMLESS: &[(&str, &str)] = &[
    ("select 1;", "SELECT 1 LIMIT 100"),
    ("select 1 limit 5 offset 2", "SELECT 1 LIMIT 5 OFFSET 2"),
    ("select 1 limit 5000", "SELECT 1 LIMIT 100"),
    ("select 1 limit all", "SELECT 1 LIMIT 100"),
    ("select 1 limit @n", "SELECT 1 LIMIT 7"),
    ("select 1 limit @nothing", "SELECT 1 LIMIT 100"),
    (
        "select ID, t.\"A\"\"b\" from postgres.logs as t -- gone",
        "SELECT \"id\", \"t\".\"A\"\"b\" FROM \"events\".\"postgres.logs\" AS \"t\" LIMIT 100",
    ),
    (
        "select mine.id from mine",
        "SELECT \"mine\".\"id\" FROM \"events\".\"mine\" AS \"mine\" LIMIT 100",
    ),
    (
        "select body->'a'->>'b', body #>> '{a,b}', body @> '{}', (body->'n')::int + 1 from mine",
        "SELECT \"body\" -> 'a' ->> 'b', \"body\" #>> '{a,b}', \"body\" @> '{}', (\"body\" -> 'n')::INT + 1 FROM \"events\".\"mine\" AS \"mine\" LIMIT 100",
    ),
    ("select - -1, -(+2), not true", "SELECT -(-(1)), -((+(2))), NOT (true) LIMIT 100"),
    (
        "select 'it''s', E'a\\'b\\n', $$c'd$$, $x$e$$f$x$, 'back\\slash'",
        "SELECT 'it''s', 'a''b\n', 'c''d', 'e$$f', 'back\\slash' LIMIT 100",
    ),
    (
        "select @level, @bomb, @none",
        "SELECT ('it''s'::text), ('''; drop table x; --'::text), (null::text) LIMIT 100",
    ),
    (
        "select count(*) filter (where id = '1'), count(distinct id), string_agg(id, ',' order by id desc) from mine",
        "SELECT count(*) FILTER (WHERE \"id\" = '1'), count(DISTINCT \"id\"), string_agg(\"id\", ',' ORDER BY \"id\" DESC) FROM \"events\".\"mine\" AS \"mine\" LIMIT 100",
    ),
    (
        "select date_trunc('hour', timestamp) as h, percentile_cont(0.5) within group (order by 1) from mine group by 1 order by h desc nulls last",
        "SELECT date_trunc('hour', \"timestamp\") AS \"h\", percentile_cont(0.5) WITHIN GROUP (ORDER BY 1) FROM \"events\".\"mine\" AS \"mine\" GROUP BY 1 ORDER BY \"h\" DESC NULLS LAST LIMIT 100",
    ),
    (
        "select timestamp > now() - interval '1 hour', extract(epoch from timestamp), timestamp at time zone 'UTC', timestamp '2024-01-01' from mine",
        "SELECT \"timestamp\" > now() - INTERVAL '1 hour', EXTRACT(EPOCH FROM \"timestamp\"), \"timestamp\" AT TIME ZONE 'UTC', TIMESTAMP '2024-01-01' FROM \"events\".\"mine\" AS \"mine\" LIMIT 100",
    ),
    (
        "with pg_roles as (select id from mine) select id from PG_ROLES",
        "WITH \"relation 1\" AS (SELECT \"id\" FROM \"events\".\"mine\" AS \"mine\") SELECT \"id\" FROM \"relation 1\" AS \"pg_roles\" LIMIT 100",
    ),
    (
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select n from t",
        "WITH RECURSIVE \"relation 1\" (\"n\") AS (SELECT 1 UNION ALL SELECT \"n\" + 1 FROM \"relation 1\" AS \"t\" WHERE \"n\" < 5) SELECT \"n\" FROM \"relation 1\" AS \"t\" LIMIT 100",
    ),
    (
        "select g from generate_series(1, 3) as g, jsonb_array_elements('[1]'::jsonb) e(v)",
        "SELECT \"g\" FROM LATERAL (SELECT * FROM generate_series(1, 3) AS \"g\") AS \"g\", LATERAL (SELECT * FROM jsonb_array_elements('[1]'::JSONB) \"e\" (\"v\")) \"e\" LIMIT 100",
    ),
    (
        "select row_number() over (partition by id order by timestamp rows between 1 preceding and current row) from mine",
        "SELECT row_number() OVER (PARTITION BY \"id\" ORDER BY \"timestamp\" ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM \"events\".\"mine\" AS \"mine\" LIMIT 100",
    ),
    (
        "select id from \"of.errors\" union all select id from errors",
        "WITH \"relation 1\" AS (SELECT \"id\" FROM \"events\".\"mine\" AS \"mine\" WHERE \"body\" ->> 'level' = ('it''s'::text)), \"relation 2\" AS (SELECT \"id\" FROM \"relation 1\" AS \"errors\") SELECT \"id\" FROM \"relation 2\" AS \"of.errors\" UNION ALL SELECT \"id\" FROM \"relation 1\" AS \"errors\" LIMIT 100",
    ),
];

#[test]
fn harmless_queries_pass() {
    for (sql, expected) in HARMLESS.iter().copied() {
        assert_eq!(confined(sql, None), Ok(expected.to_owned()), "{sql}");
    }
}

#[test]
fn consumers_see_ctes_only() {
    let endpoint = "with a as (select id from mine), b as (select id from a) select id from b";
    assert_eq!(
        confined(endpoint, Some("with c as (select id from b) select c.id from c, a")),
        Ok("WITH \"relation 1\" AS (SELECT \"id\" FROM \"events\".\"mine\" AS \"mine\"), \"relation 2\" AS (SELECT \"id\" FROM \"relation 1\" AS \"a\"), \"relation 3\" AS (SELECT \"id\" FROM \"relation 2\" AS \"b\") SELECT \"c\".\"id\" FROM \"relation 3\" AS \"c\", \"relation 1\" AS \"a\" LIMIT 100".to_owned())
    );
    for table in ["mine", "errors", "pg_roles", "\"relation 1\"", "\"A\""] {
        let refusal = confined(endpoint, Some(&format!("select 1 from {table}"))).unwrap_err();
        let unquoted = table.trim_matches('"');
        assert_eq!(
            refusal,
            format!("Table \"{unquoted}\" does not exist at [1:15]; there are a, b")
        );
    }
    let refusal = confined("select 1", Some("select 1")).unwrap_err();
    assert_eq!(refusal, "This endpoint has no CTEs that a query could be run over");
}

/// Whatever reaches beyond events, runs SQL, or hides something.
const HARMFUL: &[(&str, &str)] = &[
    ("", "Query cannot be empty"),
    (" ; -- x", "Query cannot be empty"),
    ("select 1; drop table mine", "Only singular query allowed"),
    ("select 1; select 2", "Only singular query allowed"),
    ("drop table mine", "Only SELECT queries allowed"),
    ("delete from mine", "Only SELECT queries allowed"),
    ("explain analyze select 1", "Only SELECT queries allowed"),
    ("set role postgres", "Only SELECT queries allowed"),
    ("copy mine to program 'sh'", "Only SELECT queries allowed"),
    ("do $$ begin end $$", "Only SELECT queries allowed"),
    ("table mine", "Only SELECT queries allowed"),
    ("values (1)", "Only SELECT queries allowed"),
    ("with x as (delete from mine returning id) select id from x", "Only SELECT queries allowed"),
    (
        "with x as (insert into mine values (1) returning id) select id from x",
        "Only SELECT queries allowed",
    ),
    (
        "with x as (update mine set id = '1' returning id) select id from x",
        "Only SELECT queries allowed",
    ),
    ("select id into stolen from mine", "SELECT INTO is not allowed"),
    ("select id from mine for update", "FOR UPDATE"),
    ("select id from mine for share", "FOR UPDATE or FOR SHARE is not allowed"),
    ("select * from mine", "restricted wildcard (*)"),
    ("select mine.* from mine", "restricted wildcard (*)"),
    ("select id from (select * from mine) x", "restricted wildcard (*)"),
    ("select id from pg_catalog.pg_authid", "Table \"pg_catalog.pg_authid\" does not exist"),
    ("select id from pg_roles", "Table \"pg_roles\" does not exist"),
    ("select id from information_schema.tables", "does not exist"),
    ("select id from \"events\".\"mine\"", "Table \"events.mine\" does not exist"),
    ("select id from public.logweir_access_tokens", "does not exist"),
    ("select (select hash from logweir_access_tokens limit 1)", "does not exist"),
    ("select 1 where exists (select 1 from pg_shadow)", "does not exist"),
    ("select 1 where 1 in (select 1 from pg_shadow)", "does not exist"),
    ("select 1 where 1 = any (select 1 from pg_shadow)", "does not exist"),
    ("select array(select usename from pg_shadow)", "does not exist"),
    ("select id from mine order by (select 1 from pg_shadow)", "does not exist"),
    ("select 1 limit (select 1 from pg_shadow)", "does not exist"),
    ("select 1 offset (select 1 from pg_shadow)", "does not exist"),
    ("select count(*) filter (where (select true from pg_shadow)) from mine", "does not exist"),
    ("select row_number() over (order by (select 1 from pg_shadow))", "does not exist"),
    ("select id from mine join pg_shadow on true", "does not exist"),
    ("select id from mine, lateral (select 1 from pg_shadow) x", "does not exist"),
    ("select case when (select true from pg_shadow) then 1 end", "does not exist"),
    // Without RECURSIVE a CTE does not see itself.
    (
        "with pg_roles as (select 1 from pg_roles) select 1 from pg_roles",
        "Table \"pg_roles\" does not exist",
    ),
    (
        "with a as (select 1 from pg_roles), pg_roles as (select 1) select 1 from a",
        "Table \"pg_roles\" does not exist",
    ),
    ("with a as (select 1), a as (select 2) select 1 from a", "specified more than once"),
    ("select pg_read_file('/etc/passwd')", "Restricted function pg_read_file at [1:8]"),
    ("select PG_SLEEP(10)", "Restricted function PG_SLEEP"),
    ("select \"pg_sleep\"(10)", "Restricted function \"pg_sleep\""),
    ("select pg_catalog.pg_sleep(10)", "Restricted function pg_catalog.pg_sleep"),
    ("select pg_catalog.lower('A')", "Restricted function pg_catalog.lower"),
    ("select logweir.fail('x')", "Restricted function logweir.fail"),
    ("select U&\"pg\\005fsleep\"(1)", ""),
    ("select query_to_xml('select 1', true, false, '')", "Restricted function query_to_xml"),
    ("select table_to_xml('pg_authid', true, false, '')", "Restricted function table_to_xml"),
    ("select database_to_xml(true, false, '')", "Restricted function database_to_xml"),
    ("select xpath('/', '<a/>')", "Restricted function xpath"),
    ("select dblink('host=x', 'select 1')", "Restricted function dblink"),
    ("select lo_import('/etc/passwd')", "Restricted function lo_import"),
    ("select loread(1, 2)", "Restricted function loread"),
    ("select set_config('role', 'postgres', false)", "Restricted function set_config"),
    ("select current_setting('data_directory')", "Restricted function current_setting"),
    ("select version()", "Restricted function version"),
    ("select current_user", "Restricted function current_user"),
    ("select session_user", "Restricted function session_user"),
    ("select user", "Restricted function user"),
    ("select current_catalog", "Restricted function current_catalog"),
    ("select has_table_privilege('x', 'select')", "Restricted function has_table_privilege"),
    ("select inet_server_addr()", "Restricted function inet_server_addr"),
    ("select nextval('s')", "Restricted function nextval"),
    ("select txid_current()", "Restricted function txid_current"),
    ("select to_regclass('pg_authid')", "Restricted function to_regclass"),
    ("select obj_description(1)", "Restricted function obj_description"),
    ("select repeat('x', 1000000000)", "Restricted function repeat"),
    ("select lpad('x', 1000000000)", "Restricted function lpad"),
    ("select format('%1000000000s', 'x')", "Restricted function format"),
    ("select count(pg_sleep(1)) from mine", "Restricted function pg_sleep"),
    ("select coalesce((pg_sleep(1))::text, '')", "Restricted function pg_sleep"),
    ("select id from mine order by pg_sleep(1)", "Restricted function pg_sleep"),
    ("select id from mine group by id having pg_sleep(1) is null", "Restricted function pg_sleep"),
    ("select 1 from pg_ls_dir('/')", "Restricted function pg_ls_dir"),
    ("select 1 from lateral pg_ls_dir('/') x", "Restricted function pg_ls_dir"),
    ("select 1 from rows from (pg_ls_dir('/')) x", ""),
    ("select 1 from lower('a') x", "Restricted function lower"),
    ("select 'pg_authid'::regclass", "A cast to REGCLASS is not allowed"),
    ("select cast('pg_authid' as regclass)", "A cast to REGCLASS is not allowed"),
    ("select 'x'::regproc", "A cast to regproc is not allowed"),
    ("select 'postgres'::pg_catalog.regrole", "A cast to pg_catalog.regrole is not allowed"),
    ("select '{pg_authid}'::regclass[]", "A cast to REGCLASS[] is not allowed"),
    ("select regclass 'pg_authid'", ""),
    ("select 'x'::xml", "A cast to xml is not allowed"),
    ("select 1 operator(pg_catalog.+) 2", "The operator"),
    ("select @ -5", "The operator @"),
    ("select |/ 4", "The operator |/"),
    ("select $1", "The parameter $1 is not allowed at [1:8]; write @name"),
    ("select (mine).pg_sleep from mine", "Access to a field is not allowed"),
    ("select (select mine from mine).id", "Access to a field is not allowed"),
    ("select a.b.c from mine", "A name of more than two parts is not allowed"),
    ("select 'a' collate \"C\"", "This kind of expression is not allowed"),
    ("select xmlelement(name x)", ""),
    ("select id from mine tablesample system (1)", "This kind of table is not allowed"),
    ("select id from only mine", ""),
    ("select 1 limit -1", "LIMIT expects"),
    ("select 1 limit 1 + 1", "LIMIT expects"),
    ("select 1 limit @level", "LIMIT expects"),
    ("select id from mine fetch first 5 rows only", "FETCH is not allowed at [1:1]; use LIMIT"),
    ("select make_date(year => 1)", "This kind of argument is not allowed"),
    ("select lower(variadic array['a'])", ""),
    ("select id from loop", "Endpoint \"loop\" reads itself: loop → to.loop → loop at [1:16]"),
    (
        "select id from broken",
        "in endpoint \"broken\": Restricted function pg_sleep at [1:8] at [1:16]",
    ),
    ("select a from other", "Endpoint \"other\" is written in another language at [1:15]"),
    ("select 'a\0b'", "The query holds the character U+0000"),
    ("select E'a\\0b'", ""),
];

#[test]
fn what_could_harm_is_refused() {
    for (sql, text) in HARMFUL.iter().copied() {
        let refusal = confined(sql, None);
        let refusal = refusal.expect_err(sql);
        assert!(refusal.contains(text), "{sql}: {refusal}");
        assert!(!refusal.starts_with("internal"), "{sql}: {refusal}");
    }
    for monster in [
        format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("select 1{}", " + 1".repeat(100_000)),
        format!("select '{}'", "x".repeat(1 << 20)),
    ] {
        let refusal = confined(&monster, None).unwrap_err();
        assert!(refusal.starts_with("The query is"), "{refusal}");
    }
}

proptest::proptest! {
    /// What is printed is one query that passes again, and becomes itself.
    #[test]
    fn texts_never_end_their_literal(text in "[-'\"\\\\;$@/*a ]{0,12}") {
        let quoted = text.replace('\'', "''");
        let sql = format!("select '{quoted}' as a, \"{}x\"", text.replace('"', "\"\""));
        let printed = confined(&sql, None).unwrap();
        let expected = format!(
            "SELECT '{quoted}' AS \"a\", \"{}x\" LIMIT 100", text.replace('"', "\"\"")
        );
        proptest::prop_assert_eq!(&printed, &expected);
        proptest::prop_assert_eq!(confined(&printed, None), Ok(printed));
    }
}
