//! What queries become, and what is said of those that cannot be translated.

use std::{collections::BTreeMap, sync::Arc};

use event_schemas::{FieldType, TableSchema};
use translate::{
    Consumer, Parameters, Request, SourceTable, Sources, TableColumns, Translation, translate,
};

const ENDPOINT: &str = "
with edge_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier
  from `cloudflare.logs.prod` as t
  where t.project = @project
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
), storage_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata
  from `storage.logs.prod.2` as t cross join unnest(t.metadata) as m
  where m.project = @project
)
select id from edge_logs";

struct Fixture;

fn object(fields: &[(&str, FieldType)]) -> FieldType {
    FieldType::Object(TableSchema {
        fields: fields.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect(),
    })
}

impl Sources for Fixture {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let metadata = match name {
            "cloudflare.logs.prod" => object(&[
                (
                    "request",
                    object(&[
                        ("method", FieldType::String),
                        ("path", FieldType::String),
                        ("host", FieldType::String),
                    ]),
                ),
                (
                    "response",
                    object(&[
                        ("status_code", FieldType::Int64),
                        ("origin_time", FieldType::Float64),
                        ("host", FieldType::String),
                    ]),
                ),
            ]),
            "storage.logs.prod.2" => object(&[
                ("project", FieldType::String),
                ("context", FieldType::Array(Box::new(object(&[("pid", FieldType::Int64)])))),
            ]),
            _ => return None,
        };
        let fields = [("metadata".to_owned(), metadata), ("project".to_owned(), FieldType::String)];
        Some(SourceTable {
            table: format!("\"events\".\"{name}\""),
            schema: Arc::new(TableSchema { fields: fields.into_iter().collect() }),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        vec!["cloudflare.logs.prod".to_owned(), "storage.logs.prod.2".to_owned()]
    }
}

fn run(query: &str) -> Result<Translation, String> {
    let parameters = BTreeMap::from([
        ("project".to_owned(), "default".to_owned()),
        ("iso_timestamp_start".to_owned(), "2026-03-01T02:00:00+02:00".to_owned()),
    ]);
    let request = Request {
        endpoint: ENDPOINT,
        consumer: Some(Consumer::Sql(query)),
        parameters: &(&parameters).into(),
        max_rows: 1000,
    };
    translate(&request, &Fixture).map_err(|diagnostic| diagnostic.to_string())
}

/// What the query itself became, without the endpoint's CTEs.
fn body(query: &str) -> String {
    let mut sql = match run(query) {
        Ok(translation) => translation.sql,
        Err(message) => return message,
    };
    for table in ["edge_logs", "storage_logs"] {
        let cte = run(&format!("select 1 as x from {table}")).expect("it is translated").sql;
        let cte = cte
            .strip_prefix("WITH ")
            .and_then(|cte| cte.split_once(" SELECT 1::bigint"))
            .expect("it begins with WITH")
            .0;
        sql = sql.replace(cte, &format!("{table} …"));
    }
    sql
}

#[test]
fn whole_statement() {
    insta::assert_snapshot!(
        run("select id, edge_logs.timestamp, request.method, response.status_code from edge_logs
         cross join unnest(metadata) as m cross join unnest(m.request) as request
         cross join unnest(m.response) as response
         where (response.status_code between 500 and 599) order by timestamp desc limit 100")
        .unwrap()
        .sql
    );
}

macro_rules! golden {
    ($name:ident, $($query:expr),+ $(,)?) => {
        #[test]
        fn $name() {
            let mut text = String::new();
            for query in [$($query),+] {
                text.push_str(&format!("{query}\n  → {}\n\n", body(query)));
            }
            insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(text); });
        }
    };
}

golden!(
    names,
    "select ID, Event_Message from edge_logs",
    "select metadata.request.method from edge_logs",
    "select method from edge_logs cross join unnest(metadata) m cross join unnest(m.request)",
    "select m.request.nothing, nowhere from edge_logs cross join unnest(metadata) m",
    "select metadata.level from edge_logs cross join unnest(metadata) as metadata",
    "select host from edge_logs cross join unnest(metadata) m cross join unnest(m.request) request cross join unnest(m.response) response",
    "select e.id, s.id from edge_logs e join storage_logs s on e.id = s.id",
    "select id from edge_logs e join storage_logs s on e.id = s.id",
    "select nothing from edge_logs",
    "select edge_logs.nothing from edge_logs",
    "select `id` from `edge_logs`",
    "select id, id, 1, 'x' as `a\"b`, 2.5 from edge_logs",
    "select edge_logs from edge_logs",
    "select x.o from (select id as o from edge_logs) x",
);

golden!(
    grouping,
    "select timestamp_trunc(t.timestamp, minute) as timestamp, count(t.timestamp) as count from edge_logs t group by timestamp order by timestamp asc",
    "select id as i, count(*) c from edge_logs group by i having c > 1 order by c desc, i",
    "select id, count(*) from edge_logs group by 1 order by 2",
    "select id, count(*) from edge_logs group by event_message",
    "select count(*) from edge_logs where count(*) > 1",
    "select distinct id from edge_logs order by id",
    "select event_message, id, count(*) as n from edge_logs group by all",
    "select count(case when not (r.status_code >= 500 or r.status_code >= 400 and r.status_code < 500) then 1 end) as ok from edge_logs, unnest(metadata) m, unnest(m.response) r",
);

