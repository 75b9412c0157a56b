//! What Studio asks of a self-hosted project beside logs: shapes and figures of the endpoints that a
//! new catalog has. The figures are worked out by hand from the events beside them.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};

use super::endpoints::{answer, request};
use end_to_end::program::Program;

const MINUTE: i64 = 60_000_000;

/// The begin of the minute so many minutes ago, in microseconds since 1970.
fn minutes_ago(minutes: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let now = i64::try_from(now.as_micros()).expect("a clock of this age");
    now / MINUTE * MINUTE - minutes * MINUTE
}

async fn ask(program: &Program, name: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
    let path = format!("/api/endpoints/query/{name}");
    let request = request(program, Method::GET, &path).query(&[("project", "default")]);
    let (status, body) = answer(request.query(parameters)).await;
    let rows = body["result"].as_array().filter(|_| status == 200);
    rows.unwrap_or_else(|| panic!("{name} {parameters:?}: {status} {body}")).clone()
}

fn edge(at: i64, path: &str, status: i64) -> Value {
    json!({
        "timestamp": at, "event_message": path, "project": "default",
        "metadata": {"request": {"method": "GET", "path": path}, "response": {"status_code": status}},
    })
}

async fn log_edge(program: &Program, at: i64) {
    let events = json!([
        edge(at, "/auth/v1/token", 200),
        edge(at + 1, "/auth/v1/token", 400),
        edge(at + 2, "/rest/v1/todos", 200),
        edge(at + 3, "/graphql/v1", 500),
        edge(at + 4, "/storage/v1/object", 301),
        edge(at + MINUTE, "/realtime/v1/websocket", 101),
    ]);
    program.log("cloudflare.logs.prod", &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_part_of_the_api() {
    let program = super::program().await;
    let at = minutes_ago(10);
    log_edge(&program, at).await;
    let row = |timestamp: i64, auth: i64, storage: i64, rest: i64, realtime: i64| {
        json!({
            "timestamp": timestamp, "total_auth_requests": auth, "total_storage_requests": storage,
            "total_rest_requests": rest, "total_realtime_requests": realtime,
        })
    };
    let by_minute = [row(at, 2, 1, 2, 0), row(at + MINUTE, 0, 0, 0, 1)];
    for interval in ["15min", "30min", "1hr", "minutely"] {
        let rows = ask(&program, "usage.api-counts", &[("interval", interval)]).await;
        assert_eq!(rows, by_minute, "{interval}");
    }
    let total = |rows: &[Value]| -> i64 {
        let of = |row: &Value| row["total_auth_requests"].as_i64().expect("a number");
        rows.iter().map(of).sum()
    };
    for (interval, bucket) in
        [("1day", 60), ("hourly", 60), ("7day", 1440), ("daily", 1440), ("", 1440), ("x", 1440)]
    {
        let rows = ask(&program, "usage.api-counts", &[("interval", interval)]).await;
        assert_eq!(total(&rows), 2, "{interval}: {rows:?}");
        for row in &rows {
            assert_eq!(row["timestamp"].as_i64().expect("a time") % (bucket * MINUTE), 0);
        }
    }
    let counts = ask(&program, "usage.api-requests-count", &[]).await;
    assert_eq!(counts, [json!({"count": 6})]);
    let after = [("iso_timestamp_start", "2999-01-01T00:00:00Z")];
    assert_eq!(ask(&program, "usage.api-requests-count", &after).await, [json!({"count": 0})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_functions_page_has_its_figures() {
    let program = super::program().await;
    let at = minutes_ago(10);
    let request = |offset: i64, function: &str, status: i64, took: f64| {
        json!({
            "timestamp": at + offset, "event_message": "POST",
            "metadata": {
                "project_ref": "default", "function_id": function, "execution_time_ms": took,
                "response": {"status_code": status},
            },
        })
    };
    let requests = json!([
        request(0, "f", 200, 10.0),
        request(1, "f", 302, 20.0),
        request(2, "f", 404, 30.0),
        request(3, "f", 500, 40.0),
        request(4, "g", 200, 999.0),
        {"timestamp": at + 5, "event_message": "serving the request with supabase/functions/f",
         "metadata": {"project_ref": "default"}},
    ]);
    program.log("deno-relay-logs", &requests).await;
    let log = |offset: i64, function: &str, level: &str, more: Value| {
        let mut event = json!({
            "timestamp": at + offset, "event_message": "line",
            "metadata": {"project_ref": "default", "function_id": function, "level": level},
        });
        let metadata = event["metadata"].as_object_mut().expect("an object");
        metadata.extend(more.as_object().expect("an object").clone());
        event
    };
    let logs = json!([
        log(0, "f", "info", json!({})),
        log(1, "f", "warning", json!({})),
        log(2, "f", "error", json!({})),
        log(
            3,
            "f",
            "log",
            json!({
                "event_type": "Shutdown", "cpu_time_used": 30,
                "memory_used": {"total": 3_145_728, "heap": 2_097_152, "external": 1_048_576},
            })
        ),
        log(
            4,
            "f",
            "log",
            json!({
                "event_type": "Shutdown", "cpu_time_used": 10,
                "memory_used": {"total": 1_048_576, "heap": 0, "external": 1_048_576},
            })
        ),
        log(5, "g", "error", json!({})),
    ]);
    program.log("deno-subhosting-events", &logs).await;
    let expected = json!({
        "timestamp": at, "requests_count": 4, "log_count": 6, "log_info_count": 4, "log_warn_count": 1,
        "log_error_count": 1, "success_count": 1, "redirect_count": 1, "client_err_count": 1,
        "server_err_count": 1, "avg_cpu_time_used": 20, "max_cpu_time_used": 30,
        "avg_execution_time": 25, "max_execution_time": 40, "avg_memory_used": 2,
        "avg_heap_memory_used": 1, "avg_external_memory_used": 1,
    });
    for interval in ["15min", "1hr"] {
        let of_f = [("function_id", "f"), ("interval", interval)];
        let rows = ask(&program, "functions.combined-stats", &of_f).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(rows[0][name].as_f64(), value.as_f64(), "{name}: {rows:?}");
        }
        assert_eq!(rows[0].as_object().map(serde_json::Map::len), Some(17));
    }
    let total = |rows: &[Value]| -> i64 {
        rows.iter().map(|row| row["requests_count"].as_i64().expect("a number")).sum()
    };
    for (parameters, requests) in [
        (&[("function_id", "f"), ("interval", "3hr")][..], 4),
        (&[("function_id", "g"), ("interval", "1day")], 1),
        (&[("function_id", ""), ("interval", "")], 5),
        (&[], 5),
        (&[("function_id", "nobody")], 0),
    ] {
        let rows = ask(&program, "functions.combined-stats", parameters).await;
        assert_eq!(total(&rows), requests, "{parameters:?}: {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_has_its_health() {
    let program = super::program().await;
    let at = minutes_ago(10);
    log_edge(&program, at).await;
    let severity = |severity: &str| {
        json!({"timestamp": at, "event_message": "m", "project": "default",
               "metadata": {"parsed": {"error_severity": severity}}})
    };
    let postgres = ["LOG", "WARNING", "ERROR", "FATAL"].map(severity);
    program.log("postgres.logs", &json!(postgres)).await;
    let auth = |level: &str, status: i64| {
        json!({"timestamp": at, "event_message": "m", "project": "default",
               "metadata": {"level": level, "status": status}})
    };
    let auth = [auth("info", 200), auth("info", 404), auth("info", 500), auth("error", 200)];
    program.log("gotrue.logs.prod", &json!(auth)).await;
    let storage = |level: Value| json!({"timestamp": at, "event_message": "m", "metadata": {"project": "default", "level": level}});
    let storage = [json!(30), json!(40), json!(50), json!("info"), json!("error")].map(storage);
    program.log("storage.logs.prod.2", &json!(storage)).await;
    let rest = json!([{"timestamp": at, "event_message": "m", "project": "default"}]);
    program.log("postgREST.logs.prod", &rest).await;

    let of = |ok: i64, warning: i64, error: i64| json!({"ok": ok, "warning": warning, "error": error, "total": ok + warning + error});
    let none = of(0, 0, 0);
    let start = minutes_ago(60);
    let iso = |micros: i64| {
        let time = jiff::Timestamp::from_microsecond(micros).expect("a time");
        time.to_string()
    };
    let (start, end) = (iso(start), iso(at + MINUTE - 1));
    let bounds = [("iso_timestamp_start", &*start), ("iso_timestamp_end", &*end)];
    let civil = iso(at).trim_end_matches('Z').to_owned();
    let by_minute = [&bounds[..], &[("granularity", "minute")]].concat();
    assert_eq!(
        ask(&program, "service-health", &by_minute).await,
        [json!({
            "timestamp": civil,
            "postgres_logs": of(1, 1, 2), "auth_logs": of(1, 1, 2), "function_edge_logs": none,
            "storage_logs": of(2, 1, 2), "realtime_logs": none, "postgrest_logs": of(1, 0, 0),
            "edge_logs": of(3, 1, 1), "supavisor_logs": none, "function_logs": none,
            "etl_replication_logs": none,
        })]
    );
    let total = |rows: &[Value]| -> i64 {
        rows.iter().map(|row| row["edge_logs"]["total"].as_i64().expect("a number")).sum()
    };
    for (parameters, requests) in [
        (&[("granularity", "hour")][..], 6),
        (&[("granularity", "day"), ("iso_timestamp_start", "")], 6),
        (&[], 6),
        (&[("iso_timestamp_start", "2999-01-01T00:00:00Z")], 0),
    ] {
        let rows = ask(&program, "service-health", parameters).await;
        assert_eq!(total(&rows), requests, "{parameters:?}: {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_has_its_figures_of_this_and_the_last_interval() {
    let program = super::program().await;
    let (now, before) = (minutes_ago(10), minutes_ago(10 + 1440));
    log_edge(&program, now).await;
    let event = |at: i64, metadata: Value| json!({"timestamp": at, "event_message": "m", "project": "default", "metadata": metadata});
    let action = |at: i64, who: &str, action: &str| {
        event(at, json!({"auth_event": {"action": action, "actor_id": who}}))
    };
    let events = json!([
        action(now, "ada", "login"),
        action(now + 1, "ada", "token_refreshed"),
        action(now + 2, "bob", "user_signedup"),
        action(now + 3, "bob", "user_recovery_requested"),
        event(now + 4, json!({"request_id": "r1", "status": 200, "msg": "request completed"})),
        event(now + 5, json!({"request_id": "r2", "status": 400, "msg": "400: Invalid"})),
        event(now + 6, json!({"request_id": "r2", "status": 400, "msg": "request completed"})),
        action(before, "eve", "user_signedup"),
        event(before + 1, json!({"request_id": "r3", "status": 500, "msg": "request completed"})),
    ]);
    program.log("gotrue.logs.prod", &events).await;
    for interval in ["1day", ""] {
        assert_eq!(
            ask(&program, "auth.metrics", &[("interval", interval)]).await,
            [
                json!({
                    "period": "current", "active_users": 2, "api_error_requests": 1,
                    "api_total_requests": 2, "auth_total_errors": 1, "auth_total_requests": 2,
                    "password_reset_requests": 1, "sign_up_count": 1,
                }),
                json!({
                    "period": "previous", "active_users": 1, "api_error_requests": 0,
                    "api_total_requests": 0, "auth_total_errors": 1, "auth_total_requests": 1,
                    "password_reset_requests": 0, "sign_up_count": 1,
                }),
            ],
            "{interval}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_are_called_otherwise_stay_what_they_are() {
    let program = super::program().await;
    log_edge(&program, minutes_ago(10)).await;
    let (_, sources) = answer(request(&program, Method::GET, "/api/sources")).await;
    let named = |source: &&Value| source["name"] == "cloudflare.logs.prod";
    let source = sources.as_array().expect("a list").iter().find(named).expect("it is there");
    let path = format!("/api/sources/{}", source["token"].as_str().expect("a token"));
    let schema = format!("{path}/schema?variant=dot");
    let (_, declared) = answer(request(&program, Method::GET, &schema)).await;
    assert!(declared.as_object().expect("an object").len() > 10, "{declared}");
    let change = request(&program, Method::PATCH, &path).json(&json!({"name": "edge"}));
    assert_eq!(answer(change).await.0, 204);

    // Its fields are declared, and events of the new name are checked against them.
    let (_, now) = answer(request(&program, Method::GET, &schema)).await;
    assert_eq!(now, declared);
    let broken = json!([{"event_message": "m", "metadata": {"request": {"headers": {"host": 5}}}}]);
    let event = edge(minutes_ago(9), "/rest/v1/late", 204);
    program.log("edge", &json!([broken[0], event])).await;
    let (_, shown) = answer(request(&program, Method::GET, &path)).await;
    assert_eq!(shown["has_rejected_events"], true);

    // What Studio asks finds it.
    let sql = "select r.status_code as s from edge_logs cross join unnest(metadata) as m \
               cross join unnest(m.response) as r where r.status_code = 204";
    assert_eq!(ask(&program, "logs.all", &[("sql", sql)]).await, [json!({"s": 204})]);
    assert_eq!(ask(&program, "usage.api-requests-count", &[]).await, [json!({"count": 7})]);
    assert_eq!(ask(&program, "usage.api-counts", &[("interval", "1hr")]).await.len(), 2);
    assert!(!ask(&program, "service-health", &[("interval", "1hr")]).await.is_empty());
    let (_, list) = answer(request(&program, Method::GET, "/api/endpoints")).await;
    let all = list.as_array().expect("a list").iter().find(|one| one["name"] == "logs.all");
    let mapping = &all.expect("it is there")["source_mapping"];
    assert_eq!(mapping["cloudflare.logs.prod"], source["token"]);
}
