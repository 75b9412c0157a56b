//! Teams and the account, as the published reference has them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use end_to_end::program::{PRIVATE, PUBLIC};

use crate::api::manage;

const UNKNOWN: &str = "/api/teams/5f0b8c1e-0000-4000-8000-000000000000";

fn account() -> Value {
    json!({
        "email": "default@logflare.app",
        "provider": "email",
        "api_key": PUBLIC,
        "email_preferred": null,
        "name": "default",
        "image": null,
        "email_me_product": false,
        "phone": null,
        "bigquery_project_id": null,
        "bigquery_dataset_location": null,
        "bigquery_dataset_id": null,
        "bigquery_reservation_alerts": null,
        "bigquery_reservation_search": null,
        "bigquery_additional_projects": null,
        "api_quota": 125,
        "company": null,
        "token": "6c6f6777-6569-4000-8000-000000000001",
        "metadata": null,
        "partner_upgraded": false,
        "system_monitoring": false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_shows_the_public_token_and_never_the_private_one() {
    let program = super::program().await;
    let (status, body) = manage(&program, Method::GET, "/api/account", &Value::Null).await;
    assert_eq!((status, &body), (StatusCode::OK, &account()));
    assert!(!body.to_string().contains(PRIVATE));
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_are_made_shown_changed_and_removed() {
    let program = super::program().await;
    let ask = async |method, path: &str, body: Value| manage(&program, method, path, &body).await;
    let list = async || ask(Method::GET, "/api/teams", Value::Null).await;
    assert_eq!(list().await, (StatusCode::OK, json!([])));

    let token = "0b3c9f4e-1111-4222-8333-444455556666";
    let users = json!([{"email": "a@example.com", "name": "A"}, {"email": "b@example.com"}]);
    let given = json!({"name": " Ops ", "team_users": users, "token": token, "user": {"x": 1}});
    let mut team = json!({
        "name": "Ops",
        "token": token,
        "team_users": [
            {"email": "a@example.com", "name": "A"}, {"email": "b@example.com", "name": null},
        ],
        "user": account(),
    });
    let created = ask(Method::POST, "/api/teams", given.clone()).await;
    assert_eq!(created, (StatusCode::CREATED, team.clone()));
    let (status, body) = ask(Method::POST, "/api/teams", given).await;
    let taken = json!({"errors": {"token": ["has already been taken"]}});
    assert_eq!((status, body), (StatusCode::UNPROCESSABLE_ENTITY, taken));

    let path = format!("/api/teams/{token}");
    assert_eq!(ask(Method::GET, &path, Value::Null).await, (StatusCode::OK, team.clone()));
    assert_eq!(list().await, (StatusCode::OK, json!([team])));

    // What is not given stays.
    team["name"] = "Operations".into();
    let put = ask(Method::PUT, &path, json!({"name": "Operations"})).await;
    assert_eq!(put, (StatusCode::CREATED, team.clone()));
    team["team_users"] = json!([]);
    let patched = ask(Method::PATCH, &path, json!({"team_users": null})).await;
    assert_eq!(patched, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(ask(Method::GET, &path, Value::Null).await, (StatusCode::OK, team));

    // A second one gets a token of its own, and may have the same name.
    let (status, second) = ask(Method::POST, "/api/teams", json!({"name": "Operations"})).await;
    assert_eq!((status, &second["team_users"]), (StatusCode::CREATED, &json!([])));
    assert_eq!(list().await.1.as_array().map(Vec::len), Some(2));

    let removed = ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(removed, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(list().await.1, json!([second]));
    let not_found = (StatusCode::NOT_FOUND, json!({"error": "Not Found"}));
    for path in [path.as_str(), UNKNOWN, "/api/teams/no-token"] {
        for (method, body) in [
            (Method::GET, Value::Null),
            (Method::PUT, json!({"name": "x"})),
            (Method::PATCH, json!({"name": "x"})),
            (Method::DELETE, Value::Null),
        ] {
            assert_eq!(ask(method.clone(), path, body).await, not_found, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_team_is_told_for_each_field() {
    let program = super::program().await;
    let (_, made) = manage(&program, Method::POST, "/api/teams", &json!({"name": "a"})).await;
    let path = format!("/api/teams/{}", made["token"].as_str().expect("a token"));
    for (given, errors) in [
        (json!({}), json!({"name": ["can't be blank"]})),
        (json!({"name": "  "}), json!({"name": ["can't be blank"]})),
        (
            json!({"name": 5, "team_users": "x", "token": "x"}),
            json!({
                "name": ["is invalid"], "team_users": ["is invalid"], "token": ["is invalid"],
            }),
        ),
        (
            json!({"name": "x", "team_users": [{"email": "a@b"}, {"name": "B"}]}),
            json!({"team_users": ["at 1: email is not an address"]}),
        ),
        (
            json!({"name": "x", "team_users": [{"email": "a@b", "name": "\u{0}"}]}),
            json!({"team_users": ["must not contain a NUL"]}),
        ),
    ] {
        let answer = manage(&program, Method::POST, "/api/teams", &given).await;
        let expected = json!({"errors": errors});
        assert_eq!(answer, (StatusCode::UNPROCESSABLE_ENTITY, expected.clone()), "{given}");
        if given == json!({}) {
            // What is not given stays.
            continue;
        }
        for method in [Method::PUT, Method::PATCH] {
            let (status, mut answer) = manage(&program, method.clone(), &path, &given).await;
            if !given["token"].is_null() {
                // It is given once, and passed over then.
                answer["errors"]["token"] = json!(["is invalid"]);
            }
            let answer = (status, answer);
            let expected = (StatusCode::UNPROCESSABLE_ENTITY, expected.clone());
            assert_eq!(answer, expected, "{method} {given}");
        }
    }
    let error = "the request's body cannot be read: it is not a JSON object";
    for (method, path) in
        [(Method::POST, "/api/teams"), (Method::PUT, &path), (Method::PATCH, &path)]
    {
        let answer = manage(&program, method.clone(), path, &json!([1])).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, json!({"error": error})), "{method}");
    }
    let shown = manage(&program, Method::GET, &path, &Value::Null).await;
    assert_eq!(shown, (StatusCode::OK, made));
}
