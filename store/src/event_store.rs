//! Writes events, wherever they can be made durable now: into Postgres, or on the spool.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use spool::Spool;
use uuid::Uuid;

use crate::{
    Batch, ContentHash, Delivery, Source, failure,
    group::{
        self, Target,
        bigquery::{GroupError, Written},
    },
    receipts::{Noted, Stage},
    request::{Appended, Request},
    spooling::{self, NotKept},
    store::Inner,
    writers::Writers,
};

/// Longest time for one group, all its attempts together. A server that vanished without closing its
/// connections would otherwise hold senders for as long as TCP waits.
///
/// Without a spool it is also the longest time for a request, whether it waits for a writer or is
/// written, where it [has to be answered](Admission::answer_by) no sooner. With one that is
/// [`SLOW`]; the write goes on meanwhile, and its receipt stands against the one of the
/// [drain](crate::drain), which keeps it longer than this.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Time after which the store counts as slow, and a request goes on the spool.
const SLOW: Duration = Duration::from_secs(5);

/// The same for events that come of a request for another source, whose sender knows nothing of
/// them.
const SLOW_FOR_OTHERS: Duration = Duration::from_secs(1);

/// What of a request's time is left to the spool, where there is one.
const FOR_SPOOL: Duration = Duration::from_secs(4);

/// A request that has come and is being worked on. Dropped without being appended, it comes to
/// nothing.
pub struct Admission {
    inner: Arc<Inner>,
    noted: Noted,
    deadline: Instant,
}

/// Why a batch was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The store is away, starting, or too busy, and there is no spool.
    #[error("the store cannot take events now: {0}")]
    Unavailable(String),
    /// The store answers, but did not confirm the write in time.
    #[error(
        "the store cannot take events now: Postgres did not confirm the write within {} s",
        WRITE_TIMEOUT.as_secs()
    )]
    Late,
    /// The store is away, and the spool cannot take the events either.
    #[error("the store cannot take events now ({store}), and neither can the spool: {spool}")]
    SpoolUnavailable {
        /// Why the store cannot.
        store: String,
        /// Why the spool cannot.
        spool: String,
    },
    /// The table of this source takes no events while those of others do.
    #[error(
        "the store cannot take events now ({0}), and neither can the spool: it is half full, and \
         the rest is kept for sources whose tables take events"
    )]
    HeldBack(String),
    /// Nobody reads this.
    #[error("the sender has left, and has sent the same again")]
    Left,
}

/// How a request waits for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// Its own sender waits.
    Own,
    /// The sender of another source waits, which it must not hold up.
    OfAnother,
}

/// What a request waits for, and how long.
#[derive(Debug, Clone, Copy)]
struct Waits {
    haste: Haste,
    deadline: Instant,
    /// Whether it may have come to the spool before.
    again: bool,
}

/// Notes a request, `None` when its sender has left already: it will come again, or has.
pub(crate) fn admit(
    inner: &Arc<Inner>,
    content: ContentHash,
    delivery: &Delivery,
) -> Option<Admission> {
    let noted = inner.receipts.note(content, delivery.clone());
    let deadline = Instant::now() + Admission::LONGEST;
    let admission = Admission { inner: Arc::clone(inner), noted, deadline };
    // Noted first: whoever comes again from now on finds it.
    delivery.look();
    (!delivery.has_failed()).then_some(admission)
}

impl Admission {
    /// Longest time from the head of a request to its answer, backends and all, unless its body takes
    /// most of that. Vector gives one up after 60 s. Without [another time](Self::answer_by) it is
    /// counted from the admission.
    pub const LONGEST: Duration = Duration::from_secs(50);

    /// Lets it fail when it is in no safe place by then. Sent again it is known, whatever became of
    /// it since.
    #[must_use]
    pub fn answer_by(self, deadline: Instant) -> Self {
        // What has a destructor cannot be taken apart.
        let mut admission = self;
        admission.deadline = deadline;
        admission
    }

    /// Makes a batch durable; returns when it is committed, or on the spool. One that the sender
    /// has sent before, without getting an answer, is not stored again.
    ///
    /// # Errors
    /// Nothing of the batch is acknowledged. Sending it again stores it once.
    pub async fn append(self, source: &Source, batch: Batch) -> Result<Appended, AppendError> {
        let (id, appended) = self.attempt(source, batch, Haste::Own).await;
        self.tell(id, appended.as_ref().ok(), appended.is_ok());
        appended
    }

