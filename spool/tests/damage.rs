//! Whatever a crash, a disk or a person did to the folder: the spool opens, gives what is whole, and
//! goes on.

#![allow(clippy::unwrap_used, reason = "in helpers of tests, too")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spool::{AppendError, OpenError, Recovery, Settings, Spool};
use tempfile::{TempDir, tempdir};

/// Segments of about three records.
fn open(folder: &Path) -> Result<(Spool, Recovery), OpenError> {
    Spool::open(Settings { segment_bytes: 200, ..Settings::new(folder, 1 << 20) })
}

fn record(number: usize) -> Vec<u8> {
    let text = format!("record {number} ");
    text.repeat(1 + number % 3).into_bytes()
}

/// A folder with records 0 to `count`, of which the first two are dealt with.
async fn spool_of(count: usize) -> TempDir {
    let folder = tempdir().unwrap();
    let (spool, _) = open(folder.path()).unwrap();
    for number in 0..count {
        let position = spool.append(record(number)).await.unwrap();
        if number == 1 {
            spool.done(position).await;
        }
    }
    spool.close().await;
    folder
}

type Files = Vec<(PathBuf, Vec<u8>)>;

/// The files, segments last, oldest first.
fn files(folder: &Path) -> Files {
    let paths = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = paths
        .map(|path| (path.file_name().unwrap().into(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort_by_key(|(name, _): &(PathBuf, _)| (name.extension().is_some(), name.clone()));
    files
}

fn segments(files: &Files) -> Vec<usize> {
    (0..files.len()).filter(|&at| files[at].0.extension().is_some()).collect()
}

fn folder_of(files: &Files) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Opens such a folder, uses it, opens it again; returns what was recovered and the numbers of the
/// records that came. Panics when something comes that was not appended, or out of order.
fn revive(files: &Files) -> (Recovery, Vec<usize>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let folder = folder_of(files);
        let (spool, recovery) = open(folder.path()).unwrap();
        let mut scanned = Vec::new();
        spool.scan(|_, bytes| scanned.push(bytes.to_vec())).unwrap();
        assert_eq!(scanned.len() as u64, recovery.records);
        // What is new comes after all that was found.
        let new = spool.append(b"new".to_vec()).await.unwrap();
        let mut taken = Vec::new();
        while taken.last().is_none_or(|(position, _)| *position != new) {
            taken.extend(spool.take(50).await.into_iter().map(|t| (t.position, t.bytes)));
        }
        assert!(taken.is_sorted());
        assert_eq!(taken.pop().unwrap().1, b"new");
        assert!(taken.iter().map(|(_, bytes)| bytes).eq(&scanned));
        spool.close().await;
        // What was found is found again.
        let (spool, again) = open(folder.path()).unwrap();
        assert_eq!(again.records, recovery.records + 1);
        // And nothing of it stays.
        spool.done(new).await;
        spool.close().await;
        let (_, last) = open(folder.path()).unwrap();
        assert_eq!(last, Recovery::default());
        let number = |bytes: &Vec<u8>| (0..99).find(|&number| record(number) == *bytes).unwrap();
        (recovery, scanned.iter().map(number).collect())
    })
}

#[tokio::test]
async fn every_length_of_the_last_segment() {
    let whole = files(spool_of(9).await.path());
    let last = whole.len() - 1;
    let length = whole[last].1.len();
    let mut came_before = 0;
    tokio::task::spawn_blocking(move || {
        for kept in 0..=length {
            let mut files = whole.clone();
            files[last].1.truncate(kept);
            let (recovery, came) = revive(&files);
            // A prefix of the records, which grows with the file.
            assert_eq!(came, (2..2 + came.len()).collect::<Vec<_>>());
            assert!(came.len() >= came_before);
            came_before = came.len();
            assert_eq!(recovery.damaged_parts > 0, recovery.damaged_bytes > 0 || kept == 0);
        }
        assert_eq!(came_before, 7);
    })
    .await
    .unwrap();
}

#[test]
fn files_that_should_not_be_so() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = runtime.block_on(spool_of(20));
    let whole = files(folder.path());
    let found = segments(&whole);
    let (_, all) = revive(&whole);
    assert_eq!(all, (2..20).collect::<Vec<_>>());
    assert!(found.len() >= 4, "{found:?}");
    let numbers_of = |segment: usize| {
        let only: Files = vec![whole[found[segment]].clone()];
        revive(&only).1
    };
    let without = |segment: usize| {
        let gone = numbers_of(segment);
        all.iter().copied().filter(|number| !gone.contains(number)).collect::<Vec<_>>()
    };

    // Zeroed, as power cuts leave files; emptied; gone.
    for segment in 0..found.len() {
        let mut files = whole.clone();
        files[found[segment]].1.fill(0);
        let (recovery, came) = revive(&files);
        assert_eq!(came, without(segment));
        assert!(recovery.damaged_bytes > 0);
        files[found[segment]].1.clear();
        assert_eq!(revive(&files).1, without(segment));
        files.remove(found[segment]);
        let (recovery, came) = revive(&files);
        assert_eq!((recovery.damaged_parts, came), (0, without(segment)));
    }

    // Without the progress, everything that is left comes again.
    let progress = whole.iter().position(|(name, _)| name == Path::new("progress")).unwrap();
    for bytes in [vec![], vec![0; 20], b"some other file of this name".to_vec()] {
        let mut files = whole.clone();
        files[progress].1 = bytes;
        let (recovery, came) = revive(&files);
        assert_eq!(came, (0..20).collect::<Vec<_>>());
        assert_eq!((recovery.damaged_parts, recovery.damaged_bytes), (1, 0));
    }

    // Files that are not the spool's, and one that is not where it was.
    let mut more = whole.clone();
    for name in [
        "progress.new",
        "notes.txt",
        "1.segment",
        "00000000000000000000.segment",
        "18446744073709551615.segment",
        "0000000000000000000x.segment",
        "99999999999999999999.segment",
    ] {
        more.push((name.into(), whole[found[0]].1.clone()));
    }
    assert_eq!(revive(&more).1, all);
    let mut more = whole.clone();
    more.push(("00000000000000000100.segment".into(), whole[found[1]].1.clone()));
    assert_eq!(revive(&more).1, all);

    // Garbage at the end.
    let mut files = whole.clone();
    files.last_mut().unwrap().1.extend([0xff; 100]);
    let (recovery, came) = revive(&files);
    assert_eq!((recovery.damaged_parts, recovery.damaged_bytes, came), (1, 100, all));
}

