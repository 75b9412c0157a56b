//! Studio, as a self-hosted project has it: what each of its pages asks for, in order, after Vector
//! has logged what it logs of each service; and each answer read as Studio reads it. `drains` does
//! so for the page of log drains.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use end_to_end::program::{PRIVATE, PUBLIC, Program};

type Row = Map<String, Value>;

/// Studio's server: it asks with GET only, and passes empty parameters on.
struct Studio {
    analytics: Program,
    opened: Timestamp,
}

impl Studio {
    async fn open() -> Self {
        let analytics = super::program().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let now = i64::try_from(now.as_micros()).expect("a clock of this age");
        Self { analytics, opened: Timestamp::from_microsecond(now).expect("a time") }
    }

    /// So many minutes before the page was opened.
    fn ago(&self, minutes: i64) -> Timestamp {
        self.opened.checked_sub(SignedDuration::from_mins(minutes)).expect("a time")
    }

    /// As `dayjs` writes times.
    fn iso(time: Timestamp) -> String {
        time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// The rows of an endpoint, or the text that a person sees. Whatever is not 200 with the one or the
    /// other is "API error happened while trying to communicate with the server."
    async fn retrieve(&self, name: &str, parameters: &[(&str, &str)]) -> Result<Vec<Row>, String> {
        let url = self.analytics.url(&format!("/api/endpoints/query/{name}"));
        let request = self.analytics.client.get(url).query(&[("project", "default")]);
        let request = request.query(parameters).header("x-api-key", PRIVATE);
        let request =
            request.header("content-type", "application/json").header("accept", "application/json");
        let response = request.send().await.expect("it answers");
        let status = response.status();
        let body: Row = response.json().await.expect("a JSON object");
        assert_eq!(status, 200, "{name} {parameters:?}: {body:?}");
        assert_eq!(body.len(), 1, "{name} {parameters:?}: {body:?}");
        match (body.get("result"), body.get("error")) {
            (Some(Value::Array(rows)), None) => Ok(rows.iter().map(flat_row).collect()),
            (None, Some(Value::String(text))) => Err(text.clone()),
            _ => panic!("{name} {parameters:?}: {body:?}"),
        }
    }

    async fn logs(&self, sql: &str, start: &str, end: &str) -> Vec<Row> {
        let parameters = [("sql", sql), ("iso_timestamp_start", start), ("iso_timestamp_end", end)];
        let rows = self.retrieve("logs.all", &parameters).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        // The columns of a table are the keys of its first row.
        for row in &rows {
            assert!(row.keys().eq(rows[0].keys()), "{sql}\n{row:?}");
        }
        rows
    }
}

fn flat_row(row: &Value) -> Row {
    row.as_object().unwrap_or_else(|| panic!("no row: {row}")).clone()
}

/// A time that sorts, makes pages and charts: a number of 16 digits.
fn micros(row: &Row) -> i64 {
    let time = row["timestamp"].as_i64().unwrap_or_else(|| panic!("no number: {row:?}"));
    assert_eq!(time.to_string().len(), 16, "{row:?}");
    time
}

/// `typeof count === 'number'`
fn count(row: &Row, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} is no count: {row:?}"))
}

/// Rows of a list: a map by id, and the latest first.
fn by_id(rows: &[Row]) -> BTreeMap<String, Row> {
    let times: Vec<_> = rows.iter().map(micros).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let rows = rows.iter().map(|row| {
        let id = row["id"].as_str().filter(|id| !id.is_empty());
        let message = row["event_message"].as_str().filter(|text| !text.is_empty());
        let (Some(id), Some(_)) = (id, message) else { panic!("not shown: {row:?}") };
        (id.to_owned(), row.clone())
    });
    rows.collect()
}

