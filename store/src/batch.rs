//! What one request brings to one source.

use std::collections::BTreeSet;

use event_schemas::{Event, Reason};
use uuid::Uuid;

use crate::{
    day::{self, Day},
    rejected_events::RejectedEvent,
    rows::Rows,
};

/// What one request brings to one source: events to store, and what was sent as an event and is
/// none.
///
/// Events are encoded when they are pushed, off the connection: a batch is one buffer that goes
/// out as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) rows: Rows,
    pub(crate) days: BTreeSet<Day>,
    /// Places of the rows that brought their own id, ascending.
    pub(crate) own_ids: Vec<usize>,
    pub(crate) rejected: Vec<RejectedEvent>,
}

impl Batch {
    /// Adds an event.
    pub fn push(&mut self, event: &Event<'_>) {
        if event.has_own_id {
            self.own_ids.push(self.rows.len());
        }
        let timestamp = self.rows.push(event);
        self.days.insert(Day::of(timestamp));
    }

    /// Adds what was sent as an event and will be kept among the source's rejected events. `event`
    /// is JSON where it could be read as that.
    pub fn reject(&mut self, event: String, reasons: Vec<Reason>) {
        self.rejected.push(RejectedEvent { id: Uuid::new_v4(), event, reasons });
    }

    /// Number of events to store.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of rejected events to keep.
    pub fn rejected(&self) -> usize {
        self.rejected.len()
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0 && self.rejected.is_empty()
    }

    /// About how much memory it holds, in bytes.
    pub(crate) fn size(&self) -> usize {
        let rejected = self.rejected.iter().map(|rejected| rejected.event.len() + 200);
        self.rows.bytes().len() + rejected.sum::<usize>()
    }

    /// The days of its events that have a partition of their own, see [`day::window`].
    pub(crate) fn partitioned_days(&self, today: Day) -> impl Iterator<Item = Day> {
        self.days.range(day::window(today)).copied()
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::parse;

    use super::*;

    #[test]
    fn own_ids_are_told_from_made_ones() {
        let mut batch = Batch::default();
        assert!(batch.is_empty());
        for event in [r#"{"id":"a"}"#, "{}", r#"{"id":""}"#, r#"{"id":7}"#] {
            batch.push(&Event::normalise(parse(event).unwrap(), 0).unwrap());
        }
        assert_eq!((batch.len(), &batch.own_ids[..]), (4, &[0, 3][..]));
    }

    #[test]
    fn only_days_of_the_window_get_partitions() {
        let today = Day::of(1_700_000_000_000_000);
        let days = [-1000, -366, -1, 0, 2, 3].map(|offset| today.plus(offset));
        let batch = Batch { days: days.into(), ..Batch::default() };
        let kept: Vec<_> = batch.partitioned_days(today).collect();
        assert_eq!(kept, [-366, -1, 0, 2].map(|offset| today.plus(offset)));
    }

    #[test]
    fn rejected_events_alone_are_something_to_keep() {
        let mut batch = Batch::default();
        batch.reject("5".to_owned(), Vec::new());
        assert_eq!((batch.is_empty(), batch.len(), batch.rejected()), (false, 0, 1));
    }
}
