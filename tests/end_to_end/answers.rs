//! Answers over known events are BigQuery's.

use serde_json::{Value, json};

use end_to_end::program::Program;

const MINUTE: i64 = 60_000_000;
/// 2026-11-20 12:00 UTC.
const NOON: i64 = 1_795_176_000_000_000;

/// Four edge events, a minute apart: a 200, a 500, one whose metadata is a list of two, one
/// without metadata.
async fn fixture() -> Program {
    let program = super::program().await;
    // Old tables may hold what the schema would not let in.
    program.set_validation("cloudflare.logs.prod", "off").await;
    program
        .log(
            "cloudflare.logs.prod",
            &json!([
                {
                    "id": "a", "timestamp": NOON, "event_message": "GET | 200 | it's \"quoted\" \\d", "project": "default",
                    "metadata": {
                        "request": {"method": "GET", "path": "/rest/v1/todos?x=1", "headers": {"content_length": "12"}},
                        "response": {"status_code": 200, "origin_time": 50},
                        "flag": true,
                    },
                },
                {
                    "id": "b", "timestamp": NOON + MINUTE, "event_message": "POST | 500", "project": "default",
                    "metadata": {
                        "request": {"method": "POST", "path": "/auth/v1/token"},
                        "response": {"status_code": 500, "origin_time": 1200.5},
                    },
                },
                {
                    "id": "c", "timestamp": NOON + MINUTE + 1, "event_message": "two", "project": "default",
                    "metadata": [
                        {"request": {"method": "PUT"}, "response": {"status_code": "404"}},
                        {"request": {"method": "PATCH"}, "response": {"status_code": "no number"}},
                    ],
                },
                {"id": "d", "timestamp": NOON + 3 * MINUTE, "event_message": "bare", "project": "default"},
                {"id": "e", "timestamp": NOON, "event_message": "another project", "project": "other"},
            ]),
        )
        .await;
    program
}

const JOINS: &str =
    "edge_logs t cross join unnest(metadata) as m cross join unnest(m.request) as request
    cross join unnest(m.response) as response";

