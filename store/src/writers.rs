//! Group commit: requests wait in a queue per source, and whoever writes takes all that wait.
//!
//! A few writers at most are at work, each with a connection. While all of them are busy requests
//! gather, and the next writer stores them together: one transaction, one fsync.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{runtime::Handle, sync::oneshot};
use uuid::Uuid;

use crate::{
    ContentHash,
    event_store::{self, AppendError},
    measures,
    request::{Appended, Request},
    store::Inner,
};

/// Bytes after which a group is closed. Larger ones are no faster, and hold their senders up.
const GROUP_BYTES: usize = 4 << 20;

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
}

/// A request until a writer takes it, or it is withdrawn.
type Slot = Arc<Mutex<Option<Arc<Request>>>>;

fn take(slot: &Slot) -> Option<Arc<Request>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[derive(Debug)]
struct Waiting {
    slot: Slot,
    content: Option<ContentHash>,
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
        let (source, content) = (request.source, request.content);
        let bytes = request.batch.size();
        let slot: Slot = Arc::new(Mutex::new(Some(request)));
        let most = inner.settings.ingest_connections.max(1);
        let mut queues = inner.writers.queues();
        let queue = queues.waiting.entry(source).or_default();
        queue.push_back(Waiting { slot: Arc::clone(&slot), content, bytes, tell });
        if queue.len() == 1 {
            queues.order.push_back(source);
        }
        if queues.at_work < most {
            queues.at_work += 1;
            tokio::spawn(work(Place(Some(Arc::clone(inner)))));
        }
        Queued { slot, outcome }
    }

    /// Requests that no writer has taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.queues().waiting.values().map(VecDeque::len).sum()
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    /// The next group to write. Without one the writer that asks ends.
    fn next_group(&mut self) -> Option<Vec<Taken>> {
        while let Some(source) = self.order.pop_front() {
            let Some(queue) = self.waiting.get_mut(&source) else { continue };
            let group = group_of(queue);
            if queue.is_empty() {
                self.waiting.remove(&source);
            } else {
                self.order.push_back(source);
            }
            if !group.is_empty() {
                return Some(group);
            }
        }
        self.at_work = self.at_work.saturating_sub(1);
        None
    }
}

/// Takes a group from the front of a queue. Equal contents never share a group: one of them may be
/// the other, sent again.
fn group_of(queue: &mut VecDeque<Waiting>) -> Vec<Taken> {
    let mut group = Vec::new();
    let mut contents = HashSet::new();
    let mut bytes = 0;
    while let Some(next) = queue.front() {
        let content = next.content;
        if content.is_some_and(|content| contents.contains(&content)) {
            break;
        }
        bytes += next.bytes;
        if !group.is_empty() && bytes > GROUP_BYTES {
            break;
        }
        contents.extend(content);
        if let Some(Waiting { slot, tell, .. }) = queue.pop_front()
            && let Some(request) = take(&slot)
        {
            group.push(Taken { request, tell });
        }
    }
    group
}

/// The place of a writer at work; `None` once it was given up in order.
struct Place(Option<Arc<Inner>>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some(inner) = self.0.take() else { return };
        match Handle::try_current() {
            // Another one takes the place, so that what waits is written.
            Ok(runtime) if std::thread::panicking() => {
                runtime.spawn(work(Self(Some(inner))));
            }
            _ => {
                let mut queues = inner.writers.queues();
                queues.at_work = queues.at_work.saturating_sub(1);
            }
        }
    }
}

/// Writes groups until nothing waits.
async fn work(mut place: Place) {
    let Some(inner) = place.0.clone() else { return };
    loop {
        let Some(group) = inner.writers.queues().next_group() else {
            // It is free already: nothing may come between that and finding nothing to do.
            place.0 = None;
            return;
        };
        let requests: Vec<&Request> = group.iter().map(|taken| &*taken.request).collect();
        let started = Instant::now();
        let written = event_store::write(&inner, &requests).await;
        let events = requests.iter().map(|request| request.batch.len()).sum();
        measures::group_written(events, started.elapsed());
        match written {
            Ok(appended) => {
                for (taken, appended) in group.into_iter().zip(appended) {
                    // A sender that has gone to the spool meanwhile does not listen.
                    let _ = taken.tell.send(Ok(appended));
                }
            }
            Err(error) => {
                for taken in group {
                    let _ = taken.tell.send(Err(error.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;

    fn waiting(content: Option<&[u8]>, bytes: usize) -> Waiting {
        let mut batch = Batch::default();
        batch.reject("x".repeat(bytes), Vec::new());
        let content = content.map(|content| ContentHash::of(&[content]));
        let bytes = batch.size();
        let (id, source) = (Uuid::new_v4(), Uuid::nil());
        let request = Request { id, source, content, may_come_again: true, batch };
        let (tell, _) = oneshot::channel();
        Waiting { slot: Arc::new(Mutex::new(Some(Arc::new(request)))), content, bytes, tell }
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
        let Waiting { slot, .. } = waiting(None, 1);
        let queued = Writers::queue(&inner, take(&slot).unwrap());
        let place = Place(Some(Arc::clone(&inner)));
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

    #[test]
    fn equal_contents_never_share_a_group() {
        let queue = [Some(&b"a"[..]), Some(b"b"), Some(b"a"), None, None, Some(b"a")];
        assert_eq!(
            sizes(queue.into_iter().map(|content| waiting(content, 1)).collect()),
            [2, 3, 1]
        );
    }

    #[test]
    fn groups_are_bounded_but_take_one_of_any_size() {
        let queue = [GROUP_BYTES * 2, 1, 1, GROUP_BYTES, 1];
        assert_eq!(
            sizes(queue.into_iter().map(|bytes| waiting(None, bytes)).collect()),
            [1, 2, 1, 1]
        );
    }

    #[test]
    fn withdrawn_requests_are_passed_over() {
        let queue: VecDeque<_> = (0..3).map(|_| waiting(None, 1)).collect();
        let withdrawn = take(&queue[1].slot).unwrap();
        assert_eq!(Arc::strong_count(&withdrawn), 1);
        assert_eq!(sizes(queue), [2]);
    }
}