    /// As [`append`](Self::append), with batches for other sources that come of the same request;
    /// returns when all are durable. Each is stored once for each request. What became of them comes
    /// in their order.
    ///
    /// With a spool the others hold up the first one for a second at most: those that the store does
    /// not take by then go on the spool. Where half of that waits for the table of one of them, which
    /// takes no events while others' do, its batch is not kept: [`AppendError::HeldBack`] in its place.
    ///
    /// # Errors
    /// Nothing of the request is acknowledged. Sending it again stores each batch once, also those
    /// that were stored this time.
    pub async fn append_with(
        self,
        source: &Source,
        batch: Batch,
        others: Vec<(Arc<Source>, Batch)>,
        delivery: &Delivery,
    ) -> Result<(Appended, Vec<Result<Appended, AppendError>>), AppendError> {
        let (id, first) = self.attempt(source, batch, Haste::Own).await;
        let first = first.inspect_err(|_| self.tell(id, None, false))?;
        // Only now: a request that is this one, sent again, has waited for it to end in all places.
        let attempts = others.into_iter().map(|(source, batch)| {
            let content = self.noted.content.at(source.token);
            let noted = self.inner.receipts.note(content, delivery.clone());
            let (inner, deadline) = (Arc::clone(&self.inner), self.deadline);
            let admission = Self { inner, noted, deadline };
            async move {
                let (id, appended) = admission.attempt(&source, batch, Haste::OfAnother).await;
                (admission, id, appended)
            }
        });
        let attempts = futures_util::future::join_all(attempts).await;
        let failed = attempts.iter().find_map(|(.., appended)| match appended {
            Err(AppendError::HeldBack(_)) | Ok(_) => None,
            Err(error) => Some(error.clone()),
        });
        for (admission, id, appended) in &attempts {
            admission.tell(*id, appended.as_ref().ok(), failed.is_none());
        }
        self.tell(id, Some(&first), failed.is_none());
        match failed {
            Some(error) => Err(error),
            None => Ok((first, attempts.into_iter().map(|(.., appended)| appended).collect())),
        }
    }

    /// Makes a batch durable, without a word on it yet to those who wait for it. With the number of
    /// its row, if there may be one.
    async fn attempt(
        &self,
        source: &Source,
        batch: Batch,
        haste: Haste,
    ) -> (Option<Uuid>, Result<Appended, AppendError>) {
        if batch.is_empty() {
            return (None, Ok(Appended::default()));
        }
        let Self { inner, noted, deadline } = self;
        let mut id = noted.request();
        let mut may_be_stored = false;
        if let Some(claimed) = inner.receipts.claim(noted).await {
            let ended = claimed.ended().await;
            noted.tell(ended.request, Stage::Working);
            drop(claimed);
            if ended.stage != Stage::Failed {
                let spooled = matches!(ended.stage, Stage::InSpool | Stage::FailedInSpool);
                return (Some(ended.request), Ok(Appended { spooled, ..Appended::again(&batch) }));
            }
            // Its commit may have been lost sight of: under its own number it is stored once.
            id = ended.request;
            may_be_stored = true;
        } else if haste == Haste::Own && inner.receipts.was_overtaken(noted) {
            return (None, Err(AppendError::Left));
        }
        let content = Some(noted.content);
        let request = Arc::new(Request {
            id,
            source: source.token,
            content,
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch,
        });
        let waits = Waits { haste, deadline: *deadline, again: may_be_stored };
        let appended = write_or_spool(inner, request, waits, &mut may_be_stored).await;
        // What is nowhere need not be remembered: while nothing can be stored, that is all that comes.
        (may_be_stored.then_some(id), appended)
    }

    /// Says how it ended; without `is_whole` the sender is told that it failed.
    fn tell(&self, id: Option<Uuid>, appended: Option<&Appended>, is_whole: bool) {
        let Some(id) = id else { return };
        let stage = match (appended, is_whole) {
            (Some(Appended { spooled: true, .. }), true) => Stage::InSpool,
            (Some(Appended { spooled: true, .. }), false) => Stage::FailedInSpool,
            (Some(_), true) => Stage::InStore,
            _ => Stage::Failed,
        };
        self.noted.tell_end(id, stage);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.inner.receipts.drop_noted(&self.noted);
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("noted", &self.noted).finish_non_exhaustive()
    }
}

