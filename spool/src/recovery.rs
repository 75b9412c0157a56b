//! What the folder holds at the start, however the last run ended.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use crate::{
    OpenError, Recovery,
    disk::{Disk, Source},
    ledger::{DealtWith, Ledger},
    progress::{self, Kept},
    segment::SEQUENCES,
    survey::{Known, NoSurvey, Survey, survey},
};

const EXTENSION: &str = "segment";

/// Of a segment that could not be read, and is kept for a person.
const UNREADABLE: &str = "unreadable";

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

/// Where it is kept if it could not be read.
fn unreadable_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.{UNREADABLE}"))
}

/// Whether there is no such segment, under any name.
pub(crate) fn is_gone(folder: &Path, first: u64) -> bool {
    [segment_path(folder, first), unreadable_path(folder, first)].iter().all(|path| {
        path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    })
}

/// Opens a segment, under whichever name.
pub(crate) fn open_segment(disk: &Disk, folder: &Path, first: u64) -> io::Result<Source> {
    match disk.open(&segment_path(folder, first)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            disk.open(&unreadable_path(folder, first))
        }
        other => other,
    }
}

/// Renames a segment that cannot be read, so that it is kept for a person.
pub(crate) fn set_aside(disk: &Disk, folder: &Path, first: u64) -> io::Result<()> {
    let (from, to) = (segment_path(folder, first), unreadable_path(folder, first));
    match from.symlink_metadata() {
        // It is done, or there is nothing to keep.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        _ => disk.rename(&from, &to)?,
    }
    tracing::error!(
        file = %to.display(),
        "a file of the spool cannot be read; what can be read of it is stored, and the file is \
         kept under this name. See to the disk; delete the file when it is not needed any more"
    );
    disk.sync_folder(folder)
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
    let done = done(folder, disk, &mut recovery)?;
    let mut ledger = Ledger::starting_after(done);
    let mut next = done + 1;
    let found = segments(folder).map_err(|source| OpenError::Io { path: folder.into(), source })?;
    for (&first, &name) in &found {
        let below = found.range(first + 1..).next().map(|(&below, _)| below);
        next = next.max(first + 1);
        if name == Name::Unreadable {
            let file = unreadable_path(folder, first);
            tracing::warn!(file = %file.display(), "a file that could not be read is still kept");
        }
        if below.is_some_and(|below| below <= done + 1) {
            if name == Name::Segment {
                ledger.add(first, Vec::new(), length(&segment_path(folder, first)));
            }
            continue;
        }
        let path = name.path(folder, first);
        let surveyed = survey(disk, &path, Known { first, below, done });
        let surveyed = surveyed.map_err(|error| match error {
            NoSurvey::Version(version) => OpenError::Version { path: path.clone(), version },
            NoSurvey::Io(source) => OpenError::Io { path: path.clone(), source },
        })?;
        next = next.max(surveyed.next);
        let waits = surveyed.runs.last().is_some_and(|run| *run.end() > done);
        if name == Name::Unreadable && !waits {
            // Nothing more is to be had of it.
            continue;
        }
        report(&path, &surveyed, &mut recovery);
        let Survey { runs, bytes, lost_records, lost_bytes, unreadable, .. } = surveyed;
        ledger.add(first, runs, bytes);
        ledger.count_lost(lost_records, lost_bytes);
        if name == Name::Unreadable || unreadable.is_some() {
            keep_unreadable(&mut ledger, folder, disk, first);
        }
    }
    delete_dealt_with(&mut ledger, folder, disk, None, &mut false);
    // The last run may have ended before it synced what is found now.
    for stretch in ledger.stretches().filter(|stretch| !stretch.unreadable) {
        let path = segment_path(folder, stretch.first);
        disk.sync(&path).map_err(|source| OpenError::Io { path, source })?;
    }
    disk.sync_folder(folder).map_err(|source| OpenError::Io { path: folder.into(), source })?;
    recovery.records = ledger.records();
    recovery.bytes = ledger.bytes();
    Ok(Recovered { ledger, next, recovery })
}

