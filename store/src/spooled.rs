//! A request as bytes on the spool.

use std::time::{SystemTime, UNIX_EPOCH};

use event_schemas::Reason;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Batch, ContentHash, day::Day, rejected_events::RejectedEvent, request::Request, rows::Rows,
};

/// The first byte. A program that finds another one was not made to read it.
const VERSION: u8 = 1;

/// All that is not rows.
#[derive(Serialize, Deserialize)]
struct Head {
    request: Uuid,
    source: Uuid,
    content: Option<[u8; 32]>,
    own_ids: Vec<usize>,
    rejected: Vec<Rejected>,
    /// Whether it was moved to the end, and may be at its old place too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    moved: bool,
    /// When it went on the spool, in ms since 1970. Records of before do not say. It is no other
    /// version of the format: programs of before read it and do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Rejected {
    id: Uuid,
    event: String,
    /// Path and text of each.
    reasons: Vec<(String, String)>,
}

/// Version, length of the head (u32, little-endian), head (JSON), rows (as COPY carries them).
pub(crate) fn encode(request: &Request) -> Vec<u8> {
    encode_as(request, false, Some(now()))
}

/// As [`encode`], for a request that may be on the spool already.
pub(crate) fn encode_again(request: &Request) -> Vec<u8> {
    encode_as(request, true, Some(now()))
}

/// As [`encode`], for a request that is on the spool already and is moved to its end.
pub(crate) fn encode_moved(request: &Request) -> Vec<u8> {
    encode_as(request, true, request.on_spool_since)
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn encode_as(request: &Request, moved: bool, since: Option<i64>) -> Vec<u8> {
    let Request { id, source, content, batch, .. } = request;
    let rejected = batch.rejected.iter().map(|RejectedEvent { id, event, reasons }| {
        let reasons = reasons.iter().map(|Reason { path, text }| (path.clone(), text.clone()));
        Rejected { id: *id, event: event.clone(), reasons: reasons.collect() }
    });
    let head = Head {
        request: *id,
        source: *source,
        content: content.map(|hash| *hash.as_bytes()),
        own_ids: batch.own_ids.clone(),
        rejected: rejected.collect(),
        moved,
        since,
    };
    // Strings and numbers always become JSON.
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let mut bytes = Vec::with_capacity(5 + head.len() + batch.rows.bytes().len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(batch.rows.bytes());
    bytes
}

/// Why bytes from the spool are no request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NotARequest {
    #[error("written by another version of Logweir (its format is {0})")]
    Version(u8),
    #[error("cannot be read")]
    Unreadable,
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Request, NotARequest> {
    let (version, rest) = bytes.split_first().ok_or(NotARequest::Unreadable)?;
    if *version != VERSION {
        return Err(NotARequest::Version(*version));
    }
    read(rest).ok_or(NotARequest::Unreadable)
}

/// What is known of a request without reading its rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) request: Uuid,
    pub(crate) source: Uuid,
    pub(crate) content: Option<ContentHash>,
    pub(crate) moved: bool,
    pub(crate) since: Option<i64>,
}

/// `None` for what is no request.
pub(crate) fn summary(bytes: &[u8]) -> Option<Summary> {
    let rest = bytes.strip_prefix(&[VERSION])?;
    let (Head { request, source, content, moved, since, .. }, _) = read_head(rest)?;
    let content = content.map(ContentHash::from_bytes);
    Some(Summary { request, source, content, moved, since })
}

fn read_head(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (head, rows) = rest.split_at_checked(u32::from_le_bytes(*length).try_into().ok()?)?;
    Some((serde_json::from_slice(head).ok()?, rows))
}

fn read(bytes: &[u8]) -> Option<Request> {
    let (head, rows) = read_head(bytes)?;
    let rows = Rows::from_bytes(rows.to_vec())?;
    let days = rows.iter().map(|row| Day::of(row.timestamp())).collect();
    let rejected = head.rejected.into_iter().map(|Rejected { id, event, reasons }| {
        let reasons = reasons.into_iter().map(|(path, text)| Reason { path, text }).collect();
        RejectedEvent { id, event, reasons }
    });
    Some(Request {
        id: head.request,
        source: head.source,
        content: head.content.map(ContentHash::from_bytes),
        may_come_again: true,
        of_former_life: false,
        on_spool_since: head.since,
        batch: Batch { rows, days, own_ids: head.own_ids, rejected: rejected.collect() },
    })
}

#[cfg(test)]
mod tests {
    use event_schemas::{Event, parse};
    use proptest::prelude::*;

    use super::*;

    fn request() -> Request {
        let mut batch = Batch::default();
        for event in [r#"{"id":"a","timestamp":1}"#, r#"{"m":"\u0000é"}"#] {
            batch.push(&Event::normalise(parse(event).unwrap(), 86_400_000_001).unwrap());
        }
        let reason = Reason { path: "a".to_owned(), text: "no".to_owned() };
        batch.reject("nonsense".to_owned(), vec![reason]);
        let content = Some(ContentHash::of(&[b"x"]));
        Request {
            id: Uuid::new_v4(),
            source: Uuid::new_v4(),
            content,
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch,
        }
    }

    #[test]
    fn a_request_is_read_back() {
        let mut request = request();
        for (moved, since) in [(false, Some(5)), (true, Some(6)), (true, None)] {
            let bytes = encode_as(&request, moved, since);
            let Request { id, source, content, .. } = request;
            let expected = Summary { request: id, source, content, moved, since };
            assert_eq!(summary(&bytes), Some(expected));
            request.on_spool_since = since;
            assert_eq!(decode(&bytes).as_ref(), Ok(&request));
            // It has waited since then wherever it is moved to.
            assert_eq!(summary(&encode_moved(&request)).unwrap().since, since);
        }
        let begun = now();
        assert!(summary(&encode(&request)).unwrap().since.is_some_and(|since| since >= begun));
        assert_eq!(summary(&[9, 0]), None);
        assert_eq!(decode(&[9, 0]), Err(NotARequest::Version(9)));
        assert_eq!(decode(&[]), Err(NotARequest::Unreadable));
    }

    /// As it was written before records said since when they wait.
    #[test]
    fn a_record_of_before_is_read() {
        let head = br#"{"request":"00000000-0000-0000-0000-000000000001","source":"00000000-0000-0000-0000-000000000002","content":null,"own_ids":[],"rejected":[{"id":"00000000-0000-0000-0000-000000000003","event":"e","reasons":[["p","t"]]}]}"#;
        let bytes = [&[1, u8::try_from(head.len()).unwrap(), 0, 0, 0], &head[..]].concat();
        let [request, source] = [1, 2].map(Uuid::from_u128);
        let expected = Summary { request, source, content: None, moved: false, since: None };
        assert_eq!(summary(&bytes), Some(expected));
        let decoded = decode(&bytes).unwrap();
        assert_eq!((decoded.id, decoded.on_spool_since), (request, None));
        assert_eq!(decoded.batch.rejected[0].event, "e");
    }

    proptest! {
        #[test]
        fn never_panics(at in 0..400_usize, byte: u8, length in 0..400_usize) {
            let mut bytes = encode(&request());
            bytes.truncate(length);
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
            let _ = decode(&bytes);
        }
    }
}
