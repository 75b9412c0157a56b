//! Where a scenario plays: a database, the program on it, and the book of what was sent.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    counting_client::{CountingClient, Load},
    fake_bigquery::services::{FakeBigQuery, catalog_settings},
    ledger::{Ledger, Number, Totals},
    postgres::TestCluster,
    postgres_proxy::PostgresProxy,
    program::Program,
};

use super::{
    Place,
    forwarding::{COPIES, Forwarding},
    limited_folder::LimitedFolder,
    report::Round,
};

/// For senders to get the last batches acknowledged, and for the next rows to come from the spool.
const SETTLE: Duration = Duration::from_secs(60);

/// How a scenario's program runs and what it is sent.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// Whether the program reaches Postgres through a [`PostgresProxy`].
    pub(super) proxied: bool,
    pub(super) load: Load,
    /// Environment variables of the program.
    pub(super) settings: Vec<(&'static str, String)>,
    /// Where the program's data folder lies, if it matters.
    pub(super) folder: Option<LimitedFolder>,
}

#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) cluster: &'a TestCluster,
    pub(super) program: Program,
    pub(super) ledger: Arc<Ledger>,
    forwarding: Forwarding,
    proxy: Option<PostgresProxy>,
    fake: Option<FakeBigQuery>,
    /// Kills of this round.
    kills: u64,
    /// Rows of this round that programs had counted as in doubt before they ended.
    in_doubt: u64,
    /// What the program had counted when the round began.
    in_doubt_before: u64,
    load: Load,
    quick: bool,
    database: String,
    log: PathBuf,
    /// What a person who reads the report may want to know of this round.
    notes: Vec<String>,
    /// Why this round shows nothing.
    failures: Vec<String>,
    // Last: it is removed after the program has ended.
    _folder: Option<LimitedFolder>,
}

impl<'a> Stage<'a> {
    /// Starts the program on a new database.
    pub(super) async fn set(
        name: &str,
        place: Place,
        setup: Setup,
        cluster: &'a TestCluster,
        quick: bool,
    ) -> Self {
        let Setup { proxied, mut load, settings, folder } = setup;
        let fake = match place {
            Place::Postgres => None,
            Place::BigQuery => {
                // Whether an event of an id is there is not asked of BigQuery.
                load.senders_with_ids = 0;
                Some(FakeBigQuery::start().await)
            }
        };
        let database = cluster.database().await;
        relax(&database).await;
        let proxy =
            if proxied { Some(PostgresProxy::start(&cluster.socket()).await) } else { None };
        let url = proxy.as_ref().map_or_else(|| database.clone(), |proxy| proxy.url(&database));
        let log =
            std::env::temp_dir().join(format!("logweir-crash-{name}-{}.log", std::process::id()));
        let of_store = match &fake {
            None => vec![("POSTGRES_BACKEND_URL", url.clone())],
            Some(fake) => [catalog_settings(&url), fake.settings().to_vec()].concat(),
        };
        let mut variables: Vec<_> =
            of_store.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
        let data_dir = folder.as_ref().map(LimitedFolder::data_dir);
        if let Some(data_dir) = &data_dir {
            variables.push(("LOGWEIR_DATA_DIR", data_dir));
        }
        let program = Program::start_with_log(&["serve"], &variables, &log);
        program.ready().await;
        // A drain drops what a full disk cannot keep.
        let forwarding = Forwarding::set_up(&program, load.source, folder.is_none()).await;
        Self {
            cluster,
            program,
            ledger: Arc::default(),
            forwarding,
            proxy,
            fake,
            kills: 0,
            in_doubt: 0,
            in_doubt_before: 0,
            load,
            quick,
            database,
            log,
            notes: Vec::new(),
            failures: Vec::new(),
            _folder: folder,
        }
    }

    pub(super) fn proxy(&self) -> &PostgresProxy {
        self.proxy.as_ref().expect("this scenario has a proxy")
    }

    pub(super) fn fake(&self) -> &FakeBigQuery {
        self.fake.as_ref().expect("this scenario is played on BigQuery")
    }

