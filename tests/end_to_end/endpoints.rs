//! Endpoints: managed, asked, kept, open to browsers.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use end_to_end::program::{PRIVATE, PUBLIC, Program, eventually};

/// A request to the management API.
pub(crate) fn request(program: &Program, method: Method, path: &str) -> RequestBuilder {
    program.client.request(method, program.url(path)).header("x-api-key", PRIVATE)
}

/// Its status, and its body as JSON; `null` for none.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("it answers");
    let status = response.status().as_u16();
    let body = response.text().await.expect("the answer is complete");
    let body = match body.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")),
    };
    (status, body)
}

/// Makes a thing; gives what is shown of it.
pub(crate) async fn made(program: &Program, path: &str, body: Value) -> Value {
    let (status, made) = answer(request(program, Method::POST, path).json(&body)).await;
    assert_eq!(status, 201, "{body}: {made}");
    made
}

/// Asks an endpoint by its name.
async fn ask(program: &Program, name: &str, parameters: &[(&str, &str)]) -> Value {
    let path = format!("/api/endpoints/query/{name}");
    let (status, body) = answer(request(program, Method::GET, &path).query(parameters)).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// The only value of the only row.
fn only(answer: &Value, column: &str) -> Value {
    let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(rows.len(), 1, "{answer}");
    rows[0][column].clone()
}

fn token(thing: &Value) -> &str {
    thing["token"].as_str().expect("a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_does_what_the_reference_says() {
    let program = super::program().await;
    let source = made(&program, "/api/sources", json!({"name": "shop"})).await;
    let query = "select id from shop where id = @id";
    let given = json!({"name": "orders", "query": query, "id": 77, "source_mapping": {"x": "y"}});
    let mut shown = made(&program, "/api/endpoints", given).await;
    let path = format!("/api/endpoints/{}", token(&shown));
    let (status, fetched) = answer(request(&program, Method::GET, &path)).await;
    assert_eq!((status, &fetched), (200, &shown));
    let (_, list) = answer(request(&program, Method::GET, "/api/endpoints")).await;
    assert!(list.as_array().expect("a list").contains(&shown));

    let fields = shown.as_object_mut().expect("an object");
    for time in ["inserted_at", "updated_at"] {
        let time = fields.remove(time).expect("a time");
        assert!(time.as_str().expect("text").ends_with('Z'), "{time}");
    }
    let id = fields.remove("id").expect("an id");
    let own = fields.remove("token").expect("a token");
    assert_ne!(id, 77);
    let expected = json!({
        "name": "orders", "query": query, "language": "bq_sql", "description": null,
        "sandboxable": false, "cache_duration_seconds": 3600, "proactive_requerying_seconds": 1800,
        "max_limit": 1000, "enable_auth": true, "redact_pii": false,
        "enable_dynamic_reservation": false, "labels": null, "backend_id": null,
        "source_mapping": {"shop": source["token"]},
    });
    assert_eq!(shown, expected);

    // PUT gives the object, PATCH nothing; what is not given stays, the language among it.
    let change = json!({"language": "pg_sql", "query": "select id from shop", "max_limit": "7"});
    let (status, changed) = answer(request(&program, Method::PUT, &path).json(&change)).await;
    assert_eq!(
        (status, &changed["language"], &changed["max_limit"]),
        (201, &json!("pg_sql"), &json!(7))
    );
    assert_eq!(changed["name"], "orders");
    let change =
        json!({"description": "of today", "token": "00000000-0000-0000-0000-000000000000"});
    let patched = answer(request(&program, Method::PATCH, &path).json(&change)).await;
    assert_eq!(patched, (204, Value::Null));
    let (_, now) = answer(request(&program, Method::GET, &path)).await;
    assert_eq!((&now["language"], &now["description"]), (&json!("pg_sql"), &json!("of today")));
    assert_eq!(now["token"], own);
    let change = json!({"description": null, "max_limit": null});
    let (_, now) = answer(request(&program, Method::PUT, &path).json(&change)).await;
    assert_eq!((&now["description"], &now["max_limit"]), (&Value::Null, &json!(1000)));

    assert_eq!(answer(request(&program, Method::DELETE, &path)).await, (204, Value::Null));
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let gone = answer(request(&program, method, &path).json(&json!({}))).await;
        assert_eq!(gone, (404, json!({"error": "Not Found"})));
    }
    let gone = ask(&program, "orders", &[]).await;
    assert_eq!(gone, json!({"error": "Endpoint \"orders\" is not available on this server"}));
    for token in ["", PUBLIC, "wrong"] {
        let request = program.client.get(program.url("/api/endpoints")).header("x-api-key", token);
        assert_eq!(answer(request).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said_field_by_field() {
    let program = super::program().await;
    made(&program, "/api/endpoints", json!({"name": "taken", "query": "select 1 as a"})).await;
    let base = json!({"name": "new", "query": "select 1 as a"});
    for (change, field, text) in [
        (json!({"name": null}), "name", "can't be blank"),
        (json!({"query": " "}), "query", "can't be blank"),
        (json!({"name": "taken"}), "name", "has already been taken"),
        (json!({"max_limit": 0}), "max_limit", "must be greater than or equal to 1"),
        (json!({"max_limit": 10_001}), "max_limit", "must be less than or equal to 10000"),
        (json!({"cache_duration_seconds": -1}), "cache_duration_seconds", "must be greater than"),
        (json!({"enable_auth": "maybe"}), "enable_auth", "is invalid"),
        (json!({"token": "x"}), "token", "is invalid"),
        (json!({"language": "sql"}), "language", "is invalid; it is one of bq_sql, pg_sql, lql"),
        (json!({"language": "ch_sql"}), "language", "is invalid; ch_sql is for ClickHouse"),
        (json!({"labels": "a=b,=c"}), "labels", "each label must have a non-empty key"),
        (json!({"query": "select"}), "query", "Syntax error: "),
        (json!({"query": "delete from x"}), "query", "Only SELECT queries allowed at [1:1]"),
        (json!({"query": "select 1; select 2"}), "query", "Only singular query allowed"),
        (json!({"query": "select\n nothing(1)"}), "query", "Function not found: nothing at [2:2]"),
        (
            json!({"query": "with a as (select id from nowhere) select 1 as b"}),
            "query",
            "Table \"nowhere\" does not exist at [1:27]; there are cloudflare.logs.prod, ",
        ),
        (
            json!({"query": "select pg_sleep(1)", "language": "pg_sql"}),
            "query",
            "Restricted function pg_sleep at [1:8]",
        ),
        (
            json!({"query": "hello", "language": "lql"}),
            "query",
            "Nothing says which source to query",
        ),
        (
            json!({"query": "select 1 as a from new"}),
            "query",
            "Endpoint \"new\" reads itself: new → new at [1:20]",
        ),
    ] {
        let mut body = base.clone();
        body.as_object_mut().expect("an object").extend(change.as_object().expect("one").clone());
        let request = request(&program, Method::POST, "/api/endpoints").json(&body);
        let (status, answer) = answer(request).await;
        assert_eq!(status, 422, "{body}: {answer}");
        let errors = answer["errors"].as_object().expect("errors by field");
        let found = errors[field][0].as_str().expect("a text");
        assert!(found.starts_with(text) && errors.len() == 1, "{body}: {answer}");
    }
    let broken = request(&program, Method::POST, "/api/endpoints").body("{");
    assert_eq!(answer(broken).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_of_no_backend() {
    let program = super::program().await;
    let backend = json!({
        "name": "b", "type": "webhook", "config": {"url": "http://127.0.0.1:9/"},
    });
    let backend = made(&program, "/api/backends", backend).await;
    let endpoint = json!({"name": "e", "query": "select 1 as a", "backend_id": null});
    let endpoint = made(&program, "/api/endpoints", endpoint).await;
    let path = format!("/api/endpoints/{}", token(&endpoint));
    let known = json!({"errors": {"backend_id": ["is of a backend that cannot be queried"]}});
    let unknown = json!({"error": "Not Found"});
    let invalid = json!({"errors": {"backend_id": ["is invalid"]}});
    for (id, expected) in [
        (backend["id"].clone(), (422, known)),
        (json!(123_456), (404, unknown)),
        (json!("x"), (422, invalid)),
    ] {
        let given = json!({"name": "new", "query": "select 1 as a", "backend_id": id});
        for (method, path) in [
            (Method::POST, "/api/endpoints"),
            (Method::PUT, path.as_str()),
            (Method::PATCH, path.as_str()),
        ] {
            let refused = answer(request(&program, method.clone(), path).json(&given)).await;
            assert_eq!(refused, expected, "{method} {given}");
        }
    }
    let shown = answer(request(&program, Method::GET, &path)).await;
    assert_eq!(shown, (200, endpoint));
}

/// Names may look like tokens, also like those of others.
#[tokio::test(flavor = "multi_thread")]
async fn by_the_path_of_names_endpoints_are_asked_by_name_alone() {
    let program = super::program().await;
    let open = json!({"name": "open", "query": "select 'open' as e", "enable_auth": false});
    let open = made(&program, "/api/endpoints", open).await;
    let none = "5f0b8c1e-0000-4000-8000-000000000000";
    for name in [none, token(&open)] {
        let named = json!({
            "name": name, "query": format!("select 'named {name}' as e"), "enable_auth": false,
        });
        made(&program, "/api/endpoints", named).await;
    }
    let asked = async |path: &str, key: &str| {
        answer(program.client.get(program.url(path)).header("x-api-key", key)).await
    };
    let found = |e: String| (200, json!({"result": [{"e": e}]}));
    let unauthorized = (401, json!({"error": "Unauthorized"}));
    for name in [none, token(&open)] {
        let path = format!("/api/endpoints/query/name/{name}");
        assert_eq!(asked(&path, PRIVATE).await, found(format!("named {name}")));
        // Names are for those who have a token.
        for key in ["", PUBLIC] {
            assert_eq!(asked(&path, key).await, unauthorized, "{name}");
        }
    }
    // Elsewhere it is the token that counts.
    for prefix in ["/api/endpoints/query", "/endpoints/query"] {
        let path = format!("{prefix}/{}", token(&open));
        for key in ["", PRIVATE] {
            assert_eq!(asked(&path, key).await, found("open".to_owned()));
        }
        let path = format!("{prefix}/{none}");
        let error = format!("Endpoint \"{none}\" is not available on this server");
        assert_eq!(asked(&path, PRIVATE).await, (200, json!({"error": error})));
        assert_eq!(asked(&path, "").await, unauthorized);
    }
    // A token is no name.
    let other = json!({"name": "other", "query": "select 1 as a", "enable_auth": false});
    let other = made(&program, "/api/endpoints", other).await;
    let path = format!("/api/endpoints/query/name/{}", token(&other));
    assert_eq!(asked(&path, "").await, unauthorized);
    let error = format!("Endpoint \"{}\" is not available on this server", token(&other));
    assert_eq!(asked(&path, PRIVATE).await, (200, json!({"error": error})));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_for_all_that_ask_the_same() {
    let program = super::program().await;
    // Every execution has its own time.
    let query = "select clock_timestamp()::text || coalesce(@p, '') as t, '10.0.0.1' as ip";
    let endpoint = json!({"name": "clock", "query": query, "language": "pg_sql"});
    let endpoint = made(&program, "/api/endpoints", endpoint).await;
    let path = format!("/api/endpoints/{}", token(&endpoint));
    let first = ask(&program, "clock", &[]).await;
    for same in [&[][..], &[("other", "1")], &[("api_key", "x"), ("t", "2")]] {
        assert_eq!(ask(&program, "clock", same).await, first, "{same:?}");
    }
    assert_ne!(ask(&program, "clock", &[("p", "x")]).await, first);

    let redacted = || {
        let request = request(&program, Method::GET, "/api/endpoints/query/clock");
        answer(request.header("LF-ENDPOINT-REDACT-PII", "true"))
    };
    let (_, without) = redacted().await;
    assert_eq!(only(&without, "ip"), "REDACTED");
    assert_ne!(only(&without, "t"), only(&first, "t"));
    assert_eq!(redacted().await.1, without);
    assert_eq!(ask(&program, "clock", &[]).await, first);

    let change = json!({"query": format!("{query}, 2 as two")});
    assert_eq!(answer(request(&program, Method::PATCH, &path).json(&change)).await.0, 204);
    let second = ask(&program, "clock", &[]).await;
    assert_eq!(only(&second, "two"), 2);
    let change = json!({"cache_duration_seconds": 0});
    assert_eq!(answer(request(&program, Method::PATCH, &path).json(&change)).await.0, 204);
    let third = ask(&program, "clock", &[]).await;
    assert_ne!(third, second);
    assert_ne!(ask(&program, "clock", &[]).await, third);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_at_once_are_one_execution() {
    let program = super::program().await;
    let query =
        "select clock_timestamp()::text as t, count(*) as n from generate_series(1, 1000000)";
    for (name, seconds, executions) in [("kept", 60, 1), ("unkept", 0, 6)] {
        let endpoint = json!({
            "name": name, "query": query, "language": "pg_sql", "cache_duration_seconds": seconds,
        });
        made(&program, "/api/endpoints", endpoint).await;
        let asked = (0..6).map(|_| ask(&program, name, &[]));
        let answers = futures_util::future::join_all(asked).await;
        let times: BTreeSet<_> =
            answers.iter().map(|answer| only(answer, "t").to_string()).collect();
        assert_eq!(times.len(), executions, "{name}: {times:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_answers_age_and_are_got_anew() {
    let program = super::program().await;
    let query = "select clock_timestamp()::text as t";
    for (name, kept, anew) in [("ages", 1, 0), ("anew", 600, 1)] {
        let endpoint = json!({
            "name": name, "query": query, "language": "pg_sql", "cache_duration_seconds": kept,
            "proactive_requerying_seconds": anew,
        });
        made(&program, "/api/endpoints", endpoint).await;
        let first = ask(&program, name, &[]).await;
        eventually("the answer is another one", async || ask(&program, name, &[]).await != first)
            .await;
    }
    // What failed is not kept.
    made(&program, "/api/sources", json!({"name": "late"})).await;
    let endpoint = json!({"name": "failing", "query": "select div(1, count(*)) as one from late"});
    made(&program, "/api/endpoints", endpoint).await;
    assert!(ask(&program, "failing", &[]).await["error"].as_str().is_some());
    program.log("late", &json!([{"event_message": "here"}])).await;
    assert_eq!(only(&ask(&program, "failing", &[]).await, "one"), 1);
}

/// Its SQL holds the time at which it was asked.
#[tokio::test(flavor = "multi_thread")]
async fn answers_of_lql_with_times_of_today_are_kept_and_got_anew_too() {
    let program = super::program().await;
    made(&program, "/api/sources", json!({"name": "own"})).await;
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // Of an hour ago: what comes within the second that is asked in is not counted yet.
    let event = |text: &str| json!([{"event_message": text, "timestamp": second() - 3600}]);
    program.log("own", &event("one")).await;
    let lql = "t:last@1d c:count(*) c:group_by(t::day)";
    let of_own = format!("f:own {lql}");
    for (name, language, query, anew) in [
        ("lql", "lql", of_own.as_str(), 0),
        ("lql anew", "lql", of_own.as_str(), 1),
        ("sandbox", "bq_sql", "with own as (select id, timestamp from own) select 1 as a", 0),
    ] {
        let endpoint = json!({
            "name": name, "language": language, "query": query, "sandboxable": language != "lql",
            "cache_duration_seconds": 600, "proactive_requerying_seconds": anew,
        });
        made(&program, "/api/endpoints", endpoint).await;
    }
    let counted = async |name: &str| {
        let parameters = [("lql", lql)];
        let parameters = if name == "sandbox" { &parameters[..] } else { &[] };
        let answer = ask(&program, name, parameters).await;
        let rows = answer["result"].as_array().unwrap_or_else(|| panic!("{name}: {answer}"));
        rows.iter().filter_map(|row| row["value"].as_u64()).sum::<u64>()
    };
    let began = second();
    for name in ["lql", "lql anew", "sandbox"] {
        assert_eq!(counted(name).await, 1, "{name}");
    }
    program.log("own", &event("two")).await;
    eventually("it is another second", async || second() > began + 1).await;
    for name in ["lql", "sandbox"] {
        assert_eq!(counted(name).await, 1, "{name}");
    }
    eventually("the answer is got anew", async || counted("lql anew").await == 2).await;
    assert_eq!(counted("lql").await, 1);
}

/// A row that is put together can be larger than all that it is made of.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_an_answer_takes_much_memory() {
    let program = super::program().await;
    let before = program.peak_kilobytes();
    let text = "x".repeat(1000);
    for (parameter, sql) in [
        ("pg_sql", format!("select string_agg('{text}', '') as x from generate_series(1, 150000)")),
        (
            "bq_sql",
            format!("select string_agg('{text}', '') as x from unnest(generate_array(1, 150000))"),
        ),
        (
            "bq_sql",
            format!("select array_agg('{text}') as x from unnest(generate_array(1, 150000))"),
        ),
    ] {
        let request = request(&program, Method::GET, "/api/query").query(&[(parameter, &sql)]);
        let (status, answer) = answer(request).await;
        let error = answer["error"].as_str().unwrap_or_default();
        let is_said = status == 400 && error.starts_with("a row of the answer has ");
        assert!(is_said, "{}: {error} {status}", sql.replace(&text, "x"));
    }
    let grown = program.peak_kilobytes() - before;
    assert!(grown < 100_000, "{grown} kB more");
}

/// What is shown has the names of now, and can be saved as it is.
async fn names_of_now_are_shown(program: &Program, source: &Value) {
    let (_, list) = answer(request(program, Method::GET, "/api/endpoints")).await;
    for (name, query) in [
        (
            "of.level",
            "select before.event_message as m from `after` as `before` where level = @level",
        ),
        (
            "pg.level",
            "select event_message as m from \"after\" as \"before\" where body->>'level' = @level",
        ),
        (
            "counted",
            "with c as (select count(*) as n, max(m) as m from `of.level`) select n, m from c",
        ),
    ] {
        let list = list.as_array().expect("a list");
        let listed = list.iter().find(|endpoint| endpoint["name"] == name).expect("it is there");
        assert_eq!(listed["query"], query);
        let path = format!("/api/endpoints/{}", token(listed));
        let (_, shown) = answer(request(program, Method::GET, &path)).await;
        assert_eq!(&shown, listed);
        if name != "counted" {
            assert_eq!(shown["source_mapping"], json!({"after": source["token"]}));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_use_endpoints_and_sources_that_are_called_otherwise_now() {
    let program = super::program().await;
    let source = made(&program, "/api/sources", json!({"name": "before"})).await;
    let events = json!([
        {"id": "1", "event_message": "one", "level": "error"},
        {"id": "2", "event_message": "two", "level": "info"},
    ]);
    program.log("before", &events).await;
    let of = |name: &str, language: &str, query: &str| {
        json!({
            "name": name, "language": language, "query": query, "cache_duration_seconds": 0,
            "sandboxable": true,
        })
    };
    for endpoint in [
        of(
            "of.level",
            "bq_sql",
            "select before.event_message as m from before where level = @level",
        ),
        of(
            "counted",
            "bq_sql",
            "with c as (select count(*) as n, max(m) as m from `of.level`) select n, m from c",
        ),
        of(
            "pg.level",
            "pg_sql",
            "select event_message as m from before where body->>'level' = @level",
        ),
        of(
            "pg.counted",
            "pg_sql",
            "with c as (select count(*) as n, max(m) as m from \"pg.level\") select n, m from c",
        ),
    ] {
        made(&program, "/api/endpoints", endpoint).await;
    }
    for renamed in [false, true] {
        if renamed {
            let path = format!("/api/sources/{}", token(&source));
            let change = request(&program, Method::PATCH, &path).json(&json!({"name": "after"}));
            assert_eq!(answer(change).await.0, 204);
        }
        for name in ["counted", "pg.counted"] {
            let found = ask(&program, name, &[("level", "error")]).await;
            assert_eq!(found, json!({"result": [{"n": 1, "m": "one"}]}), "{name} {renamed}");
            // A consumer sees the CTEs, not what they are made of.
            let found = ask(&program, name, &[("level", "info"), ("sql", "select m from c")]).await;
            assert_eq!(found, json!({"result": [{"m": "two"}]}), "{name} {renamed}");
            for table in ["before", "after", "\"pg.level\"", "`of.level`"] {
                let sql = format!("select 1 as a from {table}");
                let found = ask(&program, name, &[("sql", &sql)]).await;
                assert!(found["error"].as_str().is_some(), "{name} {table}: {found}");
            }
        }
    }
    names_of_now_are_shown(&program, &source).await;
    // The old name is nobody's: it stands only in what was saved before.
    let query = [("sql", "select id from before")];
    let (status, _) = answer(request(&program, Method::GET, "/api/query").query(&query)).await;
    assert_eq!(status, 400);
    let (_, list) = answer(request(&program, Method::GET, "/api/endpoints")).await;
    let list = list.as_array().expect("a list");
    let first = list.iter().find(|endpoint| endpoint["name"] == "of.level").expect("it is there");
    let path = format!("/api/endpoints/{}", token(first));
    let change = json!({"query": "select m from counted"});
    let (status, refused) = answer(request(&program, Method::PUT, &path).json(&change)).await;
    assert_eq!(status, 422);
    assert_eq!(
        refused["errors"]["query"][0],
        "Endpoint \"counted\" reads itself: counted → of.level → counted at [1:15]"
    );
    let change = json!({"query": "select before.id as m from before where id = '2'"});
    let (status, changed) = answer(request(&program, Method::PUT, &path).json(&change)).await;
    assert_eq!((status, &changed["source_mapping"]), (201, &json!({"after": source["token"]})));
    assert_eq!(only(&ask(&program, "of.level", &[]).await, "m"), "2");
    // Another source has the name now: who writes it anew means that one.
    let new = made(&program, "/api/sources", json!({"name": "before"})).await;
    assert_eq!(only(&ask(&program, "of.level", &[]).await, "m"), "2");
    let change = json!({"query": "select count(*) as m from before"});
    let (status, changed) = answer(request(&program, Method::PUT, &path).json(&change)).await;
    assert_eq!((status, &changed["source_mapping"]["before"]), (201, &new["token"]));
    assert_eq!(only(&ask(&program, "of.level", &[]).await, "m"), 0);
    // When it is gone, who only queries is not told of the others.
    let path = format!("/api/sources/{}", token(&new));
    assert_eq!(answer(request(&program, Method::DELETE, &path)).await.0, 204);
    let found = ask(&program, "of.level", &[]).await;
    assert_eq!(found, json!({"error": "Table \"before\" does not exist at [1:27]"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_taken_out_of_values_only() {
    let program = super::program().await;
    made(&program, "/api/sources", json!({"name": "visits"})).await;
    let event = json!([{
        "event_message": "GET from 203.0.113.7 and ::1 .", "10_0_0_1": "x",
        "list": ["10.0.0.2", {"ip": "2001:db8::1", "n": 12.5}],
    }]);
    program.log("visits", &event).await;
    let endpoint = json!({
        "name": "visits.all", "redact_pii": true, "cache_duration_seconds": 0,
        "query": "select event_message as m, list from visits",
        "labels": "team=@team,env",
    });
    made(&program, "/api/endpoints", endpoint).await;
    let expected = json!({"result": [{
        "m": "GET from REDACTED and REDACTED .", "list": ["REDACTED", {"ip": "REDACTED", "n": 12.5}],
    }]});
    assert_eq!(ask(&program, "visits.all", &[]).await, expected);
    let with = |value: &'static str| {
        let request = request(&program, Method::GET, "/api/endpoints/query/visits.all");
        answer(
            request.header("lf-endpoint-redact-pii", value).header("LF-ENDPOINT-LABELS", "env=a"),
        )
    };
    assert_eq!(with("true").await.1, expected);
    assert_eq!(only(&with("false").await.1, "m"), "GET from 203.0.113.7 and ::1 .");

    // Who has no token for it cannot turn it off.
    let open = json!({
        "name": "visits.open", "redact_pii": true, "enable_auth": false,
        "query": "select event_message as m from visits",
    });
    let open = made(&program, "/api/endpoints", open).await;
    let url = program.url(&format!("/api/endpoints/query/{}", token(&open)));
    for (key, value, is_redacted) in [
        (None, "false", true),
        (None, "x", true),
        (None, "true", true),
        (Some(PUBLIC), "false", true),
        (Some(PRIVATE), "false", false),
    ] {
        let request = program.client.get(&url).header("lf-endpoint-redact-pii", value);
        let request = match key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        };
        let (status, found) = answer(request).await;
        assert_eq!(status, 200, "{key:?} {value}: {found}");
        let text = only(&found, "m").to_string();
        assert_eq!(text.contains("REDACTED"), is_redacted, "{key:?} {value}: {text}");
    }

    // Nor are they told by errors, where values are neither quoted nor whole.
    let long = format!("{}203.0.113.77", "x".repeat(92));
    program.log("visits", &json!([{ "event_message": long }])).await;
    for (name, like) in [("short", "GET%"), ("long", "x%")] {
        let query = format!(
            "select cast(event_message as int64) as n from visits where event_message like '{like}'"
        );
        let endpoint = json!({ "name": name, "redact_pii": true, "query": query });
        made(&program, "/api/endpoints", endpoint).await;
        let error = ask(&program, name, &[]).await["error"].to_string();
        assert!(error.contains("Bad int64 value: ") && error.contains("REDACTED"), "{error}");
        assert!(!error.contains("203.0") && !error.contains("::1"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_capped_on_every_way() {
    let program = super::program().await;
    let with = |name: &str, language: &str, query: &str| {
        json!({
            "name": name, "language": language, "query": query, "sandboxable": true, "max_limit": 3,
        })
    };
    let bigquery = "with a as (select n from unnest(generate_array(1, 10)) as n) select n from a";
    let postgres = "with a as (select n from generate_series(1, 10) as n) select n from a limit 8";
    for endpoint in [with("bq", "bq_sql", bigquery), with("pg", "pg_sql", postgres)] {
        made(&program, "/api/endpoints", endpoint).await;
    }
    for (name, query) in [
        ("bq", &[][..]),
        ("bq", &[("sql", "select n from a limit 9")]),
        ("bq", &[("lql", "s:n f:a")]),
        ("pg", &[]),
        ("pg", &[("sql", "select n from a")]),
        ("pg", &[("sql", "(select n from a) union all (select n from a limit 9) limit 7")]),
    ] {
        let answer = ask(&program, name, query).await;
        let rows =
            answer["result"].as_array().unwrap_or_else(|| panic!("{name} {query:?} {answer}"));
        assert_eq!(rows.len(), 3, "{name} {query:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_ask_and_old_paths_lead_there() {
    let program = super::program().await;
    let public = json!({"name": "open", "query": "select 1 as one", "enable_auth": false});
    let public = made(&program, "/api/endpoints", public).await;
    let by_token = format!("/api/endpoints/query/{}", token(&public));
    for path in [
        by_token.as_str(),
        "/api/endpoints/query/open",
        "/api/endpoints/query/name/open",
        "/endpoints/query/open",
    ] {
        let preflight = program
            .client
            .request(Method::OPTIONS, program.url(path))
            .header("origin", "https://example.com")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-api-key,lf-endpoint-labels,content-type")
            .send()
            .await
            .expect("it answers");
        assert_eq!(preflight.status(), StatusCode::NO_CONTENT, "{path}");
        let header = |name: &str| {
            let value = preflight.headers().get(name).expect(name);
            value.to_str().expect("text").to_ascii_lowercase()
        };
        assert_eq!(header("access-control-allow-origin"), "*");
        assert_eq!(header("access-control-max-age"), "1728000");
        assert_eq!(header("access-control-allow-methods"), "get, post, options");
        for name in [
            "authorization",
            "content-type",
            "x-api-key",
            "lf-endpoint-labels",
            "lf-endpoint-redact-pii",
        ] {
            assert!(header("access-control-allow-headers").split(", ").any(|known| known == name));
        }
        // Whoever has no token may ask by the endpoint's token only.
        for (key, status) in [
            (PRIVATE, 200),
            ("", if path == by_token { 200 } else { 401 }),
            (PUBLIC, if path == by_token { 200 } else { 401 }),
        ] {
            let request = program.client.get(program.url(path)).header("x-api-key", key);
            let response = request.send().await.expect("it answers");
            assert_eq!(response.status().as_u16(), status, "{path} {key}");
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
        }
        assert_eq!(
            answer(request(&program, Method::GET, path)).await,
            (200, json!({"result": [{"one": 1}]}))
        );
    }
    // Not for what is managed.
    let request = program.client.request(Method::OPTIONS, program.url("/api/endpoints"));
    let response = request.timeout(Duration::from_secs(10)).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(response.headers().get("access-control-allow-origin").is_none());
}
