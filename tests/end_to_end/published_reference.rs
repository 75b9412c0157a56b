//! The fifteen operations of the published reference of the Analytics server: statuses, golden bodies,
//! and that each published field is there with its published type.

use reqwest::Method;
use serde_json::{Value, json};

use super::endpoints::{answer, request};
use end_to_end::program::Program;

const NOBODY: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// A kind of thing: what makes one, what changes it, and its published fields with their types.
struct Published {
    path: &'static str,
    given: Value,
    change: Value,
    types: Value,
}

fn endpoints() -> Published {
    Published {
        path: "/api/endpoints",
        given: json!({
            "name": "errors", "query": "select count(*) as count from `postgres.logs`",
            "cache_duration_seconds": 60, "enable_auth": true, "max_limit": 42,
            "proactive_requerying_seconds": 30, "sandboxable": false, "source_mapping": {},
            "inserted_at": "2021-12-31T23:34:00Z", "updated_at": "2021-12-31T23:34:00Z",
        }),
        change: json!({"name": "failures", "query": "select 1 as one", "max_limit": 7}),
        types: json!({
            "cache_duration_seconds": "integer", "enable_auth": "boolean", "inserted_at": "string",
            "max_limit": "integer", "name": "string", "proactive_requerying_seconds": "integer",
            "query": "string", "sandboxable": "boolean", "source_mapping": "object",
            "token": "string", "updated_at": "string",
        }),
    }
}

fn sources() -> Published {
    Published {
        path: "/api/sources",
        given: json!({
            "name": "shop", "api_quota": 42, "bigquery_table_ttl": 3, "bq_table_id": "shop",
            "bq_table_schema": {"fields": []}, "custom_event_message_keys": "id, m.level",
            "favorite": true, "public_token": "for people",
            "slack_hook_url": "http://127.0.0.1:9/slack",
            "webhook_notification_url": "http://127.0.0.1:9/hook",
            "notifications": [{
                "other_email_notifications": "a@example.com", "team_user_ids_for_email": ["1"],
                "team_user_ids_for_sms": ["2"], "team_user_ids_for_schema_updates": ["3"],
                "user_email_notifications": true, "user_text_notifications": false,
                "user_schema_update_notifications": true,
            }],
            "has_rejected_events": true, "id": 77, "metrics": {"inserts": 5},
            "inserted_at": "2021-12-31T23:34:00Z", "updated_at": "2021-12-31T23:34:00Z",
        }),
        change: json!({"name": "store", "api_quota": 7}),
        types: json!({
            "api_quota": "integer", "bigquery_table_ttl": "integer", "bq_table_id": "string",
            "bq_table_schema": "object", "custom_event_message_keys": "string",
            "favorite": "boolean", "has_rejected_events": "boolean", "id": "integer",
            "inserted_at": "string", "metrics": "object", "name": "string",
            "notifications": [{
                "other_email_notifications": "string", "team_user_ids_for_email": ["string"],
                "team_user_ids_for_schema_updates": ["string"],
                "team_user_ids_for_sms": ["string"], "user_email_notifications": "boolean",
                "user_schema_update_notifications": "boolean", "user_text_notifications": "boolean",
            }],
            "public_token": "string", "slack_hook_url": "string", "token": "string",
            "updated_at": "string", "webhook_notification_url": "string",
        }),
    }
}

fn teams() -> Published {
    // BigQuery's, pictures and telephones the account does not have.
    Published {
        path: "/api/teams",
        given: json!({
            "name": "Ops", "team_users": [{"email": "a@example.com", "name": "Ada"}],
            "user": {"email": "x@example.com"},
        }),
        change: json!({"name": "Operations"}),
        types: json!({
            "name": "string", "team_users": [{"email": "string", "name": "string"}],
            "token": "string",
            "user": {
                "api_key": "string", "api_quota": "integer", "bigquery_dataset_id": "null",
                "bigquery_dataset_location": "null", "bigquery_project_id": "null",
                "company": "null", "email": "string", "email_me_product": "boolean",
                "email_preferred": "null", "image": "null", "name": "string", "phone": "null",
                "provider": "string", "token": "string",
            },
        }),
    }
}

