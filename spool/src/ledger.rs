//! What is on disk, and how far it was taken and dealt with. Kept in memory; nothing here reads or
//! writes.

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::Damage;

/// All segments, by the sequence number that names them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    segments: BTreeMap<u64, Segment>,
    /// Records up to this sequence number are dealt with.
    done: u64,
    /// Records up to this sequence number were given to the drainer; never below `done`.
    taken: u64,
    damage: Damage,
    closed: bool,
}

/// A file of records.
#[derive(Debug, Default)]
struct Segment {
    /// Sequence numbers of the durable records, ascending. One run, unless the file is damaged.
    runs: Vec<RangeInclusive<u64>>,
    /// What may be read of the file, in bytes.
    readable: u64,
    /// What the file takes on disk, in bytes.
    bytes: u64,
    /// Whether some of it cannot be read: it is not deleted.
    unreadable: bool,
}

/// A segment as a reader needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The segment's name.
    pub(crate) first: u64,
    /// Its last record.
    pub(crate) last: u64,
    /// What may be read of the file, in bytes.
    pub(crate) readable: u64,
    /// Whether what cannot be read of it is passed over.
    pub(crate) unreadable: bool,
}

/// A file with nothing in it that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DealtWith {
    /// The segment's name.
    pub(crate) first: u64,
    /// Whether it is kept for a person.
    pub(crate) unreadable: bool,
}

impl Segment {
    fn last(&self) -> Option<u64> {
        self.runs.last().map(|run| *run.end())
    }
}

impl Ledger {
    /// Begins with what was dealt with before the start.
    pub(crate) fn starting_after(done: u64) -> Self {
        Self { done, taken: done, ..Self::default() }
    }

    /// Records a file with its records, none if it has none that can be read.
    pub(crate) fn add(&mut self, first: u64, runs: Vec<RangeInclusive<u64>>, bytes: u64) {
        self.segments.insert(first, Segment { runs, readable: bytes, bytes, unreadable: false });
    }

    /// Records that the segment holds these durable records more, and has `bytes` bytes.
    pub(crate) fn extend(&mut self, first: u64, records: RangeInclusive<u64>, bytes: u64) {
        let segment = self.segments.entry(first).or_default();
        match segment.runs.last_mut() {
            Some(run) if *run.end() + 1 == *records.start() => *run = *run.start()..=*records.end(),
            _ => segment.runs.push(records),
        }
        segment.readable = bytes;
        segment.bytes = bytes;
    }

    /// Records that a file takes more on disk than may be read of it.
    pub(crate) fn set_bytes(&mut self, first: u64, bytes: u64) {
        self.segments.entry(first).or_default().bytes = bytes;
    }

    /// Records that some of a segment cannot be read: its file is kept, and what can be read of it
    /// is given.
    pub(crate) fn set_unreadable(&mut self, first: u64) {
        if let Some(segment) = self.segments.get_mut(&first)
            && !std::mem::replace(&mut segment.unreadable, true)
        {
            self.damage.unreadable_files += 1;
        }
    }

    /// Counts what is lost.
    pub(crate) fn count_lost(&mut self, records: u64, bytes: u64) {
        self.damage.records += records;
        self.damage.bytes += bytes;
    }

    /// What was lost.
    pub(crate) fn damage(&self) -> Damage {
        self.damage
    }

    /// Strikes records off that cannot be read any more; returns how many of them waited.
    pub(crate) fn lose(&mut self, first: u64, lost: RangeInclusive<u64>) -> u64 {
        let Some(segment) = self.segments.get_mut(&first).filter(|_| !lost.is_empty()) else {
            return 0;
        };
        let before = count(&segment.runs, self.done);
        segment.runs = std::mem::take(&mut segment.runs)
            .into_iter()
            .flat_map(|run| {
                let left = *run.start()..=(*run.end()).min(lost.start().saturating_sub(1));
                let right = (*run.start()).max(lost.end().saturating_add(1))..=*run.end();
                [left, right]
            })
            .filter(|run| !run.is_empty())
            .collect();
        before - count(&segment.runs, self.done)
    }

