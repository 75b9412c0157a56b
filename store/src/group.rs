//! A group of requests for one source, written by one transaction.

pub(crate) mod bigquery;
mod copying;
mod own_ids;

use std::collections::{BTreeSet, HashSet};

use event_schemas::Reason;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    connections::Lease,
    day::Day,
    event_tables::EventTables,
    failure,
    isolation::Refused,
    rejected_events,
    request::{Appended, Request},
    rows::Row,
    server::SchemaName,
};

/// Rejected events that are kept by one statement.
const KEPT_AT_ONCE: usize = 10_000;

/// Attempts after failures that pass by themselves, such as a lock that was held too long.
const TRANSIENT_RETRIES: u32 = 3;

/// First key of the advisory locks of writers: `logw`.
pub(crate) const LOCK_CLASS: i32 = 0x6c6f_6777;

/// First key of the locks that the writers of a process share, its number the second: its next life
/// waits by it for what is under way.
pub(crate) const WRITERS_CLASS: i32 = LOCK_CLASS + 2;

/// Where groups are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) pool: &'a PgPool,
    pub(crate) tables: &'a EventTables,
    pub(crate) schema: &'a SchemaName,
    /// The process that answers the requests.
    pub(crate) owner: i32,
    /// Requests of the past whose receipts are removed by the way.
    pub(crate) needless: &'a [Uuid],
    /// Whether the table has taken others since it did not take these: their rows are to blame.
    pub(crate) takes_rows: bool,
}

/// Stores the requests of one source; returns when the server has confirmed their commit, with
/// what became of each. None may be there twice, and either all are of a former life of this process,
/// or none is.
///
/// Requests that are stored already are not stored again. So it may be called again with the same
/// requests after any error, also when it is not known whether the commit took place.
pub(crate) async fn write(
    target: Target<'_>,
    source: Uuid,
    requests: &[&Request],
) -> Result<Vec<Appended>, sqlx::Error> {
    let today = Day::today();
    let days: BTreeSet<Day> =
        requests.iter().flat_map(|request| request.batch.partitioned_days(today)).collect();
    let mut group = Group { target, source, requests, days, isolate: false };
    // The pool may hold as many dead connections as it has.
    let mut stale_left = target.pool.options().get_max_connections();
    let mut transient_left = TRANSIENT_RETRIES;
    let mut may_remake_table = true;
    loop {
        let mut lease = Lease::acquire(target.pool).await?;
        let error = match group.attempt(&mut lease).await {
            Ok(appended) => {
                lease.release();
                return Ok(appended);
            }
            Err(error) => error,
        };
        if stale_left > 0 && failure::is_stale_connection(&error) {
            stale_left -= 1;
        } else if may_remake_table && is_table_gone(&error) {
            may_remake_table = false;
            // Dropped by somebody: all that we know of it is wrong.
            target.tables.forget(source);
            let mut lease = Lease::acquire(target.pool).await?;
            target.tables.ensure(&mut lease, target.schema, source, &[]).await?;
            lease.release();
        } else if !group.isolate && failure::may_be_refusal_of_rows(&error) {
            // Some row is bad. The next attempt finds out which.
            group.isolate = true;
        } else if transient_left > 0 && failure::is_transient(&error) {
            transient_left -= 1;
        } else {
            return Err(error);
        }
    }
}

struct Group<'a> {
    target: Target<'a>,
    source: Uuid,
    requests: &'a [&'a Request],
    days: BTreeSet<Day>,
    /// Whether rows that Postgres refuses are looked for and set apart.
    isolate: bool,
}

/// A row and the place of its request in the group.
type Placed<'a> = (usize, Row<'a>);

