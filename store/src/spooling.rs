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
    time::{Duration, Instant},
};

use spool::{Position, Spool};
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::{request::Request, spooled, store::Inner};

/// Bytes of a batch from which on it is encoded elsewhere.
const LARGE: usize = 1 << 20;

/// Least time for the disk: what is given to it later would come on the spool, and its sender be told
/// that it failed.
const LEAST: Duration = Duration::from_secs(1);

/// Time after which a disk that does not confirm a record hangs, however little of it the record's
/// sender waits.
const HANGS: Duration = Duration::from_secs(3);

/// Records that a disk that hangs has not confirmed, and nobody waits for.
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

    fn too_late() -> Self {
        Self { reason: "the request has waited too long before".to_owned(), may_come: false }
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
    if deadline.saturating_duration_since(Instant::now()) < LEAST {
        return Err(NotKept::too_late());
    }
    let (inner, spool) = (Arc::clone(inner), spool.clone());
    let record = Appended::begin(inner, spool, request.source, request.id, again);
    match timeout_at(deadline.into(), record.spool.begin_append(encoded)).await {
        Ok(Ok(appending)) => record.confirmed(appending, deadline).await,
        Ok(Err(error)) => record.ended(Err(error)),
        Err(_) => {
            record.expect_no_more(None);
            Err(NotKept::late(false))
        }
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

/// A request that is given to the spool.
struct Appended {
    inner: Arc<Inner>,
    spool: Spool,
    source: Uuid,
    request: Uuid,
    again: bool,
    /// Whether its row stays until it is known what comes of this.
    is_expected: bool,
}

impl Appended {
    fn begin(inner: Arc<Inner>, spool: Spool, source: Uuid, request: Uuid, again: bool) -> Self {
        let mut record = Self { inner, spool, source, request, again, is_expected: false };
        if again {
            // Before it is there: what is drained meanwhile may be the request's last record but it.
            record.expect();
        }
        record
    }

    /// Waits until the disk has it. What takes longer goes on alone.
    async fn confirmed(
        self,
        appending: impl Future<Output = Result<Position, spool::AppendError>> + Send + Unpin + 'static,
        deadline: Instant,
    ) -> Result<(), NotKept> {
        let mut appending = appending;
        let hangs_at = Instant::now() + HANGS;
        if let Ok(appended) = timeout_at(deadline.into(), &mut appending).await {
            return self.ended(appended);
        }
        let mut record = self;
        record.expect();
        let goes_on = async move {
            // Nobody waits to be told what came of it.
            if let Ok(appended) = timeout_at(hangs_at.into(), &mut appending).await {
                let _ = record.ended(appended);
                return;
            }
            let inner = Arc::clone(&record.inner);
            inner.overdue.0.fetch_add(1, Ordering::Relaxed);
            let _ = record.ended(appending.await);
            inner.overdue.0.fetch_sub(1, Ordering::Relaxed);
        };
        tokio::spawn(goes_on);
        Err(NotKept::late(true))
    }

    /// Notes what came of it.
    fn ended(self, appended: Result<Position, spool::AppendError>) -> Result<(), NotKept> {
        match appended {
            Ok(position) => {
                self.note(position);
                self.expect_no_more(Some(position));
                Ok(())
            }
            Err(error) => {
                // What is in doubt is expected once more before it no longer is.
                let not_kept = self.refused(&error);
                self.expect_no_more(None);
                Err(not_kept)
            }
        }
    }

    fn expect(&mut self) {
        if !std::mem::replace(&mut self.is_expected, true) {
            self.inner.receipts.expect_on_spool(self.request);
        }
    }

    fn expect_no_more(&self, come: Option<Position>) {
        if self.is_expected {
            self.inner.receipts.expect_no_more(self.request, come);
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
        let may_come = match error {
            spool::AppendError::InDoubt { position, .. } => {
                self.expect_until(self.spool.doubt_settled(*position));
                true
            }
            _ => false,
        };
        NotKept { reason: error.to_string(), may_come }
    }

    /// It may come until then, or for ever where that is `false`.
    fn expect_until(&self, settled: impl Future<Output = bool> + Send + 'static) {
        self.inner.receipts.expect_on_spool(self.request);
        let (inner, request) = (Arc::downgrade(&self.inner), self.request);
        tokio::spawn(async move {
            if settled.await
                && let Some(inner) = inner.upgrade()
            {
                inner.receipts.expect_no_more(request, None);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::{Batch, store::tests::store_with};

    const REQUEST: Uuid = Uuid::from_u128(2);

    fn record(inner: &Arc<Inner>, again: bool) -> Appended {
        let (inner, spool) = (Arc::clone(inner), inner.spool.clone().unwrap());
        Appended::begin(inner, spool, Uuid::from_u128(1), REQUEST, again)
    }

    fn request(id: u128) -> Arc<Request> {
        Arc::new(Request {
            id: Uuid::from_u128(id),
            source: Uuid::nil(),
            content: None,
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch: Batch::default(),
        })
    }

    async fn until(condition: impl Fn() -> bool) {
        let polls = async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), polls).await.unwrap();
    }

    /// It answers in time, nobody waits for it twice, and the row stays until what came is drained,
    /// also where the request came once more.
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
        let overdue = || inner.overdue.0.load(Ordering::Relaxed);
        // It may have been its sender that was late.
        assert_eq!(overdue(), 0);
        until(|| overdue() > 0).await;
        assert!(begun.elapsed() >= HANGS);
        let far = Instant::now() + Duration::from_secs(3600);
        let other = request(3);
        assert_eq!(keep(&inner, &spool, &other, false, far).await, Err(NotKept::late(false)));
        inner.receipts.note_needless(REQUEST);
        assert!(inner.receipts.take_needless().is_empty());
        disk.send(Ok(position)).unwrap();
        until(|| overdue() == 0).await;
        assert!(inner.on_spool.holds(Uuid::from_u128(1)));
        assert!(inner.receipts.take_needless().is_empty());
        assert_eq!(keep(&inner, &spool, &request(2), true, far).await, Ok(()));
        assert_eq!(keep(&inner, &spool, &other, false, far).await, Ok(()));
        let mut places = Vec::new();
        spool.scan(|position, _| places.push(position)).unwrap();
        assert!(!inner.receipts.note_off_spool(REQUEST, position));
        assert!(inner.receipts.take_needless().is_empty());
        assert!(inner.receipts.note_off_spool(REQUEST, places[1]));
        assert_eq!(inner.receipts.take_needless(), [REQUEST]);
    }

    /// Its last record but this is drained meanwhile.
    #[tokio::test]
    async fn the_row_stays_while_a_request_that_came_again_is_on_its_way_to_the_spool() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let inner = store_with(Some(spool.clone())).inner;
        let far = Instant::now() + Duration::from_secs(3600);
        let (first, second) =
            (spool.append(vec![1]).await.unwrap(), spool.append(vec![1]).await.unwrap());
        for comes in [true, false] {
            let (disk, confirmed) = oneshot::channel();
            let appending = Box::pin(async move { confirmed.await.unwrap() });
            let mut kept = Box::pin(record(&inner, true).confirmed(appending, far));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(kept.as_mut().poll(&mut context).is_pending());
            assert!(inner.receipts.note_off_spool(REQUEST, first));
            inner.receipts.note_needless(REQUEST);
            assert!(inner.receipts.take_needless().is_empty());
            let full = spool::AppendError::Full { max_bytes: 1 };
            disk.send(if comes { Ok(second) } else { Err(full) }).unwrap();
            assert_eq!(kept.await.is_ok(), comes);
            if comes {
                assert!(inner.receipts.take_needless().is_empty());
                assert!(inner.receipts.note_off_spool(REQUEST, second));
            }
            assert_eq!(inner.receipts.take_needless(), [REQUEST]);
        }
    }

    /// It would come there all the same, and the disk would be taken for one that hangs.
    #[tokio::test]
    async fn what_has_no_time_left_is_not_given_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let inner = store_with(Some(spool.clone())).inner;
        let now = Instant::now();
        for (deadline, again) in [(now, false), (now, true), (now + LEAST, true)] {
            let kept = keep(&inner, &spool, &request(2), again, deadline).await;
            assert_eq!(kept, Err(NotKept::too_late()));
        }
        assert_eq!(keep(&inner, &spool, &request(3), false, now + LEAST * 60).await, Ok(()));
        assert_eq!(spool.depth().records, 1);
        inner.receipts.note_needless(REQUEST);
        assert_eq!(inner.receipts.take_needless(), [REQUEST]);
        // The disk confirms what its sender could not wait for.
        let position = spool.append(vec![1]).await.unwrap();
        let (disk, confirmed) = oneshot::channel();
        let appending = Box::pin(async move { confirmed.await.unwrap() });
        let kept = record(&inner, false).confirmed(appending, now).await;
        assert_eq!(kept, Err(NotKept::late(true)));
        disk.send(Ok(position)).unwrap();
        until(|| inner.on_spool.holds(Uuid::from_u128(1))).await;
        assert_eq!(inner.overdue.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_is_appended_again_counts_at_its_last_place() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).unwrap();
        let inner = store_with(Some(spool.clone())).inner;
        let (source, request) = (Uuid::from_u128(1), REQUEST);
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
        inner.receipts.note_needless(REQUEST);
        let needless = || {
            let needless = inner.receipts.take_needless();
            needless.iter().for_each(|request| inner.receipts.note_needless(*request));
            needless
        };
        for again in [false, true] {
            // Its doubt is settled: there is none of this place.
            let kept = record(&inner, again).ended(Err(error.clone()));
            assert!(kept.unwrap_err().may_come);
            assert!(needless().is_empty());
            until(|| needless() == [REQUEST]).await;
        }
        let full = spool::AppendError::Full { max_bytes: 1 };
        assert!(!record(&inner, false).refused(&full).may_come);
        // Two doubts, of which the spool is closed before it can settle the second one.
        let [(settle, settled), (close, closed)] = [(); 2].map(|()| oneshot::channel());
        for doubt in [settled, closed] {
            record(&inner, false).expect_until(async move { doubt.await.unwrap() });
        }
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            assert!(needless().is_empty());
        }
        settle.send(true).unwrap();
        close.send(false).unwrap();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            assert!(needless().is_empty());
        }
        inner.receipts.expect_no_more(REQUEST, None);
        assert_eq!(needless(), [REQUEST]);
    }
}