/// How far the records were dealt with.
fn done(folder: &Path, disk: &Disk, recovery: &mut Recovery) -> Result<u64, OpenError> {
    match progress::read(disk, folder) {
        Kept::Nothing => Ok(0),
        Kept::Through(done) => Ok(done),
        Kept::Damaged(file) => {
            tracing::warn!(
                file = %file.display(),
                "the file that says how far the spool was drained is damaged: all records on the \
                 spool are replayed, those of its oldest file that were stored already a second time"
            );
            progress::set_aside(disk, folder);
            recovery.damaged_parts += 1;
            Ok(0)
        }
        Kept::Unreadable(path, source) => Err(OpenError::Progress { path, source }),
    }
}

/// Notes that a segment cannot be read, and renames it. If that fails, it comes again when all of it
/// is dealt with.
pub(crate) fn keep_unreadable(ledger: &mut Ledger, folder: &Path, disk: &Disk, first: u64) {
    ledger.set_unreadable(first);
    if let Err(error) = set_aside(disk, folder, first) {
        let file = segment_path(folder, first);
        tracing::error!(
            file = %file.display(), %error,
            "a file of the spool cannot be read, and it cannot be renamed to be kept"
        );
    }
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
    for DealtWith { first, unreadable } in ledger.dealt_with() {
        if written == Some(first) {
            continue;
        }
        let path = segment_path(folder, first);
        let gone = if unreadable { set_aside(disk, folder, first) } else { disk.remove(&path) };
        match gone {
            // It has vanished with its disk, say. If it is there again, it is kept then.
            Ok(()) if unreadable && !unreadable_path(folder, first).exists() => {
                ledger.set_bytes(first, 0);
            }
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

/// What a segment is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Segment,
    Unreadable,
}

impl Name {
    fn path(self, folder: &Path, first: u64) -> PathBuf {
        match self {
            Self::Segment => segment_path(folder, first),
            Self::Unreadable => unreadable_path(folder, first),
        }
    }
}

/// Whether records may wait in a folder: it has segments, or nobody can say.
pub(crate) fn may_hold_records(folder: &Path) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    match segments(folder) {
        Ok(found) => !found.is_empty(),
        Err(error) => !matches!(error.kind(), NotFound | NotADirectory),
    }
}

/// The sequence numbers that segments are named by. Other files are not ours.
fn segments(folder: &Path) -> io::Result<BTreeMap<u64, Name>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let number = path.file_stem().and_then(|name| name.to_str()?.parse().ok());
        let Some(first) = number.filter(|first| SEQUENCES.contains(first)) else { continue };
        let names = [Name::Segment, Name::Unreadable];
        let Some(name) = names.into_iter().find(|name| name.path(folder, first) == path) else {
            continue;
        };
        // A file of which nothing can be told may be one.
        let is_file = entry
            .file_type()
            .map_or(true, |file| file.is_file() || file.is_symlink() && path.is_file());
        if is_file {
            // One that can be read goes before what is kept of it.
            let known = found.entry(first).or_insert(name);
            if name == Name::Segment {
                *known = name;
            }
        }
    }
    Ok(found)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Reports what is damaged in a segment.
fn report(path: &Path, survey: &Survey, recovery: &mut Recovery) {
    let file = path.display();
    if let Some(error) = &survey.unreadable {
        tracing::error!(%file, %error, "a part of the spool cannot be read");
    } else if survey.bytes == 0 {
        tracing::warn!(%file, "a file of the spool is empty");
        recovery.damaged_parts += 1;
    }
    for &(offset, bytes) in &survey.damaged {
        tracing::warn!(%file, offset, bytes, "a part of the spool is damaged and is skipped");
        recovery.damaged_parts += 1;
        recovery.damaged_bytes += bytes;
    }
    if survey.lost_records > 0 {
        let records = survey.lost_records;
        tracing::error!(%file, records, "records of the spool are lost");
    }
}