impl Group<'_> {
    async fn attempt(&self, connection: &mut PgConnection) -> Result<Vec<Appended>, sqlx::Error> {
        self.make_partitions(connection).await?;
        self.begin(connection).await?;
        let new = self.write_receipts(connection).await?;
        let mut appended: Vec<_> = self
            .requests
            .iter()
            .map(|request| match new.contains(&request.id) {
                true => Appended { stored: request.batch.len(), ..Appended::default() },
                false => Appended::again(&request.batch),
            })
            .collect();
        let left_out = self.known_events(connection, &new).await?;
        let mut rows = Vec::new();
        for (place, request) in self.requests.iter().enumerate() {
            if !new.contains(&request.id) {
                continue;
            }
            let skipped = left_out.rows.get(&place);
            for (number, row) in request.batch.rows.iter().enumerate() {
                if skipped.is_none_or(|skipped| !skipped.contains(&number)) {
                    rows.push((place, row));
                }
            }
        }
        for (place, skipped) in &left_out.rows {
            if let Some(appended) = appended.get_mut(*place) {
                appended.stored -= skipped.len();
                appended.duplicates += skipped.len();
            }
        }

        if self.isolate {
            let copied = self.copy_isolating(connection, rows, left_out).await?;
            self.keep_refused(connection, &copied.refused).await?;
            for place in &copied.tried_in_place {
                if let Some(appended) = appended.get_mut(*place) {
                    appended.duplicates -= 1;
                    appended.stored += 1;
                }
            }
            for Refused { place, reason, .. } in &copied.refused {
                if let Some(appended) = appended.get_mut(*place) {
                    appended.stored -= 1;
                    appended.refused.push(refusal(reason));
                }
            }
        } else {
            self.copy(connection, &rows).await?;
        }
        let rejected = self.requests.iter().filter(|request| new.contains(&request.id));
        let rejected = rejected.flat_map(|request| &request.batch.rejected);
        rejected_events::insert(connection, self.target.schema, self.source, rejected).await?;
        sqlx::raw_sql("commit").execute(connection).await?;
        Ok(appended)
    }

    async fn begin(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let owner = self.target.owner;
        // As every session is told; but a pooler may give the transaction another one.
        let begin = format!(
            "begin isolation level read committed;
             select set_config('synchronous_commit', 'on', true)
                 where current_setting('synchronous_commit') = 'off';
             select pg_advisory_xact_lock_shared({WRITERS_CLASS}, {owner})"
        );
        sqlx::raw_sql(AssertSqlSafe(begin)).execute(connection).await.map(|_| ())
    }

    async fn make_partitions(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Target { tables, schema, .. } = self.target;
        let missing = tables.missing(self.source, &self.days);
        if missing.is_empty() {
            return Ok(());
        }
        match tables.ensure(connection, schema, self.source, &missing).await {
            // A long query keeps the default partition locked. The rows go there, and move when
            // their day is made later: better than to keep the sender waiting.
            Err(error) if failure::is_sqlstate(&error, "55P03") => {
                let source = self.source;
                tracing::debug!(%source, "no partition made now: {}", failure::text(&error));
                Ok(())
            }
            ensured => ensured,
        }
    }

    /// Leaves a receipt for each request; gives those that are new.
    ///
    /// Not new is one that takes the place of an orphan with its content, and one whose receipt is
    /// there already. A transaction that is about to write that same receipt is waited for.
    async fn write_receipts(
        &self,
        connection: &mut PgConnection,
    ) -> Result<HashSet<Uuid>, sqlx::Error> {
        let sql = format!(
            "with needless as (
                delete from {receipts} where request = any($4)
            ),
            given as (
                select * from unnest($1::uuid[], $2::bytea[], $5::boolean[]) with ordinality
                    as given(request, content, may_come_again, place)
            ),
            -- Its sender was told that it failed, and it had not.
            known as (
                update {receipts} as receipts set orphaned = false, owner = $3
                from given where receipts.request = given.request and receipts.orphaned
            ),
            -- One that is stored already is none that was sent again.
            unknown as (
                select request, content, may_come_again,
                    row_number() over (partition by content order by place) as place
                from given
                where content is not null
                    and not exists (select from {receipts} as known where known.request = given.request)
            ),
            orphans as (
                select wanted.content, oldest.id,
                    row_number() over (partition by wanted.content order by oldest.id) as place
                from (
                    select content, count(*) as most from unknown group by content
                ) as wanted
                cross join lateral (
                    select id from {receipts} as of_content
                    where of_content.content = wanted.content and of_content.orphaned
                        -- Those of this group are known by their numbers.
                        and of_content.request <> all($1)
                        -- The life that it is of knew these, see `orphans::begin`.
                        and not ($6 and of_content.owner = - $3)
                    -- Another one may be taking the oldest.
                    order by id limit wanted.most for update skip locked
                ) as oldest
            ),
            claimed as (
                update {receipts} as receipts
                set request = unknown.request, owner = $3, orphaned = false,
                    content = case when unknown.may_come_again then unknown.content end
                from orphans join unknown using (content, place)
                where receipts.id = orphans.id
                returning receipts.request
            )
            insert into {receipts} (request, content, owner)
            select request, case when may_come_again then content end, $3 from given
            where request not in (select request from claimed)
            on conflict (request) do nothing
            returning request",
            receipts = receipts_table(self.target.schema)
        );
        let ids: Vec<_> = self.requests.iter().map(|request| request.id).collect();
        let content = |request: &&Request| request.content.map(|hash| hash.as_bytes().to_vec());
        let contents: Vec<Option<Vec<u8>>> = self.requests.iter().map(content).collect();
        let new = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(ids)
            .bind(contents)
            .bind(self.target.owner)
            .bind(self.target.needless)
            .bind(self.requests.iter().map(|request| request.may_come_again).collect::<Vec<_>>())
            .bind(self.requests.first().is_some_and(|request| request.of_former_life))
            .fetch_all(connection)
            .await?;
        Ok(new.into_iter().collect())
    }
}

