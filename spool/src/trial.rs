//! A disk on trial: changes and reads fail as a test asks, and what a power cut leaves of changes is
//! rebuilt.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Seek as _},
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use crate::disk::Change;

/// What happens to a disk. All clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trial(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Plan {
    /// Bytes that can still be written; no limit if nothing.
    room: Option<usize>,
    /// Kinds of changes that fail.
    failing: BTreeSet<Kind>,
    /// Kinds of changes that fail once.
    failing_once: BTreeSet<Kind>,
    /// Bytes that cannot be read, by the file's number, which it keeps when it is renamed.
    unreadable: BTreeMap<u64, Vec<Range<u64>>>,
    /// Files that cannot even be opened.
    closed: BTreeSet<u64>,
    log: Vec<Logged>,
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Create,
    Write,
    Sync,
    Truncate,
    SyncFolder,
    Rename,
    Remove,
}

/// A change that was made.
#[derive(Debug, Clone)]
enum Logged {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    /// The operating system may have dropped what was to be synced, and will not say so again.
    SyncFailed(PathBuf),
    Truncate(PathBuf, u64),
    SyncFolder,
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Change<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Create(_) => Kind::Create,
            Self::Write(..) => Kind::Write,
            Self::Sync(_) => Kind::Sync,
            Self::Truncate(..) => Kind::Truncate,
            Self::SyncFolder => Kind::SyncFolder,
            Self::Rename(..) => Kind::Rename,
            Self::Remove(_) => Kind::Remove,
        }
    }
}

fn name(path: &Path) -> PathBuf {
    path.file_name().unwrap().into()
}

impl Trial {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap()
    }

    /// Lets all changes wait until what this returns is dropped.
    pub(crate) fn hold(&self) -> impl Sized + '_ {
        self.plan()
    }

    /// Lets changes of this kind fail from now on.
    pub(crate) fn fail(&self, kind: Kind) {
        self.plan().failing.insert(kind);
    }

    /// Lets the next change of this kind fail, and no other.
    pub(crate) fn fail_once(&self, kind: Kind) {
        self.plan().failing_once.insert(kind);
    }

    /// Lets reading these bytes of a file fail from now on.
    pub(crate) fn spoil(&self, path: &Path, bytes: Range<u64>) {
        let number = std::fs::metadata(path).unwrap().ino();
        self.plan().unreadable.entry(number).or_default().push(bytes);
    }

    /// Lets opening a file fail from now on.
    pub(crate) fn shut(&self, path: &Path) {
        let number = std::fs::metadata(path).unwrap().ino();
        self.plan().closed.insert(number);
    }

    /// Decides on a file that was opened.
    pub(crate) fn opened(&self, file: &File) -> io::Result<()> {
        let shut = self.plan().closed.contains(&file.metadata()?.ino());
        if shut { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }

    /// The part of the buffer that may be filled from the file's place on.
    pub(crate) fn readable<'a>(
        &self,
        mut file: &File,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a mut [u8]> {
        let at = file.stream_position()?;
        let plan = self.plan();
        let spoilt = plan.unreadable.get(&file.metadata()?.ino()).into_iter().flatten();
        let mut readable = buffer.len();
        for bytes in spoilt.filter(|bytes| bytes.end > at) {
            if bytes.start <= at {
                return Err(io::Error::from_raw_os_error(5));
            }
            readable = readable.min(usize::try_from(bytes.start - at).unwrap());
        }
        Ok(&mut buffer[..readable])
    }

    /// Leaves room for this many bytes.
    pub(crate) fn fill_up(&self, room: usize) {
        self.plan().room = Some(room);
    }

    /// Lets everything go well from now on.
    pub(crate) fn heal(&self) {
        let mut plan = self.plan();
        plan.failing.clear();
        plan.failing_once.clear();
        plan.unreadable.clear();
        plan.closed.clear();
        plan.room = None;
    }

    /// How many changes were made.
    pub(crate) fn changes(&self) -> usize {
        self.plan().log.len()
    }

    /// How many changes of a kind were made.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.plan().log.iter().filter(|logged| logged.kind() == Some(kind)).count()
    }

    /// Waits until so many changes of a kind were made.
    pub(crate) fn wait_for(&self, kind: Kind, count: usize) {
        let (plan, waited) = self
            .0
            .changed
            .wait_timeout_while(self.plan(), Duration::from_secs(30), |plan| {
                plan.log.iter().filter(|logged| logged.kind() == Some(kind)).count() < count
            })
            .unwrap();
        drop(plan);
        assert!(!waited.timed_out(), "{kind:?} was not done {count} times");
    }

    /// Decides on a change, and how many of its bytes are written.
    pub(crate) fn begin(&self, change: Change<'_>) -> (usize, io::Result<()>) {
        let mut plan = self.plan();
        let wanted = if let Change::Write(_, bytes) = change { bytes.len() } else { 0 };
        let room = plan.room.unwrap_or(usize::MAX);
        let fails_once = plan.failing_once.remove(&change.kind());
        let fails = fails_once || plan.failing.contains(&change.kind());
        // A failing write leaves a part behind.
        let written = if fails { wanted / 2 } else { wanted.min(room) };
        plan.room = plan.room.map(|room| room - written.min(room));
        match change {
            Change::Write(path, bytes) => {
                plan.log.push(Logged::Write(name(path), bytes[..written].to_vec()));
            }
            Change::Sync(path) if fails => plan.log.push(Logged::SyncFailed(name(path))),
            _ if fails => {}
            _ => plan.log.push(Logged::of(change)),
        }
        self.0.changed.notify_all();
        let verdict = if fails {
            Err(io::Error::other("the disk is on trial"))
        } else if written < wanted {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        };
        (written, verdict)
    }

    /// The files that may be there when the power is cut after so many changes, if before them
    /// were these. What was synced is there; of everything else, `luck` decides.
    pub(crate) fn after_power_cut(
        &self,
        before: BTreeMap<PathBuf, Vec<u8>>,
        changes: usize,
        mut luck: impl FnMut(usize) -> usize,
    ) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut folder = Folder::holding(before);
        for logged in &self.plan().log[..changes] {
            folder.apply(logged);
        }
        folder.cut_power(&mut luck)
    }
}

