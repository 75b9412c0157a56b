//! All that the spool does on disk, so that tests can let any of it fail and can say what a power
//! cut leaves.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// What Linux says of a file that the disk or the filesystem has lost: EIO, EBADMSG, EUCLEAN.
const LOST: [i32; 3] = [5, 74, 117];

/// Whether the file cannot be read whoever tries and however often, as far as can be told.
pub(crate) fn is_of_the_disk(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| LOST.contains(&code))
}

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

/// A file that is read.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    #[cfg(test)]
    trial: crate::trial::Trial,
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

    /// Opens a file to read it.
    pub(crate) fn open(&self, path: &Path) -> io::Result<Source> {
        let file = File::open(path)?;
        #[cfg(test)]
        self.trial.opened(&file)?;
        Ok(Source {
            file,
            #[cfg(test)]
            trial: self.trial.clone(),
        })
    }

    /// All that a file holds.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
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

impl Source {
    /// Bytes of the file.
    pub(crate) fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|file| file.len())
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(test)]
        let buffer = self.trial.readable(&self.file, buffer)?;
        self.file.read(buffer)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
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
