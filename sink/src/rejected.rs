//! What was rejected, listed and sent in again; and what is done with such events, per source.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /api/sources/{source}/rejected-events?limit=&before=` | lists them, newest first |
//! | `POST …/rejected-events/replay` with `{"ids": […]}`, or `?limit=&before=` | stores those that pass now |
//! | `DELETE …/rejected-events` with `{"ids": […]}` | removes them |
//! | `GET`, `PUT /api/sources/{source}/validation` with `{"mode": "quarantine"}` | what becomes of such events |
//!
//! `{source}` is a token or a name. All of it needs the private token. `before` is the `next` of the
//! page before; a page, and what is replayed at once, is bounded in events and in bytes.

use std::sync::Arc;

use bytes::Bytes;
use event_schemas::{Unreadable, Value, parse};
use serde::Deserialize;
use serde_json::json;
use store::{
    Actor, ContentHash, Delivery, Grant, KeptEvent, NoRejectedPlace, RejectedEvents, RejectedPage,
    Source, SourceKey, Validation,
};
use uuid::Uuid;

use crate::{
    collected::Collected,
    error::ManageError,
    limits::Tally,
    pipeline::{Pipeline, now},
    records::{Record, Records as _},
    request::{Parameters, Route},
};

/// Most events of one page.
const MAX_LIMIT: u32 = 1000;
const USUAL_LIMIT: u32 = 100;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    List,
    Replay,
    Remove,
    ShowValidation,
    SetValidation,
}

/// A request of somebody who may do this.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) action: Action,
    pub(crate) actor: Actor,
    pub(crate) grant: Grant,
    pub(crate) parameters: &'a Parameters,
    pub(crate) body: Bytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    ids: Option<Vec<Uuid>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    mode: String,
}

/// Does it; gives the answer's body.
pub(crate) async fn manage(
    pipeline: &Pipeline,
    source: &str,
    asked: Asked<'_>,
) -> Result<serde_json::Value, ManageError> {
    let Asked { action, actor, grant, parameters, body } = asked;
    let body = &body;
    let key = Uuid::try_parse(source).map_or(SourceKey::Name(source), SourceKey::Token);
    let source = match pipeline.store().source(key) {
        Some(source) => source,
        None => {
            // Another process may have just made it.
            pipeline.store().catch_up().await?;
            pipeline.store().source(key).ok_or(ManageError::NoSuchSource)?
        }
    };
    match action {
        Action::List => list(pipeline, &source, page(parameters)?).await,
        Action::Replay => {
            let ids = read::<Chosen>(body)?.ids;
            let page = RejectedPage { ids, ..page(parameters)? };
            let replayed = replay(pipeline, grant, &source, page).await?;
            let details = json!({ "replayed": replayed["replayed"] });
            note(pipeline, &actor, "replay rejected events", &source, &details).await;
            Ok(replayed)
        }
        Action::Remove => {
            let Some(ids) = read::<Chosen>(body)?.ids else {
                return Err(ManageError::Body("send {\"ids\": […]}".to_owned()));
            };
            let removed = pipeline.store().remove_rejected_events(&source, &ids).await?;
            let removed = json!({ "removed": removed });
            note(pipeline, &actor, "remove rejected events", &source, &removed).await;
            Ok(removed)
        }
        Action::ShowValidation => Ok(json!({ "mode": source.validation.name() })),
        Action::SetValidation => {
            let Mode { mode } = read_required(body)?;
            let Some(mode) = Validation::named(&mode) else {
                let text = format!("there is no mode `{mode}`; send quarantine, reject or off");
                return Err(ManageError::Body(text));
            };
            pipeline.store().set_validation(&actor, source.token, mode).await?;
            Ok(json!({ "mode": mode.name() }))
        }
    }
}

/// Into the audit log. It is done already, so that no failure may be told.
async fn note(
    pipeline: &Pipeline,
    actor: &Actor,
    action: &str,
    source: &Source,
    details: &serde_json::Value,
) {
    if let Err(error) = pipeline.store().note_action(actor, action, source.token, details).await {
        tracing::warn!(source = source.name, %error, "{action}: not in the audit log");
    }
}

fn read<T: for<'de> Deserialize<'de> + Default>(body: &Bytes) -> Result<T, ManageError> {
    if body.trim_ascii().is_empty() { Ok(T::default()) } else { read_required(body) }
}

fn read_required<T: for<'de> Deserialize<'de>>(body: &Bytes) -> Result<T, ManageError> {
    serde_json::from_slice(body).map_err(|error| ManageError::Body(error.to_string()))
}

fn page(parameters: &Parameters) -> Result<RejectedPage, ManageError> {
    let limit = match parameters.value("limit") {
        None => USUAL_LIMIT,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
                ManageError::Body(format!("`limit` is a number from 1 to {MAX_LIMIT}"))
            })?
        }
    };
    let before = parameters.value("before").map(|place| place.parse()).transpose();
    let before = before.map_err(|error: NoRejectedPlace| {
        ManageError::Body(format!("`before` is wrong: {error}"))
    })?;
    Ok(RejectedPage { ids: None, before, limit })
}

