//! Disks that cannot read some of what is on them: it is neither the end of anything nor deleted.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use crate::{Damage, OpenError, Recovery, Settings, Spool, disk::Disk, reader::TRIES};

const HEADER: u64 = 24;
const RECORD: u64 = 16 + 3000;

/// Segments of three records of 3000 bytes each: three blocks of the disk.
fn open(folder: &Path, disk: &Disk) -> Result<(Spool, Recovery), OpenError> {
    let settings =
        Settings { segment_bytes: HEADER + 3 * RECORD, ..Settings::new(folder, 1 << 30) };
    Spool::open_on(disk.clone(), settings)
}

fn record(number: usize) -> Vec<u8> {
    let mut record = format!("{number:010}").into_bytes();
    record.resize(3000, b'.');
    record
}

fn number(record: &[u8]) -> usize {
    let text = std::str::from_utf8(record).unwrap().trim_end_matches('.');
    text.parse().unwrap()
}

async fn append(spool: &Spool, records: std::ops::Range<usize>) {
    for number in records {
        spool.append(record(number)).await.unwrap();
    }
}

/// A folder with that many records.
async fn folder_of(records: usize) -> TempDir {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path(), &Disk::default()).unwrap();
    append(&spool, 0..records).await;
    spool.close().await;
    folder
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

/// Takes all that waits, and deals with it.
async fn drain(spool: &Spool) -> Vec<usize> {
    let mut drained = Vec::new();
    while spool.depth().records > 0 {
        let taken = spool.take(4000).await;
        drained.extend(taken.iter().map(|taken| number(&taken.bytes)));
        if let Some(last) = taken.last() {
            spool.done(last.position).await;
        }
    }
    drained
}

fn scan(spool: &Spool) -> Vec<usize> {
    let mut scanned = Vec::new();
    let _ = spool.scan(|_, bytes| scanned.push(number(bytes)));
    scanned
}

/// How a disk fails the second of three segments.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Its first block: the header and the first record, with a part of the second.
    First,
    /// Its last block: the last record.
    Last,
    Whole,
    /// It cannot even be opened.
    Shut,
}

impl Fault {
    const ALL: [Self; 4] = [Self::First, Self::Last, Self::Whole, Self::Shut];

    fn befall(self, disk: &Disk, file: &Path) {
        let end = HEADER + 3 * RECORD;
        match self {
            Self::First => disk.trial.spoil(file, 0..4096),
            Self::Last => disk.trial.spoil(file, 2 * 4096..end),
            Self::Whole => disk.trial.spoil(file, 0..end),
            Self::Shut => disk.trial.shut(file),
        }
    }

    /// Which of the records 3, 4 and 5 are there.
    fn left(self) -> &'static [usize] {
        match self {
            Self::First => &[5],
            Self::Last => &[3, 4],
            Self::Whole | Self::Shut => &[],
        }
    }
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_at_the_start_is_kept() {
    for fault in Fault::ALL {
        let folder = folder_of(9).await;
        let sick = files(folder.path(), "segment").remove(1);
        let content = std::fs::read(&sick).unwrap();
        let disk = Disk::default();
        fault.befall(&disk, &sick);
        let left = [&[0, 1, 2], fault.left(), &[6, 7, 8]].concat();
        let lost = 9 - left.len() as u64;
        // After a crash what was not drained is found again.
        for _ in 0..2 {
            let (spool, recovery) = open(folder.path(), &disk).unwrap();
            assert_eq!(recovery.records, left.len() as u64, "{fault:?}");
            assert_eq!(scan(&spool), left, "{fault:?}");
            if !fault.left().is_empty() {
                let damage = spool.damage();
                assert_eq!((damage.records, damage.unreadable_files), (lost, 1), "{fault:?}");
                assert!(damage.bytes >= RECORD, "{fault:?}");
            }
            assert_eq!(files(folder.path(), "segment").len(), 2, "{fault:?}");
            spool.close().await;
        }
        let (spool, _) = open(folder.path(), &disk).unwrap();
        append(&spool, 9..10).await;
        assert_eq!(drain(&spool).await, [&left[..], &[9]].concat(), "{fault:?}");
        spool.close().await;
        // Nothing of it waits, and it is kept as it is.
        let kept = sick.with_extension("unreadable");
        assert_eq!(files(folder.path(), "segment"), [] as [PathBuf; 0]);
        assert_eq!(std::fs::read(&kept).unwrap(), content, "{fault:?}");
        disk.trial.heal();
        let (spool, recovery) = open(folder.path(), &disk).unwrap();
        assert_eq!((recovery, spool.damage()), Default::default(), "{fault:?}");
        append(&spool, 10..11).await;
        assert_eq!(drain(&spool).await, [10]);
        spool.close().await;
        // A person brings it in.
        std::fs::rename(&kept, &sick).unwrap();
        std::fs::remove_file(folder.path().join("progress")).unwrap();
        let (spool, _) = open(folder.path(), &disk).unwrap();
        assert_eq!(drain(&spool).await, [3, 4, 5], "{fault:?}");
    }
}