/// What of `value` is not of the type that is written at its place: a word, an object of types, a list
/// with the type of its elements, of which there has to be one.
fn faults(place: &str, types: &Value, value: &Value) -> Vec<String> {
    let fault = || vec![format!("{place}: {value} where {types} is published")];
    match types {
        Value::String(word) => {
            let is_so = match word.as_str() {
                "string" => value.is_string(),
                "integer" => value.is_i64(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                _ => value.is_null(),
            };
            if is_so { Vec::new() } else { fault() }
        }
        Value::Object(fields) if value.is_object() => {
            let of_field = |(name, types): (&String, &Value)| match value.get(name) {
                Some(value) => faults(&format!("{place}.{name}"), types, value),
                None => vec![format!("{place}.{name} is missing")],
            };
            fields.iter().flat_map(of_field).collect()
        }
        Value::Array(types) => match value.as_array().map(Vec::as_slice) {
            Some([] | [_, _, ..]) | None => fault(),
            Some([value]) => faults(&format!("{place}[0]"), &types[0], value),
        },
        _ => fault(),
    }
}

/// A body without what is another one each time.
fn golden(value: &Value) -> Value {
    match value {
        Value::String(text) if uuid(text) => "[uuid]".into(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "[time]".into(),
        Value::Array(values) => values.iter().map(golden).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match name.as_str() {
                "id" => (name.clone(), "[number]".into()),
                _ => (name.clone(), golden(value)),
            };
            Value::Object(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

fn uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// The five operations on one, then what is said where there is none; all that was said, to be compared
/// with what was said before.
async fn transcript(program: &Program, published: &Published) -> String {
    let Published { path, given, change, types } = published;
    let mut said = String::new();
    let mut ask = async |what: &str, method: Method, path: &str, body: &Value| {
        let mut asked = request(program, method.clone(), path);
        if !body.is_null() {
            asked = asked.json(body);
        }
        let (status, body) = answer(asked).await;
        let shown = serde_json::to_string_pretty(&golden(&body)).expect("JSON");
        said.push_str(&format!("{what}: {method} {status}\n{shown}\n\n"));
        (status, body)
    };
    let (status, made) = ask("create", Method::POST, path, given).await;
    assert_eq!((status, faults("created", types, &made)), (201, vec![]));
    let own = format!("{path}/{}", made["token"].as_str().expect("a token"));
    let (status, shown) = ask("fetch", Method::GET, &own, &Value::Null).await;
    assert_eq!((status, faults("fetched", types, &shown)), (200, vec![]));
    let (status, changed) = ask("update", Method::PUT, &own, change).await;
    assert_eq!((status, faults("updated", types, &changed)), (201, vec![]));
    for (field, value) in change.as_object().expect("fields") {
        assert_eq!(&changed[field], value, "{field}");
    }

    // Others are there too, which are as good; those of the seeds are not in the golden text.
    let (status, listed) = answer(request(program, Method::GET, path)).await;
    let listed = listed.as_array().expect("a list").clone();
    let listed: Vec<_> = listed.iter().filter(|one| one["token"] == made["token"]).collect();
    assert_eq!((status, listed.len()), (200, 1));
    assert_eq!(faults("listed", types, listed[0]), Vec::<String>::new());
    assert_eq!(listed[0], &changed);

    let removed = ask("delete", Method::DELETE, &own, &Value::Null).await;
    assert_eq!(removed, (204, Value::Null));
    for token in [own.rsplit('/').next().unwrap_or_default(), NOBODY, "no-uuid"] {
        let none = format!("{path}/{token}");
        for (method, body) in
            [(Method::GET, &Value::Null), (Method::PUT, change), (Method::DELETE, &Value::Null)]
        {
            let gone = ask("none", method, &none, body).await;
            assert_eq!(gone, (404, json!({"error": "Not Found"})));
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_as_published() {
    let program = super::program().await;
    insta::assert_snapshot!(transcript(&program, &endpoints()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_as_published() {
    let program = super::program().await;
    insta::assert_snapshot!(transcript(&program, &sources()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_are_as_published() {
    let program = super::program().await;
    insta::assert_snapshot!(transcript(&program, &teams()).await);
}

#[test]
fn other_types_are_found() {
    for (types, value) in [
        (json!("integer"), json!(1.5)),
        (json!("string"), Value::Null),
        (json!({"a": "boolean"}), json!({})),
        (json!({"a": {"b": "object"}}), json!({"a": {"b": []}})),
        (json!(["string"]), json!([])),
        (json!(["string"]), json!([1])),
    ] {
        assert_eq!(faults("x", &types, &value).len(), 1, "{types} {value}");
    }
}