/// A log page: what stands in its SQL, and what it shows of the events below.
struct Page {
    name: &'static str,
    table: &'static str,
    columns: &'static str,
    /// Joins of the list; those of chart and count, where they are others.
    joins: [&'static str; 2],
    only: &'static str,
    errors: &'static str,
    warnings: &'static str,
    /// Events of the list, the chart's ok, warnings and errors.
    shown: (usize, [u64; 3]),
}

const METADATA: &str = "cross join unnest(metadata) as m";
const EDGE: &str = "cross join unnest(metadata) as m
  cross join unnest(m.request) as request
  cross join unnest(m.response) as response";
const FUNCTION_EDGE: &str = "cross join unnest(metadata) as m
  cross join unnest(m.response) as response
  cross join unnest(m.request) as request";
const PARSED: &str = "cross join unnest(metadata) as m
  cross join unnest(m.parsed) as parsed";
const CRON: &str =
    "( parsed.application_name = 'pg_cron' or event_message::text LIKE '%cron job%' )";

const PLAIN: Page = Page {
    name: "",
    table: "",
    columns: "",
    joins: ["", ""],
    only: "",
    errors: "false",
    warnings: "false",
    shown: (0, [0; 3]),
};

const PAGES: &[Page] = &[
    Page {
        name: "API Gateway",
        table: "edge_logs",
        columns: ", request.method, request.path, request.search, response.status_code",
        joins: [EDGE, EDGE],
        errors: "response.status_code >= 500",
        warnings: "response.status_code >= 400 AND response.status_code < 500",
        shown: (4, [2, 1, 1]),
        ..PLAIN
    },
    Page {
        name: "Postgres",
        table: "postgres_logs",
        columns: ", parsed.error_severity, parsed.detail, parsed.hint",
        joins: [PARSED, PARSED],
        errors: "parsed.error_severity IN ('ERROR', 'FATAL', 'PANIC')",
        warnings: "parsed.error_severity IN ('WARNING')",
        shown: (4, [2, 1, 1]),
        ..PLAIN
    },
    Page { name: "PostgREST", table: "postgrest_logs", shown: (1, [1, 0, 0]), ..PLAIN },
    Page {
        name: "Auth",
        table: "auth_logs",
        columns: ", m.level, m.status, m.path, m.msg as msg, m.error",
        joins: [METADATA, METADATA],
        errors: "IFNULL(m.level, '') IN ('error', 'fatal') OR IFNULL(SAFE_CAST(m.status AS INT64), 0) >= 500",
        warnings: "IFNULL(m.level, '') = 'warning' OR IFNULL(SAFE_CAST(m.status AS INT64), 0) BETWEEN 400 AND 499",
        shown: (2, [1, 1, 0]),
        ..PLAIN
    },
    Page { name: "Storage", table: "storage_logs", shown: (1, [1, 0, 0]), ..PLAIN },
    Page { name: "Realtime", table: "realtime_logs", shown: (1, [1, 0, 0]), ..PLAIN },
    // Vector's lines of functions have neither request nor response, which is what the chart is of.
    Page {
        name: "Edge Functions",
        table: "function_edge_logs",
        joins: ["", FUNCTION_EDGE],
        errors: "response.status_code >= 500",
        warnings: "response.status_code >= 400 AND response.status_code < 500",
        shown: (1, [0; 3]),
        ..PLAIN
    },
    Page {
        name: "Cron",
        table: "postgres_logs",
        columns: ", parsed.error_severity, parsed.query",
        joins: [PARSED, PARSED],
        only: CRON,
        errors: "parsed.error_severity IN ('ERROR', 'FATAL', 'PANIC')",
        shown: (1, [1, 0, 0]),
        ..PLAIN
    },
    Page {
        name: "Function: Invocations",
        table: "function_edge_logs",
        columns: ", response.status_code, request.method, request.pathname, m.function_id, m.execution_id,
  m.execution_time_ms, m.deployment_id, m.version",
        joins: [FUNCTION_EDGE, FUNCTION_EDGE],
        only: "(`function_id` = '5d4f0e0a-2f3d-4d7e-8d45-1f7d2c9f3a10')",
        errors: "response.status_code >= 500",
        warnings: "response.status_code >= 400 AND response.status_code < 500",
        ..PLAIN
    },
    Page {
        name: "Function: Logs",
        table: "function_logs",
        columns: ", m.event_type, m.function_id, m.execution_id, m.level",
        joins: [METADATA, METADATA],
        only: "(`function_id` = '5d4f0e0a-2f3d-4d7e-8d45-1f7d2c9f3a10')",
        errors: "m.level IN ('error', 'fatal')",
        warnings: "m.level IN ('warning')",
        ..PLAIN
    },
];

impl Page {
    fn filter(&self) -> String {
        if self.only.is_empty() { String::new() } else { format!("where {}", self.only) }
    }

