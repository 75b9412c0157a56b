//! Brings requests from the spool into the store, in order.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use spool::{Spool, Taken};
use uuid::Uuid;

use crate::{
    ContentHash, SourceKey,
    event_store::{self, AppendError, WRITE_TIMEOUT},
    former_requests::FormerRequests,
    measures,
    request::Request,
    spooled::{self, NotARequest},
    store::Inner,
};

/// Bytes that are drained at once.
const AT_ONCE: usize = 4 << 20;

/// How long the rows of drained requests are kept. By then a crash cannot bring back what was
/// drained, which takes about a second, and a slow writer that had begun before the request went on
/// the spool has ended: without the row it would store it again.
const ROWS_KEPT: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(10));

/// Wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Notes the requests on the spool that a former life of this process left there, the latest ones:
/// their senders may not have been answered.
pub(crate) async fn note_spooled(inner: &Arc<Inner>, spool: &Spool) {
    let noted = {
        let (inner, spool) = (Arc::clone(inner), spool.clone());
        tokio::task::spawn_blocking(move || {
            let mut passed_over = spool.depth().records.saturating_sub(FormerRequests::MOST);
            spool.scan(|_, bytes| {
                if let Some(left) = passed_over.checked_sub(1) {
                    passed_over = left;
                } else if let Ok(Request { id, content: Some(content), .. }) =
                    spooled::decode(bytes)
                {
                    inner.receipts.note_spooled(content, id);
                }
            })
        })
    };
    match noted.await.map_err(std::io::Error::other).flatten() {
        Ok(()) => {}
        Err(error) => tracing::error!(%error, "the spool cannot be looked through"),
    }
}

/// Returns when the spool is closed.
pub(crate) async fn keep_draining(inner: &Arc<Inner>, spool: &Spool) {
    let mut failing = false;
    loop {
        let taken = spool.take(AT_ONCE).await;
        let Some(last) = taken.last().map(|taken| taken.position) else { return };
        inner.events_are_there().await;
        let drained = match requests(&taken) {
            Ok(requests) => drain(inner, requests).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match drained {
            Ok(drained) => {
                spool.done(last).await;
                let unreadable = (taken.len() - drained.0.len()) as u64;
                inner.unreadable_requests.fetch_add(unreadable, Ordering::Relaxed);
                let inner = Arc::clone(inner);
                tokio::spawn(async move {
                    tokio::time::sleep(ROWS_KEPT).await;
                    drained.forget(&inner);
                });
                if std::mem::take(&mut failing) {
                    tracing::info!("the spool is drained again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(error, "the spool cannot be drained now");
                }
                spool.rewind();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What the records say. One that a program of the future has written stops the draining.
fn requests(taken: &[Taken]) -> Result<Vec<Request>, NotARequest> {
    let mut requests = Vec::with_capacity(taken.len());
    for record in taken {
        match spooled::decode(&record.bytes) {
            Ok(request) => requests.push(request),
            Err(error @ NotARequest::Version(_)) => return Err(error),
            Err(NotARequest::Unreadable) => {
                tracing::error!(
                    position = ?record.position,
                    bytes = record.bytes.len(),
                    "a request on the spool cannot be read, and its events are lost"
                );
            }
        }
    }
    Ok(requests)
}

/// Requests that are in the store and not yet taken off the spool: their numbers, and the contents
/// of those that may be sent again.
struct Drained(Vec<(Uuid, Option<ContentHash>)>);

impl Drained {
    /// They will not be drained again: those that nobody sends again need no row any more.
    fn forget(self, inner: &Inner) {
        for (id, content) in self.0 {
            if !content.is_some_and(|content| inner.receipts.note_drained(content, id)) {
                inner.receipts.note_needless(id);
            }
        }
    }
}

async fn drain(inner: &Inner, requests: Vec<Request>) -> Result<Drained, AppendError> {
    let mut requests = requests.into_iter().peekable();
    let mut drained = Vec::new();
    while let Some(first) = requests.next() {
        let mut contents: HashSet<_> = first.content.into_iter().collect();
        let mut group = vec![first];
        while let Some(next) = requests.next_if(|next| {
            let same_source = group.first().is_some_and(|first| first.source == next.source);
            same_source && next.content.is_none_or(|content| !contents.contains(&content))
        }) {
            contents.extend(next.content);
            group.push(next);
        }
        drain_group(inner, &mut group).await?;
        drained.extend(
            group
                .iter()
                .map(|request| (request.id, request.content.filter(|_| request.may_come_again))),
        );
    }
    Ok(Drained(drained))
}

async fn drain_group(inner: &Inner, group: &mut [Request]) -> Result<(), AppendError> {
    for request in group.iter_mut() {
        let may_come = |content| inner.receipts.may_be_sent_again(content, request.id);
        request.may_come_again = request.content.is_some_and(may_come);
    }
    let requests: Vec<&Request> = group.iter().collect();
    let appended = event_store::write(inner, &requests).await?;
    let refused = appended.iter().flat_map(|appended| &appended.refused);
    if let Some(first) = refused.clone().next() {
        // Nobody is there to be told any more.
        let source = name_of_source(inner, group.first());
        let events = refused.count();
        measures::refused_late(&source, events);
        tracing::warn!(
            source,
            rejected = events,
            %first,
            "Postgres refuses events from the spool; they are among the rejected events"
        );
    }
    Ok(())
}

fn name_of_source(inner: &Inner, request: Option<&Request>) -> String {
    let token = request.map(|request| request.source).unwrap_or_default();
    let loaded = inner.state().loaded;
    let source = loaded.and_then(|loaded| loaded.catalog.source(SourceKey::Token(token)));
    source.map_or_else(|| token.to_string(), |source| source.name.clone())
}
