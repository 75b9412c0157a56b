//! Sources: listed, made, changed, removed; and what is known of their events.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};
use store::{Source, SourceFigures, SourceKey, SourceSettings, SourceToBe, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    backends,
    call::Call,
    operation::{Needs, Operation, Shape},
    refusal::{FieldErrors, Refusal},
    resource::{For, Kind, TEXT, set},
    source_fields::{self, NOTIFICATION, SOURCE},
    source_schema, time,
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
    Operation {
        method: Method::GET,
        path: "/api/sources/{token}/schema",
        needs: Needs::Management,
        summary: "Fetch the fields of a source's events as a JSON Schema",
        parameters: &[set(
            "variant",
            TEXT,
            "`dot` for a flat object: `{\"metadata.level\": \"string\"}`",
        )],
        body: Shape::Nothing,
        answers: &[(200, Shape::Any)],
        run: |call| Box::pin(schema(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/sources/{token}/recent",
        needs: Needs::Management,
        summary: "Fetch the latest events of a source, at most 100, the oldest of them first",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::Any)],
        run: |call| Box::pin(recent(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let mut sources = call.store.sources();
    sources.sort_by(|a, b| (!a.settings.favorite, &a.name).cmp(&(!b.settings.favorite, &b.name)));
    let found = Found::of(&call.store, &sources).await;
    Ok(Answer::Found(sources.iter().map(|source| found.shown(&call.store, source)).collect()))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let source = found(&call).await?;
    Ok(Answer::Found(shown(&call.store, source).await))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let given = given(&call, For::Creation)?;
    let token = given.get("token").and_then(Value::as_str).map(Uuid::try_parse);
    let token = token.transpose().map_err(|_| FieldErrors::one("token", "is invalid"))?;
    let to_be = SourceToBe {
        name: String::new(),
        retention_days: None,
        settings: SourceSettings::default(),
    };
    let to_be = changed(to_be, given, None)?;
    let source = call.store.create_source(&call.actor()?, token, &to_be).await?;
    Ok(Answer::Created(shown(&call.store, source).await))
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    let source = update(&call, Extent::Whole).await?;
    Ok(Answer::Created(shown(&call.store, source).await))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call, Extent::Part).await?;
    Ok(Answer::Done)
}

/// What a change is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The whole source, as it was shown.
    Whole,
    /// What is to be set.
    Part,
}

/// Fields that are not given stay as they are.
async fn update(call: &Call, extent: Extent) -> Result<Arc<Source>, Refusal> {
    let source = found(call).await?;
    let mut given = given(call, For::Update)?;
    let default_days = call.store.default_retention_days();
    let to_be = |as_it_is: SourceToBe| {
        if extent == Extent::Whole {
            without_usual(&mut given, &as_it_is, default_days, &usual_table(&source));
        }
        changed(as_it_is, given, Some(&source.declared_as))
    };
    call.store.update_source(&call.actor()?, source.token, to_be).await
}

/// What is shown where nobody has set it comes back with the whole: that sets nothing.
fn without_usual(
    given: &mut Map<String, Value>,
    as_it_is: &SourceToBe,
    default_days: Option<u32>,
    usual_table: &str,
) {
    let SourceToBe { retention_days, settings, .. } = as_it_is;
    for (field, is_unset, usual) in [
        ("retention_days", retention_days.is_none(), json!(default_days)),
        ("bq_table_id", settings.bq_table_id.is_none(), json!(usual_table)),
    ] {
        if is_unset && given.get(field) == Some(&usual) {
            given.remove(field);
        }
    }
}

/// The name of a source's table in BigQuery where nobody has set it.
fn usual_table(source: &Source) -> String {
    source.token.to_string().replace('-', "_")
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_source(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

async fn schema(call: Call) -> Result<Answer, Refusal> {
    let source = found(&call).await?;
    Ok(Answer::Found(match call.parameters.get("variant") {
        Some("dot") => json!(source_schema::flat(&source.schema)),
        _ => source_schema::json_schema(&source),
    }))
}

async fn recent(call: Call) -> Result<Answer, Refusal> {
    let source = found(&call).await?;
    if source.settings.disable_tailing {
        return Ok(Answer::Found(json!([])));
    }
    let events = call.store.recent_events(&source).await;
    let events = events.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    Ok(Answer::FoundText(format!("[{}]", events.join(",")).into()))
}

/// The source that the path names by its token.
async fn found(call: &Call) -> Result<Arc<Source>, Refusal> {
    let key = SourceKey::Token(call.token()?);
    call.found(|store| store.source(key)).await
}

/// The fields of the body, as far as they may be set.
fn given(call: &Call, what_for: For) -> Result<Map<String, Value>, Refusal> {
    // Notifications are an object to Logflare's server, and a list in its published reference.
    let object = call.object()?;
    let mut given = match SOURCE.read(&object, what_for) {
        Ok(given) => given,
        Err(refusal) => {
            // All that is wrong is told at once.
            let mut errors = FieldErrors::default();
            if let Err(refusal) = source_fields::check(&object) {
                errors.add_all(refusal)?;
            }
            errors.add_all(refusal)?;
            return Err(Refusal::Fields(errors));
        }
    };
    source_fields::check(&given)?;
    if let Some(Value::Array(notifications)) = given.get_mut("notifications") {
        let notifications = match notifications.as_mut_slice() {
            [] => Value::Null,
            [one] => one.take(),
            _ => return Err(FieldErrors::one("notifications", "should have at most 1 item(s)")),
        };
        given.insert("notifications".to_owned(), notifications);
    }
    Ok(given)
}

/// The source with what was given; `null` brings a field's default back. `declared_before` is what
/// the source was declared as so far, where there is one.
fn changed(
    to_be: SourceToBe,
    given: Map<String, Value>,
    declared_before: Option<&str>,
) -> Result<SourceToBe, Refusal> {
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
    let settings: SourceSettings = serde_json::from_value(Value::Object(fields))
        .map_err(|error| Refusal::Body(error.to_string()))?;
    if settings.repair
        && let Some(wrong) = source_fields::without_repair(&name, declared_before)
    {
        return Err(FieldErrors::one("repair", wrong));
    }
    Ok(SourceToBe { name, retention_days, settings })
}

/// What the databases know of sources, asked once for all; missing where they do not answer: people
/// may look after their sources all the same.
struct Found {
    figures: Option<HashMap<i64, SourceFigures>>,
    rejected: Option<HashSet<Uuid>>,
}

/// A source as the API shows it.
pub(crate) async fn shown(store: &Store, source: Arc<Source>) -> Value {
    Found::of(store, std::slice::from_ref(&source)).await.shown(store, &source)
}

impl Found {
    async fn of(store: &Store, sources: &[Arc<Source>]) -> Self {
        let tokens: Vec<_> = sources.iter().map(|source| source.token).collect();
        let (figures, rejected) =
            tokio::join!(store.source_figures(), store.with_rejected_events(&tokens));
        Self { figures: figures.ok(), rejected: rejected.ok() }
    }

    /// A source as the API shows it.
    fn shown(&self, store: &Store, source: &Source) -> Value {
        let mut fields = match json!(*source.settings) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let figures = self.figures.as_ref();
        let figures = figures.map(|figures| figures.get(&source.id).copied().unwrap_or_default());
        let rejected = self.rejected.as_ref().map(|rejected| rejected.contains(&source.token));
        let table = source.settings.bq_table_id.clone();
        let table = table.unwrap_or_else(|| usual_table(source));
        for (name, value) in [
            ("id", json!(source.id)),
            ("token", json!(source.token)),
            ("name", json!(source.name)),
            ("retention_days", json!(store.retention_days(source))),
            ("bq_table_id", json!(table)),
            ("notifications", json!([notification(&source.settings)])),
            ("has_rejected_events", json!(rejected)),
            ("metrics", json!(figures.map(|figures| metrics(source, figures)))),
            ("backends", backends::of_source(store, source)),
            ("inserted_at", time::rfc3339(source.created_at)),
            ("updated_at", time::rfc3339(source.updated_at)),
        ] {
            fields.insert(name.to_owned(), value);
        }
        fields.remove("enable_spooling");
        Value::Object(fields)
    }
}

/// Who is told, with what nobody has set.
fn notification(settings: &SourceSettings) -> Value {
    let of_field = NOTIFICATION.iter().map(|field| {
        let usual = || match field.kind {
            Kind::Strings => json!([]),
            Kind::Bool => json!(false),
            _ => Value::Null,
        };
        let set = settings.notifications.get(field.name).filter(|value| !value.is_null());
        (field.name.to_owned(), set.cloned().unwrap_or_else(usual))
    });
    Value::Object(of_field.collect())
}

fn metrics(source: &Source, figures: SourceFigures) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "events of a minute")]
    let avg = figures.recent as f64 / 60.0;
    json!({
        "rate": hundredths(figures.rate),
        "avg": hundredths(avg),
        "max": figures.max_rate,
        "latest": figures.latest,
        "buffer": figures.buffer,
        "inserts": figures.inserts,
        "inserts_string": with_commas(figures.inserts),
        "recent": figures.recent,
        "rejected": figures.rejected,
        "fields": source_schema::flat(&source.schema).len(),
    })
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// `1,234,567`
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(with_commas(number), text);
        }
    }

    #[test]
    fn what_comes_back_as_it_is_shown_sets_nothing() {
        let unset = SourceToBe {
            name: "own".to_owned(),
            retention_days: None,
            settings: SourceSettings::default(),
        };
        let set = SourceToBe {
            retention_days: Some(7),
            settings: SourceSettings {
                bq_table_id: Some("mine".to_owned()),
                ..SourceSettings::default()
            },
            ..unset.clone()
        };
        let shown = json!({"retention_days": 20, "bq_table_id": "usual", "labels": "a=b"});
        let other = json!({"retention_days": 5, "bq_table_id": "other"});
        for (source, given, expected) in [
            (&unset, &shown, &json!({"labels": "a=b"})),
            (&unset, &other, &other),
            (&set, &shown, &shown),
        ] {
            let mut left = given.as_object().cloned().unwrap_or_default();
            without_usual(&mut left, source, Some(20), "usual");
            assert_eq!(json!(left), *expected, "{source:?}");
        }
    }

    #[test]
    fn notifications_are_shown_whole() {
        let mut settings = SourceSettings::default();
        settings.notifications.insert("user_email_notifications".to_owned(), json!(true));
        settings.notifications.insert("other_email_notifications".to_owned(), Value::Null);
        let expected = json!({
            "team_user_ids_for_email": [],
            "team_user_ids_for_sms": [],
            "team_user_ids_for_schema_updates": [],
            "other_email_notifications": null,
            "user_email_notifications": true,
            "user_text_notifications": false,
            "user_schema_update_notifications": false,
        });
        assert_eq!(notification(&settings), expected);
    }
}
