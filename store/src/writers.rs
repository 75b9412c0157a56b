//! Group commit: requests wait in a queue per source, and whoever writes takes all that wait.
//!
//! A few writers at most are at work, each with a connection. While all of them are busy requests
//! gather, and the next writer stores them together: one transaction, one fsync.
//!
//! No source gets all writers: a table that takes no events now, such as one that somebody has
//! locked, would hold up the others.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot};
use uuid::Uuid;

use crate::{
    event_store::{self, AppendError},
    measures,
    request::{Appended, Request},
    store::Inner,
};

/// Bytes after which a group is closed. Larger ones are no faster, and hold their senders up.
const GROUP_BYTES: usize = 4 << 20;

/// Time after which a writer that is still at its group counts as late. Its source gets no further
/// one until it is done.
const LATE: Duration = Duration::from_secs(1);

/// Requests waiting to be written.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    waiting: HashMap<Uuid, VecDeque<Waiting>>,
    /// Sources with waiting requests, the one that waits longest first.
    order: VecDeque<Uuid>,
    /// Writers at work.
    at_work: u32,
    /// Sources with writers at work, or with a last group that failed.
    sources: HashMap<Uuid, SourceWriters>,
}

/// The writers of one source.
#[derive(Debug, Default)]
struct SourceWriters {
    /// When those at work have begun.
    begun: Vec<Instant>,
    /// Whether the last group failed.
    failed: bool,
}

impl SourceWriters {
    fn are_late(&self, now: Instant) -> bool {
        self.begun.iter().any(|begun| now.duration_since(*begun) >= LATE)
    }

    /// Whether one more may be at work, out of `most` for all sources.
    fn have_room(&self, most: u32, now: Instant) -> bool {
        let most =
            if self.failed || self.are_late(now) { 1 } else { most.saturating_sub(1).max(1) };
        self.begun.len() < most as usize
    }
}

/// Requests of one source that a writer writes together.
#[derive(Debug)]
struct Group {
    source: Uuid,
    begun: Instant,
    taken: Vec<Taken>,
}

/// A request until a writer takes it, or it is withdrawn.
type Slot = Arc<Mutex<Option<Arc<Request>>>>;

fn take(slot: &Slot) -> Option<Arc<Request>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[derive(Debug)]
struct Waiting {
    slot: Slot,
    request: Uuid,
    events: usize,
    /// About how much memory its batch takes.
    bytes: usize,
    tell: oneshot::Sender<Result<Appended, AppendError>>,
}

/// A request that a writer has taken.
#[derive(Debug)]
struct Taken {
    request: Arc<Request>,
    tell: oneshot::Sender<Result<Appended, AppendError>>,
}

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct Queued {
    slot: Slot,
    pub(crate) outcome: oneshot::Receiver<Result<Appended, AppendError>>,
}

impl Queued {
    /// Leaves the queue, where no writer has taken the request yet. Its memory is free at once,
    /// however long the writers are busy.
    pub(crate) fn withdraw(&self) {
        drop(take(&self.slot));
    }
}

impl Writers {
    /// Queues a request, and puts one more writer to work if there may be one.
    pub(crate) fn queue(inner: &Arc<Inner>, request: Arc<Request>) -> Queued {
        let (tell, outcome) = oneshot::channel();
        let (source, id) = (request.source, request.id);
        let (events, bytes) = (request.batch.len(), request.batch.size());
        let slot: Slot = Arc::new(Mutex::new(Some(request)));
        let mut queues = inner.writers.queues();
        let queue = queues.waiting.entry(source).or_default();
        queue.push_back(Waiting { slot: Arc::clone(&slot), request: id, events, bytes, tell });
        if queue.len() == 1 {
            queues.order.push_back(source);
        }
        Self::put_to_work(inner, &mut queues);
        Queued { slot, outcome }
    }

    /// Puts one more writer to work if there may be one.
    fn put_to_work(inner: &Arc<Inner>, queues: &mut Queues) {
        if queues.at_work < most(inner) {
            queues.at_work += 1;
            tokio::spawn(work(Place { inner: Some(Arc::clone(inner)), writes: None }));
        }
    }

    /// The next group for a writer. Another writer is put to work for what the source of the one
    /// before may have been kept waiting.
    fn next_group(inner: &Arc<Inner>) -> Option<Group> {
        let mut queues = inner.writers.queues();
        let now = Instant::now();
        let group = queues.next_group(most(inner), now)?;
        if queues.next_source(most(inner), now).is_some() {
            Self::put_to_work(inner, &mut queues);
        }
        Some(group)
    }

    /// Requests that no writer has taken yet, by source.
    pub(crate) fn waiting(&self) -> Vec<(Uuid, usize)> {
        self.queues().waiting.iter().map(|(source, queue)| (*source, queue.len())).collect()
    }

