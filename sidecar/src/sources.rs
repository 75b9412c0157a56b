//! Sources: listed, made, changed, removed.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::{Source, SourceKey, SourceSettings, SourceToBe, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    backends,
    call::Call,
    operation::{Needs, Operation, Shape},
    refusal::{FieldErrors, Refusal},
    resource::{COUNT, For, Kind, Resource, TEXT, required, set, set_once, shown},
    time,
};

/// A source, as the published reference and Logflare have it.
pub(crate) static SOURCE: Resource = Resource {
    name: "Source",
    fields: &[
        shown("id", COUNT, "Number of the source, for rules."),
        set_once("token", Kind::Uuid, "Public id; random where it is not given."),
        required("name", Kind::Text(255), "What senders call it. Unique."),
        set("description", TEXT, "For people."),
        set("service_name", TEXT, "Which service the events come from; for people."),
        set("favorite", Kind::Bool, "Whether it is listed first; false."),
        set("public_token", TEXT, "A second token for people to pass on; it opens nothing."),
        set("api_quota", COUNT, "Events per second that were agreed upon; 25. Not enforced."),
        set("retention_days", Kind::Integer(1, 36_500), "Days that events are kept."),
        set("bigquery_table_ttl", Kind::Integer(1, 36_500), "Days that BigQuery keeps events."),
        set("bigquery_clustering_fields", TEXT, "Fields by which BigQuery clusters the table."),
        set("bq_table_id", TEXT, "The table's name in BigQuery."),
        set("bq_table_schema", Kind::Object, "The table's schema in BigQuery."),
        set("bq_storage_write_api", Kind::Bool, "Whether BigQuery's Storage Write API is used."),
        set("webhook_notification_url", TEXT, "Where numbers of new events are posted to."),
        set("slack_hook_url", TEXT, "The same, in Slack's form."),
        set("notifications_every", COUNT, "Milliseconds between two of them; 14,400,000."),
        set("notifications", Kind::Object, "Who is told of new events; for people."),
        set(
            "custom_event_message_keys",
            TEXT,
            "Of which values `event_message` is made: `id, m.a`.",
        ),
        set("lock_schema", Kind::Bool, "Whether no new fields are learned; false."),
        set("validate_schema", Kind::Bool, "Whether events must fit the schema; true."),
        set("drop_lql_string", TEXT, "Events that match this LQL are not stored."),
        set("default_search_lql", TEXT, "What a search begins with; for people."),
        set("suggested_keys", TEXT, "Fields that a search asks for; for people."),
        set("transform_copy_fields", TEXT, "Lines of `from:to`: values are copied."),
        set("transform_key_values", TEXT, "Lines of `lookup:destination[:accessor]`."),
        set("transform_drop_fields", TEXT, "Lines of paths: values are taken out."),
        set("disable_tailing", Kind::Bool, "Whether the latest events are not shown; false."),
        set(
            "enable_spooling",
            Kind::Bool,
            "Kept for Logflare's clients: the spool is always used.",
        ),
        set("default_ingest_backend_enabled?", Kind::Bool, "Whether default backends take events."),
        set("labels", TEXT, "`key=value` pairs, separated by commas."),
        shown("has_rejected_events", Kind::Bool, "Whether events were rejected."),
        shown("metrics", Kind::Object, "Figures of the events."),
        shown("backends", Kind::List, "Backends that get all its events."),
        shown("inserted_at", Kind::Time, "When it was made."),
        shown("updated_at", Kind::Time, "When it was last changed."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/sources",
        needs: Needs::Management,
        summary: "List sources",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&SOURCE))],
        run: |call| Box::pin(list(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/sources",
        needs: Needs::Management,
        summary: "Create source",
        parameters: &[],
        body: Shape::One(&SOURCE),
        answers: &[(201, Shape::One(&SOURCE))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/sources/{token}",
        needs: Needs::Management,
        summary: "Fetch source",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&SOURCE))],
        run: |call| Box::pin(show(call)),
    },
    Operation {
        method: Method::PUT,
        path: "/api/sources/{token}",
        needs: Needs::Management,
        summary: "Update source",
        parameters: &[],
        body: Shape::One(&SOURCE),
        answers: &[(201, Shape::One(&SOURCE))],
        run: |call| Box::pin(replace(call)),
    },
    Operation {
        method: Method::PATCH,
        path: "/api/sources/{token}",
        needs: Needs::Management,
        summary: "Update source",
        parameters: &[],
        body: Shape::One(&SOURCE),
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(patch(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/sources/{token}",
        needs: Needs::Management,
        summary: "Delete source",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(delete(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let mut sources = call.store.sources();
    sources.sort_by(|a, b| (!a.settings.favorite, &a.name).cmp(&(!b.settings.favorite, &b.name)));
    Ok(Answer::Found(sources.iter().map(|source| shown_source(&call.store, source)).collect()))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Found(shown_source(&call.store, &*found(&call)?)))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let given = SOURCE.read(&call.object()?, For::Creation)?;
    let token = given.get("token").and_then(Value::as_str).map(Uuid::try_parse);
    let token = token.transpose().map_err(|_| FieldErrors::one("token", "is invalid"))?;
    let to_be = SourceToBe {
        name: String::new(),
        retention_days: None,
        settings: SourceSettings::default(),
    };
    let to_be = changed(to_be, given)?;
    let source = call.store.create_source(&call.actor()?, token, &to_be).await?;
    Ok(Answer::Created(shown_source(&call.store, &source)))
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Created(shown_source(&call.store, &*update(&call).await?)))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call).await?;
    Ok(Answer::Done)
}

/// Fields that are not given stay as they are.
async fn update(call: &Call) -> Result<Arc<Source>, Refusal> {
    let source = found(call)?;
    let given = SOURCE.read(&call.object()?, For::Update)?;
    let as_it_is = SourceToBe {
        name: source.name.clone(),
        retention_days: source.retention_days,
        settings: (*source.settings).clone(),
    };
    let to_be = changed(as_it_is, given)?;
    Ok(call.store.update_source(&call.actor()?, source.token, &to_be).await?)
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_source(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

/// The source that the path names by its token.
fn found(call: &Call) -> Result<Arc<Source>, Refusal> {
    call.store.source(SourceKey::Token(call.token()?)).ok_or(Refusal::NotFound)
}

/// The source with what was given; `null` brings a field's default back.
fn changed(to_be: SourceToBe, given: Map<String, Value>) -> Result<SourceToBe, Refusal> {
    let SourceToBe { mut name, mut retention_days, settings } = to_be;
    let mut fields = match json!(settings) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (field, value) in given {
        match (field.as_str(), value) {
            ("name", value) => value.as_str().unwrap_or_default().clone_into(&mut name),
            ("retention_days", value) => {
                retention_days = value.as_u64().and_then(|days| days.try_into().ok());
            }
            ("token", _) => {}
            (_, Value::Null) => drop(fields.remove(&field)),
            (_, value) => drop(fields.insert(field, value)),
        }
    }
    let settings = serde_json::from_value(Value::Object(fields))
        .map_err(|error| Refusal::Body(error.to_string()))?;
    Ok(SourceToBe { name, retention_days, settings })
}

/// A source as the API shows it.
pub(crate) fn shown_source(store: &Store, source: &Source) -> Value {
    let mut fields = match json!(*source.settings) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (name, value) in [
        ("id", json!(source.id)),
        ("token", json!(source.token)),
        ("name", json!(source.name)),
        ("retention_days", json!(source.retention_days)),
        ("backends", backends::of_source(store, source)),
        ("inserted_at", time::rfc3339(source.created_at)),
        ("updated_at", time::rfc3339(source.updated_at)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Value::Object(fields)
}
