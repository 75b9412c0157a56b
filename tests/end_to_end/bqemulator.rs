//! The program on bqemulator, a stand-in for BigQuery that runs SQL: Studio's requests get the same
//! answers as from Postgres.
//!
//! bqemulator comes from PyPI; `tests/bqemulator.sh` installs it and runs this. Its gaps that show
//! here: its Storage Write API takes no records (so rows go in by insertAll); `tables.patch` does not
//! reach stored tables (so events carry declared fields only); it does not quote names of fields (the
//! script mends that); GROUP BY means a column before an alias of the same name (so the chart's time is
//! called otherwise here); and nothing is found by an alias of UNNEST that is a column's name (so that
//! of the list of auth is another here).

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use end_to_end::{
    fake_bigquery::services::catalog_settings,
    postgres::TestCluster,
    program::{Program, eventually, free_port},
    studio_requests::studio_requests,
};
use event_schemas::sample_events;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    endpoints::{answer, request},
    vector::{list_query, recordings, send},
};

/// Where the emulator's program is.
const EMULATOR: &str = "LOGWEIR_TEST_BQEMULATOR";

struct Emulator {
    process: Child,
    rest_port: u16,
    storage_port: u16,
}

impl Emulator {
    async fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the tests are no part of the program")]
        let program = std::env::var(EMULATOR).unwrap_or_else(|_| {
            panic!("{EMULATOR} must name the program; tests/bqemulator.sh sees to it")
        });
        let (rest_port, storage_port) = (free_port(), free_port());
        let mut command = Command::new(PathBuf::from(program));
        command
            .args(["start", "--rest-port", &rest_port.to_string()])
            .args(["--grpc-port", &storage_port.to_string(), "--log-level", "warning"])
            .stdin(Stdio::null());
        let process = command.spawn().expect("the emulator can be started");
        let emulator = Self { process, rest_port, storage_port };
        let client = outbound::client(outbound::HttpVersion::Any).expect("a client can be made");
        let url = format!("{}/projects/my-project/datasets", emulator.rest_url());
        eventually("the emulator answers", async || client.get(&url).send().await.is_ok()).await;
        emulator
    }

    fn rest_url(&self) -> String {
        format!("http://127.0.0.1:{}/bigquery/v2", self.rest_port)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// LQL over the samples, of each kind that columns can be asked. That nothing is in the JSON of a text
/// (`m.request.method.of:NULL`) is not among them: the emulator counts otherwise there.
const LQL: &[&str] = &[
    "",
    "GET",
    "-GET",
    "~\"^[A-Z]+ \"",
    "event_message:NULL",
    "id:event-1",
    "project:default",
    "m.request.method:GET",
    "-m.request.method:GET",
    "m.request.method:NULL",
    "m.request.path:~^/rest",
    "m.response.status_code:200",
    "m.response.status_code:>=400",
    "-m.response.status_code:>=400",
    "m.response.status_code:200..299",
    "m.response.status_code:\"200\"",
    "m.nothing:NULL",
    "m.nothing:x",
    "m.request.method.of:x",
    "t:2026-11-20",
    "t:>2026-11-20T12:00:00",
    "s:id s:m.request.method@how s:m.response.status_code",
    "c:count(*) c:group_by(t::hour)",
    "c:countd(m.request.method) c:group_by(t::day)",
    "c:max(m.response.status_code) c:group_by(t::day)",
];

/// Sample events of a source, each with an id; one of them failed.
fn samples(source: &str) -> Value {
    let samples = sample_events(source).expect("a source");
    let mut events: Vec<Value> = serde_json::from_str(samples).expect("a list of events");
    for (number, event) in events.iter_mut().enumerate() {
        event["id"] = json!(format!("event-{number}"));
    }
    events[0]["metadata"]["response"]["status_code"] = json!(503);
    Value::Array(events)
}

/// One program on the emulator, and one on Postgres.
async fn programs(emulator: &Emulator) -> [Program; 2] {
    let catalog = catalog_settings(&TestCluster::shared().database().await);
    let (rest, storage) =
        (emulator.rest_url(), format!("http://127.0.0.1:{}", emulator.storage_port));
    let mut settings: Vec<(&str, &str)> =
        catalog.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.extend([
        ("GOOGLE_PROJECT_ID", "my-project"),
        ("LOGWEIR_BIGQUERY_REST_URL", &rest),
        ("LOGWEIR_BIGQUERY_STORAGE_URL", &storage),
        ("LOGWEIR_BIGQUERY_WRITE_METHOD", "insertAll"),
    ]);
    let on_bigquery = Program::start(&["serve"], &settings);
    on_bigquery.ready().await;
    [on_bigquery, super::program().await]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs bqemulator: tests/bqemulator.sh"]
async fn studios_requests_have_the_answers_that_postgres_gives() {
    let emulator = Emulator::start().await;
    let programs = programs(&emulator).await;
    let source = "cloudflare.logs.prod";
    for program in &programs {
        program.log(source, &samples(source)).await;
    }
    let times = [
        ("iso_timestamp_start", "2026-11-20T00:00:00Z"),
        ("iso_timestamp_end", "2026-11-21T00:00:00Z"),
    ];
    let [on_bigquery, on_postgres] = &programs;
    for (name, sql) in studio_requests("event-1") {
        let sql = sql
            .replace(" as timestamp,", " as minute,")
            .replace("group by timestamp order by timestamp", "group by minute order by minute");
        let of_bigquery = on_bigquery.ask(&sql, &times).await;
        let of_postgres = on_postgres.ask(&sql, &times).await;
        let rows = of_postgres["result"].as_array().map_or(0, Vec::len);
        assert!(rows > 0, "{name}: {of_postgres}");
        assert_eq!(of_bigquery, of_postgres, "{name}: {sql}");
    }
    let mut with_rows = 0;
    for lql in LQL {
        let lql = format!("f:edge_logs {lql}");
        let asked = async |program: &Program| {
            let path = "/api/endpoints/query/logs.all";
            let query = [("project", "default"), ("lql", &lql)];
            answer(request(program, Method::GET, path).query(&query).query(&times)).await
        };
        let ((_, of_bigquery), (_, of_postgres)) =
            (asked(on_bigquery).await, asked(on_postgres).await);
        let rows = of_postgres["result"].as_array();
        with_rows +=
            usize::from(!rows.unwrap_or_else(|| panic!("{lql}: {of_postgres}")).is_empty());
        assert_eq!(of_bigquery, of_postgres, "{lql}");
    }
    assert!(with_rows > 5, "{with_rows} of {} found something", LQL.len());
}

/// The events have no ids of their own: rows are compared without, in any order, as many are of one
/// time.
fn without_ids(answer: &Value) -> Vec<String> {
    let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let without_id = |row: &Value| {
        let mut row = row.clone();
        let id = row.as_object_mut().and_then(|row| row.remove("id"));
        assert!(id.is_some_and(|id| id.as_str().is_some_and(|id| !id.is_empty())), "{row}");
        row.to_string()
    };
    let mut rows: Vec<String> = rows.iter().map(without_id).collect();
    rows.sort();
    rows
}

/// What a real Vector sent of each source, byte for byte.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs bqemulator: tests/bqemulator.sh"]
async fn captures_are_listed_as_postgres_lists_them() {
    let emulator = Emulator::start().await;
    let programs = programs(&emulator).await;
    let recordings = recordings("vector-0.58");
    assert_eq!(recordings.len(), 7);
    for recording in &recordings {
        for program in &programs {
            let answer = send(program, recording);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", recording.name);
        }
    }
    let times = [
        ("iso_timestamp_start", "2026-11-20T00:00:00Z"),
        ("iso_timestamp_end", "2026-11-21T00:00:00Z"),
    ];
    let [on_bigquery, on_postgres] = &programs;
    for recording in &recordings {
        let sent: Vec<Value> = serde_json::from_slice(&recording.body).expect("JSON");
        let sql = list_query(&recording.name);
        let of_postgres = without_ids(&on_postgres.ask(sql, &times).await);
        assert_eq!(of_postgres.len(), sent.len(), "{}", recording.name);
        // The emulator finds nothing by an alias that is a column's name.
        let aliased = sql.replace("unnest(metadata) as metadata", "unnest(metadata) as m");
        let sql = if aliased == sql { aliased } else { aliased.replace("metadata.", "m.") };
        let listed = async || {
            let answer = on_bigquery.ask(&sql, &times).await;
            answer["result"].as_array().is_some_and(|rows| rows.len() == sent.len())
        };
        eventually(&format!("all of {} is there", recording.name), listed).await;
        let of_bigquery = without_ids(&on_bigquery.ask(&sql, &times).await);
        assert_eq!(of_bigquery, of_postgres, "{}", recording.name);
    }
}
