use std::sync::Arc;

use event_schemas::{FieldType, TableSchema};

use super::*;
use crate::{Language, Parameter, StoredQuery, TableColumns};

struct Catalog;

impl Sources for Catalog {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let table = match name {
            "logs" => "`p.d.logs`",
            "edge.logs" | "renamed" => "`p.d.edge`",
            _ => return None,
        };
        let metadata = TableSchema { fields: [("a".to_owned(), FieldType::Int64)].into() };
        let fields = [
            ("project".to_owned(), FieldType::String),
            ("metadata".to_owned(), FieldType::Object(metadata)),
            ("empty".to_owned(), FieldType::Object(TableSchema::default())),
        ];
        Some(SourceTable {
            table: table.to_owned(),
            schema: Arc::new(TableSchema { fields: fields.into() }),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        vec!["logs".to_owned()]
    }

    fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
        let text = match name {
            "ids" => "select id from renamed where id = @Id; -- end",
            "nested" => "with logs as (select id from ids) select id from logs",
            _ => return None,
        };
        let language = Language::BigQuery;
        Some(StoredQuery { text: text.to_owned(), language, sources: Box::new(Self) })
    }
}

fn parameters() -> Parameters {
    let texts = [("start", "2026-01-02"), ("id", "7")];
    texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect()
}

fn made(endpoint: &str, consumer: Option<&str>) -> Result<BigQueryQuery, String> {
    let parameters = parameters();
    let consumer = consumer.map(Consumer::Sql);
    let request = Request { endpoint, consumer, parameters: &parameters, max_rows: 10 };
    for_bigquery(&request, &Catalog).map_err(|error| error.to_string())
}

fn sql(endpoint: &str) -> String {
    made(endpoint, None).unwrap().sql
}

const ANY_TIME: &str = "WHERE `timestamp` >= TIMESTAMP '0001-01-01 00:00:00+00')";

#[test]
fn tables_stand_for_names_of_sources_and_the_rest_stays_as_it_is() {
    for (query, expected) in [
        (
            "select t.id from logs as t",
            format!("select t.id from (SELECT * FROM `p.d.logs` {ANY_TIME} as t"),
        ),
        (
            "select id from `edge.logs`;\n;",
            format!("select id from (SELECT * FROM `p.d.edge` {ANY_TIME} AS `logs`"),
        ),
        (
            "select `edge.logs`.id from `edge.logs`",
            format!("select `logs`.id from (SELECT * FROM `p.d.edge` {ANY_TIME} AS `logs`"),
        ),
        (
            "select logs.id from logs where id = 'logs'",
            format!(
                "select logs.id from (SELECT * FROM `p.d.logs` {ANY_TIME} AS `logs` where id = 'logs'"
            ),
        ),
        // A CTE of that name is no source, but what it reads is.
        (
            "with logs as (select id from logs) select id from logs",
            format!(
                "with logs as (select id from (SELECT * FROM `p.d.logs` {ANY_TIME} AS `logs`) select id from logs"
            ),
        ),
    ] {
        assert_eq!(sql(query), expected, "{query}");
    }
    let piped = sql("from logs as l |> where l.id = 'a' |> select id |> distinct");
    assert!(piped.ends_with("as l |> where l.id = 'a' |> select id |> distinct"), "{piped}");
    assert_eq!(made("select 1 as a", None).unwrap().tables, Vec::<String>::new());
    let two =
        made("select l.id from logs as l join `edge.logs` as e on e.id = l.id", None).unwrap();
    assert_eq!(two.tables, ["`p.d.edge`", "`p.d.logs`"]);
}

