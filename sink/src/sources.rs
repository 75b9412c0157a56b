//! Sources, as those know them who send to them.

use std::sync::Arc;

use store::{Grant, Source, SourceKey, Store};

/// The sources that the holder of a token may send to. All others are as if they were not there, from
/// the first look on: what is done and answered, and how long it takes, is the same.
#[derive(Debug, Clone)]
pub(crate) struct SourcesFor {
    store: Store,
    grant: Grant,
}

impl SourcesFor {
    pub(crate) fn new(store: Store, grant: Grant) -> Self {
        Self { store, grant }
    }

    /// The source of this name or token.
    pub(crate) fn find(&self, key: SourceKey<'_>) -> Option<Arc<Source>> {
        self.store.source(key).filter(|source| self.grant.may_ingest_to(source.id))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What the holder of the token may do.
    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }
}
