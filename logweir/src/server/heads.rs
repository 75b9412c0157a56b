//! Heads of HTTP/1 that are on their way: how long one may take, and how many may be large.
//!
//! hyper keeps what has come of a head until it is whole, for anybody, with a token or not, and the
//! memory for it until the connection ends.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// What comes of a head before it counts as large, in bytes. No more is read at a time either.
pub(super) const SMALL: usize = 8 << 10;

/// Connections that may have had a large head, at a time. Each takes twice as much as hyper takes of
/// a head, at most.
const MOST_LARGE: usize = 128;

/// The limits of all heads of a server. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct HeadLimits {
    within: Duration,
    large: Arc<Semaphore>,
}

impl HeadLimits {
    /// A head has to be whole so long after its first byte came.
    pub(super) fn new(within: Duration) -> Self {
        Self { within, large: Arc::new(Semaphore::new(MOST_LARGE)) }
    }
}

/// How far a head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Coming {
    /// Grows from each head of a connection to the next.
    pub(super) number: u64,
    /// Bytes that have come of it.
    pub(super) bytes: usize,
}

type Acquiring = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// The heads of one connection.
pub(super) struct Heads {
    limits: HeadLimits,
    /// The end of the time for the head of this number.
    deadline: Option<(u64, Pin<Box<Sleep>>)>,
    /// Its place among those that have had a large head.
    place: Option<OwnedSemaphorePermit>,
    waiting: Option<Acquiring>,
}

impl Heads {
    pub(super) fn new(limits: HeadLimits) -> Self {
        Self { limits, deadline: None, place: None, waiting: None }
    }

    /// Waits until more of a head may be read; `None` when what comes next is none.
    ///
    /// A connection with a large head behind it has only as much time until the next one is whole:
    /// others wait for its place.
    ///
    /// # Errors
    /// When the head is late.
    pub(super) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        coming: Option<Coming>,
    ) -> Poll<io::Result<()>> {
        let Some(Coming { number, bytes }) =
            coming.filter(|coming| coming.bytes > 0 || self.place.is_some())
        else {
            self.deadline = None;
            return Poll::Ready(Ok(()));
        };
        let (of, deadline) =
            self.deadline.get_or_insert_with(|| (number, Box::pin(sleep(self.limits.within))));
        if *of != number {
            (*of, *deadline) = (number, Box::pin(sleep(self.limits.within)));
        }
        if deadline.as_mut().poll(cx).is_ready() {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the head does not come");
            return Poll::Ready(Err(late));
        }
        if bytes >= SMALL && self.place.is_none() {
            let large = &self.limits.large;
            let waiting =
                self.waiting.get_or_insert_with(|| Box::pin(Arc::clone(large).acquire_owned()));
            // The semaphore is never closed.
            self.place = ready!(waiting.as_mut().poll(cx)).ok();
            self.waiting = None;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Waker};

    use tokio::time::advance;

    use super::*;

    fn look(heads: &mut Heads, coming: Option<Coming>) -> Poll<io::Result<()>> {
        heads.poll_more(&mut Context::from_waker(Waker::noop()), coming)
    }

    fn may_come(heads: &mut Heads, number: u64, bytes: usize) -> bool {
        matches!(look(heads, Some(Coming { number, bytes })), Poll::Ready(Ok(())))
    }

    fn is_late(heads: &mut Heads, number: u64, bytes: usize) -> bool {
        matches!(look(heads, Some(Coming { number, bytes })), Poll::Ready(Err(_)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_its_first_byte_on() {
        let within = Duration::from_secs(15);
        let mut heads = Heads::new(HeadLimits::new(within));
        // A connection may be idle, or busy.
        for coming in [Some(Coming { number: 0, bytes: 0 }), None] {
            assert!(look(&mut heads, coming).is_ready());
            advance(within * 2).await;
            assert!(matches!(look(&mut heads, coming), Poll::Ready(Ok(()))));
        }
        for number in [1, 2] {
            assert!(may_come(&mut heads, number, 1));
            advance(within / 2).await;
            assert!(may_come(&mut heads, number, 5000));
            advance(within / 3).await;
            assert!(may_come(&mut heads, number, 5001));
        }
        advance(within / 3).await;
        assert!(is_late(&mut heads, 2, 5002));
    }

    #[tokio::test(start_paused = true)]
    async fn large_heads_are_few_at_a_time() {
        let within = Duration::from_secs(15);
        let limits = HeadLimits::new(within);
        let connection = || Heads::new(limits.clone());
        let mut large: Vec<_> = (0..MOST_LARGE).map(|_| connection()).collect();
        assert!(large.iter_mut().all(|heads| may_come(heads, 0, SMALL)));
        let (mut one_more, mut small) = (connection(), connection());
        assert!(may_come(&mut one_more, 0, SMALL - 1) && may_come(&mut small, 0, SMALL - 1));
        let coming = Some(Coming { number: 0, bytes: SMALL });
        assert!(look(&mut one_more, coming).is_pending());
        // The memory is theirs while they wait for the next request, which is not for long.
        advance(within - Duration::from_secs(1)).await;
        assert!(large.iter_mut().all(|heads| may_come(heads, 1, 0)));
        advance(within).await;
        assert!(large.iter_mut().all(|heads| is_late(heads, 1, 0)));
        let mut patient = connection();
        assert!(look(&mut patient, coming).is_pending());
        drop(large);
        poll_fn(|cx| patient.poll_more(cx, coming)).await.unwrap();
        assert!(is_late(&mut one_more, 0, SMALL));
    }
}
