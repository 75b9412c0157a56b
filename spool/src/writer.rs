//! The thread that writes: appends that wait at the same time share one write and one sync.

mod doubts;
mod tidying;

use std::{
    io,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Instant,
};

use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot, watch};

pub(crate) use doubts::Doubt;

use crate::{
    AppendError, Position, Settings,
    disk::{Disk, DiskFile},
    ledger::Ledger,
    progress::Progress,
    reader::{self, lock},
    recovery::segment_path,
    segment,
    spool::FolderLock,
};

/// Collected before it is written; the sync comes after all.
const WRITE_BYTES: usize = 1 << 20;

/// What the writer is asked for.
#[derive(Debug)]
pub(crate) enum Message {
    Append(Append),
    /// All up to this record is dealt with.
    Done(u64, oneshot::Sender<()>),
    /// This segment cannot be read.
    Unreadable(u64, oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// A record to be written.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) record: Vec<u8>,
    /// Bytes of the record.
    pub(crate) length: u32,
    pub(crate) answer: oneshot::Sender<Result<Position, AppendError>>,
    /// Its share of the memory for records that wait to be written.
    pub(crate) memory: OwnedSemaphorePermit,
}

/// What the writer and the handles share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) ledger: Mutex<Ledger>,
    /// Told when there may be something to take.
    pub(crate) news: Notify,
}

/// Owns the folder.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    settings: Settings,
    disk: Disk,
    progress: Progress,
    /// The last record up to which a crash brings back none that is dealt with.
    durable: watch::Sender<u64>,
    /// Records that were refused and may come after a crash.
    doubts: watch::Sender<Vec<Doubt>>,
    /// Whether files were deleted, and a power cut may bring them back.
    deleted: bool,
    /// When to tidy, if there is anything to.
    tidy_at: Option<Instant>,
    /// The sequence number of the next record.
    next: u64,
    current: Option<Current>,
    batch: Batch,
    /// Whether the last write failed.
    failing: bool,
    /// Whether the last deletion failed.
    keeping: bool,
    /// Held as long as the folder is ours.
    _lock: FolderLock,
}

/// The segment that is being written.
#[derive(Debug)]
struct Current {
    file: DiskFile,
    first: u64,
    /// Bytes that are durable, 0 as long as its name is not.
    durable: u64,
    /// Bytes that it has when the batch is written.
    length: u64,
}

/// Records that become durable together, in the current segment.
#[derive(Debug, Default)]
struct Batch {
    /// What is not written yet.
    encoded: Vec<u8>,
    waiting: Vec<Waiting>,
}

