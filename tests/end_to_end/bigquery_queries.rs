//! Queries where the events are in BigQuery: what is asked of it, and what comes of its answers.

use std::time::{Duration, Instant};

use bigquery::{ColumnType, table_id};
use end_to_end::{
    fake_bigquery::{
        rest::{Answer, PROJECT},
        services::{DATASET, FakeBigQuery, catalog_settings},
        tables::{Refusal, Row},
    },
    postgres::TestCluster,
    program::{PRIVATE, Program, eventually},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::endpoints::{answer, made, request};

const EDGE: &str = "cloudflare.logs.prod";

pub(super) async fn serving(fake: &FakeBigQuery, more: &[(&str, &str)]) -> Program {
    serving_with(&TestCluster::shared().database().await, fake, more).await
}

/// With its catalog in this database.
pub(super) async fn serving_with(
    database: &str,
    fake: &FakeBigQuery,
    more: &[(&str, &str)],
) -> Program {
    let catalog = catalog_settings(database);
    let of_fake = fake.settings();
    let mut settings: Vec<(&str, &str)> =
        catalog.iter().chain(&of_fake).map(|(name, value)| (*name, value.as_str())).collect();
    settings.extend(more);
    let program = Program::start(&["serve"], &settings);
    program.ready().await;
    program
}

pub(super) async fn token(program: &Program, source: &str) -> Uuid {
    let (_, sources) = answer(request(program, Method::GET, "/api/sources")).await;
    let named = |one: &&Value| one["name"] == source;
    let found = sources.as_array().and_then(|sources| sources.iter().find(named));
    let token = found.and_then(|source| source["token"].as_str()).expect("the source is there");
    token.parse().expect("a token")
}

fn edge_event(id: &str, path: &str, status: i64) -> Value {
    json!({
        "id": id, "event_message": format!("GET {path}"), "project": "default",
        "timestamp": "2026-11-20T10:00:00Z",
        "metadata": {
            "request": {"method": "GET", "path": path, "headers": {"user_agent": "curl"}},
            "response": {"status_code": status},
        },
    })
}

/// Events in by the Storage Write API, Studio's list out by `jobs.query`.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_logged_is_asked_for() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let source = token(&program, EDGE).await;
    let table = table_id(source);
    program.log(EDGE, &json!([edge_event("a", "/one", 200), edge_event("b", "/two", 500)])).await;
    assert_eq!(fake.rows(source).len(), 2);

    let sql = "select id, timestamp, event_message, metadata from edge_logs order by timestamp desc limit 100";
    let columns = &["id", "timestamp", "event_message", "metadata"];
    fake.rest.answer("from edge_logs order by", Answer::newest(DATASET, &table, columns));
    let times = [
        ("iso_timestamp_start", "2026-11-20T00:00:00Z"),
        ("iso_timestamp_end", "2026-11-21T00:00:00Z"),
    ];
    let answer = program.ask(sql, &times).await;
    let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(rows.len(), 2);
    let first = rows.iter().find(|row| row["id"] == "a").expect("it is there");
    // As from Postgres: objects in lists, and nothing of what the event lacks.
    assert_eq!(
        first,
        &json!({
            "id": "a", "timestamp": 1_795_168_800_000_000_i64, "event_message": "GET /one",
            "metadata": [{
                "request": [{"method": "GET", "path": "/one", "headers": [{"user_agent": "curl"}]}],
                "response": [{"status_code": 200}],
            }],
        })
    );

    let asked = fake.rest.asked().pop().expect("it was asked");
    assert!(asked.sql.starts_with("WITH edge_logs as ("), "{}", asked.sql);
    assert!(!asked.sql.contains("postgres_logs"), "{}", asked.sql);
    let read = format!(
        "FROM `{PROJECT}.{DATASET}.{table}` WHERE `timestamp` >= TIMESTAMP '2026-11-20 00:00:00+00' \
         AND `timestamp` <= TIMESTAMP '2026-11-21 00:00:00+00') as t"
    );
    assert!(asked.sql.contains(&read), "{}", asked.sql);
    assert!(asked.sql.ends_with(&format!("(\n{sql}\n)")), "{}", asked.sql);
    assert_eq!(asked.parameter("project"), Some("default"));
    assert_eq!(asked.parameter("iso_timestamp_start"), Some("2026-11-20T00:00:00Z"));
    assert_eq!(asked.request["labels"]["managed_by"], "logweir");
    assert_eq!(asked.request["location"], "US");
    assert_eq!(asked.request["timeoutMs"], 25_000);
    assert!(asked.request.get("maximumBytesBilled").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_pages_up_to_the_limit() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let rows: Vec<Row> = (0..1500).map(|n| Row::from_iter([("n".to_owned(), json!(n))])).collect();
    let many = Answer::rows(&[("n", ColumnType::Integer)], &rows).costing(7).after_waits(2);
    fake.rest.answer("n from edge_logs", many);
    let found = program.rows("select 1 as n from edge_logs").await;
    assert_eq!(found.len(), 1000);
    assert!(found.iter().enumerate().all(|(place, row)| row["n"] == place));
    let url = program.url("/metrics");
    let metrics = program.client.get(url).bearer_auth(PRIVATE).send().await.expect("it answers");
    let metrics = metrics.text().await.expect("text");
    let counted = "logweir_bigquery_processed_bytes_total{endpoint=\"logs.all\"} 7";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_sources_and_the_callers_lines() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let table = table_id(token(&program, EDGE).await);
    let name = format!("{PROJECT}:{DATASET}.{table}");
    let failing = Answer::made(move |asked, _| {
        let before = asked.sql.split("select\nid").next().unwrap_or_default();
        let line = before.matches('\n').count() + 2;
        let text = format!("Name x not found inside {name} at [{line}:9]");
        Err(Refusal::new(400, "invalidQuery", text))
    });
    fake.rest.answer("from edge_logs", failing);
    let refusal = program.refusal("select\nid from edge_logs").await;
    assert_eq!(refusal, format!("Name x not found inside {EDGE} at [2:9]"));
    // What the sandbox does not let through is never asked.
    let count = fake.rest.asked().len();
    for sql in [
        format!("select id from `{PROJECT}.{DATASET}.{table}`"),
        format!("select id from `{EDGE}`"),
        "select * from edge_logs".to_owned(),
        "select session_user()".to_owned(),
        "select id from edge_logs) union all (select 'a'".to_owned(),
    ] {
        program.refusal(&sql).await;
    }
    assert_eq!(fake.rest.asked().len(), count);
    // A service that fails for a moment is asked again.
    fake.rest.answer("from edge_logs", Answer::rows(&[("id", ColumnType::String)], &[]));
    fake.rest.refuse(1, &Refusal::new(503, "backendError", "again"));
    assert_eq!(program.rows("select id from edge_logs").await, Vec::<Value>::new());
    fake.rest.refuse(9, &Refusal::new(503, "backendError", "gone"));
    let refusal = program.refusal("select id from edge_logs").await;
    assert!(refusal.starts_with("the store cannot be queried now: "), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_a_price_and_a_limit() {
    let fake = FakeBigQuery::start().await;
    let limit = [("LOGWEIR_BIGQUERY_MAX_BYTES_BILLED", "20000000")];
    let program = serving(&fake, &limit).await;
    let one = Row::from_iter([("one".to_owned(), json!(1))]);
    let answered = Answer::rows(&[("one", ColumnType::Integer)], &[one]);
    fake.rest.answer("as one", answered.clone());
    fake.rest.answer("as dear", answered.costing(1 << 30));
    let estimate = async |sql: &str| {
        let parse = request(&program, Method::GET, "/api/query/parse").query(&[("sql", sql)]);
        answer(parse).await
    };
    let (status, parsed) = estimate("select 1 as one from `postgres.logs` where id = @a").await;
    assert_eq!(status, 200);
    assert_eq!(parsed["result"]["estimated_bytes_processed"], 10 << 20, "{parsed}");
    assert_eq!(parsed["result"]["parameters"], json!(["a"]));
    let (_, parsed) = estimate("select id from nowhere").await;
    let why = parsed["result"]["no_estimate"].as_str().unwrap_or_default();
    assert!(why.contains("nowhere"), "{parsed}");
    let query = async |sql: &str| {
        answer(request(&program, Method::GET, "/api/query").query(&[("sql", sql)])).await
    };
    assert_eq!(query("select 1 as one").await, (200, json!({ "result": [{ "one": 1 }] })));
    let (status, refused) = query("select 1 as dear").await;
    assert_eq!(status, 400);
    let text = refused["error"].as_str().unwrap_or_default();
    assert!(text.starts_with("Query exceeded limit for bytes billed: 20000000."), "{refused}");
    for language in ["pg_sql", "bq_sql"] {
        let asked = request(&program, Method::GET, "/api/query");
        let (status, _) = answer(asked.query(&[(language, "select 1 as one")])).await;
        assert_eq!(status, if language == "pg_sql" { 400 } else { 200 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_have_parameters_labels_and_fields_that_no_event_has_carried() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    made(&program, "/api/sources", json!({"name": "shop.events"})).await;
    let source = token(&program, "shop.events").await;
    program.log("shop.events", &json!([{"event_message": "sold", "price": 3}])).await;
    eventually("the field is a column", async || {
        fake.tables
            .schema(DATASET, &table_id(source))
            .is_some_and(|schema| schema.fields.iter().any(|column| column.name == "price"))
    })
    .await;
    let query =
        "select price, nothing from `shop.events` as e where nothing = @what or @what is null";
    let endpoint =
        json!({"name": "sold", "query": query, "labels": "team=Shop,what=@what,who,9lives=1,_x=2"});
    made(&program, "/api/endpoints", endpoint).await;
    let columns = [("price", ColumnType::Integer), ("nothing", ColumnType::String)];
    let row = Row::from_iter([("price".to_owned(), json!(3))]);
    fake.rest.answer("select price", Answer::rows(&columns, &[row]));
    let asked = request(&program, Method::GET, "/api/endpoints/query/sold")
        .query(&[("what", "A.b")])
        .header("LF-ENDPOINT-LABELS", "who=me,other=x");
    let expected = json!({ "result": [{ "price": 3, "nothing": null }] });
    assert_eq!(answer(asked).await, (200, expected));
    let asked = fake.rest.asked().pop().expect("it was asked");
    assert!(
        asked.sql.contains("(SELECT *, CAST(NULL AS STRING) AS `nothing` FROM"),
        "{}",
        asked.sql
    );
    assert_eq!(asked.parameter("what"), Some("A.b"));
    let labels = &asked.request["labels"];
    assert_eq!(
        (&labels["team"], &labels["what"], &labels["who"], &labels["other"]),
        (&json!("shop"), &json!("a_b"), &json!("me"), &Value::Null)
    );
    // BigQuery wants a letter first.
    assert_eq!((&labels["l9lives"], &labels["l_x"]), (&json!("1"), &json!("2")));
    for (language, query, why) in [
        ("pg_sql", "select 1 as one", "the events are in BigQuery"),
        ("lql", "f:nowhere sold", "Table \\\"nowhere\\\" does not exist at [1:3]"),
        ("lql", "f:shop.events t:tomorrow", "`tomorrow` is not a time"),
    ] {
        let endpoint = json!({"name": "other", "query": query, "language": language});
        let created = request(&program, Method::POST, "/api/endpoints").json(&endpoint);
        let (status, refusal) = answer(created).await;
        assert_eq!(status, 422, "{refusal}");
        assert!(refusal.to_string().contains(why), "{refusal}");
    }
}

/// LQL over an endpoint's CTEs, and in an endpoint of its own: BigQuery is asked in its SQL.
#[tokio::test(flavor = "multi_thread")]
async fn lql_is_asked_in_bigquerys_sql() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let table = table_id(token(&program, EDGE).await);
    program.log(EDGE, &json!([edge_event("a", "/one", 200), edge_event("b", "/two", 500)])).await;
    let columns = &["timestamp", "id", "event_message"];
    let newest = Answer::newest(DATASET, &table, columns);
    fake.rest.answer("FROM `edge_logs` AS lql_table", newest.clone());
    let by_lql = async |lql: &str| {
        let query = [("project", "default"), ("lql", lql)];
        let path = "/api/endpoints/query/logs.all";
        answer(request(&program, Method::GET, path).query(&query)).await
    };
    let (_, found) = by_lql("f:edge_logs m.response.status_code:>=200 \"') or true --\"").await;
    assert_eq!(found["result"].as_array().map(Vec::len), Some(2), "{found}");
    let asked = fake.rest.asked().pop().expect("it was asked");
    assert!(asked.sql.starts_with("WITH edge_logs as ("), "{}", asked.sql);
    assert!(!asked.sql.contains("postgres_logs"), "{}", asked.sql);
    let written = "WHERE (SELECT LOGICAL_OR(NOT (SAFE_CAST(lql_value_2.`status_code` AS FLOAT64) < 200)) \
                   FROM UNNEST(lql_table.`metadata`) AS lql_value_1, \
                   UNNEST(lql_value_1.`response`) AS lql_value_2)\n  \
                   AND STRPOS(lql_table.`event_message`, @lql_text_1) > 0\n\
                   ORDER BY lql_table.`timestamp` DESC\n)";
    assert!(asked.sql.ends_with(written), "{}", asked.sql);
    assert_eq!(asked.parameter("lql_text_1"), Some("') or true --"));
    assert_eq!(asked.parameter("project"), Some("default"));
    // What cannot be is never asked.
    let count = fake.rest.asked().len();
    for (lql, why) in [
        ("f:edge_logs nothing:1", "Name nothing not found inside edge_logs at [1:13]"),
        ("f:cloudflare.logs.prod x", "Table 'cloudflare.logs.prod' not found in available CTEs"),
        ("x OR y", "LQL has no OR"),
    ] {
        let (status, refusal) = by_lql(lql).await;
        let text = refusal["error"].as_str().unwrap_or_default();
        assert!(status == 200 && text.starts_with(why), "{lql}: {refusal}");
    }
    assert_eq!(fake.rest.asked().len(), count);

    let query = format!("f:{EDGE} t:2026-11-20 GET s:t s:id s:event_message s:unheard");
    let endpoint = json!({"name": "by.lql", "query": query, "language": "lql"});
    made(&program, "/api/endpoints", endpoint).await;
    fake.rest.answer("AS `unheard`", newest);
    let asking = request(&program, Method::GET, "/api/endpoints/query/by.lql");
    let (_, found) = answer(asking).await;
    assert_eq!(found["result"].as_array().map(Vec::len), Some(2), "{found}");
    let asked = fake.rest.asked().pop().expect("it was asked");
    let read = format!(
        "FROM (SELECT *, CAST(NULL AS STRING) AS `unheard` FROM `{PROJECT}.{DATASET}.{table}` \
         WHERE `timestamp` >= TIMESTAMP '2026-11-20 00:00:00+00' \
         AND `timestamp` <= TIMESTAMP '2026-11-21 00:00:00+00') AS lql_table"
    );
    assert!(asked.sql.contains(&read), "{}", asked.sql);
    assert_eq!(asked.parameter("lql_text_1"), Some("GET"));
    assert_eq!(asked.request["labels"]["managed_by"], "logweir");
}

/// An answer to times that go on is the same question as the one before, as long as it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_times_of_today_are_kept() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let query = format!("with own as (select id, timestamp from `{EDGE}`) select 1 as one");
    let endpoint = json!({"name": "kept", "query": query, "sandboxable": true});
    made(&program, "/api/endpoints", endpoint).await;
    let minutes = Answer::rows(&[("value", ColumnType::Integer)], &[]);
    fake.rest.answer("COUNT(*) AS `value`", minutes);
    let asked = async || {
        let asking = request(&program, Method::GET, "/api/endpoints/query/kept");
        let (status, found) = answer(asking.query(&[("lql", "t:last@1h c:count(*)")])).await;
        assert_eq!((status, found), (200, json!({ "result": [] })));
        fake.rest.asked().len()
    };
    let first = asked().await;
    let second_before = std::time::SystemTime::now();
    eventually("a second passes", async || {
        second_before.elapsed().is_ok_and(|time| time.as_millis() > 1100)
    })
    .await;
    assert_eq!(asked().await, first);
}

/// A query that nobody waits for any more is ended there too.
#[tokio::test(flavor = "multi_thread")]
async fn queries_end_in_time() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[("LOGWEIR_QUERY_TIMEOUT_SECS", "1")]).await;
    let endless = Answer::rows(&[("id", ColumnType::String)], &[]).after_waits(usize::MAX);
    fake.rest.answer("from edge_logs", endless);
    let refusal = program.refusal("select id from edge_logs").await;
    assert_eq!(refusal, "the query ran longer than 1 s; narrow its time range");
    eventually("the job is cancelled", async || fake.rest.cancelled() == 1).await;
}

/// So does what has to be asked before: the table of a new source.
#[tokio::test(flavor = "multi_thread")]
async fn queries_end_in_time_with_all_that_goes_before_them() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[("LOGWEIR_QUERY_TIMEOUT_SECS", "1")]).await;
    made(&program, "/api/sources", json!({"name": "shop.events"})).await;
    fake.rest.set_delay(Duration::from_secs(30));
    let sql = "select id from `shop.events`";
    let begun = Instant::now();
    let (status, refused) =
        answer(request(&program, Method::GET, "/api/query").query(&[("sql", sql)])).await;
    assert_eq!(status, 400, "{refused}");
    let text = refused["error"].as_str().unwrap_or_default();
    assert_eq!(text, "the query ran longer than 1 s; narrow its time range");
    let parse = request(&program, Method::GET, "/api/query/parse").query(&[("sql", sql)]);
    let (_, parsed) = answer(parse).await;
    let why = parsed["result"]["no_estimate"].as_str().unwrap_or_default();
    assert!(why.contains("longer than 1 s"), "{parsed}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Somebody removes a table under the running program.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_gone_is_made_and_asked_again() {
    let fake = FakeBigQuery::start().await;
    let program = serving(&fake, &[]).await;
    let table = table_id(token(&program, EDGE).await);
    program.log(EDGE, &json!([edge_event("a", "/one", 200)])).await;
    fake.rest.answer("from edge_logs", Answer::newest(DATASET, &table, &["id"]));
    assert_eq!(program.rows("select id from edge_logs").await, [json!({"id": "a"})]);
    fake.tables.delete_table(DATASET, &table).expect("it is there");
    assert_eq!(program.rows("select id from edge_logs").await, Vec::<Value>::new());
    assert!(fake.tables.table(DATASET, &table).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_key_are_shown_and_renewed() {
    let fake = FakeBigQuery::start().await;
    fake.rest.ask_for_token();
    let key = fake.rest.key();
    let program = serving(&fake, &[("GOOGLE_APPLICATION_CREDENTIALS_JSON", &key)]).await;
    fake.rest.answer("select id", Answer::rows(&[("id", ColumnType::String)], &[]));
    program.rows("select id from edge_logs").await;
    fake.rest.end_tokens();
    program.rows("select id from edge_logs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let fake = FakeBigQuery::start().await;
    let one = Row::from_iter([("one".to_owned(), json!(1))]);
    fake.rest.answer("SELECT 1", Answer::rows(&[("one", ColumnType::Integer)], &[one]));
    fake.rest.answer("SELECT COUNT(*)", Answer::rows(&[("events", ColumnType::Integer)], &[]));
    let folder = std::env::temp_dir().join(format!("logweir-check-{}", Uuid::new_v4()));
    let checked = async || {
        let of_fake = fake.settings();
        let settings: Vec<(&str, &str)> =
            of_fake.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut program = Program::start_with_log(&["check-bigquery"], &settings, &folder);
        let success = program.ended().await.success();
        let text = std::fs::read_to_string(&folder).expect("it has said something");
        std::fs::remove_file(&folder).expect("it can be removed");
        (success, text)
    };
    let (success, text) = checked().await;
    assert!(success, "{text}");
    for line in [
        "ok       credentials",
        "ok       bigquery.datasets.create",
        "ok       the dataset's location",
        "ok       bigquery.tables.updateData",
        "ok       bigquery.tables.delete",
        "ok       bigquery.jobs.create",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(fake.tables.names(DATASET), Vec::<String>::new());
    fake.rest.deny("bigquery.tables.update");
    fake.rest.deny("bigquery.jobs.create");
    let (success, text) = checked().await;
    assert!(!success);
    for line in [
        "ok       bigquery.datasets.get",
        "MISSING  bigquery.tables.update: Access Denied: my-project:1_prod: Permission bigquery.tables.update denied",
        "ok       bigquery.tables.updateData",
        "MISSING  bigquery.jobs.create: Access Denied",
        "logweir: 3 of ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
