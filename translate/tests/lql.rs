//! What LQL becomes, and what is said of LQL that cannot be translated.

use std::sync::Arc;

use event_schemas::{FieldType, TableSchema};
use translate::{
    Consumer, LqlRequest, OutputType, Parameters, Request, SourceTable, Sources, TableColumns,
    Translation, translate, translate_lql,
};

/// 2026-11-20 12:00 UTC, a Friday.
const NOW: i64 = 1_795_176_000_000_000;

const ONE: &str = "
with edge_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.project from `edge` as t
)
select id from edge_logs";

const TWO: &str = "
with edge_logs as (select t.timestamp, t.id, t.event_message, t.metadata from `edge` as t),
counted as (select t.project, count(*) as n from `edge` as t group by 1)
select id from edge_logs";

struct Fixture;

impl Sources for Fixture {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let object = |fields: &[(&str, FieldType)]| TableSchema {
            fields: fields.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect(),
        };
        let context = object(&[("pid", FieldType::Int64)]);
        let metadata = object(&[
            ("level", FieldType::String),
            ("status", FieldType::Int64),
            ("start", FieldType::Timestamp),
            ("request", FieldType::Object(object(&[("path", FieldType::String)]))),
            ("context", FieldType::Array(Box::new(FieldType::Object(context)))),
        ]);
        let schema = object(&[
            ("metadata", FieldType::Object(metadata)),
            ("project", FieldType::String),
            ("timestamp", FieldType::Timestamp),
        ]);
        (name == "edge" || name == "cloudflare.logs.prod").then(|| SourceTable {
            table: format!("\"events\".\"{name}\""),
            schema: Arc::new(schema),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        vec!["edge".to_owned(), "cloudflare.logs.prod".to_owned()]
    }
}

fn over_endpoint(endpoint: &str, text: &str) -> Result<Translation, String> {
    let request = Request {
        endpoint,
        consumer: Some(Consumer::Lql { text, now: NOW }),
        parameters: &Parameters::default(),
        max_rows: 1000,
    };
    translate(&request, &Fixture).map_err(|diagnostic| diagnostic.to_string())
}

fn over_source(text: &str, source: Option<&str>) -> Result<Translation, String> {
    let request = LqlRequest { text, source, now: NOW, max_rows: 1000 };
    translate_lql(&request, &Fixture).map_err(|diagnostic| diagnostic.to_string())
}

fn shown(result: Result<Translation, String>) -> String {
    result.map_or_else(|message| message, |translation| translation.sql)
}

macro_rules! golden {
    ($name:ident, $($text:expr),+ $(,)?) => {
        #[test]
        fn $name() {
            let mut all = String::new();
            for text in [$($text),+] {
                all.push_str(&format!("{text}\n  → {}\n\n", shown(over_source(text, Some("edge")))));
            }
            insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(all); });
        }
    };
}

golden!(
    filters,
    "",
    "error",
    "-\"it's \\\\ a\"",
    "~\"(?i)time.?out\"",
    "~\".*?\"",
    "-~\".*?\"",
    "id:5",
    "event_message:NULL",
    "event_message:a..b",
    "m.level:error",
    "project:default",
    "-m.status:>=500",
    "m.status:200..299.5",
    "m.big:99999999999999999999",
    "m.ok:true",
    "m.status:\"500\"",
    "m.start:2026",
    "m.level:info..error",
    "m.context.pid:NULL",
    "m.tags:@>~^a",
    "a.b.c:x -d:y e",
);

golden!(
    times,
    "t:today",
    "t:>2026-11-20",
    "-t:<=2026-11-20T10:00:00.5",
    "t:last@90minutes",
    "t:2026-11-{01..05}T00:00:00",
);

golden!(
    selections,
    "s:m.request.path s:m.request.method@how s:m.context.pid s:t",
    "s:id@the_id",
    "s:*",
    "s:m.level.x",
);

