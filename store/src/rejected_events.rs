//! What was sent as an event and is none, or breaks its source's schema: kept beside the events.

use event_schemas::Reason;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::{failure, server::SchemaName};

/// Most reasons that are kept of one event.
const MAX_REASONS: usize = 20;

/// Days for which rejected events are kept.
const KEPT_DAYS: i32 = 30;

/// What was sent as an event, and why it was not stored as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedEvent {
    /// Its own id in lists.
    pub id: Uuid,
    /// JSON where it could be read as that, else as it came.
    pub event: String,
    /// All that is wrong with it.
    pub reasons: Vec<Reason>,
}

/// A rejected event as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptEvent {
    /// Its own id in lists.
    pub id: Uuid,
    /// When it was rejected, microseconds since 1970 UTC.
    pub rejected_at: i64,
    /// JSON where it could be read as that, else as it came.
    pub event: String,
    /// `[{"path": "metadata.level", "reason": "…"}, …]`
    pub reasons: serde_json::Value,
}

/// Which rejected events of a source to list.
#[derive(Debug, Clone)]
pub struct RejectedPage {
    /// Only these.
    pub ids: Option<Vec<Uuid>>,
    /// Only those from before this one, for the page after.
    pub before: Option<Uuid>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// Why rejected events cannot be listed or removed.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be asked now: {0}")]
pub struct RejectedEventsError(pub(crate) String);

impl From<sqlx::Error> for RejectedEventsError {
    fn from(error: sqlx::Error) -> Self {
        Self(failure::text(&error))
    }
}

/// PostgreSQL holds no U+0000 in text.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn reasons_as_json(reasons: &[Reason]) -> String {
    let reasons = reasons.iter().take(MAX_REASONS);
    let reasons: Vec<_> = reasons
        .map(|Reason { path, text }| json!({"path": storable(path), "reason": storable(text)}))
        .collect();
    serde_json::Value::Array(reasons).to_string()
}

/// Keeps rejected events, within the transaction that is open on the connection.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    schema: &SchemaName,
    source: Uuid,
    rejected: impl IntoIterator<Item = &RejectedEvent>,
) -> Result<(), sqlx::Error> {
    let (mut ids, mut events, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for event in rejected {
        ids.push(event.id);
        events.push(storable(&event.event));
        reasons.push(reasons_as_json(&event.reasons));
    }
    if ids.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "insert into \"{}\".logweir_rejected_events (id, source, event, reasons) \
         select id, $1, event, reasons::jsonb \
         from unnest($2::uuid[], $3::text[], $4::text[]) as given(id, event, reasons) \
         on conflict (id) do nothing",
        schema.as_str()
    );
    let insert = sqlx::query(AssertSqlSafe(sql)).bind(source).bind(ids).bind(events).bind(reasons);
    insert.execute(connection).await.map(|_| ())
}

/// The rejected events of a source, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    schema: &SchemaName,
    source: Uuid,
    page: RejectedPage,
) -> Result<Vec<KeptEvent>, sqlx::Error> {
    let sql = format!(
        "select id, (extract(epoch from rejected_at) * 1000000)::bigint as rejected_at, event, \
                reasons::text as reasons \
         from \"{schema}\".logweir_rejected_events as listed \
         where source = $1 and ($2::uuid is null or (rejected_at, id) < ( \
             select rejected_at, id from \"{schema}\".logweir_rejected_events where id = $2)) \
             and ($4::uuid[] is null or id = any($4)) \
         order by listed.rejected_at desc, id desc limit $3",
        schema = schema.as_str()
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(source)
        .bind(page.before)
        .bind(i64::from(page.limit))
        .bind(page.ids)
        .fetch_all(pool)
        .await?;
    let kept = rows.iter().map(|row| {
        let reasons: String = row.try_get("reasons")?;
        Ok(KeptEvent {
            id: row.try_get("id")?,
            rejected_at: row.try_get("rejected_at")?,
            event: row.try_get("event")?,
            reasons: serde_json::from_str(&reasons).unwrap_or_default(),
        })
    });
    kept.collect()
}

/// Removes rejected events of a source, those of these ids; gives their number.
pub(crate) async fn remove(
    pool: &PgPool,
    schema: &SchemaName,
    source: Uuid,
    ids: &[Uuid],
) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "delete from \"{}\".logweir_rejected_events where source = $1 and id = any($2)",
        schema.as_str()
    );
    let delete = sqlx::query(AssertSqlSafe(sql)).bind(source).bind(ids);
    delete.execute(pool).await.map(|done| done.rows_affected())
}

/// Removes those that were kept long enough.
pub(crate) async fn expire(
    connection: &mut PgConnection,
    schema: &SchemaName,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "delete from \"{}\".logweir_rejected_events \
         where rejected_at < now() - make_interval(days => $1)",
        schema.as_str()
    );
    sqlx::query(AssertSqlSafe(sql)).bind(KEPT_DAYS).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_json_that_postgres_takes() {
        let reason = Reason { path: "a.b".to_owned(), text: "no\0 \"x\"".to_owned() };
        assert_eq!(
            reasons_as_json(&[reason]),
            "[{\"path\":\"a.b\",\"reason\":\"no\u{fffd} \\\"x\\\"\"}]"
        );
        let many = vec![Reason { path: String::new(), text: String::new() }; 50];
        let kept: serde_json::Value = serde_json::from_str(&reasons_as_json(&many)).unwrap();
        assert_eq!(kept.as_array().unwrap().len(), MAX_REASONS);
    }
}
