//! What is dealt with leaves the disk, and how far it was comes there.

use std::time::{Duration, Instant};

use super::Writer;
use crate::{
    reader::lock,
    recovery::{delete_dealt_with, keep_unreadable},
};

/// How long what is dealt with may stay on disk, and the file of the progress may lag behind.
pub(super) const LAG: Duration = Duration::from_secs(1);

impl Writer {
    /// Notes that all up to `through` is dealt with.
    pub(super) fn finish(&mut self, through: u64) {
        if lock(&self.shared.ledger).finish(through) {
            self.tidy_soon();
        }
        if self.delete_dealt_with() > 0 {
            self.write_progress();
        }
    }

    /// Keeps a segment that cannot be read. Nothing is written to it any more; nothing waits to be
    /// written either when messages are looked at.
    pub(super) fn keep_unreadable(&mut self, first: u64) {
        if self.current.as_ref().is_some_and(|current| current.first == first) {
            self.current = None;
        }
        let ledger = &mut lock(&self.shared.ledger);
        keep_unreadable(ledger, &self.settings.dir, &self.disk, first);
    }

    pub(super) fn tidy_soon(&mut self) {
        self.tidy_at.get_or_insert_with(|| Instant::now() + LAG);
    }

    /// Leaves as little on disk as can be, and the progress.
    pub(super) fn tidy(&mut self) {
        self.delete_current();
        let written = self.write_progress();
        self.tidy_at = None;
        let is_in_doubt = self.settle_doubts();
        if !written || self.keeping || is_in_doubt {
            self.tidy_soon();
        }
    }

    /// Deletes the current segment if nothing in it waits.
    pub(super) fn delete_current(&mut self) {
        let dealt_with = self.current.as_ref().is_some_and(|current| {
            current.durable == current.length && !lock(&self.shared.ledger).waits(current.first)
        });
        if dealt_with {
            self.current = None;
        }
        self.delete_dealt_with();
    }

    fn delete_dealt_with(&mut self) -> usize {
        let current = self.current.as_ref().map(|current| current.first);
        let ledger = &mut lock(&self.shared.ledger);
        let (dir, disk) = (&self.settings.dir, &self.disk);
        let deleted = delete_dealt_with(ledger, dir, disk, current, &mut self.keeping);
        self.deleted |= deleted > 0;
        deleted
    }

    fn write_progress(&mut self) -> bool {
        let done = lock(&self.shared.ledger).done();
        let written = self.progress.write(&self.disk, done);
        let durable = if written {
            done
        } else {
            // A full disk takes no file, and lets others be deleted.
            self.deleted = self.deleted && self.disk.sync_folder(&self.settings.dir).is_err();
            let was = *self.durable.borrow();
            match self.deleted {
                true => was,
                false => lock(&self.shared.ledger).durably_done(self.progress.written()).max(was),
            }
        };
        self.durable.send_replace(durable);
        written
    }
}