/// Sets `may_be_stored` where it may have come to a place, whatever the outcome.
async fn write_or_spool(
    inner: &Arc<Inner>,
    request: Arc<Request>,
    Waits { haste, deadline, again }: Waits,
    may_be_stored: &mut bool,
) -> Result<Appended, AppendError> {
    let mut left = deadline.saturating_duration_since(Instant::now());
    if inner.spool.is_some() {
        left = left.saturating_sub(FOR_SPOOL);
    }
    let reason = match inner.events() {
        Err(reason) => reason,
        Ok(_) if haste == Haste::OfAnother && waits_on_spool(inner, request.source) => {
            "what came before for the source waits on the spool".to_owned()
        }
        Ok(_) if left.is_zero() => "the request has waited too long before".to_owned(),
        Ok(_) => {
            *may_be_stored = true;
            let mut queued = Writers::queue(inner, Arc::clone(&request));
            // Without a spool there is nothing better to do than to wait.
            let patience = match haste {
                _ if inner.spool.is_none() => WRITE_TIMEOUT,
                Haste::Own => SLOW,
                Haste::OfAnother => SLOW_FOR_OTHERS,
            };
            let patience = patience.min(left);
            match tokio::time::timeout(patience, &mut queued.outcome).await {
                Ok(Ok(Ok(appended))) => return Ok(appended),
                Ok(Ok(Err(error))) => error.to_string(),
                Ok(Err(_)) => "the writer ended early".to_owned(),
                Err(_) => {
                    // It may be in the middle of being written: its receipt will tell.
                    queued.withdraw();
                    format!("no commit within {} s", patience.as_secs())
                }
            }
        }
    };
    let Some(spool) = &inner.spool else { return Err(AppendError::Unavailable(reason)) };
    if inner.on_spool.is_held_back(request.source) && is_half_full(spool) {
        return Err(AppendError::HeldBack(reason));
    }
    match spooling::keep(inner, spool, &request, again, deadline).await {
        Ok(()) => {
            *may_be_stored = true;
            tracing::debug!(source = %request.source, reason, "events go on the spool");
            let stored = request.batch.len();
            Ok(Appended { stored, spooled: true, ..Appended::default() })
        }
        Err(NotKept { reason: spool, may_come }) => {
            *may_be_stored |= may_come;
            Err(AppendError::SpoolUnavailable { store: reason, spool })
        }
    }
}

/// Whether a source's table was found not to take events, and they have gone on the spool since.
fn waits_on_spool(inner: &Inner, source: Uuid) -> bool {
    let is_troubled = inner.on_spool.is_held_back(source) || inner.writers.are_troubled_by(source);
    inner.spool.is_some() && is_troubled && inner.on_spool.holds(source)
}

/// Whether a source that cannot be drained gets no more room on the spool.
fn is_half_full(spool: &Spool) -> bool {
    let depth = spool.depth();
    depth.bytes >= depth.max_bytes / 2
}

/// Writes requests of one source as a group; returns when they are committed, or some of them are.
/// `takes_rows` when its table is known to have taken others since it did not take these.
pub(crate) async fn write(
    inner: &Inner,
    requests: &[&Request],
    takes_rows: bool,
) -> Result<Vec<Result<Appended, AppendError>>, AppendError> {
    let Some(first) = requests.first() else { return Ok(Vec::new()) };
    let loaded = inner.events().map_err(AppendError::Unavailable)?;
    let needless = inner.receipts.take_needless();
    let target = Target {
        pool: inner.ingest_pool(),
        tables: &inner.tables,
        schema: &loaded.events_schema,
        owner: inner.settings.owner,
        needless: &needless,
        takes_rows,
    };
    let begun = Instant::now();
    let written = tokio::time::timeout(WRITE_TIMEOUT, async {
        match &inner.bigquery {
            Some(events) => {
                let write = group::bigquery::write(inner, events, target, first.source, requests);
                Box::pin(write).await
            }
            None => {
                let written = group::write(target, first.source, requests).await;
                written.map(Written::whole).map_err(GroupError::from)
            }
        }
    });
    let written = written.await;
    if !matches!(written, Ok(Ok(_))) {
        needless.iter().for_each(|request| inner.receipts.note_needless(*request));
    }
    match written {
        Ok(Ok(Written { outcomes, error })) => {
            if outcomes.iter().flatten().any(|appended| appended.stored > 0) {
                inner.taking.note(first.source, begun);
            }
            let error = error.map_or(AppendError::Late, |error| not_written(inner, &error));
            Ok(outcomes.into_iter().map(|one| one.ok_or_else(|| error.clone())).collect())
        }
        Ok(Err(error)) => Err(not_written(inner, &error)),
        Err(_) => Err(AppendError::Late),
    }
}

fn not_written(inner: &Inner, error: &GroupError) -> AppendError {
    let text = error.to_string();
    // Those that come next need not find out by waiting. The watch finds it back.
    if is_away(inner, error) {
        inner.events_are_away(&text);
    }
    AppendError::Unavailable(text)
}

