//! Queries of one's own over sources, in BigQuery's, PostgreSQL's and Logflare's languages.

use reqwest::Method;
use serde_json::{Value, json};

use super::endpoints::{answer, made, request};
use end_to_end::{
    postgres::TestCluster,
    program::{PUBLIC, Program},
};

async fn query(program: &Program, parameters: &[(&str, &str)]) -> (u16, Value) {
    answer(request(program, Method::GET, "/api/query").query(parameters)).await
}

async fn shop(program: &Program) {
    made(program, "/api/sources", json!({"name": "shop.events"})).await;
    let events = json!([
        {"id": "a", "event_message": "sold", "level": "info", "price": 12.5, "tags": ["x", "y"],
         "timestamp": "2026-11-20T10:00:00Z", "of": {"who": "Ada"}},
        {"id": "b", "event_message": "refused", "level": "error", "price": 3,
         "timestamp": "2026-11-20T11:00:00Z", "of": {"who": "Bob"}},
    ]);
    program.log("shop.events", &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_queried_in_both_languages() {
    let program = super::program().await;
    shop(&program).await;
    for (language, text, expected) in [
        (
            "sql",
            "select id, price from shop.events order by price",
            json!([{"id": "b", "price": 3}, {"id": "a", "price": 12.5}]),
        ),
        ("bq_sql", "select @a as a, sum(price) as s from `shop.events`", json!([{"a": null, "s": 15.5}])),
        (
            "pg_sql",
            "select id, timestamp, body->>'level' as level, (body->>'price')::numeric as price, body->'of' as o,
                    body->'tags' as tags, body @> '{\"level\": \"info\"}' as sold, @none as none
             from shop.events where timestamp < '2026-11-20 10:30:00'",
            json!([{
                "id": "a", "timestamp": 1_795_168_800_000_000_i64, "level": "info", "price": 12.5,
                "o": [{"who": "Ada"}], "tags": ["x", "y"], "sold": true, "none": null,
            }]),
        ),
        (
            "pg_sql",
            "with e as (select id, body from \"shop.events\")
             select t.tag, count(*) as n from e cross join lateral jsonb_array_elements_text(e.body->'tags') as t(tag)
             group by 1 order by t.tag desc",
            json!([{"tag": "y", "n": 1}, {"tag": "x", "n": 1}]),
        ),
        (
            "pg_sql",
            "select array[1, null] as l, 1.50 as d, 1.5::float8 as f, interval '90 minutes' as i,
                    '\\x00ff'::bytea as b, date '2026-01-02' as day, - - 3 as three,
                    row_number() over (order by x desc) as r, 'a'::varchar as v
             from generate_series(1, 2) as x order by x limit 1",
            json!([{
                "l": [1, null], "d": 1.5, "f": 1.5, "i": "0-0 0 1:30:0", "b": "AP8=",
                "day": "2026-01-02", "three": 3, "r": 2, "v": "a",
            }]),
        ),
    ] {
        let answer = query(&program, &[(language, text)]).await;
        assert_eq!(answer, (200, json!({ "result": expected })), "{text}");
    }
    let (_, many) =
        query(&program, &[("pg_sql", "select x from generate_series(1, 5000) x")]).await;
    assert_eq!(many["result"].as_array().map(Vec::len), Some(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_query_is_a_bad_request() {
    let program = super::program().await;
    shop(&program).await;
    for (parameters, text) in [
        (
            &[][..],
            "No query params provided. Supported query params are sql=, bq_sql=, ch_sql=, and pg_sql=",
        ),
        (&[("sql", "")], "No query params provided."),
        (&[("ch_sql", "select 1")], "ch_sql is for ClickHouse, which this server does not query"),
        (&[("sql", "select 1"), ("backend_id", "x")], "Invalid backend_id: must be an integer"),
        (&[("sql", "select 1"), ("backend_id", "7")], "Backend not found"),
        (&[("sql", "select nothing")], "Unrecognized name: nothing at [1:8]"),
        (&[("bq_sql", "select id from nowhere")], "Table \"nowhere\" does not exist at [1:16]"),
        (&[("pg_sql", "select id from nowhere")], "Table \"nowhere\" does not exist at [1:16]"),
        (&[("sql", "select 1 / 0 as a")], "division by zero"),
        (&[("pg_sql", "select 1 / 0 as a")], "division by zero"),
        (
            &[("pg_sql", "select nothing from \"postgres.logs\"")],
            "column \"nothing\" does not exist",
        ),
        (
            &[("pg_sql", "select s from shop.events s")],
            "a column has a type that cannot be shown; cast",
        ),
    ] {
        let (status, answer) = query(&program, parameters).await;
        assert_eq!(status, 400, "{parameters:?}: {answer}");
        let found = answer["error"].as_str().expect("a text");
        assert!(found.starts_with(text), "{parameters:?}: {found}");
    }
    let backend = json!({
        "name": "b", "type": "webhook", "config": {"url": "http://127.0.0.1:9/"},
    });
    let backend = made(&program, "/api/backends", backend).await;
    for (id, text) in [
        (backend["id"].to_string(), "Backend does not support querying"),
        ("123456".to_owned(), "Backend not found"),
        ("1.5".to_owned(), "Invalid backend_id: must be an integer"),
    ] {
        let answer = query(&program, &[("sql", "select 1 as one"), ("backend_id", &id)]).await;
        assert_eq!(answer, (400, json!({"error": text})), "{id}");
    }
    for token in ["", PUBLIC] {
        let url = program.url("/api/query?sql=select+1+as+one");
        let (status, _) = answer(program.client.get(url).header("x-api-key", token)).await;
        assert_eq!(status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_shown_with_their_parameters_and_endpoints() {
    let program = super::program().await;
    let inner =
        json!({"name": "inner", "query": "select id from `postgres.logs` where id = @id -- c"});
    made(&program, "/api/endpoints", inner).await;
    let parse = |parameters: &[(&str, &str)]| {
        answer(request(&program, Method::GET, "/api/query/parse").query(parameters))
    };
    assert_eq!(
        parse(&[("sql", "select id, @a as a\nfrom inner, unnest([@B, @b]) as x where x = '@c'")])
            .await,
        (
            200,
            json!({"result": {
                "parameters": ["a", "B"],
                "expanded_query": "select id, @a as a\nfrom (select id from `postgres.logs` where id = @id -- c\n) as `inner`, unnest([@B, @b]) as x where x = '@c'",
            }})
        )
    );
    assert_eq!(
        parse(&[("bq_sql", "select 1")]).await,
        (200, json!({"result": {"parameters": [], "expanded_query": "select 1"}}))
    );
    for (parameters, text) in [
        (
            &[("sql", "select from")][..],
            "sql parser error: Syntax error: Unexpected keyword FROM at [1:12]",
        ),
        (&[("sql", "drop table x")], "sql parser error: Only SELECT queries allowed at [1:1]"),
        (&[("pg_sql", "select 1")], "No query params provided."),
        (&[("ch_sql", "select 1")], "ch_sql is for ClickHouse"),
        (&[], "No query params provided."),
    ] {
        let (status, answer) = parse(parameters).await;
        let found = answer["error"].as_str().expect("a text");
        assert!(status == 400 && found.starts_with(text), "{parameters:?}: {status} {found}");
    }
}

/// Attacks on the database by way of `pg_sql`: each is refused before anything reaches it.
#[tokio::test(flavor = "multi_thread")]
async fn pg_sql_reaches_events_and_nothing_else() {
    let program = Program::serve(&TestCluster::shared().database().await).await;
    shop(&program).await;
    let endpoint = json!({
        "name": "sandbox", "language": "pg_sql", "sandboxable": true, "cache_duration_seconds": 0,
        "query": "with e as (select id from shop.events where id = @id) select id from e",
    });
    made(&program, "/api/endpoints", endpoint).await;
    for attack in [
        "select rolpassword from pg_authid",
        "select rolpassword from pg_catalog.pg_authid",
        "select token from _analytics.logweir_access_tokens",
        "select table_name from information_schema.tables",
        "with pg_authid as (select rolpassword from pg_authid) select rolpassword from pg_authid",
        "select id from e union all select rolpassword from pg_authid",
        "select (select rolpassword from pg_authid limit 1)",
        "select array(select rolpassword from pg_authid)",
        "select 1 limit (select 1 from pg_authid)",
        "select pg_read_file('/etc/passwd')",
        "select \"pg_read_file\"('/etc/passwd')",
        "select pg_catalog.pg_read_file('/etc/passwd')",
        "select pg_ls_dir('.')",
        "select 1 from pg_ls_dir('.') f",
        // `alias.name` is a call where the alias stands for a value.
        "select f.ts_stat from unnest(array['select to_tsvector(set_config(''role'',''none'',true))'])
         as f",
        "select f.pg_sleep from generate_series(60, 60) as f",
        "select f.current_setting from jsonb_array_elements_text('[\"data_directory\"]') as f",
        "select f.current_setting from unnest(array['data_directory']) with ordinality as f",
        "select unnest.current_setting from unnest(array['data_directory'])",
        "select f.lo_creat from (select 1 as a) as e, generate_series(1, 1) as f",
        "select pg_sleep(60)",
        "select count(*) from pg_sleep(60)",
        "select query_to_xml('select * from pg_authid', true, false, '')",
        "select table_to_xml('pg_authid', true, false, '')",
        "select dblink('dbname=postgres', 'select 1')",
        "select lo_import('/etc/passwd')",
        "select lo_get(1)",
        "select set_config('role', 'postgres', false)",
        "select set_config('statement_timeout', '0', true)",
        "select current_setting('data_directory')",
        "select version()",
        "select current_user",
        "select session_user",
        "select has_table_privilege('pg_authid', 'select')",
        "select 'pg_authid'::regclass",
        "select cast('pg_sleep' as regproc)",
        "select 'x'::xml",
        "select id into stolen from e",
        "select id from e for update",
        "select 1; drop table logweir_sources",
        "drop table logweir_sources",
        "with d as (delete from logweir_sources returning id) select id from d",
        "insert into e values (1)",
        "copy (select 1) to program 'sh'",
        "set role postgres",
        "reset role",
        "begin",
        "explain analyze select 1",
        "do $$ begin perform 1; end $$",
        "table pg_authid",
        "select * from e",
        "select 1 operator(pg_catalog.=) 1",
        "select repeat('x', 1000000000)",
        "select 'x' /* */ from pg_authid --",
        "select U&\"\\0070g_sleep\"(1)",
        "select logweir.fail('x')",
        "select nextval('logweir_sources_id_seq')",
        "select to_regclass('pg_authid')",
        "select json_populate_record(null::pg_authid, '{}')",
        // PostgreSQL takes a column that is not there for a function of the row.
        "select e.pg_read_file from e",
        "select s.query_to_xml from shop.events s",
    ] {
        let (status, refused) = query(&program, &[("pg_sql", attack)]).await;
        assert_eq!(status, 400, "{attack}: {refused}");
        let text = refused["error"].as_str().expect("a text");
        assert!(!text.is_empty() && !text.contains("internal"), "{attack}: {text}");
        let request = request(&program, Method::GET, "/api/endpoints/query/sandbox");
        let (status, refused) = answer(request.query(&[("sql", attack), ("id", "a")])).await;
        assert_eq!(status, 200);
        assert!(refused["error"].as_str().is_some(), "{attack}: {refused}");
        assert!(refused.get("result").is_none());
    }
    // What looks like an attack in a value is a value.
    for id in ["'; drop table x; --", "\\'", "$$", "a' or '1'='1"] {
        let request = request(&program, Method::GET, "/api/endpoints/query/sandbox");
        let answer = answer(request.query(&[("id", id)])).await;
        assert_eq!(answer, (200, json!({"result": []})), "{id}");
    }
    let (_, found) = query(&program, &[("pg_sql", "select count(*) as n from shop.events")]).await;
    assert_eq!(found, json!({"result": [{"n": 2}]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn lql_reads_an_endpoints_ctes_and_sources() {
    let program = super::program().await;
    shop(&program).await;
    let ctes = "with a as (select id, timestamp, event_message, level, price from shop.events),
                b as (select id, timestamp, event_message from a) select id from b";
    for endpoint in [
        json!({"name": "ctes", "query": ctes, "sandboxable": true}),
        json!({"name": "errors", "language": "lql", "query": "f:shop.events level:error s:id s:price"}),
    ] {
        made(&program, "/api/endpoints", endpoint).await;
    }
    let ask = |name: &str, lql: &str| {
        let request = request(&program, Method::GET, &format!("/api/endpoints/query/{name}"));
        answer(request.query(&[("lql", lql)]))
    };
    let found = ask("ctes", "f:a level:error s:id s:price").await;
    assert_eq!(found, (200, json!({"result": [{"id": "b", "price": 3}]})));
    let (_, found) = ask("ctes", "f:b sold").await;
    let row = &found["result"][0];
    assert_eq!((&row["id"], &row["event_message"]), (&json!("a"), &json!("sold")), "{found}");
    for (lql, text) in [("sold", "a, b"), ("f:c sold", "a, b"), ("f:shop.events sold", "a, b")] {
        let (status, refused) = ask("ctes", lql).await;
        let found = refused["error"].as_str().unwrap_or_else(|| panic!("{lql}: {refused}"));
        assert!(status == 200 && found.contains(text), "{lql}: {found}");
    }
    assert_eq!(ask("errors", "").await, (200, json!({"result": [{"id": "b", "price": 3}]})));
    let (_, refused) = ask("errors", "f:a").await;
    assert!(refused["error"].as_str().is_some(), "{refused}");
}