    pub(super) fn start_senders(&mut self) -> CountingClient {
        self.forwarding.begin(self.ledger.numbers(0).start);
        CountingClient::start(self.program.address(), &self.load, &self.ledger)
    }

    /// Kills the program.
    pub(super) async fn kill(&mut self) {
        self.ends().await;
        self.ledger.killed();
        self.kills += 1;
        self.program.kill();
    }

    /// The program was killed otherwise.
    pub(super) fn note_kill(&mut self) {
        self.kills += 1;
    }

    /// The program ends, and with it what it has counted.
    pub(super) async fn ends(&mut self) {
        self.in_doubt = self.in_doubt().await;
        self.in_doubt_before = 0;
    }

    /// Lets time pass; less of it in a quick run.
    pub(super) async fn wait(&self, usually: Duration, quick: Duration) {
        sleep(if self.quick { quick } else { usually }).await;
    }

    /// Lets a random time pass, in milliseconds up to `most`.
    pub(super) async fn wait_some(&self, most: u64) {
        sleep(Duration::from_millis(rand::random_range(0..=most))).await;
    }

    /// Lets a random time pass in which the senders get some batches acknowledged.
    pub(super) async fn work(&self) {
        self.wait_some(if self.quick { 500 } else { 1_500 }).await;
    }

    pub(super) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    pub(super) fn fail(&mut self, text: String) {
        self.failures.push(text);
    }

    /// Waits until every sender has its last batch acknowledged and the store is at rest; then
    /// compares.
    pub(super) async fn settle(&mut self, client: CountingClient) -> Round {
        let unanswered = client.finish(SETTLE).await;
        self.program.ready().await;
        // Rows that come late would be doubled ones.
        let rest = Duration::from_millis(if self.quick { 500 } else { 1_500 });
        let mut stored = self.all_stored().await;
        let mut at_rest_since = Instant::now();
        let (mut drained, mut undrained);
        loop {
            let [of_source, copies, rejected] = &stored;
            let right = self.ledger.compare(of_source).lost == 0
                && self.forwarding.compare(&self.ledger, of_source, copies).lost == 0;
            (drained, undrained) = self.forwarding.drained(&self.ledger, rejected);
            let right = right && undrained == 0;
            let at_rest = at_rest_since.elapsed();
            if (right && at_rest >= rest) || at_rest > SETTLE {
                break;
            }
            sleep(rest / 3).await;
            let now = self.all_stored().await;
            if now != stored {
                at_rest_since = Instant::now();
            }
            stored = now;
        }
        let [stored, copies, _] = stored;
        let comparison = self.ledger.compare(&stored);
        let by_rule = self.forwarding.compare(&self.ledger, &stored, &copies);
        self.ledger.settle(&stored);
        let may_double = self.may_double().await;
        let round = Round {
            totals: self.ledger.totals(),
            comparison,
            may_double,
            by_rule,
            drained,
            undrained,
            refusals: self.ledger.refusals(),
            unanswered,
            notes: std::mem::take(&mut self.notes),
            failures: std::mem::take(&mut self.failures),
            log: self.log.clone(),
        };
        if round.is_right() {
            // Whoever reads the log wants to know what went before a failure.
            let _ = std::fs::File::create(&self.log);
        }
        round
    }

    /// Removes the program's log, which nobody needs when everything was right.
    pub(super) fn remove_log(&self) {
        let _ = std::fs::remove_file(&self.log);
    }

    pub(super) fn totals(&self) -> Totals {
        self.ledger.totals()
    }

    /// Rows that BigQuery may have too often of this round: those of which the program did not know
    /// whether they were stored, as it counts them, and what was under way when it was killed.
    async fn may_double(&mut self) -> u64 {
        if self.fake.is_none() {
            return 0;
        }
        let at_a_kill = (self.load.senders * self.load.largest_batch) as u64;
        let of_round = self.in_doubt().await;
        let counted = self.counted_in_doubt().await.expect("the program says what it counts");
        let kills = std::mem::take(&mut self.kills);
        (self.in_doubt, self.in_doubt_before) = (0, counted);
        kills * at_a_kill + of_round
    }

