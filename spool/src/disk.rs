//! Every change that the spool makes on disk, so that tests can let each of them fail and can say
//! what a power cut leaves.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Tests on trial disks would take minutes, and no power is cut.
const DURABLE: bool = cfg!(not(test));

/// Where the spool writes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) trial: crate::trial::Trial,
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct DiskFile {
    disk: Disk,
    path: PathBuf,
    file: File,
}

/// A change on disk.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), allow(dead_code, reason = "only tests look into it"))]
pub(crate) enum Change<'a> {
    Create(&'a Path),
    /// Bytes at the end of a file.
    Write(&'a Path, &'a [u8]),
    /// What was written to the file is durable.
    Sync(&'a Path),
    Truncate(&'a Path, u64),
    /// The names of the files in the folder are durable.
    SyncFolder,
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
}

impl Disk {
    /// Asks whether a change may be made, and how many of its bytes.
    #[cfg(test)]
    fn begin(&self, change: Change<'_>) -> (usize, io::Result<()>) {
        self.trial.begin(change)
    }

    /// Asks whether a change may be made, and how many of its bytes.
    #[cfg(not(test))]
    fn begin(&self, change: Change<'_>) -> (usize, io::Result<()>) {
        let bytes = if let Change::Write(_, bytes) = change { bytes.len() } else { 0 };
        (bytes, Ok(()))
    }

    fn may(&self, change: Change<'_>) -> io::Result<()> {
        self.begin(change).1
    }

    /// Creates a file that does not exist.
    pub(crate) fn create(&self, path: &Path) -> io::Result<DiskFile> {
        self.may(Change::Create(path))?;
        let file = File::create_new(path)?;
        Ok(DiskFile { disk: self.clone(), path: path.to_owned(), file })
    }

    /// Makes durable what a file holds that was written before.
    pub(crate) fn sync(&self, path: &Path) -> io::Result<()> {
        self.may(Change::Sync(path))?;
        let file = File::open(path)?;
        if DURABLE { file.sync_data() } else { Ok(()) }
    }

    /// Makes durable which files the folder holds.
    pub(crate) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.may(Change::SyncFolder)?;
        let folder = File::open(folder)?;
        if DURABLE { folder.sync_all() } else { Ok(()) }
    }

    /// Renames a file over another.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may(Change::Rename(from, to))?;
        std::fs::rename(from, to)
    }

    /// Deletes a file. One that is not there is deleted.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.may(Change::Remove(path))?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl DiskFile {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes at the end. After an error a part of the bytes may be there.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (allowed, verdict) = self.disk.begin(Change::Write(&self.path, bytes));
        self.file.write_all(bytes.get(..allowed).unwrap_or(bytes))?;
        verdict
    }

    /// Makes durable what was written. After an error nothing is known of what was written since
    /// the last time: the operating system may have dropped it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.disk.may(Change::Sync(&self.path))?;
        if DURABLE { self.file.sync_data() } else { Ok(()) }
    }

    /// Cuts the file off.
    pub(crate) fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.disk.may(Change::Truncate(&self.path, bytes))?;
        self.file.set_len(bytes)
    }
}
