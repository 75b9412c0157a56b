//! The crash matrix: whatever breaks, every acknowledged event is stored, and none twice; a rule stores
//! it in another source, also once, and a drain sends it on, at least once.
//!
//! In BigQuery each is stored at least once: more often only where the program was killed between
//! BigQuery's acknowledgement and its own, and where it counts that it sent rows again.
//!
//! Each scenario runs in rounds under load. After a round the senders stop making events, get
//! acknowledged what they have, and then every event is compared with what is stored.

mod bigquery_trouble;
mod forwarding;
mod full_spool;
mod limited_folder;
mod program_ends;
mod report;
mod stage;
mod store_trouble;

use std::{io::Write as _, time::Duration};

use crate::{counting_client::Load, http_exchange::Fault, postgres::TestCluster};

pub use report::{Report, Row};
use stage::{Setup, Stage};

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// The program is killed at any moment.
    Kill,
    /// The program is killed when Postgres has committed and the sender does not know yet.
    KillAfterCommit,
    /// The program is asked to end.
    Graceful,
    /// The connection to Postgres is cut when it has committed and the program does not know yet.
    LostCommit,
    /// Postgres crashes and recovers.
    PostgresRestart,
    /// Postgres is away for long.
    PostgresAway,
    /// Postgres stalls.
    SlowStore,
    /// Postgres is away until the spool is full.
    SpoolFull,
    /// Postgres is away until the disk is full.
    DiskFull,
    /// Connections end in the middle of a body.
    CutBody,
    /// Connections end when the body was sent, before there is an answer.
    CutAnswer,
    /// Connections end when the answer has come, before it is read.
    UnreadAnswer,
    /// BigQuery is away for long.
    BigQueryAway,
    /// BigQuery answers with errors, ends streams, and goes away from connections.
    BigQueryFails,
    /// BigQuery is slow to know of new columns, and the program is killed meanwhile.
    ColumnsLate,
    /// BigQuery answers when nobody waits any more.
    AnswersLate,
}

