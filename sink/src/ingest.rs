//! The work: authorise, decode, normalise, store.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use event_schemas::{Event, repair};
use store::{AccessTokens, AppendError, Batch, Readiness, Source, Store};

use crate::{
    body::{Encoding, inflate},
    decode::{Decoded, decode},
    error::IngestError,
    request::Route,
};

/// Bodies of more bytes are worked on outside of the threads that wait for sockets.
const SMALL_BODY: usize = 64 << 10;

/// Reasons of one request that are told; more do not help anyone.
const MAX_REASONS: usize = 100;

/// Whether the catalog is there to look anything up in. A sender that is told 401 before it is
/// drops its events for good.
pub(crate) fn started(store: &Store) -> Result<(), IngestError> {
    match store.readiness() {
        Readiness::Starting => Err(IngestError::Starting),
        Readiness::Ready | Readiness::Unreachable => Ok(()),
    }
}

/// Checks what does not need the body: the store's state and the token.
pub(crate) fn authorise(
    store: &Store,
    tokens: &AccessTokens,
    token: Option<&str>,
) -> Result<(), IngestError> {
    started(store)?;
    let scope = token.and_then(|token| tokens.scope(token));
    if scope.is_some_and(store::Scope::may_ingest) {
        Ok(())
    } else {
        Err(IngestError::Unauthorized)
    }
}

/// Stores the events of a body; returns when all that can be are committed.
///
/// `limit` is the largest body, inflated, in bytes.
///
/// # Errors
/// [`IngestError::Rejected`] when some elements were no events: the others are stored. After every
/// other error none is.
pub(crate) async fn ingest(
    store: &Store,
    route: Route,
    body: Vec<u8>,
    encoding: Encoding,
    limit: usize,
) -> Result<(), IngestError> {
    let small = encoding == Encoding::Identity && body.len() <= SMALL_BODY;
    let work = move || inflate(body, encoding, limit).and_then(normalise);
    let Normalised { batch, rejected, route: named_in_body } = if small {
        work()?
    } else {
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "a body could not be worked on");
            IngestError::Internal(error.to_string())
        })??
    };
    // A field `source` of a lone event must not send a request elsewhere that has its route.
    let source = find(store, &route.or(named_in_body))?;
    store.append(&source, batch).await.inspect_err(|error| match error {
        AppendError::Unavailable(_) => {
            tracing::warn!(source = source.name, %error, "events wait with their sender");
        }
        AppendError::Refused(_) => {
            tracing::error!(source = source.name, %error, "events are lost");
        }
    })?;
    rejected.report(&source.name)
}

fn find(store: &Store, route: &Route) -> Result<Arc<Source>, IngestError> {
    route.key().and_then(|key| store.source(key)).ok_or_else(|| {
        // Vector drops these, and does not show answers to anyone.
        tracing::warn!(?route, "events are refused: there is no such source");
        IngestError::Unauthorized
    })
}

/// What a body came to.
#[derive(Debug)]
struct Normalised {
    batch: Batch,
    rejected: Rejected,
    route: Route,
}

fn normalise(body: Vec<u8>) -> Result<Normalised, IngestError> {
    let text = repair(body);
    let Decoded { values, route } = decode(&text)?;
    let now = now();
    let mut batch = Batch::default();
    let mut rejected = Rejected::default();
    for (place, value) in values.into_iter().enumerate() {
        match Event::normalise(value, now) {
            Ok(event) => batch.push(&event),
            Err(reason) => rejected.push(place, &reason),
        }
    }
    Ok(Normalised { batch, rejected, route })
}

/// Elements that are no events.
#[derive(Debug, Default)]
struct Rejected {
    count: usize,
    /// The first of them, with the reason.
    reasons: Vec<String>,
}

impl Rejected {
    fn push(&mut self, place: usize, reason: &event_schemas::NotAnEvent) {
        self.count += 1;
        if self.count <= MAX_REASONS {
            self.reasons.push(format!("event {}: {reason}", place + 1));
        }
    }

    /// Tells of them, if there are any: to the log too, as Vector does not show answers.
    fn report(mut self, source: &str) -> Result<(), IngestError> {
        let Some(first) = self.reasons.first() else { return Ok(()) };
        tracing::warn!(source, rejected = self.count, first, "some events are no events");
        if self.count > MAX_REASONS {
            self.reasons.push(format!("and {} more", self.count - MAX_REASONS));
        }
        Err(IngestError::Rejected(self.reasons))
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(body: &str) -> (usize, Vec<String>) {
        let Normalised { batch, rejected, .. } = normalise(body.as_bytes().to_vec()).unwrap();
        match rejected.report("postgres.logs") {
            Err(IngestError::Rejected(reasons)) => (batch.len(), reasons),
            Ok(()) => (batch.len(), Vec::new()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_no_event_harms_no_neighbour() {
        let (stored, reasons) = reasons(r#"[{"a":1},5,{"b":2},null,[]]"#);
        assert_eq!(stored, 2);
        assert_eq!(
            reasons,
            [
                "event 2: an event must be a JSON object, this is a number",
                "event 4: an event must be a JSON object, this is null",
                "event 5: an event must be a JSON object, this is a list",
            ]
        );
    }

    #[test]
    fn reasons_are_counted_but_not_all_told() {
        assert_eq!(reasons("[]"), (0, Vec::new()));
        let (stored, reasons) = reasons(&format!("[{}{{}}]", "1,".repeat(MAX_REASONS + 7)));
        assert_eq!((stored, reasons.len()), (1, MAX_REASONS + 1));
        assert_eq!(reasons.last().map(String::as_str), Some("and 7 more"));
    }

    #[test]
    fn odd_bytes_are_stored() {
        let body = b"[{\"a\":\"\xff \\ud800 \\u0000\"},{\"n\":1e400}]".to_vec();
        assert_eq!(normalise(body).unwrap().batch.len(), 2);
    }
}
