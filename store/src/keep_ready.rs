//! Makes the databases ready, and notices when they go and come back.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgListener};
use tokio::time::{error::Elapsed, timeout};

use crate::{
    PostgresServer,
    catalog::{self, Catalog, changes},
    config_key::{self, KeyTrouble, Occasion},
    connections, failure, manage,
    migrate::{self, PrepareError, migrate},
    orphans, readers, rejected_events,
    server::SchemaName,
    state::Loaded,
    store::Inner,
};

/// Wait after the first failed attempt; doubles up to [`LONGEST_BACK_OFF`].
const FIRST_BACK_OFF: Duration = Duration::from_millis(200);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);

const PING_INTERVAL: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest time for a step of the watch. A server that vanished without closing its connections
/// would otherwise never be missed.
const STEP_TIMEOUT: Duration = Duration::from_secs(8);

/// Longest time to look after the tables, and to make everything ready.
const HOUSE_TIMEOUT: Duration = Duration::from_secs(60);
const PREPARE_TIMEOUT: Duration = Duration::from_secs(600);

/// How often partitions are made for the next days, and what is old is removed.
const HOUSE_INTERVAL: Duration = Duration::from_secs(3600);

/// One connection to each database, apart from the pools: work that fills those must not look like
/// a database that is away.
struct Connections {
    catalog: PgConnection,
    events: PgConnection,
}

impl Inner {
    /// Never returns.
    pub(crate) async fn keep_ready(&self) {
        let mut back_off = FIRST_BACK_OFF;
        let mut last_message = String::new();
        loop {
            let prepare = timeout(PREPARE_TIMEOUT, Box::pin(self.prepare()));
            match prepare.await.unwrap_or_else(|_| Err(PrepareError::late(PREPARE_TIMEOUT))) {
                Ok(connections) => {
                    back_off = FIRST_BACK_OFF;
                    last_message.clear();
                    self.watch(connections).await;
                }
                Err(error) => {
                    let message = error.to_string();
                    if message != last_message {
                        tracing::error!(
                            advice = error.advice(),
                            "the store is not ready: {message}"
                        );
                        last_message = message;
                    }
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(LONGEST_BACK_OFF);
                }
            }
        }
    }

    /// Brings both databases to where requests can be served. Every step may be repeated, and be
    /// done by several processes at once.
    async fn prepare(&self) -> Result<Connections, PrepareError> {
        let started = Instant::now();
        let settings = &self.settings;

        let mut catalog = open(&settings.catalog, "connecting to the catalog's database").await?;
        let catalog_schema = schema_of(&settings.catalog, &mut catalog).await?;
        migrate(&mut catalog, &catalog_schema, &migrate::CATALOG).await?;
        if settings.seed_supabase {
            catalog::seed_supabase(&mut catalog, &catalog_schema)
                .await
                .map_err(PrepareError::during("seeding the catalog"))?;
        }

        let mut events = open(&settings.events, "connecting to the events database").await?;
        let events_schema = schema_of(&settings.events, &mut events).await?;
        if self.bigquery.is_none() {
            readers::install_functions(&mut events, &events_schema, settings.query_functions)
                .await
                .map_err(PrepareError::during("installing the functions of queries"))?;
        }
        migrate(&mut events, &events_schema, &migrate::EVENTS).await?;
        let first = self.state().loaded.is_none();
        let is_known = orphans::begin(&mut events, &events_schema, settings.owner, first)
            .await
            .map_err(PrepareError::during("looking after receipts"))?;
        self.is_known_alive.store(is_known, Ordering::Relaxed);
        // Queries of BigQuery have no use for it.
        let has_reader = self.bigquery.is_some()
            || readers::make_role(&mut events, &events_schema)
                .await
                .map_err(PrepareError::during("making the role of queries"))?;

        let keys = &settings.config_keys;
        config_key::show(&mut catalog, &catalog_schema, keys)
            .await
            .map_err(PrepareError::during("showing which key encrypts backends' configs"))?;
        config_key::agree(&mut catalog, &catalog_schema, keys, Occasion::Start)
            .await
            .map_err(PrepareError::during("encrypting backends' configs anew"))?;
        // What changes while it is read is read again.
        let change = changes::number(&mut catalog, &catalog_schema)
            .await
            .map_err(PrepareError::during("reading the catalog"))?;
        // All of it: this may be another database than before.
        let mut loaded = Catalog::load(&mut catalog, &catalog_schema, &events_schema, keys, None)
            .await
            .map_err(PrepareError::during("reading the catalog"))?;
        if let Some(before) = self.state().loaded {
            loaded = loaded.keeping(&before.catalog);
        }
        self.make_tables(&mut events, &loaded, &events_schema).await?;

        let before = self.state().loaded;
        let had_trouble = before.as_ref().and_then(|before| before.catalog.key_trouble());
        config_key::tell(had_trouble, loaded.key_trouble());
        let since = before.as_ref().map_or_else(Instant::now, |before| before.since);
        if !has_reader && before.is_none_or(|before| before.has_reader) {
            tracing::warn!(
                "queries run as the user of the events database itself, because it may not create \
                 the role logweir_reader; have an administrator run: CREATE ROLE logweir_reader; \
                 GRANT logweir_reader TO that user"
            );
        }
        tracing::info!(
            catalog = %settings.catalog,
            events = %settings.events,
            sources = loaded.sources().len(),
            took = ?started.elapsed(),
            "the store is ready"
        );
        let mut loaded =
            Loaded { catalog: loaded, catalog_schema, change, events_schema, has_reader, since };
        self.change(|state| {
            self.unsaved.add_to(&mut loaded.catalog);
            state.loaded = Some(Arc::new(loaded));
            state.events_away = None;
            state.catalog_away = None;
        });
        Ok(Connections { catalog, events })
    }