async fn list(
    pipeline: &Pipeline,
    source: &Source,
    page: RejectedPage,
) -> Result<serde_json::Value, ManageError> {
    let RejectedEvents { events, next } = pipeline.store().rejected_events(source, page).await?;
    Ok(json!({
        "next": next.map(|place| place.to_string()),
        "rejected_events": events.iter().map(shown).collect::<Vec<_>>(),
    }))
}

fn shown(kept: &KeptEvent) -> serde_json::Value {
    let KeptEvent { id, rejected_at, event, reasons } = kept;
    // Text that is no JSON is shown as text.
    let event = serde_json::from_str(event).unwrap_or_else(|_| json!(event));
    json!({ "id": id, "rejected_at": rejected_at, "reasons": reasons, "event": event })
}

/// Rejected events that were checked once more.
struct Checked {
    collected: Collected,
    /// Ids of those that pass now.
    passed: Vec<Uuid>,
    /// The others, each with its id and the reasons.
    failed: Vec<serde_json::Value>,
}

fn checked_again(events: &[KeptEvent], mut collected: Collected) -> Checked {
    let (mut passed, mut failed) = (Vec::new(), Vec::new());
    for event in events {
        let before = collected.rejected.count;
        collected.record(match parse(&event.event) {
            Ok(value) => Record::Value(value),
            Err(Unreadable::NotJson(_)) => Record::Value(Value::String((&*event.event).into())),
            Err(Unreadable::TooManyValues(error)) => {
                Record::Unreadable { text: (&*event.event).into(), reason: error.to_string() }
            }
        });
        let reasons = collected.rejected.take_reasons();
        if collected.rejected.count == before {
            passed.push(event.id);
        } else {
            failed.push(json!({ "id": event.id, "reasons": reasons }));
        }
    }
    Checked { collected, passed, failed }
}

/// Stores those that pass now. An event keeps the id and the time that it was rejected with, so one
/// that is replayed twice is stored once.
async fn replay(
    pipeline: &Pipeline,
    grant: Grant,
    source: &Arc<Source>,
    page: RejectedPage,
) -> Result<serde_json::Value, ManageError> {
    let RejectedEvents { events, next } = pipeline.store().rejected_events(source, page).await?;
    let route = Route::to(source.token);
    let (sources, tally) = (pipeline.sources_for(grant), Tally::unbounded());
    let (forwarder, treatments) = (pipeline.forwarder().clone(), pipeline.treatments());
    let work = move || {
        let collected = Collected::new(sources, forwarder, treatments, route, now(), tally);
        checked_again(&events, collected.rejecting())
    };
    // Megabytes are not read on a thread that waits for sockets.
    let checked = tokio::task::spawn_blocking(work).await;
    let Checked { collected, passed, failed } = checked.map_err(|_| ManageError::Starting)?;
    let ids: Vec<u8> = passed.iter().flat_map(|id| *id.as_bytes()).collect();
    let content = ContentHash::of(&[b"replay", &ids]);
    let answer = Delivery::not_needed();
    let admission = pipeline.store().admit(content, &answer).ok_or(ManageError::Starting)?;
    pipeline.store().learn(source, &collected.news);
    let forwarded = collected.forwarded.unwrap_or_default();
    let appending =
        pipeline.forwarder().append(admission, &answer, source, collected.batch, forwarded);
    let appended = appending.await?;
    pipeline.store().remove_rejected_events(source, &passed).await?;
    Ok(json!({
        "replayed": appended.stored + appended.duplicates,
        "still_rejected": failed,
        "next": next.map(|place| place.to_string()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_asked_for() {
        let place = "1700000000123456-00000000-0000-0000-0000-000000000007";
        for (query, expected) in [
            ("", Ok((100, None))),
            ("limit=1000", Ok((1000, None))),
            (&*format!("limit=5&before={place}"), Ok((5, Some(place)))),
            ("limit=0", Err("`limit` is a number from 1 to 1000")),
            ("limit=1001", Err("`limit` is a number from 1 to 1000")),
            ("before=00000000-0000-0000-0000-000000000007", Err("`before` is wrong: ")),
        ] {
            let asked = page(&Parameters::read(query));
            match (asked, expected) {
                (Ok(page), Ok((limit, before))) => {
                    let place = page.before.map(|place| place.to_string());
                    assert_eq!((page.limit, place.as_deref()), (limit, before), "{query}");
                }
                (Err(error), Err(text)) => assert!(error.to_string().starts_with(text), "{error}"),
                (asked, _) => panic!("{query}: {asked:?}"),
            }
        }
    }
}
