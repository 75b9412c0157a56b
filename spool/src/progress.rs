//! How far the records were dealt with, on disk: one small file that is replaced as a whole.
//!
//! It may lag behind, since what is given a second time is stored once. Format: `"LWSPOOLP"`,
//! the sequence number as `u64`, the CRC-32 of both as `u32`; little-endian.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{disk::Disk, segment::SEQUENCES};

const FILE: &str = "progress";
const DAMAGED_FILE: &str = "progress.damaged";
const NEW_FILE: &str = "progress.new";
const MAGIC: [u8; 8] = *b"LWSPOOLP";
const BYTES: usize = 20;

/// The file.
#[derive(Debug)]
pub(crate) struct Progress {
    folder: PathBuf,
    /// What it says.
    written: u64,
    /// Whether the last attempt to write it failed.
    failing: bool,
}

/// What the file says.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Nothing was dealt with yet.
    Nothing,
    /// Records up to this one were dealt with.
    Through(u64),
    /// It holds something else. All records are given again.
    Damaged(PathBuf),
    /// It may say something, which cannot be read now.
    Unreadable(PathBuf, io::Error),
}

/// Reads what the folder's file says.
pub(crate) fn read(disk: &Disk, folder: &Path) -> Kept {
    let path = folder.join(FILE);
    // Once more, if need be: the next start is far away.
    match disk.read(&path).or_else(|_| disk.read(&path)) {
        Ok(bytes) => decode(&bytes).map_or(Kept::Damaged(path), Kept::Through),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Kept::Nothing,
            // It never was ours.
            io::ErrorKind::IsADirectory => Kept::Damaged(path),
            _ => Kept::Unreadable(path, error),
        },
    }
}

/// Moves a damaged file away: if it were read otherwise one day, new records would count as dealt
/// with.
pub(crate) fn set_aside(disk: &Disk, folder: &Path) {
    let (from, to) = (folder.join(FILE), folder.join(DAMAGED_FILE));
    if let Err(error) = disk.rename(&from, &to) {
        tracing::warn!(file = %from.display(), %error, "cannot rename a damaged file");
    }
}

fn encode(done: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let (checked, crc) = bytes.split_at_mut(BYTES - 4);
    let (magic, sequence) = checked.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    sequence.copy_from_slice(&done.to_le_bytes());
    crc.copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let sequence = bytes.get(MAGIC.len()..)?.first_chunk().copied().map(u64::from_le_bytes)?;
    (bytes == encode(sequence) && sequence < SEQUENCES.end).then_some(sequence)
}

impl Progress {
    /// The folder's file, which says `written` now.
    pub(crate) fn new(folder: &Path, written: u64) -> Self {
        Self { folder: folder.to_owned(), written, failing: false }
    }

    /// What the file says at least, also after a power cut.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Brings the file up to date, if it is not; says whether it is now.
    pub(crate) fn write(&mut self, disk: &Disk, done: u64) -> bool {
        if self.written == done {
            return true;
        }
        match self.replace(disk, done) {
            Ok(()) => {
                self.written = done;
                self.failing = false;
            }
            Err(error) => {
                if !self.failing {
                    let file = self.folder.join(FILE);
                    tracing::warn!(
                        file = %file.display(), %error,
                        "cannot note how far the spool was drained: after a restart records that \
                         are stored are replayed"
                    );
                }
                self.failing = true;
            }
        }
        !self.failing
    }

    fn replace(&self, disk: &Disk, done: u64) -> io::Result<()> {
        let new = self.folder.join(NEW_FILE);
        disk.remove(&new)?;
        let mut file = disk.create(&new)?;
        file.write(&encode(done))?;
        file.sync()?;
        disk.rename(&new, &self.folder.join(FILE))?;
        disk.sync_folder(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Kind;

    fn read(disk: &Disk, folder: &Path) -> Option<u64> {
        match super::read(disk, folder) {
            Kept::Nothing => None,
            Kept::Through(done) => Some(done),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keeps_progress() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let mut progress = Progress::new(folder.path(), 0);
        assert_eq!(read(&disk, folder.path()), None);
        for done in [7, 7, 9] {
            assert!(progress.write(&disk, done));
            assert_eq!(read(&disk, folder.path()), Some(done));
        }
        assert_eq!(disk.trial.count(Kind::Rename), 2, "it is not written for nothing");
        // What does not work is told, and the old file stays.
        for kind in [Kind::Create, Kind::Write, Kind::Sync, Kind::Rename, Kind::Remove] {
            disk.trial.fail(kind);
            assert!(!progress.write(&disk, 11));
            assert_eq!(read(&disk, folder.path()), Some(9), "{kind:?}");
            disk.trial.heal();
        }
        assert!(progress.write(&disk, 11));
        assert_eq!(read(&disk, folder.path()), Some(11));
    }

    #[test]
    fn recognises_damage() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let path = folder.path().join(FILE);
        let whole = encode(5);
        let mut damaged: Vec<Vec<u8>> = (0..BYTES).map(|kept| whole[..kept].to_vec()).collect();
        damaged.extend((0..BYTES).map(|at| {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 4;
            bytes
        }));
        damaged.push([&whole[..], b"x"].concat());
        damaged.push(vec![0; BYTES]);
        damaged.push(encode(u64::MAX).to_vec());
        for bytes in damaged {
            std::fs::write(&path, &bytes).unwrap();
            let kept = super::read(&disk, folder.path());
            assert!(matches!(&kept, Kept::Damaged(file) if *file == path), "{kept:?} {bytes:?}");
        }
        // It does not come back.
        set_aside(&disk, folder.path());
        assert_eq!(read(&disk, folder.path()), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, encode(5)).unwrap();
        for shut in [false, true] {
            let disk = Disk::default();
            if shut {
                disk.trial.shut(&path);
            } else {
                disk.trial.spoil(&path, 8..9);
            }
            let kept = super::read(&disk, folder.path());
            assert!(matches!(&kept, Kept::Unreadable(file, _) if *file == path), "{kept:?}");
            disk.trial.heal();
            assert_eq!(read(&disk, folder.path()), Some(5));
        }
    }
}
