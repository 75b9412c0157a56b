//! Requests that have come, and how far they are.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use uuid::Uuid;

use super::lock;
use crate::{ContentHash, Delivery};

/// How far a request is, and the number that its row has or will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) request: Uuid,
    pub(crate) stage: Stage,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has come, and has not claimed what it may be yet: see [`Receipts::claim`](super::Receipts::claim).
    Come,
    /// It may become stored, or not.
    Working,
    /// As `Working`, while a record of it has left the spool for the store: this one, or one of
    /// before it was sent again. What is under way may still write it, so it has not ended.
    WorkingDrained,
    /// Committed, with its receipt.
    InStore,
    /// On the spool.
    InSpool,
    /// Told as failed: not stored, or so it seems, where a commit was lost sight of; or stored, while
    /// another part of what was sent was not. Writing it under its number stores it once.
    Failed,
    /// On the spool, and told as failed, as another part of what was sent is in no safe place.
    FailedInSpool,
}

impl Stage {
    pub(crate) fn is_at_work(self) -> bool {
        matches!(self, Self::Come | Self::Working | Self::WorkingDrained)
    }

    /// Where it is once a record of it is drained.
    pub(super) fn drained(self) -> Self {
        match self {
            // Nothing of it can be there.
            Self::Come => Self::Come,
            Self::Working | Self::WorkingDrained => Self::WorkingDrained,
            Self::Failed | Self::FailedInSpool => Self::Failed,
            Self::InStore | Self::InSpool => Self::InStore,
        }
    }
}

/// A request that was noted.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) content: ContentHash,
    pub(super) delivery: Delivery,
    pub(super) progress: Arc<watch::Sender<Progress>>,
    /// Grows from one noted request to the next. A request waits for earlier ones only, also when
    /// its own entry is somebody else's by now: so no two wait for each other.
    pub(super) order: u64,
}

impl Noted {
    /// The number of its row, as far as it is known.
    pub(crate) fn request(&self) -> Uuid {
        self.progress.borrow().request
    }

    pub(crate) fn tell(&self, request: Uuid, stage: Stage) {
        self.progress.send_replace(Progress { request, stage });
    }

    pub(super) fn tell_claimed(&self) {
        self.progress.send_if_modified(|progress| {
            let is_new = progress.stage == Stage::Come;
            if is_new {
                progress.stage = Stage::Working;
            }
            is_new
        });
    }

    /// Tells how it ended. What went on the spool may have been drained meanwhile.
    pub(crate) fn tell_end(&self, request: Uuid, stage: Stage) {
        self.progress.send_modify(|progress| {
            let is_drained = *progress == Progress { request, stage: Stage::WorkingDrained };
            let stage = match stage {
                Stage::InSpool if is_drained => Stage::InStore,
                Stage::FailedInSpool if is_drained => Stage::Failed,
                stage => stage,
            };
            *progress = Progress { request, stage };
        });
    }
}

/// A request of the past that a new one turned out to be. To be kept until the new one has its
/// number.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(super) progress: Arc<watch::Sender<Progress>>,
    pub(super) in_hand: InHand,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        lock(&self.in_hand).retain(|claimed| !Arc::ptr_eq(claimed, &self.progress));
    }
}

impl Claimed {
    /// How it ended, once it has.
    pub(crate) async fn ended(&self) -> Progress {
        let mut progress = self.progress.subscribe();
        let ended = progress.wait_for(|progress| !progress.stage.is_at_work()).await;
        // The sender is `self`, so the wait cannot fail.
        ended.map_or_else(|_| *self.progress.borrow(), |progress| *progress)
    }
}

/// Requests that were claimed, until those who claimed them have their numbers.
pub(super) type InHand = Arc<Mutex<Vec<Arc<watch::Sender<Progress>>>>>;
