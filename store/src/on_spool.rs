//! What waits on the spool: how much of each source, and which requests wait in two places.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use spool::Position;
use uuid::Uuid;

/// A record on the spool that is a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) position: Position,
    pub(crate) source: Uuid,
    pub(crate) request: Uuid,
}

/// What waits on the spool.
#[derive(Debug, Default)]
pub(crate) struct OnSpool(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Records of each source. Below zero where one was drained before it was noted.
    of_source: HashMap<Uuid, i64>,
    /// Where requests are that were moved to the end. A crash may leave them at their old place too.
    moved: HashMap<Uuid, Position>,
    /// The last record that was found at the start.
    found_to: Option<Position>,
    /// While the spool is looked through: what was appended meanwhile.
    appended_meanwhile: Option<Vec<(Uuid, Position)>>,
    held_back: HashSet<Uuid>,
    /// The last record that was found, appended or moved.
    last: Option<Position>,
    /// Whether all is known that was there at the start.
    is_looked_through: bool,
}

impl Known {
    fn add(&mut self, source: Uuid, records: i64) {
        let count = self.of_source.entry(source).or_default();
        *count += records;
        if *count == 0 {
            self.of_source.remove(&source);
        }
    }

    fn note_last(&mut self, request: Uuid, position: Position) {
        let last = self.moved.entry(request).or_insert(position);
        *last = position.max(*last);
    }
}

impl OnSpool {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spool is looked through from now on.
    pub(crate) fn begin_look(&self) {
        self.known().appended_meanwhile = Some(Vec::new());
    }

    /// The spool was looked through, `whole` where nothing of it could not be read.
    pub(crate) fn end_look(&self, whole: bool) {
        let appended = {
            let mut known = self.known();
            known.is_looked_through = whole;
            known.appended_meanwhile.take().unwrap_or_default()
        };
        for (source, position) in appended {
            self.note_appended(source, position);
        }
    }

    /// Notes a record that is found at the start.
    pub(crate) fn note_found(&self, record: Record, is_moved: bool) {
        let mut known = self.known();
        known.found_to = known.found_to.max(Some(record.position));
        known.last = known.last.max(known.found_to);
        known.add(record.source, 1);
        if is_moved {
            known.note_last(record.request, record.position);
        }
    }

    /// Whether it was found at the start.
    pub(crate) fn is_of_former_life(&self, record: Record) -> bool {
        self.known().found_to.is_some_and(|found| record.position <= found)
    }

    /// Notes a record that was appended.
    pub(crate) fn note_appended(&self, source: Uuid, position: Position) {
        let mut known = self.known();
        known.last = known.last.max(Some(position));
        // The look at the start may have come across it, or may yet.
        if let Some(appended) = &mut known.appended_meanwhile {
            appended.push((source, position));
        } else if known.found_to.is_none_or(|found| position > found) {
            known.add(source, 1);
        }
    }

    /// Notes that a record was appended of a request of which another one may be there.
    pub(crate) fn note_again(&self, request: Uuid, position: Position) {
        self.known().note_last(request, position);
    }

    /// Notes that a record was appended once more, at this position.
    pub(crate) fn note_moved(&self, record: Record, position: Position) {
        let mut known = self.known();
        known.last = known.last.max(Some(position));
        known.add(record.source, 1);
        known.note_last(record.request, position);
    }

    /// The last record that is known, where all before it are.
    pub(crate) fn known_to(&self) -> Option<Position> {
        let known = self.known();
        known.last.filter(|_| known.is_looked_through)
    }

    /// Whether its request comes again later on the spool. It is left for then: stored twice, it
    /// would need its receipt for as long as all between the two takes.
    pub(crate) fn comes_again(&self, record: Record) -> bool {
        self.known().moved.get(&record.request).is_some_and(|moved| *moved > record.position)
    }

