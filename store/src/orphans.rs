//! Rows of receipts whose answers were not delivered: those of dead processes, and those of which
//! this one knows.

use std::{sync::atomic::Ordering, time::Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    group::{LOCK_CLASS, WRITERS_CLASS, receipts_table},
    server::SchemaName,
    store::Inner,
};

/// First key of the advisory locks that living processes hold.
const ALIVE_CLASS: i32 = LOCK_CLASS + 1;

/// Hours for which a sender may still come again.
const KEPT_HOURS: i32 = 24;

/// Takes over what a former life of this process has left: called before requests are served,
/// `first` when none were since the start. Whether others know that this process lives.
pub(crate) async fn begin(
    connection: &mut PgConnection,
    schema: &SchemaName,
    owner: i32,
    first: bool,
) -> Result<bool, sqlx::Error> {
    let is_known = tell_alive(connection, owner).await?;
    if first {
        let mut transaction = connection.begin().await?;
        // What was on its way when the process died is committed after this, or never. The server
        // may take its time to notice that; then this is tried again.
        // Writers of versions before shared the first of these.
        sqlx::query("select pg_advisory_xact_lock($1, 0), pg_advisory_xact_lock($2, $3)")
            .bind(LOCK_CLASS)
            .bind(WRITERS_CLASS)
            .bind(owner)
            .execute(&mut *transaction)
            .await?;
        // The owner of those that the last life left is negative until the next start: what that
        // life put on the spool knew of them.
        for change in [
            "owner = $1 where owner = - $1",
            "owner = - $1, orphaned = true where owner = $1 and not orphaned",
        ] {
            let sql = format!("update {} set {change}", receipts_table(schema));
            sqlx::query(AssertSqlSafe(sql)).bind(owner).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    adopt(connection, schema, owner).await?;
    Ok(is_known)
}

/// Lets others know that this process lives, for as long as the connection does: they take us for
/// dead without it. `false` while another session is taken for us, such as that of a former life
/// whose end the server has not noticed; it is to be tried again then.
async fn tell_alive(connection: &mut PgConnection, owner: i32) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock($1, $2)")
        .bind(ALIVE_CLASS)
        .bind(owner)
        .fetch_one(connection)
        .await
}

/// The receipts of processes that are gone become orphans.
async fn adopt(
    connection: &mut PgConnection,
    schema: &SchemaName,
    owner: i32,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "update {} as receipts set orphaned = true
         where not orphaned and owner <> $1 and not exists (
             select from pg_locks
             where locktype = 'advisory' and classid = $2::bigint::oid
                 and objid = receipts.owner::bigint::oid and objsubid = 2
                 and database = (select oid from pg_database where datname = current_database()))",
        receipts_table(schema)
    );
    let adopt = sqlx::query(AssertSqlSafe(sql)).bind(owner).bind(i64::from(ALIVE_CLASS));
    adopt.execute(connection).await.map(|_| ())
}

/// Removes the rows of delivered receipts, or what they tell of content, and lets those of failed ones become orphans. It may be
/// given up at any point.
pub(crate) async fn sweep(
    inner: &Inner,
    connection: &mut PgConnection,
    schema: &SchemaName,
    now: Instant,
) -> Result<(), sqlx::Error> {
    if !inner.is_known_alive.load(Ordering::Relaxed) {
        let is_known = tell_alive(connection, inner.settings.owner).await?;
        inner.is_known_alive.store(is_known, Ordering::Relaxed);
    }
    let table = receipts_table(schema);
    let mut hand_over = inner.receipts.hand_over(now).await;
    if !hand_over.settled.needless.is_empty() {
        let sql = format!("delete from {table} where request = any($1)");
        let delete = sqlx::query(AssertSqlSafe(sql)).bind(&hand_over.settled.needless);
        delete.execute(&mut *connection).await?;
        hand_over.removed();
    }
    let numbers_only = &hand_over.settled.numbers_only;
    if !numbers_only.is_empty() {
        let sql = format!(
            "update {table} set content = null where request = any($1) and content is not null"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(numbers_only).execute(&mut *connection).await?;
    }
    let orphaned = [&hand_over.settled.orphaned[..], &hand_over.settled.failed].concat();
    if !orphaned.is_empty() {
        let sql =
            format!("update {table} set orphaned = true where request = any($1) and not orphaned");
        let update = sqlx::query(AssertSqlSafe(sql)).bind(orphaned);
        update.execute(&mut *connection).await?;
        hand_over.orphaned();
    }
    drop(hand_over);
    adopt(connection, schema, inner.settings.owner).await
}

/// Removes orphans whose senders have not come again for a long time.
pub(crate) async fn expire(
    connection: &mut PgConnection,
    schema: &SchemaName,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "delete from {} where orphaned and stored_at < now() - make_interval(hours => $1)",
        receipts_table(schema)
    );
    sqlx::query(AssertSqlSafe(sql)).bind(KEPT_HOURS).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use end_to_end::postgres::TestCluster;
    use uuid::Uuid;

    use super::*;
    use crate::{ContentHash, Delivery, receipts::Stage, store::tests::store};

    /// Of one a record may come on the spool: after a restart its row must be no orphan with content.
    #[tokio::test]
    async fn the_row_of_what_is_delivered_goes_or_tells_its_number_only() {
        let url = TestCluster::shared().database().await;
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let schema = SchemaName::parse("receipts").unwrap();
        sqlx::raw_sql("create schema receipts; set search_path to receipts")
            .execute(&mut connection)
            .await
            .unwrap();
        let table = include_str!("../migrations/events/0001_receipts_and_rejected_events.sql");
        sqlx::raw_sql(table).execute(&mut connection).await.unwrap();
        let inner = store().inner;
        let content = ContentHash::of(&[b"heartbeat"]);
        let [expected, failed, other] =
            [Delivery::not_needed(), Delivery::default(), Delivery::not_needed()].map(|delivery| {
                let noted = inner.receipts.note(content, delivery.clone());
                noted.tell(noted.request(), Stage::InStore);
                delivery.fail();
                noted.request()
            });
        for request in [expected, failed, other] {
            sqlx::query(
                "insert into logweir_receipts (request, content, owner) values ($1, $2, 1)",
            )
            .bind(request)
            .bind(&content.as_bytes()[..])
            .execute(&mut connection)
            .await
            .unwrap();
        }
        inner.receipts.expect_on_spool(expected);
        inner.receipts.expect_on_spool(failed);
        let rows =
            "select request, content is not null, orphaned from logweir_receipts order by id";
        for left in [
            vec![(expected, false, false), (failed, true, false)],
            vec![(expected, false, false), (failed, true, true)],
            vec![(failed, true, true)],
        ] {
            sweep(&inner, &mut connection, &schema, Instant::now()).await.unwrap();
            let found: Vec<(Uuid, bool, bool)> =
                sqlx::query_as(rows).fetch_all(&mut connection).await.unwrap();
            assert_eq!(found, left);
            // It does not come.
            let next = if found.iter().any(|(.., orphaned)| *orphaned) { expected } else { failed };
            inner.receipts.expect_no_more(next, None);
        }
    }
}
