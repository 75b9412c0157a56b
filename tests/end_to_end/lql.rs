//! LQL is one language: what SQL finds in the database is what the matcher says of the events.

use std::collections::BTreeMap;

use end_to_end::{
    conformance::{Catalog, Warehouse},
    postgres::TestCluster,
};
use event_schemas::Event;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
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
    async fn of(lines: &[impl ToString]) -> Self {
        let mut warehouse = Warehouse::start(TestCluster::shared()).await;
        warehouse.make_schema("lql").await.expect("a schema is made");
        let table = warehouse.log("lql", "some.logs", lines).await.expect("events are stored");
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
            serde_json::from_str(row["id"].get()).expect("an id is a text")
        };
        answer.rows.iter().map(id).collect()
    }

    async fn rows(&self, text: &str) -> serde_json::Value {
        let translation = self.over_source(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let answer = self.warehouse.run(translation).await;
        let rows = answer.unwrap_or_else(|error| panic!("{text}: {error}")).rows;
        serde_json::to_value(rows).expect("rows are JSON")
    }
}

fn event(line: &str) -> Event<'_> {
    let value = event_schemas::parse(line).expect("events are JSON");
    Event::normalise(value, NOW).expect("events are objects")
}

/// In an order of their own.
fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

fn lines() -> Vec<&'static str> {
    EVENTS.lines().collect()
}

/// The ids of the events that the matcher takes.
fn matched(lines: &[impl AsRef<str>], text: &str) -> Vec<String> {
    let lql = lql::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let events = lines.iter().map(|line| event(line.as_ref()));
    let events = events.filter(|event| lql.matches_at(event, NOW));
    sorted(events.map(|event| event.id.into_owned()).collect())
}

/// Conditions of every kind on values of every kind.
fn every_combination(paths: &[&str], conditions: &[&str]) -> Vec<String> {
    let filters = paths.iter().flat_map(|path| {
        conditions
            .iter()
            .flat_map(move |condition| ["", "-"].map(|minus| format!("{minus}{path}:{condition}")))
    });
    filters.collect()
}