    /// The oldest segment that has records after this one.
    pub(crate) fn stretch_after(&self, sequence: u64) -> Option<Stretch> {
        self.stretches().find(|stretch| stretch.last > sequence)
    }

    /// The segments that have records, oldest first.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = Stretch> {
        self.segments.iter().filter_map(|(&first, segment)| {
            let Segment { readable, unreadable, .. } = *segment;
            Some(Stretch { first, last: segment.last()?, readable, unreadable })
        })
    }

    /// The last record that was taken, or dealt with.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Moves `taken` on, unless it was moved since it was `from`.
    pub(crate) fn take(&mut self, from: u64, through: u64) -> bool {
        let unmoved = self.taken == from;
        if unmoved {
            self.taken = self.taken.max(through);
        }
        unmoved
    }

    /// Lets what was taken and not dealt with be taken again.
    pub(crate) fn rewind(&mut self) {
        self.taken = self.done;
    }

    /// The last record that was dealt with.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// The last record up to which a crash brings back none that is dealt with, where the file of
    /// the progress says `written`: files that are there bring back what is behind that.
    pub(crate) fn durably_done(&self, written: u64) -> u64 {
        let mut runs = self.segments.values().flat_map(|segment| &segment.runs);
        let comes_back = runs.find(|run| *run.end() > written);
        let before = comes_back.map(|run| (*run.start()).max(written + 1) - 1);
        before.map_or(self.done, |before| before.min(self.done))
    }

    /// Records that all up to `through` is dealt with; says whether that is news.
    pub(crate) fn finish(&mut self, through: u64) -> bool {
        let last = self.segments.values().rev().find_map(Segment::last).unwrap_or(0);
        let through = through.min(last);
        let news = through > self.done;
        if news {
            self.done = through;
            self.taken = self.taken.max(through);
        }
        news
    }

    /// Files with nothing in them that waits.
    pub(crate) fn dealt_with(&self) -> Vec<DealtWith> {
        let waits = |segment: &Segment| segment.last().is_some_and(|last| last > self.done);
        let dealt_with = self.segments.iter().filter(|(_, segment)| !waits(segment));
        dealt_with
            .map(|(&first, segment)| DealtWith { first, unreadable: segment.unreadable })
            .collect()
    }

    /// Whether the segment has records that wait.
    pub(crate) fn waits(&self, first: u64) -> bool {
        self.segments.get(&first).and_then(Segment::last).is_some_and(|last| last > self.done)
    }

    /// Forgets a file that was deleted.
    pub(crate) fn remove(&mut self, first: u64) {
        self.segments.remove(&first);
    }

    /// Records that wait to be dealt with.
    pub(crate) fn records(&self) -> u64 {
        self.segments.values().map(|segment| count(&segment.runs, self.done)).sum()
    }

    /// Bytes that all files take.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// Whether nothing is written, and nothing is to be taken, any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Ends it.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }
}

