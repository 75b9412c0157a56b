//! Alerts: what may be set, when they run, whom they tell.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use end_to_end::{
    postgres::TestCluster,
    program::{Program, eventually},
};

use crate::api::{Receiver, manage};

const QUERY: &str = "select event_message from `postgres.logs`";

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_made_shown_changed_and_removed() {
    let program = super::program().await;
    let ask = async |method, path: &str, body: Value| manage(&program, method, path, &body).await;
    let given = json!({"name": "errors", "query": QUERY, "cron": "*/15 * * * *"});
    let (status, alert) = ask(Method::POST, "/api/alerts", given).await;
    assert_eq!(status, StatusCode::CREATED, "{alert}");
    let mut expected = json!({
        "id": alert["id"],
        "token": alert["token"],
        "name": "errors",
        "description": null,
        "query": QUERY,
        "cron": "*/15 * * * *",
        "language": "bq_sql",
        "slack_hook_url": null,
        "webhook_notification_url": null,
        "enabled": true,
        "backends": [],
    });
    assert_eq!(alert, expected);
    assert!(alert["id"].is_i64());
    let path = format!("/api/alerts/{}", alert["token"].as_str().expect("a token"));
    assert_eq!(ask(Method::GET, &path, Value::Null).await, (StatusCode::OK, alert.clone()));
    assert_eq!(ask(Method::GET, "/api/alerts", Value::Null).await.1, json!([alert]));

    let change = json!({"enabled": false, "webhook_notification_url": "https://example.com/a"});
    expected["enabled"] = false.into();
    expected["webhook_notification_url"] = "https://example.com/a".into();
    assert_eq!(ask(Method::PUT, &path, change).await, (StatusCode::OK, expected.clone()));
    expected["description"] = "for people".into();
    let patched = ask(Method::PATCH, &path, json!({"description": "for people"})).await;
    assert_eq!(patched, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(ask(Method::GET, &path, Value::Null).await.1, expected);

    // Who has such a URL may post there.
    let (_, log) = ask(Method::GET, "/api/audit-log", Value::Null).await;
    assert_eq!(log[0]["action"], "update alert");
    assert!(!log.to_string().contains("example.com"), "{log}");

    let removed = ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(removed, (StatusCode::NO_CONTENT, Value::Null));
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let answer = ask(method, &path, Value::Null).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, json!({"error": "Not Found"})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_alert_is_told_when_it_is_made_or_changed() {
    let program = super::program().await;
    let whole = json!({"name": "a", "query": QUERY, "cron": "@hourly"});
    let (_, made) = manage(&program, Method::POST, "/api/alerts", &whole).await;
    let path = format!("/api/alerts/{}", made["token"].as_str().expect("a token"));
    let fields = |errors: Value| (StatusCode::UNPROCESSABLE_ENTITY, json!({"errors": errors}));
    let error = |text: &str| (StatusCode::BAD_REQUEST, json!({"error": text}));
    for (change, expected) in [
        (
            json!({"cron": "* * * * *"}),
            fields(json!({"cron": ["can only trigger up to 5 minute intervals"]})),
        ),
        (json!({"cron": "0 0 30 2 *"}), fields(json!({"cron": ["not enough run dates"]}))),
        (
            json!({"name": null, "query": ""}),
            fields(json!({"name": ["can't be blank"], "query": ["can't be blank"]})),
        ),
        (
            json!({"slack_hook_url": "slack.com", "webhook_notification_url": "file:///x"}),
            fields(json!({
                "slack_hook_url": ["must be a URL that begins with http:// or https://"],
                "webhook_notification_url": ["must be a URL that begins with http:// or https://"],
            })),
        ),
        (json!({"backends": []}), error("backends is read-only; use backend_ids")),
        (json!({"backend_ids": [0]}), error("backend_ids must contain positive integers")),
        (json!({"backend_ids": ["1"]}), error("backend_ids must contain positive integers")),
        // Before all other fields, as in Logflare.
        (json!({"backend_ids": "1", "name": null}), error("backend_ids must be an array")),
        (json!({"backend_ids": null, "cron": "x"}), error("backend_ids must be an array")),
        (
            json!({"backend_ids": vec![1; 1001]}),
            error("backend_ids must have at most 1000 elements"),
        ),
        (json!({"backend_ids": [77], "query": ""}), not_found()),
        (
            json!({"query": "select nothing", "language": "sql"}),
            fields(json!({"language": ["is invalid; it is one of bq_sql, lql, pg_sql"]})),
        ),
        (
            json!({"query": "select nothing", "cron": "0 0 30 2 *"}),
            fields(json!({
                "cron": ["not enough run dates"],
                "query": ["Unrecognized name: nothing at [1:8]"],
            })),
        ),
        (
            json!({"query": "select pg_sleep(1)", "language": "pg_sql", "enabled": "maybe"}),
            fields(json!({"enabled": ["is invalid"]})),
        ),
        (
            json!({"query": "select pg_sleep(1)", "language": "pg_sql"}),
            fields(json!({"query": ["Restricted function pg_sleep at [1:8]"]})),
        ),
    ] {
        let mut given = whole.clone();
        let fields = change.as_object().expect("an object").clone();
        given.as_object_mut().expect("an object").extend(fields);
        let answer = manage(&program, Method::POST, "/api/alerts", &given).await;
        assert_eq!(answer, expected, "{given}");
        for method in [Method::PUT, Method::PATCH] {
            let answer = manage(&program, method.clone(), &path, &change).await;
            assert_eq!(answer, expected, "{method} {change}");
        }
    }
    for (method, path) in
        [(Method::POST, "/api/alerts"), (Method::PUT, &path), (Method::PATCH, &path)]
    {
        let answer = manage(&program, method.clone(), path, &json!([1])).await;
        let expected = error("the request's body cannot be read: it is not a JSON object");
        assert_eq!(answer, expected, "{method}");
    }
    let given = json!({"name": "a", "query": "select x from nowhere", "cron": "@hourly"});
    let (status, body) = manage(&program, Method::POST, "/api/alerts", &given).await;
    let text = body["errors"]["query"][0].as_str().unwrap_or_default();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text.starts_with("Table \"nowhere\" does not exist at [1:15]"), "{body}");
    let (_, listed) = manage(&program, Method::GET, "/api/alerts", &Value::Null).await;
    assert_eq!(listed, json!([made]));
}

fn not_found() -> (StatusCode, Value) {
    (StatusCode::NOT_FOUND, json!({"error": "Not Found"}))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_follows_the_sources_that_it_names() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let mut catalog = PgConnection::connect(&database).await.expect("the catalog answers");
    let ask = async |method, path: &str, body: Value| manage(&program, method, path, &body).await;
    let (_, source) = ask(Method::POST, "/api/sources", json!({"name": "before"})).await;
    program.log("before", &json!([{"event_message": "one"}])).await;
    let receiver = Receiver::start(0).await;
    let mut tokens = Vec::new();
    for (language, query) in [
        ("bq_sql", "select before.event_message from before"),
        ("pg_sql", "select before.event_message from before"),
        ("lql", "s:event_message f:before"),
    ] {
        let given = json!({
            "name": language, "language": language, "query": query,
            "webhook_notification_url": receiver.url(&format!("/{language}")),
        });
        let token = make_due(&program, &mut catalog, given, false).await;
        tokens.push((language, token));
    }
    let path = format!("/api/sources/{}", source["token"].as_str().expect("a token"));
    let (status, _) = ask(Method::PATCH, &path, json!({"name": "after"})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    // Somebody else has the name by then.
    let (status, _) = ask(Method::POST, "/api/sources", json!({"name": "before"})).await;
    assert_eq!(status, StatusCode::CREATED);
    for (language, token) in &tokens {
        let path = format!("/api/alerts/{token}");
        let (_, shown) = ask(Method::GET, &path, Value::Null).await;
        let expected = match *language {
            "bq_sql" => "select before.event_message from `after` as `before`",
            "pg_sql" => "select before.event_message from \"after\" as \"before\"",
            _ => "s:event_message f:\"after\"",
        };
        assert_eq!(shown["query"], expected);
        let (status, _) = ask(Method::PATCH, &path, json!({"enabled": true})).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        set_back(&mut catalog, token).await;
    }
    for (language, _) in &tokens {
        let path = format!("/{language}");
        eventually("the alert runs", async || receiver.taken(&path).len() == 1).await;
        let row = &receiver.taken(&path)[0]["result"][0];
        assert_eq!(row["event_message"], "one", "{language}");
    }
}

/// By what the sink is not needed for: also a program that takes no events tells backends.
#[tokio::test(flavor = "multi_thread")]
async fn an_alerts_backends_get_an_event_that_has_its_rows() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    program
        .log("postgres.logs", &json!([{"event_message": "one"}, {"event_message": "two"}]))
        .await;
    let mut catalog = PgConnection::connect(&database).await.expect("the catalog answers");
    let key = [("LOGFLARE_DB_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")];
    let settings = [("POSTGRES_BACKEND_URL", database.as_str()), key[0]];
    drop(program);
    for role in ["serve", "sidecar"] {
        let program = Program::start(&[role], &settings);
        program.ready().await;
        // The first request fails, and is sent again.
        let receiver = Receiver::start(1).await;
        let mut backends = Vec::new();
        for name in ["first", "second"] {
            let given = json!({
                "name": name, "type": "webhook",
                "config": {"url": receiver.url(&format!("/{name}")), "gzip": false},
            });
            let (status, made) = manage(&program, Method::POST, "/api/backends", &given).await;
            assert_eq!(status, StatusCode::CREATED, "{made}");
            backends.push(made);
        }
        let given = json!({
            "name": "all", "query": format!("{QUERY} order by event_message"),
            "backend_ids": [backends[1]["id"], backends[0]["id"]],
        });
        let token = make_due(&program, &mut catalog, given, true).await;
        let path = format!("/api/alerts/{token}");
        let (_, shown) = manage(&program, Method::GET, &path, &Value::Null).await;
        assert_eq!(shown["backends"], json!(backends));
        for path in ["/first", "/second"] {
            eventually("the backend is told", async || {
                receiver.taken(path).iter().any(|body| body[0]["alert"]["token"] == token.as_str())
            })
            .await;
            let event = receiver.taken(path).pop().expect("it was told")[0].clone();
            assert_eq!(event["event_message"], "all: 2 rows", "{role}");
            assert_eq!(event["alert"]["name"], "all");
            let rows = json!([{"event_message": "one"}, {"event_message": "two"}]);
            assert_eq!((&event["rows"], &event["result"]), (&json!(2), &rows));
            assert!(event["id"].is_string() && event["timestamp"].is_u64(), "{event}");
        }
    }
}

/// Stands in the SQL that an alert's query becomes.
const MARK: &str = "of what is held back";

/// An alert that waits for a table which a transaction holds.
struct Held {
    program: Program,
    catalog: PgConnection,
    /// On it the transaction is open.
    holder: PgConnection,
    receiver: Receiver,
    /// The alert's token.
    alert: String,
}

impl Held {
    /// A program whose queries wait for as long as the table is held, however busy the machine is, and
    /// an alert that was due and waits.
    async fn start() -> Self {
        let database = TestCluster::shared().database().await;
        let settings =
            [("POSTGRES_BACKEND_URL", database.as_str()), ("LOGWEIR_QUERY_TIMEOUT_SECS", "600")];
        let program = Program::start(&["serve"], &settings);
        program.ready().await;
        let connect = || PgConnection::connect(&database);
        let mut catalog = connect().await.expect("the catalog answers");
        let mut holder = connect().await.expect("the events' database answers");
        let receiver = Receiver::start(0).await;
        let given = json!({"name": "held"});
        let (_, source) = manage(&program, Method::POST, "/api/sources", &given).await;
        program.log("held", &json!([{"event_message": "one"}])).await;
        let table = source["token"].as_str().expect("a token").replace('-', "_");
        let lock = format!("begin; lock table log_events_{table} in access exclusive mode");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut holder).await.expect("it is locked");
        let given = json!({
            "name": "held", "query": format!("select event_message, '{MARK}' as mark from held"),
            "webhook_notification_url": receiver.url("/held"),
        });
        let alert = make_due(&program, &mut catalog, given, true).await;
        eventually("its query waits", async || waiting(&mut catalog).await.len() == 1).await;
        Self { program, catalog, holder, receiver, alert }
    }
}

