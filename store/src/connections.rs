//! Connections: pools for the work, and a lease that never gives a half-used one back.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Executor, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::PostgresServer;

/// How long a request waits for a connection. Short, so that senders soon learn that the store is
/// away, and keep what they have.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one attempt to connect may take when the store is being made ready.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens one connection outside the pools.
pub(crate) async fn connect(server: &PostgresServer) -> Result<PgConnection, sqlx::Error> {
    match tokio::time::timeout(CONNECT_TIMEOUT, server.options().connect()).await {
        Ok(connection) => connection,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
        ))),
    }
}

/// A pool whose connections give up on a lock after some seconds.
pub(crate) fn ingest_pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    pool_options(connections)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // Somebody's VACUUM FULL must not hold every sender up.
                connection.execute("set lock_timeout = '5s'").await.map(|_| ())
            })
        })
        .connect_lazy_with(options.clone())
}

/// A pool for queries; each sets its own limits.
pub(crate) fn query_pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    pool_options(connections).connect_lazy_with(options.clone())
}

fn pool_options(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A test costs a round trip for every request; those that use a pool try
        // another connection when the first turns out to be dead.
        .test_before_acquire(false)
}

/// A pooled connection that is closed when it is dropped, unless it was [released](Lease::release).
///
/// A future that is dropped between two awaits leaves a connection in the middle of a COPY or of a
/// transaction. Such a one must not serve the next request.
pub(crate) struct Lease {
    connection: PoolConnection<Postgres>,
    released: bool,
}

impl Lease {
    pub(crate) async fn acquire(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: pool.acquire().await?, released: false })
    }

    /// Gives the connection back to the pool: nothing is open on it.
    pub(crate) fn release(mut self) {
        self.released = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.released {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
