//! Puts requests on the spool, each by a deadline.
//!
//! A disk that hangs must not hold senders up for longer than they wait. So who waits for it gives up
//! in the end, and until the disk goes on nobody waits at all. What it keeps after all is the same
//! request when it is sent again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use spool::{Position, Spool};
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::{request::Request, spooled, store::Inner};

/// Bytes of a batch from which on it is encoded elsewhere.
const LARGE: usize = 1 << 20;

/// Records that the disk has not confirmed, and nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct Overdue(AtomicUsize);

/// Why a request is not on the spool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotKept {
    pub(crate) reason: String,
    /// Whether it may come there all the same.
    pub(crate) may_come: bool,
}

impl NotKept {
    fn late(may_come: bool) -> Self {
        Self { reason: "its disk does not confirm what is written".to_owned(), may_come }
    }
}

/// Puts a request on the spool; returns when it is durable. `again` when it may be there already.
pub(crate) async fn keep(
    inner: &Arc<Inner>,
    spool: &Spool,
    request: &Arc<Request>,
    again: bool,
    deadline: Instant,
) -> Result<(), NotKept> {
    if inner.overdue.0.load(Ordering::Relaxed) > 0 {
        return Err(NotKept::late(false));
    }
    let encoded = encoded(request, again).await;
    let Ok(begun) = timeout_at(deadline.into(), spool.begin_append(encoded)).await else {
        return Err(NotKept::late(false));
    };
    let (source, request) = (request.source, request.id);
    let record =
        Appended { inner: Arc::clone(inner), spool: spool.clone(), source, request, again };
    match begun {
        Ok(appending) => record.confirmed(appending, deadline).await,
        Err(error) => Err(record.refused(&error)),
    }
}

/// A request as the spool keeps it; a large one is not copied on a thread that waits for sockets.
async fn encoded(request: &Arc<Request>, again: bool) -> Vec<u8> {
    let encode = if again { spooled::encode_again } else { spooled::encode };
    if request.batch.size() <= LARGE {
        return encode(request);
    }
    let (encoded, of) = (Arc::clone(request), Arc::clone(request));
    let encoded = tokio::task::spawn_blocking(move || encode(&encoded));
    encoded.await.unwrap_or_else(|_| encode(&of))
}

/// A request that was given to the spool.
struct Appended {
    inner: Arc<Inner>,
    spool: Spool,
    source: Uuid,
    request: Uuid,
    again: bool,
}

impl Appended {
    /// Waits until the disk has it. What takes longer goes on alone.
    async fn confirmed(
        self,
        appending: impl Future<Output = Result<Position, spool::AppendError>> + Send + Unpin + 'static,
        deadline: Instant,
    ) -> Result<(), NotKept> {
        let mut appending = appending;
        match timeout_at(deadline.into(), &mut appending).await {
            Ok(Ok(position)) => {
                self.note(position);
                Ok(())
            }
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => {
                self.inner.overdue.0.fetch_add(1, Ordering::Relaxed);
                self.inner.receipts.expect_on_spool(self.request);
                tokio::spawn(async move {
                    let appended = appending.await;
                    match &appended {
                        Ok(position) => self.note(*position),
                        // It is expected once more before it no longer is.
                        Err(error) => _ = self.refused(error),
                    }
                    self.inner.receipts.expect_no_more(self.request, appended.is_ok());
                    self.inner.overdue.0.fetch_sub(1, Ordering::Relaxed);
                });
                Err(NotKept::late(true))
            }
        }
    }

    fn note(&self, position: Position) {
        self.inner.on_spool.note_appended(self.source, position);
        if self.again {
            self.inner.on_spool.note_again(self.request, position);
        }
    }