#[test]
fn what_bigquery_might_read_otherwise_is_written_in_one_way() {
    for (query, expected) in [
        (r#"select r'\d"' as a, "it's" as b"#, r#"select  '\\d"' as a, 'it\'s' as b"#),
        ("select '''a\nb''' as a", r"select 'a\nb' as a"),
        (r"select b'\xff' as a, 'é\u00e9' as b", r"select  b'\xff' as a, 'éé' as b"),
        ("select 1 as a -- union all\n, 2 as b # c", "select 1 as a \n, 2 as b"),
        ("select/* a\n b */1 as a", "select\n1 as a"),
        (
            "select 0x1f as a, .5 as b, 1e3 as c, 7 << 1 as d",
            "select 0x1f as a, .5 as b, 1e3 as c, 7 << 1 as d",
        ),
        (
            "select [1, 2][offset(0)] as a, struct<x int64>(1).x as b",
            "select [1, 2][offset(0)] as a, struct<x int64>(1).x as b",
        ),
    ] {
        assert_eq!(sql(query), expected, "{query}");
    }
}

#[test]
fn a_consumers_query_stands_over_the_ctes_that_it_reads() {
    let endpoint = "with a as (select id from logs where id = @id), b as (select @other as x),\nc as (select id from a where id <> ')')\nselect id from a";
    let made =
        made(endpoint, Some("with b as (select 1 as one)\nselect c.id from c -- end")).unwrap();
    let expected = format!(
        "WITH a as (select id from (SELECT * FROM `p.d.logs` {ANY_TIME} AS `logs` where id = @id),\nc as (select id from a where id <> ')')\n(\nwith b as (select 1 as one)\nselect c.id from c\n)"
    );
    assert_eq!(made.sql, expected);
    assert_eq!(made.lines_before, 3);
    assert_eq!(made.parameters, [("id".to_owned(), Some("7".to_owned()))].into());
    assert_eq!(made.columns.len(), 1);
}

#[test]
fn a_consumer_reaches_nothing_else() {
    let endpoint = "with a as (select id from logs) select id from a";
    for consumer in [
        "select id from logs",
        "select id from `p.d.logs`",
        "select id from ids",
        "select id from a) union all (select id from `p.d.logs`",
        "select id from a; select 1",
        "select session_user()",
        "select id from external_query('a', 'b')",
        "select * from a",
        "with `p.d.logs` as (select '' as id) select id from `p`.`d`.`logs`",
        "with `p.d.logs` as (select '' as id) select id from p.d.logs",
        "select 1 as n from (with `x.p` as (select id from a) select id from `x.p`, p.d.logs)",
        "select 1 as n from (select [1] as logs) as `p.d`, `p.d`.logs",
        "select 1 as n from (select [struct([1] as logs)] as x) as t, t.x as `p.d`, `p.d`.logs",
        "select 1 as n from (select struct([1] as logs) as `d.e`) as p, p.`d.e`.logs",
    ] {
        assert!(made(endpoint, Some(consumer)).is_err(), "{consumer}");
    }
    let dotted = "with `p.d.logs` as (select id from logs) select id from `p.d.logs`";
    assert!(made(dotted, None).is_err(), "an endpoint's own");
    // The same names without a dot are fields.
    let fields = "select 1 as n from (select [1] as logs from a) as p_d, p_d.logs";
    assert!(made(endpoint, Some(fields)).is_ok());
    // What sqlparser takes for one name stays one.
    let hidden = "select 1 as `a`` from x`";
    assert!(made(endpoint, Some(hidden)).unwrap().sql.contains(r"`a\` from x`"));
}

#[test]
fn stored_queries_stand_in_the_text() {
    let made = made("select n.id from nested as n, ids", None).unwrap();
    let ids = format!(
        "(select id from (SELECT * FROM `p.d.edge` {ANY_TIME} AS `renamed` where id = @Id\n)"
    );
    let expected = format!(
        "select n.id from (with logs as (select id from {ids} AS `ids`) select id from logs\n) as n, {ids} AS `ids`"
    );
    assert_eq!(made.sql, expected);
    assert_eq!(made.parameters, [("Id".to_owned(), Some("7".to_owned()))].into());
}

#[test]
fn bounds_of_time_are_those_that_hold_for_certain() {
    let start = "`timestamp` >= TIMESTAMP '2026-01-02 00:00:00+00'";
    let any = "`timestamp` >= TIMESTAMP '0001-01-01 00:00:00+00'";
    let time = "(coalesce(@start, '') = '' or t.timestamp > cast(@start as timestamp))";
    for (condition, expected) in [
        (time.to_owned(), start.to_owned()),
        (time.replace("@start", "@nothing"), any.to_owned()),
        (
            format!("{time} and t.timestamp <= '2026-01-03' and t.id = '1'"),
            format!("{start} AND `timestamp` <= TIMESTAMP '2026-01-03 00:00:00+00'"),
        ),
        (format!("{time} or t.id = '1'"), any.to_owned()),
        (
            "timestamp '2026-01-02' < t.timestamp and t.timestamp > '2025-01-01'".to_owned(),
            start.to_owned(),
        ),
        ("t.timestamp > current_timestamp()".to_owned(), any.to_owned()),
        ("not t.timestamp > '2026-01-02'".to_owned(), any.to_owned()),
    ] {
        let made = sql(&format!("select t.id from logs as t where {condition}"));
        assert!(made.contains(&format!("WHERE {expected}) as t")), "{condition}: {made}");
    }
    // The bound of one table is not that of another.
    let two = sql(
        "select a.id from logs as a join logs as b on a.id = b.id where b.timestamp > '2026-01-02'",
    );
    assert!(two.contains(&format!("WHERE {any}) as a")), "{two}");
    assert!(two.contains(&format!("WHERE {start}) as b")), "{two}");
}

#[test]
fn fields_that_are_read_are_told_where_they_belong() {
    let made = made(
        "select t.project, t.Metadata, t.empty from logs as t cross join logs as u where exists (select 1 from unnest([1]) where t.Nothing = 'a' or t.nothing = u.one)",
        None,
    )
    .unwrap();
    assert!(made.sql.contains("(SELECT *\x000\x00 FROM `p.d.logs`"), "{:?}", made.sql);
    let fields = |names: &[&str]| TableFields {
        table: "`p.d.logs`".to_owned(),
        fields: names.iter().map(|&name| name.to_owned()).collect(),
    };
    assert_eq!(made.fields[0], fields(&["Nothing", "empty", "metadata", "project"]));
    assert_eq!(made.fields[1], fields(&["one"]));
    assert!(sql("select id, timestamp from logs").contains("(SELECT * FROM"));
}

#[test]
fn what_is_no_text_is_no_parameter() {
    let mut parameters = Parameters::default();
    parameters.named.insert("a".to_owned(), Parameter { ty: OutputType::Int64, value: 1.into() });
    let request = Request {
        endpoint: "select @a as a",
        consumer: None,
        parameters: &parameters,
        max_rows: 1,
    };
    assert!(for_bigquery(&request, &Catalog).is_err());
}
