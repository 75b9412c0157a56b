//! Group commit: requests wait in a queue per source, and whoever writes takes all that wait.
//!
//! A few writers at most are at work, each with a connection. While all of them are busy requests
//! gather, and the next writer stores them together: one transaction, one fsync.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
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

#[derive(Debug)]
struct Waiting {
    request: Arc<Request>,
    /// Taken out of the queue, or left to the spool: whoever sets it first has it.
    taken: Arc<AtomicBool>,
    tell: oneshot::Sender<Result<Appended, AppendError>>,
}

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct Queued {
    taken: Arc<AtomicBool>,
    pub(crate) outcome: oneshot::Receiver<Result<Appended, AppendError>>,
}

impl Queued {
    /// Leaves the queue, where no writer has taken the request yet.
    pub(crate) fn withdraw(&self) {
        self.taken.store(true, Ordering::Release);
    }
}

impl Writers {
    /// Queues a request, and puts one more writer to work if there may be one.
    pub(crate) fn queue(inner: &Arc<Inner>, request: Arc<Request>) -> Queued {
        let (tell, outcome) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let source = request.source;
        let most = inner.settings.ingest_connections.max(1);
        let mut queues = inner.writers.queues();
        let queue = queues.waiting.entry(source).or_default();
        queue.push_back(Waiting { request, taken: Arc::clone(&taken), tell });
        if queue.len() == 1 {
            queues.order.push_back(source);
        }
        if queues.at_work < most {
            queues.at_work += 1;
            tokio::spawn(work(Arc::clone(inner)));
        }
        Queued { taken, outcome }
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
    fn next_group(&mut self) -> Option<Vec<Waiting>> {
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
fn group_of(queue: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut group = Vec::new();
    let mut contents = HashSet::new();
    let mut bytes = 0;
    while let Some(next) = queue.front() {
        let content = next.request.content;
        if content.is_some_and(|content| contents.contains(&content)) {
            break;
        }
        bytes += next.request.batch.size();
        if !group.is_empty() && bytes > GROUP_BYTES {
            break;
        }
        contents.extend(content);
        if let Some(next) = queue.pop_front()
            && !next.taken.swap(true, Ordering::AcqRel)
        {
            group.push(next);
        }
    }
    group
}

/// Writes groups until nothing waits.
async fn work(inner: Arc<Inner>) {
    loop {
        let Some(group) = inner.writers.queues().next_group() else { return };
        let requests: Vec<&Request> = group.iter().map(|waiting| &*waiting.request).collect();
        let started = Instant::now();
        let written = event_store::write(&inner, &requests).await;
        let events = requests.iter().map(|request| request.batch.len()).sum();
        measures::group_written(events, started.elapsed());
        match written {
            Ok(appended) => {
                for (waiting, appended) in group.into_iter().zip(appended) {
                    // A sender that has gone to the spool meanwhile does not listen.
                    let _ = waiting.tell.send(Ok(appended));
                }
            }
            Err(error) => {
                for waiting in group {
                    let _ = waiting.tell.send(Err(error.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, ContentHash};

    fn waiting(content: Option<&[u8]>, bytes: usize) -> Waiting {
        let mut batch = Batch::default();
        batch.reject("x".repeat(bytes), Vec::new());
        let content = content.map(|content| ContentHash::of(&[content]));
        let request = Request { id: Uuid::new_v4(), source: Uuid::nil(), content, batch };
        let (tell, _) = oneshot::channel();
        Waiting { request: Arc::new(request), taken: Arc::default(), tell }
    }

    fn sizes(mut queue: VecDeque<Waiting>) -> Vec<usize> {
        let mut sizes = Vec::new();
        while !queue.is_empty() {
            sizes.push(group_of(&mut queue).len());
        }
        sizes
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
        queue[1].taken.store(true, Ordering::Release);
        assert_eq!(sizes(queue), [2]);
    }
}
