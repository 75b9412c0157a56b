//! What the folder holds at the start, however the last run ended.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use crate::{
    OpenError, Recovery,
    disk::Disk,
    ledger::Ledger,
    progress::{self, Kept},
    segment::{self, Part, SEQUENCES, SegmentReader},
};

const EXTENSION: &str = "segment";

/// What was found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) ledger: Ledger,
    /// The sequence number of the next record. No file holds it, not even in a damaged part: what
    /// cannot be read today may be readable tomorrow.
    pub(crate) next: u64,
    pub(crate) recovery: Recovery,
}

/// The file of the segment with this first sequence number.
pub(crate) fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.{EXTENSION}"))
}

/// Creates the folder, so that a power cut does not take it away.
pub(crate) fn create_folder(folder: &Path, disk: &Disk) -> Result<(), OpenError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    };
    let missing: Vec<_> = folder
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
        .collect();
    for created in missing.into_iter().rev() {
        match std::fs::create_dir(created) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(created)(error));
            }
            _ => {}
        }
        let parent = match created.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        disk.sync_folder(parent).map_err(failed(parent))?;
    }
    Ok(())
}

/// Reads the folder. Files that hold nothing that waits are deleted.
pub(crate) fn recover(folder: &Path, disk: &Disk) -> Result<Recovered, OpenError> {
    let mut recovery = Recovery::default();
    let done = match progress::read(folder) {
        Kept::Nothing => 0,
        Kept::Through(done) => done,
        Kept::Damaged(file) => {
            tracing::warn!(
                file = %file.display(),
                "cannot read how far the spool was drained: all records in it are replayed"
            );
            recovery.damaged_parts += 1;
            0
        }
    };
    let mut ledger = Ledger::starting_after(done);
    let mut next = done + 1;
    let names = segments(folder).map_err(|source| OpenError::Io { path: folder.into(), source })?;
    for (at, &first) in names.iter().enumerate() {
        let below = names.get(at + 1).copied();
        let path = segment_path(folder, first);
        next = next.max(first + 1);
        if below.is_some_and(|below| below <= done + 1) {
            ledger.add(first, Vec::new(), length(&path));
            continue;
        }
        let sequences = first..below.unwrap_or(SEQUENCES.end);
        let found = read(&path, sequences, &mut recovery)?;
        next = next.max(found.next);
        ledger.add(first, found.runs, found.bytes);
    }
    delete_dealt_with(&mut ledger, folder, disk, None, &mut false);
    // The last run may have ended before it synced what is found now.
    for stretch in ledger.stretches() {
        let path = segment_path(folder, stretch.first);
        disk.sync(&path).map_err(|source| OpenError::Io { path, source })?;
    }
    disk.sync_folder(folder).map_err(|source| OpenError::Io { path: folder.into(), source })?;
    recovery.records = ledger.records();
    recovery.bytes = ledger.bytes();
    Ok(Recovered { ledger, next, recovery })
}

/// Deletes files that hold nothing that waits, except for the one that is being written; returns
/// how many were. `failing` says whether that failed before, and is told once.
pub(crate) fn delete_dealt_with(
    ledger: &mut Ledger,
    folder: &Path,
    disk: &Disk,
    written: Option<u64>,
    failing: &mut bool,
) -> usize {
    let mut deleted = 0;
    let mut failure = None;
    for first in ledger.dealt_with() {
        if written == Some(first) {
            continue;
        }
        let path = segment_path(folder, first);
        match disk.remove(&path) {
            Ok(()) => {
                ledger.remove(first);
                deleted += 1;
            }
            Err(error) => failure = Some((path, error)),
        }
    }
    if let Some((path, error)) = &failure
        && !*failing
    {
        tracing::warn!(
            file = %path.display(), %error,
            "cannot delete a file of the spool that is dealt with; its space is not free"
        );
    }
    *failing = failure.is_some();
    deleted
}

/// The sequence numbers that segments are named by, ascending. Other files are not ours.
fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()?.parse().ok());
        let ours = name.filter(|&first| segment_path(folder, first) == path && path.is_file());
        found.extend(ours.filter(|first| SEQUENCES.contains(first)));
    }
    found.sort_unstable();
    Ok(found)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

struct Found {
    runs: Vec<RangeInclusive<u64>>,
    bytes: u64,
    next: u64,
}

/// Reads a segment, and reports what is damaged in it.
fn read(
    path: &Path,
    sequences: std::ops::Range<u64>,
    recovery: &mut Recovery,
) -> Result<Found, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let mut start = Vec::new();
    // An error here comes again below.
    let _ = (&mut file).take(segment::HEADER_BYTES as u64).read_to_end(&mut start);
    if let Some(version) = segment::foreign_version(&start) {
        return Err(OpenError::Version { path: path.to_owned(), version });
    }
    if bytes == 0 {
        tracing::warn!(file = %path.display(), "a file of the spool is empty");
        recovery.damaged_parts += 1;
    }
    let mut reader = SegmentReader::new(file, bytes, sequences);
    let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
    while let Some(part) = reader.next() {
        match part {
            Part::Record { sequence, .. } => match runs.last_mut() {
                Some(run) if *run.end() + 1 == sequence => *run = *run.start()..=sequence,
                _ => runs.push(sequence..=sequence),
            },
            Part::Damage { offset, bytes } => {
                tracing::warn!(
                    file = %path.display(), offset, bytes,
                    "a part of the spool is damaged and is skipped"
                );
                recovery.damaged_parts += 1;
                recovery.damaged_bytes += bytes;
            }
        }
    }
    if let Some(error) = reader.take_failure() {
        tracing::warn!(file = %path.display(), %error, "a part of the spool cannot be read");
    }
    Ok(Found { runs, bytes, next: reader.next_sequence() })
}