    /// Pings until both databases are back after an outage, or something has to be prepared again.
    async fn watch(&self, connections: Connections) {
        let mut catalog = Some(connections.catalog);
        let mut events = Some(connections.events);
        let mut house_kept = Instant::now();
        loop {
            tokio::time::sleep(PING_INTERVAL).await;
            let was_away = {
                let state = self.state();
                state.events_away.is_some() || state.catalog_away.is_some()
            };
            let (held_catalog, held_lock) = (catalog.is_some(), events.is_some());
            let (catalog_away, events_away, bigquery_away) = tokio::join!(
                why_away(&mut catalog, &self.settings.catalog),
                why_away(&mut events, &self.settings.events),
                self.why_bigquery_away(),
            );
            if !held_lock {
                // What told others that this process lives went with the connection.
                self.is_known_alive.store(false, Ordering::Relaxed);
            }
            // With it went what shows others which key this process has.
            if !held_catalog
                && let Some(connection) = catalog.as_mut()
                && let Err(reason) = self.show_key(connection).await
            {
                tracing::warn!("others are not shown which key this process has: {reason}");
                // Another one is tried.
                catalog = None;
            }
            let events_away = events_away.or(bigquery_away);
            if let Some(reason) = catalog_away.as_ref().or(events_away.as_ref()) {
                if !was_away {
                    tracing::error!("a database does not answer: {reason}");
                }
                let events_are_away = events_away.is_some();
                self.change(|state| {
                    state.catalog_away = catalog_away;
                    state.events_away = events_away;
                });
                if events_are_away {
                    self.receipts.forget_settled_on_spool(Instant::now());
                } else if let Some(events) = &mut events
                    && self.sweep_receipts(events).await.is_err()
                {
                    return;
                }
                continue;
            }
            if was_away {
                // What was away may have come back empty: prepared first, ready then.
                return;
            }
            let Some((catalog, held)) = catalog.as_mut().zip(events.as_mut()) else { return };
            let Ok(followed) = timeout(STEP_TIMEOUT, self.follow_catalog(catalog)).await else {
                return;
            };
            if let Err(error) = followed {
                tracing::warn!("the catalog is not followed: {}", failure::text(&error));
            }
            if self.sweep_receipts(held).await.is_err() {
                return;
            }
            if house_kept.elapsed() >= HOUSE_INTERVAL {
                house_kept = Instant::now();
                let kept = timeout(HOUSE_TIMEOUT, self.keep_house(catalog, held)).await;
                let kept = kept.unwrap_or_else(|_| Err(PrepareError::late(HOUSE_TIMEOUT)));
                if let Err(error) = kept {
                    tracing::error!("the event tables are not looked after: {error}");
                    return;
                }
            }
        }
    }

    /// Listens for what other processes say of the catalog, and reads it at once: a token that was
    /// revoked anywhere opens nothing here some milliseconds later. Never returns. Where nobody can
    /// listen (a pooler is between), the look of each second does.
    pub(crate) async fn hear_of_changes(&self) {
        let mut state = self.subscribe();
        loop {
            // Fails when the sender is gone, which `self` holds.
            _ = state.wait_for(|state| state.loaded.is_some()).await;
            if let Err(error) = Box::pin(self.heed_changes()).await {
                tracing::debug!("changes of the catalog are not heard: {}", failure::text(&error));
            }
            tokio::time::sleep(PING_INTERVAL).await;
        }
    }

    /// Returns when the connection fails. It is not that of the watch, which may be busy with tables
    /// or wait for a database that is away.
    async fn heed_changes(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(self.catalog_pool()).await?;
        listener.listen(changes::CHANNEL).await?;
        loop {
            // The first time for what was said before anybody listened.
            let mut connection = connections::Lease::acquire(self.catalog_pool()).await?;
            self.follow_changes(&mut connection).await?;
            connection.release();
            // None: the connection was lost, and with it perhaps a notification.
            let _said = listener.try_recv().await?;
        }
    }

