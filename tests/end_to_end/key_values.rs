//! Values by key.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::manage;

#[tokio::test(flavor = "multi_thread")]
async fn values_are_put_listed_and_removed() {
    let program = super::program().await;
    let path = "/api/key-values";
    let put = async |body: Value| manage(&program, Method::POST, path, &body).await;
    let remove = async |body: Value| manage(&program, Method::DELETE, path, &body).await;
    let list = async |query: &str| {
        let path = format!("{path}{query}");
        let (status, body) = manage(&program, Method::GET, &path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let shown = |each: &Value| {
            assert!(each["id"].is_i64(), "{each}");
            json!([each["key"], each["value"]])
        };
        body.as_array().expect("a list").iter().map(shown).collect::<Value>()
    };
    assert_eq!(list("").await, json!([]));

    let given = json!([
        {"key": "b", "value": {"org": {"id": "o1", "n": 1}}},
        {"key": "a", "value": {"org": {"id": "o2", "n": 2}}},
        {"key": "c", "value": {}},
        {"key": "a", "value": {"org": {"id": "o3", "n": 3}}},
    ]);
    // Of equal keys the last one counts.
    assert_eq!(put(given).await, (StatusCode::CREATED, json!({"inserted_count": 3})));
    let a = json!(["a", {"org": {"id": "o3", "n": 3}}]);
    let b = json!(["b", {"org": {"id": "o1", "n": 1}}]);
    assert_eq!(list("").await, json!([a, b, ["c", {}]]));
    assert_eq!(list("?key=b").await, json!([b]));
    // Keys are kept without blanks around them, and asked for so.
    assert_eq!(list("?key=%20b%20").await, json!([b]));
    assert_eq!(list("?key=x").await, json!([]));

    let again = put(json!([{"key": "c", "value": {"org": {"id": "o1"}}}])).await;
    assert_eq!(again, (StatusCode::CREATED, json!({"inserted_count": 1})));
    assert_eq!(list("?key=c").await, json!([["c", {"org": {"id": "o1"}}]]));
    assert_eq!(put(json!([])).await, (StatusCode::CREATED, json!({"inserted_count": 0})));

    let removed = |count: u64| (StatusCode::OK, json!({"deleted_count": count}));
    let by_value = json!({"values": ["o1", "none"], "accessor": "org.id"});
    assert_eq!(remove(by_value.clone()).await, removed(2));
    assert_eq!(remove(by_value).await, removed(0));
    assert_eq!(remove(json!({"values": [3], "accessor": "$.org.n"})).await, removed(1));
    put(json!([{"key": "x", "value": {}}, {"key": "y", "value": {}}])).await;
    assert_eq!(remove(json!({"keys": [" x ", "z"]})).await, removed(1));
    assert_eq!(list("").await, json!([["y", {}]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_500_keys_at_most_and_there_may_be_many_more() {
    let program = super::program().await;
    let keys: Vec<_> =
        (0..20_000).map(|n| json!({"key": format!("{n:05}"), "value": {"n": n}})).collect();
    let put = manage(&program, Method::POST, "/api/key-values", &json!(keys)).await;
    assert_eq!(put, (StatusCode::CREATED, json!({"inserted_count": 20_000})));
    let (_, listed) = manage(&program, Method::GET, "/api/key-values", &Value::Null).await;
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 500);
    assert_eq!(listed[499]["key"], "00499");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_whole() {
    let program = super::program().await;
    for (method, given, status, expected) in [
        (
            Method::POST,
            json!({"key": "a", "value": {}}),
            StatusCode::BAD_REQUEST,
            json!({"error": "the request's body cannot be read: it is not a JSON array"}),
        ),
        (
            Method::POST,
            json!([{"key": "a", "value": {}}, 5]),
            StatusCode::BAD_REQUEST,
            json!({"error": "the request's body cannot be read: element 1 is not a JSON object"}),
        ),
        (
            Method::POST,
            json!([{"key": "a", "value": {}}, {"key": "", "value": 5}]),
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({"errors": {"key": ["can't be blank"], "value": ["is invalid"]}}),
        ),
        (
            Method::POST,
            json!([{"key": "a", "value": {"x": "\u{0}"}}]),
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({"errors": {"value": ["must not contain a NUL"]}}),
        ),
        (
            Method::DELETE,
            json!({}),
            StatusCode::BAD_REQUEST,
            json!({"error": "give either `keys`, or `values` with an `accessor`"}),
        ),
        (
            Method::DELETE,
            json!({"values": ["a"]}),
            StatusCode::BAD_REQUEST,
            json!({"error": "`values` need an `accessor`: the path at which they stand"}),
        ),
        (
            Method::DELETE,
            json!({"keys": [{}]}),
            StatusCode::BAD_REQUEST,
            json!({"error": "`keys` holds something other than text"}),
        ),
    ] {
        let answer = manage(&program, method, "/api/key-values", &given).await;
        assert_eq!(answer, (status, expected), "{given}");
    }
    let (_, listed) = manage(&program, Method::GET, "/api/key-values", &Value::Null).await;
    assert_eq!(listed, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_may_be_so_many_keys_and_no_more() {
    let program = super::program().await;
    let put = async |body: Value| manage(&program, Method::POST, "/api/key-values", &body).await;
    let keys = |keys: std::ops::Range<u32>| {
        keys.map(|n| json!({"key": n.to_string(), "value": {}})).collect::<Value>()
    };
    let too_many =
        (StatusCode::BAD_REQUEST, json!({"error": "Key-value limit of 100000 exceeded"}));
    assert_eq!(put(keys(0..100_001)).await, too_many);
    let inserted = |count: u32| (StatusCode::CREATED, json!({"inserted_count": count}));
    assert_eq!(put(keys(0..100_000)).await, inserted(100_000));
    assert_eq!(put(keys(99_999..100_001)).await, too_many);
    let (_, listed) =
        manage(&program, Method::GET, "/api/key-values?key=100000", &Value::Null).await;
    assert_eq!(listed, json!([]));
    // One in the place of another is none more.
    assert_eq!(put(keys(99_999..100_000)).await, inserted(1));

    let remove =
        async |body: Value| manage(&program, Method::DELETE, "/api/key-values", &body).await;
    let many = vec![""; 100_001];
    for (given, field) in
        [(json!({ "keys": many }), "keys"), (json!({ "values": many, "accessor": "a" }), "values")]
    {
        let errors = json!({"errors": {field: ["should have at most 100000 item(s)"]}});
        assert_eq!(remove(given).await, (StatusCode::UNPROCESSABLE_ENTITY, errors), "{field}");
    }
    let all: Vec<_> = (0..100_000).map(|n: u32| n.to_string()).collect();
    let removed = remove(json!({ "keys": all })).await;
    assert_eq!(removed, (StatusCode::OK, json!({"deleted_count": 100_000})));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_and_values_together_are_bounded() {
    let program = super::program().await;
    let text = "x".repeat(262_000);
    let put = async |first: char| {
        let put: Vec<_> = (0..40)
            .map(|n| json!({"key": format!("{first}{n:02}"), "value": {"t": text}}))
            .collect();
        manage(&program, Method::POST, "/api/key-values", &json!(put)).await
    };
    for first in ['a', 'b', 'c'] {
        assert_eq!(put(first).await, (StatusCode::CREATED, json!({"inserted_count": 40})));
    }
    // A key, and `{"t": "…"}`.
    let bytes = 160 * (3 + text.len() + 9);
    let error = format!("Key-values would take {bytes} bytes, at most 33554432 are kept");
    assert_eq!(put('d').await, (StatusCode::BAD_REQUEST, json!({ "error": error })));
    let path = "/api/key-values?key=d00";
    let listed = manage(&program, Method::GET, path, &Value::Null).await;
    assert_eq!(listed, (StatusCode::OK, json!([])));
    // In the place of what is there they fit.
    assert_eq!(put('a').await, (StatusCode::CREATED, json!({"inserted_count": 40})));
}
