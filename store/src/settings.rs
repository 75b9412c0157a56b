//! What the stores need to know, typed.

use std::time::Duration;

use crate::{AccessTokens, ConfigKeys, PostgresServer};

/// What the stores need to know, typed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where events are stored; where they are in BigQuery, what is kept beside them.
    pub events: PostgresServer,
    /// Where events are stored in BigQuery; `None` stores them in Postgres.
    pub bigquery: Option<bigquery::Settings>,
    /// Where the catalog is stored.
    pub catalog: PostgresServer,
    /// The tokens that the operator chose.
    pub tokens: AccessTokens,
    /// Encrypt what the catalog keeps of other systems.
    pub config_keys: ConfigKeys,
    /// Whether the Supabase sources and endpoints are seeded into an empty catalog.
    pub seed_supabase: bool,
    /// Longest run of one query.
    pub query_timeout: Duration,
    /// Connections for writing events. Two more are opened when they are needed beside them.
    pub ingest_connections: u32,
    /// What tells this process's receipts from those of others: the same after a restart, and
    /// positive.
    pub owner: i32,
    /// Days that events are kept of sources where nobody has set it; `None` keeps them for ever.
    pub default_retention_days: Option<u32>,
    /// Connections for queries.
    pub query_connections: u32,
    /// DDL of the functions that translated queries call: idempotent `create or replace function
    /// logweir.…` statements with every name qualified. Run in the events database whenever it
    /// differs from what was run there last.
    pub query_functions: &'static str,
}
