//! Old events are removed: whole partitions, and old rows of the default one.
//!
//! An event is kept for as many days as its source says, at least, and for less than two more. Of
//! several processes that do this at once, each finds what the others have left.
//!
//! What is removed is gone, so no one clock decides: today is the earlier of this machine's day and
//! the server's. One that leaps ahead removes nothing; one that lags keeps events for longer.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    Source,
    bigquery_events::{self, BigQueryEvents},
    connections,
    day::Day,
    event_tables::{qualified_name, table_name},
    failure,
    server::SchemaName,
    state::State,
    store::Inner,
};

/// How often it is looked for old events; also when a source's retention is changed.
const INTERVAL: Duration = Duration::from_secs(3600);

/// When it is tried again after something could not be removed.
const RETRY: Duration = Duration::from_secs(60);

/// Rows of the default partition that one statement removes.
const ROWS_AT_ONCE: i32 = 10_000;

/// Days for which the events of sources are kept, by their tokens.
type Retentions = BTreeMap<Uuid, u32>;

impl Inner {
    /// Never returns.
    pub(crate) async fn keep_expiring(&self) {
        let mut state = self.subscribe();
        let mut done = Retentions::new();
        let mut wait = INTERVAL;
        loop {
            let is_changed =
                |state: &State| state.loaded.is_some() && self.retentions(state) != done;
            // Else the time is over. It fails when the sender is gone, which `self` holds.
            _ = timeout(wait, state.wait_for(is_changed)).await;
            self.events_are_there().await;
            let retentions = self.retentions(&self.state());
            wait = INTERVAL;
            if let Some(bigquery) = &self.bigquery {
                // BigQuery removes them itself: its tables say after which time.
                if let Err(error) = Box::pin(self.set_expirations(bigquery)).await {
                    tracing::warn!("tables do not know yet how long to keep events: {error}");
                    wait = RETRY;
                }
            } else if let Err(error) = self.expire(&retentions, Day::today()).await {
                tracing::warn!("old events could not be removed yet: {}", failure::text(&error));
                wait = RETRY;
            }
            done = retentions;
        }
    }

    fn retentions(&self, state: &State) -> Retentions {
        let Some(loaded) = &state.loaded else { return Retentions::new() };
        let sources = loaded.catalog.sources().iter();
        let days = |source: &Source| match &self.bigquery {
            Some(_) => bigquery_events::days_kept(source),
            None => source.retention_days,
        };
        let sources = sources.map(|source| (source.token, days(source)));
        // What was removed leaves its table, which must not keep its events for ever.
        let all = sources.chain(loaded.catalog.removed_sources().iter().copied());
        let default = self.settings.default_retention_days;
        all.filter_map(|(token, days)| Some((token, days.or(default)?))).collect()
    }

    async fn set_expirations(&self, events: &BigQueryEvents) -> Result<(), bigquery::Error> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        events.prepare(loaded.catalog.sources()).await
    }

    /// Removes what is too old by this machine's clock and the server's.
    async fn expire(&self, retentions: &Retentions, local: Day) -> Result<(), sqlx::Error> {
        if retentions.is_empty() {
            return Ok(());
        }
        let mut connection = connections::connect(&self.settings.events).await?;
        let sql = "select (now() at time zone 'utc')::date - date '1970-01-01'";
        let of_server = Day(sqlx::query_scalar(sql).fetch_one(&mut connection).await?);
        if of_server != local {
            tracing::debug!(%local, %of_server, "the earlier day counts for what is old");
        }
        let removed = self.expire_on(&mut connection, retentions, local.min(of_server)).await;
        connection.close().await?;
        removed
    }

    /// Removes what is too old today. What fails for one source does not keep the others.
    async fn expire_on(
        &self,
        connection: &mut PgConnection,
        retentions: &Retentions,
        today: Day,
    ) -> Result<(), sqlx::Error> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        let schema = &loaded.events_schema;
        let mut failed = Ok(());
        for (source, days) in retentions {
            let first_kept = today.plus(i32::try_from(*days).map_or(i32::MIN, |days| -days));
            let removed = remove_before(connection, schema, *source, first_kept).await;
            if removed.as_ref().is_ok_and(|removed| *removed > 0) || removed.is_err() {
                // Else events of those days would be thought to have a partition.
                self.tables.forget(*source);
            }
            failed = failed.and(removed.map(|_| ()));
        }
        failed
    }
}