    /// These records are dealt with.
    pub(crate) fn note_done(&self, records: &[Record]) {
        let mut known = self.known();
        for record in records {
            known.add(record.source, -1);
            if known.moved.get(&record.request) == Some(&record.position) {
                known.moved.remove(&record.request);
            }
        }
    }

    /// The other sources of which something waits.
    pub(crate) fn others(&self, than: impl Fn(Uuid) -> bool) -> Vec<Uuid> {
        let known = self.known();
        let waiting = known.of_source.iter().filter(|(_, records)| **records > 0);
        waiting.map(|(source, _)| *source).filter(|source| !than(*source)).collect()
    }

    /// Whether something of a source waits.
    pub(crate) fn holds(&self, source: Uuid) -> bool {
        self.known().of_source.get(&source).is_some_and(|records| *records > 0)
    }

    /// Requests that wait, by source.
    pub(crate) fn waiting(&self) -> Vec<(Uuid, u64)> {
        let known = self.known();
        let waiting = known.of_source.iter();
        waiting
            .filter_map(|(source, records)| Some((*source, u64::try_from(*records).ok()?)))
            .collect()
    }

    /// A source's requests cannot be drained now, while others' can; or they can again.
    pub(crate) fn hold_back(&self, source: Uuid, held_back: bool) {
        let mut known = self.known();
        if held_back {
            known.held_back.insert(source);
        } else {
            known.held_back.remove(&source);
        }
    }

    pub(crate) fn is_held_back(&self, source: Uuid) -> bool {
        self.known().held_back.contains(&source)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) async fn positions() -> (tempfile::TempDir, Vec<Position>) {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let mut positions = Vec::new();
        for _ in 0..4 {
            positions.push(spool.append(vec![1]).await.unwrap());
        }
        (folder, positions)
    }

    #[tokio::test]
    async fn a_moved_request_counts_at_its_last_place() {
        let (_folder, positions) = positions().await;
        let (source, request) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = |place: usize| Record { position: positions[place], source, request };
        let on_spool = OnSpool::default();
        on_spool.note_found(at(0), false);
        assert!(!on_spool.comes_again(at(0)));
        on_spool.note_moved(at(0), positions[1]);
        assert!(on_spool.comes_again(at(0)) && !on_spool.comes_again(at(1)));
        // Moved again before it was known that it had been.
        on_spool.note_moved(at(1), positions[3]);
        assert!(on_spool.comes_again(at(1)));
        // Its sender came again while an earlier one was on its way to the end.
        on_spool.note_moved(at(1), positions[2]);
        assert!(on_spool.comes_again(at(2)) && !on_spool.comes_again(at(3)));
        on_spool.note_done(&[at(2)]);
        on_spool.note_done(&[at(0), at(1)]);
        assert!(on_spool.comes_again(at(1)));
        assert_eq!(on_spool.others(|_| false), [source]);
        on_spool.note_done(&[at(3)]);
        assert!(on_spool.known().moved.is_empty());
        assert!(on_spool.others(|_| false).is_empty());
    }

    #[tokio::test]
    async fn each_record_counts_once() {
        let (_folder, positions) = positions().await;
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let record = |place: usize, source| Record {
            position: positions[place],
            source,
            request: Uuid::from_u128(place as u128),
        };
        let on_spool = OnSpool::default();
        on_spool.begin_look();
        on_spool.note_found(record(0, one), false);
        on_spool.note_appended(one, positions[1]);
        on_spool.note_found(record(1, one), false);
        assert_eq!(on_spool.known_to(), None);
        on_spool.end_look(true);
        assert_eq!(on_spool.known_to(), Some(positions[1]));
        // Drained before it is noted.
        on_spool.note_done(&[record(2, other)]);
        on_spool.note_appended(other, positions[2]);
        assert_eq!(on_spool.others(|_| false), [one]);
        assert!(on_spool.holds(one) && !on_spool.holds(other));
        on_spool.note_done(&[record(0, one), record(1, one)]);
        assert!(on_spool.others(|_| false).is_empty());
    }
}
