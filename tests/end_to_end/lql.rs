//! LQL is one language: what SQL finds in the database is what the matcher says of the events.

use std::collections::BTreeMap;

use end_to_end::{
    conformance::{Catalog, Warehouse},
    postgres::TestCluster,
};
use event_schemas::Event;
use translate::{Consumer, LqlRequest, Parameters, Request, Translation};

/// 2026-11-20 12:00 UTC.
const NOW: i64 = 1_795_176_000_000_000;

const EVENTS: &str = include_str!("../../lql/fixtures/events.jsonl");

/// LQL and the ids of the events that it finds.
const ANSWERS: &str = include_str!("../../lql/fixtures/answers.txt");

/// The events' own source, and an endpoint over it.
struct Logs {
    warehouse: Warehouse,
    catalog: Catalog,
}

const ENDPOINT: &str = "
with other as (select 1 as x), logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.project from `some.logs` as t
)
select id from logs";

impl Logs {
    async fn new() -> Self {
        let mut warehouse = Warehouse::start(TestCluster::shared()).await;
        warehouse.make_schema("lql").await.unwrap();
        let events: Vec<serde_json::Value> =
            EVENTS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let table = warehouse.log("lql", "some.logs", &events).await.unwrap();
        let catalog = Catalog(BTreeMap::from([("some.logs".to_owned(), table)]));
        Self { warehouse, catalog }
    }

    fn over_source(&self, text: &str) -> Result<Translation, translate::Diagnostic> {
        let request = LqlRequest { text, source: Some("some.logs"), now: NOW, max_rows: 1000 };
        translate::translate_lql(&request, &self.catalog)
    }

    fn over_endpoint(&self, text: &str) -> Result<Translation, translate::Diagnostic> {
        let request = Request {
            endpoint: ENDPOINT,
            consumer: Some(Consumer::Lql { text: &format!("{text} f:logs"), now: NOW }),
            parameters: &Parameters::default(),
            max_rows: 1000,
        };
        translate::translate(&request, &self.catalog)
    }

    /// The ids of the events that a query finds.
    async fn ids(&self, text: &str, translation: Translation) -> Vec<String> {
        let answer = self.warehouse.run(translation).await;
        let answer = answer.unwrap_or_else(|error| panic!("{text}: {error}"));
        let id = |row: &BTreeMap<String, Box<serde_json::value::RawValue>>| {
            serde_json::from_str(row["id"].get()).unwrap()
        };
        answer.rows.iter().map(id).collect()
    }

    async fn rows(&self, text: &str) -> serde_json::Value {
        let translation = self.over_source(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        serde_json::to_value(self.warehouse.run(translation).await.unwrap().rows).unwrap()
    }
}

fn event(line: &str) -> Event<'_> {
    Event::normalise(event_schemas::parse(line).unwrap(), NOW).unwrap()
}

/// In an order of their own.
fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

/// The ids of the events that the matcher takes.
fn matched(text: &str) -> Vec<String> {
    let lql = lql::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let events = EVENTS.lines().map(event).filter(|event| lql.matches_at(event, NOW));
    sorted(events.map(|event| event.id.into_owned()).collect())
}

/// Conditions of every kind on values of every kind.
fn every_combination() -> Vec<String> {
    let paths = [
        "m.level",
        "m.status",
        "m.ok",
        "m.tags",
        "m.context",
        "m.context.pid",
        "m.context.host",
        "m.request.method",
        "m.request.headers.host",
        "m.nan",
        "m.inf",
        "m.hex",
        "m.huge",
        "m.small",
        "m.code",
        "m.path.x",
        "m",
        "project",
        "flag",
        "status",
        "id",
        "event_message",
        "nothing",
        "Metadata.level",
    ];
    let conditions = [
        "NULL",
        "error",
        "\"\"",
        "500",
        "\"500\"",
        "1000.0",
        "0.00000015",
        "-1e20",
        "31",
        "true",
        "false",
        "\"TRUE\"",
        ">red",
        "<=h1",
        ">=\"2\"",
        ">404",
        "<1e3",
        ">=0",
        "<\"a\"",
        "-1..1000",
        "a..m",
        "info..alert",
        "~^[a-h]",
        "~\".*\"",
        "~\"(?i)ERR|^$\"",
        "@>red",
        "@>~^.r",
        "@>2",
    ];
    let filters = paths.iter().flat_map(|path| {
        conditions
            .iter()
            .flat_map(move |condition| ["", "-"].map(|minus| format!("{minus}{path}:{condition}")))
    });
    filters.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_finds_what_the_matcher_takes() {
    let logs = Logs::new().await;
    let mut wrong = Vec::new();
    for line in ANSWERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (text, expected) = line.rsplit_once(" => ").unwrap();
        let expected = sorted(expected.split_whitespace().map(str::to_owned).collect());
        // Of these only the filters are asked.
        let no_filter = |term: &&str| ["s:", "f:", "c:"].iter().any(|key| term.starts_with(key));
        let text: Vec<&str> = text.split(' ').filter(|term| !no_filter(term)).collect();
        let text = text.join(" ");
        let found = logs.ids(&text, logs.over_source(&text).unwrap()).await;
        if sorted(found.clone()) != expected || matched(&text) != expected {
            wrong.push(format!("{text}: {found:?}, not {expected:?}"));
        }
        // A CTE has columns, whose names have no case, and not all fields.
        if !["Meta", "META"].iter().any(|name| text.starts_with(name))
            && let Ok(translation) = logs.over_endpoint(&text)
        {
            let found = sorted(logs.ids(&text, translation).await);
            if found != expected {
                wrong.push(format!("{text} over a CTE: {found:?}, not {expected:?}"));
            }
        }
    }
    for text in every_combination() {
        let found = sorted(logs.ids(&text, logs.over_source(&text).unwrap()).await);
        let matched = matched(&text);
        if found != matched {
            wrong.push(format!("{text}: {found:?} in the database, {matched:?} in the matcher"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_and_charts() {
    use serde_json::json;

    let logs = Logs::new().await;
    let day = 86_400_000_000_i64;
    let midnight = NOW - day / 2;
    for (text, rows) in [
        (
            "s:m.request.method@how s:id s:m.status m.request.method:~.",
            json!([
                {"how": "GET", "id": "a", "metadata_status": 200},
                {"how": "POST", "id": "f", "metadata_status": null},
                {"how": "PUT", "id": "f", "metadata_status": null},
            ]),
        ),
        (
            "t:today c:count(*) c:group_by(t::hour)",
            json!([
                {"timestamp": NOW - 3_600_000_000, "value": 2},
                {"timestamp": NOW, "value": 1},
            ]),
        ),
        ("t:today c:group_by(t::day)", json!([{"timestamp": midnight, "value": 3}])),
        (
            "t:today c:count(m.status) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 2}]),
        ),
        (
            "t:today c:countd(project) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 1}]),
        ),
        (
            "t:today c:sum(m.duration) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 1512.5}]),
        ),
        (
            "t:today c:avg(m.duration) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 756.25}]),
        ),
        (
            "t:today c:max(m.status) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 500}]),
        ),
        (
            "t:today c:p99(m.duration) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 1500}]),
        ),
        (
            "t:today c:sum(m.context.pid) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 3}]),
        ),
    ] {
        assert_eq!(logs.rows(text).await, rows, "{text}");
    }
}
