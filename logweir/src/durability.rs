//! What the data folder keeps of events: the spool, and the number under which this installation
//! leaves receipts.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use rand::Rng as _;
use spool::{Recovery, Spool};

use crate::data_dir::{DataDir, LockedFile, create_private_dir};

/// In the data folder.
const SPOOL: &str = "spool";

/// In the data folder: a positive number. Locked by the program that leaves receipts under it.
const INSTANCE: &str = "instance";

/// What the data folder keeps of events.
#[derive(Debug)]
pub(crate) struct Durability {
    /// `None` where there may be none, or the folder cannot be written to.
    pub(crate) spool: Option<Spool>,
    /// Tells the receipts of this installation from those of others: the same after a restart.
    pub(crate) owner: i32,
    /// To be held for as long as receipts are left under that number.
    pub(crate) lock: Option<InstanceLock>,
}

/// Keeps other programs from leaving receipts under the same number.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    _file: LockedFile,
}

/// Why events cannot be taken with this data folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DurabilityError {
    /// Another program takes events with it.
    #[error(
        "another program that takes events uses the folder {0}. Stop that program, or set \
         LOGWEIR_DATA_DIR to a folder for each"
    )]
    InUse(PathBuf),
    /// Another program uses the spool.
    #[error("{0}. Stop that program, or set LOGWEIR_DATA_DIR to a folder for each")]
    SpoolInUse(spool::OpenError),
    /// Nobody can tell which requests wait on the spool, though some may. Their senders may come
    /// again: without knowing them, the program would store twice what they send.
    #[error("{0}")]
    SpoolUnknown(spool::OpenError),
    /// The same where the spool cannot be used at all.
    #[error(
        "requests that were answered already may wait on the spool: {0}. Mend that and start again; \
         to go on without them, move the folder away or set LOGWEIR_DATA_DIR to another one"
    )]
    SpoolUnusable(spool::OpenError),
}

impl Durability {
    /// For a program that takes no events.
    pub(crate) fn not_needed() -> Self {
        Self { spool: None, owner: random(), lock: None }
    }

    /// Opens the spool, of at most so many bytes; 0 means none.
    ///
    /// # Errors
    /// When another program uses the folder, and when something may wait on the spool and it cannot be
    /// used. A folder that cannot be written to, and holds nothing, is only warned of: events then wait
    /// with their senders while the database is away.
    pub(crate) fn open(data_dir: &Path, max_bytes: u64) -> Result<Self, DurabilityError> {
        let dir = match DataDir::create(data_dir) {
            Ok(dir) => dir,
            Err(error) => {
                let text = error.to_string();
                return without(&data_dir.join(SPOOL), Self::not_needed(), io::Error::other(text));
            }
        };
        let without_spool = match instance(dir.path()) {
            Ok((owner, lock)) => Self { spool: None, owner, lock: Some(lock) },
            Err(TryLockError::WouldBlock) => {
                return Err(DurabilityError::InUse(dir.path().to_owned()));
            }
            Err(TryLockError::Error(error)) => {
                let path = dir.path().join(INSTANCE);
                tracing::warn!(%error, path = %path.display(), "this installation has no number");
                Self::not_needed()
            }
        };
        if max_bytes == 0 {
            return Ok(without_spool);
        }
        let folder = dir.path().join(SPOOL);
        if !folder.is_dir()
            && let Err(error) = create_private_dir(&folder)
        {
            return without(&folder, without_spool, error);
        }
        match Spool::open(spool::Settings::new(&folder, max_bytes)) {
            Ok((spool, recovery)) => {
                report(&recovery);
                Ok(Self { spool: Some(spool), ..without_spool })
            }
            Err(error @ spool::OpenError::InUse { .. }) => Err(DurabilityError::SpoolInUse(error)),
            Err(error @ (spool::OpenError::Progress { .. } | spool::OpenError::Version { .. })) => {
                Err(DurabilityError::SpoolUnknown(error))
            }
            Err(error) if Spool::may_hold_records(&folder) => {
                Err(DurabilityError::SpoolUnusable(error))
            }
            Err(error) => {
                tracing::warn!("there is no spool: {error}");
                Ok(without_spool)
            }
        }
    }
}

/// There can be no spool in the folder, for want of it.
fn without(
    folder: &Path,
    durability: Durability,
    source: io::Error,
) -> Result<Durability, DurabilityError> {
    let error = spool::OpenError::Io { path: folder.to_owned(), source };
    if Spool::may_hold_records(folder) {
        return Err(DurabilityError::SpoolUnusable(error));
    }
    tracing::warn!("there is no spool: {error}");
    Ok(durability)
}

fn report(recovery: &Recovery) {
    if recovery.records > 0 {
        let Recovery { records, bytes, .. } = recovery;
        tracing::info!(records, bytes, "the spool holds requests that wait for the store");
    }
}

