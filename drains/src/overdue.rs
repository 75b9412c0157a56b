//! Work for a disk that takes long, and those who wait for it.
//!
//! A disk that hangs must hold up nobody for long. So whoever waits for it gives up after some
//! seconds, the work goes on without them, and until it has ended nobody waits at all. What is kept
//! in memory meanwhile is bounded, for all drains together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest wait for a disk.
const LONGEST: Duration = Duration::from_secs(3);

/// Bytes that may wait for disks that take longer, of all drains.
const MAX_BYTES: usize = 32 << 20;

/// What a piece of work costs in memory besides its bytes, about.
const OVERHEAD: usize = 1024;

/// What waits for the disks of all drains, and nobody waits for. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Overdue {
    room: Arc<Semaphore>,
    longest: Duration,
}

impl Default for Overdue {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MAX_BYTES)), longest: LONGEST }
    }
}

impl Overdue {
    /// For one drain.
    pub(crate) fn patience(&self) -> Patience {
        Patience { overdue: self.clone(), works: Arc::default() }
    }
}

/// The patience with one drain's disk.
#[derive(Debug)]
pub(crate) struct Patience {
    overdue: Overdue,
    /// Pieces of work that nobody waits for.
    works: Arc<AtomicUsize>,
}

/// There is no room for more work that nobody waits for: it was not begun.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// One piece of work that nobody waits for.
#[derive(Debug)]
struct Unheeded {
    works: Arc<AtomicUsize>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Drop for Unheeded {
    fn drop(&mut self) {
        self.works.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Patience {
    /// Waits until the work is done, or takes too long; it goes on then. Where other work takes too
    /// long already, it is not waited for.
    pub(crate) async fn wait_for(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
        bytes: usize,
    ) -> Result<(), NoRoom> {
        let is_stuck = self.works.load(Ordering::Relaxed) > 0;
        if is_stuck {
            let unheeded = self.unheeded(Some(self.room(bytes).ok_or(NoRoom)?));
            tokio::spawn(async move {
                work.await;
                drop(unheeded);
            });
            return Ok(());
        }
        let mut working = tokio::spawn(work);
        if tokio::time::timeout(self.overdue.longest, &mut working).await.is_err() {
            // It has its memory already, whether there is room or not.
            let unheeded = self.unheeded(self.room(bytes));
            tokio::spawn(async move {
                // A panic was told by its task.
                let _ = working.await;
                drop(unheeded);
            });
        }
        Ok(())
    }

    fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.saturating_add(OVERHEAD)).ok()?;
        Arc::clone(&self.overdue.room).try_acquire_many_owned(bytes).ok()
    }

    fn unheeded(&self, room: Option<OwnedSemaphorePermit>) -> Unheeded {
        self.works.fetch_add(1, Ordering::Relaxed);
        Unheeded { works: Arc::clone(&self.works), _room: room }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        sync::watch,
        time::{Instant, sleep},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_waited_for_once() {
        let overdue = Overdue::default();
        let (stuck, other) = (overdue.patience(), overdue.patience());
        let (disk, done) = (watch::Sender::new(false), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (mut disk, done) = (disk.subscribe(), Arc::clone(&done));
            async move {
                disk.wait_for(|works| *works).await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        };
        let begun = Instant::now();
        stuck.wait_for(work(), 1 << 20).await.unwrap();
        assert_eq!(begun.elapsed(), LONGEST);
        // Nobody waits from now on, and memory is bounded.
        let mut kept = 1;
        while stuck.wait_for(work(), 1 << 20).await.is_ok() {
            kept += 1;
        }
        assert_eq!((begun.elapsed(), kept), (LONGEST, 31));
        // Others wait for their own disks.
        other.wait_for(sleep(LONGEST / 2), 1 << 20).await.unwrap();
        assert_eq!(begun.elapsed(), LONGEST * 3 / 2);
        disk.send_replace(true);
        while done.load(Ordering::Relaxed) < kept || stuck.works.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        // As before.
        assert_eq!(overdue.room.available_permits(), MAX_BYTES);
        stuck.wait_for(work(), 1 << 20).await.unwrap();
        assert_eq!(done.load(Ordering::Relaxed), kept + 1);
    }
}