/// Who waits for a record.
#[derive(Debug)]
struct Waiting {
    position: Position,
    answer: oneshot::Sender<Result<Position, AppendError>>,
    _memory: OwnedSemaphorePermit,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: Settings,
        disk: Disk,
        next: u64,
        lock: FolderLock,
    ) -> Self {
        let done = reader::lock(&shared.ledger).done();
        let progress = Progress::new(&settings.dir, done);
        Self {
            shared,
            settings,
            disk,
            progress,
            durable: watch::Sender::new(done),
            doubts: watch::Sender::default(),
            deleted: false,
            tidy_at: None,
            next,
            current: None,
            batch: Batch::default(),
            failing: false,
            keeping: false,
            _lock: lock,
        }
    }

    /// Tells up to which record a crash brings back none that is dealt with. It ends with the writer.
    pub(crate) fn durable(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }

    /// Works until it is told to close, or until nobody is left who could tell it anything.
    pub(crate) fn run(mut self, messages: &Receiver<Message>) {
        let closed = loop {
            let received = match self.tidy_at {
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => messages.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match received {
                Ok(message) => {
                    if let Some(closed) = self.work(message, messages) {
                        break Some(closed);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break None,
            }
            if self.tidy_at.is_some_and(|at| at <= Instant::now()) {
                self.tidy();
            }
        };
        self.tidy();
        drop(self);
        if let Some(closed) = closed {
            let _ = closed.send(());
        }
    }

    /// Does what is asked for now; returns who asked for the end.
    fn work(
        &mut self,
        first: Message,
        messages: &Receiver<Message>,
    ) -> Option<oneshot::Sender<()>> {
        let mut appends = Vec::new();
        let mut closed = None;
        for message in std::iter::once(first).chain(messages.try_iter()) {
            match message {
                Message::Append(append) => appends.push(append),
                Message::Done(through, answer) => {
                    self.finish(through);
                    let _ = answer.send(());
                }
                Message::Unreadable(first, answer) => {
                    self.keep_unreadable(first);
                    let _ = answer.send(());
                }
                Message::Close(answer) => {
                    closed = Some(answer);
                    break;
                }
            }
        }
        for append in appends {
            self.append(append);
        }
        self.commit();
        closed
    }

    /// Puts a record into the batch, or answers why not.
    fn append(&mut self, append: Append) {
        let bytes = segment::encoded_bytes(append.length);
        let limit = self.settings.effective_segment_bytes();
        if self.current.as_ref().is_some_and(|current| current.length + bytes > limit) {
            self.commit();
            self.current = None;
        }
        if !self.has_room(bytes) {
            // What was drained of the current segment may be all of it.
            self.commit();
            self.delete_current();
            if !self.has_room(bytes) {
                let max_bytes = self.settings.max_bytes;
                let _ = append.answer.send(Err(AppendError::Full { max_bytes }));
                return;
            }
        }
        if let Err(error) = self.begin_segment() {
            let _ = append.answer.send(Err(self.failed(&error)));
            return;
        }
        let Some(current) = &mut self.current else { return };
        segment::encode(&mut self.batch.encoded, self.next, append.length, &append.record);
        current.length += bytes;
        self.batch.waiting.push(Waiting {
            position: Position(self.next),
            answer: append.answer,
            _memory: append.memory,
        });
        self.next += 1;
        if self.batch.encoded.len() >= WRITE_BYTES
            && let Err(error) = self.write()
        {
            self.abandon(&error);
        }
    }

    /// Whether so many bytes of a record may be added.
    fn has_room(&self, bytes: u64) -> bool {
        let added = match &self.current {
            Some(current) => current.length - current.durable,
            None => segment::HEADER_BYTES as u64,
        };
        lock(&self.shared.ledger).bytes() + added + bytes <= self.settings.max_bytes
    }

    /// Sees to it that there is a current segment.
    fn begin_segment(&mut self) -> io::Result<()> {
        if self.current.is_some() {
            return Ok(());
        }
        let first = self.next;
        if !segment::SEQUENCES.contains(&first) {
            // Only a file that somebody named so can be the reason; it would not be found again.
            return Err(io::Error::other("a file had too high a number; restart the program"));
        }
        let file = self
            .disk
            .create(&segment_path(&self.settings.dir, first))
            // If a file of this name is in the way, the next name may be free.
            .inspect_err(|_| self.next += 1)?;
        self.batch.encoded.extend_from_slice(&segment::header(first));
        let length = segment::HEADER_BYTES as u64;
        self.current = Some(Current { file, first, durable: 0, length });
        Ok(())
    }

    /// Makes the batch durable and answers those who wait for it.
    fn commit(&mut self) {
        let waiting = &self.batch.waiting;
        let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else { return };
        let (first, last) = (first.position.0, last.position.0);
        if let Err(error) = self.write().and_then(|()| self.sync()) {
            return self.abandon(&error);
        }
        if let Some(current) = &mut self.current {
            current.durable = current.length;
            lock(&self.shared.ledger).extend(current.first, first..=last, current.durable);
        }
        self.shared.news.notify_one();
        if std::mem::take(&mut self.failing) {
            tracing::info!("the spool can be written again");
        }
        for waiting in self.batch.waiting.drain(..) {
            let _ = waiting.answer.send(Ok(waiting.position));
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if let Some(current) = &mut self.current {
            current.file.write(&self.batch.encoded)?;
        }
        self.batch.encoded.clear();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        current.file.sync()?;
        if current.durable == 0 {
            self.disk.sync_folder(&self.settings.dir)?;
        }
        Ok(())
    }

    /// Gives up the current segment after an error: what was not durable before is cut off, and
    /// nothing is written after it, because nobody knows what is on disk.
    fn abandon(&mut self, error: &io::Error) {
        self.batch.encoded.clear();
        let mut is_in_doubt = false;
        if let Some(current) = self.current.take() {
            let (undone, synced) = if current.durable == 0 {
                let undone = self.disk.remove(current.file.path());
                (undone, self.disk.sync_folder(&self.settings.dir))
            } else {
                (current.file.truncate(current.durable), current.file.sync())
            };
            if undone.is_err() {
                lock(&self.shared.ledger).set_bytes(current.first, current.length);
            }
            // Without the sync it is gone all the same, unless the power fails.
            is_in_doubt = undone.is_err() || synced.is_err();
            if is_in_doubt {
                self.note_doubt(current.first);
                self.tidy_soon();
            }
        }
        let refused = self.failed(error);
        for Waiting { position, answer, .. } in self.batch.waiting.drain(..) {
            let _ = answer.send(Err(match is_in_doubt {
                true => AppendError::InDoubt { reason: error.to_string(), position },
                false => refused.clone(),
            }));
        }
    }

    /// What is answered after an error. It is logged when it is the first of several.
    fn failed(&mut self, error: &io::Error) -> AppendError {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(folder = %self.settings.dir.display(), %error, "cannot write the spool");
        }
        AppendError::Io(error.to_string())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.shared.ledger).close();
        self.shared.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use tempfile::{TempDir, tempdir};
    use tokio::runtime::{Builder, Runtime};

    use super::{tidying::LAG, *};
    use crate::{Recovery, Spool, trial::Kind};

    const MAX_BYTES: u64 = 1 << 20;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    fn open(folder: &Path) -> (Spool, Disk, Recovery) {
        let disk = Disk::default();
        let settings = Settings { segment_bytes: 24 + 3 * 26, ..Settings::new(folder, MAX_BYTES) };
        let (spool, recovery) = Spool::open_on(disk.clone(), settings).unwrap();
        (spool, disk, recovery)
    }

    fn record(number: u32) -> Vec<u8> {
        format!("{number:010}").into_bytes()
    }

    fn files(folder: &Path) -> Vec<(String, u64)> {
        let mut files: Vec<_> = folder
            .read_dir()
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().len()))
            .filter(|(name, _)| name.ends_with("segment"))
            .collect();
        files.sort();
        files
    }

    /// What a killed process leaves.
    fn killed(folder: &Path) -> TempDir {
        let copy = tempdir().unwrap();
        for file in folder.read_dir().unwrap() {
            let path = file.unwrap().path();
            match std::fs::copy(&path, copy.path().join(path.file_name().unwrap())) {
                // The writer is at work meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => _ = copied.unwrap(),
            }
        }
        copy
    }

    async fn waiting(spool: &Spool) -> Vec<Vec<u8>> {
        let mut waiting = Vec::new();
        spool.scan(|_, bytes| waiting.push(bytes.to_vec())).unwrap();
        spool.rewind();
        let taken = spool.take(usize::MAX).await;
        assert!(taken.iter().map(|taken| &taken.bytes).eq(&waiting));
        waiting
    }

    #[test]
    fn failures_cost_what_was_not_confirmed() {
        use Kind::{Create, Remove, Sync, SyncFolder, Truncate, Write};
        // How many records the segment has before, and what fails.
        let cases: [(u32, &[Kind]); 11] = [
            (0, &[Create]),
            (0, &[Write]),
            (0, &[Sync]),
            (0, &[SyncFolder]),
            (0, &[Write, Remove]),
            (2, &[Write]),
            (2, &[Sync]),
            (2, &[Sync, Truncate]),
            (2, &[Write, Truncate, Remove]),
            (3, &[Create]),
            (3, &[Write]),
        ];
        for (before, failing) in cases {
            let folder = tempdir().unwrap();
            runtime().block_on(async {
                let (spool, disk, _) = open(folder.path());
                let mut kept = Vec::new();
                for number in 0..before {
                    spool.append(record(number)).await.unwrap();
                    kept.push(record(number));
                }
                failing.iter().for_each(|&kind| disk.trial.fail(kind));
                for number in 10..13 {
                    let error = spool.append(record(number)).await.unwrap_err();
                    assert_eq!(error.to_string(), "cannot write the spool: the disk is on trial");
                }
                assert_eq!(spool.depth().records, u64::from(before), "{failing:?}");
                disk.trial.heal();
                for number in 20..24 {
                    spool.append(record(number)).await.unwrap();
                    kept.push(record(number));
                }
                assert_eq!(waiting(&spool).await, kept, "{failing:?}");
                // What was not confirmed may come after a crash, but only if it could not be undone.
                let left = killed(folder.path());
                let (revived, _, recovery) = open(left.path());
                let found = waiting(&revived).await;
                if failing.contains(&Truncate) {
                    let confirmed = found.iter().filter(|record| kept.contains(record));
                    assert!(confirmed.eq(&kept), "{failing:?}");
                } else {
                    assert_eq!(found, kept, "{failing:?}");
                    // Files that could not be deleted count until they are.
                    let counted = spool.depth().bytes;
                    assert!(recovery.bytes <= counted, "{failing:?}");
                    assert!(recovery.bytes == counted || failing.contains(&Remove), "{failing:?}");
                }
                // All space comes back.
                let last = spool.append(record(30)).await.unwrap();
                spool.done(last).await;
                spool.close().await;
                assert_eq!(files(folder.path()), [], "{failing:?}");
            });
        }
    }

    /// After a sync failed the operating system may have dropped what was written, and calls the
    /// next sync a success.
    #[test]
    fn what_was_not_synced_is_refused_and_never_synced_again() {
        for (before, kind) in [(0, Kind::Sync), (2, Kind::Sync), (0, Kind::SyncFolder)] {
            let folder = tempdir().unwrap();
            runtime().block_on(async {
                let (spool, disk, _) = open(folder.path());
                let mut kept = Vec::new();
                for number in 0..before {
                    spool.append(record(number)).await.unwrap();
                    kept.push(record(number));
                }
                let confirmed = files(folder.path());
                let writes = disk.trial.count(Kind::Write);
                disk.trial.fail_once(kind);
                // Some share the sync.
                let appends = (10..13).map(|number| spool.append(record(number)));
                let answers = futures(appends).await;
                let refused = answers.iter().filter(|answer| answer.is_err()).count();
                assert!(refused > 0, "{kind:?}");
                for (number, answer) in (10..).zip(&answers) {
                    kept.extend(answer.is_ok().then(|| record(number)));
                }
                // What was refused is gone from its file, and the file is left as it was.
                for file in &confirmed {
                    assert!(files(folder.path()).contains(file), "{kind:?}: {confirmed:?}");
                }
                spool.append(record(20)).await.unwrap();
                kept.push(record(20));
                assert!(disk.trial.count(Kind::Write) > writes + 1);
                for file in &confirmed {
                    assert!(files(folder.path()).contains(file), "written again: {confirmed:?}");
                }
                assert_eq!(waiting(&spool).await, kept, "{kind:?}");
                let left = killed(folder.path());
                assert_eq!(waiting(&open(left.path()).0).await, kept, "{kind:?}");
            });
        }
    }

    /// Polls all at once, in their order.
    async fn futures<T: Send + 'static>(
        all: impl Iterator<Item = impl Future<Output = T>>,
    ) -> Vec<T> {
        let mut all: Vec<_> = all.map(Box::pin).collect();
        let mut answers: Vec<Option<T>> = all.iter().map(|_| None).collect();
        std::future::poll_fn(move |context| {
            for (future, answer) in all.iter_mut().zip(&mut answers) {
                if answer.is_none()
                    && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
                {
                    *answer = Some(ready);
                }
            }
            match answers.iter().all(Option::is_some) {
                true => std::task::Poll::Ready(answers.drain(..).flatten().collect()),
                false => std::task::Poll::Pending,
            }
        })
        .await
    }

    #[test]
    fn a_full_disk_is_survived() {
        // Room for a part of a header, of a record, for one record, for two.
        for room in [0, 10, 24, 30, 50, 60, 76, 90] {
            let folder = tempdir().unwrap();
            runtime().block_on(async {
                let (spool, disk, _) = open(folder.path());
                disk.trial.fill_up(room);
                let mut kept = Vec::new();
                for number in 0..10 {
                    match spool.append(record(number)).await {
                        Ok(_) => kept.push(record(number)),
                        Err(error) => assert!(matches!(error, AppendError::Io(_)), "{error}"),
                    }
                }
                let confirmed = (room.saturating_sub(24) / 26) as u64;
                assert_eq!(spool.depth().records, confirmed, "{room}");
                // Nothing is left behind of what was refused.
                let on_disk: u64 = files(folder.path()).iter().map(|(_, bytes)| bytes).sum();
                assert_eq!((on_disk, spool.depth().bytes), (on_disk, on_disk), "{room}");
                assert_eq!(on_disk, if confirmed > 0 { 24 + confirmed * 26 } else { 0 }, "{room}");
                disk.trial.heal();
                spool.append(record(11)).await.unwrap();
                kept.push(record(11));
                assert_eq!(waiting(&spool).await, kept, "{room}");
                assert_eq!(waiting(&open(killed(folder.path()).path()).0).await, kept, "{room}");
            });
        }
    }

    #[test]
    fn a_full_disk_can_be_drained() {
        let folder = tempdir().unwrap();
        runtime().block_on(async {
            let (spool, disk, _) = open(folder.path());
            let mut last = spool.append(record(0)).await.unwrap();
            for number in 1..7 {
                last = spool.append(record(number)).await.unwrap();
            }
            disk.trial.fill_up(0);
            assert!(spool.append(record(7)).await.is_err());
            let taken = spool.take(usize::MAX).await;
            assert_eq!(taken.len(), 7);
            // Not even the progress can be written; files can be deleted.
            spool.done(last).await;
            assert_eq!(spool.depth().records, 0);
            assert_eq!(files(folder.path()), []);
            disk.trial.heal();
            spool.close().await;
            assert_eq!(open(folder.path()).2, Recovery::default());
        });
    }

    /// Whoever knows what was stored needs to know it until the spool does.
    #[test]
    fn what_is_done_is_settled_when_no_crash_brings_it_back() {
        use Kind::{Create, Remove, Rename, Sync, SyncFolder, Write};
        let read_only: &[Kind] = &[Create, Write, Sync, SyncFolder, Rename, Remove];
        // What fails, and how many of the first four records are settled all the same.
        let cases: [(&[Kind], usize); 6] = [
            (&[], 4),
            (read_only, 0),
            (&[Rename], 3),
            (&[Create], 3),
            (&[SyncFolder], 0),
            (&[Remove], 0),
        ];
        for (failing, settled) in cases {
            let folder = tempdir().unwrap();
            runtime().block_on(async {
                let (spool, disk, _) = open(folder.path());
                let mut positions = Vec::new();
                for number in 0..6 {
                    positions.push(spool.append(record(number)).await.unwrap());
                }
                failing.iter().for_each(|kind| disk.trial.fail(*kind));
                spool.done(positions[3]).await;
                let within = |position, time| {
                    let settled = spool.settled(position);
                    async move { tokio::time::timeout(time, settled).await.unwrap_or(false) }
                };
                for (number, position) in positions.iter().take(4).enumerate() {
                    // Longer than the progress may lag behind.
                    let time = if number < settled { LAG * 20 } else { LAG * 2 };
                    let found = within(*position, time).await;
                    assert_eq!(found, number < settled, "{failing:?}: {number}");
                    let came_back = waiting(&open(killed(folder.path()).path()).0).await;
                    assert!(!(found && came_back.contains(&record(number as u32))));
                }
                disk.trial.heal();
                assert!(within(positions[3], LAG * 20).await, "{failing:?}");
                assert!(!within(positions[4], Duration::ZERO).await, "{failing:?}");
                let waits = spool.settled(positions[5]);
                spool.close().await;
                assert!(!waits.await, "{failing:?}");
            });
        }
    }

    /// Whoever was told that a record is not kept needs to know until when it may come in spite of it.
    #[test]
    fn what_could_not_be_undone_is_in_doubt_until_it_cannot_come() {
        use Kind::{Remove, Sync, SyncFolder, Truncate, Write};
        // Records before, what fails, and whether that leaves a doubt.
        let cases: [(u32, &[Kind], bool); 7] = [
            (0, &[Write], false),
            (0, &[Sync], false),
            (2, &[Write], false),
            (2, &[Sync], true),
            (2, &[Sync, Truncate], true),
            (0, &[Sync, Remove], true),
            (0, &[SyncFolder], true),
        ];
        for (before, failing, expected) in cases {
            let folder = tempdir().unwrap();
            runtime().block_on(async {
                let (spool, disk, _) = open(folder.path());
                let mut last = None;
                for number in 0..before {
                    last = Some(spool.append(record(number)).await.unwrap());
                }
                failing.iter().for_each(|&kind| disk.trial.fail(kind));
                let refused = spool.append(record(10)).await.unwrap_err();
                let AppendError::InDoubt { position, .. } = refused else {
                    assert!(!expected, "{failing:?}: {refused}");
                    return;
                };
                assert!(expected, "{failing:?}");
                let within = |time| {
                    let settled = spool.doubt_settled(position);
                    async move { tokio::time::timeout(time, settled).await.unwrap_or(false) }
                };
                assert!(!within(Duration::ZERO).await, "{failing:?}");
                disk.trial.heal();
                if let Some(last) = last {
                    // Its file is still needed for those before.
                    assert!(!within(LAG * 2).await, "{failing:?}");
                    spool.done(last).await;
                }
                assert!(within(LAG * 20).await, "{failing:?}");
                assert_eq!(open(killed(folder.path()).path()).2.records, 0, "{failing:?}");
                spool.close().await;
            });
        }
    }

    /// The file stays for others, and the progress passes what was refused.
    #[test]
    fn a_doubt_is_settled_when_later_records_are_dealt_with() {
        let folder = tempdir().unwrap();
        runtime().block_on(async {
            let (spool, disk, _) = open(folder.path());
            spool.append(record(0)).await.unwrap();
            [Kind::Sync, Kind::Truncate].into_iter().for_each(|kind| disk.trial.fail(kind));
            let refused = spool.append(record(1)).await.unwrap_err();
            let AppendError::InDoubt { position, .. } = refused else { panic!("{refused}") };
            disk.trial.heal();
            disk.trial.fail(Kind::Remove);
            let later = spool.append(record(2)).await.unwrap();
            spool.append(record(3)).await.unwrap();
            spool.done(later).await;
            let settled = spool.doubt_settled(position);
            assert!(!tokio::time::timeout(LAG * 2, settled).await.unwrap_or(false));
            disk.trial.heal();
            let settled = spool.doubt_settled(position);
            assert!(tokio::time::timeout(LAG * 20, settled).await.unwrap());
            let found = waiting(&open(killed(folder.path()).path()).0).await;
            assert_eq!(found, [record(3)]);
        });
    }

    #[test]
    fn a_disk_that_hangs_need_not_be_waited_for() {
        let folder = tempdir().unwrap();
        let (spool, disk, _) = open(folder.path());
        let runtime = runtime();
        let held = disk.trial.hold();
        let mut appending = runtime.block_on(spool.begin_append(record(1))).unwrap();
        let late = runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(50), &mut appending).await
        });
        assert!(late.is_err());
        drop(held);
        let position = runtime.block_on(appending).unwrap();
        let taken = runtime.block_on(spool.take(usize::MAX));
        assert_eq!((taken.len(), taken[0].position), (1, position));
    }

    #[test]
    fn those_who_wait_share_a_sync() {
        let folder = tempdir().unwrap();
        let (spool, disk, _) = open(folder.path());
        let settings = Settings::new(folder.path().join("large"), MAX_BYTES * 64);
        drop(spool);
        let (spool, _) = Spool::open_on(disk.clone(), settings).unwrap();
        let runtime = runtime();
        let synced_before = disk.trial.count(Kind::Sync);
        let held = disk.trial.hold();
        let appends = runtime.block_on(async {
            let appends = (0..64).map(|number| {
                let spool = spool.clone();
                tokio::spawn(async move { spool.append(vec![number; 100_000]).await })
            });
            let appends: Vec<_> = appends.collect();
            // Each has sent its record after its first turn; one yielding is not a turn for all.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            appends
        });
        drop(held);
        runtime.block_on(async {
            for append in appends {
                append.await.unwrap().unwrap();
            }
            assert_eq!(spool.depth().records, 64);
        });
        let syncs = disk.trial.count(Kind::Sync) - synced_before;
        assert!((1..=2).contains(&syncs), "{syncs} syncs for 64 records");
    }

    #[test]
    fn progress_is_written_soon() {
        let folder = tempdir().unwrap();
        runtime().block_on(async {
            let (spool, disk, _) = open(folder.path());
            let first = spool.append(record(0)).await.unwrap();
            let second = spool.append(record(1)).await.unwrap();
            spool.done(first).await;
            // The segment stays, so that this is not written at once. The folder is synced when
            // the spool is opened, for the segment, and after the progress.
            disk.trial.wait_for(Kind::SyncFolder, 3);
            assert_eq!(open(killed(folder.path()).path()).2.records, 1);
            // When nothing waits, the segment goes too.
            spool.done(second).await;
            disk.trial.wait_for(Kind::SyncFolder, 4);
            assert_eq!(files(folder.path()), []);
            // The last second's progress is written by the close.
            let third = spool.append(record(2)).await.unwrap();
            spool.append(record(3)).await.unwrap();
            spool.done(third).await;
            spool.close().await;
            assert_eq!(open(folder.path()).2.records, 1);
        });
    }

    #[test]
    fn what_cannot_be_deleted_is_deleted_later() {
        let folder = tempdir().unwrap();
        runtime().block_on(async {
            let (spool, disk, _) = open(folder.path());
            let mut positions = Vec::new();
            for number in 0..9 {
                positions.push(spool.append(record(number)).await.unwrap());
            }
            disk.trial.fail(Kind::Remove);
            spool.done(positions[5]).await;
            // The space counts as long as it is taken.
            assert_eq!((spool.depth().records, spool.depth().bytes), (3, 3 * 102));
            assert_eq!(waiting(&spool).await, [record(6), record(7), record(8)]);
            disk.trial.heal();
            spool.done(positions[6]).await;
            assert_eq!((spool.depth().records, spool.depth().bytes), (2, 102));
        });
    }
}