/// Removes events of before `first_kept`; gives how many partitions they were.
async fn remove_before(
    connection: &mut PgConnection,
    schema: &SchemaName,
    source: Uuid,
    first_kept: Day,
) -> Result<usize, sqlx::Error> {
    // Whatever a partition is named, what it holds ends before its bound: the tables of days, and
    // one of a longer time that was attached.
    let sql = "select format('%I.%I', schemas.nspname, partitions.relname) as name \
        from pg_inherits \
        join pg_class as partitions on partitions.oid = pg_inherits.inhrelid \
        join pg_namespace as schemas on schemas.oid = partitions.relnamespace \
        where pg_inherits.inhparent = to_regclass($1) \
            and (regexp_match(pg_get_expr(partitions.relpartbound, partitions.oid), \
                $re$TO \\('([^']+)'\\)$$re$))[1]::timestamp <= $2::timestamp \
        order by partitions.relname";
    let partitions: Vec<String> = sqlx::query_scalar(sql)
        .bind(qualified_name(schema, source))
        .bind(first_kept.to_string())
        .fetch_all(&mut *connection)
        .await?;
    let mut removed = 0;
    for partition in partitions {
        let sql = removal(schema, source, &partition);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
        tracing::info!(%source, partition, "old events are removed");
        removed += 1;
    }
    while remove_rows_before(connection, schema, source, first_kept).await? {}
    Ok(removed)
}

/// Drops a partition, as one that makes partitions is not at work. It waits for those who read and
/// write for a moment only: whoever comes meanwhile waits behind it.
fn removal(schema: &SchemaName, source: Uuid, partition: &str) -> String {
    format!(
        "do $retention$ begin \
            perform set_config('lock_timeout', '1s', true); \
            perform pg_advisory_xact_lock(hashtextextended( \
                'logweir ' || format('%I.%I', '{schema}', '{table}'), 0)); \
            drop table if exists {partition}; \
        end $retention$",
        schema = schema.as_str(),
        table = table_name(source),
    )
}