    /// An error says that the connection is not to be used any more.
    async fn sweep_receipts(&self, events: &mut PgConnection) -> Result<(), Elapsed> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        let swept = orphans::sweep(self, events, &loaded.events_schema, Instant::now());
        if let Err(error) = timeout(STEP_TIMEOUT, swept).await? {
            tracing::warn!("receipts are not looked after: {}", failure::text(&error));
        }
        Ok(())
    }

    /// An error says that the connection is not to be used any more.
    async fn show_key(&self, catalog: &mut PgConnection) -> Result<(), String> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        let keys = &self.settings.config_keys;
        let show = config_key::show(catalog, &loaded.catalog_schema, keys);
        match timeout(PING_TIMEOUT, show).await {
            Ok(shown) => shown.map_err(|error| failure::text(&error)),
            Err(_) => Err(format!("no answer within {} s", PING_TIMEOUT.as_secs())),
        }
    }

    /// Brings what was learned and counted into the catalog, and what others have changed into this process.
    async fn follow_catalog(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        self.unsaved.save(connection, &loaded.catalog_schema).await?;
        Box::pin(self.save_figures(connection, &loaded)).await?;
        let mut backends = loaded.catalog.backends().iter();
        if loaded.catalog.key_trouble() == Some(KeyTrouble::Another)
            && backends.all(|backend| backend.config.is_ok())
        {
            // Perhaps nobody has the catalog's key any more.
            let (schema, keys) = (&loaded.catalog_schema, &self.settings.config_keys);
            if let Err(error) = config_key::agree(connection, schema, keys, Occasion::Watch).await {
                let reason = failure::text(&error);
                tracing::warn!("the key of backends' configs cannot be agreed on: {reason}");
            }
        }
        self.follow_changes(connection).await
    }

    async fn keep_house(
        &self,
        catalog: &mut PgConnection,
        events: &mut PgConnection,
    ) -> Result<(), PrepareError> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        manage::audit_log::expire(catalog, &loaded.catalog_schema)
            .await
            .map_err(PrepareError::during("removing old entries of the audit log"))?;
        orphans::expire(events, &loaded.events_schema)
            .await
            .map_err(PrepareError::during("removing old receipts"))?;
        rejected_events::expire(events, &loaded.events_schema)
            .await
            .map_err(PrepareError::during("removing old rejected events"))?;
        self.make_tables(events, &loaded.catalog, &loaded.events_schema).await
    }

    /// Makes what the tables of events want, wherever they are.
    async fn make_tables(
        &self,
        events: &mut PgConnection,
        catalog: &Catalog,
        schema: &SchemaName,
    ) -> Result<(), PrepareError> {
        if let Some(bigquery) = &self.bigquery {
            return Ok(Box::pin(bigquery.prepare(catalog.sources())).await?);
        }
        for source in catalog.sources() {
            self.tables
                .make_ahead(events, schema, source.token)
                .await
                .map_err(PrepareError::during("making the event tables"))?;
        }
        Ok(())
    }

    /// Why events cannot be written now, as far as it is not known of Postgres.
    async fn why_bigquery_away(&self) -> Option<Arc<str>> {
        Box::pin(self.bigquery.as_ref()?.why_away()).await
    }
}

async fn open(server: &PostgresServer, step: &'static str) -> Result<PgConnection, PrepareError> {
    let mut connection = connections::connect(server).await.map_err(PrepareError::during(step))?;
    let encoding: String = sqlx::query_scalar("show server_encoding")
        .fetch_one(&mut connection)
        .await
        .map_err(PrepareError::during("asking for the encoding"))?;
    if encoding != "UTF8" {
        return Err(PrepareError::Encoding { server: server.to_string(), encoding });
    }
    Ok(connection)
}

/// The schema of the settings, else the one in which the server would create tables.
async fn schema_of(
    server: &PostgresServer,
    connection: &mut PgConnection,
) -> Result<SchemaName, PrepareError> {
    if let Some(schema) = server.schema() {
        return Ok(schema.clone());
    }
    let schema: Option<String> = sqlx::query_scalar("select current_schema()::text")
        .fetch_one(connection)
        .await
        .map_err(PrepareError::during("asking for the current schema"))?;
    schema.as_deref().and_then(|name| SchemaName::parse(name).ok()).ok_or(PrepareError::NoSchema)
}

/// Pings over the connection, or opens a new one when it is gone.
async fn why_away(
    connection: &mut Option<PgConnection>,
    server: &PostgresServer,
) -> Option<Arc<str>> {
    let asked = async {
        match connection.take() {
            // Put back only after its answer: one that gave none in time is not asked again.
            Some(mut held) => {
                held.ping().await?;
                Ok::<_, sqlx::Error>(held)
            }
            None => connections::connect(server).await,
        }
    };
    let reason = match timeout(PING_TIMEOUT, asked).await {
        Ok(Ok(held)) => {
            *connection = Some(held);
            return None;
        }
        Ok(Err(error)) => failure::text(&error),
        Err(_) => format!("no answer within {} s", PING_TIMEOUT.as_secs()),
    };
    Some(format!("{server}: {reason}").into())
}