#[tokio::test]
async fn the_whole_loss_is_counted_at_the_start() {
    let folder = folder_of(9).await;
    let disk = Disk::default();
    Fault::Whole.befall(&disk, &files(folder.path(), "segment")[1]);
    let (spool, _) = open(folder.path(), &disk).unwrap();
    let lost = Damage { records: 3, bytes: 3 * RECORD, unreadable_files: 1 };
    assert_eq!(spool.damage(), lost);
}

/// All of it is in one segment, which is being written.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_for_a_while_is_given_later() {
    let folder = tempdir().unwrap();
    let disk = Disk::default();
    let (spool, _) = open(folder.path(), &disk).unwrap();
    append(&spool, 0..9).await;
    let segments = files(folder.path(), "segment");
    for fault in Fault::ALL {
        fault.befall(&disk, &segments[1]);
        let mut taken = Vec::new();
        let began = tokio::time::Instant::now();
        while taken.len() < 9 && spool.depth().records == 9 {
            let taking = spool.take(usize::MAX);
            tokio::pin!(taking);
            let some = tokio::select! {
                some = &mut taking => some,
                () = tokio::time::sleep(Duration::from_secs(10)) => {
                    disk.trial.heal();
                    taking.await
                }
            };
            taken.extend(some.iter().map(|taken| number(&taken.bytes)));
        }
        assert_eq!(taken, (0..9).collect::<Vec<_>>(), "{fault:?}");
        assert!(began.elapsed().as_secs() >= 10, "{fault:?} was not met");
        spool.rewind();
    }
    assert_eq!(spool.damage(), Damage::default());
    assert_eq!(files(folder.path(), "segment"), segments);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_for_long_is_kept_and_skipped() {
    for fault in Fault::ALL {
        // It is being written, or it is not.
        for count in [6, 9] {
            let folder = tempdir().unwrap();
            let disk = Disk::default();
            let (spool, _) = open(folder.path(), &disk).unwrap();
            append(&spool, 0..count).await;
            let sick = files(folder.path(), "segment").remove(1);
            fault.befall(&disk, &sick);
            let began = tokio::time::Instant::now();
            // What comes while it is tried waits behind it.
            let (drained, ()) = tokio::join!(drain(&spool), async {
                tokio::time::sleep(Duration::from_secs(20)).await;
                append(&spool, 20..21).await;
            });
            assert!(began.elapsed().as_secs() + 3 >= u64::from(TRIES), "not tried for long");
            let left = [&[0, 1, 2], fault.left(), &[6, 7, 8][..count - 6], &[20]].concat();
            assert_eq!(drained, left, "{fault:?}");
            let damage = spool.damage();
            let lost = 3 - fault.left().len() as u64;
            assert_eq!((damage.records, damage.unreadable_files), (lost, 1), "{fault:?}");
            append(&spool, 21..22).await;
            assert_eq!(drain(&spool).await, [21]);
            spool.close().await;
            assert_eq!(files(folder.path(), "segment"), [] as [PathBuf; 0]);
            assert_eq!(files(folder.path(), "unreadable"), [sick.with_extension("unreadable")]);
        }
    }
}

