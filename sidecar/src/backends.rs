//! Backends: other systems to which events are sent on.

use std::sync::Arc;

use drains::Kind as BackendKind;
use serde_json::{Map, Value, json};
use store::{Backend, BackendToBe, Source, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    config_typos,
    operation::{Needs, Operation, Shape},
    refusal::{FieldErrors, Refusal},
    resource::{Access, COUNT, For, Kind, Resource, TEXT, required, set, shown},
    source_fields::SOURCE,
    sources, time,
};

/// A backend, as Logflare has it.
pub(crate) static BACKEND: Resource = Resource {
    name: "Backend",
    fields: &[
        shown("id", COUNT, "Number of the backend, for rules."),
        shown("token", Kind::Uuid, "Public id."),
        required("name", Kind::Text(255), "For people."),
        set("description", TEXT, "For people."),
        required(
            "type",
            Kind::Text(64),
            "webhook, loki, otlp, s3, clickhouse, elastic, datadog, axiom, syslog, sentry or postgres; \
             stays as it is.",
        )
        .such_as("\"webhook\""),
        required(
            "config",
            Kind::Object,
            "Where it is and how it is spoken to, see the README. Secrets are shown as REDACTED; \
             REDACTED that comes back means no change. Settings that are not given stay.",
        )
        .such_as("{\"url\": \"http://127.0.0.1:9/\"}"),
        set("metadata", Kind::Object, "Whatever people note of it; lists can be filtered by it."),
        set(
            "default_ingest?",
            Kind::Bool,
            "Whether sources that want so give it all events; false.",
        ),
        shown("error", TEXT, "Why nothing can be sent to it, where that is so.")
            .with(Access::AtTimes),
        shown("inserted_at", Kind::Time, "When it was made."),
        shown("updated_at", Kind::Time, "When it was last changed."),
    ],
};

/// What a test of a backend comes to.
static TEST: Resource = Resource {
    name: "BackendTest",
    fields: &[
        shown("connected?", Kind::Bool, "Whether a test event was taken."),
        shown("reason", TEXT, "Why not.").with(Access::AtTimes),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/backends",
        needs: Needs::Management,
        summary: "List backends",
        parameters: &[set(
            "metadata[key]",
            TEXT,
            "Only those whose metadata has this value of the key; of keys within it: \
             `metadata[key][inner key]`.",
        )],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&BACKEND))],
        run: |call| Box::pin(std::future::ready(Ok(list(&call)))),
    },
    Operation {
        method: Method::POST,
        path: "/api/backends",
        needs: Needs::Management,
        summary: "Create backend",
        parameters: &[],
        body: Shape::One(&BACKEND),
        answers: &[(201, Shape::One(&BACKEND))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/backends/{token}",
        needs: Needs::Management,
        summary: "Fetch backend",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&BACKEND))],
        run: |call| Box::pin(show(call)),
    },
    Operation {
        method: Method::PUT,
        path: "/api/backends/{token}",
        needs: Needs::Management,
        summary: "Update backend",
        parameters: &[],
        body: Shape::One(&BACKEND),
        answers: &[(200, Shape::One(&BACKEND))],
        run: |call| Box::pin(replace(call)),
    },
    Operation {
        method: Method::PATCH,
        path: "/api/backends/{token}",
        needs: Needs::Management,
        summary: "Update backend",
        parameters: &[],
        body: Shape::One(&BACKEND),
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(patch(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/backends/{token}",
        needs: Needs::Management,
        summary: "Delete backend, with its rules and what waits for it",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(delete(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/backends/{token}/test",
        needs: Needs::Management,
        summary: "Send a test event to a backend",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&TEST))],
        run: |call| Box::pin(test(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/sources/{token}/backends/{backend_token}",
        needs: Needs::Management,
        summary: "Give a backend all events of a source",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(201, Shape::One(&SOURCE))],
        run: |call| Box::pin(attach(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/sources/{token}/backends/{backend_token}",
        needs: Needs::Management,
        summary: "Give a backend no longer all events of a source",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&SOURCE))],
        run: |call| Box::pin(detach(call)),
    },
];