/// Sequence numbers in the runs that are above `done`.
fn count(runs: &[RangeInclusive<u64>], done: u64) -> u64 {
    runs.iter().map(|run| (run.end() + 1).saturating_sub((*run.start()).max(done + 1))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_waits() {
        let mut ledger = Ledger::starting_after(2);
        ledger.add(1, vec![1..=4, 7..=9], 100);
        ledger.add(10, Vec::new(), 24);
        ledger.extend(11, 11..=11, 40);
        ledger.extend(11, 12..=13, 70);
        assert_eq!((ledger.records(), ledger.bytes()), (2 + 3 + 3, 194));
        let dealt_with = |ledger: &Ledger| {
            ledger.dealt_with().iter().map(|segment| segment.first).collect::<Vec<_>>()
        };
        assert_eq!(dealt_with(&ledger), [10]);
        assert!(ledger.finish(8));
        assert!(!ledger.finish(5), "it does not go back");
        assert_eq!((ledger.records(), ledger.taken()), (1 + 3, 8));
        // What does not exist cannot be dealt with: it may come yet.
        assert!(ledger.finish(99));
        assert_eq!((ledger.records(), ledger.done()), (0, 13));
        assert_eq!(dealt_with(&ledger), [1, 10, 11]);
        ledger.remove(1);
        ledger.set_bytes(10, 1024);
        assert_eq!(ledger.bytes(), 1024 + 70);
    }

    #[test]
    fn what_is_dealt_with_comes_back_from_files_that_are_there() {
        let mut ledger = Ledger::starting_after(2);
        ledger.add(1, vec![1..=4, 7..=9], 100);
        ledger.add(10, vec![10..=12], 100);
        assert_eq!(ledger.durably_done(2), 2);
        ledger.finish(11);
        for (written, durable) in [(2, 2), (3, 3), (4, 6), (8, 8), (9, 9), (10, 10), (11, 11)] {
            assert_eq!(ledger.durably_done(written), durable, "{written}");
        }
        ledger.remove(1);
        assert_eq!((ledger.durably_done(2), ledger.durably_done(11)), (9, 11));
        ledger.finish(12);
        ledger.remove(10);
        assert_eq!(ledger.durably_done(2), 12);
    }

    #[test]
    fn what_is_lost_of_a_growing_segment_stays_lost() {
        let mut ledger = Ledger::starting_after(0);
        ledger.extend(1, 1..=3, 100);
        assert_eq!(ledger.lose(1, 3..=3), 1);
        ledger.extend(1, 4..=5, 200);
        assert_eq!(ledger.segments[&1].runs, [1..=2, 4..=5]);
        assert_eq!(ledger.lose(1, 1..=u64::MAX), 4);
        ledger.extend(1, 6..=6, 300);
        assert_eq!(ledger.records(), 1);
    }

    #[test]
    fn unreadable_files_are_counted_once() {
        let mut ledger = Ledger::starting_after(2);
        ledger.add(1, vec![1..=2], 100);
        ledger.set_unreadable(1);
        ledger.set_unreadable(1);
        ledger.set_unreadable(7);
        ledger.count_lost(2, 30);
        ledger.count_lost(1, 4);
        assert_eq!(ledger.damage(), Damage { records: 3, bytes: 34, unreadable_files: 1 });
        assert_eq!(ledger.dealt_with(), [DealtWith { first: 1, unreadable: true }]);
    }

    #[test]
    fn strikes_off_what_is_lost() {
        type Case = (RangeInclusive<u64>, u64, &'static [RangeInclusive<u64>]);
        let cases: [Case; 7] = [
            (1..=1, 1, &[2..=4, 7..=9]),
            (4..=7, 2, &[1..=3, 8..=9]),
            (5..=6, 0, &[1..=4, 7..=9]),
            (2..=2, 1, &[1..=1, 3..=4, 7..=9]),
            (7..=u64::MAX, 3, &[1..=4]),
            (0..=99, 7, &[]),
            (RangeInclusive::new(9, 8), 0, &[1..=4, 7..=9]),
        ];
        for (lost, count, left) in cases {
            let mut ledger = Ledger::starting_after(0);
            ledger.add(1, vec![1..=4, 7..=9], 100);
            assert_eq!(ledger.lose(1, lost.clone()), count, "{lost:?}");
            assert_eq!(ledger.segments[&1].runs, left, "{lost:?}");
            assert_eq!(ledger.lose(2, lost), 0);
        }
    }

    #[test]
    fn moves_what_was_taken() {
        let mut ledger = Ledger::starting_after(0);
        ledger.add(1, vec![1..=4], 100);
        ledger.add(5, vec![5..=6], 50);
        let stretch =
            |first, last, readable| Some(Stretch { first, last, readable, unreadable: false });
        assert_eq!(ledger.stretch_after(0), stretch(1, 4, 100));
        assert_eq!(ledger.stretch_after(4), stretch(5, 6, 50));
        assert_eq!(ledger.stretch_after(6), None);
        assert!(ledger.take(0, 3));
        ledger.finish(2);
        ledger.rewind();
        assert_eq!(ledger.taken(), 2);
        // Somebody who began to read before does not undo the rewinding.
        assert!(!ledger.take(3, 4));
        assert_eq!(ledger.taken(), 2);
    }
}
