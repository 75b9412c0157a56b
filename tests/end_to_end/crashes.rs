//! The crash matrix in short: each scenario once. `crash-matrix` runs it at length.

use end_to_end::{
    crash_matrix::{self, Effort, Place, Report, Scenario},
    postgres::TestCluster,
};

async fn holds(scenario: Scenario) {
    holds_in(Place::Postgres, scenario).await;
}

/// Where events are stored in BigQuery.
async fn holds_in_bigquery(scenario: Scenario) {
    holds_in(Place::BigQuery, scenario).await;
}

async fn holds_in(place: Place, scenario: Scenario) {
    let effort = Effort { rounds: 1, quick: true };
    let own;
    let cluster = if scenario.stops_postgres() {
        own = TestCluster::start();
        &own
    } else {
        TestCluster::shared()
    };
    let mut report = Report::default();
    report.add(crash_matrix::run(scenario, place, effort, cluster).await);
    assert!(report.is_right(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_loses_and_doubles_nothing() {
    holds(Scenario::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_after_a_commit_loses_and_doubles_nothing() {
    holds(Scenario::KillAfterCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_loses_and_doubles_nothing() {
    holds(Scenario::Graceful).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_nobody_hears_of_lose_and_double_nothing() {
    holds(Scenario::LostCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_crashes_loses_and_doubles_nothing() {
    holds(Scenario::PostgresRestart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_away_holds_nobody_up() {
    holds(Scenario::PostgresAway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_stalls_loses_and_doubles_nothing() {
    holds(Scenario::SlowStore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_loses_and_doubles_nothing() {
    holds(Scenario::SpoolFull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_and_doubles_nothing() {
    holds(Scenario::DiskFull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_cut_lose_and_double_nothing() {
    holds(Scenario::CutBody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_waits_for_lose_and_double_nothing() {
    holds(Scenario::CutAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_lose_and_double_nothing() {
    holds(Scenario::UnreadAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_program_that_is_killed_loses_nothing() {
    holds_in_bigquery(Scenario::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_program_that_ends_loses_nothing() {
    holds_in_bigquery(Scenario::Graceful).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_commits_that_nobody_hears_of_lose_and_double_nothing() {
    holds_in_bigquery(Scenario::LostCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_postgres_that_crashes_loses_nothing() {
    holds_in_bigquery(Scenario::PostgresRestart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_postgres_that_is_away_holds_nobody_up() {
    holds_in_bigquery(Scenario::PostgresAway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_answers_that_nobody_waits_for_lose_and_double_nothing() {
    holds_in_bigquery(Scenario::CutAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_bigquery_that_is_away_holds_nobody_up() {
    holds_in_bigquery(Scenario::BigQueryAway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_bigquery_that_fails_loses_nothing() {
    holds_in_bigquery(Scenario::BigQueryFails).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_program_that_is_killed_after_a_commit_loses_nothing() {
    holds_in_bigquery(Scenario::KillAfterCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_full_spool_loses_and_doubles_nothing() {
    holds_in_bigquery(Scenario::SpoolFull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_a_full_disk_loses_and_doubles_nothing() {
    holds_in_bigquery(Scenario::DiskFull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_answers_that_nobody_reads_lose_and_double_nothing() {
    holds_in_bigquery(Scenario::UnreadAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_columns_that_are_known_late_double_no_more_than_a_kill_does() {
    holds_in_bigquery(Scenario::ColumnsLate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bigquery_answers_that_come_late_are_counted() {
    holds_in_bigquery(Scenario::AnswersLate).await;
}
