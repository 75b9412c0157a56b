//! Endpoints: listed, made, changed, removed.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::{Endpoint, EndpointKey, EndpointToBe, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    catalog_sources::Draft,
    operation::{Needs, Operation, Shape},
    plan::{LANGUAGES, NO_CLICKHOUSE},
    refusal::{FieldErrors, Refusal},
    resource::{COUNT, For, Kind, Resource, TEXT, required, set, set_once, shown},
    saved_query, time,
};

/// An endpoint, as the published reference and Logflare have it.
pub(crate) static ENDPOINT: Resource = Resource {
    name: "Endpoint",
    fields: &[
        shown("id", COUNT, "Number of the endpoint, for scopes of access tokens."),
        set_once("token", Kind::Uuid, "Public id; random where it is not given."),
        required("name", Kind::Text(255), "What callers call it. Unique."),
        required(
            "query",
            Kind::Text(1 << 18),
            "Its query, over sources and other endpoints; shown with the names that they have now.",
        )
        .such_as("\"select count(*) as count from `postgres.logs`\""),
        set("language", Kind::OneOf(LANGUAGES), "What the query is written in; bq_sql."),
        set("description", TEXT, "For people."),
        set(
            "sandboxable",
            Kind::Bool,
            "Whether callers may bring queries of their own over its CTEs; false.",
        ),
        set("cache_duration_seconds", COUNT, "Seconds that an answer is kept; 3600, 0 keeps none."),
        set(
            "proactive_requerying_seconds",
            COUNT,
            "Seconds after which a kept answer is got anew before it is asked for; 1800, 0 does not.",
        ),
        set("max_limit", Kind::Integer(1, 10_000), "Most rows of an answer; 1000."),
        set("enable_auth", Kind::Bool, "Whether callers need a token; true."),
        set("redact_pii", Kind::Bool, "Whether addresses are taken out of answers; false."),
        set(
            "enable_dynamic_reservation",
            Kind::Bool,
            "Whether callers may name a reservation of BigQuery's; false. Kept for Logflare's clients; does nothing.",
        ),
        set("labels", TEXT, "For BigQuery: `key=value`, `key=@parameter`, `key`, by commas.")
            .such_as("\"team=web\""),
        set("backend_id", Kind::Id, "Always null: the store is queried."),
        shown("source_mapping", Kind::Object, "Tokens of the sources that the query names."),
        shown("inserted_at", Kind::Time, "When it was made."),
        shown("updated_at", Kind::Time, "When it was last changed."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/endpoints",
        needs: Needs::Management,
        summary: "List endpoints",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&ENDPOINT))],
        run: |call| Box::pin(std::future::ready(Ok(list(&call)))),
    },
    Operation {
        method: Method::POST,
        path: "/api/endpoints",
        needs: Needs::Management,
        summary: "Create endpoint",
        parameters: &[],
        body: Shape::One(&ENDPOINT),
        answers: &[(201, Shape::One(&ENDPOINT))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/endpoints/{token}",
        needs: Needs::Management,
        summary: "Fetch endpoint",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&ENDPOINT))],
        run: |call| Box::pin(show(call)),
    },
    Operation {
        method: Method::PUT,
        path: "/api/endpoints/{token}",
        needs: Needs::Management,
        summary: "Update endpoint",
        parameters: &[],
        body: Shape::One(&ENDPOINT),
        answers: &[(201, Shape::One(&ENDPOINT))],
        run: |call| Box::pin(replace(call)),
    },
    Operation {
        method: Method::PATCH,
        path: "/api/endpoints/{token}",
        needs: Needs::Management,
        summary: "Update endpoint",
        parameters: &[],
        body: Shape::One(&ENDPOINT),
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(patch(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/endpoints/{token}",
        needs: Needs::Management,
        summary: "Delete endpoint",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(delete(call)),
    },
];

fn list(call: &Call) -> Answer {
    let endpoints = call.store.endpoints();
    let shown = endpoints.iter().map(|endpoint| shown_endpoint(&call.store, endpoint));
    Answer::Found(shown.collect())
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let key = EndpointKey::Token(call.token()?);
    let endpoint = call.found(|store| store.endpoint(key)).await?;
    Ok(Answer::Found(shown_endpoint(&call.store, &endpoint)))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let given = read(&call, For::Creation)?;
    let token = given.get("token").and_then(Value::as_str).map(Uuid::try_parse);
    let token = token.transpose().map_err(|_| FieldErrors::one("token", "is invalid"))?;
    // What it names may have just been made by another process.
    call.store.catch_up().await?;
    let to_be = changed(&call.store, EndpointToBe::default(), &given)?;
    let endpoint = call.store.create_endpoint(&call.actor()?, token, &to_be).await?;
    Ok(Answer::Created(shown_endpoint(&call.store, &endpoint)))
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Created(shown_endpoint(&call.store, &*update(&call).await?)))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call).await?;
    Ok(Answer::Done)
}

