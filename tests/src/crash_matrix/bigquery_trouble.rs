//! BigQuery is away, or fails.

use std::time::{Duration, Instant};

use tonic::Code;

use crate::{
    fake_bigquery::{storage::Fault, tables::Refusal},
    program::DEADLINE,
};

use super::stage::Stage;

/// Stops taking rows for a minute. In every other round the program is killed meanwhile.
pub(super) async fn away(stage: &mut Stage<'_>, round: u32) {
    stage.work().await;
    stage.fake().storage.set_away(true);
    let (start, before) = (Instant::now(), stage.totals().acknowledged);
    stage.wait(Duration::from_secs(30), Duration::from_secs(4)).await;
    let killed = round % 2 == 1;
    if killed {
        stage.kill();
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