golden!(
    comparisons,
    "select 1 from edge_logs, unnest(metadata) m, unnest(m.response) r where r.origin_time > r.status_code",
    "select 1 from edge_logs, unnest(metadata) m, unnest(m.response) r where r.status_code = '500'",
    "select 1 from edge_logs, unnest(metadata) m where m.x > m.y and m.x = 5 and m.x != 'a' and m.b",
    "select 1 from edge_logs where timestamp between '2024-04-15 10:50:00' and '2024-04-15 10:50:27+02:00'",
    "select 1 from edge_logs where timestamp > 1767225600000001",
    "select 1 from edge_logs where timestamp > 'yesterday'",
    "select 1 from edge_logs where id in ('a', 'b') and id not in ('c') and event_message is not null",
    "select 1 from edge_logs, unnest(metadata) m, unnest(m.response) r where r.status_code in (1, 2, 2.5)",
    "select 1 from edge_logs where event_message < 'b' and event_message::text LIKE '%cron job%'",
    "select 1 from edge_logs where not (id = 'a' or false) and true",
    "select 1 from edge_logs where id = 5",
    "select 1 from edge_logs where metadata = 'x'",
    "select 1 from edge_logs where regexp_contains(event_message, 'it''s a \\\\d+ [45]\\\\d\\\\d path')",
    "select 1 from edge_logs where id = @nothing or id = @project",
);

golden!(
    expressions,
    "select 1/2, 7 - -3, -id from edge_logs",
    "select 1/2, 7 - -3, 2 * 1.5, 'a' || 'b', not true, null, -9223372036854775808",
    "select cast(timestamp as datetime), safe_cast(event_message as int64), cast('x' as int64) from edge_logs",
    "select cast('nonsense' as timestamp) as t",
    "select if(true, 1, 2.5), ifnull(null, 'x'), coalesce(id, 'y') from edge_logs",
    "select if(true, 1, 'x')",
    "select case id when 'a' then 1 when 'b' then 2 else 3.5 end from edge_logs",
    "select timestamp_sub(current_timestamp(), interval 3 hour), current_timestamp",
    "select approx_quantiles(r.origin_time, 100)[offset(50)] from edge_logs, unnest(metadata) m, unnest(m.response) r",
    "select c.pid, o from storage_logs, unnest(metadata) m, unnest(m.context) c with offset o",
    "select (select count(*) from storage_logs s where s.id = e.id) n, exists(select 1 from storage_logs) from edge_logs e",
    "select id from edge_logs where id in (select id from storage_logs)",
    "select id from edge_logs union all select 5",
    "(select id, 1 as n from edge_logs limit 3) union all select 'x', 2.5 order by n limit 10",
    "with a as (select id from edge_logs), b as (select id from a) select b.id from b left join a on a.id = b.id",
    "select id from edge_logs limit 5000",
    "select id from edge_logs limit @project",
);

golden!(
    refusals,
    "select * from edge_logs",
    "select e.* from edge_logs e",
    "select count(*), x.* from (select 1 as y) x",
    "delete from edge_logs where true",
    "select 1; select 2",
    "select id from `cloudflare.logs.prod`",
    "select id from log_events_1",
    "select 1 from pg_catalog.pg_tables",
    "select pg_read_file('/etc/passwd')",
    "select pg_sleep(10)",
    "select query_to_xml('select 1', true, true, '')",
    "select current_setting('x')",
    "select 1 from generate_series(1, 10)",
    "select lower(id), lower(1) from edge_logs",
    "select id from edge_logs where",
    "selec 1",
    "select id from edge_logs order by metadata",
    "with edge_logs as (select nothing) select 1",
    "with recursive a as (select 1) select 1",
    "select id from edge_logs |> where true",
    "select row_number() over () from edge_logs",
    "select 'a'::uuid",
    "select 1 where true",
    "select id from edge_logs where (metadata.request.method = 'GET' and",
    "select b'x'",
);

#[test]
fn monsters_are_refused() {
    let deep = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let deep_case = format!("select {}1{}", "case when true then ".repeat(90), " end".repeat(90));
    let long_sum = format!("select 1{}", "+1".repeat(4_000));
    for query in [deep, long_sum, "x".repeat(1 << 20)] {
        let message = run(&query).unwrap_err();
        assert!(
            message.starts_with("The query is") || message.starts_with("The expression is"),
            "{message}"
        );
    }
    run(&deep_case).unwrap();
    let long_or =
        format!("select id from edge_logs where id = 'x'{}", " or id = 'y'".repeat(2_000));
    run(&long_or).unwrap();
}

