//! A request on its way into the event store.

use event_schemas::Reason;
use uuid::Uuid;

use crate::{Batch, ContentHash};

/// A request on its way into the event store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Ours: writing it again under the same number stores nothing twice.
    pub(crate) id: Uuid,
    /// Token of the source.
    pub(crate) source: Uuid,
    /// Hash of what the sender sent.
    pub(crate) content: Option<ContentHash>,
    /// Whether its bytes may be sent again, so that its receipt has to tell them.
    pub(crate) may_come_again: bool,
    /// Whether it waits on the spool since a former life of this process, which knew all of its own
    /// requests: those that it left are no first attempts of this one.
    pub(crate) of_former_life: bool,
    /// When it went on the spool, in ms since 1970. `None` while it has not, and where its record
    /// does not say.
    pub(crate) on_spool_since: Option<i64>,
    pub(crate) batch: Batch,
}

/// What became of one request's events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Events that are durable now.
    pub stored: usize,
    /// Events that were there already: the request was sent before, or they came with ids of their
    /// own that are known.
    pub duplicates: usize,
    /// Events that Postgres refused, one reason each: they are kept among the rejected events.
    pub refused: Vec<Reason>,
    /// They wait on the spool until the store is back.
    pub spooled: bool,
}

impl Appended {
    /// All of the batch was stored before.
    pub(crate) fn again(batch: &Batch) -> Self {
        Self { duplicates: batch.len(), ..Self::default() }
    }
}