/// The connections on which queries of the alert wait.
async fn waiting(catalog: &mut PgConnection) -> Vec<i32> {
    let waiting = "select pid from pg_stat_activity where datname = current_database() \
                   and wait_event_type = 'Lock' and query like '%' || $1 || '%'";
    let pids = sqlx::query_scalar(waiting).bind(MARK).fetch_all(catalog).await;
    pids.expect("Postgres answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_runs_still_is_not_run_again_and_not_in_the_way_of_others() {
    let Held { program, mut catalog, mut holder, receiver, alert } = Held::start().await;
    // It is due again, before the others.
    set_back(&mut catalog, &alert).await;
    for path in ["/first", "/second"] {
        let given = json!({
            "name": path, "query": "select 1 as one", "webhook_notification_url": receiver.url(path),
        });
        make_due(&program, &mut catalog, given, true).await;
        eventually("others run", async || receiver.taken(path).len() == 1).await;
    }
    assert_eq!(waiting(&mut catalog).await.len(), 1);
    assert!(receiver.taken("/held").is_empty());
    // When it has ended, it runs for the time that came meanwhile.
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("it is unlocked");
    eventually("it runs twice", async || receiver.taken("/held").len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_asked_again_where_its_query_did_not_reach_its_end() {
    let Held { program, mut catalog, mut holder, receiver, alert } = Held::start().await;
    // As at a restart of Postgres.
    let mut ended = waiting(&mut catalog).await;
    let end = sqlx::query("select pg_terminate_backend($1)").bind(ended[0]);
    end.execute(&mut catalog).await.expect("it is ended");
    eventually("it is asked again", async || {
        waiting(&mut catalog).await.iter().any(|pid| !ended.contains(pid))
    })
    .await;
    ended.extend(waiting(&mut catalog).await);
    // Changed while it is asked. What is asked next is the alert as it is by then.
    let change = json!({"webhook_notification_url": receiver.url("/elsewhere")});
    let path = format!("/api/alerts/{alert}");
    let (status, _) = manage(&program, Method::PATCH, &path, &change).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let end = sqlx::query("select pg_terminate_backend($1)").bind(ended[1]);
    end.execute(&mut catalog).await.expect("it is ended");
    eventually("it has ended", async || !waiting(&mut catalog).await.contains(&ended[1])).await;
    sqlx::raw_sql("rollback").execute(&mut holder).await.expect("it is unlocked");
    eventually("it is told", async || receiver.taken("/elsewhere").len() == 1).await;
    let rows = json!({"result": [{"event_message": "one", "mark": MARK}]});
    assert_eq!(receiver.taken("/elsewhere"), [rows]);
    assert!(receiver.taken("/held").is_empty());
}

/// An alert that was to run a minute ago, and does so once, whatever the hour of the test.
async fn make_due(
    program: &Program,
    catalog: &mut PgConnection,
    mut given: Value,
    enabled: bool,
) -> String {
    let a_minute_ago = (Timestamp::now() - 1.minute()).to_zoned(TimeZone::UTC);
    given["cron"] = format!("{} {} * * *", a_minute_ago.minute(), a_minute_ago.hour()).into();
    given["enabled"] = enabled.into();
    let (status, alert) = manage(program, Method::POST, "/api/alerts", &given).await;
    assert_eq!(status, StatusCode::CREATED, "{alert}");
    let token = alert["token"].as_str().expect("a token");
    set_back(catalog, token).await;
    token.to_owned()
}

/// As if the alert had been made, or enabled, an hour ago.
async fn set_back(catalog: &mut PgConnection, token: &str) {
    let earlier = "update logweir_alerts set last_due_at = now() - interval '1 hour' \
                   where token = $1::uuid";
    sqlx::query(earlier).bind(token).execute(catalog).await.expect("it is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_runs_an_alert_and_tells_of_its_rows() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let other = Program::start(&["sidecar"], &[("POSTGRES_BACKEND_URL", &database)]);
    other.ready().await;
    let mut catalog = PgConnection::connect(&database).await.expect("the catalog answers");
    program.log("postgres.logs", &json!([{"event_message": "<one>", "project": "default"}])).await;

    // The first request fails, and is sent again.
    let receiver = Receiver::start(1).await;
    let webhook = |path: &str| json!(receiver.url(path));
    for (query, path) in
        [(QUERY.to_owned(), "/rows"), (format!("{QUERY} where event_message = 'none'"), "/nothing")]
    {
        let given =
            json!({"name": path, "query": query, "webhook_notification_url": webhook(path)});
        make_due(&program, &mut catalog, given, true).await;
    }
    let given = json!({"name": "off", "query": QUERY, "webhook_notification_url": webhook("/off")});
    make_due(&program, &mut catalog, given, false).await;
    eventually("the webhook is told", async || receiver.taken("/rows").len() == 2).await;

    // When both of these have run, every process has looked at the first ones again.
    for path in ["/slack", "/slack-2"] {
        let given = json!({"name": "a & b", "query": QUERY, "slack_hook_url": webhook(path)});
        make_due(&program, &mut catalog, given, true).await;
        eventually("Slack is told", async || receiver.taken(path).len() == 1).await;
    }
    let rows = json!({"result": [{"event_message": "<one>"}]});
    assert_eq!(receiver.taken("/rows"), [rows.clone(), rows]);
    assert!(receiver.taken("/nothing").is_empty() && receiver.taken("/off").is_empty());
    let slack = json!({
        "text": "a &amp; b: 1 row",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "*a &amp; b*: 1 row"}},
            {"type": "rich_text", "elements": [{
                "type": "rich_text_preformatted",
                "border": 0,
                "elements": [{"type": "text", "text": "{\n  \"event_message\": \"<one>\"\n}\n"}],
            }]},
        ],
    });
    assert_eq!(receiver.taken("/slack"), [slack]);
}
