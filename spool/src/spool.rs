//! The handle.

use std::{
    fs::File,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::{Mutex, Semaphore, oneshot, watch};

use crate::{
    AppendError, OpenError,
    disk::Disk,
    reader::{self, Cursor, ReadFailed, lock},
    recovery::{self, create_folder, recover},
    segment,
    writer::{Append, Doubt, Message, Shared, Writer},
};

/// Bytes of records that wait to be written; who appends more waits before.
const WAITING_BYTES: usize = 64 << 20;

/// What a record costs in memory besides its bytes, about.
const WAITING_OVERHEAD: usize = 256;

/// Until a file that could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

const LOCK_FILE: &str = "lock";

/// Where a spool is, and how large it may become.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder, created if need be. Files in it that are not the spool's are left alone.
    pub dir: PathBuf,
    /// Bytes that all segments may take on disk.
    pub max_bytes: u64,
    /// Bytes after which a new segment is begun. Since space is freed by segments, it counts at
    /// most as a quarter of `max_bytes`.
    pub segment_bytes: u64,
}

impl Settings {
    /// The usual settings: segments of 16 MiB.
    pub fn new(dir: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self { dir: dir.into(), max_bytes, segment_bytes: 16 << 20 }
    }

    pub(crate) fn effective_segment_bytes(&self) -> u64 {
        self.segment_bytes.min(self.max_bytes / 4)
    }
}

/// A record's place in the queue. Later records have greater ones, also after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub(crate) u64);

impl Position {
    /// Its place as a number, to be kept beside the spool. It serves as long as the folder does.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A record that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What to tell [`Spool::done`].
    pub position: Position,
    /// What was appended.
    pub bytes: Vec<u8>,
}

/// What was found when a spool was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records that wait.
    pub records: u64,
    /// Bytes that the files take.
    pub bytes: u64,
    /// Places that were damaged and are skipped; each was logged. A crash while writing leaves one.
    pub damaged_parts: u64,
    /// Bytes in these places.
    pub damaged_bytes: u64,
}

/// How full a spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Records that wait to be dealt with, taken or not.
    pub records: u64,
    /// Bytes that the files take, with what is dealt with and not yet deleted.
    pub bytes: u64,
    /// Bytes that they may take.
    pub max_bytes: u64,
}

/// What was lost of what was on a spool, since it was opened. A restart counts anew, and again what
/// is still on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Records that were not dealt with, and are skipped because they are damaged or cannot be read.
    /// Where only their bytes are known to be lost, as at the end of a file, fewer are counted than
    /// there may have been; what a crash while writing leaves is none.
    pub records: u64,
    /// Bytes that were damaged or could not be read where such records may have been.
    pub bytes: u64,
    /// Files that could not be read, at least in part, or have vanished. They are kept as
    /// `….unreadable`.
    pub unreadable_files: u64,
}

/// An open spool. Cheap to clone; all clones are one. It is closed by [`close`](Self::close), or
/// soon after the last clone was dropped.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    messages: Sender<Message>,
    durable: watch::Receiver<u64>,
    doubts: watch::Receiver<Vec<Doubt>>,
    memory: Arc<Semaphore>,
    cursor: Arc<Mutex<Cursor>>,
    disk: Disk,
    settings: Arc<Settings>,
}

