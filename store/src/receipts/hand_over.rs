//! What becomes of settled receipts: their rows are removed, or become orphans.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use uuid::Uuid;

use super::{Entry, FAILED_KEPT, MOST_FAILED, Progress, Receipts, Stage, lock};
use crate::ContentHash;

/// What is to be done with the rows of settled receipts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Delivered, or not sent again for long: their rows can go.
    pub(crate) needless: Vec<Uuid>,
    /// As `needless`, while a record may come of them on the spool: their rows stay, for their
    /// numbers, and tell nobody's content any more. They are needless later.
    pub(crate) numbers_only: Vec<Uuid>,
    /// Not delivered: their rows become orphans, which all processes see, and are forgotten here.
    pub(crate) orphaned: Vec<Uuid>,
    /// Told as failed: their rows, if there are any after all, become orphans too. What they were is
    /// still known here, and they are looked for again ever less often.
    pub(crate) failed: Vec<Uuid>,
}

/// Rows on their way to become orphans: claims of them wait until this is dropped. What was not said
/// to be done by then is as before.
#[derive(Debug)]
pub(crate) struct HandOver<'r> {
    receipts: &'r Receipts,
    pub(crate) settled: Settled,
    now: Instant,
    _alone: tokio::sync::MutexGuard<'r, ()>,
}

impl HandOver<'_> {
    /// The needless rows are removed.
    pub(crate) fn removed(&mut self) {
        self.settled.needless.clear();
    }

    /// The rows are orphans.
    pub(crate) fn orphaned(&mut self) {
        self.receipts.forget(&std::mem::take(&mut self.settled.orphaned));
        self.receipts.looked_for(&self.settled.failed, self.now);
    }
}

impl Drop for HandOver<'_> {
    fn drop(&mut self) {
        let Settled { needless, orphaned, failed, .. } = &self.settled;
        self.receipts.needless().extend(needless);
        self.receipts.keep(orphaned);
        self.receipts.keep(failed);
    }
}

impl Receipts {
    /// Collects what is settled; claims of what becomes an orphan wait until the rows have, or have
    /// not.
    pub(crate) async fn hand_over(&self, now: Instant) -> HandOver<'_> {
        let alone = self.handing_over.lock().await;
        HandOver { receipts: self, settled: self.settle(now), now, _alone: alone }
    }

    /// Forgets requests that are handed over.
    pub(crate) fn forget(&self, requests: &[Uuid]) {
        let forgotten: HashSet<_> = requests.iter().collect();
        self.entries().retain(|_, of_content| {
            of_content.retain(|entry| !forgotten.contains(&entry.request()));
            !of_content.is_empty()
        });
    }

    /// The handing over is done, or did not happen.
    pub(super) fn keep(&self, requests: &[Uuid]) {
        let kept: HashSet<_> = requests.iter().collect();
        for entry in self.entries().values_mut().flatten() {
            if kept.contains(&entry.request()) {
                entry.handing_over = false;
            }
        }
    }

    /// The rows of requests that failed were looked for.
    fn looked_for(&self, requests: &[Uuid], now: Instant) {
        let looked_for: HashSet<_> = requests.iter().collect();
        if looked_for.is_empty() {
            return;
        }
        for entry in self.entries().values_mut().flatten() {
            if looked_for.contains(&entry.request()) {
                entry.due = now + entry.look_again;
                entry.look_again *= 2;
            }
        }
    }

    /// Forgets what needs no row, and marks what becomes an orphan.
    pub(super) fn settle(&self, now: Instant) -> Settled {
        let mut settled = Settled::default();
        settled.needless.append(&mut self.needless());
        let mut entries = self.entries();
        let expected = lock(&self.expected);
        forget_oldest_failed(&mut entries);
        entries.retain(|_, of_content| {
            of_content.retain_mut(|entry| {
                let Progress { request, stage } = *entry.progress.borrow();
                // What comes on the spool is known by the number of the row. Who takes an orphan's
                // place gives it another one.
                let has_to_stay = expected.contains_key(&request);
                match stage {
                    Stage::Failed if now.duration_since(entry.noted) < FAILED_KEPT => {
                        if entry.due <= now && !has_to_stay {
                            entry.handing_over = true;
                            settled.failed.push(request);
                        }
                        true
                    }
                    Stage::Failed => {
                        settled.needless.push(request);
                        false
                    }
                    Stage::InStore if entry.delivery.is_delivered(now) => {
                        settled.needless.push(request);
                        false
                    }
                    Stage::InStore if entry.delivery.has_failed() && !has_to_stay => {
                        entry.handing_over = true;
                        settled.orphaned.push(request);
                        true
                    }
                    // Its row is made when it is drained; without an entry it will have no content.
                    Stage::InSpool => !entry.delivery.is_delivered(now),
                    Stage::FailedInSpool => now.duration_since(entry.noted) < FAILED_KEPT,
                    Stage::Come | Stage::Working | Stage::WorkingDrained | Stage::InStore => true,
                }
            });
            !of_content.is_empty()
        });
        settled.numbers_only =
            settled.needless.extract_if(.., |request| expected.contains_key(request)).collect();
        drop((entries, expected));
        self.needless().extend(&settled.numbers_only);
        settled
    }
}

/// Of requests that failed no more are remembered than [`MOST_FAILED`]. Rows that there may be of
/// the oldest were looked for already.
pub(super) fn forget_oldest_failed(entries: &mut HashMap<ContentHash, Vec<Entry>>) {
    let is_failed = |entry: &Entry| {
        let stage = entry.progress.borrow().stage;
        matches!(stage, Stage::Failed | Stage::FailedInSpool) && !entry.handing_over
    };
    let failed = entries.values().flatten().filter(|entry| is_failed(entry));
    let mut orders: Vec<_> = failed.map(|entry| entry.order).collect();
    let Some(too_many) = orders.len().checked_sub(MOST_FAILED + 1) else { return };
    let (_, last, _) = orders.select_nth_unstable(too_many);
    let last = *last;
    entries.retain(|_, of_content| {
        of_content.retain(|entry| entry.order > last || !is_failed(entry));
        !of_content.is_empty()
    });
}
