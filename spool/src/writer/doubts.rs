//! Records that were refused, and that a crash may bring all the same.

use std::ops::RangeInclusive;

use tokio::sync::watch;

use super::Writer;
use crate::{Position, recovery::is_gone};

/// Records that were refused after a part of them may have come to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// The segment in which they are, if they are.
    segment: u64,
    records: RangeInclusive<u64>,
}

impl Doubt {
    pub(crate) fn is_of(&self, position: Position) -> bool {
        self.records.contains(&position.0)
    }
}

impl Writer {
    /// Tells which records that were refused a crash may bring. It ends with the writer.
    pub(crate) fn doubts(&self) -> watch::Receiver<Vec<Doubt>> {
        self.doubts.subscribe()
    }

    /// Those who wait are refused, and what they wait for may come after a crash.
    pub(super) fn note_doubt(&self, segment: u64) {
        let waiting = &self.batch.waiting;
        let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else { return };
        let records = first.position.0..=last.position.0;
        self.doubts.send_modify(|doubts| doubts.push(Doubt { segment, records }));
    }

    /// Settles doubts: the progress on disk has passed the records, or their segment is gone. Whether
    /// it is to be tried again, though nothing else happens.
    pub(super) fn settle_doubts(&mut self) -> bool {
        let written = self.progress.written();
        self.doubts.send_if_modified(|doubts| {
            let before = doubts.len();
            doubts.retain(|doubt| *doubt.records.end() > written);
            doubts.len() < before
        });
        let folder = &self.settings.dir;
        let segments = self.doubts.borrow().iter().map(|doubt| doubt.segment).collect::<Vec<_>>();
        let gone: Vec<_> =
            segments.into_iter().filter(|segment| is_gone(folder, *segment)).collect();
        if gone.is_empty() {
            return false;
        }
        // A power cut may bring back what was deleted before.
        if self.disk.sync_folder(folder).is_err() {
            return true;
        }
        self.doubts.send_modify(|doubts| doubts.retain(|doubt| !gone.contains(&doubt.segment)));
        false
    }
}
