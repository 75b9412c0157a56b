//! Brings requests from the spool into the store: those of each source in order.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use spool::{Spool, Taken};
use uuid::Uuid;

use crate::{
    ContentHash,
    event_store::{self, AppendError, WRITE_TIMEOUT},
    former_requests::FormerRequests,
    held_back::HeldBack,
    measures,
    on_spool::Record,
    request::Request,
    spooled::{self, NotARequest, Summary},
    store::Inner,
    undelivered::{FormerLife, MayCome},
};

/// Bytes that are drained at once.
const AT_ONCE: usize = 4 << 20;

/// How long the rows of drained requests are kept, at least. By then a slow writer that had begun
/// before the request went on the spool has ended: without the row it would store it again.
const ROWS_KEPT: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(10));

/// Wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Wait after requests were only moved: the disk has other things to do.
const MOVED_PAUSE: Duration = Duration::from_millis(100);

/// Notes the requests on the spool that a former life of this process left there, and the contents
/// of those whose senders may come again.
pub(crate) async fn note_spooled(inner: &Arc<Inner>, spool: &Spool) {
    let noted = {
        let (inner, spool) = (Arc::clone(inner), spool.clone());
        tokio::task::spawn_blocking(move || {
            let mut former = FormerLife::read(spool.folder());
            let mut passed_over = spool.depth().records.saturating_sub(FormerRequests::MOST);
            // Those of what may have been the last minutes, in about their order.
            let mut latest = VecDeque::new();
            inner.on_spool.begin_look();
            let scanned = spool.scan(|position, bytes| {
                let is_passed_over = passed_over > 0;
                passed_over = passed_over.saturating_sub(1);
                let Some(summary) = spooled::summary(bytes) else { return };
                let Summary { request, source, content, moved, since } = summary;
                inner.on_spool.note_found(Record { position, source, request }, moved);
                let Some(content) = content.filter(|_| !is_passed_over) else { return };
                match former.may_come(position, request, since) {
                    MayCome::Yes => inner.receipts.note_spooled(content, request),
                    MayCome::No => {}
                    MayCome::ByThen(since) => latest.push_back((since, content, request)),
                }
                let too_old =
                    |(since, ..): &mut (i64, ContentHash, Uuid)| !former.ended_soon_after(*since);
                while latest.pop_front_if(too_old).is_some() {}
            });
            for (since, content, request) in latest {
                if former.ended_soon_after(since) {
                    inner.receipts.note_spooled(content, request);
                }
            }
            inner.on_spool.end_look(scanned.is_ok());
            scanned
        })
    };
    match noted.await.map_err(std::io::Error::other).flatten() {
        Ok(()) => {}
        Err(error) => tracing::error!(%error, "the spool cannot be looked through"),
    }
}

/// A record and the request that it is.
type Read = (Record, Request);

