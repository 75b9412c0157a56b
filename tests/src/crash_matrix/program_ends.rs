//! The program ends while it is sent to: at any moment, at the worst one, and when it is asked to.

use std::time::Duration;

use tokio::time::timeout;

use crate::{postgres_proxy::Harm, program::DEADLINE};

use super::stage::Stage;

/// Kills and restarts it some times; also soon after it started.
pub(super) async fn kill(stage: &mut Stage<'_>) {
    for _ in 0..3 {
        stage.work().await;
        stage.kill().await;
        stage.wait_some(300).await;
        stage.program.restart();
    }
    stage.work().await;
}

/// Kills it when Postgres has committed and before the program is told.
pub(super) async fn kill_after_commit(stage: &mut Stage<'_>) {
    for _ in 0..3 {
        stage.work().await;
        stage.ends().await;
        let (kill, ledger) = (stage.program.killer(), stage.ledger.clone());
        let harm = Harm::CutAfter(Box::new(move || {
            ledger.killed();
            kill();
        }));
        let done = stage.proxy().arm(rand::random_range(0..20), harm);
        if timeout(DEADLINE, done).await.is_err() {
            stage.fail("no commit was seen to kill the program after".to_owned());
            return;
        }
        stage.note_kill();
        stage.program.kill();
        stage.program.restart();
        stage.program.ready().await;
    }
    stage.work().await;
}

/// Asks it to end, waits for that, and starts it again.
pub(super) async fn graceful(stage: &mut Stage<'_>) {
    for _ in 0..3 {
        stage.work().await;
        stage.ends().await;
        stage.program.signal("TERM");
        let status = stage.program.ended().await;
        if !status.success() {
            stage.fail(format!("asked to end, the program ended with {status}"));
        }
        stage.program.restart();
        stage.program.ready().await;
    }
    stage.wait(Duration::from_secs(1), Duration::from_millis(300)).await;
}
