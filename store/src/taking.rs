//! When the tables of sources last took events: whether it is rows or a table that is to blame.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use uuid::Uuid;

/// When the latest write began that a table took, by source.
#[derive(Debug, Default)]
pub(crate) struct Taking(Mutex<HashMap<Uuid, Instant>>);

impl Taking {
    /// A write went well that had begun then.
    pub(crate) fn note(&self, source: Uuid, begun: Instant) {
        let mut taking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = taking.entry(source).or_insert(begun);
        *latest = begun.max(*latest);
    }

    /// Whether a write that began later than this went well.
    pub(crate) fn has_since(&self, source: Uuid, since: Instant) -> bool {
        let taking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taking.get(&source).is_some_and(|begun| *begun > since)
    }
}