    /// Why it is not kept. Where a crash may bring it all the same, its row stays until none can.
    fn refused(&self, error: &spool::AppendError) -> NotKept {
        let spool::AppendError::InDoubt { position, .. } = error else {
            return NotKept { reason: error.to_string(), may_come: false };
        };
        self.inner.receipts.expect_on_spool(self.request);
        let settled = self.spool.doubt_settled(*position);
        let (inner, request) = (Arc::downgrade(&self.inner), self.request);
        tokio::spawn(async move {
            if settled.await
                && let Some(inner) = inner.upgrade()
            {
                inner.receipts.expect_no_more(request, false);
            }
        });
        NotKept { reason: error.to_string(), may_come: true }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::{Batch, store::tests::store_with};

    fn record(inner: &Arc<Inner>, again: bool) -> Appended {
        let (inner, spool) = (Arc::clone(inner), inner.spool.clone().unwrap());
        let (source, request) = (Uuid::from_u128(1), Uuid::from_u128(2));
        Appended { inner, spool, source, request, again }
    }

    /// It answers in time, nobody waits for it twice, and the row stays until what came is drained.
    #[tokio::test]
    async fn a_disk_that_hangs_is_waited_for_until_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let inner = store_with(Some(spool.clone())).inner;
        let position = spool.append(vec![1]).await.unwrap();
        let (disk, confirmed) = oneshot::channel();
        let appending = Box::pin(async move { confirmed.await.unwrap() });
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(100);
        let kept = record(&inner, false).confirmed(appending, deadline).await;
        assert_eq!(kept, Err(NotKept::late(true)));
        assert!(begun.elapsed() >= Duration::from_millis(100));
        let request = Uuid::from_u128(2);
        let other = Arc::new(Request {
            id: Uuid::from_u128(3),
            source: Uuid::nil(),
            content: None,
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch: Batch::default(),
        });
        let far = Instant::now() + Duration::from_secs(3600);
        assert_eq!(keep(&inner, &spool, &other, false, far).await, Err(NotKept::late(false)));
        inner.receipts.note_needless(request);
        assert!(inner.receipts.take_needless().is_empty());
        disk.send(Ok(position)).unwrap();
        while inner.overdue.0.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        assert!(inner.on_spool.holds(Uuid::from_u128(1)));
        assert!(inner.receipts.take_needless().is_empty());
        inner.receipts.note_off_spool(request);
        assert_eq!(inner.receipts.take_needless(), [request]);
        assert_eq!(keep(&inner, &spool, &other, false, far).await, Ok(()));
    }

    #[tokio::test]
    async fn what_is_appended_again_counts_at_its_last_place() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let inner = store_with(Some(spool.clone())).inner;
        let (source, request) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let far = Instant::now() + Duration::from_secs(3600);
        let mut positions = Vec::new();
        for again in [false, true] {
            let position = spool.append(vec![1]).await.unwrap();
            let appending = Box::pin(std::future::ready(Ok(position)));
            record(&inner, again).confirmed(appending, far).await.unwrap();
            positions.push(position);
        }
        let comes_again = positions.iter().map(|position| {
            let record = crate::on_spool::Record { position: *position, source, request };
            inner.on_spool.comes_again(record)
        });
        assert!(comes_again.eq([true, false]));
    }

    /// A row that went too early would let what a crash brings be stored twice.
    #[tokio::test]
    async fn the_row_of_what_is_in_doubt_stays_until_it_cannot_come() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let inner = store_with(Some(spool.clone())).inner;
        let position = spool.append(vec![1]).await.unwrap();
        let error = spool::AppendError::InDoubt { reason: "r".to_owned(), position };
        // Its doubt is settled: there is none of this place.
        assert!(record(&inner, false).refused(&error).may_come);
        let request = Uuid::from_u128(2);
        inner.receipts.note_needless(request);
        assert!(inner.receipts.take_needless().is_empty());
        let mut needless = Vec::new();
        while needless.is_empty() {
            tokio::task::yield_now().await;
            needless = inner.receipts.take_needless();
        }
        assert_eq!(needless, [request]);
        let full = spool::AppendError::Full { max_bytes: 1 };
        assert!(!record(&inner, false).refused(&full).may_come);
    }
}
