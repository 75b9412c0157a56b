//! The work: authorise, decode, normalise, store.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use event_schemas::{Event, Value, repair};
use store::{AccessTokens, Batch, Readiness, Source, SourceKey, Store};
use uuid::Uuid;

use crate::{
    body::{Encoding, inflate},
    decode::decode,
    error::IngestError,
    request::Route,
};

/// Bodies of more bytes are worked on outside of the threads that wait for sockets.
const SMALL_BODY: usize = 64 << 10;

/// Reasons of one request that are told; more do not help anyone.
const MAX_REASONS: usize = 100;

/// Checks what does not need the body: the store's state and the token.
pub(crate) fn authorise(
    store: &Store,
    tokens: &AccessTokens,
    token: Option<&str>,
) -> Result<(), IngestError> {
    if store.readiness() == Readiness::Starting {
        return Err(IngestError::Starting);
    }
    let scope = token.and_then(|token| tokens.scope(token));
    if scope.is_some_and(store::Scope::may_ingest) {
        Ok(())
    } else {
        Err(IngestError::Unauthorized)
    }
}

/// Stores the events of a body; returns when all that can be are committed.
pub(crate) async fn ingest(
    store: &Store,
    route: Route,
    body: Vec<u8>,
    encoding: Encoding,
    limit: usize,
) -> Result<(), IngestError> {
    let small = encoding == Encoding::Identity && body.len() <= SMALL_BODY;
    let store_of_work = store.clone();
    let work = move || batch(&store_of_work, &route, inflate(body, encoding, limit)?);
    let decoded = if small {
        work()?
    } else {
        let joined = tokio::task::spawn_blocking(work).await;
        joined.map_err(|error| IngestError::Internal(error.to_string()))??
    };
    let Decoded { source, batch, rejected } = decoded;
    if !batch.is_empty() {
        store.append(&source, batch).await.inspect_err(|error| {
            tracing::warn!(source = source.name, %error, "events were not stored");
        })?;
    }
    if rejected.is_empty() {
        return Ok(());
    }
    // Vector does not show answers to anyone.
    tracing::warn!(
        source = source.name,
        rejected = rejected.len(),
        first = rejected[0],
        "some events are no events"
    );
    Err(IngestError::Rejected(rejected))
}

struct Decoded {
    source: Arc<Source>,
    batch: Batch,
    rejected: Vec<String>,
}

fn batch(store: &Store, route: &Route, body: Vec<u8>) -> Result<Decoded, IngestError> {
    let text = repair(body);
    let source = match source(store, route) {
        Some(source) => source,
        None => named_in_body(store, route, &text).ok_or(IngestError::Unauthorized)?,
    };
    let now = now();
    let mut batch = Batch::default();
    let mut rejected = Vec::new();
    for (place, value) in decode(&text)?.into_iter().enumerate() {
        let event = match value {
            Ok(value) => Event::normalise(value, now).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match event {
            Ok(event) => batch.push(&event),
            Err(_) if rejected.len() >= MAX_REASONS => {}
            Err(reason) => rejected.push(format!("event {}: {reason}", place + 1)),
        }
    }
    Ok(Decoded { source, batch, rejected })
}

/// The source that the URL or a header names.
fn source(store: &Store, route: &Route) -> Option<Arc<Source>> {
    if let Some(name) = &route.name {
        return store.source(SourceKey::Name(name));
    }
    let source = route.token_or_name.as_deref()?;
    match Uuid::try_parse(source) {
        Ok(token) => store.source(SourceKey::Token(token)),
        Err(_) => store.source(SourceKey::Name(source)),
    }
}

/// The source that the body names, where nothing else does: an event's own field must not send a
/// request elsewhere.
fn named_in_body(store: &Store, route: &Route, text: &str) -> Option<Arc<Source>> {
    if *route != Route::default() || !text.trim_start().starts_with('{') {
        return None;
    }
    let Ok(Value::Object(fields)) = event_schemas::parse(text) else { return None };
    let named = |names: [&str; 2]| {
        let field = fields.iter().find(|(name, _)| names.contains(&name.as_ref()))?;
        match &field.1 {
            Value::String(value) => Some(value.clone().into_owned()),
            _ => None,
        }
    };
    let in_body = Route {
        name: named(["source_name", "collection_name"]),
        token_or_name: named(["source", "collection"]),
    };
    source(store, &in_body)
}

/// Microseconds since 1970.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}
