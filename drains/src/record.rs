//! What one request brings to one drain, as a record of its spool.

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// The first byte. A program that finds another one was not made to read it, and leaves it to one
/// that was.
const VERSION: u8 = 1;

/// What one request brings to one drain: events of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies {
    /// A body and a line end for each.
    lines: Vec<u8>,
    events: usize,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    /// Name of the source.
    source: std::borrow::Cow<'a, str>,
    events: usize,
    /// When it was put, microseconds since 1970.
    at: i64,
}

/// A record whose head was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    source: String,
    lines: &'a str,
    pub(crate) at: i64,
}

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Another program, which is likely newer, has put it in this version of its own.
    OfVersion(u8),
    /// It is no record.
    Damaged,
}

impl Copies {
    /// Adds an event's body: JSON in one line.
    pub fn push(&mut self, body: &[u8]) {
        self.lines.extend_from_slice(body);
        self.lines.push(b'\n');
        self.events += 1;
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.events
    }

    /// Bytes of all bodies.
    pub fn size(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Version, length of the head (u32, little-endian), head (JSON), lines.
    pub(crate) fn into_record(self, source: &str, at: i64) -> Vec<u8> {
        let head = Head { source: source.into(), events: self.events, at };
        // Strings and numbers always become JSON.
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let mut bytes = Vec::with_capacity(5 + head.len() + self.lines.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.lines);
        bytes
    }
}

/// Reads a record.
pub(crate) fn open(bytes: &[u8]) -> Result<Opened<'_>, Unreadable> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => opened(rest).ok_or(Unreadable::Damaged),
        Some((version, _)) => Err(Unreadable::OfVersion(*version)),
        None => Err(Unreadable::Damaged),
    }
}

fn opened(bytes: &[u8]) -> Option<Opened<'_>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (head, lines) = rest.split_at_checked(u32::from_le_bytes(*length).try_into().ok()?)?;
    let Head { source, at, .. } = serde_json::from_slice(head).ok()?;
    let lines = std::str::from_utf8(lines).ok()?;
    Some(Opened { source: source.into_owned(), lines, at })
}

impl Opened<'_> {
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.lines.lines().map(|body| Event { source: &self.source, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back() {
        let mut copies = Copies::default();
        assert!(copies.is_empty());
        copies.push(br#"{"id":"a"}"#);
        copies.push("{\"id\":\"é\u{85}\u{2028}\"}".as_bytes());
        assert_eq!(copies.len(), 2);
        let bytes = copies.into_record("a \"source\"", 7);
        let opened = open(&bytes).unwrap();
        assert_eq!(opened.at, 7);
        let bodies: Vec<_> = opened.events().map(|event| event.body).collect();
        assert_eq!(bodies, [r#"{"id":"a"}"#, "{\"id\":\"é\u{85}\u{2028}\"}"]);
        assert!(opened.events().all(|event| event.source == "a \"source\""));
        for length in 0..30 {
            assert_eq!(open(&bytes[..length]), Err(Unreadable::Damaged), "{length}");
        }
        assert_eq!(open(b"\x02"), Err(Unreadable::OfVersion(2)));
    }
}
