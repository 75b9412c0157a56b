//! Alerts: listed, made, changed, removed. `alert_runs` runs them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use store::{Alert, AlertToBe, Backend, Endpoint, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    backends::{BACKEND, has_backend, shown_backend},
    call::Call,
    catalog_sources::Draft,
    hooks,
    operation::{Needs, Operation, Shape},
    parameters::Parameters,
    query,
    refusal::{FieldErrors, Refusal},
    resource::{Access, COUNT, For, Kind, Resource, TEXT, required, set, shown},
    rows::Rows,
    saved_query,
    schedule::Schedule,
};

/// Most rows that an alert tells of.
const MOST_ROWS: u32 = 1000;

/// Most backends that an alert tells.
const MOST_BACKENDS: usize = 1000;

const URL: Kind = Kind::Text(2048);

/// An alert, as Logflare has it.
static ALERT: Resource = Resource {
    name: "Alert",
    fields: &[
        shown("id", COUNT, "Number of the alert."),
        shown("token", Kind::Uuid, "Public id."),
        required("name", Kind::Text(255), "What it is called."),
        set("description", TEXT, "For people."),
        required(
            "query",
            TEXT,
            "What is asked. Rows that come back are told. It is shown with the names that its sources \
             have now.",
        )
        .such_as("\"select event_message from `postgres.logs`\""),
        required(
            "cron",
            Kind::Text(255),
            "When it is asked, in UTC: minute, hour, day, month, day of the week, with at least \
             five minutes between.",
        )
        .such_as("\"*/15 * * * *\""),
        set(
            "language",
            Kind::OneOf(&["bq_sql", "lql", "pg_sql"]),
            "The language of the query; `bq_sql`.",
        ),
        set("slack_hook_url", URL, "Slack's URL to which the first rows are posted."),
        set(
            "webhook_notification_url",
            URL,
            "URL to which all rows are posted: `{\"result\": […]}`.",
        ),
        set("enabled", Kind::Bool, "Whether it runs; true."),
        set(
            "backend_ids",
            Kind::Ids(MOST_BACKENDS),
            "Numbers of the backends to be told: each gets an event of the source `logweir.alerts`.",
        )
        .with(Access::Secret),
        shown("backends", Kind::ListOf(&BACKEND), "Those backends."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/alerts",
        needs: Needs::Management,
        summary: "List alerts",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&ALERT))],
        run: |call| Box::pin(list(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/alerts",
        needs: Needs::Management,
        summary: "Create alert",
        parameters: &[],
        body: Shape::One(&ALERT),
        answers: &[(201, Shape::One(&ALERT))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/alerts/{token}",
        needs: Needs::Management,
        summary: "Fetch alert",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&ALERT))],
        run: |call| Box::pin(show(call)),
    },
    Operation {
        method: Method::PUT,
        path: "/api/alerts/{token}",
        needs: Needs::Management,
        summary: "Update alert",
        parameters: &[],
        body: Shape::One(&ALERT),
        answers: &[(200, Shape::One(&ALERT))],
        run: |call| Box::pin(replace(call)),
    },
    Operation {
        method: Method::PATCH,
        path: "/api/alerts/{token}",
        needs: Needs::Management,
        summary: "Update alert",
        parameters: &[],
        body: Shape::One(&ALERT),
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(patch(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/alerts/{token}",
        needs: Needs::Management,
        summary: "Delete alert",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(delete(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let alerts = call.store.alerts().await?;
    know_backends(&call.store, &alerts).await;
    Ok(Answer::Found(alerts.iter().map(|alert| shown_alert(&call.store, alert)).collect()))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let alert = call.store.alert(call.token()?).await?;
    know_backends(&call.store, std::slice::from_ref(&alert)).await;
    Ok(Answer::Found(shown_alert(&call.store, &alert)))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let given = call.object()?;
    let backend_ids = given_backends(&call.store, &given).await?;
    let nothing = AlertToBe {
        name: String::new(),
        description: None,
        language: "bq_sql".to_owned(),
        query: String::new(),
        cron: String::new(),
        slack_hook_url: None,
        webhook_notification_url: None,
        enabled: true,
        backend_ids: backend_ids.unwrap_or_default(),
        source_mapping: BTreeMap::new(),
    };
    let read = ALERT.read(&given, For::Creation)?;
    // What the query names may have just been made by another process.
    call.store.catch_up().await?;
    let to_be = changed(&call.store, nothing, &read)?;
    let made = call.store.create_alert(&call.actor()?, &to_be).await?;
    Ok(Answer::Created(shown_alert(&call.store, &made)))
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Found(shown_alert(&call.store, &update(&call).await?)))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call).await?;
    Ok(Answer::Done)
}

/// Fields that are not given stay as they are.
async fn update(call: &Call) -> Result<Alert, Refusal> {
    let token = call.token()?;
    let given = call.object()?;
    let backend_ids = given_backends(&call.store, &given).await?;
    call.store.catch_up().await?;
    let to_be = |mut as_it_is: AlertToBe| {
        as_it_is.backend_ids = backend_ids.unwrap_or(as_it_is.backend_ids);
        changed(&call.store, as_it_is, &ALERT.read(&given, For::Update)?)
    };
    call.store.update_alert(&call.actor()?, token, to_be).await
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_alert(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

/// The backends that were given, which are looked at before all other fields, as in Logflare.
async fn given_backends(
    store: &Store,
    given: &Map<String, Value>,
) -> Result<Option<Vec<i64>>, Refusal> {
    if given.contains_key("backends") {
        return Err(Refusal::Request("backends is read-only; use backend_ids".to_owned()));
    }
    let Some(ids) = given.get("backend_ids").map(backend_ids).transpose()? else { return Ok(None) };
    for id in &ids {
        if !has_backend(store, *id).await? {
            return Err(Refusal::NotFound);
        }
    }
    Ok(Some(ids))
}

/// In the words of the contract.
fn backend_ids(given: &Value) -> Result<Vec<i64>, Refusal> {
    let refused = |text: &str| Refusal::Request(text.to_owned());
    let Value::Array(ids) = given else {
        return Err(refused("backend_ids must be an array"));
    };
    if ids.len() > MOST_BACKENDS {
        return Err(refused(&format!("backend_ids must have at most {MOST_BACKENDS} elements")));
    }
    let id = |id: &Value| {
        let id = id.as_i64().filter(|id| *id > 0);
        id.ok_or_else(|| refused("backend_ids must contain positive integers"))
    };
    ids.iter().map(id).collect()
}

/// The alert with what was `given`; `null` brings a field's default back. All that is wrong is told
/// at once.
fn changed(
    store: &Store,
    mut alert: AlertToBe,
    given: &Map<String, Value>,
) -> Result<AlertToBe, Refusal> {
    let query_before = alert.query.clone();
    for (field, value) in given {
        let text = value.as_str().map(str::to_owned);
        match field.as_str() {
            "name" => alert.name = text.unwrap_or_default(),
            "query" => alert.query = text.unwrap_or_default(),
            "cron" => alert.cron = text.unwrap_or_default(),
            "language" => alert.language = text.unwrap_or_else(|| "bq_sql".to_owned()),
            "description" => alert.description = text,
            "slack_hook_url" => alert.slack_hook_url = text,
            "webhook_notification_url" => alert.webhook_notification_url = text,
            "enabled" => alert.enabled = value.as_bool().unwrap_or(true),
            _ => {}
        }
    }
    let mut errors = FieldErrors::default();
    if given.contains_key("cron")
        && let Err(error) =
            Schedule::read(&alert.cron).and_then(|schedule| schedule.check(Timestamp::now()))
    {
        errors.add("cron", error.to_string());
    }
    for (field, url) in [
        ("slack_hook_url", &alert.slack_hook_url),
        ("webhook_notification_url", &alert.webhook_notification_url),
    ] {
        if let Some(Err(error)) = url.as_deref().map(hooks::check_url) {
            errors.add(field, error);
        }
    }
    // A query that nobody touches may name what is gone by now.
    if given.contains_key("query") || given.contains_key("language") {
        let draft = Draft { name: None, query: &alert.query, language: &alert.language };
        match saved_query::mapped(store, draft, &query_before, alert.source_mapping.clone()) {
            Ok(mapping) => alert.source_mapping = mapping,
            Err(refusal) => errors.add_all(refusal)?,
        }
    }
    errors.into_result().map(|()| alert)
}

/// The rows that an alert tells of, now, as they are posted.
pub(crate) async fn rows(store: &Store, alert: &AlertToBe) -> Result<Rows, Refusal> {
    query::run(store, &as_endpoint(alert), &Parameters::default()).await
}

/// An alert asks as an endpoint does that takes no parameters.
fn as_endpoint(alert: &AlertToBe) -> Endpoint {
    Endpoint {
        id: 0,
        token: Uuid::nil(),
        name: alert.name.clone(),
        description: None,
        query: alert.query.clone(),
        language: alert.language.clone(),
        sandboxable: false,
        cache_duration_seconds: 0,
        proactive_requerying_seconds: 0,
        max_limit: MOST_ROWS,
        enable_auth: true,
        redact_pii: false,
        enable_dynamic_reservation: false,
        labels: None,
        backend_id: None,
        source_mapping: alert.source_mapping.clone(),
        created_at: 0,
        updated_at: 0,
    }
}

/// Catches up where another process has made a backend of one of them. While the catalog does not
/// answer, it is not shown.
pub(crate) async fn know_backends(store: &Store, alerts: &[Alert]) {
    let known = store.backends();
    let is_known = |id: &i64| known.iter().any(|backend| backend.id == *id);
    if !alerts.iter().flat_map(|alert| &alert.alert.backend_ids).all(is_known)
        && let Err(error) = store.catch_up().await
    {
        tracing::debug!(%error, "backends of alerts are not known");
    }
}

/// The backends that an alert tells.
pub(crate) fn backends(store: &Store, alert: &AlertToBe) -> Vec<Arc<Backend>> {
    let mut backends = store.backends();
    backends.retain(|backend| alert.backend_ids.contains(&backend.id));
    backends
}

fn shown_alert(store: &Store, alert: &Alert) -> Value {
    let backends = backends(store, &alert.alert);
    let backends: Vec<_> = backends.iter().map(|backend| shown_backend(backend)).collect();
    let set = &alert.alert;
    let shown = saved_query::shown(store, &set.query, &set.language, &set.source_mapping);
    json!({
        "id": alert.id,
        "token": alert.token,
        "name": set.name,
        "description": set.description,
        "query": shown.query,
        "cron": set.cron,
        "language": set.language,
        "slack_hook_url": set.slack_hook_url,
        "webhook_notification_url": set.webhook_notification_url,
        "enabled": set.enabled,
        "backends": backends,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_named_by_number() {
        assert_eq!(backend_ids(&json!([1, 2])).unwrap(), [1, 2]);
        for (given, expected) in [
            (json!("1"), "backend_ids must be an array"),
            (json!(null), "backend_ids must be an array"),
            (json!(vec![1; 1001]), "backend_ids must have at most 1000 elements"),
            (json!([0]), "backend_ids must contain positive integers"),
            (json!([1.5]), "backend_ids must contain positive integers"),
            (json!(["1"]), "backend_ids must contain positive integers"),
        ] {
            assert_eq!(backend_ids(&given).unwrap_err().to_string(), expected, "{given}");
        }
    }
}
