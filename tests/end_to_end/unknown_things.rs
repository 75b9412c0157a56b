//! What management says of things that nobody has made, and of rules and backends that name them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::manage,
    endpoints::{answer, made, request},
};
use end_to_end::program::Program;

/// No thing has it.
const NOBODY: &str = "5f0b8c1e-0000-4000-8000-000000000000";

async fn ask(program: &Program, method: &Method, path: &str, body: &Value) -> (u16, Value) {
    let (status, body) = manage(program, method.clone(), path, body).await;
    (status.as_u16(), body)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_made_is_not_found() {
    let program = super::program().await;
    let source = made(&program, "/api/sources", json!({"name": "here"})).await;
    let here = text(&source["token"]);
    let not_found = (404, json!({"error": "Not Found"}));
    let name = json!({"name": "x"});
    let methods = [
        (Method::GET, Value::Null),
        (Method::PUT, name.clone()),
        (Method::PATCH, name),
        (Method::DELETE, Value::Null),
    ];
    for kind in ["sources", "endpoints", "teams", "backends", "rules", "alerts"] {
        for (method, body) in &methods {
            let body = match kind {
                "rules" if !body.is_null() => json!({"lql_string": "a"}),
                _ => body.clone(),
            };
            for token in [NOBODY, "nobody"] {
                let path = format!("/api/{kind}/{token}");
                assert_eq!(ask(&program, method, &path, &body).await, not_found, "{method} {path}");
            }
        }
    }
    for (method, path) in [
        (Method::POST, format!("/api/backends/{NOBODY}/test")),
        (Method::POST, format!("/api/sources/{NOBODY}/backends/{NOBODY}")),
        (Method::POST, format!("/api/sources/{here}/backends/{NOBODY}")),
        (Method::DELETE, format!("/api/sources/{NOBODY}/backends/{NOBODY}")),
        (Method::DELETE, "/api/access-tokens/123456".to_owned()),
        (Method::GET, format!("/api/rules?backend_token={NOBODY}")),
        (Method::GET, "/api/rules?backend_id=123456".to_owned()),
        (Method::GET, format!("/api/sources/{NOBODY}/schema")),
        (Method::GET, format!("/api/sources/{NOBODY}/recent")),
        (Method::GET, format!("/api/sources/{NOBODY}/rejected-events")),
        (Method::GET, format!("/api/sources/{NOBODY}/validation")),
    ] {
        assert_eq!(ask(&program, &method, &path, &Value::Null).await, not_found, "{method} {path}");
    }
    // A backend that is not attached can be detached.
    let path = format!("/api/sources/{here}/backends/{NOBODY}");
    let (status, shown) = ask(&program, &Method::DELETE, &path, &Value::Null).await;
    assert_eq!((status, &shown["name"], &shown["backends"]), (200, &json!("here"), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_name_things_that_are_there() {
    let program = super::program().await;
    let one = made(&program, "/api/sources", json!({"name": "one"})).await;
    let other = made(&program, "/api/sources", json!({"name": "other"})).await;
    let rule = json!({"source_id": one["id"], "lql_string": "error", "sink": other["token"]});
    let mut rule = made(&program, "/api/rules", rule).await;
    let path = format!("/api/rules/{}", text(&rule["token"]));
    assert_eq!(ask(&program, &Method::GET, &path, &Value::Null).await, (200, rule.clone()));
    let change = json!({"lql_string": "warning"});
    rule["lql_string"] = json!("warning");
    assert_eq!(ask(&program, &Method::PUT, &path, &change).await, (200, rule.clone()));
    assert_eq!(ask(&program, &Method::PATCH, &path, &change).await, (204, Value::Null));

    let not_found = json!({"error": "Not Found"});
    for (field, value) in
        [("source_id", json!(123_456)), ("backend_id", json!(123_456)), ("sink", json!(NOBODY))]
    {
        let change = json!({field: value});
        let changed = ask(&program, &Method::PUT, &path, &change).await;
        assert_eq!(changed, (404, not_found.clone()), "{field}");
        let mut given = json!({"source_id": one["id"], "lql_string": "a", "sink": other["token"]});
        given[field] = value;
        let refused = ask(&program, &Method::POST, "/api/rules", &given).await;
        assert_eq!(refused, (404, not_found.clone()), "{field}");
        let several =
            json!([given, {"source_id": one["id"], "lql_string": "b", "sink": other["token"]}]);
        let (status, made) = ask(&program, &Method::POST, "/api/rules", &several).await;
        assert_eq!((status, &made["errors"]), (400, &json!(["Unauthorized"])), "{field}");
        assert_eq!(made["results"][0]["lql_string"], "b", "{field}");
    }
    assert_eq!(ask(&program, &Method::GET, &path, &Value::Null).await, (200, rule));
    assert_eq!(ask(&program, &Method::DELETE, &path, &Value::Null).await, (204, Value::Null));
    assert_eq!(ask(&program, &Method::GET, &path, &Value::Null).await, (404, not_found));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_rules_are_made_at_once_and_no_more() {
    let program = super::program().await;
    let one = made(&program, "/api/sources", json!({"name": "one"})).await;
    let other = made(&program, "/api/sources", json!({"name": "other"})).await;
    let rule = json!({"source_id": one["id"], "lql_string": "error", "sink": other["token"]});
    for (elements, count) in [(vec![rule.clone(); 1001], 1001), (vec![json!(1); 200_000], 200_000)]
    {
        let refused = ask(&program, &Method::POST, "/api/rules", &json!(elements)).await;
        let text = format!("at most 1000 rules are made at once, these are {count}");
        assert_eq!(refused, (400, json!({"error": text})));
    }
    let rules = async || ask(&program, &Method::GET, "/api/rules", &Value::Null).await.1;
    assert_eq!(rules().await, json!([]));

    let mut elements = vec![json!({"source_id": 123_456, "lql_string": "a"}); 998];
    elements.extend([rule.clone(), rule]);
    let (status, body) = ask(&program, &Method::POST, "/api/rules", &json!(elements)).await;
    assert_eq!((status, &body["errors"]), (400, &json!(vec!["Unauthorized"; 998])));
    assert_eq!(body["results"], rules().await);
    assert_eq!(body["results"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_are_found_by_what_is_noted_of_them_and_detached() {
    let program = super::program().await;
    let source = made(&program, "/api/sources", json!({"name": "s"})).await;
    let metadata = json!({"type": "log-drain", "n": 5, "on": true, "of": {"team": "a"}});
    let backend = json!({
        "name": "b", "type": "webhook", "config": {"url": "http://127.0.0.1:9/"},
        "metadata": metadata,
    });
    let backend = made(&program, "/api/backends", backend).await;
    for (query, is_found) in [
        ("metadata[type]=log-drain", true),
        ("metadata[type]=log-drain&metadata[n]=5", true),
        ("metadata[on]=true", true),
        ("metadata[of][team]=a", true),
        ("metadata[of][team]=b", false),
        ("metadata[n]=6", false),
        ("metadata[nobody]=5", false),
    ] {
        let list = request(&program, Method::GET, &format!("/api/backends?{query}"));
        let (status, list) = answer(list).await;
        let names: Vec<_> = list.as_array().expect("a list").iter().map(|b| &b["token"]).collect();
        let expected = if is_found { vec![&backend["token"]] } else { Vec::new() };
        assert_eq!((status, names), (200, expected), "{query}");
    }
    let path =
        format!("/api/sources/{}/backends/{}", text(&source["token"]), text(&backend["token"]));
    let (status, attached) = ask(&program, &Method::POST, &path, &Value::Null).await;
    assert_eq!((status, &attached["backends"][0]["token"]), (201, &backend["token"]));
    for _ in 0..2 {
        let (status, detached) = ask(&program, &Method::DELETE, &path, &Value::Null).await;
        assert_eq!((status, &detached["backends"]), (200, &json!([])));
    }
}

/// Else its events would go out without what was meant.
#[tokio::test(flavor = "multi_thread")]
async fn misspelt_settings_of_a_backend_are_refused_and_others_passed_over() {
    let program = super::program().await;
    let backend = json!({
        "name": "b", "type": "webhook", "of": "mine",
        "config": {"url": "http://127.0.0.1:9/", "note": "mine"},
    });
    let backend = made(&program, "/api/backends", backend).await;
    let config = json!({"url": "http://127.0.0.1:9/", "http": "http2", "gzip": true});
    assert_eq!((&backend["config"], &backend["of"]), (&config, &Value::Null));
    let path = format!("/api/backends/{}", text(&backend["token"]));
    let misspelt = json!({
        "name": "b", "type": "webhook",
        "config": {"url": "http://127.0.0.1:9/", "header": {"a": "b"}, "gzip": "maybe"},
    });
    let errors = json!({"errors": {
        "config.gzip": ["is invalid"], "config.header": ["is not known: it may be headers"],
    }});
    for (method, path) in
        [(Method::POST, "/api/backends"), (Method::PUT, &path), (Method::PATCH, &path)]
    {
        let refused = ask(&program, &method, path, &misspelt).await;
        assert_eq!(refused, (422, errors.clone()), "{method}");
    }
    assert_eq!(ask(&program, &Method::GET, &path, &Value::Null).await, (200, backend));
}