fn list(call: &Call) -> Answer {
    let parameters = call.parameters.0.iter();
    let wanted: Vec<(Vec<&str>, &str)> = parameters
        .filter_map(|(name, value)| {
            let path = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((path.split("][").collect(), value.as_str()))
        })
        .collect();
    let backends = call.store.backends();
    let found = backends.iter().filter(|backend| {
        wanted.iter().all(|(path, value)| is_noted(&backend.metadata, path, value))
    });
    Answer::Found(found.map(|backend| shown_backend(backend)).collect())
}

/// Whether metadata has this value at a path: as its text, or as an element of a list.
fn is_noted(metadata: &Map<String, Value>, path: &[&str], wanted: &str) -> bool {
    let is_wanted = |value: &Value| match value {
        Value::String(text) => text == wanted,
        // `{"n": 5}` is asked for as `metadata[n]=5`: by its JSON text.
        other => wanted == other.to_string().as_str(),
    };
    let [first, inner @ ..] = path else { return false };
    let found = inner.iter().try_fold(metadata.get(*first), |found, key| match found {
        Some(Value::Object(fields)) => Some(fields.get(*key)),
        _ => None,
    });
    match found.flatten() {
        Some(Value::Array(elements)) => elements.iter().any(is_wanted),
        Some(value) => is_wanted(value),
        None => false,
    }
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Found(shown_backend(&*found(&call).await?)))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let to_be = read(&call, None)?;
    let backend = call.store.create_backend(&call.actor()?, &to_be).await?;
    Ok(Answer::Created(shown_backend(&backend)))
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Found(shown_backend(&*update(&call).await?)))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call).await?;
    Ok(Answer::Done)
}

