//! What was sent as an event and is none, or breaks its source's schema: kept beside the events.

use std::{collections::HashSet, fmt, str::FromStr};

use event_schemas::Reason;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::{Store, failure, server::SchemaName};

/// Most bytes of events and reasons in one page, unless a single event has more.
const PAGE_BYTES: i64 = 8 << 20;

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
    /// Only those after this place, for the page after.
    pub before: Option<RejectedPlace>,
    /// At most so many, newest first. A page of large events has fewer, but one if there is one.
    pub limit: u32,
}

/// A place in a source's list of rejected events; it stays one when the event there is removed.
///
/// As text: `<microseconds since 1970 UTC>-<id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectedPlace {
    rejected_at: i64,
    id: Uuid,
}

impl fmt::Display for RejectedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.rejected_at, self.id)
    }
}

impl FromStr for RejectedPlace {
    type Err = NoRejectedPlace;

    fn from_str(text: &str) -> Result<Self, NoRejectedPlace> {
        let (rejected_at, id) = text.split_once('-').ok_or(NoRejectedPlace)?;
        let rejected_at = rejected_at.parse().map_err(|_| NoRejectedPlace)?;
        let id = Uuid::try_parse(id).map_err(|_| NoRejectedPlace)?;
        let known = PLACES.contains(&rejected_at);
        known.then_some(Self { rejected_at, id }).ok_or(NoRejectedPlace)
    }
}

/// Times that a place can have, microseconds since 1970: some thousand years.
const PLACES: std::ops::Range<i64> = 0..1 << 56;

/// Why text is no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place in the list of rejected events is what an answer gives as `next`")]
pub struct NoRejectedPlace;

/// Rejected events of a source, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedEvents {
    /// The events.
    pub events: Vec<KeptEvent>,
    /// Where the next page begins, if there is one.
    pub next: Option<RejectedPlace>,
}

/// Why the store cannot show or change what it keeps: Postgres does not answer, or refuses.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be asked now: {0}")]
pub struct StoreUnavailable(pub(crate) String);

impl From<sqlx::Error> for StoreUnavailable {
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
) -> Result<RejectedEvents, sqlx::Error> {
    // One more is looked for, to tell whether there is another page. Of large texts only the
    // lengths are looked at before the page is cut off.
    let sql = format!(
        "select id, (extract(epoch from rejected_at) * 1000000)::bigint as rejected_at, event, \
                reasons, place < found as more \
         from ( \
             select *, row_number() over newest as place, count(*) over () as found, \
                 sum(octet_length(event) + octet_length(reasons)) over newest as bytes \
             from ( \
                 select id, rejected_at, event, reasons::text as reasons \
                 from \"{schema}\".logweir_rejected_events \
                 where source = $1 and ($2::uuid is null or (rejected_at, id) < ( \
                         timestamptz 'epoch' + $5::bigint * interval '1 microsecond', $2)) \
                     and ($4::uuid[] is null or id = any($4)) \
                 order by rejected_at desc, id desc limit $3 + 1 \
             ) as listed \
             window newest as (order by rejected_at desc, id desc) \
         ) as measured \
         where place = 1 or (place <= $3 and bytes <= $6) order by place",
        schema = schema.as_str()
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(source)
        .bind(page.before.map(|place| place.id))
        .bind(i64::from(page.limit))
        .bind(page.ids)
        .bind(page.before.map(|place| place.rejected_at))
        .bind(PAGE_BYTES)
        .fetch_all(pool)
        .await?;
    let mut kept = RejectedEvents { events: Vec::with_capacity(rows.len()), next: None };
    for row in rows {
        let (id, rejected_at) = (row.try_get("id")?, row.try_get("rejected_at")?);
        let reasons: String = row.try_get("reasons")?;
        let reasons = serde_json::from_str(&reasons).unwrap_or_default();
        kept.events.push(KeptEvent { id, rejected_at, event: row.try_get("event")?, reasons });
        kept.next = row.try_get::<bool, _>("more")?.then_some(RejectedPlace { rejected_at, id });
    }
    Ok(kept)
}

impl Store {
    /// Which of these sources, by their tokens, have rejected events that are kept.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn with_rejected_events(
        &self,
        sources: &[Uuid],
    ) -> Result<HashSet<Uuid>, StoreUnavailable> {
        let loaded = self.inner.events().map_err(StoreUnavailable)?;
        let sql = format!(
            "select given.source from unnest($1::uuid[]) as given (source) where exists ( \
                 select from \"{}\".logweir_rejected_events as kept \
                 where kept.source = given.source)",
            loaded.events_schema.as_str()
        );
        let found = sqlx::query_scalar(AssertSqlSafe(sql)).bind(sources);
        Ok(found.fetch_all(self.inner.ingest_pool()).await?.into_iter().collect())
    }
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
    fn a_place_is_read_back() {
        let place = RejectedPlace { rejected_at: 1_700_000_000_123_456, id: Uuid::from_u128(7) };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in [
            "",
            "-",
            "x",
            "5",
            "5-",
            "-5-00000000-0000-0000-0000-000000000007",
            "00000000-0000-0000-0000-000000000007",
            "9223372036854775807-00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(text.parse::<RejectedPlace>(), Err(NoRejectedPlace), "{text}");
        }
    }

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