/// A file that cannot be renamed is not deleted instead.
#[tokio::test]
async fn what_cannot_be_renamed_stays() {
    let folder = folder_of(9).await;
    let disk = Disk::default();
    let sick = files(folder.path(), "segment").remove(1);
    Fault::Last.befall(&disk, &sick);
    disk.trial.fail(crate::trial::Kind::Rename);
    let (spool, _) = open(folder.path(), &disk).unwrap();
    assert_eq!(drain(&spool).await, [0, 1, 2, 3, 4, 6, 7, 8]);
    assert_eq!(files(folder.path(), "segment"), std::slice::from_ref(&sick));
    disk.trial.heal();
    append(&spool, 9..10).await;
    assert_eq!(drain(&spool).await, [9]);
    spool.close().await;
    assert_eq!(files(folder.path(), "unreadable"), [sick.with_extension("unreadable")]);
}

#[tokio::test]
async fn an_unreadable_progress_touches_nothing() {
    let folder = folder_of(9).await;
    let (spool, _) = open(folder.path(), &Disk::default()).unwrap();
    let taken = spool.take(7000).await;
    spool.done(taken.last().unwrap().position).await;
    spool.close().await;
    let listed = || {
        let files = folder.path().read_dir().unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> =
            files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    let before = listed();
    let progress = folder.path().join("progress");
    let disk = Disk::default();
    disk.trial.spoil(&progress, 0..20);
    let refused = open(folder.path(), &disk).unwrap_err();
    assert!(matches!(&refused, OpenError::Progress { path, .. } if *path == progress));
    assert_eq!(listed(), before);
    disk.trial.heal();
    let (spool, _) = open(folder.path(), &disk).unwrap();
    assert_eq!(drain(&spool).await, (2..9).collect::<Vec<_>>());
}

/// A damaged progress is put away. If it were whole at the next start, what came in between would
/// count as dealt with.
#[tokio::test]
async fn a_damaged_progress_does_not_come_back() {
    let folder = folder_of(9).await;
    let disk = Disk::default();
    let (spool, _) = open(folder.path(), &disk).unwrap();
    assert_eq!(drain(&spool).await.len(), 9);
    spool.close().await;
    let progress = folder.path().join("progress");
    let whole = std::fs::read(&progress).unwrap();
    std::fs::write(&progress, &whole[1..]).unwrap();
    let (spool, recovery) = open(folder.path(), &disk).unwrap();
    assert_eq!(recovery.damaged_parts, 1);
    append(&spool, 20..23).await;
    spool.close().await;
    if progress.exists() {
        std::fs::write(&progress, &whole).unwrap();
    }
    let (spool, _) = open(folder.path(), &disk).unwrap();
    assert_eq!(drain(&spool).await, [20, 21, 22]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn only_what_cannot_be_read_is_missing(
        places in prop::collection::vec((0..4_usize, 0..HEADER + 3 * RECORD), 1..6),
        done in 0..9_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let folder = folder_of(12).await;
            let (spool, _) = open(folder.path(), &Disk::default()).unwrap();
            for _ in 0..done {
                let taken = spool.take(0).await;
                spool.done(taken[0].position).await;
            }
            spool.close().await;
            let segments = files(folder.path(), "segment");
            let disk = Disk::default();
            let mut hit = std::collections::BTreeSet::new();
            for (segment, place) in places {
                let Some(left) = segment.checked_sub(4 - segments.len()) else { continue };
                let block = place / 4096 * 4096;
                let end = (block + 4096).min(HEADER + 3 * RECORD);
                disk.trial.spoil(&segments[left], block..end);
                hit.extend((0..3).filter(|record| {
                    let start = HEADER + *record as u64 * RECORD;
                    start < end && start + RECORD > block
                }).map(|record| segment * 3 + record));
            }
            let (spool, _) = open(folder.path(), &disk).unwrap();
            let left: Vec<_> = (done..12).filter(|number| !hit.contains(number)).collect();
            assert_eq!(scan(&spool), left);
            assert_eq!(drain(&spool).await, left);
            let lost = hit.range(done..).count() as u64;
            let counted = spool.damage().records;
            // Of the end of the last file less is known.
            let end = (9..12).rev().take_while(|number| hit.contains(number)).count() as u64;
            assert!((lost - end.min(lost)..=lost).contains(&counted), "{counted} of {lost}");
            assert!(lost == 0 || counted > 0 || end == lost, "{counted} of {lost}");
        });
    }
}
