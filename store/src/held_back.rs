//! Sources whose requests cannot be drained now, while those of others can: somebody has locked the
//! table, or it refuses all that comes.
//!
//! So that nobody waits behind them on the spool, their requests are moved to its end, in their
//! order, and come up again from there.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use spool::Position;
use uuid::Uuid;

use crate::on_spool::Record;

/// Until a source is tried again while others wait: as much again as the attempt took, twice. So
/// the others have most of the time.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The sources that are held back.
#[derive(Debug, Default)]
pub(crate) struct HeldBack(HashMap<Uuid, Held>);

#[derive(Debug)]
struct Held {
    /// When the first of the attempts ended that all failed.
    since: Instant,
    until: Instant,
    /// Where the first of its requests is that were moved: by there all of them have come up.
    first_moved: Option<Position>,
}

impl Held {
    fn is_passed(&self, position: Position) -> bool {
        self.first_moved.is_none_or(|first| position >= first)
    }
}

impl HeldBack {
    /// Whether a record is left alone for now.
    pub(crate) fn holds(&self, record: Record, others_wait: bool, now: Instant) -> bool {
        self.0
            .get(&record.source)
            .is_some_and(|held| !held.is_passed(record.position) || others_wait && now < held.until)
    }

    pub(crate) fn contains(&self, source: Uuid) -> bool {
        self.0.contains_key(&source)
    }

    /// Whether a record has to be moved, so that those before it keep their order: those behind it
    /// of its source have been, or will be.
    pub(crate) fn is_moving(&self, record: Record) -> bool {
        self.0.get(&record.source).is_some_and(|held| !held.is_passed(record.position))
    }

    /// An attempt failed.
    pub(crate) fn failed(&mut self, source: Uuid, took: Duration, now: Instant) {
        let until = now + (took * 2).clamp(LEAST_PAUSE, LONGEST_PAUSE);
        let since = self.failing_since(source).unwrap_or(now);
        self.0.insert(source, Held { since, until, first_moved: None });
    }

    /// Since when all attempts have failed, if the latest did.
    pub(crate) fn failing_since(&self, source: Uuid) -> Option<Instant> {
        self.0.get(&source).map(|held| held.since)
    }

    /// An attempt went well. `true` if it was held back before.
    pub(crate) fn succeeded(&mut self, source: Uuid) -> bool {
        self.0.remove(&source).is_some()
    }

    /// A record was appended once more, at this position.
    pub(crate) fn moved(&mut self, record: Record, position: Position) {
        if let Some(held) = self.0.get_mut(&record.source)
            && held.is_passed(record.position)
        {
            held.first_moved = Some(position);
        }
    }
}