async fn check(program: &Program, sql: &str, rows: Value) {
    let answer = program.ask(sql, &[]).await;
    assert_eq!(answer, json!({ "result": rows }), "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unnest_keeps_events_without_the_part_and_spreads_lists() {
    let program = fixture().await;
    check(
        &program,
        &format!("select id, request.method, response.status_code, request.nowhere from {JOINS} order by id, method"),
        json!([
            {"id": "a", "method": "GET", "status_code": 200, "nowhere": null},
            {"id": "b", "method": "POST", "status_code": 500, "nowhere": null},
            {"id": "c", "method": "PATCH", "status_code": null, "nowhere": null},
            {"id": "c", "method": "PUT", "status_code": 404, "nowhere": null},
            {"id": "d", "method": null, "status_code": null, "nowhere": null},
        ]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_have_one_row_for_a_bucket() {
    let program = fixture().await;
    check(
        &program,
        &format!(
            "select
            -- log-event-chart
              timestamp_trunc(t.timestamp, minute) as timestamp,
              count(CASE WHEN NOT (response.status_code >= 500 OR response.status_code >= 400 AND response.status_code < 500) THEN 1 END) as ok_count,
              count(CASE WHEN response.status_code >= 500 THEN 1 END) as error_count,
              count(CASE WHEN response.status_code >= 400 AND response.status_code < 500 THEN 1 END) as warning_count,
            from {JOINS} where t.timestamp > '2026-11-20T12:30:00+01:30' group by timestamp order by timestamp asc"
        ),
        json!([
            {"timestamp": NOON, "ok_count": 1, "error_count": 0, "warning_count": 0},
            {"timestamp": NOON + MINUTE, "ok_count": 0, "error_count": 1, "warning_count": 1},
            {"timestamp": NOON + 3 * MINUTE, "ok_count": 0, "error_count": 0, "warning_count": 0},
        ]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_mean_what_bigquery_means() {
    let program = fixture().await;
    for (condition, ids) in [
        // A field compared with a field compares numbers: "50" > "200" as text.
        ("response.origin_time > response.status_code", vec!["b"]),
        ("response.status_code in (200, 404)", vec!["a", "c"]),
        ("response.status_code not in (200, 404)", vec!["b"]),
        ("response.status_code between 400 and 599", vec!["b", "c"]),
        ("response.status_code = '404'", vec!["c"]),
        ("request.path like '/rest/%'", vec!["a"]),
        ("request.path not like '/rest/%'", vec!["b"]),
        ("request.method != 'GET'", vec!["b", "c", "c"]),
        ("not (request.method = 'GET')", vec!["b", "c", "c"]),
        ("not (request.method = 'GET' or request.path = 'x')", vec!["b"]),
        ("request.method is null", vec!["d"]),
        ("request.headers.content_length > 5", vec!["a"]),
        ("m.flag", vec!["a"]),
        ("m.flag is not true", vec!["b", "c", "c", "d"]),
        ("t.nothing is null and m.never.been.there is null and id = 'd'", vec!["d"]),
        (r#"regexp_contains(event_message, 'it''s "quoted" \\\\d$')"#, vec!["a"]),
        (r#"regexp_contains(event_message, "^(GET|POST) \\| [25]\\d\\d")"#, vec!["a", "b"]),
        (r"regexp_contains(event_message, r'(?i)^post')", vec!["b"]),
        ("regexp_contains(request.path, '/rest|/auth')", vec!["a", "b"]),
        ("t.timestamp = '2026-11-20T14:00:00+02:00'", vec!["a"]),
        (
            "t.timestamp between '2026-11-20 12:01:00' and '2026-11-20 12:01:00.000001'",
            vec!["b", "c", "c"],
        ),
        ("t.timestamp > 1795176060000000", vec!["c", "c", "d"]),
        ("t.timestamp < timestamp('2026-11-20 07:01:00 America/New_York')", vec!["a"]),
        (
            "cast(response.status_code as int64) >= 500 or safe_cast(event_message as int64) = 1",
            vec!["b"],
        ),
        ("ID = 'a' and Event_Message is not null", vec!["a"]),
        ("event_message < 'P'", vec!["a"]),
    ] {
        // The fixture's table has no column of that name: a path that never occurred.
        let condition = condition.replace("t.nothing", "m.nothing");
        let rows = program
            .rows(&format!("select id from {JOINS} where ({condition}) order by id limit 100"))
            .await;
        let found: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(found, ids, "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_win_where_bigquery_lets_them() {
    let program = fixture().await;
    check(
        &program,
        &format!(
            "select request.method as method, count(*) as n, avg(response.origin_time) as mean, max(t.timestamp) as last
             from {JOINS} group by method having n > 0 order by n desc, method limit 2"
        ),
        json!([
            {"method": null, "n": 1, "mean": null, "last": NOON + 3 * MINUTE},
            {"method": "GET", "n": 1, "mean": 50, "last": NOON},
        ]),
    )
    .await;
    check(
        &program,
        "select lower(event_message) as event_message, count(*) from edge_logs where id in ('b', 'd') group by 1 order by event_message desc",
        json!([{"event_message": "post | 500", "f0_": 1}, {"event_message": "bare", "f0_": 1}]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_have_the_shapes_that_studio_reads() {
    let program = fixture().await;
    check(
        &program,
        "select timestamp, cast(timestamp as datetime) as d, date(timestamp) as day, 1 / 4 as quarter, 7 as seven, true as yes,
           null as nothing, countif(id = 'x') as none, sum(1) as total, cast(min(timestamp) as string) as text
         from edge_logs where id = 'c' group by timestamp",
        json!([{
            "timestamp": NOON + MINUTE + 1, "d": "2026-11-20T12:01:00.000001", "day": "2026-11-20", "quarter": 0.25,
            "seven": 7, "yes": true, "nothing": null, "none": 0, "total": 1, "text": "2026-11-20 12:01:00.000001+00",
        }]),
    )
    .await;
    check(&program, "select 'hello' as world", json!([{"world": "hello"}])).await;
    check(&program, "select id from edge_logs where id = 'nobody'", json!([])).await;
    let metadata = json!([{
        "request": [{"method": "POST", "path": "/auth/v1/token"}],
        "response": [{"status_code": 500, "origin_time": 1200.5}],
    }]);
    check(
        &program,
        "select metadata from edge_logs where id = 'b' limit 1",
        json!([{ "metadata": metadata }]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_and_project_choose_the_events() {
    let program = fixture().await;
    let ids = async |parameters: &[(&str, &str)]| -> Vec<String> {
        let answer = program.ask("select id from edge_logs order by id", parameters).await;
        let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(
        ids(&[("iso_timestamp_start", ""), ("iso_timestamp_end", "")]).await,
        ["a", "b", "c", "d"]
    );
    // The start is exclusive, the end inclusive.
    let bounds = [
        ("iso_timestamp_start", "2026-11-20T12:00:00.000Z"),
        ("iso_timestamp_end", "2026-11-20T13:01:00+01:00"),
    ];
    assert_eq!(ids(&bounds).await, ["b"]);
    assert_eq!(ids(&[("iso_timestamp_start", "2026-11-21T00:00:00Z")]).await, Vec::<String>::new());
    assert_eq!(ids(&[("project", "other")]).await, ["e"]);
    assert_eq!(ids(&[("project", "nobody's")]).await, Vec::<String>::new());
    let answer =
        program.ask("select id from edge_logs", &[("iso_timestamp_start", "yesterday")]).await;
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("Invalid timestamp: 'yesterday'"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_at_most_a_thousand_rows() {
    let program = super::program().await;
    let events: Vec<Value> = (0..1200)
        .map(|n| json!({"id": format!("{n:04}"), "timestamp": NOON + n, "event_message": "m", "project": "default"}))
        .collect();
    program.log("cloudflare.logs.prod", &Value::Array(events)).await;
    let rows = program.rows("select id from edge_logs order by timestamp desc").await;
    assert_eq!(
        (rows.len(), &rows[0]["id"], &rows[999]["id"]),
        (1000, &json!("1199"), &json!("0200"))
    );
    assert_eq!(program.rows("select id from edge_logs limit 5000").await.len(), 1000);
    check(&program, "select count(*) as count from edge_logs", json!([{"count": 1200}])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_project_home_counts_requests() {
    let program = super::program().await;
    let event = |path: &str| json!({"event_message": path, "project": "default", "metadata": {"request": {"path": path}}});
    let paths = [
        "/rest/v1/a",
        "/rest/v1/b?x",
        "/graphql/v1",
        "/auth/v1/token",
        "/storage/v1/object",
        "/realtime/v1/websocket",
        "/",
    ];
    program.log("cloudflare.logs.prod", &paths.iter().map(|path| event(path)).collect()).await;
    for interval in ["1hr", "1day", "7day", "minutely", "hourly", "daily"] {
        let response = program
            .client
            .get(program.url("/api/endpoints/query/usage.api-counts"))
            .query(&[("project", "default"), ("interval", interval)])
            .bearer_auth(end_to_end::program::PRIVATE)
            .send()
            .await
            .expect("it answers");
        let answer: Value = response.json().await.expect("JSON");
        let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{interval}: {answer}"));
        let total =
            |name: &str| rows.iter().map(|row| row[name].as_i64().unwrap_or_default()).sum::<i64>();
        let totals = ["rest", "auth", "storage", "realtime"]
            .map(|part| total(&format!("total_{part}_requests")));
        assert_eq!(totals, [3, 1, 1, 1], "{interval}: {answer}");
        assert!(rows[0]["timestamp"].is_i64(), "{answer}");
    }
}
