//! Requests of which another record may come on the spool.

use spool::Position;
use uuid::Uuid;

use super::{Receipts, lock};

/// What may come on the spool of a request that was told as failed, or is sent again after that. As
/// long as something may, or waits there, its row stays: without it what comes would be stored a
/// second time.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Records that may come.
    records: usize,
    /// The last one that has, while a crash may bring it.
    come: Option<Position>,
}

impl Receipts {
    /// Those of which nothing comes on the spool any more; the others are kept for later.
    pub(super) fn without_expected(&self, requests: Vec<Uuid>) -> Vec<Uuid> {
        let expected = lock(&self.expected);
        if expected.is_empty() {
            return requests;
        }
        let (later, now): (Vec<_>, _) =
            requests.into_iter().partition(|request| expected.contains_key(request));
        drop(expected);
        self.needless().extend(later);
        now
    }

    /// A record may come on the spool of a request of which another one may be there, or nobody
    /// waits for it.
    pub(crate) fn expect_on_spool(&self, request: Uuid) {
        lock(&self.expected).entry(request).or_default().records += 1;
    }

    /// It has come there, or will not any more.
    pub(crate) fn expect_no_more(&self, request: Uuid, come: Option<Position>) {
        self.change_expected(request, |expected| {
            expected.records = expected.records.saturating_sub(1);
            expected.come = expected.come.max(come);
        });
    }

    /// No crash brings a record any more, nor those before it. `false` when another one of its
    /// request has come behind it: what is to be done then is to be done after that.
    pub(crate) fn note_off_spool(&self, request: Uuid, position: Position) -> bool {
        let mut is_last = true;
        self.change_expected(request, |expected| {
            is_last = expected.come.is_none_or(|come| come <= position);
            if is_last {
                expected.come = None;
            }
        });
        is_last
    }

    fn change_expected(&self, request: Uuid, change: impl FnOnce(&mut Expected)) {
        let mut all = lock(&self.expected);
        let Some(expected) = all.get_mut(&request) else { return };
        change(expected);
        if expected.records == 0 && expected.come.is_none() {
            all.remove(&request);
        }
    }
}
