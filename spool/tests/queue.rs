//! The spool as its users meet it.

#![allow(clippy::unwrap_used, reason = "in helpers of tests, too")]

use std::{collections::BTreeMap, path::Path, time::Duration};

use spool::{AppendError, OpenError, Position, Recovery, Settings, Spool, Taken};
use tempfile::{TempDir, tempdir};

fn settings(folder: &Path, max_bytes: u64, segment_bytes: u64) -> Settings {
    Settings { segment_bytes, ..Settings::new(folder, max_bytes) }
}

/// A spool of small segments: three records of ten bytes each.
fn open(folder: &Path) -> (Spool, Recovery) {
    Spool::open(settings(folder, 1 << 20, 24 + 3 * 26)).unwrap()
}

fn record(number: usize) -> Vec<u8> {
    format!("{number:010}").into_bytes()
}

fn numbers(taken: &[Taken]) -> Vec<usize> {
    let number = |taken: &Taken| std::str::from_utf8(&taken.bytes).unwrap().parse().unwrap();
    taken.iter().map(number).collect()
}

async fn append(spool: &Spool, records: std::ops::Range<usize>) -> Vec<Position> {
    let mut positions = Vec::new();
    for number in records {
        positions.push(spool.append(record(number)).await.unwrap());
    }
    positions
}

/// Takes so many records, some at a time.
async fn take(spool: &Spool, count: usize) -> Vec<usize> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(numbers(&spool.take(25).await));
    }
    taken
}

fn segments(folder: &Path) -> usize {
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "segment")).count()
}