    fn list(&self) -> String {
        let Self { table, columns, joins: [joins, _], .. } = self;
        let filter = self.filter();
        format!(
            "\nselect id, {table}.timestamp, event_message{columns}\nfrom {table}\n{joins}\n{filter}\norder by timestamp desc\nlimit 100;\n"
        )
    }

    fn count(&self) -> String {
        let Self { table, joins: [_, joins], .. } = self;
        format!("SELECT count(*) as count FROM {table} {joins} {}", self.filter())
    }

    fn chart(&self, start: &str) -> String {
        let Self { table, joins: [_, joins], errors, warnings, .. } = self;
        let only = if self.only.is_empty() { String::new() } else { format!("{} and", self.only) };
        format!(
            "
SELECT
-- log-event-chart
  timestamp_trunc(t.timestamp, minute) as timestamp,
  count(CASE WHEN NOT ({errors} OR {warnings}) THEN 1 END) as ok_count,
  count(CASE WHEN {errors} THEN 1 END) as error_count,
  count(CASE WHEN {warnings} THEN 1 END) as warning_count,
FROM
  {table} t
  {joins}
  where {only} t.timestamp > '{start}'
GROUP BY
timestamp
ORDER BY
  timestamp ASC"
        )
    }

    async fn is_opened(&self, studio: &Studio) {
        let name = self.name;
        let start = Studio::iso(studio.ago(60));
        let (list, chart) = (self.list(), self.chart(&Studio::iso(studio.ago(6 * 60))));
        let (list_rows, chart) =
            tokio::join!(studio.logs(&list, &start, ""), studio.logs(&chart, &start, ""));
        let (events, levels) = &self.shown;
        let shown = by_id(&list_rows);
        assert_eq!(shown.len(), *events, "{name}: {shown:?}");
        let mut found = [0; 3];
        for bucket in &chart {
            assert_eq!(micros(bucket) % 60_000_000, 0, "{name}: {bucket:?}");
            for (sum, column) in found.iter_mut().zip(["ok_count", "warning_count", "error_count"])
            {
                *sum += count(bucket, column);
            }
        }
        assert_eq!(found, *levels, "{name}: {chart:?}");

        // "N new", since the last refresh: all, and nothing.
        let later = Studio::iso(studio.ago(-24 * 60));
        for (since, expected) in [(&start, *events as u64), (&later, 0)] {
            let rows = studio.logs(&self.count(), since, "").await;
            assert_eq!(rows.len(), 1, "{name}");
            assert_eq!(count(&rows[0], "count"), expected, "{name}");
        }

        let Some(last) = list_rows.last() else { return };
        // "Load older": up to the millisecond of the last row, which may come again.
        let end = Timestamp::from_millisecond(micros(last) / 1000).expect("a time");
        let older = studio.logs(&list, &start, &Studio::iso(end)).await;
        assert!(by_id(&older).keys().all(|id| shown.contains_key(id)), "{name}: {older:?}");

        let id = last["id"].as_str().expect("an id");
        let single = format!(
            "select id, timestamp, event_message, metadata from {} where id = '{id}' limit 1",
            self.table
        );
        let rows = studio.logs(&single, &start, "").await;
        assert_eq!(rows.len(), 1, "{name}");
        for column in ["id", "timestamp", "event_message"] {
            assert_eq!(rows[0][column], last[column], "{name}");
        }
        assert!(rows[0]["metadata"][0].is_object(), "{name}: {rows:?}");
    }
}

/// What Vector logs of a stock stack, one request for each sink.
async fn vector_logs(studio: &Studio) {
    let at = |minutes| studio.ago(minutes).to_string();
    let edge = |minutes, method: &str, path: &str, status: i64| {
        json!({
            "project": "default", "appname": "supabase-kong", "timestamp": at(minutes),
            "event_message": format!("{method} | {status} | 172.18.0.1 | {path}"),
            "metadata": {
                "request": {"method": method, "path": path, "protocol": "HTTP/1.1",
                    "headers": {"user_agent": "node", "cf_connecting_ip": "172.18.0.1"}},
                "response": {"status_code": status},
            },
        })
    };
    let postgres = |minutes, severity: &str, text: &str| {
        json!({
            "project": "default", "appname": "supabase-db", "timestamp": at(minutes),
            "event_message": text,
            "metadata": {"host": "db", "parsed": {"timestamp": at(minutes), "error_severity": severity}},
        })
    };
    let auth = |minutes, level: &str, status: i64, text: &str| {
        json!({
            "project": "default", "appname": "supabase-auth", "timestamp": at(minutes),
            "event_message": text,
            "metadata": {"level": level, "status": status, "msg": "request completed", "path": "/token",
                "timestamp": at(minutes)},
        })
    };
    for (source, events) in [
        (
            "cloudflare.logs.prod",
            json!([
                edge(20, "GET", "/rest/v1/todos?select=*", 200),
                edge(19, "POST", "/auth/v1/token?grant_type=password", 400),
                edge(18, "GET", "/storage/v1/object/a%20b.png", 500),
                edge(17, "GET", "/realtime/v1/websocket", 101),
            ]),
        ),
        ("gotrue.logs.prod", json!([auth(20, "info", 200, "ok"), auth(19, "info", 422, "no")])),
        (
            "postgREST.logs.prod",
            json!([{
                "project": "default", "appname": "supabase-rest", "timestamp": at(20),
                "event_message": "Schema cache loaded", "metadata": {"host": "rest"},
            }]),
        ),
        (
            "realtime.logs.prod",
            json!([{
                "appname": "realtime-dev.supabase-realtime", "timestamp": at(20),
                "event_message": "Subscribed",
                "metadata": {"project": "default", "external_id": "realtime-dev", "level": "info"},
            }]),
        ),
        (
            "deno-relay-logs",
            json!([{
                "appname": "supabase-edge-functions", "timestamp": at(20),
                "event_message": "serving the request with supabase/functions/hello",
                "metadata": {"project_ref": "default"},
            }]),
        ),
        (
            "storage.logs.prod.2",
            json!([{
                "appname": "supabase-storage", "timestamp": at(20), "event_message": "GET | 200",
                "metadata": {"project": "default", "tenantId": "stub", "level": "info",
                    "timestamp": at(20), "context": [{"host": "storage", "pid": 1}]},
            }]),
        ),
        (
            "postgres.logs",
            json!([
                postgres(20, "LOG", "checkpoint starting: time"),
                postgres(19, "WARNING", "there is already a transaction in progress"),
                postgres(18, "ERROR", "relation \"nothing\" does not exist"),
                postgres(17, "LOG", "cron job 1 starting: select 1"),
            ]),
        ),
    ] {
        studio.analytics.log(source, &events).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_log_page_is_filled() {
    let studio = Studio::open().await;
    vector_logs(&studio).await;
    for page in PAGES {
        page.is_opened(&studio).await;
    }
    // What the panel of an API Gateway event reads.
    let start = Studio::iso(studio.ago(60));
    let sql = "select id, timestamp, event_message, metadata from edge_logs\nwhere event_message like '%storage%'";
    let rows = studio.logs(sql, &start, "").await;
    let metadata = &rows[0]["metadata"][0];
    assert_eq!(metadata["request"][0]["method"], "GET");
    assert_eq!(metadata["request"][0]["path"], "/storage/v1/object/a%20b.png");
    assert_eq!(metadata["request"][0]["headers"][0]["user_agent"], "node");
    assert_eq!(metadata["response"][0]["status_code"], 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explorer_shows_rows_or_what_is_wrong() {
    let studio = Studio::open().await;
    vector_logs(&studio).await;
    let start = Studio::iso(studio.ago(60));
    for (sql, rows) in [
        ("select\n  timestamp, event_message, metadata\n  from edge_logs limit 5", 4),
        (
            "\n-- by hand\nselect cast(timestamp as datetime) as timestamp, event_message, metadata \nfrom edge_logs \nlimit 5;",
            4,
        ),
        (
            "with errors as (select id from postgres_logs as t cross join unnest(metadata) as m cross join unnest(m.parsed) as p where p.error_severity = 'ERROR') select count(*) as count from errors",
            1,
        ),
        (
            "select cf.country, count(*) as count from edge_logs left join unnest(metadata) as m on true left join unnest(m.request) as r on true left join unnest(r.cf) as cf on true group by cf.country order by count desc",
            1,
        ),
        ("select event_message from auth_logs where event_message ilike 'NO%'", 1),
        ("select 'a+b' as plus, null as nothing, true as yes, 1.5 as number from realtime_logs", 1),
    ] {
        let found = studio.logs(sql, &start, "").await;
        assert_eq!(found.len(), rows, "{sql}: {found:?}");
        match &found[0].get("timestamp") {
            Some(Value::String(civil)) => assert_eq!(&civil[10..11], "T", "{civil}"),
            Some(_) => drop(micros(&found[0])),
            None => {}
        }
        if let Some(number) = found[0].get("count") {
            assert!(number.is_u64(), "{found:?}");
        }
    }
    let row = &studio
        .logs(
            "select 'a+b' as plus, null as nothing, true as yes, 1.5 as number from realtime_logs",
            &start,
            "",
        )
        .await[0];
    assert_eq!(
        Value::Object(row.clone()),
        json!({"plus": "a+b", "nothing": null, "yes": true, "number": 1.5})
    );

    for (sql, text) in [
        ("select nothing from edge_logs", "nothing"),
        ("select id from nowhere", "nowhere"),
        ("select id from multigres_logs", "multigres_logs"),
        ("select id frm edge_logs", "edge_logs"),
        ("delete from edge_logs", "SELECT"),
        ("select 1 as a; select 2 as b", ""),
    ] {
        let parameters = [("sql", sql), ("iso_timestamp_start", &start), ("iso_timestamp_end", "")];
        let error = studio.retrieve("logs.all", &parameters).await.expect_err(sql);
        assert!(error.contains(text) && !error.contains('\n'), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_gets_the_logs_of_each_service() {
    let studio = Studio::open().await;
    vector_logs(&studio).await;
    let (start, end) = (Studio::iso(studio.ago(60)), Studio::iso(studio.ago(-1)));
    for (service, sql, events) in [
        (
            "api",
            "select id, edge_logs.timestamp, event_message, request.method, request.path, request.search, response.status_code\nfrom edge_logs\ncross join unnest(metadata) as m\ncross join unnest(m.request) as request\ncross join unnest(m.response) as response\norder by timestamp desc\nlimit 100;",
            4,
        ),
        (
            "postgres",
            "select postgres_logs.timestamp, id, event_message, parsed.error_severity, parsed.detail, parsed.hint\nfrom postgres_logs\ncross join unnest(metadata) as m\ncross join unnest(m.parsed) as parsed\norder by timestamp desc\nlimit 100;",
            4,
        ),
        (
            "edge-function",
            "select id, function_edge_logs.timestamp, event_message from function_edge_logs\norder by timestamp desc\nlimit 100;",
            1,
        ),
        (
            "auth",
            "select id, auth_logs.timestamp, event_message, metadata.level, metadata.status, metadata.path, metadata.msg as msg, metadata.error from auth_logs\ncross join unnest(metadata) as metadata\norder by timestamp desc\nlimit 100;",
            2,
        ),
        (
            "storage",
            "select id, storage_logs.timestamp, event_message from storage_logs\norder by timestamp desc\nlimit 100;",
            1,
        ),
        (
            "realtime",
            "select id, realtime_logs.timestamp, event_message from realtime_logs\norder by timestamp desc\nlimit 100;",
            1,
        ),
    ] {
        let rows = studio.logs(sql, &start, &end).await;
        assert_eq!(by_id(&rows).len(), events, "{service}: {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn home_function_and_auth_pages_have_their_figures() {
    let studio = Studio::open().await;
    vector_logs(&studio).await;
    let ask = async |name: &str, parameters: &[(&str, &str)]| {
        let rows = studio.retrieve(name, parameters).await;
        rows.unwrap_or_else(|error| panic!("{name} {parameters:?}: {error}"))
    };
    let total = |rows: &[Row], name: &str| rows.iter().map(|row| count(row, name)).sum::<u64>();
    for interval in ["15min", "30min", "1hr", "3hr", "1day", "3day", "7day"] {
        let rows = ask("usage.api-counts", &[("interval", interval)]).await;
        let times: Vec<_> = rows.iter().map(micros).collect();
        assert!(times.is_sorted() && rows.len() <= 4, "{interval}: {rows:?}");
        // Fifteen minutes ago nothing was logged.
        let expected = u64::from(interval != "15min");
        for service in ["auth", "storage", "rest", "realtime"] {
            let name = format!("total_{service}_requests");
            assert_eq!(total(&rows, &name), expected, "{interval} {name}: {rows:?}");
        }
    }
    let rows = ask("usage.api-requests-count", &[]).await;
    assert_eq!((rows.len(), count(&rows[0], "count")), (1, 4));

    let (start, end) = (Studio::iso(studio.ago(60)), Studio::iso(studio.opened));
    for granularity in ["minute", "hour", "day"] {
        let bounds = [
            ("iso_timestamp_start", &*start),
            ("iso_timestamp_end", &end),
            ("granularity", granularity),
        ];
        let rows = ask("service-health", &bounds).await;
        let sum = |service: &str, level: &str| {
            let of = |row: &Row| row[service][level].as_u64().expect("a count");
            rows.iter().map(of).sum::<u64>()
        };
        assert!(rows.iter().all(|row| row["timestamp"].is_string()), "{rows:?}");
        for (service, expected) in [
            ("edge_logs", [2, 1, 1]),
            ("postgres_logs", [2, 1, 1]),
            ("auth_logs", [1, 1, 0]),
            ("storage_logs", [1, 0, 0]),
            ("realtime_logs", [1, 0, 0]),
            ("postgrest_logs", [1, 0, 0]),
            ("function_logs", [0, 0, 0]),
            ("supavisor_logs", [0, 0, 0]),
            ("etl_replication_logs", [0, 0, 0]),
        ] {
            let found = ["ok", "warning", "error"].map(|level| sum(service, level));
            assert_eq!(found, expected, "{granularity} {service}: {rows:?}");
            assert_eq!(sum(service, "total"), expected.iter().sum::<u64>(), "{service}");
        }
    }

    // Stock Vector's lines of functions name no function, so that its page has no figures.
    for interval in ["15min", "1hr", "3hr", "1day"] {
        let of_function =
            [("function_id", "5d4f0e0a-2f3d-4d7e-8d45-1f7d2c9f3a10"), ("interval", interval)];
        let rows = ask("functions.combined-stats", &of_function).await;
        assert_eq!(total(&rows, "requests_count"), 0, "{interval}: {rows:?}");
    }

    let rows = ask("auth.metrics", &[("interval", "1day")]).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    for (row, period) in rows.iter().zip(["current", "previous"]) {
        assert_eq!(row["period"], period);
        for (name, value) in row.iter().filter(|(name, _)| *name != "period") {
            assert!(value.as_f64().is_some_and(|value| value >= 0.0), "{name}: {row:?}");
        }
        assert_eq!(row.len(), 8, "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_to_who_may_know() {
    let studio = Studio::open().await;
    for name in ["logs.all.otel", "project.metrics", "api_keys.last_used.otel", "nobody knows"] {
        let error = studio.retrieve(name, &[("sql", "select 1")]).await.expect_err(name);
        assert_eq!(error, format!("Endpoint \"{name}\" is not available on this server"));
        for token in ["", "wrong", PUBLIC] {
            let url = studio.analytics.url(&format!("/api/endpoints/query/{name}"));
            let request = studio.analytics.client.get(url).header("x-api-key", token);
            let response = request.send().await.expect("it answers");
            assert_eq!(response.status(), 401, "{name} {token}");
            let body: Value = response.json().await.expect("JSON, or Studio breaks");
            assert_eq!(body, json!({"error": "Unauthorized"}));
        }
    }
}
