//! Events of one source as the bytes of a binary COPY.

use std::{collections::BTreeSet, fmt};

use event_schemas::Event;

use crate::day::{self, Day};

/// Signature, flags (none) and length of the header extension (none).
const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A field count of -1 ends the data.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// `id`, `body`, `event_message`, `timestamp`: the columns in [`COPY_COLUMNS`].
const FIELDS: [u8; 2] = 4_i16.to_be_bytes();

/// The columns of a row in the order in which [`Batch`] encodes them.
pub(crate) const COPY_COLUMNS: &str = r#"id, body, event_message, "timestamp""#;

const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// The version byte in front of a binary jsonb's text.
const JSONB_VERSION: u8 = 1;

/// 2000-01-01 in microseconds since 1970: where Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Years 0001 and 9999, the ends of BigQuery's timestamps, in microseconds since 1970.
const TIMESTAMPS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// Events of one source, encoded for the store once.
///
/// Each is encoded when it is pushed, off the connection: a batch is one buffer that goes out as it
/// is.
#[derive(Default)]
pub struct Batch {
    rows: usize,
    copy: Vec<u8>,
    days: BTreeSet<Day>,
}

impl Batch {
    /// Adds an event.
    pub fn push(&mut self, event: &Event<'_>) {
        if self.copy.is_empty() {
            self.copy.extend_from_slice(&HEADER);
        }
        let timestamp = event.timestamp.clamp(*TIMESTAMPS.start(), *TIMESTAMPS.end());
        self.days.insert(Day::of(timestamp));
        self.rows += 1;

        let out = &mut self.copy;
        out.extend_from_slice(&FIELDS);
        field(out, |out| text(out, &event.id));
        field(out, |out| {
            out.push(JSONB_VERSION);
            event.write_body(out);
        });
        match &event.event_message {
            Some(message) => field(out, |out| text(out, message)),
            None => out.extend_from_slice(&NULL),
        }
        field(out, |out| out.extend_from_slice(&(timestamp - POSTGRES_EPOCH).to_be_bytes()));
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The days of its events that have a partition of their own, see [`day::window`].
    pub(crate) fn partitioned_days(&self, today: Day) -> BTreeSet<Day> {
        self.days.range(day::window(today)).copied().collect()
    }

    /// The whole COPY stream.
    pub(crate) fn into_copy(mut self) -> Vec<u8> {
        self.copy.extend_from_slice(&TRAILER);
        self.copy
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("rows", &self.rows)
            .field("bytes", &self.copy.len())
            .field("days", &self.days)
            .finish()
    }
}

/// Appends a field: its length in bytes, then what `write` writes.
fn field(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    // A field beyond 2 GiB cannot come from a bounded request body; Postgres would refuse it.
    let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends text. Postgres cannot hold NUL in it, and one such row would fail the whole batch.
fn text(out: &mut Vec<u8>, text: &str) {
    if text.contains('\0') {
        out.extend_from_slice(text.replace('\0', "\u{fffd}").as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_header_rows_trailer() {
        assert!(Batch::default().is_empty());
        let mut copy = HEADER.to_vec();
        field(&mut copy, |out| text(out, "a\0b"));
        let batch = Batch { rows: 1, copy, days: BTreeSet::new() };
        let copy = batch.into_copy();
        assert_eq!(copy.get(..11), Some(b"PGCOPY\n\xff\r\n\0".as_slice()));
        assert_eq!(copy.get(19..), Some(b"\0\0\0\x05a\xef\xbf\xbdb\xff\xff".as_slice()));
    }

    #[test]
    fn only_days_of_the_window_get_partitions() {
        let today = Day::of(1_700_000_000_000_000);
        let days = [-1000, -366, -1, 0, 2, 3].map(|offset| today.plus(offset));
        let batch = Batch { rows: 6, copy: Vec::new(), days: days.into() };
        let kept: Vec<_> = batch.partitioned_days(today).into_iter().collect();
        assert_eq!(kept, [-366, -1, 0, 2].map(|offset| today.plus(offset)));
    }
}