async fn update(call: &Call) -> Result<Arc<Backend>, Refusal> {
    let to_be = |before: Backend| read(call, Some(&before));
    call.store.update_backend(&call.actor()?, call.token()?, to_be).await
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_backend(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

async fn test(call: Call) -> Result<Answer, Refusal> {
    let backend = found(&call).await?;
    let tested = match (&backend.config, backend.kind.parse::<BackendKind>()) {
        (Ok(config), Ok(kind)) => drains::test(kind, config).await,
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(format!("type {error}")),
    };
    Ok(Answer::Found(match tested {
        Ok(()) => json!({ "connected?": true }),
        Err(reason) => json!({ "connected?": false, "reason": reason }),
    }))
}

async fn attach(call: Call) -> Result<Answer, Refusal> {
    let (source, backend) = (call.token()?, backend_token(&call)?);
    let source = call.store.attach_backend(&call.actor()?, source, backend).await?;
    Ok(Answer::Created(sources::shown(&call.store, source).await))
}

async fn detach(call: Call) -> Result<Answer, Refusal> {
    let (source, backend) = (call.token()?, backend_token(&call)?);
    let source = call.store.detach_backend(&call.actor()?, source, backend).await?;
    Ok(Answer::Found(sources::shown(&call.store, source).await))
}

/// The backend that the path names by its token.
async fn found(call: &Call) -> Result<Arc<Backend>, Refusal> {
    let token = call.token()?;
    call.found(|store| store.backend(token)).await
}

fn backend_token(call: &Call) -> Result<Uuid, Refusal> {
    Uuid::try_parse(call.captured(1)).map_err(|_| Refusal::NotFound)
}

/// What the backend is to be by what is given, all that is wrong told at once.
fn read(call: &Call, before: Option<&Backend>) -> Result<BackendToBe, Refusal> {
    let what_for = if before.is_some() { For::Update } else { For::Creation };
    let given = call.object()?;
    let mut errors = FieldErrors::default();
    let mut fields = match BACKEND.read(&given, what_for) {
        Ok(fields) => fields,
        Err(Refusal::Fields(wrong)) => {
            errors = wrong;
            Map::new()
        }
        Err(other) => return Err(other),
    };
    let kind = match (before, given.get("type").and_then(Value::as_str)) {
        (Some(before), Some(kind)) if kind != before.kind => {
            errors.add("type", "cannot be changed: make another backend");
            before.kind.clone()
        }
        (Some(before), _) => before.kind.clone(),
        (None, kind) => kind.unwrap_or_default().trim().to_owned(),
    };
    let mut config = Map::new();
    let mut noted_config = Map::new();
    match kind.parse::<BackendKind>() {
        Ok(kind) => {
            let nothing = Map::new();
            let given = given.get("config").and_then(Value::as_object);
            // One that is too large is not looked through.
            if let Some(given) = given.filter(|_| !errors.0.contains_key("config")) {
                config_typos::refuse(kind, given, &mut errors);
            }
            // Where it cannot be read, it has to be given whole.
            let before = before.and_then(|before| before.config.as_ref().ok());
            match drains::checked(kind, given.unwrap_or(&nothing), before.map(|config| &**config)) {
                Ok(checked) => {
                    noted_config = drains::noted(kind, &checked);
                    config = checked;
                }
                Err(wrong) => {
                    for (setting, texts) in wrong {
                        texts
                            .iter()
                            .for_each(|text| errors.add(&format!("config.{setting}"), text));
                    }
                }
            }
        }
        // That it is missing is said already.
        Err(_) if kind.is_empty() => {}
        Err(error) => errors.add("type", error.to_string()),
    }
    errors.into_result()?;
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let name = text(fields.remove("name")).or_else(|| Some(before?.name.clone()));
    let description = match fields.remove("description") {
        Some(given) => text(Some(given)),
        None => before.and_then(|before| before.description.clone()),
    };
    let metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        Some(_) => Map::new(),
        None => before.map(|before| before.metadata.clone()).unwrap_or_default(),
    };
    let default_ingest = match fields.remove("default_ingest?") {
        Some(given) => given.as_bool().unwrap_or_default(),
        None => before.is_some_and(|before| before.default_ingest),
    };
    Ok(BackendToBe {
        name: name.unwrap_or_default(),
        description,
        kind,
        config,
        shown_config: noted_config,
        metadata,
        default_ingest,
    })
}

/// A backend as the API shows it.
pub(crate) fn shown_backend(backend: &Backend) -> Value {
    let kind = backend.kind.parse::<BackendKind>();
    let (config, error) = match (&backend.config, kind) {
        (Ok(config), Ok(kind)) => (drains::masked(kind, config), None),
        (Err(error), _) => (Map::new(), Some(error.to_string())),
        // Of what is unknown nobody knows what is secret.
        (_, Err(error)) => (Map::new(), Some(format!("type {error}"))),
    };
    let mut shown = json!({
        "id": backend.id,
        "token": backend.token,
        "name": backend.name,
        "description": backend.description,
        "type": backend.kind,
        "config": config,
        "metadata": backend.metadata,
        "default_ingest?": backend.default_ingest,
        "inserted_at": time::rfc3339(backend.created_at),
        "updated_at": time::rfc3339(backend.updated_at),
    });
    if let Some(error) = error {
        shown["error"] = error.into();
    }
    shown
}

/// Whether a backend has this number, also one that another process has just made.
pub(crate) async fn has_backend(store: &Store, id: i64) -> Result<bool, Refusal> {
    let is_known = || store.backends().iter().any(|backend| backend.id == id);
    if !is_known() {
        store.catch_up().await?;
    }
    Ok(is_known())
}

/// The backends that get all events of a source.
pub(crate) fn of_source(store: &Store, source: &Source) -> Value {
    store.backends_of(source).iter().map(|backend| shown_backend(backend)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_into() {
        let Value::Object(metadata) = json!({
            "env": "prod", "n": 5, "on": true, "tags": ["a", "b"], "of": {"team": {"name": "x"}},
        }) else {
            panic!("an object")
        };
        for (path, value, expected) in [
            (&["env"][..], "prod", true),
            (&["env"], "test", false),
            (&["n"], "5", true),
            (&["on"], "true", true),
            (&["tags"], "b", true),
            (&["tags"], "c", false),
            (&["of", "team", "name"], "x", true),
            (&["of", "team", "name"], "y", false),
            (&["of", "nobody", "name"], "x", false),
            (&["env", "name"], "prod", false),
            (&[], "", false),
        ] {
            assert_eq!(is_noted(&metadata, path, value), expected, "{path:?} {value}");
        }
    }
}