/// Fields that are not given stay as they are.
async fn update(call: &Call) -> Result<Arc<Endpoint>, Refusal> {
    let token = call.token()?;
    call.store.catch_up().await?;
    let to_be = |as_it_is| changed(&call.store, as_it_is, &read(call, For::Update)?);
    call.store.update_endpoint(&call.actor()?, token, to_be).await
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_endpoint(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

fn read(call: &Call, what_for: For) -> Result<Map<String, Value>, Refusal> {
    let given = call.object()?;
    if given.get("language").and_then(Value::as_str) == Some("ch_sql") {
        return Err(FieldErrors::one("language", format!("is invalid; {NO_CLICKHOUSE}")));
    }
    ENDPOINT.read(&given, what_for)
}

/// The endpoint with what was given; `null` brings a field's default back.
fn changed(
    store: &Store,
    mut to_be: EndpointToBe,
    given: &Map<String, Value>,
) -> Result<EndpointToBe, Refusal> {
    let query_before = to_be.query.clone();
    let default = EndpointToBe::default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |value: &Value, default| {
        value.as_u64().and_then(|number| number.try_into().ok()).unwrap_or(default)
    };
    for (field, value) in given {
        match field.as_str() {
            "name" => to_be.name = text(value).unwrap_or_default(),
            "query" => to_be.query = text(value).unwrap_or_default(),
            "language" => to_be.language = text(value).unwrap_or(default.language.clone()),
            "description" => to_be.description = text(value),
            "sandboxable" => to_be.sandboxable = value.as_bool().unwrap_or(false),
            "cache_duration_seconds" => {
                to_be.cache_duration_seconds = number(value, default.cache_duration_seconds);
            }
            "proactive_requerying_seconds" => {
                to_be.proactive_requerying_seconds =
                    number(value, default.proactive_requerying_seconds);
            }
            "max_limit" => to_be.max_limit = number(value, default.max_limit),
            "enable_auth" => to_be.enable_auth = value.as_bool().unwrap_or(true),
            "redact_pii" => to_be.redact_pii = value.as_bool().unwrap_or(false),
            "enable_dynamic_reservation" => {
                to_be.enable_dynamic_reservation = value.as_bool().unwrap_or(false);
            }
            "labels" => to_be.labels = labels(text(value))?,
            "backend_id" => refuse_backend(store, value.as_i64())?,
            _ => {}
        }
    }
    // A query that nobody touches may name what is gone by now.
    if given.contains_key("query") || given.contains_key("language") {
        let EndpointToBe { name, query, language, source_mapping, .. } = &to_be;
        let draft = Draft { name: Some(name), query, language };
        to_be.source_mapping =
            saved_query::mapped(store, draft, &query_before, source_mapping.clone())?;
    }
    Ok(to_be)
}

/// Whose backend is unknown gets a 404, as in Logflare. A known one is not ignored.
fn refuse_backend(store: &Store, id: Option<i64>) -> Result<(), Refusal> {
    let Some(id) = id else { return Ok(()) };
    match store.backends().iter().any(|backend| backend.id == id) {
        true => Err(FieldErrors::one("backend_id", "is of a backend that cannot be queried")),
        false => Err(Refusal::NotFound),
    }
}

/// Each label has a key, and at most one value.
fn labels(labels: Option<String>) -> Result<Option<String>, Refusal> {
    for label in labels.iter().flat_map(|labels| labels.split(',')) {
        let (key, value) = match label.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (label, None),
        };
        let wrong = match value {
            _ if key.trim().is_empty() => "each label must have a non-empty key",
            Some(value) if value.contains('=') => "each label must have exactly one '=' sign",
            Some(value) if value.trim().is_empty() => "each label must have a non-empty value",
            _ => continue,
        };
        return Err(FieldErrors::one("labels", wrong));
    }
    Ok(labels)
}

/// An endpoint as the API shows it.
fn shown_endpoint(store: &Store, endpoint: &Endpoint) -> Value {
    let Endpoint { query, language, source_mapping, .. } = endpoint;
    let shown = saved_query::shown(store, query, language, source_mapping);
    json!({
        "id": endpoint.id,
        "token": endpoint.token,
        "name": endpoint.name,
        "query": shown.query,
        "language": language,
        "description": endpoint.description,
        "sandboxable": endpoint.sandboxable,
        "cache_duration_seconds": endpoint.cache_duration_seconds,
        "proactive_requerying_seconds": endpoint.proactive_requerying_seconds,
        "max_limit": endpoint.max_limit,
        "enable_auth": endpoint.enable_auth,
        "redact_pii": endpoint.redact_pii,
        "enable_dynamic_reservation": endpoint.enable_dynamic_reservation,
        "labels": endpoint.labels,
        "backend_id": endpoint.backend_id,
        "source_mapping": shown.source_mapping,
        "inserted_at": time::rfc3339(endpoint.created_at),
        "updated_at": time::rfc3339(endpoint.updated_at),
    })
}
