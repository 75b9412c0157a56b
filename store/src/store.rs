//! The store as the rest of the program sees it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tokio::sync::watch;

use crate::{
    AppendError, Batch, Endpoint, EndpointKey, Query, QueryError, QueryRows, Settings, Source,
    SourceKey, catalog::Catalog, connections, event_store, event_tables::EventTables, query,
    server::SchemaName,
};

/// How long [`Store::close`] waits for connections that are at work.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The catalog and the event store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) tables: EventTables,
    state: watch::Sender<State>,
    // Pools want a running Tokio runtime, `Store::new` does not.
    ingest: OnceLock<PgPool>,
    query: OnceLock<PgPool>,
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
pub(crate) struct Loaded {
    pub(crate) catalog: Catalog,
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
    fn readiness(&self) -> Readiness {
        match self {
            Self { loaded: None, .. } => Readiness::Starting,
            Self { events_away: None, catalog_away: None, .. } => Readiness::Ready,
            _ => Readiness::Unreachable,
        }
    }

    /// What event requests need, or why they cannot be served now.
    fn events(&self) -> Result<Arc<Loaded>, String> {
        match (&self.loaded, &self.events_away) {
            (None, _) => Err("the store is starting".to_owned()),
            (_, Some(reason)) => Err(reason.to_string()),
            (Some(loaded), None) => Ok(Arc::clone(loaded)),
        }
    }
}

impl Store {
    /// Prepares a store; connects to nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                tables: EventTables::default(),
                state: watch::Sender::default(),
                ingest: OnceLock::new(),
                query: OnceLock::new(),
            }),
        }
    }

    /// Makes the store ready and keeps watching it, for as long as the future is polled:
    /// connects, migrates, seeds, loads the catalog, retrying for ever; then pings.
    pub async fn keep_ready(&self) {
        self.inner.keep_ready().await;
    }

    /// Whether requests can be served.
    pub fn readiness(&self) -> Readiness {
        self.inner.state.borrow().readiness()
    }

    /// Waits until requests can be served.
    pub async fn ready(&self) {
        // Fails when the sender is gone, which `self` holds.
        let _ = self
            .inner
            .state
            .subscribe()
            .wait_for(|state| state.readiness() == Readiness::Ready)
            .await;
    }

    /// When the store became ready for the first time, `None` before.
    pub fn ready_since(&self) -> Option<Instant> {
        self.inner.state.borrow().loaded.as_ref().map(|loaded| loaded.since)
    }

    /// Looks a source up in the loaded catalog.
    pub fn source(&self, key: SourceKey<'_>) -> Option<Arc<Source>> {
        self.inner.state.borrow().loaded.as_ref()?.catalog.source(key)
    }

    /// All sources of the loaded catalog, oldest first.
    pub fn sources(&self) -> Vec<Arc<Source>> {
        match &self.inner.state.borrow().loaded {
            Some(loaded) => loaded.catalog.sources().to_vec(),
            None => Vec::new(),
        }
    }

    /// Looks an endpoint up in the loaded catalog.
    pub fn endpoint(&self, key: EndpointKey<'_>) -> Option<Arc<Endpoint>> {
        self.inner.state.borrow().loaded.as_ref()?.catalog.endpoint(key)
    }

    /// Stores a batch; returns when it is committed.
    ///
    /// After an error nothing of the batch is stored, but for one case: when the connection was
    /// lost while the answer was on its way, all of it may be.
    pub async fn append(&self, source: &Source, batch: Batch) -> Result<(), AppendError> {
        if batch.is_empty() {
            return Ok(());
        }
        let loaded = self.inner.events().map_err(AppendError::Unavailable)?;
        let Inner { tables, .. } = &*self.inner;
        let pool = self.inner.ingest_pool();
        event_store::append(pool, tables, &loaded.events_schema, source.token, batch).await
    }

    /// Runs a translated query, read-only, as a role that sees event tables only, for at most the
    /// time of the settings.
    ///
    /// A future that is dropped ends the query on the server too.
    pub async fn query(&self, query: Query<'_>) -> Result<QueryRows, QueryError> {
        let loaded = self.inner.events().map_err(QueryError::Unavailable)?;
        let limits = query::Limits {
            timeout: self.inner.settings.query_timeout,
            as_reader: loaded.has_reader,
        };
        query::run(self.inner.query_pool(), limits, query).await
    }

    /// Closes all connections; waits some seconds for those at work.
    pub async fn close(&self) {
        let pools = [self.inner.ingest.get(), self.inner.query.get()];
        let closing =
            futures_util::future::join_all(pools.into_iter().flatten().map(PgPool::close));
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("connections to Postgres were still at work at the end");
        }
    }
}

impl Inner {
    fn events(&self) -> Result<Arc<Loaded>, String> {
        self.state.borrow().events()
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }

    fn ingest_pool(&self) -> &PgPool {
        self.ingest.get_or_init(|| {
            let Settings { events, ingest_connections, .. } = &self.settings;
            connections::ingest_pool(events.options(), *ingest_connections)
        })
    }

    fn query_pool(&self) -> &PgPool {
        self.query.get_or_init(|| {
            let Settings { events, query_connections, .. } = &self.settings;
            connections::query_pool(events.options(), *query_connections)
        })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("readiness", &self.readiness())
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PostgresServer;

    fn store() -> Store {
        let server = PostgresServer::parse("postgresql://127.0.0.1:1/none", None).unwrap();
        Store::new(Settings {
            events: server.clone(),
            catalog: server,
            seed_supabase: true,
            query_timeout: Duration::from_secs(1),
            ingest_connections: 1,
            query_connections: 1,
            query_functions: "",
        })
    }

    #[test]
    fn a_new_store_needs_no_runtime_and_is_starting() {
        let store = store();
        assert_eq!(store.readiness(), Readiness::Starting);
        assert!(store.ready_since().is_none());
        assert!(store.source(SourceKey::Name("postgres.logs")).is_none());
        assert!(store.sources().is_empty());
    }

    #[tokio::test]
    async fn before_it_is_ready_nothing_is_served() {
        let store = store();
        let asked = store.query(Query { sql: "select 1", columns: &[] }).await;
        assert!(matches!(asked, Err(QueryError::Unavailable(why)) if why.contains("starting")));
        store.close().await;
    }
}
