//! A store that is ready, on a database of its own, with one source named `events`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use end_to_end::postgres::TestCluster;
use event_schemas::Event;
use spool::Spool;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{
    AccessTokens, Admission, AppendError, Appended, Batch, Column, ColumnKind, ContentHash,
    Delivery, PostgresServer, Query, QueryError, Settings, Source, SourceKey, Store,
};
use tokio::task::JoinHandle;

pub(crate) const DAY: i64 = 86_400_000_000;

const FUNCTIONS: &str = "create or replace function logweir.twice(number bigint) returns bigint \
                         language sql immutable return number * 2";

/// A store and the task that keeps it ready.
pub(crate) struct Running {
    pub(crate) store: Store,
    pub(crate) keeper: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

pub(crate) struct Fixture {
    pub(crate) running: Running,
    pub(crate) source: Arc<Source>,
    pub(crate) url: String,
    pub(crate) admin: PgConnection,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::on(TestCluster::shared()).await
    }

    pub(crate) async fn on(cluster: &TestCluster) -> Self {
        Self::with(cluster, |_| ()).await
    }

    pub(crate) async fn with(cluster: &TestCluster, change: impl Fn(&mut Settings)) -> Self {
        let url = cluster.database().await;
        let mut settings = settings(&url);
        change(&mut settings);
        // The first one makes the tables, the second one reads the source from them.
        start(settings.clone()).await;
        let mut admin = PgConnection::connect(&url).await.expect("the database answers");
        run(
            &mut admin,
            "insert into _analytics.logweir_sources (token, name) \
             values (gen_random_uuid(), 'events')",
        )
        .await;
        let running = start(settings).await;
        let source = running.store.source(SourceKey::Name("events")).expect("the source is there");
        Self { running, source, url, admin }
    }

    /// Another source, of this name.
    pub(crate) async fn other_source(&mut self, name: &str) -> Arc<Source> {
        let sql = format!(
            "insert into _analytics.logweir_sources (token, name) \
             values (gen_random_uuid(), '{name}')"
        );
        run(&mut self.admin, &sql).await;
        let running = start(settings(&self.url)).await;
        running.store.source(SourceKey::Name(name)).expect("the source is there")
    }

    pub(crate) fn store(&self) -> &Store {
        &self.running.store
    }

    /// Appends a batch of which no other request has the content.
    pub(crate) async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        append(self.store(), &self.source, batch).await
    }

    /// `select id … order by id` of the source's events.
    pub(crate) async fn ids(&mut self) -> Vec<String> {
        let sql = format!("select id from {} order by id", self.source.table);
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.admin).await.expect("it is read")
    }

    /// The one value of a query that a superuser asks.
    pub(crate) async fn ask(&mut self, sql: &str) -> String {
        let sql = format!("select ({sql})::text");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.admin).await.expect("it is read")
    }

    /// The name of the partition that holds an event.
    pub(crate) async fn partition_of(&mut self, id: &str) -> String {
        let table = self.source.table.clone();
        let name =
            self.ask(&format!("select tableoid::regclass from {table} where id = '{id}'")).await;
        name.rsplit_once("_")
            .map(|(_, end)| end.trim_end_matches('"').to_owned())
            .expect("a suffix")
    }

    /// Asks one text column.
    pub(crate) async fn query(&self, sql: &str) -> Result<String, QueryError> {
        let columns = [Column { name: "v".to_owned(), kind: ColumnKind::String }];
        let rows = self.store().query(Query { sql, columns: &columns }).await?;
        Ok(rows.into_json())
    }
}

pub(crate) fn settings(url: &str) -> Settings {
    let server = PostgresServer::parse(url, Some("_analytics")).expect("the URL is right");
    Settings {
        events: server.clone(),
        catalog: server,
        seed_supabase: false,
        query_timeout: Duration::from_secs(20),
        ingest_connections: 2,
        query_connections: 2,
        query_functions: FUNCTIONS,
        config_keys: store::ConfigKeys::new([7; 32], None).unwrap(),
        tokens: AccessTokens::new("public", "private"),
        owner: 1,
        default_retention_days: None,
        bigquery: None,
    }
}

/// Starts a store and waits until it is ready.
pub(crate) async fn start(settings: Settings) -> Running {
    start_with(settings, None).await
}

pub(crate) async fn start_with(settings: Settings, spool: Option<Spool>) -> Running {
    let running = launch_with(settings, spool);
    within_deadline("ready", running.store.ready()).await;
    running
}

pub(crate) fn launch(settings: Settings) -> Running {
    launch_with(settings, None)
}

fn launch_with(settings: Settings, spool: Option<Spool>) -> Running {
    let store = Store::new(settings, spool);
    let keeper = tokio::spawn({
        let store = store.clone();
        async move { store.keep_ready().await }
    });
    Running { store, keeper }
}

pub(crate) async fn within_deadline<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), wait).await {
        Ok(value) => value,
        Err(_) => panic!("not in time: {what}"),
    }
}

/// Polls until the condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("it runs");
}

pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(now.as_micros()).expect("a clock before the year 290000")
}

/// Appends a batch of which no other request has the content, and whose answer is not delivered
/// yet.
pub(crate) async fn append(
    store: &Store,
    source: &Source,
    batch: Batch,
) -> Result<Appended, AppendError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    admit(store, &number.to_string(), &Delivery::default()).append(source, batch).await
}

pub(crate) fn admit(store: &Store, content: &str, delivery: &Delivery) -> Admission {
    let content = ContentHash::of(&[content.as_bytes()]);
    store.admit(content, delivery).expect("its sender is there")
}

pub(crate) fn event(id: &str, timestamp: i64) -> Event<'_> {
    Event {
        id: id.into(),
        has_own_id: false,
        timestamp,
        event_message: Some("it happened".into()),
        fields: Vec::new(),
    }
}

pub(crate) fn batch<'a>(events: impl IntoIterator<Item = (&'a str, i64)>) -> Batch {
    let mut batch = Batch::default();
    for (id, timestamp) in events {
        batch.push(&event(id, timestamp));
    }
    batch
}
