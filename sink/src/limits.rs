//! How much one body may hold. A small body can say much: `[0,0,0,…]`, two bytes for each empty
//! span, one resource for thousands of records. No honest sender comes near.

use event_schemas::{MAX_VALUES, Reason, TooManyValues};

use crate::{error::IngestError, records::Record};

/// Most events of one body. Vector fills 10 MB: too little for more than this many events with a
/// time and a message each.
pub(crate) const MAX_EVENTS: usize = 200_000;

/// Most values of one body where all of them are read at once: OTLP, and a frame of Vector's codec
/// `native`. Elsewhere one event is read after the other, see [`MAX_VALUES`].
pub(crate) const MAX_BODY_VALUES: usize = 1_000_000;

/// About how much memory a value takes while it is read, in bytes: itself, its name and its digits.
pub(crate) const VALUE_BYTES: usize = 128;

/// About how much memory an event takes until it is stored, in bytes, besides its text: its row, or
/// what is kept of a rejected one. See `tests/memory.rs`.
pub(crate) const EVENT_OVERHEAD: usize = 512;

/// Bytes of events that each byte of the largest body may come to: what a format repeats.
const EVENT_BYTES: usize = 4;

/// Reasons that are kept with the rejected events of one body. When there are more, each event
/// keeps its first, so that reasons do not outweigh the events.
const MAX_REASONS: usize = 100_000;

/// Counts what a body comes to, against its limits.
#[derive(Debug)]
pub(crate) struct Tally {
    events: usize,
    bytes: usize,
    reasons: usize,
    /// Of events that settings of the source made larger.
    grown: usize,
    /// Of events for other sources and backends.
    forwarded: usize,
    most_events: usize,
    most_bytes: usize,
}

impl Tally {
    /// For a body that may be so many bytes.
    pub(crate) fn new(max_body_bytes: usize) -> Self {
        let most_bytes = max_body_bytes.saturating_mul(EVENT_BYTES);
        Self {
            events: 0,
            bytes: 0,
            reasons: 0,
            grown: 0,
            forwarded: 0,
            most_events: MAX_EVENTS,
            most_bytes,
        }
    }

    /// For what was taken before.
    pub(crate) fn unbounded() -> Self {
        Self { most_events: usize::MAX, most_bytes: usize::MAX, ..Self::new(0) }
    }

    /// All that was sent as an event.
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    /// Counts a record. One that holds too many values is no event.
    pub(crate) fn count<'a>(&mut self, record: Record<'a>) -> Record<'a> {
        self.events += 1;
        let value = match record {
            Record::Unreadable { ref text, .. } => {
                self.bytes += text.len();
                return record;
            }
            Record::Value(value) => value,
        };
        let extent = value.extent();
        self.bytes += extent.bytes;
        if extent.values <= MAX_VALUES || self.broken().is_some() {
            return Record::Value(value);
        }
        Record::Unreadable { text: value.to_json().into(), reason: TooManyValues.to_string() }
    }

    /// Those of an event's reasons that are kept with it.
    pub(crate) fn kept(&mut self, mut reasons: Vec<Reason>) -> Vec<Reason> {
        self.reasons += reasons.len();
        if self.reasons > MAX_REASONS {
            reasons.truncate(1);
            reasons.shrink_to_fit();
        }
        reasons
    }

    /// Whether a setting of the source may make an event so many bytes. Its sender cannot know how
    /// many these are, so that only the event is rejected, and not the body.
    pub(crate) fn may_grow(&self, bytes: usize, setting: &str) -> Result<(), Reason> {
        if self.grown.saturating_add(bytes) > self.most_bytes {
            let text = format!(
                "{setting} makes the events of the body larger than {} bytes; let it add less",
                self.most_bytes
            );
            return Err(Reason { path: String::new(), text });
        }
        Ok(())
    }

    /// Counts an event that settings of the source made so many bytes.
    pub(crate) fn grown(&mut self, bytes: usize) {
        self.grown = self.grown.saturating_add(bytes);
    }

    /// Counts an event of so many bytes for another source or a backend. False where it is too much:
    /// the event goes only to others, and not there.
    pub(crate) fn forwarded(&mut self, bytes: usize) -> bool {
        let forwarded = self.forwarded.saturating_add(bytes);
        let fits = forwarded <= self.most_bytes;
        if fits {
            self.forwarded = forwarded;
        }
        fits
    }

    /// Which limit is broken, if any.
    pub(crate) fn broken(&self) -> Option<IngestError> {
        if self.events > self.most_events {
            Some(IngestError::TooManyEvents)
        } else if self.bytes > self.most_bytes {
            Some(IngestError::TooLong(self.most_bytes))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::Value;

    use super::*;

    #[test]
    fn counts_events_and_bytes() {
        let mut tally = Tally::new(10);
        for _ in 0..19 {
            tally.count(Record::Value(Value::Array(Vec::new())));
        }
        tally.count(Record::Unreadable { text: "ab".into(), reason: String::new() });
        assert_eq!((tally.events(), tally.broken().is_some()), (20, false));
        tally.count(Record::Value(Value::Number("1".into())));
        assert!(matches!(tally.broken(), Some(IngestError::TooLong(40))));

        let mut tally = Tally::new(1 << 20);
        for _ in 0..MAX_EVENTS {
            tally.count(Record::Value(Value::Object(Vec::new())));
        }
        assert!(tally.broken().is_none());
        tally.count(Record::Value(Value::Null));
        assert!(matches!(tally.broken(), Some(IngestError::TooManyEvents)));
    }

    #[test]
    fn what_settings_add_is_bounded_too() {
        let mut tally = Tally::new(10);
        assert_eq!(tally.may_grow(30, "setting"), Ok(()));
        tally.grown(30);
        let reason = tally.may_grow(11, "setting").unwrap_err();
        assert!(
            reason.text.starts_with("setting makes the events of the body larger than 40 bytes")
        );
        // A smaller one fits, and the body as a whole is taken.
        assert_eq!((tally.may_grow(10, "setting"), tally.broken().is_none()), (Ok(()), true));
    }

    #[test]
    fn what_is_forwarded_is_bounded_apart() {
        let mut tally = Tally::new(10);
        let fitting = [30, 11, 10, 1].map(|bytes| tally.forwarded(bytes));
        assert_eq!(fitting, [true, false, true, false]);
        assert_eq!((tally.may_grow(40, "setting"), tally.broken().is_none()), (Ok(()), true));
        assert!(Tally::unbounded().forwarded(usize::MAX));
    }

    #[test]
    fn reasons_do_not_outweigh_events() {
        let reasons = || vec![Reason { path: "a".to_owned(), text: "b".to_owned() }; 20];
        let mut tally = Tally::new(1);
        for _ in 0..MAX_REASONS / 20 {
            assert_eq!(tally.kept(reasons()).len(), 20);
        }
        assert_eq!(tally.kept(reasons()), reasons()[..1]);
        assert_eq!(tally.kept(Vec::new()), []);
    }

    #[test]
    fn an_event_of_too_many_values_is_none() {
        let event = |values| Record::Value(Value::Array(vec![Value::Null; values]));
        let mut tally = Tally::new(1 << 20);
        assert_eq!(tally.count(event(MAX_VALUES - 1)), event(MAX_VALUES - 1));
        match tally.count(event(MAX_VALUES)) {
            Record::Unreadable { text, reason } => {
                assert!(text.starts_with("[null,null,") && reason.contains("100000 values"));
            }
            record @ Record::Value(_) => panic!("{record:?}"),
        }
    }
}
