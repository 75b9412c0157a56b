//! What was sent and what was acknowledged, to be compared with what is stored.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The number of an event: its place in the order in which events were made.
pub type Number = u64;

/// How often an event may be stored, of which copies were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Once for each request that it was part of, resent requests counting once: it has no id of
    /// its own, and equal events in different requests are different events.
    OnePerRequest,
    /// Once, however often it was sent: it has an id.
    One,
}

/// A book of all events of a scenario.
#[derive(Debug)]
pub struct Ledger(Mutex<Book>);

#[derive(Debug)]
struct Book {
    /// By number.
    events: Vec<Expected>,
    /// Longest text of [`refusals`](Ledger::refusals) is bounded by their number.
    refusals: Vec<String>,
    totals: Totals,
    /// Times that the program was killed: what it knew of delivered answers may be gone with it.
    kills: u32,
    last_acknowledged: Option<Instant>,
}

/// How often an event has to be there, and how often it may.
#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    least: u64,
    most: u64,
    has_id: bool,
}

/// Sums over a scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events sent, those of equal requests counted for each.
    pub sent: u64,
    /// Of these, events acknowledged.
    pub acknowledged: u64,
    /// Events acknowledged that may be missing nevertheless: the equal request of another sender was
    /// acknowledged before, and the program was killed between, so that it cannot know whether this
    /// was that one, resent.
    pub uncertain: u64,
    /// Requests, with those that were resent.
    pub attempts: u64,
    /// Answers that asked to come again later.
    pub put_off: u64,
    /// Longest time without an acknowledgement while senders were sending.
    pub longest_outage: Duration,
}

/// What is stored against what should be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows.
    pub stored: u64,
    /// Acknowledged events that are not there.
    pub lost: u64,
    /// Rows too many.
    pub doubled: u64,
    /// Of these, rows of events with an id of their own.
    pub doubled_with_id: u64,
    /// The first of both, for people.
    pub examples: Vec<String>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self(Mutex::new(Book {
            events: Vec::new(),
            refusals: Vec::new(),
            totals: Totals::default(),
            kills: 0,
            last_acknowledged: None,
        }))
    }
}

impl Ledger {
    /// Numbers for new events.
    pub fn numbers(&self, count: usize) -> Range<Number> {
        let mut book = self.book();
        let first = book.events.len();
        book.events.resize(first + count, Expected::default());
        first as Number..(first + count) as Number
    }

    /// A request is about to be sent for the first time.
    pub fn sent(&self, events: &[Number], copies: Copies) {
        let mut book = self.book();
        let mut new = 0;
        for &number in events {
            let expected = book.event(number);
            expected.has_id = copies == Copies::One;
            if !expected.has_id || expected.most == 0 {
                expected.most += 1;
                new += 1;
            }
        }
        book.totals.sent += new;
    }

    /// A request is sent, for the first time or again; gives how often the program was killed
    /// before.
    pub fn attempt(&self) -> u32 {
        let mut book = self.book();
        book.totals.attempts += 1;
        book.kills
    }

    /// A request was put off by an answer.
    pub fn put_off(&self) {
        self.book().totals.put_off += 1;
    }

    /// A request was acknowledged. It is `certain` that the program could not take it for another.
    pub fn acknowledged(&self, events: &[Number], copies: Copies, certain: bool) {
        let mut book = self.book();
        let mut new = 0;
        for &number in events {
            let expected = book.event(number);
            if copies == Copies::OnePerRequest || expected.least == 0 {
                expected.least += u64::from(certain);
                new += 1;
            }
        }
        book.totals.acknowledged += new;
        if !certain {
            book.totals.uncertain += new;
        }
        let now = Instant::now();
        if let Some(last) = book.last_acknowledged.replace(now) {
            book.totals.longest_outage = book.totals.longest_outage.max(now - last);
        }
    }

    /// A request was refused for good; or cut off where Vector gives up.
    pub fn refused(&self, why: String) {
        self.book().refusals.push(why);
    }

    /// The program is about to be killed.
    pub fn killed(&self) {
        self.book().kills += 1;
    }

    /// Senders begin, or have ended: the time between is no outage.
    pub fn pause(&self) {
        self.book().last_acknowledged = None;
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        self.book().totals
    }

    /// How often and why requests were refused since this was asked last.
    pub fn refusals(&self) -> Vec<String> {
        std::mem::take(&mut self.book().refusals)
    }

    /// Compares with what is stored: for each number how often.
    pub fn compare(&self, stored: &HashMap<Number, u64>) -> Comparison {
        let book = self.book();
        let mut comparison = Comparison { stored: stored.values().sum(), ..Comparison::default() };
        for (number, expected) in (0..).zip(&book.events) {
            let count = stored.get(&number).copied().unwrap_or_default();
            comparison.count(number, count, *expected);
        }
        for (&number, &count) in stored {
            if number >= book.events.len() as u64 {
                comparison.count(number, count, Expected::default());
            }
        }
        comparison
    }