    /// Rows of this round of which the program did not know whether they were stored.
    pub(super) async fn in_doubt(&self) -> u64 {
        let counted = self.counted_in_doubt().await.unwrap_or_default();
        self.in_doubt + counted.saturating_sub(self.in_doubt_before)
    }

    /// Rows of which this life of the program has not known whether they were stored.
    async fn counted_in_doubt(&self) -> Option<u64> {
        let metrics = self.program.client.get(self.program.url("/metrics"));
        let metrics = metrics.send().await.ok()?.text().await.ok()?;
        let mut lines = metrics.lines();
        let counted =
            lines.find_map(|line| line.strip_prefix("logweir_bigquery_rows_sent_again_total "));
        Some(counted.map_or(0, |count| count.parse().expect("it is a count")))
    }

    /// How often each event is stored, or kept among the rejected ones: in its source, and with the
    /// rule's; and how often it is rejected.
    async fn all_stored(&self) -> [HashMap<Number, u64>; 3] {
        let mut connection =
            PgConnection::connect(&self.database).await.expect("the database answers");
        let rejected = counted(
            &mut connection,
            "(select event::json ->> 'event_message' as event_message \
             from logweir_rejected_events) as rejected",
        )
        .await;
        let mut all = Vec::new();
        for source in [self.load.source, COPIES] {
            let mut stored = stored(&mut connection, self.fake.as_ref(), source).await;
            for (number, count) in &rejected {
                *stored.entry(*number).or_default() += count;
            }
            all.push(stored);
        }
        let [of_source, by_rule] = all.try_into().expect("two sources");
        [of_source, by_rule, rejected]
    }
}

/// People set such things for their databases; what is acknowledged must not depend on them.
async fn relax(database: &str) {
    let mut connection = PgConnection::connect(database).await.expect("the database answers");
    let name = sqlx::query_scalar("select quote_ident(current_database())");
    let name: String = name.fetch_one(&mut connection).await.expect("it has a name");
    let relaxed = format!(
        "alter database {name} set synchronous_commit = off; \
         alter database {name} set default_transaction_isolation = 'repeatable read'"
    );
    sqlx::raw_sql(AssertSqlSafe(relaxed)).execute(&mut connection).await.expect("it is set");
}

/// How often each event is stored in a source.
async fn stored(
    connection: &mut PgConnection,
    fake: Option<&FakeBigQuery>,
    source: &str,
) -> HashMap<Number, u64> {
    if let Some(fake) = fake {
        let token = sqlx::query_scalar("select token from logweir_sources where name = $1")
            .bind(source)
            .fetch_one(&mut *connection)
            .await
            .expect("the catalog has the source");
        return in_bigquery(fake, token);
    }
    let table: Option<String> = sqlx::query_scalar(
        "select to_regclass('log_events_' || replace(token::text, '-', '_'))::text \
         from logweir_sources where name = $1",
    )
    .bind(source)
    .fetch_one(&mut *connection)
    .await
    .expect("the catalog has the source");
    let Some(table) = table else { return HashMap::new() };
    counted(connection, &table).await
}

/// How often each event is in a table.
async fn counted(connection: &mut PgConnection, table: &str) -> HashMap<Number, u64> {
    let sql = format!(
        "select split_part(event_message, ' ', 1)::bigint, count(*) from {table} group by 1"
    );
    let rows: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(&mut *connection)
        .await
        .expect("events can be read");
    let number = |value: i64| u64::try_from(value).expect("numbers and counts are not negative");
    rows.into_iter().map(|(event, count)| (number(event), number(count))).collect()
}

fn in_bigquery(fake: &FakeBigQuery, source: Uuid) -> HashMap<Number, u64> {
    let mut stored = HashMap::new();
    for row in fake.rows(source) {
        let number = row["event_message"].as_str().and_then(|text| text.split(' ').next());
        let number: Number = number.and_then(|text| text.parse().ok()).expect("it is numbered");
        *stored.entry(number).or_default() += 1;
    }
    stored
}
