//! The store as the rest of the program sees it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgPool};
use tokio::sync::watch;
use uuid::Uuid;

use event_schemas::SchemaNews;
use spool::Spool;

use crate::{
    Admission, Column, ContentHash, Delivery, Query, QueryError, QueryRows, Readiness,
    RejectedEvents, RejectedPage, Settings, Source, SourceKey, StoreUnavailable,
    bigquery_events::BigQueryEvents,
    change::LookForToken,
    config_key::KeyTrouble,
    connections, drain, event_store,
    event_tables::EventTables,
    failure,
    figures::Figures,
    learning::Unsaved,
    measures::{self, Waiting},
    on_spool::OnSpool,
    orphans, query,
    receipts::Receipts,
    rejected_events,
    spooling::Overdue,
    state::{Loaded, State},
    taking::Taking,
    undelivered::{self, UndeliveredFile},
    writers::Writers,
};

/// How long [`Store::close`] waits for connections that are at work.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections for what must go on while all writers are stuck: the spool is drained, and rejected
/// events are looked at.
const BESIDE_WRITERS: u32 = 2;

/// Connections for management; one listens for changes, one reads them.
const CATALOG_CONNECTIONS: u32 = 5;

/// The catalog and the event store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) tables: EventTables,
    /// Where events are in BigQuery, and not in those tables.
    pub(crate) bigquery: Option<BigQueryEvents>,
    pub(crate) writers: Writers,
    pub(crate) receipts: Receipts,
    pub(crate) spool: Option<Spool>,
    pub(crate) on_spool: OnSpool,
    pub(crate) undelivered: UndeliveredFile,
    pub(crate) overdue: Overdue,
    pub(crate) taking: Taking,
    /// Requests on the spool whose bytes came back whole and say nothing.
    pub(crate) unreadable_requests: AtomicU64,
    pub(crate) unsaved: Unsaved,
    pub(crate) figures: Figures,
    /// Names of sources of which figures were shown that must not stay as they were.
    told_waiting: Mutex<BTreeSet<String>>,
    /// Whether the connection that watches holds the lock by which others know that we live.
    pub(crate) is_known_alive: AtomicBool,
    /// When the catalog was last looked at for a request.
    pub(crate) looked: tokio::sync::Mutex<Option<Instant>>,
    /// When that was for the sake of a token that nobody knew.
    pub(crate) looked_for_token: tokio::sync::Mutex<Option<LookForToken>>,
    pub(crate) state: watch::Sender<State>,
    // Pools want a running Tokio runtime, `Store::new` does not.
    ingest: OnceLock<PgPool>,
    query: OnceLock<PgPool>,
    catalog: OnceLock<PgPool>,
}

impl Store {
    /// Prepares a store; connects to nothing yet. While the event store is away, events go on the
    /// spool, if there is one.
    pub fn new(settings: Settings, spool: Option<Spool>) -> Self {
        measures::describe();
        let retention_days = settings.default_retention_days;
        let bigquery = settings.bigquery.clone();
        let bigquery = bigquery.map(|bigquery| BigQueryEvents::new(bigquery, retention_days));
        Self {
            inner: Arc::new(Inner {
                settings,
                tables: EventTables::default(),
                bigquery,
                writers: Writers::default(),
                receipts: Receipts::default(),
                spool,
                on_spool: OnSpool::default(),
                undelivered: UndeliveredFile::default(),
                overdue: Overdue::default(),
                taking: Taking::default(),
                unreadable_requests: AtomicU64::new(0),
                unsaved: Unsaved::default(),
                figures: Figures::default(),
                told_waiting: Mutex::default(),
                is_known_alive: AtomicBool::new(false),
                looked: tokio::sync::Mutex::default(),
                looked_for_token: tokio::sync::Mutex::default(),
                state: watch::Sender::default(),
                ingest: OnceLock::new(),
                query: OnceLock::new(),
                catalog: OnceLock::new(),
            }),
        }
    }

    /// Makes the store ready and keeps watching it, for as long as the future is polled:
    /// connects, migrates, seeds, loads the catalog, retrying for ever; then pings, and drains the
    /// spool.
    pub async fn keep_ready(&self) {
        let drain = async {
            if let Some(spool) = &self.inner.spool {
                let noted = undelivered::keep_noted(&self.inner, spool);
                tokio::join!(drain::keep_draining(&self.inner, spool), noted);
            }
        };
        if let Some(spool) = &self.inner.spool {
            drain::note_spooled(&self.inner, spool).await;
        }
        tokio::join!(
            Box::pin(self.inner.keep_ready()),
            self.inner.hear_of_changes(),
            Box::pin(self.inner.keep_expiring()),
            drain
        );
    }

    /// Whether requests can be served.
    pub fn readiness(&self) -> Readiness {
        self.inner.state.borrow().readiness()
    }