/// Where events are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// In Postgres.
    #[default]
    Postgres,
    /// In a stand-in for BigQuery, the catalog in Postgres.
    BigQuery,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Kill,
        Self::KillAfterCommit,
        Self::Graceful,
        Self::LostCommit,
        Self::PostgresRestart,
        Self::PostgresAway,
        Self::SlowStore,
        Self::SpoolFull,
        Self::DiskFull,
        Self::CutBody,
        Self::CutAnswer,
        Self::UnreadAnswer,
    ];

    /// Those where events are stored in BigQuery.
    pub const ON_BIGQUERY: [Self; 16] = [
        Self::Kill,
        Self::KillAfterCommit,
        Self::Graceful,
        Self::LostCommit,
        Self::PostgresRestart,
        Self::PostgresAway,
        Self::SlowStore,
        Self::SpoolFull,
        Self::DiskFull,
        Self::CutBody,
        Self::CutAnswer,
        Self::UnreadAnswer,
        Self::BigQueryAway,
        Self::BigQueryFails,
        Self::ColumnsLate,
        Self::AnswersLate,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::KillAfterCommit => "kill-after-commit",
            Self::Graceful => "graceful",
            Self::LostCommit => "lost-commit",
            Self::PostgresRestart => "postgres-restart",
            Self::PostgresAway => "postgres-away",
            Self::SlowStore => "slow-store",
            Self::SpoolFull => "spool-full",
            Self::DiskFull => "disk-full",
            Self::CutBody => "cut-body",
            Self::CutAnswer => "cut-answer",
            Self::UnreadAnswer => "unread-answer",
            Self::BigQueryAway => "bigquery-away",
            Self::BigQueryFails => "bigquery-fails",
            Self::ColumnsLate => "columns-late",
            Self::AnswersLate => "answers-late",
        }
    }

    /// Whether it needs a Postgres for itself.
    pub fn stops_postgres(self) -> bool {
        matches!(
            self,
            Self::PostgresRestart | Self::PostgresAway | Self::SpoolFull | Self::DiskFull
        )
    }

    /// Rounds that are enough where `wished` ones are run of the quick scenarios.
    fn rounds(self, wished: u32) -> u32 {
        match self {
            Self::PostgresAway | Self::BigQueryAway | Self::AnswersLate => wished.min(4),
            Self::SlowStore | Self::SpoolFull | Self::DiskFull | Self::ColumnsLate => wished.min(6),
            _ => wished,
        }
    }

    fn setup(self) -> Result<Setup, String> {
        let setup = Setup::default();
        Ok(match self {
            Self::Kill | Self::Graceful | Self::PostgresRestart => setup,
            Self::KillAfterCommit | Self::LostCommit => Setup { proxied: true, ..setup },
            Self::SlowStore => Setup { proxied: true, load: store_trouble::impatient(), ..setup },
            Self::BigQueryFails => setup,
            Self::ColumnsLate => Setup { load: bigquery_trouble::new_columns(), ..setup },
            Self::PostgresAway | Self::BigQueryAway | Self::AnswersLate => {
                Setup { load: store_trouble::steady(), ..setup }
            }
            Self::SpoolFull => full_spool::small_spool(),
            Self::DiskFull => full_spool::small_disk()?,
            Self::CutBody => faulty(&[Fault::CutBody, Fault::ResetBody]),
            Self::CutAnswer => faulty(&[Fault::CutAnswer, Fault::ResetAnswer]),
            Self::UnreadAnswer => faulty(&[Fault::LeaveAnswer]),
        })
    }

    /// What breaks in a round, while senders send.
    async fn disturb(self, stage: &mut Stage<'_>, round: u32) {
        match self {
            Self::Kill => program_ends::kill(stage).await,
            Self::KillAfterCommit => program_ends::kill_after_commit(stage).await,
            Self::Graceful => program_ends::graceful(stage).await,
            Self::LostCommit => store_trouble::lost_commits(stage).await,
            Self::SlowStore => store_trouble::slow(stage).await,
            Self::PostgresRestart => store_trouble::crash(stage).await,
            Self::PostgresAway => store_trouble::away(stage, round).await,
            Self::SpoolFull | Self::DiskFull => full_spool::fill(stage, round).await,
            Self::BigQueryAway => bigquery_trouble::away(stage, round).await,
            Self::BigQueryFails => bigquery_trouble::fails(stage).await,
            Self::ColumnsLate => bigquery_trouble::knows_columns_late(stage).await,
            Self::AnswersLate => bigquery_trouble::answers_late(stage).await,
            // The senders themselves do.
            Self::CutBody | Self::CutAnswer | Self::UnreadAnswer => {
                stage.wait(Duration::from_secs(3), Duration::from_secs(2)).await;
            }
        }
    }
}

fn faulty(faults: &'static [Fault]) -> Setup {
    Setup { load: Load { faults, ..Load::default() }, ..Setup::default() }
}

/// How thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Rounds of the quick scenarios; the slow ones run some of them.
    pub rounds: u32,
    /// Shortens everything that only takes time.
    pub quick: bool,
}

/// Runs a scenario on a database of its own in `cluster`, which is stopped and started if need be.
/// Where it cannot be run here, the row says so and why.
///
/// # Panics
/// When the program or Postgres does not come back.
pub async fn run(scenario: Scenario, place: Place, effort: Effort, cluster: &TestCluster) -> Row {
    let setup = match scenario.setup() {
        Ok(setup) => setup,
        Err(why) => {
            // Whoever runs tests is not shown what those print that pass, but this.
            _ = writeln!(std::io::stderr(), "\n!!! {} is SKIPPED: {why}\n", scenario.name());
            return Row::skipped(scenario.name(), &why);
        }
    };
    let mut stage = Stage::set(scenario.name(), place, setup, cluster, effort.quick).await;
    let mut row = Row::new(scenario.name());
    for round in 0..scenario.rounds(effort.rounds) {
        let client = stage.start_senders();
        scenario.disturb(&mut stage, round).await;
        row.add(stage.settle(client).await);
    }
    if row.failures().is_empty() {
        stage.remove_log();
    }
    row
}