    /// How many events from this one on were acknowledged for sure and are not there.
    pub fn missing(&self, from: Number, is_there: impl Fn(Number) -> bool) -> u64 {
        let book = self.book();
        let events = (0..).zip(&book.events);
        let missing = events
            .filter(|(number, expected)| {
                *number >= from && expected.least > 0 && !is_there(*number)
            })
            .count();
        missing as u64
    }

    /// Takes what is stored as right from now on, so that one mistake is counted once.
    pub fn settle(&self, stored: &HashMap<Number, u64>) {
        for (number, expected) in (0..).zip(&mut self.book().events) {
            let count = stored.get(&number).copied().unwrap_or_default();
            *expected = Expected { least: count, most: count, ..*expected };
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn event(&mut self, number: Number) -> &mut Expected {
        let place = usize::try_from(number).expect("a number that this book gave");
        &mut self.events[place]
    }
}

impl Comparison {
    fn count(&mut self, number: Number, count: u64, expected: Expected) {
        let Expected { least, most, has_id } = expected;
        let (missing, extra) = (least.saturating_sub(count), count.saturating_sub(most));
        self.lost += missing;
        self.doubled += extra;
        if has_id {
            self.doubled_with_id += extra;
        }
        if missing + extra > 0 && self.examples.len() < 5 {
            let id = if has_id { " with an id" } else { "" };
            self.examples.push(format!("event {number}{id}: {count} rows, not {least} to {most}"));
        }
    }

    /// Whether everything is as it should be.
    pub fn is_right(&self) -> bool {
        self.lost == 0 && self.doubled == 0
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, lost, doubled, doubled_with_id, .. } = self;
        write!(f, "{stored} stored, {lost} lost, {doubled} doubled ({doubled_with_id} with ids)")?;
        self.examples.iter().try_for_each(|example| write!(f, "\n  {example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_acknowledged_event_has_its_rows() {
        let ledger = Ledger::default();
        let numbers: Vec<_> = ledger.numbers(8).collect();
        let [plain, twice, own, unsure] =
            [&numbers[..2], &numbers[2..3], &numbers[3..5], &numbers[5..6]];
        ledger.sent(plain, Copies::OnePerRequest);
        ledger.acknowledged(&plain[..1], Copies::OnePerRequest, true);
        for _ in 0..2 {
            ledger.sent(twice, Copies::OnePerRequest);
            ledger.acknowledged(twice, Copies::OnePerRequest, true);
            ledger.sent(own, Copies::One);
            ledger.acknowledged(own, Copies::One, true);
            ledger.sent(unsure, Copies::OnePerRequest);
        }
        ledger.acknowledged(unsure, Copies::OnePerRequest, true);
        ledger.acknowledged(unsure, Copies::OnePerRequest, false);
        let totals = ledger.totals();
        assert_eq!((totals.sent, totals.acknowledged, totals.uncertain), (8, 7, 1));
        // Of 0, 2, 3, 4 and 5.
        assert_eq!(ledger.missing(0, |number| number == 3), 4);
        assert_eq!(ledger.missing(3, |number| number == 3), 2);

        for (stored, lost, doubled) in [
            (&[1, 1, 2, 1, 1, 2, 0, 0][..], 0, 0),
            // Never acknowledged, never certain.
            (&[1, 0, 2, 1, 1, 1, 0, 0], 0, 0),
            (&[0, 0, 2, 1, 1, 1, 0, 0], 1, 0),
            (&[2, 0, 2, 1, 1, 1, 0, 0], 0, 1),
            (&[1, 0, 1, 1, 1, 1, 0, 0], 1, 0),
            (&[1, 0, 2, 2, 1, 0, 0, 0], 1, 1),
            // Made, but not sent; never made.
            (&[1, 0, 2, 1, 1, 1, 1, 0, 3], 0, 4),
        ] {
            let stored: HashMap<_, _> = (0..).zip(stored.iter().copied()).collect();
            let comparison = ledger.compare(&stored);
            assert_eq!((comparison.lost, comparison.doubled), (lost, doubled), "{comparison}");
        }
    }

    #[test]
    fn a_mistake_is_counted_once() {
        let ledger = Ledger::default();
        let numbers: Vec<_> = ledger.numbers(2).collect();
        ledger.sent(&numbers, Copies::OnePerRequest);
        ledger.acknowledged(&numbers, Copies::OnePerRequest, true);
        let stored = HashMap::from([(0, 3)]);
        let comparison = ledger.compare(&stored);
        assert_eq!((comparison.lost, comparison.doubled, comparison.examples.len()), (1, 2, 2));
        ledger.settle(&stored);
        assert!(ledger.compare(&stored).is_right());
    }
}