    /// Why the store is not ready, and what cannot be used though it is. Without what the log says of
    /// addresses, users and settings, as anybody may ask.
    pub fn troubles(&self) -> Vec<&'static str> {
        let state = self.inner.state.borrow();
        let Some(loaded) = &state.loaded else {
            return vec!["the databases are not ready yet; the log says why"];
        };
        let catalog = state.catalog_away.is_some();
        let events = state.events_away.is_some();
        [
            catalog.then_some("the catalog's database does not answer; the log says why"),
            events.then_some("the events database does not answer; the log says why"),
            loaded.catalog.key_trouble().map(KeyTrouble::in_public),
        ]
        .into_iter()
        .flatten()
        .collect()
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

    /// Notes a request before anything is done for it. `content` tells it from others, `delivery`
    /// whether its answer reached the sender. `None` when the sender has left already: it will come
    /// again, or has.
    pub fn admit(&self, content: ContentHash, delivery: &Delivery) -> Option<Admission> {
        event_store::admit(&self.inner, content, delivery)
    }

    /// Learns what events of a source carried that its `known` schema did not cover.
    pub fn learn(&self, source: &Source, news: &SchemaNews) {
        if !news.is_empty() {
            self.inner.learn(source, news);
        }
    }

    /// Rejected events of a source, newest first: a page of at most 8 MiB, or one event.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn rejected_events(
        &self,
        source: &Source,
        page: RejectedPage,
    ) -> Result<RejectedEvents, StoreUnavailable> {
        let loaded = self.inner.events().map_err(StoreUnavailable)?;
        let pool = self.inner.ingest_pool();
        Ok(rejected_events::list(pool, &loaded.events_schema, source.token, page).await?)
    }

    /// Removes rejected events of a source; gives their number.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn remove_rejected_events(
        &self,
        source: &Source,
        ids: &[Uuid],
    ) -> Result<u64, StoreUnavailable> {
        let loaded = self.inner.events().map_err(StoreUnavailable)?;
        let pool = self.inner.ingest_pool();
        Ok(rejected_events::remove(pool, &loaded.events_schema, source.token, ids).await?)
    }

    /// Requests that wait, by the name of their source; by its token, where it has none any more.
    /// Sources of which something has waited before are among them.
    pub(crate) fn waiting_by_source(&self) -> BTreeMap<String, Waiting> {
        let sources = self.sources();
        let names: HashMap<_, _> =
            sources.iter().map(|source| (source.token, source.name.clone())).collect();
        let name = |token: Uuid| names.get(&token).cloned().unwrap_or_else(|| token.to_string());
        let mut waiting: BTreeMap<_, Waiting> =
            names.values().map(|name| (name.clone(), Waiting::default())).collect();
        for (token, queued) in self.inner.writers.waiting() {
            waiting.entry(name(token)).or_default().queued += queued;
        }
        for (token, records) in self.inner.on_spool.waiting() {
            waiting.entry(name(token)).or_default().on_spool += records;
        }
        let mut told = self.inner.told_waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for name in told.iter() {
            waiting.entry(name.clone()).or_default();
        }
        told.extend(waiting.keys().cloned());
        waiting
    }

    /// Brings the figures up to date that are only worked out when metrics are asked for.
    pub fn refresh_measures(&self) {
        measures::refresh(self);
    }

    /// Records and bytes that wait on the spool; `None` without one.
    pub fn spool_depth(&self) -> Option<spool::Depth> {
        self.inner.spool.as_ref().map(Spool::depth)
    }

    /// Requests that were on the spool and cannot be brought into the store any more, as far as this
    /// process knows; `None` without a spool.
    pub(crate) fn lost_requests(&self) -> Option<u64> {
        let damaged = self.inner.spool.as_ref()?.damage().records;
        Some(damaged + self.inner.unreadable_requests.load(Ordering::Relaxed))
    }

    /// Runs a translated query, read-only, as a role that sees event tables only, for at most the
    /// time of the settings.
    ///
    /// A future that is dropped ends the query on the server too.
    pub async fn query(&self, query: Query<'_>) -> Result<QueryRows, QueryError> {
        self.run_query(query.sql, Some(query.columns)).await
    }

    /// The same for a query whose columns are not known before: they are shown as what they come.
    pub async fn query_as_it_comes(&self, sql: &str) -> Result<QueryRows, QueryError> {
        self.run_query(sql, None).await
    }

    async fn run_query(
        &self,
        sql: &str,
        columns: Option<&[Column]>,
    ) -> Result<QueryRows, QueryError> {
        let loaded = self.inner.events().map_err(QueryError::Unavailable)?;
        query::run(self.inner.query_pool(), self.inner.query_limits(&loaded), sql, columns).await
    }

    /// Closes all connections and the spool; waits some seconds for those at work.
    pub async fn close(&self) {
        // First: whoever waits for the end may not wait for databases that are away.
        if let Some(spool) = &self.inner.spool {
            undelivered::note_at_the_end(&self.inner, spool).await;
        }
        let Inner { ingest, query, catalog, .. } = &*self.inner;
        let pools = [ingest.get(), query.get(), catalog.get()];
        let closing =
            futures_util::future::join_all(pools.into_iter().flatten().map(PgPool::close));
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("connections to Postgres were still at work at the end");
        }
        if let Err(error) = self.inner.sweep_at_the_end().await {
            tracing::warn!("receipts are left behind: {}", failure::text(&error));
        }
        if let Err(error) = self.inner.save_learned().await {
            tracing::warn!(
                "some learned fields or figures are not kept: {}",
                failure::text(&error)
            );
        }
        if let Some(spool) = &self.inner.spool {
            spool.clone().close().await;
        }
    }
}