fn refusal(reason: &str) -> Reason {
    Reason { path: String::new(), text: reason.to_owned() }
}

/// The table of receipts as SQL.
pub(crate) fn receipts_table(schema: &SchemaName) -> String {
    format!("\"{}\".logweir_receipts", schema.as_str())
}

/// 42P01: no such table. 23514: no partition takes the row, so the default one is missing too.
fn is_table_gone(error: &sqlx::Error) -> bool {
    ["42P01", "23514"].iter().any(|code| failure::is_sqlstate(error, code))
}

#[cfg(test)]
mod tests {
    use end_to_end::postgres::TestCluster;
    use sqlx::Connection as _;

    use super::*;
    use crate::{ContentHash, batch::Batch};

    /// One that was told as failed, which is stored all the same, comes with others: its row is its own.
    #[tokio::test]
    async fn each_takes_an_orphan_of_its_own_in_their_order() {
        let url = TestCluster::shared().database().await;
        let pool = PgPool::connect(&url).await.unwrap();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let schema = SchemaName::parse("receipts").unwrap();
        let table = include_str!("../migrations/events/0001_receipts_and_rejected_events.sql");
        let made = format!("create schema receipts; set search_path to receipts; {table}");
        sqlx::raw_sql(AssertSqlSafe(made)).execute(&mut connection).await.unwrap();
        let content = ContentHash::of(&[b"heartbeat"]);
        let number = Uuid::from_u128;
        // The first is the one that comes again under its number, the others are somebody's.
        for orphan in [1, 12, 11] {
            let sql = "insert into logweir_receipts (request, content, owner, orphaned) \
                       values ($1, $2, 7, true)";
            let insert = sqlx::query(sql).bind(number(orphan)).bind(&content.as_bytes()[..]);
            insert.execute(&mut connection).await.unwrap();
        }
        let requests = [3, 1, 2, 4].map(|request| Request {
            id: number(request),
            source: Uuid::nil(),
            content: Some(content),
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch: Batch::default(),
        });
        let requests = requests.each_ref();
        let tables = EventTables::default();
        let target = Target {
            pool: &pool,
            tables: &tables,
            schema: &schema,
            owner: 9,
            needless: &[],
            takes_rows: false,
        };
        let group = Group {
            target,
            source: Uuid::nil(),
            requests: &requests,
            days: BTreeSet::new(),
            isolate: false,
        };
        group.begin(&mut connection).await.unwrap();
        let new = group.write_receipts(&mut connection).await.unwrap();
        assert_eq!(new, [number(4)].into());
        sqlx::raw_sql("commit").execute(&mut connection).await.unwrap();
        let rows = "select request, owner, orphaned from logweir_receipts order by id";
        let rows: Vec<(Uuid, i32, bool)> =
            sqlx::query_as(rows).fetch_all(&mut connection).await.unwrap();
        assert_eq!(rows, [1, 3, 2, 4].map(|request| (number(request), 9, false)));
    }
}
