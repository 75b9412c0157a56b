use std::{fmt::Write as _, sync::Arc};

use event_schemas::TableSchema;

use crate::{
    BigQueryQuery, Consumer, Language, LqlRequest, Parameters, Request, SourceTable, Sources,
    StoredQuery, TableColumns, for_bigquery, lql_for_bigquery,
};

struct Catalog;

fn schema() -> TableSchema {
    let object =
        |fields: serde_json::Value| serde_json::json!({"type": "object", "properties": fields});
    let list = |items: serde_json::Value| serde_json::json!({"type": "array", "items": items});
    let text = || serde_json::json!({"type": "string"});
    let deep = (0..20).fold(text(), |inner, _| object(serde_json::json!({ "a": inner })));
    let metadata = object(serde_json::json!({
        "level": text(),
        "status": {"type": "integer"},
        "duration": {"type": "number"},
        "ok": {"type": "boolean"},
        "at": {"type": ["integer", "string"], "format": "date-time"},
        "raw": {"x-type": "json"},
        "bare": object(serde_json::json!({})),
        "tags": list(text()),
        "lists": list(list(text())),
        "context": list(object(serde_json::json!({"host": text(), "pid": {"type": "integer"}}))),
        "request": object(serde_json::json!({
            "method": text(), "headers": object(serde_json::json!({"host": text()})),
        })),
    }));
    let whole = object(serde_json::json!({
        "project": text(), "metadata": metadata, "bare": object(serde_json::json!({})), "a": deep,
        "ID": {"type": "integer"},
    }));
    TableSchema::from_json_schema(&whole).unwrap()
}

impl Sources for Catalog {
    fn source(&self, name: &str) -> Option<SourceTable> {
        (name == "some.logs").then(|| SourceTable {
            table: "`p.d.logs`".to_owned(),
            schema: Arc::new(schema()),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        vec!["some.logs".to_owned()]
    }

    fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
        let text = "select id, timestamp as at from `some.logs`".to_owned();
        let stored = StoredQuery { text, language: Language::BigQuery, sources: Box::new(Self) };
        (name == "stored").then_some(stored)
    }
}

/// 2026-11-20 12:00 UTC.
const NOW: i64 = 1_795_176_000_000_000;

fn over_source(text: &str) -> Result<BigQueryQuery, String> {
    let request = LqlRequest { text, source: Some("some.logs"), now: NOW, max_rows: 10 };
    lql_for_bigquery(&request, &Catalog).map_err(|error| error.to_string())
}

const ENDPOINT: &str = "
with logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.bare from `some.logs` as t
  where t.project = @project and t.id <> @lql_text_1
), made as (
  select 'a' as id, 1 as n, [1, 2] as numbers, struct(true as yes, [struct('x' as z)] as some) as box,
    json '{\"a\": [1]}' as doc, null as nothing, 5 as timestamp
)
select id from logs";

fn over_endpoint(text: &str) -> Result<BigQueryQuery, String> {
    let parameters: Parameters =
        [("project".to_owned(), "default".to_owned())].into_iter().collect();
    let consumer = Some(Consumer::Lql { text, now: NOW });
    let request = Request { endpoint: ENDPOINT, consumer, parameters: &parameters, max_rows: 10 };
    for_bigquery(&request, &Catalog).map_err(|error| error.to_string())
}

/// Each text, and what becomes of it.
fn shown(
    texts: &[&str],
    made: impl Fn(&str) -> Result<BigQueryQuery, String>,
    part: impl Fn(&str) -> String,
) -> String {
    let mut shown = String::new();
    for text in texts {
        writeln!(shown, "{text}").unwrap();
        match made(text) {
            Ok(query) => {
                for line in part(&query.sql.replace('\0', "|")).lines() {
                    writeln!(shown, "    {line}").unwrap();
                }
                for (name, value) in &query.parameters {
                    writeln!(shown, "    @{name} = {value:?}").unwrap();
                }
            }
            Err(refusal) => writeln!(shown, "    refused: {refusal}").unwrap(),
        }
    }
    shown
}