golden!(
    charts,
    "c:count(*)",
    "c:group_by(t::hour) m.status:>=500",
    "c:count(m.status) c:group_by(t::s)",
    "c:countd(m.request.path) c:group_by(t::day)",
    "c:countd(id)",
    "c:avg(m.duration)",
    "c:sum(m.duration)",
    "c:max(m.duration)",
    "c:p95(m.duration)",
    "c:avg(id)",
);

#[test]
fn a_whole_query_over_an_endpoint() {
    let text = "f:edge_logs m.status:>=500 project:default t:today s:m.request.path@path";
    insta::assert_snapshot!(shown(over_endpoint(ONE, text)));
}

#[test]
fn an_endpoints_only_cte_needs_no_name() {
    assert_eq!(over_endpoint(ONE, "x").unwrap(), over_endpoint(ONE, "f:Edge_logs x").unwrap());
    let columns = over_endpoint(ONE, "s:*").unwrap().columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["timestamp", "id", "event_message", "metadata", "project"]);
    let counted = over_endpoint(TWO, "f:counted s:n n:>5").unwrap();
    assert_eq!(counted.columns[0].ty, OutputType::Int64);
    let usual = over_endpoint(ONE, "").unwrap().columns;
    let names: Vec<&str> = usual.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["timestamp", "id", "event_message"]);
}

#[test]
fn a_source_is_named_or_given() {
    let given = over_source("x", Some("cloudflare.logs.prod")).unwrap();
    assert_eq!(over_source("x f:cloudflare.logs.prod", None).unwrap(), given);
    assert_eq!(over_source("x f:cloudflare.logs.prod", Some("edge")).unwrap(), given);
}

#[test]
fn says_what_is_wrong_and_where() {
    for (endpoint, text, message) in [
        (
            TWO,
            "x",
            "Multiple CTEs available (edge_logs, counted). You must specify which one to query using f:name",
        ),
        (TWO, "x f:y", "Table 'y' not found in available CTEs: edge_logs, counted at [1:5]"),
        ("select 1 as x", "x", "No CTEs found in query"),
        (ONE, "f:edge", "Table 'edge' not found in available CTEs: edge_logs at [1:3]"),
        (
            ONE,
            "x\n nothing:1",
            "Name nothing not found inside edge_logs at [2:2]; it has timestamp, id, event_message, metadata, project",
        ),
        (TWO, "f:counted", "Name timestamp not found inside counted at [1:3]; it has project, n"),
        (
            ONE,
            "x \"y",
            "a closing quote is missing; a quote inside of quotes is written \\\" at [1:3]",
        ),
    ] {
        assert_eq!(shown(over_endpoint(endpoint, text)), message, "{text}");
    }
    assert_eq!(
        shown(over_source("x", None)),
        "Nothing says which source to query; write f: and one of edge, cloudflare.logs.prod"
    );
    assert_eq!(
        shown(over_source("f:nothing", None)),
        "Table \"nothing\" does not exist at [1:3]; there are edge, cloudflare.logs.prod"
    );
}

#[test]
fn nothing_that_is_written_becomes_sql() {
    let nasty = "'; drop table x; -- $1 \\'";
    let quoted = nasty.replace('\\', "\\\\");
    for text in [
        format!("\"{quoted}\""),
        format!("m.a:\"{quoted}\""),
        format!("m.a:>\"{quoted}\""),
        format!("id:\"{quoted}\""),
    ] {
        let sql = over_source(&text, Some("edge")).unwrap().sql;
        assert!(sql.contains("'''; drop table x; -- $1 \\'''"), "{sql}");
    }
    let error = over_source(&format!("f:\"{nasty}`\""), None).unwrap_err();
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn a_hundred_long_paths_are_translated() {
    let path = ["a"; 64].join(".");
    let text = format!("{path}:1 ").repeat(100);
    assert!(over_source(&text, Some("edge")).is_ok());
}
