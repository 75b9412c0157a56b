//! Rows of an event table as a binary COPY carries them.

use event_schemas::Event;

/// Signature, flags (none) and length of the header extension (none).
pub(crate) const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A field count of -1 ends the data.
pub(crate) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The columns of a row in the order in which [`Rows`] holds them.
pub(crate) const COPY_COLUMNS: &str = r#"id, body, event_message, "timestamp""#;

/// As many fields as there are columns.
const FIELDS: [u8; 2] = 4_i16.to_be_bytes();

const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// The version byte in front of a binary jsonb's text.
const JSONB_VERSION: u8 = 1;

/// 2000-01-01 in microseconds since 1970: where Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Years 0001 and 9999, the ends of BigQuery's timestamps, in microseconds since 1970.
const TIMESTAMPS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// Encoded rows, one after the other in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
}

impl Rows {
    /// Appends an event; gives the time that is stored.
    pub(crate) fn push(&mut self, event: &Event<'_>) -> i64 {
        let timestamp = event.timestamp.clamp(*TIMESTAMPS.start(), *TIMESTAMPS.end());
        let out = &mut self.bytes;
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
        self.ends.push(self.bytes.len());
        timestamp
    }

    /// Takes rows back from their bytes; `None` when these are no rows.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let mut ends = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let row = Row::first_of(bytes.get(at..)?)?;
            at += row.0.len();
            ends.push(at);
        }
        Some(Self { bytes, ends })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end).map(Row))
    }
}

/// One encoded row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<'a>(&'a [u8]);

impl<'a> Row<'a> {
    fn first_of(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&FIELDS)?;
        for _ in 0..4 {
            (_, rest) = split_field(rest)?;
        }
        Some(Self(bytes.get(..bytes.len() - rest.len())?))
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn field(self, place: usize) -> Option<&'a [u8]> {
        let mut rest = self.0.strip_prefix(&FIELDS)?;
        for _ in 0..place {
            (_, rest) = split_field(rest)?;
        }
        split_field(rest)?.0
    }

    pub(crate) fn id(self) -> &'a str {
        self.field(0).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default()
    }

    /// The event as JSON text.
    pub(crate) fn body(self) -> &'a str {
        let body = self.field(1).and_then(<[u8]>::split_first).map(|(_version, body)| body);
        body.and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default()
    }

    /// Microseconds since 1970.
    pub(crate) fn timestamp(self) -> i64 {
        let bytes = self.field(3).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        i64::from_be_bytes(bytes.unwrap_or_default()).saturating_add(POSTGRES_EPOCH)
    }
}

/// The first field (`None` for NULL) and what comes after it.
fn split_field(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    match i32::from_be_bytes(*length) {
        -1 => Some((None, rest)),
        length => {
            let (field, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Some(field), rest))
        }
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
    use event_schemas::parse;
    use proptest::prelude::*;

    use super::*;

    fn rows(events: &[&str]) -> Rows {
        let mut rows = Rows::default();
        for event in events {
            rows.push(&Event::normalise(parse(event).unwrap(), 5).unwrap());
        }
        rows
    }

    #[test]
    fn rows_are_read_back() {
        let rows = rows(&[
            r#"{"id":"a","timestamp":"2026-11-20T12:00:00Z","message":"é"}"#,
            r#"{"id":"b\u0000","n":1}"#,
        ]);
        let read: Vec<_> =
            rows.iter().map(|row| (row.id(), row.timestamp(), row.body().to_owned())).collect();
        assert_eq!(
            read,
            [
                (
                    "a",
                    1_795_176_000_000_000,
                    r#"{"id":"a","timestamp":1795176000000000,"event_message":"é"}"#.to_owned()
                ),
                (
                    "b\u{fffd}",
                    5,
                    r#"{"id":"b\ufffd","timestamp":5,"event_message":null,"n":1}"#.to_owned()
                ),
            ]
        );
        assert_eq!(rows.iter().map(|row| row.bytes().len()).sum::<usize>(), rows.bytes().len());
        assert_eq!(Rows::from_bytes(rows.bytes().to_vec()), Some(rows));
    }

    #[test]
    fn a_row_is_what_copy_wants() {
        let rows = rows(&[r#"{"id":"a","timestamp":946684800000001}"#]);
        let body = br#"{"id":"a","timestamp":946684800000001,"event_message":null}"#;
        let mut expected = b"\0\x04\0\0\0\x01a\0\0\0".to_vec();
        expected.push(u8::try_from(body.len() + 1).unwrap());
        expected.push(1);
        expected.extend_from_slice(body);
        expected.extend_from_slice(b"\xff\xff\xff\xff\0\0\0\x08\0\0\0\0\0\0\0\x01");
        assert_eq!(rows.bytes(), expected);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(rows) = Rows::from_bytes(bytes) {
                for row in rows.iter() {
                    let _ = (row.id(), row.body(), row.timestamp());
                }
            }
        }

        #[test]
        fn damaged_rows_never_panic(at in 0..100_usize, byte: u8) {
            let mut bytes = rows(&[r#"{"id":"a","m":{"b":[1,2]}}"#]).bytes().to_vec();
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
            if let Some(rows) = Rows::from_bytes(bytes) {
                for row in rows.iter() {
                    let _ = (row.id(), row.body(), row.timestamp());
                }
            }
        }
    }
}