#[test]
fn filters_become_conditions() {
    let texts = [
        "timed",
        "-\"it's \\\"timed\\\" out\" GET",
        "~\"^GET .* \\d+ms$\"",
        "~\".*?\"",
        "event_message:NULL",
        "id:b",
        "id:>e",
        "project:default",
        "nothing:5",
        "nothing:NULL",
        "Nothing.at.all:5",
        "bare:NULL",
        "-m.level:error",
        "m.level:NULL",
        "m.level:info..error",
        "m.level:>=\"b\"",
        "m.level.name:x",
        "m.status:500",
        "m.status:>=404",
        "m.status:>404",
        "m.status:<1e3",
        "m.status:200..404",
        "m.status:9007199254740993",
        "m.status:\"500\"",
        "m.status:true",
        "m.status:~^5",
        "m.duration:12.50",
        "m.level:5",
        "m.ok:true",
        "m.ok:\"true\"",
        "m.at:~^2026",
        "m.at:5",
        "m.raw.deep.er:x",
        "m.raw:NULL",
        "m.bare:x",
        "m.unknown:NULL",
        "-m.unknown:x",
        "m.tags:@>red",
        "m.tags:NULL",
        "m.tags.x:red",
        "m.lists:~red",
        "m.context.host:h2",
        "m.context:NULL",
        "m.context:x",
        "m.request.headers.host:h3",
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a:x",
    ];
    let part = |sql: &str| -> String {
        sql.split_once("WHERE `timestamp` >= TIMESTAMP '0001-01-01 00:00:00+00') AS lql_table\n")
            .and_then(|(_, rest)| rest.rsplit_once("\nORDER BY"))
            .map_or(sql, |(condition, _)| condition)
            .to_owned()
    };
    insta::assert_snapshot!(shown(&texts, over_source, part));
}

#[test]
fn times_bound_what_is_read() {
    let texts = ["t:today", "t:>=2026-11-20T10:00:00Z", "-t:2026-11-20", "t:<2026-11-20 timed"];
    insta::assert_snapshot!(shown(&texts, over_source, str::to_owned));
}

#[test]
fn queries_show_fields_and_charts() {
    let texts = [
        "",
        "s:*",
        "s:t s:m.request.method@how s:m.request.headers.host s:m.status@code s:id@code",
        "s:m.context.host s:m.tags s:m.unknown s:nothing s:m.raw.a.b s:m.level.name",
        "c:count(*)",
        "c:count(m.tags) c:group_by(t::hour)",
        "c:count(m.raw.a) c:group_by(t::s)",
        "c:countd(m.level) c:group_by(t::d) m.level:error",
        "c:countd(m.context)",
        "c:countd(t)",
        "c:avg(m.duration)",
        "c:sum(m.level)",
        "c:sum(m.context)",
        "c:max(m.unknown)",
        "c:max(t)",
        "c:p95(m.duration)",
        "f:stored",
        "f:stored s:id",
        "f:other",
        "f:\"a`b\"",
    ];
    insta::assert_snapshot!(shown(&texts, over_source, str::to_owned));
}

#[test]
fn an_endpoints_ctes_are_asked_in_the_sandbox() {
    let texts = [
        "f:logs timed m.status:>=500 t:today bare.x:1",
        "f:logs s:* id:\"@lql_text_1\"",
        "f:logs c:count(m.context.pid) c:group_by(t::day)",
        "f:logs project:default",
        "f:made s:id numbers:2 box.yes:true box.some.z:x box:NULL doc.a:1 nothing:x n:1",
        "f:made s:*",
        "f:made s:box.some.z s:box.yes s:doc.a",
        "f:made s:id t:today",
        "f:made timed",
        "f:`some.logs`",
        "timed",
        "error OR x",
    ];
    let part = |sql: &str| sql[sql.rfind("\n(\n").unwrap_or(0)..].to_owned();
    insta::assert_snapshot!(shown(&texts, over_endpoint, part));
    let whole = over_endpoint("f:logs \"') union all (select 1 --\" s:m.level@x").unwrap();
    assert!(whole.sql.starts_with("WITH logs as (\n"), "{}", whole.sql);
    assert!(whole.sql.contains("FROM `p.d.logs` WHERE"), "{}", whole.sql);
    assert!(!whole.sql.contains("union") && !whole.sql.contains("made"), "{}", whole.sql);
    assert_eq!(whole.tables, ["`p.d.logs`"]);
    // A name that the endpoint has given stays its own.
    assert_eq!(whole.parameters["lql_text_1"], None);
    assert_eq!(whole.parameters["lql_text_2"].as_deref(), Some("') union all (select 1 --"));
    let names: Vec<&str> = whole.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["x"]);
}

/// Everything that the language's tests ask is said in SQL that is understood.
#[test]
fn all_of_the_language_is_written() {
    let cases = include_str!("../../../../lql/fixtures/answers.txt").lines();
    let mut count = 0;
    for line in cases.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (text, _) = line.rsplit_once(" => ").unwrap();
        let text = text.replace("f:edge_logs", "");
        over_source(&text).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        if let Err(refusal) = over_endpoint(&format!("{text} f:logs")) {
            assert!(refusal.contains("not found inside"), "{text} over a CTE: {refusal}");
        }
        count += 1;
    }
    assert!(count > 100, "{count}");
}