#[test]
fn a_folder_where_a_segment_should_be() {
    let folder = tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("00000000000000000001.segment")).unwrap();
    std::fs::create_dir_all(folder.path().join("progress")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (spool, _) = open(folder.path()).unwrap();
        // The name is taken; the next one is not.
        assert!(spool.append(record(1)).await.is_err());
        let position = spool.append(record(1)).await.unwrap();
        assert_eq!(spool.take(1).await[0].position, position);
        spool.done(position).await;
        spool.close().await;
        // The progress cannot be kept, the segment was deleted all the same.
        assert_eq!(open(folder.path()).unwrap().1.records, 0);
    });
}

#[test]
fn a_file_with_the_highest_number() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(format!("{:020}.segment", (1_u64 << 62) - 1));
    std::fs::write(&path, "no segment").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // What would not be found after a restart is not confirmed.
        let (spool, _) = open(folder.path()).unwrap();
        assert!(matches!(spool.append(record(1)).await, Err(AppendError::Io(_))));
        spool.close().await;
        let (spool, _) = open(folder.path()).unwrap();
        spool.append(record(1)).await.unwrap();
    });
}

#[test]
fn a_newer_format_is_left_alone() {
    let folder = tempdir().unwrap();
    let mut header = b"LWSPOOL\0".to_vec();
    header.extend(2_u32.to_le_bytes());
    header.extend(1_u64.to_le_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    let path = folder.path().join("00000000000000000001.segment");
    std::fs::write(&path, &header).unwrap();
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(&refused, OpenError::Version { version: 2, path: named } if *named == path));
    assert!(path.exists());
    // A damaged header is none.
    header[23] ^= 1;
    std::fs::write(&path, &header).unwrap();
    assert_eq!(open(folder.path()).unwrap().1.records, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_cost_only_what_they_hit(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..5),
        cut in prop::option::of(any::<(prop::sample::Index, prop::sample::Index)>()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = runtime.block_on(spool_of(12));
        let whole = files(folder.path());
        let mut files = whole.clone();
        let found = segments(&files);
        let total: usize = found.iter().map(|&at| files[at].1.len()).sum();
        for (place, bit) in flips {
            let mut place = place.index(total);
            for &at in &found {
                let bytes = &mut files[at].1;
                match bytes.get_mut(place) {
                    Some(byte) => {
                        *byte ^= 1 << bit;
                        break;
                    }
                    None => place -= bytes.len(),
                }
            }
        }
        if let Some((segment, length)) = cut {
            let bytes = &mut files[found[segment.index(found.len())]].1;
            bytes.truncate(length.index(bytes.len()));
        }
        let (_, came) = revive(&files);
        // A record is there as long as its bytes stand where they stood.
        let stands = |number: &usize| {
            let payload = record(*number);
            found.iter().any(|&at| {
                let place = whole[at].1.windows(payload.len()).position(|bytes| bytes == payload);
                place.is_some_and(|start| {
                    let place = start - 16..start + payload.len();
                    files[at].1.get(place.clone()) == whole[at].1.get(place)
                })
            })
        };
        prop_assert_eq!(came, (2..12).filter(stands).collect::<Vec<_>>());
    }
}
