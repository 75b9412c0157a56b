//! Postgres commits without being heard, crashes, is away, or stalls.

use std::time::{Duration, Instant};

use tokio::{task::block_in_place, time::timeout};

use crate::{counting_client::Load, postgres_proxy::Harm, program::DEADLINE};

use super::stage::Stage;

/// Senders that do not wait out a stall, but send again what the program still works on.
pub(super) fn impatient() -> Load {
    Load { patience: Duration::from_secs(2), ..Load::default() }
}

/// Senders that can go on for minutes without filling the spool.
pub(super) fn steady() -> Load {
    Load { pause: Duration::from_millis(50)..Duration::from_millis(250), ..Load::default() }
}

/// Cuts connections when Postgres has committed and before the program is told.
pub(super) async fn lost_commits(stage: &mut Stage<'_>) {
    for _ in 0..10 {
        let done = stage.proxy().arm(rand::random_range(0..10), Harm::cut());
        if timeout(DEADLINE, done).await.is_err() {
            stage.fail("no commit was seen to cut the connection after".to_owned());
            return;
        }
    }
    stage.work().await;
}

/// Nothing comes from Postgres for some seconds, with commits among what is late.
pub(super) async fn slow(stage: &mut Stage<'_>) {
    stage.work().await;
    for _ in 0..2 {
        let time = Duration::from_millis(rand::random_range(2_500..6_000));
        let done = stage.proxy().arm(rand::random_range(0..10), Harm::Delay(time));
        if timeout(DEADLINE, done).await.is_err() {
            stage.fail("no commit was seen to delay".to_owned());
            return;
        }
        tokio::time::sleep(time).await;
        stage.work().await;
    }
}

/// Crashes Postgres, which has to recover at its next start.
pub(super) async fn crash(stage: &mut Stage<'_>) {
    stage.work().await;
    block_in_place(|| stage.cluster.crash_server());
    stage.wait_some(1_000).await;
    block_in_place(|| stage.cluster.start_server());
    stage.work().await;
}

/// Stops Postgres for a minute. In every other round the program is killed meanwhile.
pub(super) async fn away(stage: &mut Stage<'_>, round: u32) {
    stage.work().await;
    block_in_place(|| stage.cluster.stop_server());
    let (start, before) = (Instant::now(), stage.totals().acknowledged);
    let half = || stage.wait(Duration::from_secs(30), Duration::from_millis(2_500));
    half().await;
    let killed = round % 2 == 1;
    if killed {
        stage.kill().await;
        stage.program.restart();
    }
    stage.wait(Duration::from_secs(30), Duration::from_millis(2_500)).await;
    let acknowledged = stage.totals().acknowledged - before;
    stage.note(format!(
        "{acknowledged} events were acknowledged in {:.0} s without Postgres{}",
        start.elapsed().as_secs_f64(),
        if killed { ", the program killed meanwhile" } else { "" }
    ));
    if acknowledged == 0 {
        stage.fail("nothing was acknowledged without Postgres: there is no spool".to_owned());
    }
    block_in_place(|| stage.cluster.start_server());
    stage.work().await;
}
