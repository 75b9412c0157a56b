//! BigQuery is away, or fails.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tonic::Code;

use crate::{
    counting_client::Load,
    fake_bigquery::{storage::Fault, tables::Refusal},
    program::DEADLINE,
};

use super::{stage::Stage, store_trouble};

/// Stops taking rows for a minute. In every other round the program is killed meanwhile.
pub(super) async fn away(stage: &mut Stage<'_>, round: u32) {
    stage.work().await;
    stage.fake().storage.set_away(true);
    let (start, before) = (Instant::now(), stage.totals().acknowledged);
    stage.wait(Duration::from_secs(30), Duration::from_secs(4)).await;
    let killed = round % 2 == 1;
    if killed {
        stage.kill().await;
        stage.program.restart();
    }
    stage.wait(Duration::from_secs(30), Duration::from_secs(4)).await;
    let acknowledged = stage.totals().acknowledged - before;
    stage.note(format!(
        "{acknowledged} events were acknowledged in {:.0} s without BigQuery{}",
        start.elapsed().as_secs_f64(),
        if killed { ", the program killed meanwhile" } else { "" }
    ));
    if acknowledged == 0 {
        stage.fail("nothing was acknowledged without BigQuery: there is no spool".to_owned());
    }
    stage.fake().storage.set_away(false);
    stage.work().await;
}

/// Sends events that give the source new columns.
pub(super) fn new_columns() -> Load {
    Load { new_columns: true, ..store_trouble::steady() }
}

/// BigQuery takes some seconds to know of new columns. The program is killed meanwhile.
pub(super) async fn knows_columns_late(stage: &mut Stage<'_>) {
    stage.fake().tables.set_schema_lag(Duration::from_secs(6));
    let too_early =
        |stage: &Stage<'_>| stage.fake().storage.counts().too_early.load(Ordering::Relaxed);
    for _ in 0..2 {
        let (before, start) = (too_early(stage), Instant::now());
        while too_early(stage) == before && start.elapsed() < DEADLINE {
            stage.wait_some(50).await;
        }
        if too_early(stage) == before {
            stage.fail("no column was new".to_owned());
        }
        stage.work().await;
        stage.kill().await;
        stage.program.restart();
        stage.program.ready().await;
        stage.wait(Duration::from_secs(10), Duration::from_secs(3)).await;
    }
    stage.fake().tables.set_schema_lag(Duration::ZERO);
}

/// Answers come when nobody waits for them any more.
pub(super) async fn answers_late(stage: &mut Stage<'_>) {
    stage.work().await;
    stage.fake().storage.set_delay(Duration::from_secs(27));
    let (start, before) = (Instant::now(), stage.totals().acknowledged);
    stage.wait(Duration::from_secs(60), Duration::from_secs(30)).await;
    let acknowledged = stage.totals().acknowledged - before;
    let seconds = start.elapsed().as_secs_f64();
    stage
        .note(format!("{acknowledged} events were acknowledged in {seconds:.0} s of late answers"));
    if acknowledged == 0 {
        stage.fail("nothing was acknowledged meanwhile: there is no spool".to_owned());
    }
    stage.fake().storage.set_delay(Duration::ZERO);
    stage.work().await;
    if stage.in_doubt().await == 0 {
        stage.fail("no answer was too late".to_owned());
    }
}

/// All that BigQuery does wrong, one after the other.
pub(super) async fn fails(stage: &mut Stage<'_>) {
    stage.work().await;
    for faults in [
        vec![Fault::Answer(Code::Unavailable); 3],
        vec![Fault::EndAfterStoring(Code::Unavailable)],
        vec![Fault::End(Code::Aborted), Fault::EndAfterStoring(Code::Internal)],
        vec![Fault::Answer(Code::ResourceExhausted)],
        vec![Fault::End(Code::Unauthenticated)],
    ] {
        stage.fake().storage.fail_next(faults);
        let start = Instant::now();
        while stage.fake().storage.faults_left() > 0 && start.elapsed() < DEADLINE {
            stage.wait_some(50).await;
        }
        if stage.fake().storage.faults_left() > 0 {
            stage.fail("nothing was sent that could fail".to_owned());
        }
        stage.fake().storage.go_away();
        stage.fake().rest.refuse(2, &Refusal::new(503, "backendError", "try again"));
        stage.work().await;
    }
}