/// Returns when the spool is closed.
pub(crate) async fn keep_draining(inner: &Arc<Inner>, spool: &Spool) {
    let mut held_back = HeldBack::default();
    let mut failing = false;
    loop {
        let taken = spool.take(AT_ONCE).await;
        let Some(last) = taken.last().map(|taken| taken.position) else { return };
        inner.events_are_there().await;
        let pause = match drain_taken(inner, spool, &mut held_back, taken).await {
            Ok(DrainedTaken { drained, records, unreadable, pause }) => {
                spool.done(last).await;
                inner.on_spool.note_done(&records);
                inner.unreadable_requests.fetch_add(unreadable, Ordering::Relaxed);
                tokio::spawn(drained.forget_when_safe(inner, spool.settled(last), ROWS_KEPT));
                if std::mem::take(&mut failing) {
                    tracing::info!("the spool is drained again");
                }
                pause
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(error, "the spool cannot be drained now");
                }
                spool.rewind();
                PAUSE
            }
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// What was taken off the spool and is dealt with: stored, or moved to the end.
struct DrainedTaken {
    drained: Drained,
    records: Vec<Record>,
    unreadable: u64,
    pause: Duration,
}

async fn drain_taken(
    inner: &Inner,
    spool: &Spool,
    held_back: &mut HeldBack,
    taken: Vec<Taken>,
) -> Result<DrainedTaken, String> {
    let count = taken.len();
    // Megabytes are not read on a thread that waits for sockets.
    let requests = tokio::task::spawn_blocking(move || requests(&taken)).await;
    let requests = requests.map_err(|error| error.to_string())?;
    let requests = requests.map_err(|error| error.to_string())?;
    let records: Vec<_> = requests.iter().map(|(record, _)| *record).collect();
    let unreadable = (count - records.len()) as u64;
    let (drained, held) = drain(inner, held_back, requests).await.map_err(|e| e.to_string())?;
    let mut pause = Duration::ZERO;
    if !held.is_empty() {
        let others = inner.on_spool.others(|source| held.iter().any(|(r, _)| r.source == source));
        if others.is_empty() && !held.iter().any(|(record, _)| held_back.is_moving(*record)) {
            return Err("the store does not take the requests of the only source there".to_owned());
        }
        move_to_end(inner, spool, held_back, &held).await.map_err(|error| error.to_string())?;
        if drained.0.is_empty() {
            // What is damaged is counted as waiting, and must not keep this busy.
            let in_vain = others.iter().all(|source| held_back.contains(*source));
            let in_vain = in_vain || spool.damage().records > 0;
            pause = if in_vain { PAUSE } else { MOVED_PAUSE };
        }
    }
    Ok(DrainedTaken { drained, records, unreadable, pause })
}

/// Appends requests once more, under their numbers: whichever place a crash leaves of each, it is
/// stored once.
async fn move_to_end(
    inner: &Inner,
    spool: &Spool,
    held_back: &mut HeldBack,
    held: &[Read],
) -> Result<(), spool::AppendError> {
    let appends = held.iter().map(|(_, request)| spool.append(spooled::encode_moved(request)));
    let mut moved = Ok(());
    for ((record, _), appended) in held.iter().zip(join_all(appends).await) {
        match appended {
            Ok(position) => {
                inner.on_spool.note_moved(*record, position);
                held_back.moved(*record, position);
            }
            Err(error) => moved = Err(error),
        }
    }
    moved
}

/// What the records say. One that a program of the future has written stops the draining.
fn requests(taken: &[Taken]) -> Result<Vec<Read>, NotARequest> {
    let mut requests = Vec::with_capacity(taken.len());
    for Taken { position, bytes } in taken {
        match spooled::decode(bytes) {
            Ok(request) => {
                let (source, id) = (request.source, request.id);
                requests.push((Record { position: *position, source, request: id }, request));
            }
            Err(error @ NotARequest::Version(_)) => return Err(error),
            Err(NotARequest::Unreadable) => {
                tracing::error!(
                    ?position,
                    bytes = bytes.len(),
                    "a request on the spool cannot be read, and its events are lost"
                );
            }
        }
    }
    Ok(requests)
}

/// Records that are in the store and not yet taken off the spool, with the contents of those whose
/// requests may be sent again.
struct Drained(Vec<(Record, Option<ContentHash>)>);

impl Drained {
    /// Forgets them after `kept`, and when they have `settled`, so that no crash brings them back on
    /// the spool: a disk that takes no progress may take a day to be noticed.
    fn forget_when_safe(
        self,
        inner: &Arc<Inner>,
        settled: impl Future<Output = bool> + Send + 'static,
        kept: Duration,
    ) -> impl Future<Output = ()> + Send + 'static {
        let inner = Arc::downgrade(inner);
        async move {
            tokio::time::sleep(kept).await;
            // Without requests there is nothing to keep.
            if !self.0.is_empty()
                && settled.await
                && let Some(inner) = inner.upgrade()
            {
                self.forget(&inner);
            }
        }
    }

    /// They will not be drained again: those that nobody sends again need no row any more. One that
    /// is on the spool once more needs it until that record is here.
    fn forget(self, inner: &Inner) {
        for (record, content) in self.0 {
            let id = record.request;
            let is_last = inner.receipts.note_off_spool(id, record.position);
            if !is_last || inner.on_spool.comes_again(record) {
                continue;
            }
            if !content.is_some_and(|content| inner.receipts.note_drained(content, id)) {
                inner.receipts.note_needless(id);
            }
        }
    }
}

/// Stores requests; gives those that are held back, in their order.
///
/// # Errors
/// When the store is away.
async fn drain(
    inner: &Inner,
    held_back: &mut HeldBack,
    mut requests: Vec<Read>,
) -> Result<(Drained, Vec<Read>), AppendError> {
    requests.retain(|(record, _)| !inner.on_spool.comes_again(*record));
    for (record, request) in &mut requests {
        request.of_former_life = inner.on_spool.is_of_former_life(*record);
    }
    let mut requests = VecDeque::from(requests);
    let (mut drained, mut held) = (Vec::new(), Vec::new());
    let (mut failed, mut one_by_one) = (HashSet::new(), HashSet::new());
    while let Some((first, request)) = requests.pop_front() {
        let source = first.source;
        let others_wait = !inner.on_spool.others(|other| other == source).is_empty();
        let now = Instant::now();
        if failed.contains(&source) || held_back.holds(first, others_wait, now) {
            held.push((first, request));
            continue;
        }
        let mut numbers = HashSet::from([request.id]);
        let of_former_life = request.of_former_life;
        let (mut records, mut group) = (vec![first], vec![request]);
        let is_alone = one_by_one.contains(&source);
        while let Some((record, next)) = requests.pop_front_if(|(record, next)| {
            record.source == source
                && !is_alone
                && !numbers.contains(&next.id)
                && next.of_former_life == of_former_life
        }) {
            numbers.insert(next.id);
            records.push(record);
            group.push(next);
        }
        let failing = held_back.failing_since(source);
        let takes_rows = failing.is_some_and(|since| inner.taking.has_since(source, since));
        match drain_group(inner, &mut group, takes_rows).await {
            Ok(()) => {
                if held_back.succeeded(source) {
                    inner.on_spool.hold_back(source, false);
                    let source = inner.name_of_source(source);
                    tracing::info!(source, "the source's requests on the spool are drained again");
                }
                drained.extend(records.into_iter().zip(&group).map(|(record, request)| {
                    (record, request.content.filter(|_| request.may_come_again))
                }));
            }
            Err(error) if inner.events().is_err() => return Err(error),
            // One of them may take all the time, and is not to have that of the others.
            Err(AppendError::Late) if group.len() > 1 => {
                one_by_one.insert(source);
                for read in records.into_iter().zip(group).rev() {
                    requests.push_front(read);
                }
            }
            Err(error) => {
                if !held_back.contains(source) {
                    let source = inner.name_of_source(source);
                    tracing::warn!(
                        source,
                        %error,
                        "the source's requests on the spool are held back; others' go on"
                    );
                }
                let tried = Instant::now();
                held_back.failed(source, tried.duration_since(now), tried);
                inner.on_spool.hold_back(source, true);
                failed.insert(source);
                held.extend(records.into_iter().zip(group));
            }
        }
    }
    Ok((Drained(drained), held))
}

async fn drain_group(
    inner: &Inner,
    group: &mut [Request],
    takes_rows: bool,
) -> Result<(), AppendError> {
    for request in group.iter_mut() {
        let may_come = |content| inner.receipts.may_be_sent_again(content, request.id);
        request.may_come_again = request.content.is_some_and(may_come);
    }
    let requests: Vec<&Request> = group.iter().collect();
    let outcomes = event_store::write(inner, &requests, takes_rows).await?;
    let refused = outcomes.iter().flatten().flat_map(|appended| &appended.refused);
    if let Some(first) = refused.clone().next() {
        // Nobody is there to be told any more.
        let source = group.first().map(|first| first.source).unwrap_or_default();
        let source = inner.name_of_source(source);
        let events = refused.count();
        measures::refused_late(&source, events);
        tracing::warn!(
            source,
            rejected = events,
            %first,
            "events from the spool are refused; they are among the rejected events"
        );
    }
    // Those that are stored have their receipts, and come again with the others.
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipts::Stage;

    /// Otherwise a crash stores all of them a second time.
    #[tokio::test]
    async fn rows_are_kept_until_the_spool_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let settings = spool::Settings::new(folder.path(), 1 << 20);
        let (spool, _) = Spool::open(settings).unwrap();
        let inner = crate::store::tests::store_with(Some(spool.clone())).inner;
        let position = spool.append(vec![1]).await.unwrap();
        spool.append(vec![1]).await.unwrap();
        // The progress cannot be written: what is in the way cannot be removed as a file.
        let in_the_way = folder.path().join("progress.new");
        std::fs::create_dir(&in_the_way).unwrap();
        spool.done(position).await;
        let request = Uuid::from_u128(1);
        let drained = Drained(vec![(Record { position, source: Uuid::nil(), request }, None)]);
        let forgets = drained.forget_when_safe(&inner, spool.settled(position), Duration::ZERO);
        let mut forgets = Box::pin(forgets);
        // Longer than the progress takes.
        assert!(tokio::time::timeout(Duration::from_secs(2), &mut forgets).await.is_err());
        assert!(inner.receipts.are_empty());
        std::fs::remove_dir(&in_the_way).unwrap();
        tokio::time::timeout(Duration::from_secs(30), forgets).await.unwrap();
        assert_eq!(inner.receipts.take_needless(), [request]);
    }

    /// A disk went on late, what came was drained, and the request was sent again when the store was
    /// away.
    #[tokio::test]
    async fn a_row_is_kept_until_the_last_record_of_its_request_is_drained() {
        let content = ContentHash::of(&[b"content"]);
        let (_folder, positions) = crate::on_spool::tests::positions().await;
        let (source, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |place: usize| Record { position: positions[place], source, request: id };
        let forget = |inner: &Inner, place| Drained(vec![(of(place), Some(content))]).forget(inner);
        for (is_known, is_told) in [(false, false), (true, false), (true, true)] {
            let inner = crate::store::tests::store_with(None).inner;
            let receipts = &inner.receipts;
            receipts.expect_on_spool(id);
            receipts.expect_no_more(id, Some(positions[0]));
            inner.on_spool.note_appended(source, positions[0]);
            inner.on_spool.note_done(&[of(0)]);
            let retry = receipts.note(content, crate::Delivery::not_needed());
            if is_known {
                retry.tell(id, Stage::Working);
            }
            receipts.expect_on_spool(id);
            receipts.expect_no_more(id, Some(positions[1]));
            inner.on_spool.note_appended(source, positions[1]);
            inner.on_spool.note_again(id, positions[1]);
            if is_told {
                retry.tell_end(id, Stage::InSpool);
            }
            forget(&inner, 0);
            assert!(receipts.take_needless().is_empty());
            if is_known {
                retry.tell_end(id, Stage::InSpool);
            }
            assert!(receipts.hand_over(Instant::now()).await.settled.needless.is_empty());
            inner.on_spool.note_done(&[of(1)]);
            assert!(receipts.take_needless().is_empty());
            // Also where it had to be moved.
            inner.on_spool.note_moved(of(1), positions[2]);
            forget(&inner, 1);
            assert!(receipts.take_needless().is_empty());
            inner.on_spool.note_done(&[of(2)]);
            forget(&inner, 2);
            assert_eq!(receipts.take_needless(), [id]);
        }
    }
}
