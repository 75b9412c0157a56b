//! How events are put together for a receiver.

use std::time::Duration;

use spool::{Position, Spool, Taken};
use tokio::time::{Instant, timeout_at};

use crate::event::Event;

/// How events are put together for a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    /// Most events of a request.
    pub(crate) events: usize,
    /// Bytes of bodies after which a request is closed.
    pub(crate) bytes: usize,
    /// How long the first event waits for others.
    pub(crate) age: Duration,
    /// Whether each source's events come apart.
    pub(crate) by_source: bool,
}

impl Default for Batching {
    fn default() -> Self {
        Self { events: 1000, bytes: 1 << 20, age: Duration::from_secs(1), by_source: false }
    }
}

/// An event, and the record that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) event: Event<'a>,
    /// Its record, and its place in that.
    pub(crate) place: (Position, usize),
}

/// Takes more, until it fills a batch, or the first is old enough.
pub(crate) async fn fill(spool: &Spool, mut taken: Vec<Taken>, batching: Batching) -> Vec<Taken> {
    let deadline = Instant::now() + batching.age;
    loop {
        let bytes: usize = taken.iter().map(|taken| taken.bytes.len()).sum();
        if bytes >= batching.bytes {
            return taken;
        }
        // What was taken when the time is over stays taken: nothing is when a future is dropped.
        match timeout_at(deadline, spool.take(batching.bytes - bytes)).await {
            Ok(more) if !more.is_empty() => taken.extend(more),
            _ => return taken,
        }
    }
}

/// Cuts events into batches.
pub(crate) fn batches<'e, 'a>(
    items: &'e [Item<'a>],
    batching: Batching,
) -> impl Iterator<Item = &'e [Item<'a>]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let source = rest.first()?.event.source;
        let (mut count, mut bytes) = (0, 0);
        for Item { event, .. } in rest {
            bytes += event.body.len();
            let is_other = batching.by_source && event.source != source;
            if count > 0 && (count >= batching.events || bytes > batching.bytes || is_other) {
                break;
            }
            count += 1;
        }
        let batch;
        (batch, rest) = rest.split_at_checked(count)?;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_are_cut_into_batches() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(dir.path(), 1 << 20)).unwrap();
        let record = spool.append(vec![1]).await.unwrap();
        let item = |source, body| Item { event: Event { source, body }, place: (record, 0) };
        let items = [
            item("a", "12345"),
            item("a", "123"),
            item("b", "12"),
            item("b", "1234567890"),
            item("a", "1"),
        ];
        let usual = Batching { events: 9, bytes: 99, age: Duration::ZERO, by_source: false };
        for (batching, expected) in [
            (usual, &[5][..]),
            (Batching { events: 2, ..usual }, &[2, 2, 1]),
            (Batching { bytes: 8, ..usual }, &[2, 1, 1, 1]),
            (Batching { by_source: true, ..usual }, &[2, 2, 1]),
        ] {
            let sizes: Vec<_> = batches(&items, batching).map(<[_]>::len).collect();
            assert_eq!(sizes, expected, "{batching:?}");
        }
        assert_eq!(batches(&[], usual).count(), 0);
    }
}