    /// Events that no writer has taken yet, by source.
    pub(crate) fn waiting_events(&self) -> HashMap<Uuid, usize> {
        let queues = self.queues();
        let waiting = queues.waiting.iter();
        waiting.map(|(source, queue)| (*source, queue.iter().map(|one| one.events).sum())).collect()
    }

    /// Whether a source's last group failed, or its writers are late.
    pub(crate) fn are_troubled_by(&self, source: Uuid) -> bool {
        let now = Instant::now();
        let queues = self.queues();
        let writers = queues.sources.get(&source);
        writers.is_some_and(|writers| writers.failed || writers.are_late(now))
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most writers at work.
fn most(inner: &Inner) -> u32 {
    inner.settings.ingest_connections.max(1)
}

impl Queues {
    /// The place in the order of the source that waits longest, of those that may have one more
    /// writer.
    fn next_source(&self, most: u32, now: Instant) -> Option<usize> {
        self.order.iter().position(|source| {
            self.sources.get(source).is_none_or(|writers| writers.have_room(most, now))
        })
    }

    /// The next group to write. Without one the writer that asks ends.
    fn next_group(&mut self, most: u32, now: Instant) -> Option<Group> {
        while let Some(place) = self.next_source(most, now) {
            let Some(source) = self.order.remove(place) else { break };
            let Some(queue) = self.waiting.get_mut(&source) else { continue };
            let taken = group_of(queue);
            if queue.is_empty() {
                self.waiting.remove(&source);
            } else {
                self.order.push_back(source);
            }
            if !taken.is_empty() {
                self.sources.entry(source).or_default().begun.push(now);
                return Some(Group { source, begun: now, taken });
            }
        }
        self.at_work = self.at_work.saturating_sub(1);
        None
    }

    /// A group is written, or was not.
    fn ended(&mut self, source: Uuid, begun: Instant, failed: bool) {
        let Some(writers) = self.sources.get_mut(&source) else { return };
        if let Some(place) = writers.begun.iter().position(|of_writer| *of_writer == begun) {
            writers.begun.swap_remove(place);
        }
        writers.failed = failed;
        if writers.begun.is_empty() && !failed {
            self.sources.remove(&source);
        }
    }
}

/// Takes a group from the front of a queue. No request is in a group twice.
fn group_of(queue: &mut VecDeque<Waiting>) -> Vec<Taken> {
    let mut group = Vec::new();
    let mut requests = HashSet::new();
    let mut bytes = 0;
    while let Some(next) = queue.front() {
        let request = next.request;
        if requests.contains(&request) {
            break;
        }
        bytes += next.bytes;
        if !group.is_empty() && bytes > GROUP_BYTES {
            break;
        }
        requests.insert(request);
        if let Some(Waiting { slot, tell, .. }) = queue.pop_front()
            && let Some(request) = take(&slot)
        {
            group.push(Taken { request, tell });
        }
    }
    group
}

/// The place of a writer at work.
struct Place {
    /// `None` once it was given up in order.
    inner: Option<Arc<Inner>>,
    /// The source of the group that is being written, and since when.
    writes: Option<(Uuid, Instant)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let mut queues = inner.writers.queues();
        if let Some((source, begun)) = self.writes {
            queues.ended(source, begun, true);
        }
        match Handle::try_current() {
            // Another one takes the place, so that what waits is written.
            Ok(runtime) if std::thread::panicking() => {
                drop(queues);
                runtime.spawn(work(Self { inner: Some(inner), writes: None }));
            }
            _ => queues.at_work = queues.at_work.saturating_sub(1),
        }
    }
}

/// Writes groups until nothing waits that it may write.
async fn work(mut place: Place) {
    let Some(inner) = place.inner.clone() else { return };
    loop {
        let Some(Group { source, begun, taken }) = Writers::next_group(&inner) else {
            // It is free already: nothing may come between that and finding nothing to do.
            place.inner = None;
            return;
        };
        place.writes = Some((source, begun));
        let requests: Vec<&Request> = taken.iter().map(|taken| &*taken.request).collect();
        let written = event_store::write(&inner, &requests, false).await;
        place.writes = None;
        let are_written = written.as_ref().is_ok_and(|outcomes| outcomes.iter().all(Result::is_ok));
        inner.writers.queues().ended(source, begun, !are_written);
        let events = requests.iter().map(|request| request.batch.len()).sum();
        measures::group_written(inner.name_of_source(source), events, begun.elapsed());
        let outcomes: Vec<_> = match written {
            Ok(outcomes) => outcomes,
            Err(error) => taken.iter().map(|_| Err(error.clone())).collect(),
        };
        for (Taken { request, tell }, outcome) in taken.into_iter().zip(outcomes) {
            // Who has gone to the spool meanwhile does not listen. Had that failed too, there may
            // be a row now that nobody knows of.
            if tell.send(outcome).is_err()
                && let Some(content) = request.content
            {
                inner.receipts.note_late_write(content, request.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;

    fn waiting(request: Uuid, bytes: usize) -> Waiting {
        let mut batch = Batch::default();
        batch.reject("x".repeat(bytes), Vec::new());
        let bytes = batch.size();
        let whole = Request {
            id: request,
            source: Uuid::nil(),
            content: None,
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch,
        };
        let (tell, _) = oneshot::channel();
        let slot = Arc::new(Mutex::new(Some(Arc::new(whole))));
        Waiting { slot, request, events: 1, bytes, tell }
    }

    fn sizes(mut queue: VecDeque<Waiting>) -> Vec<usize> {
        let mut sizes = Vec::new();
        while !queue.is_empty() {
            sizes.push(group_of(&mut queue).len());
        }
        sizes
    }

    #[tokio::test]
    async fn a_writer_that_panics_is_replaced() {
        let inner = crate::store::tests::store().inner;
        assert_eq!(inner.settings.ingest_connections, 1);
        inner.writers.queues().at_work = 1;
        let Waiting { slot, .. } = waiting(Uuid::new_v4(), 1);
        let queued = Writers::queue(&inner, take(&slot).unwrap());
        let place = Place { inner: Some(Arc::clone(&inner)), writes: None };
        let panics = tokio::spawn(async move {
            let _place = place;
            panic!("on purpose");
        });
        assert!(panics.await.unwrap_err().is_panic());
        // The store is not ready, but somebody has tried.
        assert!(matches!(queued.outcome.await, Ok(Err(AppendError::Unavailable(_)))));
        while inner.writers.queues().at_work > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Queues with as many requests of each source as said.
    fn queues(of_sources: &[(u128, usize)]) -> Queues {
        let mut queues = Queues::default();
        for &(source, requests) in of_sources {
            let source = Uuid::from_u128(source);
            // Groups of one.
            let requests = (0..requests).map(|_| waiting(Uuid::nil(), 1));
            queues.waiting.insert(source, requests.collect());
            queues.order.push_back(source);
        }
        queues
    }

    #[test]
    fn no_source_gets_all_writers() {
        let now = Instant::now();
        for (most, of_first) in [(4, 3), (3, 2), (2, 1)] {
            let mut queues = queues(&[(1, 9)]);
            let next = |queues: &mut Queues| queues.next_group(most, now);
            for _ in 0..of_first {
                assert!(next(&mut queues).is_some());
            }
            assert!(next(&mut queues).is_none(), "{most}");
            let other = Uuid::from_u128(2);
            queues.waiting.insert(other, [waiting(Uuid::new_v4(), 1)].into());
            queues.order.push_back(other);
            assert_eq!(next(&mut queues).unwrap().source, other);
        }
        // The only one writes for all.
        let mut queues = queues(&[(1, 1), (2, 1)]);
        assert!(queues.next_group(1, now).is_some() && queues.next_group(1, now).is_some());
    }

    #[test]
    fn a_source_that_fails_or_is_late_gets_one_writer() {
        let now = Instant::now();
        let mut queues = queues(&[(1, 9)]);
        let first = queues.next_group(4, now).unwrap();
        assert!(queues.next_group(4, now + LATE).is_none());
        queues.ended(first.source, first.begun, true);
        let later = queues.next_group(4, now).unwrap();
        assert!(queues.next_group(4, now).is_none());
        queues.ended(later.source, later.begun, false);
        assert!(queues.sources.is_empty());
        assert!(queues.next_group(4, now).is_some() && queues.next_group(4, now).is_some());
    }

    #[test]
    fn no_request_is_in_a_group_twice() {
        let queue = [1, 2, 1, 3, 4, 1].map(Uuid::from_u128);
        assert_eq!(
            sizes(queue.into_iter().map(|request| waiting(request, 1)).collect()),
            [2, 3, 1]
        );
    }

    #[test]
    fn groups_are_bounded_but_take_one_of_any_size() {
        let queue = [GROUP_BYTES * 2, 1, 1, GROUP_BYTES, 1];
        assert_eq!(
            sizes(queue.into_iter().map(|bytes| waiting(Uuid::new_v4(), bytes)).collect()),
            [1, 2, 1, 1]
        );
    }

    #[test]
    fn withdrawn_requests_are_passed_over() {
        let queue: VecDeque<_> = (0..3).map(|_| waiting(Uuid::new_v4(), 1)).collect();
        let withdrawn = take(&queue[1].slot).unwrap();
        assert_eq!(Arc::strong_count(&withdrawn), 1);
        assert_eq!(sizes(queue), [2]);
    }
}