/// Words that queries are made of, so that random texts get past the parser.
const WORDS: [&str; 72] = [
    "select",
    "from",
    "where",
    "group by",
    "order by",
    "having",
    "limit",
    "distinct",
    "union all",
    "with a as (",
    "(",
    ")",
    ",",
    ",",
    "edge_logs",
    "storage_logs",
    "a",
    "t",
    "m",
    "id",
    "timestamp",
    "event_message",
    "metadata",
    "request",
    ".",
    ".",
    "cross join",
    "left join",
    "on",
    "unnest(",
    "as",
    "count(*)",
    "count(",
    "sum(",
    "min(",
    "array_agg(",
    "if(",
    "coalesce(",
    "cast(",
    "safe_cast(",
    "as int64)",
    "as string)",
    "as timestamp)",
    "case",
    "when",
    "then",
    "else",
    "end",
    "=",
    "<",
    "+",
    "-",
    "/",
    "||",
    "and",
    "or",
    "not",
    "in (",
    "between",
    "like",
    "is null",
    "'x'",
    "\"(?i)y|z\"",
    "1",
    "2.5",
    "null",
    "true",
    "@project",
    "interval 1 hour",
    "regexp_contains(",
    "timestamp_trunc(",
    "[0]",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_translated_or_refused(text in ".{0,60}") {
        let _ = run(&text);
    }

    #[test]
    fn any_words_are_translated_or_refused(words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 1..25)) {
        let text = format!("select {}", words.join(" "));
        if let Err(message) = run(&text) {
            proptest::prop_assert!(!message.starts_with("internal error"), "{}: {}", text, message);
        }
        let text = format!("select id, {} from edge_logs t, unnest(metadata) m", words.join(" "));
        if let Err(message) = run(&text) {
            proptest::prop_assert!(!message.starts_with("internal error"), "{}: {}", text, message);
        }
    }

    /// Whatever a parameter holds, it stays one literal.
    #[test]
    fn a_parameter_stays_a_literal(value in ".{0,30}|['\\\\\"$;-]{0,10}") {
        let parameters = BTreeMap::from([("p".to_owned(), value.clone())]);
        let request = Request { endpoint: "select @p as p, lower(@p) as q", consumer: None, parameters: &(&parameters).into(), max_rows: 1 };
        if let Ok(translation) = translate(&request, &Fixture) {
            let quoted = format!("'{}'::text", value.replace('\'', "''"));
            let expected = format!("SELECT {quoted} AS \"p\", lower(({quoted} COLLATE");
            proptest::prop_assert!(
                translation.sql.starts_with(&format!("SELECT {quoted} AS \"p\"")) && translation.sql.matches(&quoted).count() >= 2 || value.contains('\0'),
                "{} in {}", expected, translation.sql
            );
        }
    }
}

#[test]
fn parameters_have_types() {
    use serde_json::json;
    use translate::{OutputType as Ty, Parameter};

    let typed = |ty, value| Parameter { ty, value };
    let named = [
        ("n", typed(Ty::Int64, json!("5"))),
        ("d", typed(Ty::Date, json!("2024-06-01"))),
        ("none", typed(Ty::Float64, json!(null))),
        ("list", typed(Ty::Array(Box::new(Ty::Int64)), json!([1, "2"]))),
        ("r", typed(Ty::Struct(vec![("a".to_owned(), Ty::Bytes)]), json!({"a": "AP8="}))),
    ];
    let named = named.map(|(name, parameter)| (name.to_owned(), parameter));
    let positional = vec![Parameter::text("x"), typed(Ty::Bool, json!("true"))];
    let parameters = Parameters { named: named.into_iter().collect(), positional };
    let translated = |sql| {
        let request =
            Request { endpoint: sql, consumer: None, parameters: &parameters, max_rows: 100 };
        translate(&request, &Fixture).map_or_else(|error| error.to_string(), |done| done.sql)
    };
    for (sql, expected) in [
        ("select @N + 1 as a limit @n", r#"SELECT 6::bigint AS "a" LIMIT 5"#),
        (
            "select @d as a, '?' as b",
            r#"SELECT '2024-06-01'::date AS "a", '?'::text AS "b" LIMIT 100"#,
        ),
        ("select @none as a", r#"SELECT NULL::double precision AS "a" LIMIT 100"#),
        ("select @r.a as a", r#"SELECT '\x00ff'::bytea AS "a" LIMIT 100"#),
        ("select ? as a, ? as b", r#"SELECT 'x'::text AS "a", TRUE AS "b" LIMIT 100"#),
        (
            "select 1 in unnest(@list) as a",
            r#"SELECT CASE WHEN (ARRAY[1::bigint, 2::bigint]::bigint[])::bigint[] IS NULL THEN FALSE ELSE 1::bigint = ANY ((ARRAY[1::bigint, 2::bigint]::bigint[])::bigint[]) END AS "a" LIMIT 100"#,
        ),
        ("select ?, ?, ?", "Query parameter number 3 is not defined at [1:14]"),
    ] {
        assert_eq!(translated(sql), expected, "{sql}");
    }
}
