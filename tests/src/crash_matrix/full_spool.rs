//! Postgres is away for so long that the spool, or the disk below it, is full.

use std::time::{Duration, Instant};

use tokio::{task::block_in_place, time::sleep};

use crate::{counting_client::Load, program::DEADLINE};

use super::{
    limited_folder::LimitedFolder,
    stage::{Setup, Stage},
};

/// Of the small spool and of the small disk, in bytes.
const SIZE: u64 = 24 << 20;

/// A spool that is soon full.
pub(super) fn small_spool() -> Setup {
    Setup { settings: vec![("LOGWEIR_SPOOL_MAX_BYTES", SIZE.to_string())], ..eager() }
}

/// A disk that is soon full, and a spool that knows nothing of it.
pub(super) fn small_disk() -> Result<Setup, String> {
    Ok(Setup { folder: Some(LimitedFolder::mount(SIZE)?), ..eager() })
}

fn eager() -> Setup {
    let load = Load { pause: Duration::ZERO..Duration::from_millis(1), ..Load::default() };
    Setup { load, ..Setup::default() }
}

/// Stops Postgres until senders are put off. In every other round the program is killed then.
pub(super) async fn fill(stage: &mut Stage<'_>, round: u32) {
    stage.work().await;
    block_in_place(|| stage.cluster.stop_server());
    let (start, before) = (Instant::now(), stage.totals());
    while stage.totals().put_off == before.put_off && start.elapsed() < DEADLINE {
        sleep(Duration::from_millis(50)).await;
    }
    if stage.totals().put_off == before.put_off {
        stage.fail(format!("still nobody is put off after {DEADLINE:?}: nothing is full"));
    }
    let acknowledged = stage.totals().acknowledged - before.acknowledged;
    stage.note(format!("{acknowledged} events were acknowledged until senders were put off"));
    stage.wait(Duration::from_secs(2), Duration::from_millis(500)).await;
    if round % 2 == 1 {
        stage.kill().await;
        stage.program.restart();
    }
    stage.wait(Duration::from_secs(2), Duration::from_millis(500)).await;
    block_in_place(|| stage.cluster.start_server());
    stage.work().await;
}