impl Spool {
    /// Opens the folder, or creates it, and looks through all that waits in it. This blocks, for
    /// about a second per gigabyte or two.
    ///
    /// # Errors
    /// When another process has it open, when a newer program wrote it, when the folder cannot be
    /// written, or when it cannot be read how far it was drained; never because of what files hold.
    /// Segments that the disk cannot read are kept and counted, see [`damage`](Self::damage).
    pub fn open(settings: Settings) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(Disk::default(), settings)
    }

    /// Whether records may wait in a folder that cannot be opened: it has segments, or cannot be
    /// listed.
    pub fn may_hold_records(dir: &Path) -> bool {
        recovery::may_hold_records(dir)
    }

    pub(crate) fn open_on(disk: Disk, settings: Settings) -> Result<(Self, Recovery), OpenError> {
        let dir = &settings.dir;
        create_folder(dir, &disk)?;
        let lock = lock_folder(&settings)?;
        let recovered = recover(dir, &disk)?;
        let recovery = recovered.recovery;
        let shared = Arc::new(Shared { ledger: recovered.ledger.into(), ..Shared::default() });
        let (sender, receiver) = channel();
        let cursor = Arc::new(Mutex::new(Cursor::new(dir, disk.clone())));
        let (settings_too, disk_too) = (settings.clone(), disk.clone());
        let writer = Writer::new(Arc::clone(&shared), settings_too, disk_too, recovered.next, lock);
        let (durable, doubts) = (writer.durable(), writer.doubts());
        std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|source| OpenError::Io { path: dir.clone(), source })?;
        let spool = Self {
            shared,
            messages: sender,
            durable,
            doubts,
            memory: Arc::new(Semaphore::new(WAITING_BYTES)),
            cursor,
            disk,
            settings: Arc::new(settings),
        };
        Ok((spool, recovery))
    }

    /// Keeps a record. It is durable when this returns, and it is behind all records whose appending
    /// had returned before. When the future is dropped, the record may be kept or not.
    ///
    /// # Errors
    /// When the record is not kept; see [`AppendError`].
    pub async fn append(&self, record: Vec<u8>) -> Result<Position, AppendError> {
        self.begin_append(record).await?.await
    }

    /// Gives a record to whoever writes, when there is memory for it: the first part of
    /// [`append`](Self::append). When the future is dropped, the record is not kept.
    ///
    /// # Errors
    /// As there.
    pub async fn begin_append(&self, record: Vec<u8>) -> Result<Appending, AppendError> {
        let too_large = AppendError::TooLarge { bytes: record.len() };
        let length = u32::try_from(record.len()).map_err(|_| too_large.clone())?;
        let least = segment::HEADER_BYTES as u64 + segment::encoded_bytes(length);
        if least > self.settings.max_bytes {
            return Err(too_large);
        }
        let needed = record.len().saturating_add(WAITING_OVERHEAD).min(WAITING_BYTES);
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.memory).acquire_many_owned(needed).await;
        let memory = memory.map_err(|_| AppendError::Closed)?;
        let (answer, confirmed) = oneshot::channel();
        let append = Append { record, length, answer, memory };
        self.messages.send(Message::Append(append)).map_err(|_| AppendError::Closed)?;
        Ok(Appending(confirmed))
    }

    /// Waits for the oldest records that were not taken yet, and takes up to `max_bytes` of them,
    /// at least one. Nothing is taken when the future is dropped. There are none only when the
    /// spool is closed or the runtime shuts down.
    ///
    /// A file that cannot be read is tried again each second, for a minute; then what cannot be read
    /// of it is skipped, see [`damage`](Self::damage).
    pub async fn take(&self, max_bytes: usize) -> Vec<Taken> {
        loop {
            // One at a time: the order would mean nothing otherwise.
            let mut cursor = Arc::clone(&self.cursor).lock_owned().await;
            let Some(from) = self.wait_for_records().await else {
                return Vec::new();
            };
            let shared = Arc::clone(&self.shared);
            let reading = move || {
                let read = cursor.read(&shared.ledger, from, max_bytes);
                (cursor, read)
            };
            let (_cursor, read) = match tokio::task::spawn_blocking(reading).await {
                Ok(read) => read,
                Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
                // The runtime is shutting down.
                Err(_) => return Vec::new(),
            };
            let batch = match read {
                Ok(batch) => batch,
                Err(failed) => {
                    self.read_failed(failed).await;
                    continue;
                }
            };
            if batch.lost {
                // A file may hold nothing any more.
                let _ = self.messages.send(Message::Done(0, oneshot::channel().0));
            }
            // From here on nothing waits, so that what is taken is returned.
            let taken = lock(&self.shared.ledger).take(from, batch.through);
            if taken && !batch.records.is_empty() {
                return batch.records;
            }
        }
    }

    /// Waits until the next attempt, or gives up what of the file cannot be read.
    async fn read_failed(&self, failed: ReadFailed) {
        let ReadFailed { file, error, tries, unreadable } = failed;
        if tries % reader::TRIES == 1 {
            tracing::warn!(
                file = %file.display(), %error,
                "cannot read a file of the spool; it is tried again and again"
            );
        }
        match unreadable {
            None => tokio::time::sleep(RETRY).await,
            Some(first) => {
                let (answer, kept) = oneshot::channel();
                if self.messages.send(Message::Unreadable(first, answer)).is_ok() {
                    let _ = kept.await;
                }
            }
        }
    }

    /// Waits until there is something to take; returns what was taken before, or nothing when the
    /// spool is closed.
    async fn wait_for_records(&self) -> Option<u64> {
        loop {
            {
                let ledger = lock(&self.shared.ledger);
                if ledger.is_closed() {
                    return None;
                }
                let taken = ledger.taken();
                if ledger.stretch_after(taken).is_some() {
                    return Some(taken);
                }
            }
            self.shared.news.notified().await;
        }
    }

    /// What was taken and is not dealt with is taken again: the drainer failed.
    pub fn rewind(&self) {
        lock(&self.shared.ledger).rewind();
        self.shared.news.notify_one();
    }

    /// Says that everything up to and including this record is dealt with. Segments of which this
    /// is true for all records are deleted when this returns. The progress in others becomes durable
    /// within about a second, see [`settled`](Self::settled): after a crash before that their records
    /// are given again.
    pub async fn done(&self, position: Position) {
        let (answer, noted) = oneshot::channel();
        // After the close, the records are given again.
        if self.messages.send(Message::Done(position.0, answer)).is_ok() {
            let _ = noted.await;
        }
    }

    /// Waits until no crash gives this record again, nor any before it, which were
    /// [done](Self::done) before: their segments are deleted, or the progress is on disk. While the
    /// disk takes neither, that is for ever. `false` when the spool is closed before.
    pub fn settled(&self, position: Position) -> impl Future<Output = bool> + Send + use<> {
        let mut durable = self.durable.clone();
        async move { durable.wait_for(|durable| *durable >= position.0).await.is_ok() }
    }

    /// Waits until no crash gives a record any more whose appending ended
    /// [in doubt](AppendError::InDoubt). `false` when the spool is closed before.
    pub fn doubt_settled(&self, position: Position) -> impl Future<Output = bool> + Send + use<> {
        let mut doubts = self.doubts.clone();
        async move {
            let settled = |doubts: &Vec<Doubt>| doubts.iter().all(|doubt| !doubt.is_of(position));
            doubts.wait_for(settled).await.is_ok()
        }
    }

    /// Gives `visit` all records that wait, taken or not, in their order. This blocks.
    ///
    /// # Errors
    /// When a file cannot be read, after all that can be read was visited. Damaged records are left
    /// out.
    pub fn scan(&self, visit: impl FnMut(Position, &[u8])) -> std::io::Result<()> {
        reader::scan(&self.shared.ledger, &self.disk, &self.settings.dir, visit)
    }

    /// The folder that it is in. Files that others put there are left alone.
    pub fn folder(&self) -> &Path {
        &self.settings.dir
    }

    /// How full it is.
    pub fn depth(&self) -> Depth {
        let ledger = lock(&self.shared.ledger);
        let max_bytes = self.settings.max_bytes;
        Depth { records: ledger.records(), bytes: ledger.bytes(), max_bytes }
    }

    /// What was lost since it was opened, with what the opening itself found.
    pub fn damage(&self) -> Damage {
        lock(&self.shared.ledger).damage()
    }

    /// Writes what was asked for before, notes the progress, and lets go of the folder. Other clones
    /// get errors from then on.
    pub async fn close(self) {
        let (answer, closed) = oneshot::channel();
        if self.messages.send(Message::Close(answer)).is_ok() {
            let _ = closed.await;
        }
    }
}

/// A record on its way to the disk: ends when it is durable, or is not kept. When it is dropped, the
/// record may be kept or not.
#[derive(Debug)]
pub struct Appending(oneshot::Receiver<Result<Position, AppendError>>);

impl Future for Appending {
    type Output = Result<Position, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let confirmed = Pin::new(&mut self.0).poll(context);
        confirmed.map(|confirmed| confirmed.unwrap_or(Err(AppendError::Closed)))
    }
}

/// A folder that is ours until this is gone, or the process. Closing the file is not enough: a
/// process that was just forked has it open too until it becomes another program.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // The system does it at the latest when all have closed it.
        let _ = self.0.unlock();
    }
}

fn lock_folder(settings: &Settings) -> Result<FolderLock, OpenError> {
    let path = settings.dir.join(LOCK_FILE);
    let file = File::options().create(true).write(true).truncate(false).open(&path);
    let file = file.map_err(|source| OpenError::Io { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock(file)),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(OpenError::InUse { dir: settings.dir.clone() })
        }
        Err(std::fs::TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}
