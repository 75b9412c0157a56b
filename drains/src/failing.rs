//! Events at which a receiver fails when they come alone, though it has not said that it will not
//! take them: status 500, a time-out, a connection that breaks. They hold up nobody: each is tried
//! again by itself, ever later, and is given up when it has failed often enough between others that
//! were taken.

use std::time::Duration;

use spool::Position;
use tokio::time::Instant;

use crate::{batching::Item, event::Event, pace::Pace};

/// Failures alone, each with another event taken before it, after which an event is given up.
const STRIKES: u32 = 5;

/// Events beyond which those that have failed twice are given up before their time.
const MANY: usize = 256;

/// An event that is kept in memory; its record is not done on the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) source: String,
    pub(crate) body: String,
    pub(crate) place: (Position, usize),
}

impl Kept {
    pub(crate) fn of(item: &Item<'_>) -> Self {
        let Item { event: Event { source, body }, place } = *item;
        Self { source: source.to_owned(), body: body.to_owned(), place }
    }

    pub(crate) fn item(&self) -> Item<'_> {
        let event = Event { source: &self.source, body: &self.body };
        Item { event, place: self.place }
    }
}

/// All of a drain's.
#[derive(Debug, Default)]
pub(crate) struct Failing(Vec<One>);

#[derive(Debug)]
struct One {
    kept: Kept,
    strikes: u32,
    /// How many events the receiver had taken when it failed last.
    seen: u64,
    next: Instant,
    pace: Pace,
}

impl Failing {
    /// Adds one that failed when the receiver had taken so many events.
    pub(crate) fn add(&mut self, item: &Item<'_>, taken: u64) {
        let mut pace = Pace::default();
        let next = Instant::now() + pace.wait(None);
        self.0.push(One { kept: Kept::of(item), strikes: 0, seen: taken, next, pace });
    }

    /// One that it is time to try again, taken out.
    pub(crate) fn due(&mut self) -> Option<Tried> {
        let now = Instant::now();
        let place = self.0.iter().position(|one| one.next <= now)?;
        Some(Tried(self.0.remove(place)))
    }

    /// Until one is due; `None` where there is none.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let next = self.0.iter().map(|one| one.next).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// It failed again, when the receiver had taken so many events. Gives it back when it has failed
    /// often enough.
    pub(crate) fn failed(&mut self, Tried(mut one): Tried, taken: u64) -> Option<Kept> {
        if taken > one.seen {
            one.strikes += 1;
            one.seen = taken;
        }
        if one.strikes >= STRIKES {
            return Some(one.kept);
        }
        self.put_off(Tried(one));
        None
    }

    /// It could not be tried.
    pub(crate) fn put_off(&mut self, Tried(mut one): Tried) {
        one.next = Instant::now() + one.pace.wait(None);
        self.0.push(one);
    }

    /// One that is too many: the one that failed most often, of those that failed while others were
    /// taken.
    pub(crate) fn too_many(&mut self) -> Option<Kept> {
        if self.0.len() <= MANY {
            return None;
        }
        let places = self.0.iter().enumerate().filter(|(_, one)| one.strikes > 0);
        let (place, _) = places.max_by_key(|(place, one)| (one.strikes, usize::MAX - place))?;
        Some(self.0.swap_remove(place).kept)
    }

    /// Whether there are too many to take more off the spool, when the receiver has taken so many
    /// events: trying them again tells which to give up. Where none failed before others were taken,
    /// only more events can tell.
    pub(crate) fn is_full(&self, taken: u64) -> bool {
        self.0.len() > MANY && self.0.iter().any(|one| one.strikes > 0 || one.seen < taken)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The records of which they are parts.
    pub(crate) fn records(&self) -> impl Iterator<Item = Position> {
        self.0.iter().map(|one| one.kept.place.0)
    }

    /// All of them: another receiver may take them.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Kept> {
        std::mem::take(&mut self.0).into_iter().map(|one| one.kept)
    }
}

/// One that is being tried.
#[derive(Debug)]
pub(crate) struct Tried(One);

impl Tried {
    pub(crate) fn item(&self) -> Item<'_> {
        self.0.kept.item()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn record() -> Position {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(spool::Settings::new(dir.path(), 1 << 20)).unwrap();
        spool.append(vec![1]).await.unwrap()
    }

    #[tokio::test]
    async fn only_failures_between_others_that_are_taken_count() {
        let place = (record().await, 0);
        tokio::time::pause();
        let mut failing = Failing::default();
        failing.add(&Item { event: Event { source: "s", body: "{}" }, place }, 7);
        assert!(failing.due().is_none());
        let mut try_again = async |taken| {
            tokio::time::sleep(failing.wait().unwrap()).await;
            let tried = failing.due().unwrap();
            failing.failed(tried, taken)
        };
        for _ in 0..100 {
            assert_eq!(try_again(7).await, None);
        }
        for taken in 8..12 {
            assert_eq!(try_again(taken).await, None);
            assert_eq!(try_again(taken).await, None);
        }
        let given_up = try_again(12).await.unwrap();
        assert_eq!((given_up.body.as_str(), given_up.place), ("{}", place));
        assert_eq!(failing.wait(), None);
    }

    #[tokio::test]
    async fn there_are_not_too_many() {
        let record = record().await;
        let mut failing = Failing::default();
        for number in 0..=MANY {
            let event = Event { source: "s", body: "{}" };
            failing.add(&Item { event, place: (record, number) }, 0);
        }
        assert_eq!(failing.too_many(), None);
        failing.0[9].strikes = 2;
        assert_eq!(failing.too_many().unwrap().place.1, 9);
        assert_eq!(failing.too_many(), None);
    }

    /// Else a receiver that fails at many events fills the memory, or stops the drain for good.
    #[tokio::test]
    async fn no_more_are_taken_while_those_that_fail_can_be_told() {
        let record = record().await;
        let mut failing = Failing::default();
        for number in 0..=MANY {
            assert!(!failing.is_full(8), "{number}");
            let event = Event { source: "s", body: "{}" };
            failing.add(&Item { event, place: (record, number) }, 7);
        }
        assert!(!failing.is_full(7) && failing.is_full(8));
        failing.0[9].strikes = 1;
        assert!(failing.is_full(7));
        failing.too_many().unwrap();
        assert!(!failing.is_full(8));
    }
}
