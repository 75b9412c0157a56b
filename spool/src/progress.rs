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
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing was dealt with yet.
    Nothing,
    /// Records up to this one were dealt with.
    Through(u64),
    /// It cannot be told. All records are given again.
    Damaged(PathBuf),
}

/// Reads what the folder's file says.
pub(crate) fn read(folder: &Path) -> Kept {
    let path = folder.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => decode(&bytes).map_or(Kept::Damaged(path), Kept::Through),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::Nothing,
        Err(_) => Kept::Damaged(path),
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

    #[test]
    fn keeps_progress() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let mut progress = Progress::new(folder.path(), 0);
        assert_eq!(read(folder.path()), Kept::Nothing);
        for done in [7, 7, 9] {
            assert!(progress.write(&disk, done));
            assert_eq!(read(folder.path()), Kept::Through(done));
        }
        assert_eq!(disk.trial.count(Kind::Rename), 2, "it is not written for nothing");
        // What does not work is told, and the old file stays.
        for kind in [Kind::Create, Kind::Write, Kind::Sync, Kind::Rename, Kind::Remove] {
            disk.trial.fail(kind);
            assert!(!progress.write(&disk, 11));
            assert_eq!(read(folder.path()), Kept::Through(9), "{kind:?}");
            disk.trial.heal();
        }
        assert!(progress.write(&disk, 11));
        assert_eq!(read(folder.path()), Kept::Through(11));
    }

    #[test]
    fn recognises_damage() {
        let folder = tempfile::tempdir().unwrap();
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
            assert_eq!(read(folder.path()), Kept::Damaged(path.clone()), "{bytes:?}");
        }
    }
}