const PATHS: &[&str] = &[
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

const CONDITIONS: &[&str] = &[
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

#[tokio::test(flavor = "multi_thread")]
async fn the_database_finds_what_the_matcher_takes() {
    let logs = Logs::of(&lines()).await;
    let mut wrong = Vec::new();
    for line in ANSWERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (text, expected) = line.rsplit_once(" => ").unwrap();
        let expected = sorted(expected.split_whitespace().map(str::to_owned).collect());
        // Of these only the filters are asked.
        let no_filter = |term: &&str| ["s:", "f:", "c:"].iter().any(|key| term.starts_with(key));
        let text: Vec<&str> = text.split(' ').filter(|term| !no_filter(term)).collect();
        let text = text.join(" ");
        let found = logs.ids(&text, logs.over_source(&text).unwrap()).await;
        if sorted(found.clone()) != expected || matched(&lines(), &text) != expected {
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
    for text in every_combination(PATHS, CONDITIONS) {
        let found = sorted(logs.ids(&text, logs.over_source(&text).unwrap()).await);
        let matched = matched(&lines(), &text);
        if found != matched {
            wrong.push(format!("{text}: {found:?} in the database, {matched:?} in the matcher"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Values that are read in several ways, as JSON.
const ODD_VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0.0",
    "5",
    "5.0",
    "5.5e0",
    "50e-1",
    "1e300",
    "-1E+20",
    "1e-7",
    "123456789012345678901234567890",
    "9007199254740993",
    r#""""#,
    r#""5""#,
    r#"" 5\n""#,
    r#""+5.""#,
    r#""5e0""#,
    r#"".5e1""#,
    r#""0x5""#,
    r#""1e400""#,
    r#""1e""#,
    r#""nan""#,
    r#"" NaN ""#,
    r#""-inf""#,
    r#""TRUE""#,
    r#""true ""#,
    r#""x""#,
    r#""X y""#,
    r#""é\nx""#,
    r#""%_\\""#,
];

/// JSON of few names and odd values.
fn some_json(random: &mut StdRng, depth: usize) -> String {
    let kind = if depth == 0 { 0 } else { random.random_range(0..5) };
    match kind {
        0 | 1 => ODD_VALUES[random.random_range(0..ODD_VALUES.len())].to_owned(),
        2 => {
            let elements: Vec<String> =
                (0..random.random_range(0..4)).map(|_| some_json(random, depth - 1)).collect();
            format!("[{}]", elements.join(","))
        }
        _ => {
            let names = ["a", "b", "level"].into_iter();
            let fields: Vec<String> =
                names.map(|name| format!("\"{name}\":{}", some_json(random, depth - 1))).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_agree_on_odd_events() {
    let mut random = StdRng::seed_from_u64(5);
    let lines: Vec<String> = (0..300)
        .map(|id| {
            let (metadata, a) = (some_json(&mut random, 4), some_json(&mut random, 2));
            let message = some_json(&mut random, 1);
            format!("{{\"id\":\"{id}\",\"metadata\":{metadata},\"a\":{a},\"message\":{message}}}")
        })
        .collect();
    let logs = Logs::of(&lines).await;
    let paths = ["a", "m", "m.a", "m.level", "m.a.b", "m.b.a.level", "a.b", "event_message"];
    let conditions = [
        "NULL",
        "5",
        "\"5\"",
        "5.0",
        "\"5.0\"",
        "-1e20",
        "0",
        "\"0\"",
        "\"\"",
        "true",
        "x",
        "9007199254740993",
        "\"123456789012345678901234567890\"",
        "123456789012345678901234567890",
        "\"0.0000001\"",
        ">0",
        ">=1e308",
        "<0",
        "<=5",
        "0..5.5",
        ">\"X\"",
        "A..Z",
        "debug..error",
        "~\"^.$\"",
        "~x$",
        "~\"(?m)^x\"",
        "~\\d",
        "~\".*\"",
        "@>5",
        "\"%_\\\\\"",
    ];
    let mut wrong = Vec::new();
    for text in every_combination(&paths, &conditions) {
        let found = sorted(logs.ids(&text, logs.over_source(&text).unwrap()).await);
        let matched = matched(&lines, &text);
        if found != matched {
            let line = lines.iter().find(|line| {
                let id = event(line).id;
                found.contains(&id.to_string()) != matched.contains(&id.to_string())
            });
            wrong.push(format!("{text} of {line:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_and_charts() {
    use serde_json::json;

    let logs = Logs::of(&lines()).await;
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
            "t:yesterday c:p50(m.duration) c:group_by(t::d)",
            json!([{"timestamp": midnight - day, "value": null}]),
        ),
        (
            "t:yesterday c:sum(m.duration) c:group_by(t::d)",
            json!([{"timestamp": midnight - day, "value": null}]),
        ),
        (
            "t:today c:sum(m.context.pid) c:group_by(t::d)",
            json!([{"timestamp": midnight, "value": 3}]),
        ),
    ] {
        assert_eq!(logs.rows(text).await, rows, "{text}");
    }
}

/// Events whose fields are of one type each, as columns have them.
const TYPED: &[&str] = &[
    r#"{"id":"a","timestamp":"2026-11-20T11:58:00Z","event_message":"GET /todos took 12ms","project":"default","flag":true,"metadata":{"level":"info","status":200,"duration":12.5,"ok":true,"tags":["red","blue"],"sizes":[1,500],"request":{"method":"GET","headers":{"host":"x.co"}}}}"#,
    r#"{"id":"b","timestamp":"2026-11-20T11:00:00Z","event_message":"timed out","project":"default","metadata":{"level":"error","status":500,"code":"500","ok":false,"context":[{"host":"h1","pid":1},{"host":"h2","pid":2}],"tags":[]}}"#,
    r#"{"id":"c","timestamp":"2026-11-19T23:59:59.999999Z","metadata":[{"level":"warning","status":404},{"level":"debug"}]}"#,
    r#"{"id":"d","timestamp":"2026-11-13T12:00:00Z","event_message":"Error 42","flag":false,"metadata":{"level":"alert","status":9007199254740993,"duration":1.25,"code":"0x1F"}}"#,
    r#"{"id":"e","timestamp":"2026-11-16T00:00:00Z","event_message":"Zeile\nÉtat: NULL","project":"öst","metadata":{"level":"INFO","code":"nan","status":-1,"sizes":[0],"request":[{"method":"PUT"},{"method":"POST","headers":[{"host":"h3"},{"port":1}]}]}}"#,
    r#"{"id":"f","timestamp":"2026-11-01T00:00:00Z","event_message":"m","metadata":{"code":"TRUE","duration":-0.5,"context":{"host":"h3"},"tags":["green"]}}"#,
    r#"{"id":"g","timestamp":"2025-12-31T23:59:59Z","event_message":"x"}"#,
    r#"{"id":"5","timestamp":"2026-11-20T12:00:00Z","event_message":"true","flag":true,"project":"","metadata":{"code":" -Infinity","level":""}}"#,
];

/// A source as one that is in BigQuery, where all names mean it.
struct InBigQuery<'a>(&'a Catalog);

const TABLE: &str = "`p.d.logs`";

impl translate::Sources for InBigQuery<'_> {
    fn source(&self, name: &str) -> Option<translate::SourceTable> {
        let source = self.0.source(name)?;
        Some(translate::SourceTable { table: TABLE.to_owned(), ..source })
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }
}

impl Logs {
    /// What is written of LQL for BigQuery, with the source in place of its table, translated.
    fn by_way_of_bigquery(&self, text: &str) -> Translation {
        let request = LqlRequest { text, source: Some("some.logs"), now: NOW, max_rows: 1000 };
        let query = translate::lql_for_bigquery(&request, &InBigQuery(&self.catalog))
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let (before, table) = query.sql.split_once("(SELECT *").expect("it reads the table");
        let (table, after) = table.split_once(") AS lql_table").expect("it is called so");
        assert!(table.contains(TABLE), "{}", query.sql);
        let sql = format!("{before}`some.logs` AS lql_table{after}");
        let parameters = query.parameters.into_iter();
        let parameters: Parameters =
            parameters.filter_map(|(name, value)| Some((name, value?))).collect();
        let request =
            Request { endpoint: &sql, consumer: None, parameters: &parameters, max_rows: 1000 };
        translate::translate(&request, &self.catalog)
            .unwrap_or_else(|error| panic!("{text}: {error}\n{sql}"))
    }
}

/// Of events that fit their columns BigQuery finds what the matcher takes: its SQL is run here.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_for_bigquery_finds_the_same() {
    let logs = Logs::of(TYPED).await;
    let paths = [
        "m.level",
        "m.status",
        "m.duration",
        "m.ok",
        "m.code",
        "m.tags",
        "m.sizes",
        "m.context",
        "m.context.host",
        "m.context.pid",
        "m.request.method",
        "m.request.headers.host",
        "m.level.name",
        "m.unknown",
        "m",
        "project",
        "flag",
        "id",
        "event_message",
        "nothing",
        "nothing.at.all",
    ];
    let mut texts = every_combination(&paths, CONDITIONS);
    let no_field = |line: &&str| {
        let begin = line.trim_start_matches('-');
        !begin.is_empty()
            && !line.starts_with('#')
            && !begin.contains("m.")
            && !["Meta", "META", "meta", "s:", "c:", "status", "level"]
                .iter()
                .any(|key| begin.starts_with(key))
    };
    let asked = ANSWERS.lines().filter(no_field);
    texts.extend(asked.filter_map(|line| Some(line.rsplit_once(" => ")?.0.to_owned())));
    texts.push("m.level:error m.status:>=500 t:today timed -m.tags:x".to_owned());
    let mut wrong = Vec::new();
    for text in texts {
        let found = sorted(logs.ids(&text, logs.by_way_of_bigquery(&text)).await);
        let matched = matched(TYPED, &text);
        if found != matched {
            wrong.push(format!("{text}: {found:?} in BigQuery, {matched:?} in the matcher"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What it shows, and in which order, is what Postgres shows.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_for_bigquery_shows_the_same() {
    let logs = Logs::of(TYPED).await;
    for text in [
        "",
        "m.level:NULL",
        "s:*",
        "s:t s:id s:m.request.method@how s:m.status s:m.request.headers.host@how",
        "s:id s:m.unknown s:nothing s:m.tags s:id",
        "t:today c:count(*) c:group_by(t::hour)",
        "c:group_by(t::day)",
        "c:count(m.tags) c:group_by(t::d)",
        "c:count(m.context) c:group_by(t::d)",
        "c:count(m.unknown) c:group_by(t::d)",
        "c:countd(project) c:group_by(t::d)",
        "c:countd(m.context) c:group_by(t::d)",
        "c:countd(t) c:group_by(t::d)",
        "c:sum(m.duration) c:group_by(t::d)",
        "c:avg(m.sizes) c:group_by(t::d)",
        "c:max(m.status) c:group_by(t::h) -m.level:alert",
        "c:max(m.unknown) c:group_by(t::h)",
        "c:p99(m.duration)",
        "c:p50(m.context.pid) c:group_by(t::minute)",
    ] {
        let answer = logs.warehouse.run(logs.by_way_of_bigquery(text)).await;
        let rows = answer.unwrap_or_else(|error| panic!("{text}: {error}")).rows;
        assert_eq!(serde_json::to_value(rows).expect("JSON"), logs.rows(text).await, "{text}");
    }
}
