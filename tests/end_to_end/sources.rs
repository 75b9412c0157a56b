//! Sources as people manage them, and what their settings make of events.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{SystemTime, UNIX_EPOCH},
};

use event_schemas::{Event, EventSchema, sample_events};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use end_to_end::{
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program, eventually},
};

const NOBODY: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// Status and body of an answer; null for none.
async fn call_as(
    program: &Program,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> (u16, Value) {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = program.client.request(method, program.url(path));
    if let Some(token) = token {
        request = request.header("x-api-key", token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    let response = request.send().await.expect("it answers");
    let status = response.status().as_u16();
    let text = response.text().await.expect("the answer is complete");
    let body =
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    (status, body)
}

async fn call(program: &Program, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let body = body.map(|body| body.to_string());
    call_as(program, Some(PRIVATE), method, path, body.as_deref()).await
}

/// Makes a source; gives its path.
async fn made(program: &Program, fields: Value) -> String {
    let (status, source) = call(program, "POST", "/api/sources", Some(fields)).await;
    assert_eq!(status, 201, "{source}");
    format!("/api/sources/{}", source["token"].as_str().expect("a token"))
}

async fn found(program: &Program, path: &str) -> Value {
    let (status, body) = call(program, "GET", path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// The latest events, without what is random.
async fn recent(program: &Program, path: &str) -> Vec<Value> {
    let body = found(program, &format!("{path}/recent")).await;
    let mut events = body.as_array().expect("a list").clone();
    for event in &mut events {
        let fields = event.as_object_mut().expect("an object");
        assert!(fields.remove("id").is_some() && fields.remove("timestamp").is_some());
    }
    events
}

/// Microseconds since 1970, so many days ago.
fn days_ago(days: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    u64::try_from(now.as_micros()).expect("a time") - days * 86_400_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_made_shown_changed_and_removed() {
    let program = crate::program().await;
    let (status, created) =
        call(&program, "POST", "/api/sources", Some(json!({"name": " own "}))).await;
    assert_eq!(status, 201);
    let path = format!("/api/sources/{}", created["token"].as_str().expect("a token"));
    assert_eq!(found(&program, &path).await, created);
    let mut golden = created.clone();
    assert_eq!(
        golden["bq_table_id"].as_str(),
        Some(&*created["token"].as_str().unwrap_or_default().replace('-', "_"))
    );
    for (field, stands_for) in [
        ("id", "[number]"),
        ("token", "[uuid]"),
        ("bq_table_id", "[uuid]"),
        ("inserted_at", "[time]"),
        ("updated_at", "[time]"),
    ] {
        golden[field] = json!(stands_for);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&golden).expect("JSON"));

    // It takes events at once.
    program.log("own", &json!([{"event_message": "m"}])).await;
    assert_eq!(recent(&program, &path).await, [json!({"event_message": "m"})]);

    let (status, changed) =
        call(&program, "PUT", &path, Some(json!({"description": "d", "favorite": true}))).await;
    assert_eq!((status, &changed["description"]), (201, &json!("d")));
    assert_eq!((&changed["name"], &changed["token"]), (&json!("own"), &created["token"]));
    let fields = json!({
        "name": "renamed", "labels": "a=b", "api_quota": 7, "notifications_every": 60_000,
        "notifications": {"user_email_notifications": true}, "token": NOBODY, "id": 99,
        "custom_event_message_keys": "id, m.level", "suggested_keys": "m.level",
    });
    assert_eq!(call(&program, "PATCH", &path, Some(fields)).await, (204, Value::Null));
    let now = found(&program, &path).await;
    for (field, value) in [
        ("name", json!("renamed")),
        ("description", json!("d")),
        ("labels", json!("a=b")),
        ("api_quota", json!(7)),
        ("notifications_every", json!(60_000)),
        ("token", created["token"].clone()),
        ("id", created["id"].clone()),
    ] {
        assert_eq!(now[field], value, "{field}");
    }
    assert_eq!(now["notifications"][0]["user_email_notifications"], true);
    assert_eq!(now["notifications"][0]["user_text_notifications"], false);
    // What is shown can be given back.
    assert_eq!(call(&program, "PUT", &path, Some(now.clone())).await.0, 201);
    // null brings the default back.
    let fields = json!({"api_quota": null, "labels": "", "notifications": []});
    assert_eq!(call(&program, "PATCH", &path, Some(fields)).await.0, 204);
    let now = found(&program, &path).await;
    assert_eq!((&now["api_quota"], &now["labels"]), (&json!(25), &Value::Null));

    // Favourites first, then by name.
    let listed = found(&program, "/api/sources").await;
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names.len(), 10);
    assert_eq!((names[0], names[1]), (&json!("renamed"), &json!("cloudflare.logs.prod")));
    assert_eq!(listed[0], found(&program, &path).await);
    program.log("renamed", &json!([{"event_message": "n"}])).await;
    let refused = program.ingest("own", r#"[{"a":1}]"#).send().await.expect("it answers");
    assert_eq!(refused.status(), 401);

    assert_eq!(call(&program, "DELETE", &path, None).await, (204, Value::Null));
    let gone = (404, json!({"error": "Not Found"}));
    for (method, body) in
        [("GET", None), ("DELETE", None), ("PUT", Some(json!({}))), ("PATCH", Some(json!({})))]
    {
        assert_eq!(call(&program, method, &path, body).await, gone, "{method}");
    }
    let refused = program.ingest("renamed", r#"[{"a":1}]"#).send().await.expect("it answers");
    assert_eq!(refused.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why() {
    let program = crate::program().await;
    let path = made(&program, json!({"name": "own"})).await;
    let unauthorised = (401, json!({"error": "Unauthorized"}));
    let not_found = (404, json!({"error": "Not Found"}));
    for (method, end) in [
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/schema"),
        ("GET", "/recent"),
    ] {
        let body = ["PUT", "PATCH"].contains(&method).then_some("{}");
        let own = format!("{path}{end}");
        for token in [None, Some(PUBLIC), Some("wrong")] {
            let answer = call_as(&program, token, method, &own, body).await;
            assert_eq!(answer, unauthorised, "{method} {end}");
        }
        for token in [NOBODY, "own", "1"] {
            let unknown = format!("/api/sources/{token}{end}");
            let answer = call_as(&program, Some(PRIVATE), method, &unknown, body).await;
            assert_eq!(answer, not_found, "{method} {end}");
        }
    }
    for method in ["GET", "POST"] {
        let body = (method == "POST").then_some(r#"{"name":"x"}"#);
        let answer = call_as(&program, Some(PUBLIC), method, "/api/sources", body).await;
        assert_eq!(answer, unauthorised, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_source_is_told_by_field() {
    let program = crate::program().await;
    let path = made(&program, json!({"name": "own"})).await;
    let taken = "has already been taken";
    let token = path.rsplit('/').next().unwrap_or_default();
    for (fields, expected) in [
        (json!({}), json!({"name": ["can't be blank"]})),
        (json!({"name": " "}), json!({"name": ["can't be blank"]})),
        (json!({"name": "own"}), json!({"name": [taken]})),
        (json!({"name": "x", "token": token}), json!({"token": [taken]})),
        (
            json!({"name": "x", "retention_days": 0, "labels": "a"}),
            json!({
                "retention_days": ["must be greater than or equal to 1"],
                "labels": ["each label must be in key=value format"],
            }),
        ),
        (
            json!({
                "name": 5, "token": "x", "favorite": "maybe", "retention_days": 0,
                "api_quota": -1, "bq_table_schema": "x", "notifications": [{"user_email_notifications": 5}],
            }),
            json!({
                "name": ["is invalid"], "token": ["is invalid"], "favorite": ["is invalid"],
                "retention_days": ["must be greater than or equal to 1"],
                "api_quota": ["must be greater than or equal to 0"],
                "bq_table_schema": ["is invalid"],
                "notifications": ["user_email_notifications is invalid"],
            }),
        ),
        (
            json!({"name": "x", "notifications": [{}, {}]}),
            json!({"notifications": ["should have at most 1 item(s)"]}),
        ),
        (
            json!({
                "name": "x", "labels": "a", "transform_drop_fields": "id\nm.a",
                "transform_copy_fields": "a", "drop_lql_string": "m.a:>",
                "webhook_notification_url": "x", "slack_hook_url": "file:///etc/passwd",
                "custom_event_message_keys": "id,,$.[",
            }),
            Value::Null,
        ),
    ] {
        let (status, body) = call(&program, "POST", "/api/sources", Some(fields.clone())).await;
        assert_eq!(status, 422, "{body}");
        if expected.is_null() {
            let fields = fields.as_object().expect("fields").keys().filter(|name| *name != "name");
            let told: BTreeSet<_> = body["errors"].as_object().expect("errors").keys().collect();
            assert_eq!(told, fields.collect(), "{body}");
            let filter = body["errors"]["drop_lql_string"][0].as_str().expect("a text");
            assert!(
                filter.starts_with("is not understood: ") && filter.contains(" at [1:"),
                "{filter}"
            );
        } else {
            assert_eq!(body, json!({"errors": expected}));
        }
    }
    // Of changes too.
    let renamed = call(&program, "PATCH", &path, Some(json!({"name": "postgres.logs"}))).await;
    assert_eq!(renamed, (422, json!({"errors": {"name": [taken]}})));
    for body in ["{", "[]", "5"] {
        let (status, answer) =
            call_as(&program, Some(PRIVATE), "POST", "/api/sources", Some(body)).await;
        let text = answer["error"].as_str().expect("an error");
        assert!(status == 400 && text.starts_with("the request's body cannot be read"), "{text}");
    }
    assert_eq!(call(&program, "POST", &path, Some(json!({}))).await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_events() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let mut admin = PgConnection::connect(&database).await.expect("the database answers");
    let sql = r#"insert into logweir_key_values (key, value)
        values ('p1', '{"org": {"id": 7}}'); update logweir_changes set number = number + 1"#;
    sqlx::raw_sql(sql).execute(&mut admin).await.expect("key-values can be set");
    let path = made(
        &program,
        json!({
            "name": "own",
            "transform_copy_fields": "m.request.host:host\nhost:m.name",
            "transform_key_values": "project:m.org:org.id",
            "transform_drop_fields": "m.request\nsecret",
            "drop_lql_string": "m.level:debug",
            "custom_event_message_keys": "m.level, message, m.name",
        }),
    )
    .await;
    let event = |level: &str| {
        json!({
            "event_message": "m", "project": "p1", "secret": "s",
            "metadata": {"level": level, "request": {"host": "h"}},
        })
    };
    program.log("own", &json!([event("debug"), event("info")])).await;
    let expected = json!({
        "event_message": "info | m | h", "project": "p1", "host": "h",
        "metadata": {"level": "info", "name": "h", "org": 7},
    });
    assert_eq!(recent(&program, &path).await, std::slice::from_ref(&expected));
    let metrics = program.client.get(program.url("/metrics")).bearer_auth(PRIVATE);
    let metrics = metrics.send().await.expect("it answers");
    let metrics = metrics.text().await.expect("a text");
    for line in [
        r#"logweir_ingest_events_filtered_total{source="own"} 1"#,
        r#"logweir_ingest_events_stored_total{source="own"} 1"#,
        r#"logweir_ingest_events_received_total{source="own"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    // A request of nothing but dropped events is taken.
    program.log("own", &json!([event("debug")])).await;
    assert_eq!(recent(&program, &path).await, [expected]);

    // Changes count from the next request on.
    let fields = json!({"drop_lql_string": "~^m", "custom_event_message_keys": null,
        "transform_copy_fields": null, "transform_key_values": null});
    assert_eq!(call(&program, "PATCH", &path, Some(fields)).await.0, 204);
    program.log("own", &json!([event("debug"), {"event_message": "x"}])).await;
    assert_eq!(recent(&program, &path).await.last(), Some(&json!({"event_message": "x"})));
    assert_eq!(recent(&program, &path).await.len(), 2);
}

/// What an event brings is not learned where the schema is locked, and not checked where nobody
/// wants that.
#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_shown_locked_and_not_enforced() {
    let program = crate::program().await;
    let path = made(&program, json!({"name": "own"})).await;
    let columns = json!({"event_message": "string", "id": "string", "timestamp": "number"});
    let flat = format!("{path}/schema?variant=dot");
    assert_eq!(found(&program, &flat).await, columns);
    program.log("own", &json!([{"m": {"n": 1, "l": [{"t": "x"}], "b": true, "s": ["x"]}}])).await;
    let learned = json!({
        "m.n": "number", "m.l.t": "string", "m.b": "boolean", "m.s": "array",
        "event_message": "string", "id": "string", "timestamp": "number",
    });
    assert_eq!(found(&program, &flat).await, learned);
    let token = path.rsplit('/').next().unwrap_or_default();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("/api/sources/{token}/schema"),
        "title": "own",
        "type": "object",
        "properties": {
            "event_message": {"type": "string"},
            "id": {"type": "string"},
            "timestamp": {"type": "number"},
            "m": {"type": "object", "properties": {
                "n": {"type": "number"},
                "l": {"type": "array", "items": {
                    "type": "object", "properties": {"t": {"type": "string"}},
                }},
                "b": {"type": "boolean"},
                "s": {"type": "array", "items": {"type": "string"}},
            }},
        },
    });
    assert_eq!(found(&program, &format!("{path}/schema")).await, schema);
    assert_eq!(call(&program, "PATCH", &path, Some(json!({"lock_schema": true}))).await.0, 204);
    program.log("own", &json!([{"another": 1}])).await;
    assert_eq!(found(&program, &flat).await, learned);
    assert_eq!(found(&program, &path).await["metrics"]["fields"], 7);

    let listed = found(&program, "/api/sources").await;
    for source in listed.as_array().expect("a list") {
        let path = format!("/api/sources/{}", source["token"].as_str().expect("a token"));
        let flat = found(&program, &format!("{path}/schema?variant=dot")).await;
        assert_eq!(source["metrics"]["fields"], flat.as_object().expect("fields").len());
    }
    let postgres = listed.as_array().expect("a list").iter();
    let postgres = postgres.clone().find(|source| source["name"] == "postgres.logs");
    let postgres = postgres.expect("the source is seeded")["token"].as_str().expect("a token");
    let postgres = format!("/api/sources/{postgres}");
    let shown = found(&program, &format!("{postgres}/schema")).await;
    let severity = &shown["properties"]["metadata"]["properties"]["parsed"]["properties"];
    assert!(severity["error_severity"]["x-studio"].is_string(), "{shown}");
    let schema = EventSchema::new(&shown).expect("a JSON Schema");
    let check = |event: &Value| {
        let text = event.to_string();
        let event = event_schemas::parse(&text).expect("JSON");
        schema.check(&Event::normalise(event, 0).expect("an object"))
    };
    let samples = sample_events("postgres.logs").expect("there are some");
    let samples: Vec<Value> = serde_json::from_str(samples).expect("JSON");
    assert!(samples.iter().all(|event| check(event).is_ok()));
    assert!(check(&json!({"metadata": {"parsed": {"process_id": "main"}}})).is_err());
    let wrong = json!([{"event_message": "wrong", "metadata": "no object"}]);
    program.log("postgres.logs", &wrong).await;
    assert_eq!(recent(&program, &postgres).await, Vec::<Value>::new());
    let shown = found(&program, &postgres).await;
    assert_eq!(shown["has_rejected_events"], true);
    eventually("it is counted", async || {
        let metrics = found(&program, &postgres).await["metrics"].clone();
        (&metrics["rejected"], &metrics["inserts"]) == (&json!(1), &json!(0))
    })
    .await;
    assert_eq!(
        call(&program, "PATCH", &postgres, Some(json!({"validate_schema": false}))).await.0,
        204
    );
    program.log("postgres.logs", &wrong).await;
    assert_eq!(recent(&program, &postgres).await.len(), 1);
}

/// What its events are goes by what it was made as.
#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_source_of_supabase_keeps_its_schema_and_its_repair() {
    let program = crate::program().await;
    let listed = found(&program, "/api/sources").await;
    let postgres = listed.as_array().expect("a list").iter();
    let postgres = postgres.clone().find(|source| source["name"] == "postgres.logs");
    let path = format!(
        "/api/sources/{}",
        postgres.expect("it is seeded")["token"].as_str().expect("a token")
    );
    for change in [
        json!({"name": "pg"}),
        json!({"repair": true}),
        json!({"name": "pg2"}),
        // It becomes another one, and comes back.
        json!({"name": "postgres.logs"}),
        json!({"name": "pg"}),
    ] {
        assert_eq!(call(&program, "PATCH", &path, Some(change.clone())).await.0, 204, "{change}");
    }
    let mut schema = found(&program, &format!("{path}/schema")).await;
    assert_eq!(schema["title"], "pg");
    let parsed = schema["properties"]["metadata"]["properties"]["parsed"].take();
    assert!(parsed["properties"]["error_severity"]["x-studio"].is_string(), "{parsed}");
    let line = "2026-11-20 12:00:07.5 UTC [5] me@db ERROR:  x";
    program.log("pg", &json!([{"event_message": line}])).await;
    let events = recent(&program, &path).await;
    assert_eq!(events[0]["metadata"]["parsed"]["user_name"], "me", "{events:?}");
    // A source of one's own has none of it.
    let own = made(&program, json!({"name": "own"})).await;
    let (status, answer) = call(&program, "PATCH", &own, Some(json!({"repair": true}))).await;
    assert_eq!((status, answer["errors"]["repair"].is_array()), (422, true), "{answer}");
}

/// `logweir sink` and `logweir sidecar` are as one `serve`.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_as_one() {
    let database = TestCluster::shared().database().await;
    let settings = [("POSTGRES_BACKEND_URL", database.as_str())];
    let sidecar = Program::start(&["sidecar"], &settings);
    sidecar.ready().await;
    let mut sink = Program::start(&["sink"], &settings);
    sink.ready().await;
    for number in 0..20 {
        // Not a moment passes between.
        let name = format!("own {number}");
        made(&sidecar, json!({"name": name})).await;
        sink.log(&name, &json!([{"event_message": "m"}])).await;
    }
    let path = made(&sidecar, json!({"name": "own", "drop_lql_string": "debug"})).await;
    sink.log(
        "own",
        &json!([{"event_message": "debug"}, {"event_message": "m"}, {"event_message": "n"}]),
    )
    .await;
    assert_eq!(recent(&sidecar, &path).await.len(), 2);
    let rejected = sink.ingest("own", "[5, 6, {}]").send().await.expect("it answers");
    assert_eq!(rejected.status(), 200);
    let metrics = async || found(&sidecar, &path).await["metrics"].clone();
    eventually("all is counted", async || metrics().await["inserts"] == 3).await;
    let counted = metrics().await;
    assert_eq!(counted["rejected"], 2);
    assert_eq!((&counted["inserts_string"], &counted["recent"]), (&json!("3"), &json!(3)));
    assert_eq!((&counted["avg"], &counted["buffer"]), (&json!(0.05), &json!(0)));
    assert!(counted["max"].as_u64().is_some_and(|max| (1..=3).contains(&max)), "{counted}");
    let latest = counted["latest"].as_u64().expect("a time");
    assert!((days_ago(1)..=days_ago(0)).contains(&latest), "{counted}");
    assert_eq!(found(&sidecar, &path).await["has_rejected_events"], true);
    // All figures come with the list too, and what was counted last is kept at the end.
    sink.log("own", &json!([{"event_message": "o"}])).await;
    sink.signal("TERM");
    assert_eq!(sink.ended().await.code(), Some(0));
    let listed = found(&sidecar, "/api/sources").await;
    let listed = listed.as_array().expect("a list").iter().find(|source| source["name"] == "own");
    assert_eq!(listed.expect("it is listed")["metrics"]["inserts"], 4);

    // What two change at once is changed by both.
    let other = Program::start(&["sidecar"], &settings);
    other.ready().await;
    let path_of_other = made(&other, json!({"name": "of other"})).await;
    assert_eq!(found(&sidecar, &path_of_other).await["name"], "of other");
    let changes = (0..10).map(|number| {
        let (program, field) =
            if number % 2 == 0 { (&sidecar, "labels") } else { (&other, "description") };
        call(program, "PATCH", &path, Some(json!({field: format!("k={number}")})))
    });
    let answers = futures_util::future::join_all(changes).await;
    assert!(answers.iter().all(|(status, _)| *status == 204), "{answers:?}");
    for program in [&sidecar, &other] {
        eventually("both changes are seen", async || {
            let now = found(program, &path).await;
            now["labels"].is_string() && now["description"].is_string()
        })
        .await;
    }

    assert_eq!(call(&sidecar, "DELETE", &path, None).await.0, 204);
    sink.restart();
    sink.ready().await;
    let refused = sink.ingest("own", "[{}]").send().await.expect("it answers");
    assert_eq!(refused.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_events_are_shown() {
    let program = crate::program().await;
    let path = made(&program, json!({"name": "own"})).await;
    assert_eq!(found(&program, &format!("{path}/recent")).await, json!([]));
    // Of long ago, of a month and of today.
    let numbers = async || -> Vec<Value> {
        recent(&program, &path).await.iter().map(|event| event["n"].clone()).collect()
    };
    program.log("own", &json!([{"n": 1, "timestamp": days_ago(300)}])).await;
    program.log("own", &json!([{"n": 0, "timestamp": days_ago(3000)}])).await;
    assert_eq!(numbers().await, [json!(0), json!(1)]);
    let events: Vec<_> =
        (0..40_u64).map(|n| json!({"n": 41 - n, "timestamp": days_ago(n)})).collect();
    program.log("own", &json!(events)).await;
    assert_eq!(numbers().await, (0..=41).map(|n| json!(n)).collect::<Vec<_>>());
    let start = days_ago(0);
    let events: Vec<_> = (0..150).map(|n| json!({"n": 100 + n, "timestamp": start + n})).collect();
    program.log("own", &json!(events)).await;
    assert_eq!(numbers().await, (150..250).map(|n| json!(n)).collect::<Vec<_>>());
    let (status, _) = call(&program, "PATCH", &path, Some(json!({"disable_tailing": true}))).await;
    assert_eq!((status, numbers().await.len()), (204, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_are_removed_when_people_say_so() {
    let database = TestCluster::shared().database().await;
    let mut program = Program::start(
        &["serve"],
        &[("POSTGRES_BACKEND_URL", &database), ("LOGWEIR_DEFAULT_RETENTION_DAYS", "20")],
    );
    program.ready().await;
    let mut admin = PgConnection::connect(&database).await.expect("the database answers");
    let path = made(&program, json!({"name": "own"})).await;
    let token = path.rsplit('/').next().unwrap_or_default().replace('-', "_");
    let mut partitions = async || -> i64 {
        let sql =
            format!("select count(*) from pg_partition_tree('log_events_{token}') where isleaf");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut admin).await.expect("it is counted")
    };
    assert_eq!(found(&program, &path).await["retention_days"], 20);
    // The default must remove nothing before it is counted.
    assert_eq!(call(&program, "PATCH", &path, Some(json!({"retention_days": 40}))).await.0, 204);
    let events = [0, 2, 10, 30].map(|days| json!({"n": days, "timestamp": days_ago(days)}));
    program.log("own", &json!(events)).await;
    let before = partitions().await;
    assert_eq!(call(&program, "PATCH", &path, Some(json!({"retention_days": 5}))).await.0, 204);
    assert_eq!(found(&program, &path).await["retention_days"], 5);
    eventually("old events are removed", async || recent(&program, &path).await.len() == 2).await;
    assert_eq!(partitions().await, before - 2);

    // The default counts from the start on.
    let other = made(&program, json!({"name": "other"})).await;
    program.log("other", &json!(events)).await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    program.restart();
    program.ready().await;
    eventually("the default removes", async || recent(&program, &other).await.len() == 3).await;
}

/// A server that takes whatever is posted; gives path and body of each request.
fn hooks() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, tell) = (stream.expect("a connection"), tell.clone());
            // A client may open connections that it does not use.
            std::thread::spawn(move || take_hook(stream, &tell));
        }
    });
    (url, told)
}

fn take_hook(stream: TcpStream, tell: &mpsc::Sender<(String, Value)>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let Some(first) = head.first() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
    let _ = tell.send((path, serde_json::from_slice(&body).expect("JSON")));
}

/// By one of several processes.
#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_of_new_events() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let other = Program::serve(&database).await;
    let (url, told) = hooks();
    let path = made(
        &program,
        json!({
            "name": "own", "webhook_notification_url": format!("{url}/webhook"),
            "slack_hook_url": format!("{url}/slack"), "notifications_every": 0,
        }),
    )
    .await;
    // One that does not answer is nobody's trouble.
    let silent = json!({"name": "silent", "webhook_notification_url": "http://127.0.0.1:1/"});
    made(&program, silent).await;
    program.log("silent", &json!([{}])).await;
    let (mut sent, mut events, mut slack) = (0, 0, 0);
    let mut hear = |sent: u64| {
        while let Ok((path, body)) = told.try_recv() {
            match path.as_str() {
                "/webhook" => {
                    assert_eq!(body["source"]["name"], "own");
                    events += body["events"].as_u64().expect("a number");
                }
                path => {
                    let text = body["text"].as_str().expect("a text");
                    assert!(path == "/slack" && text.ends_with(" in own"), "{path} {text}");
                    slack += 1;
                }
            }
        }
        assert!(events <= sent, "{events} of {sent} events are told");
        events == sent && slack > 0
    };
    for (number, program) in [(3, &program), (2, &other), (4, &program)] {
        program.log("own", &json!(vec![json!({"event_message": "m"}); number])).await;
        sent += number as u64;
        eventually("all are told", async || hear(sent)).await;
    }
    // At most so often.
    let seldom = json!({"notifications_every": 3_600_000});
    assert_eq!(call(&program, "PATCH", &path, Some(seldom)).await.0, 204);
    program.log("own", &json!([{}])).await;
    eventually("it is counted", async || {
        found(&program, &path).await["metrics"]["inserts"] == sent + 1
    })
    .await;
    assert!(hear(sent));
}

/// By a change of which this process was not told, and which it has hardly seen by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_has_just_made_is_found() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let mut admin = PgConnection::connect(&database).await.expect("the database answers");
    let mut make = async |what: String| {
        let sql = format!(
            "begin; insert into logweir_{what}; \
             update logweir_changes set number = number + 1; commit"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.expect("it is made");
    };
    for n in 0..3 {
        make(format!("sources (token, name) values (gen_random_uuid(), 'own {n}')")).await;
        let body = json!({"source_name": format!("own {n}"), "batch": [{"n": n}]}).to_string();
        let mut statuses = BTreeSet::new();
        eventually("the event is taken", async || {
            let (status, _) =
                call_as(&program, Some(PUBLIC), "POST", "/api/logs", Some(&body)).await;
            statuses.insert(status);
            status == 200
        })
        .await;
        assert!(statuses.is_subset(&[200, 503].into()), "{statuses:?}");

        let token = format!("01234567-89ab-cdef-0123-456789abcde{n}");
        make(format!("endpoints (token, name, query) values ('{token}', 'e{n}', 'select 1')"))
            .await;
        found(&program, &format!("/api/endpoints/{token}")).await;
        // By its name, with a token that is as new, over a source that is as new.
        make(format!("access_tokens (hash, scopes) values (sha256('key {n}'), 'private')")).await;
        make(format!("sources (token, name) values (gen_random_uuid(), 'new {n}')")).await;
        make(format!(
            "endpoints (token, name, query) values (gen_random_uuid(), 'named {n}', 'select 1 as a')"
        ))
        .await;
        let query = format!("/api/endpoints/query/named%20{n}");
        let key = format!("key {n}");
        let answer = call_as(&program, Some(&key), "GET", &query, None).await;
        assert_eq!(answer, (200, json!({"result": [{"a": 1}]})));
        make(format!("access_tokens (hash, scopes) values (sha256('other {n}'), 'private')")).await;
        let key = format!("other {n}");
        assert_eq!(call_as(&program, Some(&key), "GET", "/api/account", None).await.0, 200);
        for (what, path, query) in [
            ("newer", "/api/endpoints", "select id from `newer {n}`"),
            ("newest", "/api/alerts", "select id from `newest {n}`"),
        ] {
            make(format!("sources (token, name) values (gen_random_uuid(), '{what} {n}')")).await;
            let query = query.replace("{n}", &n.to_string());
            let given = json!({"name": format!("{what} {n}"), "query": query, "cron": "@daily"});
            let (status, body) = call(&program, "POST", path, Some(given)).await;
            assert_eq!(status, 201, "{body}");
        }
        // What is not made over the API has no table: that is found out last.
        make(format!("sources (token, name) values (gen_random_uuid(), 'last {n}')")).await;
        let sql = format!("/api/query?sql=select+id+from+`last+{n}`");
        let (status, body) = call(&program, "GET", &sql, None).await;
        let text = body["error"].as_str().unwrap_or_default();
        assert!(status == 400 && text.contains("log_events_"), "{body}");
        make(format!(
            "backends (token, name, type, config) values ('{token}', 'b', 'webhook', '')"
        ))
        .await;
        let rule = json!({
            "source_id": 1, "lql_string": "error", "backend_id": n + 1,
        });
        let (status, body) = call(&program, "POST", "/api/rules", Some(rule)).await;
        assert_eq!(status, 201, "{body}");
        make(format!("sources (token, name) values ('{token}', 'other {n}')")).await;
        found(&program, &format!("/api/sources/{token}/validation")).await;
    }
    let unknown = json!({"source_name": "nobody's", "batch": [{}]}).to_string();
    let refused = call_as(&program, Some(PUBLIC), "POST", "/api/logs", Some(&unknown)).await;
    assert_eq!(refused.0, 401);
}

/// A script that fetches a source, changes a field and puts the whole sets nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_default_that_comes_back_stays_a_default() {
    let database = TestCluster::shared().database().await;
    let with = |days: &'static str| {
        let settings =
            [("POSTGRES_BACKEND_URL", &*database), ("LOGWEIR_DEFAULT_RETENTION_DAYS", days)];
        Program::start(&["serve"], &settings)
    };
    let program = with("20");
    program.ready().await;
    let path = made(&program, json!({"name": "own"})).await;
    let shown = found(&program, &path).await;
    assert_eq!(shown["retention_days"], 20);
    let mut whole = shown.clone();
    whole["description"] = json!("changed");
    assert_eq!(call(&program, "PUT", &path, Some(whole)).await.0, 201);
    let other = with("365");
    other.ready().await;
    let changed = found(&other, &path).await;
    assert_eq!(
        (&changed["retention_days"], &changed["description"]),
        (&json!(365), &json!("changed"))
    );
    assert_eq!(changed["bq_table_id"], shown["bq_table_id"]);
    // What was set stays, also if it is the default.
    for days in [7, 20] {
        let change = json!({ "retention_days": days });
        assert_eq!(call(&program, "PATCH", &path, Some(change)).await.0, 204);
    }
    let shows_it = async || found(&other, &path).await["retention_days"] == 20;
    eventually("the other process knows it", shows_it).await;
    // So does what is set alone, though it is what is shown.
    let path = made(&program, json!({"name": "another"})).await;
    let shown = found(&program, &path).await;
    let change = json!({"retention_days": 20, "bq_table_id": shown["bq_table_id"]});
    assert_eq!(call(&program, "PATCH", &path, Some(change)).await.0, 204);
    let shows_it = async || found(&other, &path).await["retention_days"] == 20;
    eventually("the other process knows that too", shows_it).await;
}
