//! What is known of the two databases now.

use std::{fmt, sync::Arc, time::Instant};

use tokio::sync::watch;

use crate::{catalog::Catalog, server::SchemaName};

/// Tells when the catalog is another one, see [`Store::catalog_changes`].
#[derive(Debug)]
pub struct CatalogChanges {
    pub(crate) state: watch::Receiver<State>,
    pub(crate) seen: Option<i64>,
}

impl CatalogChanges {
    /// Waits until the catalog is another one than at the last call, or is there at all. `false`
    /// when there is no store any more.
    pub async fn next(&mut self) -> bool {
        let seen = self.seen;
        let number = |state: &State| state.loaded.as_ref().map(|loaded| loaded.change);
        match self.state.wait_for(|state| number(state).is_some() && number(state) != seen).await {
            Ok(state) => {
                self.seen = number(&state);
                true
            }
            Err(_) => false,
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("readiness", &self.readiness()).finish_non_exhaustive()
    }
}

/// What is known of the two databases.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) loaded: Option<Arc<Loaded>>,
    /// Why the events database cannot be used now.
    pub(crate) events_away: Option<Arc<str>>,
    /// Why the catalog's database cannot be used now.
    pub(crate) catalog_away: Option<Arc<str>>,
}

/// What preparing the databases has found.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) catalog: Catalog,
    pub(crate) catalog_schema: SchemaName,
    /// The number of the catalog's latest change that is in it.
    pub(crate) change: i64,
    pub(crate) events_schema: SchemaName,
    /// Whether queries run as the role `logweir_reader`.
    pub(crate) has_reader: bool,
    /// When the store was ready for the first time.
    pub(crate) since: Instant,
}

/// Whether requests can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The catalog was never read since the start.
    Starting,
    /// The catalog is loaded and the databases answer.
    Ready,
    /// The catalog is loaded, but a database does not answer now.
    Unreachable,
}

impl State {
    pub(crate) fn readiness(&self) -> Readiness {
        match self {
            Self { loaded: None, .. } => Readiness::Starting,
            Self { events_away: None, catalog_away: None, .. } => Readiness::Ready,
            _ => Readiness::Unreachable,
        }
    }

    /// What event requests need, or why they cannot be served now.
    pub(crate) fn events(&self) -> Result<Arc<Loaded>, String> {
        match (&self.loaded, &self.events_away) {
            (None, _) => Err("the store is starting".to_owned()),
            (_, Some(reason)) => Err(reason.to_string()),
            (Some(loaded), None) => Ok(Arc::clone(loaded)),
        }
    }
}
