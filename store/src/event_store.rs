//! Writes batches of events into Postgres.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    Batch,
    batch::COPY_COLUMNS,
    connections::Lease,
    day::Day,
    event_tables::{EventTables, qualified_name},
    failure,
    server::SchemaName,
};

/// Longest time for one batch. A server that vanished without closing its connections would
/// otherwise hold senders for as long as TCP waits.
const APPEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of COPY data given to the driver at once: it copies what it is given.
const CHUNK: usize = 256 * 1024;

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Sending the same batch again later may work: the store is away, starting, or too busy.
    #[error("the store cannot take events now: {0}")]
    Unavailable(String),
    /// The store refused the rows; sending them again will not help.
    #[error("the store refused the events: {0}")]
    Refused(String),
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        if failure::is_refusal_of_rows(&error) {
            Self::Refused(failure::text(&error))
        } else {
            Self::Unavailable(failure::text(&error))
        }
    }
}

/// Stores a batch; returns when the server has confirmed its commit.
pub(crate) async fn append(
    pool: &PgPool,
    tables: &EventTables,
    schema: &SchemaName,
    source: Uuid,
    batch: Batch,
) -> Result<(), AppendError> {
    let write = write(pool, tables, schema, source, batch);
    match tokio::time::timeout(APPEND_TIMEOUT, write).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(AppendError::Unavailable(format!(
            "Postgres did not confirm the write within {} s",
            APPEND_TIMEOUT.as_secs()
        ))),
    }
}

async fn write(
    pool: &PgPool,
    tables: &EventTables,
    schema: &SchemaName,
    source: Uuid,
    batch: Batch,
) -> Result<(), sqlx::Error> {
    let days = batch.partitioned_days(Day::today());
    let statement = format!(
        "copy {} ({COPY_COLUMNS}) from stdin with (format binary)",
        qualified_name(schema, source)
    );
    let data = batch.into_copy();

    // Until the server has taken the COPY statement nothing can have been stored, so these failures
    // may be met with another try. The pool may hold as many dead connections as it has.
    let mut stale_left = pool.options().get_max_connections();
    let mut may_remake_table = true;
    loop {
        let mut lease = Lease::acquire(pool).await?;
        let missing = tables.missing(source, &days);
        match attempt(&mut lease, tables, schema, source, &missing, &statement, &data).await {
            Ok(()) => {
                lease.release();
                return Ok(());
            }
            Err(Failed::BeforeData(error))
                if stale_left > 0 && failure::is_stale_connection(&error) =>
            {
                stale_left -= 1;
            }
            Err(Failed::BeforeData(error) | Failed::WithData(error))
                if may_remake_table && is_table_gone(&error) =>
            {
                may_remake_table = false;
                // Dropped by somebody: all that we know of it is wrong.
                tables.forget(source);
                tables.ensure(&mut lease, schema, source, &[]).await?;
                lease.release();
            }
            Err(Failed::BeforeData(error) | Failed::WithData(error)) => return Err(error),
        }
    }
}

/// How far a COPY got before it failed.
enum Failed {
    BeforeData(sqlx::Error),
    WithData(sqlx::Error),
}

async fn attempt(
    connection: &mut PgConnection,
    tables: &EventTables,
    schema: &SchemaName,
    source: Uuid,
    missing: &[Day],
    statement: &str,
    data: &[u8],
) -> Result<(), Failed> {
    if !missing.is_empty() {
        match tables.ensure(connection, schema, source, missing).await {
            // A long query keeps the default partition locked. The rows go there, and move when
            // their day is made later: better than to keep the sender waiting.
            Err(error) if failure::is_sqlstate(&error, "55P03") => {
                tracing::debug!(%source, "no partition made now: {}", failure::text(&error));
            }
            ensured => ensured.map_err(Failed::BeforeData)?,
        }
    }
    let mut copy = connection.copy_in_raw(statement).await.map_err(Failed::BeforeData)?;
    for chunk in data.chunks(CHUNK) {
        copy.send(chunk).await.map_err(Failed::WithData)?;
    }
    // Outside a transaction block COPY is its own transaction: this answer is its commit.
    copy.finish().await.map(|_| ()).map_err(Failed::WithData)
}

/// 42P01: no such table. 23514: no partition takes the row, so the default one is missing too.
fn is_table_gone(error: &sqlx::Error) -> bool {
    ["42P01", "23514"].iter().any(|code| failure::is_sqlstate(error, code))
}