impl Logged {
    fn of(change: Change<'_>) -> Self {
        match change {
            Change::Create(path) => Self::Create(name(path)),
            Change::Write(path, bytes) => Self::Write(name(path), bytes.to_vec()),
            Change::Sync(path) => Self::Sync(name(path)),
            Change::Truncate(path, bytes) => Self::Truncate(name(path), bytes),
            Change::SyncFolder => Self::SyncFolder,
            Change::Rename(from, to) => Self::Rename(name(from), name(to)),
            Change::Remove(path) => Self::Remove(name(path)),
        }
    }

    /// What was done, if anything was.
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Create(_) => Kind::Create,
            Self::Write(..) => Kind::Write,
            Self::Sync(_) => Kind::Sync,
            Self::SyncFailed(_) => return None,
            Self::Truncate(..) => Kind::Truncate,
            Self::SyncFolder => Kind::SyncFolder,
            Self::Rename(..) => Kind::Rename,
            Self::Remove(_) => Kind::Remove,
        })
    }
}

/// A folder as the programs see it, and what of it is durable.
#[derive(Debug, Default)]
struct Folder {
    files: Vec<Content>,
    seen: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
}

#[derive(Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// What a sync that failed has dropped: no other sync brings it onto the disk.
    dropped: Vec<Range<usize>>,
}

impl Folder {
    fn holding(files: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let mut folder = Self::default();
        for (name, bytes) in files {
            folder.seen.insert(name, folder.files.len());
            folder.files.push(Content { seen: bytes.clone(), durable: bytes, dropped: Vec::new() });
        }
        folder.durable = folder.seen.clone();
        folder
    }

    fn apply(&mut self, logged: &Logged) {
        match logged {
            Logged::Create(name) => {
                self.seen.insert(name.clone(), self.files.len());
                self.files.push(Content::default());
            }
            Logged::Write(name, bytes) => self.file(name).seen.extend_from_slice(bytes),
            Logged::Sync(name) => {
                let file = self.file(name);
                file.durable = file.seen.clone();
                for dropped in &file.dropped {
                    file.durable[dropped.clone()].fill(0);
                }
            }
            Logged::SyncFailed(name) => {
                let file = self.file(name);
                let common = file.common();
                file.dropped.push(common..file.seen.len());
            }
            Logged::Truncate(name, bytes) => {
                let bytes = usize::try_from(*bytes).unwrap();
                let file = self.file(name);
                file.seen.truncate(bytes);
                for dropped in &mut file.dropped {
                    *dropped = dropped.start.min(bytes)..dropped.end.min(bytes);
                }
            }
            Logged::SyncFolder => self.durable = self.seen.clone(),
            Logged::Rename(from, to) => {
                let file = self.seen.remove(from).unwrap();
                self.seen.insert(to.clone(), file);
            }
            Logged::Remove(name) => {
                self.seen.remove(name);
            }
        }
    }

    fn file(&mut self, name: &Path) -> &mut Content {
        &mut self.files[self.seen[name]]
    }

    fn cut_power(self, luck: &mut impl FnMut(usize) -> usize) -> BTreeMap<PathBuf, Vec<u8>> {
        let names: BTreeSet<_> = self.seen.keys().chain(self.durable.keys()).collect();
        let mut left = BTreeMap::new();
        for name in names {
            let (seen, durable) = (self.seen.get(name), self.durable.get(name));
            let entry = if luck(2) == 0 { seen } else { durable };
            if let Some(&file) = entry {
                left.insert(name.clone(), self.files[file].cut_power(luck));
            }
        }
        left
    }
}

impl Content {
    /// How much of what is seen is durable.
    fn common(&self) -> usize {
        self.seen.iter().zip(&self.durable).take_while(|(a, b)| a == b).count()
    }

    /// What was not synced is there, is there in part, reads as zeros, or is not there.
    fn cut_power(&self, luck: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let common = self.common();
        match luck(4) {
            0 => self.durable.clone(),
            1 => self.seen.clone(),
            2 => {
                let kept = common + luck(self.seen.len() - common + 1);
                self.seen[..kept].to_vec()
            }
            _ => {
                let mut zeroed = self.seen.clone();
                zeroed[common..].fill(0);
                zeroed
            }
        }
    }
}
