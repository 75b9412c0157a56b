//! Rules and backends: what is sent on, to whom, and what becomes of it when they are away.

use std::time::Instant;

use end_to_end::{
    http_exchange::{Exchange, Fault, Outcome},
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program, eventually, free_port},
    receiver::{self, Receiver, Reply, messages},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::program;

/// Asks as Studio does; gives status and JSON.
pub(crate) async fn manage(
    program: &Program,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let request = program.client.request(method, program.url(path)).bearer_auth(PRIVATE);
    let request = if body.is_null() { request } else { request.json(&body) };
    let response = request.send().await.expect("it answers");
    let status = response.status();
    let text = response.text().await.expect("the answer is complete");
    (status, if text.is_empty() { Value::Null } else { text.parse().expect(&text) })
}

/// Makes something; gives what was made.
pub(crate) async fn made(program: &Program, path: &str, body: Value) -> Value {
    let (status, made) = manage(program, Method::POST, path, body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{path} {body}: {made}");
    made
}

/// A source of one's own, and its number.
pub(crate) async fn source(program: &Program, name: &str) -> Value {
    made(program, "/api/sources", json!({ "name": name })).await
}

/// A backend that gets all events of a source.
pub(crate) async fn attached(
    program: &Program,
    source: &Value,
    kind: &str,
    config: Value,
) -> Value {
    let body = json!({ "name": kind, "type": kind, "config": config });
    let backend = made(program, "/api/backends", body).await;
    let (source, token) = (&source["token"], &backend["token"]);
    let path = format!("/api/sources/{}/backends/{}", text(source), text(token));
    let with_backend = made(program, &path, Value::Null).await;
    assert!(with_backend["backends"].as_array().is_some_and(|backends| !backends.is_empty()));
    backend
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn event(message: &str) -> Value {
    json!([{ "event_message": message, "project": "default" }])
}

/// A figure of a drain.
pub(crate) async fn figure(program: &Program, name: &str, backend: &Value, more: &str) -> f64 {
    let request = program.client.get(program.url("/metrics")).bearer_auth(PRIVATE);
    let response = request.send().await.expect("it answers");
    let metrics = response.text().await.expect("the answer is complete");
    let start = format!("{name}{{backend=\"{}\"{more}}} ", text(&backend["token"]));
    let found = metrics.lines().find_map(|line| line.strip_prefix(&start));
    found.unwrap_or_else(|| panic!("{start}\n{metrics}")).parse().expect("a number")
}

#[tokio::test]
async fn studios_calls_of_drains_work_in_their_order() {
    let program = program().await;
    let receiver = Receiver::willing().await;
    let list = "/api/backends?metadata%5Btype%5D=log-drain";
    let ask = async |method, path: &str, body| manage(&program, method, path, body).await;
    assert_eq!(ask(Method::GET, list, Value::Null).await, (StatusCode::OK, json!([])));

    let config = json!({
        "url": receiver.url("/hook"), "http": "http1", "gzip": true,
        "headers": { "Authorization": "Bearer of-the-receiver", "x-plain": "seen" },
    });
    let body = json!({
        "name": "mine", "description": "a drain", "type": "webhook", "config": config,
        "metadata": { "type": "log-drain" },
    });
    let backend = made(&program, "/api/backends", body).await;
    assert!(backend["id"].is_number(), "{backend}");
    let other = json!({ "name": "other", "type": "webhook", "config": { "url": "http://h" } });
    made(&program, "/api/backends", other).await;

    let (_, sources) = ask(Method::GET, "/api/sources", Value::Null).await;
    let sources = sources.as_array().expect("an array");
    let postgres = sources.iter().find(|source| source["name"] == "postgres.logs");
    let rule = json!({
        "backend_id": backend["id"], "lql_string": "~\".*?\"",
        "source_id": postgres.expect("it is seeded")["id"],
    });
    made(&program, "/api/rules", rule).await;

    let (status, listed) = ask(Method::GET, list, Value::Null).await;
    assert_eq!((status, listed.as_array().map(Vec::len)), (StatusCode::OK, Some(1)));
    assert_eq!(listed[0], backend);
    let path = format!("/api/backends/{}", text(&backend["token"]));
    let (status, shown) = ask(Method::GET, &path, Value::Null).await;
    assert_eq!((status, &shown), (StatusCode::OK, &backend));
    let headers = json!({ "Authorization": "REDACTED", "x-plain": "REDACTED" });
    assert_eq!(shown["config"]["headers"], headers);
    assert_eq!(shown["metadata"], json!({ "type": "log-drain" }));

    program.log("postgres.logs", &event("drained")).await;
    let requests = receiver.requests(1).await;
    assert_eq!(messages(&requests[0]), ["drained"]);
    assert_eq!(requests[0].line, "POST /hook");
    assert_eq!(requests[0].header("authorization"), "Bearer of-the-receiver");
    assert_eq!(requests[0].header("content-encoding"), "gzip");

    // Studio sends the whole form back, masks too, without metadata.
    let update = json!({
        "name": "renamed", "description": "a drain", "type": "webhook", "config": shown["config"],
    });
    let (status, updated) = ask(Method::PUT, &path, update).await;
    assert_eq!((status, text(&updated["name"])), (StatusCode::OK, "renamed"));
    assert_eq!(updated["metadata"], json!({ "type": "log-drain" }));
    program.log("postgres.logs", &event("again")).await;
    let requests = receiver.requests(2).await;
    assert_eq!(requests[1].header("authorization"), "Bearer of-the-receiver");
    assert_eq!(requests[1].header("x-plain"), "seen");

    let test = format!("{path}/test");
    let tested = ask(Method::POST, &test, Value::Null).await;
    assert_eq!(tested, (StatusCode::OK, json!({ "connected?": true })));
    // Its headers are for the receiver that they were given for.
    let elsewhere = format!("http://127.0.0.1:{}", free_port());
    let (status, refused) =
        ask(Method::PATCH, &path, json!({ "config": { "url": elsewhere } })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&refused["errors"]["config.headers"][0]).contains("given anew"), "{refused}");
    let away = json!({ "config": { "url": elsewhere, "headers": { "Authorization": "new" } } });
    assert_eq!(ask(Method::PATCH, &path, away).await, (StatusCode::NO_CONTENT, Value::Null));
    let (_, tested) = ask(Method::POST, &test, Value::Null).await;
    assert_eq!(tested["connected?"], false);
    assert!(text(&tested["reason"]).contains("refused"), "{tested}");

    assert_eq!(ask(Method::DELETE, &path, Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::GET, &path, Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(Method::GET, "/api/rules", Value::Null).await.1, json!([]));
}

/// The sources whose events Studio's page of log drains sends on.
const DRAINED: [&str; 9] = [
    "cloudflare.logs.prod",
    "deno-relay-logs",
    "deno-subhosting-events",
    "gotrue.logs.prod",
    "pgbouncer.logs.prod",
    "postgrest.logs.prod",
    "postgres.logs",
    "realtime.logs.prod",
    "storage.logs.prod.2",
];

#[tokio::test]
async fn a_drain_that_studio_makes_gets_the_events_of_all_sources() {
    let program = program().await;
    let receiver = Receiver::willing().await;
    let config = json!({ "url": receiver.url("/"), "http": "http1" });
    let body = json!({
        "name": "all", "description": "", "type": "webhook", "config": config,
        "metadata": { "type": "log-drain" },
    });
    let backend = made(&program, "/api/backends", body).await;
    let (_, sources) = manage(&program, Method::GET, "/api/sources", Value::Null).await;
    let sources = sources.as_array().expect("an array").iter();
    let names = sources.filter_map(|source| {
        let name = text(&source["name"]);
        DRAINED.contains(&name.to_lowercase().as_str()).then(|| (name, source["id"].clone()))
    });
    let mut expected = Vec::new();
    for (name, id) in names {
        let rule =
            json!({ "backend_id": backend["id"], "lql_string": "~\".*?\"", "source_id": id });
        made(&program, "/api/rules", rule).await;
        program.log(name, &event(&format!("of {name}"))).await;
        expected.push(format!("of {name}"));
    }
    assert!(expected.len() > 5, "{expected:?}");
    expected.sort_unstable();
    eventually("all come", async || receiver.messages().len() >= expected.len()).await;
    let mut messages = receiver.messages();
    messages.sort_unstable();
    assert_eq!(messages, expected);
}

/// An answer for a golden file, without what is random.
fn golden(method: &Method, path: &str, (status, body): &(StatusCode, Value)) -> String {
    fn steady(value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(steady),
            Value::Object(fields) => {
                for (name, field) in fields {
                    match name.as_str() {
                        "id" | "source_id" | "backend_id" if field.is_number() => {
                            *field = "[number]".into();
                        }
                        "token" | "sink" if field.is_string() => *field = "[uuid]".into(),
                        "inserted_at" | "updated_at" => *field = "[time]".into(),
                        "reason" => *field = "[reason]".into(),
                        _ => steady(field),
                    }
                }
            }
            _ => {}
        }
    }
    let mut body = body.clone();
    steady(&mut body);
    let body = serde_json::to_string_pretty(&body).expect("JSON");
    format!("{method} {path}: {}\n{body}\n", status.as_u16())
}

#[tokio::test]
async fn whole_answers_about_backends_and_rules() {
    let program = program().await;
    let (a, b) = (source(&program, "a").await, source(&program, "b").await);
    let shown = std::cell::RefCell::new(String::new());
    // `of` is how a path is written that holds a token.
    let ask = async |method: Method, path: &str, of: &str, body: Value| {
        let answer = manage(&program, method.clone(), path, body).await;
        shown.borrow_mut().push_str(&golden(&method, of, &answer));
        answer.1
    };
    let nothing = Value::Null;
    let list = "/api/backends";
    let backend = json!({
        "name": "mine", "description": "d", "type": "webhook", "metadata": { "type": "log-drain" },
        "config": {
            "url": "http://u:secret@127.0.0.1:9/hook?key=secret&version=2", "http": "http1",
            "headers": { "Authorization": "secret", "accept": "*/*" },
        },
    });
    let backend = ask(Method::POST, list, list, backend).await;
    let wrong = json!({ "type": "loki", "config": { "url": "x", "username": "u" } });
    ask(Method::POST, list, list, wrong).await;
    ask(Method::GET, list, list, nothing.clone()).await;
    let (path, of) = (format!("{list}/{}", text(&backend["token"])), "/api/backends/{token}");
    ask(Method::GET, &path, of, nothing.clone()).await;
    ask(Method::PUT, &path, of, json!({ "name": "renamed", "config": { "gzip": false } })).await;
    ask(Method::PATCH, &path, of, json!({ "description": null })).await;
    ask(Method::PATCH, &path, of, json!({ "config": { "url": "http://127.0.0.2:9/" } })).await;
    ask(Method::POST, &format!("{path}/test"), "/api/backends/{token}/test", nothing.clone()).await;

    let list = "/api/rules";
    let rule = json!({ "source_id": a["id"], "lql_string": "error", "backend_id": backend["id"] });
    let rule = ask(Method::POST, list, list, rule).await;
    let good = json!({ "source_id": a["id"], "lql_string": "m.level:error", "sink": b["token"] });
    let wrong = json!({ "source_id": a["id"], "lql_string": "a OR b", "sink": b["token"] });
    ask(Method::POST, list, list, json!([good, good])).await;
    ask(Method::POST, list, list, json!([good, wrong])).await;
    ask(Method::POST, list, list, wrong).await;
    let of_nothing = "/api/rules?backend_id=x";
    ask(Method::GET, of_nothing, of_nothing, nothing.clone()).await;
    let of_backend = format!("{list}?backend_token={}", text(&backend["token"]));
    ask(Method::GET, &of_backend, "/api/rules?backend_token={token}", nothing.clone()).await;
    let (rule_path, of_rule) = (format!("{list}/{}", text(&rule["token"])), "/api/rules/{token}");
    ask(Method::GET, &rule_path, of_rule, nothing.clone()).await;
    ask(Method::PUT, &rule_path, of_rule, json!({ "lql_string": "warning" })).await;
    ask(Method::PATCH, &rule_path, of_rule, json!({ "lql_string": "notice" })).await;
    for (path, of) in [(&rule_path, of_rule), (&path, of)] {
        ask(Method::DELETE, path, of, nothing.clone()).await;
        ask(Method::DELETE, path, of, nothing.clone()).await;
        ask(Method::GET, path, of, nothing.clone()).await;
    }
    let shown = shown.into_inner();
    assert!(!shown.contains("secret"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn configs_are_checked_setting_by_setting() {
    let program = program().await;
    for (body, field, said) in [
        (json!({}), "name", "can't be blank"),
        (json!({}), "config", "can't be blank"),
        (json!({"type": "webhook", "name": "a", "config": {}}), "config.url", "can't be blank"),
        (json!({"type": "loki", "config": {"url": "x"}}), "config.url", "is no URL"),
        (
            json!({"type": "postgres", "config": {}}),
            "config.url",
            "can't be blank where hostname is",
        ),
        (
            json!({"type": "postgres", "config": {"url": "postgresql://h/d?hostaddr=192.0.2.1"}}),
            "config.url",
            "has the parameter hostaddr; understood are application_name, host",
        ),
        (
            json!({"type": "sentry", "config": {"dsn": "http://h"}}),
            "config.dsn",
            "KEY@HOST/PROJECT",
        ),
        (json!({"type": "bigquery", "config": {}}), "type", "webhook, loki"),
        (json!({"type": "incidentio", "config": {}}), "type", "is not built yet"),
        (json!({"type": "nonsense", "config": {}}), "type", "is unknown"),
    ] {
        let (status, answer) = manage(&program, Method::POST, "/api/backends", body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {answer}");
        let texts = answer["errors"][field].to_string();
        assert!(texts.contains(said), "{body}: {answer}");
    }
    let (_, none) = manage(&program, Method::GET, "/api/backends", Value::Null).await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn rules_are_managed_and_their_lql_is_checked() {
    let program = program().await;
    let (a, b) = (source(&program, "a").await, source(&program, "b").await);
    let backend = json!({ "name": "w", "type": "webhook", "config": { "url": "http://h" } });
    let backend = made(&program, "/api/backends", backend).await;
    let ask = async |method, path: &str, body| manage(&program, method, path, body).await;
    let post = async |body| manage(&program, Method::POST, "/api/rules", body).await;

    let rule = json!({ "source_id": a["id"], "lql_string": "error", "backend_id": backend["id"] });
    let (status, rule) = post(rule).await;
    assert_eq!(status, StatusCode::CREATED, "{rule}");
    let fields = ["token", "id", "source_id", "lql_string", "backend_id", "sink"];
    assert!(fields.iter().all(|field| rule.get(field).is_some()), "{rule}");

    for (body, field, said) in [
        (
            json!({"source_id": a["id"], "lql_string": "m.a:\"x", "sink": b["token"]}),
            "lql_string",
            "at [1:",
        ),
        (json!({"source_id": a["id"], "lql_string": "x"}), "backend_id", "can't be blank"),
        (json!({"source_id": a["id"], "lql_string": "x", "sink": a["token"]}), "sink", "another"),
        (json!({"lql_string": "x", "sink": a["token"]}), "source_id", "can't be blank"),
    ] {
        let (status, answer) = post(body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {answer}");
        assert!(answer["errors"][field].to_string().contains(said), "{body}: {answer}");
    }
    for body in [
        json!({"source_id": 9_999_999, "lql_string": "x", "sink": a["token"]}),
        json!({"source_id": a["id"], "lql_string": "x", "backend_id": 9_999_999}),
    ] {
        assert_eq!(post(body).await.0, StatusCode::NOT_FOUND);
    }

    let good = json!({ "source_id": a["id"], "lql_string": "x", "sink": b["token"] });
    let (status, whole) = post(json!([good, good])).await;
    assert_eq!((status, &whole["errors"]), (StatusCode::CREATED, &json!([])));
    let bad = json!({ "source_id": a["id"], "lql_string": "a OR b", "sink": b["token"] });
    let foreign = json!({ "source_id": 9_999_999, "lql_string": "x", "sink": b["token"] });
    let (status, part) = post(json!([good, bad, foreign])).await;
    assert_eq!(
        (status, part["results"].as_array().map(Vec::len)),
        (StatusCode::BAD_REQUEST, Some(1))
    );
    assert_eq!(part["errors"][1], "Unauthorized");
    assert!(text(&part["errors"][0]).starts_with("lql_string LQL has no OR"), "{part}");

    let count = async |path: &str| {
        let (status, listed) = ask(Method::GET, path, Value::Null).await;
        (status, listed.as_array().map(Vec::len))
    };
    assert_eq!(count("/api/rules").await, (StatusCode::OK, Some(4)));
    let of_backend = format!("/api/rules?backend_id={}", backend["id"]);
    assert_eq!(count(&of_backend).await, (StatusCode::OK, Some(1)));
    let of_backend = format!("/api/rules?backend_token={}", text(&backend["token"]));
    assert_eq!(count(&of_backend).await, (StatusCode::OK, Some(1)));
    assert_eq!(count("/api/rules?backend_id=9999").await.0, StatusCode::NOT_FOUND);

    let path = format!("/api/rules/{}", text(&rule["token"]));
    let (status, updated) = ask(Method::PUT, &path, json!({ "lql_string": "warning" })).await;
    assert_eq!((status, &updated["lql_string"]), (StatusCode::OK, &json!("warning")));
    assert_eq!(updated["backend_id"], backend["id"]);
    let (status, _) = ask(Method::PATCH, &path, json!({ "lql_string": "\"open" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ask(Method::DELETE, &path, Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::DELETE, &path, Value::Null).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_receiver_gets_its_own_form() {
    let program = program().await;
    let app = source(&program, "app").await;
    let elastic = |_: &receiver::Received, _| {
        Reply::status(200).body(json!({ "errors": false, "items": [] }).to_string())
    };
    let clickhouse = |_: &receiver::Received, before| match before {
        0 => Reply::status(404).body("Code: 60. DB::Exception: no such table. (UNKNOWN_TABLE)"),
        _ => Reply::status(200),
    };
    let receivers = [
        ("loki", Receiver::willing().await),
        ("otlp", Receiver::willing().await),
        ("s3", Receiver::willing().await),
        ("clickhouse", Receiver::start(clickhouse).await),
        ("elastic", Receiver::start(elastic).await),
        ("datadog", Receiver::willing().await),
        ("axiom", Receiver::willing().await),
        ("sentry", Receiver::willing().await),
    ];
    for (kind, receiver) in &receivers {
        let config = match *kind {
            "loki" => json!({ "url": receiver.url("/loki/api/v1/push"), "username": "u",
                "password": "secret-of-loki", "labels": { "env": "test" } }),
            "otlp" => json!({ "endpoint": receiver.url(""), "protocol": "http/json",
                "headers": { "x-api-key": "secret-of-otlp" } }),
            "s3" => json!({ "endpoint": receiver.url(""), "s3_bucket": "logs",
                "storage_region": "r", "access_key_id": "AK", "batch_timeout": 100,
                "secret_access_key": "secret-of-s3" }),
            "clickhouse" => json!({ "url": receiver.url(""), "port": 1, "database": "d",
                "username": "u", "password": "secret-of-clickhouse" }),
            "elastic" => json!({ "url": receiver.url(""), "api_key": "secret-of-elastic" }),
            "datadog" => json!({ "url": receiver.url("/api/v2/logs"), "region": "EU",
                "api_key": "secret-of-datadog" }),
            "sentry" => {
                json!({ "dsn": receiver.url("/7").replace("://", "://secret-of-sentry@") })
            }
            _ => json!({ "domain": receiver.url(""), "dataset_name": "set",
                "api_token": "secret-of-axiom" }),
        };
        let backend = attached(&program, &app, kind, config).await;
        assert!(!backend.to_string().contains("secret-of"), "{backend}");
    }
    let events = json!([{ "id": "e-1", "event_message": "hello", "timestamp": 1_795_495_200_000_000_i64,
        "metadata": { "level": "error" } }]);
    program.log("app", &events).await;
    for (kind, receiver) in &receivers {
        let first = receiver.requests(if *kind == "clickhouse" { 3 } else { 1 }).await.remove(0);
        assert!(first.text().contains("e-1"), "{first:?}");
        let (line, header, value) = match *kind {
            "loki" => ("POST /loki/api/v1/push", "authorization", "Basic dTpzZWNyZXQtb2YtbG9raQ=="),
            "otlp" => ("POST /v1/logs", "x-api-key", "secret-of-otlp"),
            "s3" => ("PUT /logs/app/2026-11-24/04-40-00-", "content-type", "application/gzip"),
            "clickhouse" => {
                ("POST /?query=INSERT+INTO", "x-clickhouse-key", "secret-of-clickhouse")
            }
            "elastic" => ("POST /_bulk", "authorization", "ApiKey secret-of-elastic"),
            "datadog" => ("POST /api/v2/logs", "dd-api-key", "secret-of-datadog"),
            "sentry" => (
                "POST /api/7/envelope/",
                "x-sentry-auth",
                "Sentry sentry_version=7, sentry_client=logweir/0.1.0, sentry_key=secret-of-sentry",
            ),
            _ => ("POST /v1/datasets/set/ingest", "authorization", "Bearer secret-of-axiom"),
        };
        assert!(first.line.starts_with(line), "{kind}: {first:?}");
        assert_eq!(first.header(header), value, "{kind}");
        match *kind {
            "loki" => {
                let stream = &first.json()["streams"][0];
                let labels = json!({ "source": "supabase", "service": "app", "env": "test" });
                assert_eq!(stream["stream"], labels);
                assert_eq!(stream["values"][0][0], "1795495200000000000");
                assert_eq!(stream["values"][0][1], "hello");
            }
            "clickhouse" => {
                let all = receiver.received();
                assert!(all[1].text().starts_with("CREATE TABLE IF NOT EXISTS `d`"), "{all:?}");
                assert_eq!(all[2].body, first.body);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn rules_forward_what_matches_once_to_each_place() {
    let program = program().await;
    let (from, to) = (source(&program, "from").await, source(&program, "to").await);
    let receiver = Receiver::willing().await;
    let config = json!({ "url": receiver.url("/"), "http": "http1" });
    let backend = attached(&program, &from, "webhook", config).await;
    for lql in ["m.level:error", "boom"] {
        let rule = json!({
            "source_id": from["id"], "lql_string": lql, "sink": to["token"],
            "backend_id": backend["id"],
        });
        made(&program, "/api/rules", rule).await;
    }
    // Back again would be a circle: what was forwarded is not forwarded again.
    let back = json!({ "source_id": to["id"], "lql_string": "boom", "sink": from["token"] });
    made(&program, "/api/rules", back).await;
    let events = json!([
        { "id": "1", "event_message": "boom", "metadata": { "level": "error" } },
        { "id": "2", "event_message": "quiet", "metadata": { "level": "info" } },
        { "id": "3", "event_message": "quiet", "metadata": { "level": "error" } },
    ]);
    program.log("from", &events).await;
    assert_eq!(ids(&program, &from).await, ["1", "2", "3"]);
    assert_eq!(ids(&program, &to).await, ["1", "3"]);
    receiver.requests(1).await;
    assert_eq!(receiver.messages(), ["boom", "quiet", "quiet"]);
}

#[tokio::test]
async fn what_rules_store_is_counted_and_teaches_no_locked_schema() {
    let program = program().await;
    let (from, to) = (source(&program, "from").await, source(&program, "to").await);
    let path = |source: &Value| format!("/api/sources/{}", text(&source["token"]));
    let lock = json!({ "lock_schema": true });
    let (status, _) = manage(&program, Method::PATCH, &path(&to), lock).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let rule =
        json!({ "source_id": from["id"], "lql_string": "m.colour:red", "sink": to["token"] });
    made(&program, "/api/rules", rule).await;
    let events = json!([
        { "event_message": "one", "metadata": { "colour": "red" } },
        { "event_message": "two", "metadata": { "colour": "blue" } },
    ]);
    program.log("from", &events).await;
    let shown = async |source: &Value, more: &str| {
        manage(&program, Method::GET, &format!("{}{more}", path(source)), Value::Null).await.1
    };
    eventually("the sink counts it", async || shown(&to, "").await["metrics"]["inserts"] == 1)
        .await;
    let has_colour = async |source: &Value| {
        shown(source, "/schema?variant=dot").await.to_string().contains("metadata.colour")
    };
    eventually("the source learns", async || has_colour(&from).await).await;
    assert!(!has_colour(&to).await);
}

#[tokio::test]
async fn default_backends_get_all_of_sources_that_want_so() {
    let program = program().await;
    let receiver = Receiver::willing().await;
    let backend = json!({
        "name": "w", "type": "webhook", "default_ingest?": true,
        "config": { "url": receiver.url("/"), "http": "http1" },
    });
    let backend = made(&program, "/api/backends", backend).await;
    assert_eq!(backend["default_ingest?"], true);
    source(&program, "without").await;
    let with = json!({ "name": "with", "default_ingest_backend_enabled?": true });
    made(&program, "/api/sources", with).await;
    program.log("without", &event("not sent on")).await;
    program.log("with", &event("sent on")).await;
    receiver.requests(1).await;
    assert_eq!(receiver.messages(), ["sent on"]);
}

#[tokio::test]
async fn what_is_sent_again_is_forwarded_once() {
    let program = program().await;
    let (from, to) = (source(&program, "from").await, source(&program, "to").await);
    let rule = json!({ "source_id": from["id"], "lql_string": "event", "sink": to["token"] });
    made(&program, "/api/rules", rule).await;
    let mut exchange = Exchange::with(program.address());
    for number in 0..20 {
        let body = event(&format!("event {number}")).to_string();
        let head = format!(
            "POST /api/logs?source_name=from HTTP/1.1\r\nhost: x\r\nx-api-key: {PUBLIC}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        for fault in [Fault::LeaveAnswer, Fault::ResetAnswer, Fault::CutAnswer] {
            let outcome = exchange.send(&head, body.as_bytes(), Some(fault)).await;
            assert_eq!(outcome, Outcome::Undelivered);
        }
        let outcome = exchange.send(&head, body.as_bytes(), None).await;
        assert_eq!(outcome, Outcome::Answered(200));
    }
    assert_eq!(ids(&program, &from).await.len(), 20);
    assert_eq!(ids(&program, &to).await.len(), 20);
}

#[tokio::test]
async fn a_queue_that_is_full_drops_what_comes_and_ingest_goes_on() {
    let database = TestCluster::shared().database().await;
    let settings =
        [("POSTGRES_BACKEND_URL", database.as_str()), ("LOGWEIR_DRAIN_MAX_BYTES", "1048576")];
    let program = Program::start(&["serve"], &settings);
    program.ready().await;
    let app = source(&program, "app").await;
    let port = free_port();
    let config = json!({ "url": format!("http://127.0.0.1:{port}/"), "http": "http1" });
    let backend = attached(&program, &app, "webhook", config).await;
    for _ in 0..20 {
        program.log("app", &event(&"x".repeat(100_000))).await;
    }
    let dropped =
        figure(&program, "logweir_drain_events_dropped_total", &backend, ",reason=\"full\"").await;
    let waiting = figure(&program, "logweir_drain_queue_records", &backend, "").await;
    assert!(dropped > 5.0 && waiting > 5.0, "{dropped} {waiting}");
    assert_eq!(dropped + waiting, 20.0);
    // What was kept is sent, and then there is room again.
    let receiver = Receiver::start_at(port, |_, _| Reply::status(200)).await;
    eventually("all come", async || receiver.messages().len() as f64 == waiting).await;
    program.log("app", &event("after")).await;
    eventually("it comes", async || receiver.messages().last().is_some_and(|m| m == "after")).await;
}

/// The ids of a source's events, in order.
pub(crate) async fn ids(program: &Program, source: &Value) -> Vec<String> {
    let table = format!("log_events_{}", text(&source["token"]).replace('-', "_"));
    let mut database = sqlx::PgConnection::connect(program.database()).await.expect("it is there");
    let sql = sqlx::AssertSqlSafe(format!("select id from {table} order by id"));
    sqlx::query_scalar(sql).fetch_all(&mut database).await.expect("the table is there")
}

#[tokio::test]
async fn an_event_that_is_refused_costs_no_other() {
    let program = program().await;
    let app = source(&program, "app").await;
    let picky = Receiver::start(|received, _| {
        let is_bad = received.text().contains("poison");
        if is_bad { Reply::status(400).body("no poison here") } else { Reply::status(200) }
    })
    .await;
    let config = json!({ "url": picky.url("/"), "http": "http1" });
    let backend = attached(&program, &app, "webhook", config).await;
    let events: Vec<_> = (0..20)
        .map(|number| match number {
            7 => json!({ "event_message": "poison" }),
            _ => json!({ "event_message": format!("event {number:02}") }),
        })
        .collect();
    program.log("app", &json!(events)).await;
    eventually("all are dealt with", async || {
        let dropped = ",reason=\"refused\"";
        let name = "logweir_drain_events_dropped_total";
        figure(&program, name, &backend, dropped).await == 1.0
            && figure(&program, "logweir_drain_events_delivered_total", &backend, "").await == 19.0
    })
    .await;
    let taken = picky.received().into_iter().filter(|one| !one.text().contains("poison"));
    let taken: Vec<_> = taken.flat_map(|one| messages(&one)).collect();
    let expected: Vec<_> =
        (0..20).filter(|n| *n != 7).map(|number| format!("event {number:02}")).collect();
    assert_eq!(taken, expected);
}

#[tokio::test]
async fn a_receiver_that_refuses_everything_costs_no_event_and_few_requests() {
    let program = program().await;
    let app = source(&program, "app").await;
    let wrong = Receiver::start(|_, _| Reply::status(400).body("not here")).await;
    let config = json!({ "url": wrong.url("/"), "http": "http1" });
    let backend = attached(&program, &app, "webhook", config).await;
    let expected: Vec<_> = (0..200).map(|number| format!("event {number:03}")).collect();
    let events: Vec<_> =
        expected.iter().map(|message| json!({ "event_message": message })).collect();
    program.log("app", &json!(events)).await;
    eventually("it is given a rest", async || {
        figure(&program, "logweir_drain_requests_retried_total", &backend, "").await >= 1.0
    })
    .await;
    let requests = wrong.received().len();
    assert!(requests < 160, "{requests} requests for 200 events");
    let right = Receiver::start(|_, _| Reply::status(200)).await;
    let path = format!("/api/backends/{}", text(&backend["token"]));
    let update = json!({ "config": { "url": right.url("/") } });
    assert_eq!(manage(&program, Method::PUT, &path, update).await.0, StatusCode::OK);
    eventually("all come", async || right.messages().len() >= expected.len()).await;
    assert_eq!(right.messages(), expected);
    let dropped = ",reason=\"refused\"";
    let name = "logweir_drain_events_dropped_total";
    assert_eq!(figure(&program, name, &backend, dropped).await, 0.0);
}

#[tokio::test]
async fn what_waits_for_a_receiver_survives_a_kill() {
    let mut program = program().await;
    let app = source(&program, "app").await;
    let port = free_port();
    let config = json!({ "url": format!("http://127.0.0.1:{port}/"), "http": "http1" });
    attached(&program, &app, "webhook", config).await;
    let expected: Vec<_> = (0..30).map(|number| format!("event {number:02}")).collect();
    for message in &expected {
        program.log("app", &event(message)).await;
    }
    program.kill();
    let receiver = Receiver::start_at(port, |_, _| Reply::status(200)).await;
    assert_eq!(receiver.received().len(), 0);
    program.restart();
    eventually("all come", async || receiver.messages().len() >= expected.len()).await;
    assert_eq!(receiver.messages(), expected);
}

#[tokio::test]
async fn what_waits_goes_only_with_a_backend_that_somebody_removed() {
    let database = TestCluster::shared().database().await;
    let log = std::env::temp_dir().join(format!("logweir-drains-{}.log", std::process::id()));
    let settings = [("POSTGRES_BACKEND_URL", database.as_str())];
    let program = Program::start_with_log(&["serve"], &settings, &log);
    program.ready().await;
    let said = async |text: &str| {
        eventually(text, async || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains(text))
        })
        .await;
    };
    let app = source(&program, "app").await;
    let port = free_port();
    let config = json!({ "url": format!("http://127.0.0.1:{port}/"), "http": "http1" });
    let backend = attached(&program, &app, "webhook", config).await;
    program.log("app", &event("waits")).await;
    // As with a catalog that was restored from a time before the backend.
    let mut postgres = sqlx::PgConnection::connect(&database).await.expect("it is there");
    let vanish =
        "create table kept as select * from logweir_backends; delete from logweir_backends";
    sqlx::raw_sql(vanish).execute(&mut postgres).await.expect("it vanishes");
    source(&program, "reload").await;
    said("its events wait for it here").await;
    let come_back = "insert into logweir_backends overriding system value select * from kept";
    sqlx::raw_sql(come_back).execute(&mut postgres).await.expect("it comes back");
    let receiver = Receiver::start_at(port, |_, _| Reply::status(200)).await;
    source(&program, "reload again").await;
    eventually("it comes", async || receiver.messages() == ["waits"]).await;
    // Its attachment has vanished with it.
    drop(receiver);
    let path = format!("/api/sources/{}/backends/{}", text(&app["token"]), text(&backend["token"]));
    made(&program, &path, Value::Null).await;
    program.log("app", &event("also waits")).await;
    let path = format!("/api/backends/{}", text(&backend["token"]));
    let (status, _) = manage(&program, Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    said("the backend was removed").await;
    std::fs::remove_file(&log).expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_backend_goes_that_was_removed_while_the_program_was_not_running() {
    let database = TestCluster::shared().database().await;
    let folder = std::env::temp_dir().join(format!("logweir-removed-{}", std::process::id()));
    let data = folder.to_str().expect("UTF-8");
    let settings = [("POSTGRES_BACKEND_URL", database.as_str()), ("LOGWEIR_DATA_DIR", data)];
    let mut program = Program::start(&["serve"], &settings);
    program.ready().await;
    let app = source(&program, "app").await;
    let away = json!({ "url": format!("http://127.0.0.1:{}/", free_port()), "http": "http1" });
    let removed = attached(&program, &app, "webhook", away.clone()).await;
    let kept = attached(&program, &app, "webhook", away).await;
    program.log("app", &event("waits")).await;
    let queue = |backend: &Value| folder.join("drains").join(text(&backend["token"]));
    let stranger = folder.join("drains").join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&stranger).expect("it can be made");
    assert!(queue(&removed).exists() && queue(&kept).exists());
    program.kill();
    {
        let other = Program::start(&["serve"], &settings[..1]);
        other.ready().await;
        let path = format!("/api/backends/{}", text(&removed["token"]));
        let (status, _) = manage(&other, Method::DELETE, &path, Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    program.restart();
    program.ready().await;
    eventually("its folder goes", async || !queue(&removed).exists()).await;
    // Of these nobody has said that they are removed.
    assert!(queue(&kept).exists() && stranger.exists());
    drop(program);
    std::fs::remove_dir_all(&folder).expect("it is there");
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "/////wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test]
async fn secrets_are_nowhere_in_clear_and_keys_can_be_changed() {
    let url = TestCluster::shared().database().await;
    let start = async |settings: &[(&str, &str)]| {
        let mut all = vec![("POSTGRES_BACKEND_URL", url.as_str())];
        all.extend_from_slice(settings);
        let program = Program::start(&["serve"], &all);
        program.ready().await;
        program
    };
    let shown = async |program: &Program, path: &str| {
        manage(program, Method::GET, path, Value::Null).await.1
    };
    let path;
    {
        let program = start(&[("LOGFLARE_DB_ENCRYPTION_KEY", KEY)]).await;
        let config = json!({ "region": "EU", "api_key": "the-secret-key" });
        let body = json!({ "name": "d", "type": "datadog", "config": config });
        let backend = made(&program, "/api/backends", body).await;
        assert_eq!(backend["config"]["api_key"], "REDACTED");
        path = format!("/api/backends/{}", text(&backend["token"]));
        let update = json!({ "config": { "region": "US5" } });
        assert_eq!(manage(&program, Method::PUT, &path, update).await.0, StatusCode::OK);
    }
    let mut database = sqlx::PgConnection::connect(&url).await.expect("it is there");
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables \
         where table_schema = current_schema() and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut database)
    .await
    .expect("tables can be listed");
    assert!(tables.iter().any(|table| table == "logweir_backends"), "{tables:?}");
    for table in tables {
        let sql = format!("select t::text from {table} t");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut database)
            .await
            .expect("a table can be read");
        for row in rows {
            let in_clear = row.contains("the-secret-key");
            // `bytea` is shown in hexadecimal digits.
            let in_bytes = row.contains("7468652d7365637265742d6b6579");
            assert!(!in_clear && !in_bytes, "{table}: {row}");
        }
    }

    // Another key opens nothing, and hinders nothing else.
    {
        let program = start(&[("LOGFLARE_DB_ENCRYPTION_KEY", OTHER_KEY)]).await;
        let shown = shown(&program, &path).await;
        assert!(text(&shown["error"]).contains("LOGFLARE_DB_ENCRYPTION_KEY"), "{shown}");
        assert_eq!(shown["config"], json!({}));
        program.log("postgres.logs", &event("goes on")).await;
    }
    let retired = ("LOGFLARE_DB_ENCRYPTION_KEY_RETIRED", KEY);
    drop(start(&[("LOGFLARE_DB_ENCRYPTION_KEY", OTHER_KEY), retired]).await);
    // It was encrypted anew.
    let program = start(&[("LOGFLARE_DB_ENCRYPTION_KEY", OTHER_KEY)]).await;
    let shown = shown(&program, &path).await;
    assert_eq!(shown["config"], json!({ "api_key": "REDACTED", "region": "US5" }));
}

#[tokio::test]
async fn a_backend_made_on_one_process_is_used_by_another_at_once() {
    let url = TestCluster::shared().database().await;
    let settings = [("POSTGRES_BACKEND_URL", url.as_str()), ("LOGFLARE_DB_ENCRYPTION_KEY", KEY)];
    let sidecar = Program::start(&["sidecar"], &settings);
    let sink = Program::start(&["sink"], &settings);
    sidecar.ready().await;
    sink.ready().await;
    let app = source(&sidecar, "app").await;
    let receiver = Receiver::willing().await;
    let config = json!({ "url": receiver.url("/"), "http": "http1" });
    attached(&sidecar, &app, "webhook", config).await;
    // The sink hears of it; until then it does not know the source either.
    eventually("the sink knows it", async || {
        let sent = sink.ingest("app", event("one").to_string()).send().await.expect("it answers");
        sent.status() == StatusCode::OK
    })
    .await;
    let start = Instant::now();
    eventually("it arrives", async || {
        sink.log("app", &event("more")).await;
        !receiver.messages().is_empty()
    })
    .await;
    println!("the other process had the drain after {:?}", start.elapsed());
}