/// Whether nothing can be written now, whatever it is.
fn is_away(inner: &Inner, error: &GroupError) -> bool {
    match error {
        GroupError::Postgres(error) => failure::is_away(error),
        GroupError::BigQuery(error) => {
            let is_unavailable = error.is_unavailable();
            if let Some(events) = inner.bigquery.as_ref().filter(|_| is_unavailable) {
                events.is_away(&error.to_string());
            }
            is_unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use uuid::Uuid;

    use super::*;

    fn source() -> Source {
        Source::unknown("events", Uuid::nil())
    }

    /// What is drained must find it before the answer is given.
    #[tokio::test]
    async fn a_retry_of_what_failed_is_known_by_its_number_while_it_is_worked_on() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(spool::Settings::new(folder.path(), 4096)).unwrap();
        let store = crate::store::tests::store_with(Some(spool));
        let content = ContentHash::of(&[b"content"]);
        let source = source();
        let admit = || store.admit(content, &Delivery::default()).unwrap();
        // Its commit may have been lost sight of.
        let first = store.inner.receipts.note(content, Delivery::default());
        let number = first.request();
        first.tell(number, Stage::Failed);

        let mut small = Batch::default();
        small.reject("x".to_owned(), Vec::new());
        let mut retry = Box::pin(admit().append(&source, small));
        assert!(retry.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(store.inner.receipts.may_be_sent_again(content, number));
        assert!(retry.await.unwrap().spooled);
        assert!(store.inner.receipts.may_be_sent_again(content, number));
    }

    /// While nothing can be stored, senders that do not come again would be remembered for long.
    #[tokio::test]
    async fn what_failed_and_is_nowhere_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(spool::Settings::new(folder.path(), 4096)).unwrap();
        for spool in [Some(spool), None] {
            let store = crate::store::tests::store_with(spool);
            let admission = store.admit(ContentHash::of(&[b"content"]), &Delivery::default());
            let mut large = Batch::default();
            large.reject("x".repeat(5000), Vec::new());
            admission.unwrap().append(&source(), large).await.unwrap_err();
            assert!(store.inner.receipts.are_empty());
        }
    }

    #[tokio::test]
    async fn what_is_on_the_spool_stays_so_when_another_part_fails() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(spool::Settings::new(folder.path(), 4096)).unwrap();
        let store = crate::store::tests::store_with(Some(spool));
        let of_size = |size: usize| {
            let mut batch = Batch::default();
            batch.reject("x".repeat(size), Vec::new());
            batch
        };
        let other = Arc::new(Source::unknown("other", Uuid::from_u128(1)));
        let send = async |size_of_other| {
            let delivery = Delivery::default();
            let admission = store.admit(ContentHash::of(&[b"content"]), &delivery).unwrap();
            let others = vec![(Arc::clone(&other), of_size(size_of_other))];
            let appended = admission.append_with(&source(), of_size(1), others, &delivery).await;
            delivery.succeed();
            appended
        };
        // Also when it fails again.
        for _ in 0..2 {
            let failed = send(5000).await;
            assert!(matches!(failed, Err(AppendError::SpoolUnavailable { .. })), "{failed:?}");
            assert_eq!(store.spool_depth().unwrap().records, 1);
        }
        let (first, others) = send(1).await.unwrap();
        assert!(first.spooled && others[0].as_ref().unwrap().spooled);
        assert_eq!(store.spool_depth().unwrap().records, 2);
    }

    #[tokio::test]
    async fn a_table_that_takes_nothing_fails_no_request_for_another_source() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(spool::Settings::new(folder.path(), 8192)).unwrap();
        let store = crate::store::tests::store_with(Some(spool));
        let other = Arc::new(Source::unknown("other", Uuid::from_u128(1)));
        let send = async |content: &[u8]| {
            let mut batch = Batch::default();
            batch.reject("x".repeat(900), Vec::new());
            let delivery = Delivery::default();
            let admission = store.admit(ContentHash::of(&[content]), &delivery).unwrap();
            let others = vec![(Arc::clone(&other), batch.clone())];
            let appended = admission.append_with(&source(), batch, others, &delivery).await;
            delivery.succeed();
            appended.unwrap().1.remove(0)
        };
        store.inner.on_spool.hold_back(other.token, true);
        let mut kept = 0;
        // While there is room for it.
        while send(format!("{kept}").as_bytes()).await.is_ok_and(|other| other.spooled) {
            kept += 1;
        }
        assert!((2..4).contains(&kept), "{kept}");
        assert!(matches!(send(b"more").await, Err(AppendError::HeldBack(_))));
        let spooled = store.spool_depth().unwrap().records;
        assert_eq!(spooled, 2 * kept + 2);
    }
}
