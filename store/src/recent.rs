//! The latest events of a source, as they were stored.

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;

use crate::{QueryError, Source, Store, day::Day, query};

/// Most events that are shown.
const MOST: usize = 100;

/// Bytes of events after which no further one is shown.
const MOST_BYTES: usize = 16 << 20;

/// How many days are looked back at first, then if those have too few events; then all are. A query
/// of a few days opens their partitions only.
const LOOKS: [Option<i32>; 3] = [Some(1), Some(30), None];

impl Store {
    /// The latest events of a source, at most 100, as JSON texts: the oldest of them first.
    ///
    /// # Errors
    /// When Postgres does not answer, or not in time.
    pub async fn recent_events(&self, source: &Source) -> Result<Vec<String>, QueryError> {
        if self.is_on_bigquery() {
            return self.recent_in_bigquery(source).await;
        }
        let loaded = self.inner.events().map_err(QueryError::Unavailable)?;
        let limits = self.inner.query_limits(&loaded);
        let failed = |error: sqlx::Error| query::classify(&error, limits);
        let mut lease = query::begin(self.inner.query_pool(), limits).await.map_err(failed)?;
        let mut events = Vec::new();
        for back in LOOKS {
            let sql = latest(&source.table, back.map(|days| Day::today().plus(-days)));
            events = Vec::new();
            let mut bytes = 0;
            // Each text is run once: there is another one tomorrow.
            let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql))
                .persistent(false)
                .fetch(&mut *lease);
            while let Some(event) = rows.try_next().await.map_err(failed)? {
                bytes += event.len();
                if bytes > MOST_BYTES && !events.is_empty() {
                    // The connection, which is still telling, is closed.
                    events.reverse();
                    return Ok(events);
                }
                events.push(event);
            }
            if events.len() == MOST {
                break;
            }
        }
        if sqlx::raw_sql("rollback").execute(&mut *lease).await.is_ok() {
            lease.release();
        }
        events.reverse();
        Ok(events)
    }
}

fn latest(table: &str, since: Option<Day>) -> String {
    let since = since.map(|day| format!("where \"timestamp\" >= '{day}'")).unwrap_or_default();
    format!(
        "select body::text from {table} {since} order by \"timestamp\" desc nulls last limit {MOST}"
    )
}