/// What a killed process leaves: the files as they are.
fn copied(folder: &Path) -> TempDir {
    let copy = tempdir().unwrap();
    for file in folder.read_dir().unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[tokio::test]
async fn gives_in_order_and_once() {
    let folder = tempdir().unwrap();
    let (spool, recovery) = open(folder.path());
    assert_eq!(recovery, Recovery::default());
    let positions = append(&spool, 0..10).await;
    assert!(positions.is_sorted());
    assert_eq!(segments(folder.path()), 4);
    // Two fit in 25 bytes; one is given even if it does not.
    assert_eq!(numbers(&spool.take(25).await), [0, 1]);
    assert_eq!(numbers(&spool.take(0).await), [2]);
    let taken = spool.take(usize::MAX).await;
    assert_eq!(numbers(&taken), [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(taken.iter().map(|taken| taken.position).collect::<Vec<_>>(), positions[3..]);
    assert_eq!(spool.depth().records, 10);
    // The third segment's two first records, with all before.
    spool.done(positions[7]).await;
    assert_eq!((spool.depth().records, segments(folder.path())), (2, 2));
    spool.rewind();
    assert_eq!(numbers(&spool.take(usize::MAX).await), [8, 9]);
    spool.close().await;
    let (spool, recovery) = open(folder.path());
    assert_eq!((recovery.records, recovery.damaged_parts), (2, 0));
    assert_eq!(recovery.bytes, spool.depth().bytes);
    append(&spool, 10..11).await;
    assert_eq!(take(&spool, 3).await, [8, 9, 10]);
    spool.close().await;
}

#[tokio::test]
async fn positions_ascend_over_restarts() {
    let folder = tempdir().unwrap();
    let mut last = None;
    for round in 0..4 {
        let (spool, _) = open(folder.path());
        let positions = append(&spool, 0..5).await;
        assert!(last < positions.first().copied());
        last = positions.last().copied();
        // Every other time nothing is left.
        if round % 2 == 0 {
            spool.done(positions[4]).await;
        }
        spool.close().await;
    }
}

#[tokio::test]
async fn a_drained_spool_leaves_no_segments() {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let positions = append(&spool, 0..2).await;
    spool.done(positions[1]).await;
    assert_eq!(spool.depth().records, 0);
    spool.close().await;
    assert_eq!(segments(folder.path()), 0);
    assert_eq!(open(folder.path()).1, Recovery::default());
}

#[tokio::test]
async fn waits_for_records() {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let taking = tokio::spawn({
        let spool = spool.clone();
        async move { spool.take(100).await }
    });
    // It waits already, or it will look after the record is there.
    tokio::task::yield_now().await;
    append(&spool, 0..1).await;
    assert_eq!(numbers(&taking.await.unwrap()), [0]);
    // So does a rewinding wake it.
    let taking = tokio::spawn({
        let spool = spool.clone();
        async move { spool.take(100).await }
    });
    tokio::task::yield_now().await;
    spool.rewind();
    assert_eq!(numbers(&taking.await.unwrap()), [0]);
    // The close ends it, for all that wait.
    let taking: Vec<_> = (0..3)
        .map(|_| {
            let spool = spool.clone();
            tokio::spawn(async move { spool.take(100).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let other = spool.clone();
    spool.close().await;
    for taking in taking {
        assert_eq!(taking.await.unwrap(), []);
    }
    assert_eq!(other.append(record(1)).await, Err(AppendError::Closed));
    // What comes after the close is without effect.
    let (reopened, _) = open(folder.path());
    let position = reopened.append(record(1)).await.unwrap();
    other.done(position).await;
    other.close().await;
    assert_eq!(reopened.depth().records, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_take_takes_nothing() {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path());
    append(&spool, 0..50).await;
    let mut taken = Vec::new();
    let mut dropped = 0;
    while taken.len() < 50 {
        // Polled a few times, it is where it is: waiting for the place, reading, or ready.
        let mut taking = Box::pin(spool.take(25));
        let mut polls = dropped % 4;
        let some = std::future::poll_fn(|context| {
            if let std::task::Poll::Ready(some) = taking.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(some));
            }
            if polls == 0 {
                return std::task::Poll::Ready(None);
            }
            polls -= 1;
            std::task::Poll::Pending
        })
        .await;
        match some {
            Some(some) => taken.extend(numbers(&some)),
            None => dropped += 1,
        }
    }
    assert!(dropped > 0);
    assert_eq!(taken, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_confirmed_survives_a_kill() {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let positions = append(&spool, 0..8).await;
    spool.take(usize::MAX).await;
    // Ends a segment, so that the progress is written at once.
    spool.done(positions[4]).await;
    // The spool is neither closed nor dropped.
    let left = copied(folder.path());
    let (revived, recovery) = open(left.path());
    assert_eq!((recovery.records, recovery.damaged_parts), (3, 0));
    assert_eq!(take(&revived, 3).await, [5, 6, 7]);
    drop(spool);
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let second = Spool::open(settings(folder.path(), 1, 1));
    assert!(matches!(second, Err(OpenError::InUse { dir }) if dir == folder.path()));
    spool.close().await;
    open(folder.path());
}

#[tokio::test]
async fn creates_the_folder() {
    let folder = tempdir().unwrap();
    let deep = folder.path().join("a").join("b");
    let (spool, _) = open(&deep);
    append(&spool, 0..1).await;
    spool.close().await;
    // Where there is a file, there can be no folder.
    std::fs::write(folder.path().join("file"), "").unwrap();
    for path in [folder.path().join("file"), folder.path().join("file").join("a")] {
        assert!(matches!(Spool::open(Settings::new(path, 1)), Err(OpenError::Io { .. })));
    }
}

#[tokio::test]
async fn a_full_spool_refuses_until_something_is_done() {
    let folder = tempdir().unwrap();
    // One record fills it, or four segments of 24 + 3 × 26 bytes.
    let max_bytes = 408;
    let (spool, _) = Spool::open(settings(folder.path(), max_bytes, 1 << 20)).unwrap();
    let too_large = vec![7; 369];
    assert_eq!(spool.append(too_large).await, Err(AppendError::TooLarge { bytes: 369 }));
    let whole = spool.append(vec![7; 368]).await.unwrap();
    assert_eq!(spool.depth().bytes, max_bytes);
    assert_eq!(spool.append(vec![]).await, Err(AppendError::Full { max_bytes }));
    // Taking alone makes no room.
    assert_eq!(spool.take(1).await.len(), 1);
    assert_eq!(spool.append(vec![]).await, Err(AppendError::Full { max_bytes }));
    // The only segment goes when it must.
    spool.done(whole).await;
    let mut positions = Vec::new();
    loop {
        match spool.append(record(positions.len())).await {
            Ok(position) => positions.push(position),
            Err(error) => {
                assert_eq!(error, AppendError::Full { max_bytes });
                break;
            }
        }
        assert!(spool.depth().bytes <= max_bytes);
    }
    assert_eq!(positions.len(), 12);
    // A part of a segment frees nothing, all of it does.
    spool.done(positions[1]).await;
    assert_eq!(spool.append(record(0)).await, Err(AppendError::Full { max_bytes }));
    spool.done(positions[2]).await;
    spool.append(record(12)).await.unwrap();
    assert_eq!(spool.depth().records, 10);
    spool.close().await;
    // A limit that was lowered holds for what comes.
    let (spool, recovery) = Spool::open(settings(folder.path(), 100, 50)).unwrap();
    assert_eq!(recovery.records, 10);
    assert_eq!(spool.append(vec![]).await, Err(AppendError::Full { max_bytes: 100 }));
    assert_eq!(take(&spool, 10).await, (3..13).collect::<Vec<_>>());
}

#[tokio::test]
async fn scans_all_that_waits() {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path());
    let positions = append(&spool, 0..9).await;
    spool.take(25).await;
    spool.done(positions[4]).await;
    let mut scanned = Vec::new();
    spool.scan(|position, bytes| scanned.push((position, bytes.to_vec()))).unwrap();
    let expected = (5..9).map(|number| (positions[number], record(number))).collect::<Vec<_>>();
    assert_eq!(scanned, expected);
    // It takes nothing.
    assert_eq!(take(&spool, 4).await, [5, 6, 7, 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_append_at_once() {
    const TASKS: usize = 64;
    const EACH: usize = 50;
    let folder = tempdir().unwrap();
    let (spool, _) = Spool::open(settings(folder.path(), 1 << 20, 4096)).unwrap();
    let drainer = tokio::spawn({
        let spool = spool.clone();
        async move {
            let mut drained = Vec::new();
            let mut batches = 0;
            while drained.len() < TASKS * EACH {
                let taken = spool.take(1000).await;
                batches += 1;
                // Now and then the store refuses.
                if batches % 7 == 0 {
                    spool.rewind();
                    continue;
                }
                drained.extend(numbers(&taken));
                spool.done(taken.last().unwrap().position).await;
            }
            drained
        }
    });
    let tasks = (0..TASKS).map(|task| {
        let spool = spool.clone();
        tokio::spawn(async move {
            let numbers = (0..EACH).map(|number| task * EACH + number);
            let mut positions = Vec::new();
            for number in numbers {
                positions.push((spool.append(record(number)).await.unwrap(), number));
            }
            positions
        })
    });
    let mut appended = BTreeMap::new();
    for task in tasks.collect::<Vec<_>>() {
        let positions = task.await.unwrap();
        assert!(positions.is_sorted());
        appended.extend(positions);
    }
    let drained = tokio::time::timeout(Duration::from_secs(60), drainer).await.unwrap().unwrap();
    assert_eq!(drained, appended.into_values().collect::<Vec<_>>());
    assert_eq!(drained.len(), TASKS * EACH);
    assert_eq!(spool.depth().records, 0);
    spool.close().await;
    assert_eq!(segments(folder.path()), 0);
}