impl Inner {
    pub(crate) fn query_limits(&self, loaded: &Loaded) -> query::Limits {
        query::Limits { timeout: self.settings.query_timeout, as_reader: loaded.has_reader }
    }

    pub(crate) fn events(&self) -> Result<Arc<Loaded>, String> {
        self.state.borrow().events()
    }

    /// What people call a source; its token, where it is none any more.
    pub(crate) fn name_of_source(&self, token: Uuid) -> String {
        let loaded = self.state().loaded;
        let source = loaded.and_then(|loaded| loaded.catalog.source(SourceKey::Token(token)));
        source.map_or_else(|| token.to_string(), |source| source.name.clone())
    }

    /// Waits until events can be written.
    pub(crate) async fn events_are_there(&self) {
        // Fails when the sender is gone, which `self` holds.
        let _ = self.state.subscribe().wait_for(|state| state.events().is_ok()).await;
    }

    /// Removes the receipts of all that was answered: nothing more is heard of the senders.
    async fn sweep_at_the_end(&self) -> Result<(), sqlx::Error> {
        let Some(loaded) = self.state.borrow().loaded.clone() else { return Ok(()) };
        if self.receipts.are_empty() {
            return Ok(());
        }
        let mut events = connections::connect(&self.settings.events).await?;
        let all_heard = Instant::now() + Delivery::GRACE;
        orphans::sweep(self, &mut events, &loaded.events_schema, all_heard).await?;
        events.close().await
    }

    /// Brings into the catalog what was learned and counted since the watch has done so.
    async fn save_learned(&self) -> Result<(), sqlx::Error> {
        let Some(loaded) = self.state.borrow().loaded.clone() else { return Ok(()) };
        if self.unsaved.is_empty() && self.figures.are_kept() {
            return Ok(());
        }
        let mut catalog = connections::connect(&self.settings.catalog).await?;
        self.unsaved.save(&mut catalog, &loaded.catalog_schema).await?;
        self.save_figures(&mut catalog, &loaded).await?;
        catalog.close().await
    }

    /// Notes that the event store did not answer. The watch finds it back.
    pub(crate) fn events_are_away(&self, reason: &str) {
        self.change(|state| {
            if state.loaded.is_some() && state.events_away.is_none() {
                tracing::error!("the event store does not answer: {reason}");
                state.events_away = Some(reason.into());
            }
        });
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }

    pub(crate) fn ingest_pool(&self) -> &PgPool {
        self.ingest.get_or_init(|| {
            let Settings { events, ingest_connections, .. } = &self.settings;
            connections::pool(events.options(), *ingest_connections + BESIDE_WRITERS)
        })
    }

    pub(crate) fn catalog_pool(&self) -> &PgPool {
        self.catalog.get_or_init(|| {
            connections::tested_pool(self.settings.catalog.options(), CATALOG_CONNECTIONS)
        })
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn query_pool(&self) -> &PgPool {
        self.query.get_or_init(|| {
            let Settings { events, query_connections, .. } = &self.settings;
            connections::pool(events.options(), *query_connections)
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
pub(crate) mod tests {
    use super::*;
    use crate::{AccessTokens, PostgresServer};

    pub(crate) fn store() -> Store {
        store_with(None)
    }

    /// A store that never becomes ready.
    pub(crate) fn store_with(spool: Option<Spool>) -> Store {
        let server = PostgresServer::parse("postgresql://127.0.0.1:1/none", None).unwrap();
        Store::new(
            Settings {
                events: server.clone(),
                catalog: server,
                seed_supabase: true,
                tokens: AccessTokens::new("public", "private"),
                query_timeout: Duration::from_secs(1),
                ingest_connections: 1,
                query_connections: 1,
                query_functions: "",
                config_keys: crate::ConfigKeys::new([7; 32], None).unwrap(),
                owner: 1,
                default_retention_days: None,
                bigquery: None,
            },
            spool,
        )
    }

    #[test]
    fn a_new_store_needs_no_runtime_and_is_starting() {
        let store = store();
        assert_eq!(store.readiness(), Readiness::Starting);
        assert_eq!(store.troubles().len(), 1);
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
