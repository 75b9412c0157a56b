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

/// What every connection is told first.
///
/// Somebody's VACUUM FULL must not hold every sender up. And when this machine vanishes, the server
/// must not keep what it was doing for hours, as it does otherwise: the next life waits for it.
/// What a role or a database has set for people's sessions (not all of it known to each version)
/// must not end ours: how long a statement may take is said here, by who asks it. Nor may a setting
/// let a commit be confirmed that a crash takes back, or let two writers of one event not see each
/// other.
const SESSION: &str = "set lock_timeout = '5s';
    set statement_timeout = 0;
    select set_config('synchronous_commit', 'on', false)
        where current_setting('synchronous_commit') = 'off';
    set default_transaction_isolation = 'read committed';
    set standard_conforming_strings = on;
    select set_config(name, '0', false)
        from unnest(array['idle_session_timeout', 'transaction_timeout']) as name
        where current_setting(name, true) is not null;
    set idle_in_transaction_session_timeout = '60s';
    set tcp_keepalives_idle = 10;
    set tcp_keepalives_interval = 5;
    set tcp_keepalives_count = 3;
    set tcp_user_timeout = '30s'";

/// Opens one connection outside the pools.
pub(crate) async fn connect(server: &PostgresServer) -> Result<PgConnection, sqlx::Error> {
    let connect = async {
        let mut connection = server.options().connect().await?;
        connection.execute(SESSION).await?;
        Ok(connection)
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
        Ok(connection) => connection,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
        ))),
    }
}

/// A pool of at most so many connections. They are not tested, which would cost a round trip for
/// every request: who uses it tries another connection when the first turns out to be dead.
pub(crate) fn pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    pool_that_tests(false, options, connections)
}

/// The same, for what is asked seldom: no connection that it gives is dead.
pub(crate) fn tested_pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    pool_that_tests(true, options, connections)
}

fn pool_that_tests(tests: bool, options: &PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(tests)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SESSION).await.map(|_| ()) })
        })
        .connect_lazy_with(options.clone())
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