/// Whether there may be more.
async fn remove_rows_before(
    connection: &mut PgConnection,
    schema: &SchemaName,
    source: Uuid,
    first_kept: Day,
) -> Result<bool, sqlx::Error> {
    let others = format!("\"{}\".\"{}_default\"", schema.as_str(), table_name(source));
    let is_there: bool = sqlx::query("select to_regclass($1) is not null")
        .bind(&others)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if !is_there {
        return Ok(false);
    }
    let sql = format!(
        "delete from {others} where ctid = any(array(select ctid from {others} \
         where \"timestamp\" < '{first_kept}' limit {ROWS_AT_ONCE}))"
    );
    let deleted = sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(connection).await?;
    Ok(deleted.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use end_to_end::postgres::TestCluster;
    use event_schemas::{Event, parse};

    use super::*;
    use crate::{
        AccessTokens, Actor, Batch, ChangeError, ContentHash, Delivery, PostgresServer, Settings,
        SourceSettings, SourceToBe, Store, grant::Holder,
    };

    const DAY: i64 = 86_400_000_000;

    struct Kept {
        store: Store,
        admin: PgConnection,
        source: std::sync::Arc<crate::Source>,
    }

    impl Kept {
        async fn start() -> Self {
            let url = TestCluster::shared().database().await;
            let server = PostgresServer::parse(&url, Some("_analytics")).unwrap();
            let settings = Settings {
                events: server.clone(),
                catalog: server,
                tokens: AccessTokens::new("public", "private"),
                seed_supabase: false,
                query_timeout: Duration::from_secs(5),
                ingest_connections: 2,
                query_connections: 2,
                query_functions: "",
                config_keys: crate::ConfigKeys::new([7; 32], None).unwrap(),
                owner: 1,
                default_retention_days: None,
                bigquery: None,
            };
            let store = Store::new(settings, None);
            let watched = store.clone();
            tokio::spawn(async move { watched.keep_ready().await });
            store.ready().await;
            let actor = Actor { holder: Holder::Private, request_id: None };
            let to_be = SourceToBe {
                name: "events".to_owned(),
                retention_days: None,
                settings: SourceSettings::default(),
            };
            let source = store.create_source(&actor, None, &to_be).await.unwrap();
            let admin = PgConnection::connect(&url).await.unwrap();
            Self { store, admin, source }
        }

        /// Stores events of some size: `(id, days from 1970)`.
        async fn append(&self, events: &[(&str, Day)], size: usize) {
            let mut batch = Batch::default();
            for (id, day) in events {
                let timestamp = i64::from(day.0) * DAY + DAY / 2;
                let text: String = (0..size).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
                let event =
                    format!(r#"{{"id":"{id}","timestamp":{timestamp},"message":"{text}"}}"#);
                batch.push(&Event::normalise(parse(&event).unwrap(), 0).unwrap());
            }
            let content = ContentHash::of(&[events[0].0.as_bytes()]);
            let admission = self.store.admit(content, &Delivery::not_needed()).unwrap();
            admission.append(&self.source, batch).await.unwrap();
        }

        async fn ids(&mut self) -> Vec<String> {
            let sql = format!("select id from {} order by id", self.source.table);
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.admin).await.unwrap()
        }

        /// Number of partitions, and bytes of all.
        async fn size(&mut self) -> (i64, i64) {
            let sql = format!(
                "select count(*), sum(pg_total_relation_size(relid))::bigint \
                 from pg_partition_tree('{}') where isleaf",
                self.source.table
            );
            sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut self.admin).await.unwrap()
        }

        async fn run(&mut self, sql: &str) {
            let sql = sql.replace("{table}", &table_name(self.source.token));
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin).await.unwrap();
        }

        /// By a clock of the test's own.
        async fn try_expire(&self, days: u32, today: Day) -> Result<(), sqlx::Error> {
            let retentions = Retentions::from([(self.source.token, days)]);
            let inner = &self.store.inner;
            let mut connection = connections::connect(&inner.settings.events).await.unwrap();
            inner.expire_on(&mut connection, &retentions, today).await
        }

        async fn expire(&self, days: u32, today: Day) {
            self.try_expire(days, today).await.unwrap();
        }
    }

    /// The clock moves, the data stays where it is.
    #[tokio::test(flavor = "multi_thread")]
    async fn time_removes_partitions_and_frees_their_space() {
        let mut kept = Kept::start().await;
        let today = Day::today();
        let old = [("a", today.plus(-2)), ("b", today.plus(-1)), ("c", today)];
        kept.append(&old, 2_000_000).await;
        // Too old and too late for partitions of their own: in the default one.
        kept.append(&[("ancient", today.plus(-2000)), ("late", today.plus(400))], 10).await;
        let (partitions, bytes) = kept.size().await;

        kept.expire(3, today).await;
        assert_eq!(kept.ids().await, ["a", "b", "c", "late"]);
        assert_eq!(kept.size().await.0, partitions);

        // Three whole days are between noon and noon.
        kept.expire(3, today.plus(2)).await;
        assert_eq!(kept.ids().await, ["b", "c", "late"]);
        let (fewer, smaller) = kept.size().await;
        assert_eq!(fewer, partitions - 1);
        assert!(smaller < bytes, "{smaller} of {bytes}");

        kept.expire(3, today.plus(10)).await;
        assert_eq!(kept.ids().await, ["late"]);
        let (fewest, smallest) = kept.size().await;
        assert!(fewest < fewer && smallest < bytes / 4, "{fewest} {smallest} of {bytes}");

        // Events of such days are taken as before, and go in their turn.
        kept.append(&[("again", today)], 10).await;
        assert_eq!(kept.ids().await, ["again", "late"]);
        kept.expire(1, today).await;
        assert_eq!(kept.ids().await, ["again", "late"], "today's events are never removed");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_clock_that_leaps_ahead_removes_nothing() {
        let mut kept = Kept::start().await;
        let today = Day::today();
        kept.append(&[("old", today.plus(-5)), ("today", today)], 10).await;
        let retentions = Retentions::from([(kept.source.token, 3)]);
        for (local, expected) in
            [(today.plus(-4), &["old", "today"][..]), (today.plus(4000), &["today"])]
        {
            kept.store.inner.expire(&retentions, local).await.unwrap();
            assert_eq!(kept.ids().await, expected);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_table_of_a_longer_time_is_dropped_when_all_of_it_is_old() {
        let mut kept = Kept::start().await;
        let today = Day::today();
        let bound = today.plus(-10);
        kept.run(&format!(
            "create table _analytics.adopted (like _analytics.{{table}}); \
             insert into _analytics.adopted values ('old', '{{}}', 'm', '{}'); \
             alter table _analytics.{{table}} attach partition _analytics.adopted \
                 for values from (minvalue) to ('{bound}')",
            bound.plus(-1)
        ))
        .await;
        // Days of before the bound have no partition of their own: the table takes them.
        let others = [("15 days", today.plus(-15)), ("10 days", bound), ("today", today)];
        kept.append(&others, 10).await;
        let sql = "select count(*) from _analytics.adopted";
        assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut kept.admin).await.unwrap(), 2);
        kept.expire(11, today).await;
        assert_eq!(kept.ids().await, ["10 days", "15 days", "old", "today"]);
        kept.expire(10, today).await;
        assert_eq!(kept.ids().await, ["10 days", "today"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn several_processes_and_readers_are_not_in_each_others_way() {
        let mut kept = Kept::start().await;
        let today = Day::today();
        let days: Vec<_> = (3..20).map(|back| ("e", today.plus(-back))).collect();
        kept.append(&days, 10).await;
        // Somebody reads for long: nothing is removed, and it is tried again later.
        kept.run("begin; select * from _analytics.{table} limit 1").await;
        let failed = kept.try_expire(2, today).await.unwrap_err();
        assert!(failure::is_sqlstate(&failed, "55P03"), "{failed}");
        kept.run("commit").await;
        let others = [(); 4].map(|()| kept.expire(2, today));
        futures_util::future::join_all(others).await;
        assert_eq!(kept.ids().await, Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_of_a_removed_source_go_in_their_turn() {
        let mut kept = Kept::start().await;
        let actor = Actor { holder: Holder::Private, request_id: None };
        let (token, today) = (kept.source.token, Day::today());
        kept.append(&[("old", today.plus(-2)), ("today", today)], 10).await;
        let to_be = |source| Ok(SourceToBe { retention_days: Some(3), ..source });
        kept.store.update_source::<ChangeError>(&actor, token, to_be).await.unwrap();
        let retentions = |store: &Store| store.inner.retentions(&store.inner.state());
        for _ in 0..2 {
            kept.store.delete_source(&actor, token).await.unwrap();
            assert_eq!(retentions(&kept.store), Retentions::from([(token, 3)]));
            assert_eq!(kept.ids().await, ["old", "today"]);
            // One that is made again has a retention of its own.
            let to_be = SourceToBe {
                name: "again".to_owned(),
                retention_days: Some(3),
                settings: SourceSettings::default(),
            };
            kept.store.create_source(&actor, Some(token), &to_be).await.unwrap();
        }
        kept.store.delete_source(&actor, token).await.unwrap();
        kept.expire(3, today.plus(2)).await;
        assert_eq!(kept.ids().await, ["today"]);
    }
}
