//! Access tokens: listed, made, revoked.

use serde_json::{Value, json};
use store::{AccessToken, Store};
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    operation::{Needs, Operation, Shape},
    refusal::Refusal,
    resource::{COUNT, For, Kind, Resource, TEXT, set, shown},
    time,
};

/// An access token, as Logflare has it.
static ACCESS_TOKEN: Resource = Resource {
    name: "AccessToken",
    fields: &[
        shown("id", COUNT, "Number of the token; null of the two tokens of the settings."),
        shown(
            "token",
            TEXT,
            "The token itself: when it is made, later only of those that are `public` and open nothing \
             but the way in for events.",
        ),
        set(
            "scopes",
            TEXT,
            "What it opens, separated by blanks: `public` and `ingest` (any source), \
             `ingest:source:<id>`, `query` (any endpoint), `query:endpoint:<id>`, `private` \
             (everything); `public` where it is not given.",
        ),
        set("description", TEXT, "For people."),
        shown("inserted_at", Kind::Time, "When it was made; null of the tokens of the settings."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/access-tokens",
        needs: Needs::Management,
        summary: "List access tokens that are valid: those of the settings, then those made here",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&ACCESS_TOKEN))],
        run: |call| Box::pin(list(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/access-tokens",
        needs: Needs::Management,
        summary: "Create access token",
        parameters: &[],
        body: Shape::One(&ACCESS_TOKEN),
        answers: &[(201, Shape::One(&ACCESS_TOKEN))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/access-tokens/{token}",
        needs: Needs::Management,
        summary: "Revoke an access token, named by itself or by its id",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(revoke(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let made = call.store.access_tokens().await?;
    let of_settings = of_settings(&call.store);
    Ok(Answer::Found(of_settings.into_iter().chain(made.iter().map(shown_token)).collect()))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let given = ACCESS_TOKEN.read(&call.object()?, For::Creation)?;
    let text = |field| given.get(field).and_then(Value::as_str);
    let scopes = text("scopes").unwrap_or("public");
    let (actor, description) = (call.actor()?, text("description"));
    let made = call.store.create_access_token(&actor, scopes, description).await?;
    Ok(Answer::Created(shown_token(&made)))
}

async fn revoke(call: Call) -> Result<Answer, Refusal> {
    call.store.revoke_access_token(&call.actor()?, call.captured(0)).await?;
    Ok(Answer::Done)
}

/// The two tokens that are set where the program is started. They end when they are changed there.
fn of_settings(store: &Store) -> [Value; 2] {
    let token = |token: Option<&str>, scopes: &str, description: &str| {
        json!({
            "id": null, "token": token, "scopes": scopes, "description": description,
            "inserted_at": null,
        })
    };
    let public = store.tokens_of_settings().public_text();
    [
        token(public, "public", "Public token of the settings"),
        token(None, "private", "Private token of the settings"),
    ]
}

fn shown_token(token: &AccessToken) -> Value {
    json!({
        "id": token.id,
        "token": token.token,
        "scopes": token.scopes,
        "description": token.description,
        "inserted_at": time::rfc3339(token.created_at),
    })
}