/// The number of the file, made on the first start, and the lock of it.
fn instance(dir: &Path) -> Result<(i32, InstanceLock), TryLockError> {
    let mut options = File::options();
    options.create(true).read(true).write(true).truncate(false);
    let file = options.open(dir.join(INSTANCE)).map_err(TryLockError::Error)?;
    file.try_lock()?;
    let mut file = LockedFile(file);
    let number = kept_number(&mut file.0).map_err(TryLockError::Error)?;
    Ok((number, InstanceLock { _file: file }))
}

fn kept_number(file: &mut File) -> io::Result<i32> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let kept = str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
    if let Some(number) = kept.filter(|number| *number > 0) {
        return Ok(number);
    }
    let number = random();
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(format!("{number}\n").as_bytes())?;
    Ok(number)
}

fn random() -> i32 {
    rand::rng().random_range(1..=i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_number_stays() {
        let temp = tempfile::tempdir().unwrap();
        let (number, lock) = instance(temp.path()).unwrap();
        assert!(number > 0);
        assert!(matches!(instance(temp.path()), Err(TryLockError::WouldBlock)));
        drop(lock);
        assert_eq!(instance(temp.path()).unwrap().0, number);
        for nonsense in [&b"-5"[..], b"x", b"", b"\xff"] {
            fs::write(temp.path().join(INSTANCE), nonsense).unwrap();
            let made = instance(temp.path()).unwrap().0;
            assert!(made > 0 && instance(temp.path()).unwrap().0 == made);
        }
    }

    #[tokio::test]
    async fn one_program_at_a_time_takes_events_with_a_folder() {
        let temp = tempfile::tempdir().unwrap();
        for (first, second) in [(1 << 20, 1 << 20), (1 << 20, 0), (0, 1 << 20), (0, 0)] {
            let open = Durability::open(temp.path(), first).unwrap();
            assert_eq!(open.spool.is_some(), first > 0);
            let refused = Durability::open(temp.path(), second).unwrap_err();
            assert!(matches!(refused, DurabilityError::InUse(_)), "{refused}");
            assert!(refused.to_string().contains("LOGWEIR_DATA_DIR"), "{refused}");
            let Durability { owner, lock, spool } = open;
            if let Some(spool) = spool {
                spool.close().await;
            }
            drop(lock);
            let again = Durability::open(temp.path(), 0).unwrap();
            assert_eq!(again.owner, owner);
            assert_ne!(Durability::not_needed().owner, owner);
        }
    }

    #[tokio::test]
    async fn a_spool_of_which_nobody_knows_what_waits_stops_the_start() {
        let temp = tempfile::tempdir().unwrap();
        let Durability { spool, lock, .. } = Durability::open(temp.path(), 1 << 20).unwrap();
        spool.unwrap().close().await;
        drop(lock);
        // A link to itself cannot be read by anybody.
        let progress = temp.path().join(SPOOL).join("progress");
        let _ = fs::remove_file(&progress);
        std::os::unix::fs::symlink(&progress, &progress).unwrap();
        let refused = Durability::open(temp.path(), 1 << 20).unwrap_err();
        assert!(matches!(refused, DurabilityError::SpoolUnknown(_)), "{refused}");
        let text = refused.to_string();
        assert!(text.contains("progress") && text.contains("start again"), "{text}");
        fs::remove_file(&progress).unwrap();
        assert!(Durability::open(temp.path(), 1 << 20).unwrap().spool.is_some());
    }

    /// Its lock cannot be opened, as on a disk that came back read-only, whoever tests.
    #[tokio::test]
    async fn a_spool_that_cannot_be_used_stops_the_start_where_something_may_wait() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join(SPOOL);
        let open = || Durability::open(temp.path(), 1 << 20);
        let spool = open().unwrap().spool.unwrap();
        spool.append(vec![1]).await.unwrap();
        spool.close().await;
        let lock = folder.join("lock");
        fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(&lock, &lock).unwrap();
        let refused = open().unwrap_err();
        assert!(matches!(refused, DurabilityError::SpoolUnusable(_)), "{refused}");
        let text = refused.to_string();
        assert!(text.contains("answered already") && text.contains("LOGWEIR_DATA_DIR"), "{text}");
        // With nothing in it, it is only warned of.
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "segment") {
                fs::remove_file(path).unwrap();
            }
        }
        assert!(open().unwrap().spool.is_none());
        // Nobody can say what is in it.
        fs::remove_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &folder).unwrap();
        let refused = open().unwrap_err();
        assert!(matches!(refused, DurabilityError::SpoolUnusable(_)), "{refused}");
    }

    #[test]
    fn without_a_folder_there_is_no_spool() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Durability::open(&file, 1 << 20).unwrap().spool.is_none());
    }
}
