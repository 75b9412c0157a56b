//! Where the drainer reads.

use std::{
    fs::File,
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    Position, Taken,
    ledger::{Ledger, Stretch},
    recovery::segment_path,
    segment::{Part, SegmentReader},
};

/// A place in the segments; it moves forward with what is read.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    folder: PathBuf,
    /// The last record that was given.
    at: u64,
    open: Option<(u64, SegmentReader<File>)>,
    /// The record after that, when it was read and was too much.
    held: Option<Taken>,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Taken>,
    /// Everything up to this sequence number is in `records`, or does not exist.
    pub(crate) through: u64,
    /// Whether records turned out to be damaged since the start.
    pub(crate) lost: bool,
}

impl Cursor {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..Self::default() }
    }

    /// Reads the records after `from`: up to `max_bytes` of them, but one if there is one. An
    /// error is one of opening a file, which may go better the next time.
    pub(crate) fn read(
        &mut self,
        ledger: &Mutex<Ledger>,
        from: u64,
        max_bytes: usize,
    ) -> io::Result<Batch> {
        if self.at != from {
            *self = Self { at: from, ..Self::new(&self.folder) };
        }
        let mut batch = Batch::default();
        let mut left = max_bytes;
        loop {
            if self.held.is_none() {
                batch.lost |= self.advance(ledger)?;
            }
            let fits = |record: &mut Taken| batch.records.is_empty() || record.bytes.len() <= left;
            let Some(record) = self.held.take_if(fits) else {
                batch.through = self.at;
                return Ok(batch);
            };
            left = left.saturating_sub(record.bytes.len());
            self.at = record.position.0;
            batch.records.push(record);
        }
    }

    /// Reads and holds the next record, if there is one; says whether some were lost on the way.
    fn advance(&mut self, ledger: &Mutex<Ledger>) -> io::Result<bool> {
        let mut lost = false;
        while self.held.is_none() {
            let Some(stretch) = lock(ledger).stretch_after(self.at) else { break };
            let path = segment_path(&self.folder, stretch.first);
            let at = self.at;
            let next = match self.open(&path, stretch) {
                Ok(reader) => read_after(reader, at, &path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            let missing = match &next {
                Some(record) => at + 1..=record.position.0 - 1,
                None => at + 1..=stretch.last,
            };
            if next.is_none() {
                self.at = stretch.last;
            }
            lost |= strike_off(ledger, &path, stretch.first, missing);
            self.held = next;
        }
        Ok(lost)
    }

    /// The stretch's reader, which may be behind.
    fn open(&mut self, path: &Path, stretch: Stretch) -> io::Result<&mut SegmentReader<File>> {
        let kept = self.open.take().filter(|(first, _)| *first == stretch.first);
        let (_, reader) = self.open.insert(match kept {
            Some(kept) => kept,
            None => (stretch.first, stretch.reader(File::open(path)?)),
        });
        reader.extend(stretch.readable, stretch.last + 1);
        Ok(reader)
    }
}

impl Stretch {
    fn reader(&self, file: File) -> SegmentReader<File> {
        SegmentReader::new(file, self.readable, self.first..self.last + 1)
    }
}

/// Gives `visit` all records that wait.
pub(crate) fn scan(
    ledger: &Mutex<Ledger>,
    folder: &Path,
    mut visit: impl FnMut(Position, &[u8]),
) -> io::Result<()> {
    let (done, stretches): (_, Vec<_>) = {
        let ledger = lock(ledger);
        (ledger.done(), ledger.stretches().collect())
    };
    for stretch in stretches {
        let path = segment_path(folder, stretch.first);
        let file = match File::open(&path) {
            Ok(file) => file,
            // It was dealt with meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut reader = stretch.reader(file);
        while let Some(part) = reader.next() {
            if let Part::Record { sequence, payload } = part
                && sequence > done
            {
                visit(Position(sequence), payload);
            }
        }
    }
    Ok(())
}

/// The next record after this one.
fn read_after(reader: &mut SegmentReader<File>, at: u64, path: &Path) -> Option<Taken> {
    let mut found = None;
    while let Some(part) = reader.next() {
        if let Part::Record { sequence, payload } = part
            && sequence > at
        {
            found = Some(Taken { position: Position(sequence), bytes: payload.to_vec() });
            break;
        }
    }
    if let Some(error) = reader.take_failure() {
        tracing::warn!(file = %path.display(), %error, "a part of the spool cannot be read");
    }
    found
}

/// Forgets records that are not there; says whether any of them waited.
fn strike_off(
    ledger: &Mutex<Ledger>,
    path: &Path,
    first: u64,
    missing: RangeInclusive<u64>,
) -> bool {
    let records = lock(ledger).lose(first, missing);
    if records > 0 {
        tracing::warn!(
            file = %path.display(), records,
            "records of the spool were damaged after they were written, and are lost"
        );
    }
    records > 0
}

/// Locks the ledger. Its methods leave it whole even if one panics.
pub(crate) fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tempfile::{TempDir, tempdir};

    use super::*;
    use crate::{Settings, Spool};

    const HEADER: usize = 24;
    const RECORD: usize = 16 + 10;

    /// A spool of segments with three records each, and its segments.
    async fn spool_of(records: u32) -> (TempDir, Spool, Vec<PathBuf>) {
        let folder = tempdir().unwrap();
        let segment_bytes = (HEADER + 3 * RECORD) as u64;
        let settings = Settings { segment_bytes, ..Settings::new(folder.path(), 1 << 20) };
        let (spool, _) = Spool::open(settings).unwrap();
        for number in 0..records {
            spool.append(format!("{number:010}").into_bytes()).await.unwrap();
        }
        let files = folder.path().read_dir().unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|name| name == "segment")).collect();
        files.sort();
        (folder, spool, files)
    }

    fn numbers(taken: &[Taken]) -> Vec<u32> {
        let text = |taken: &Taken| String::from_utf8(taken.bytes.clone()).unwrap();
        taken.iter().map(|taken| text(taken).parse().unwrap()).collect()
    }

    fn damage(path: &Path, record: usize) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[HEADER + record * RECORD + 20] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }

    #[tokio::test]
    async fn damage_after_the_start_costs_what_it_hits() {
        // Which record of which of three segments, and what comes.
        type Case = (&'static [(usize, usize)], &'static [u32]);
        let cases: [Case; 6] = [
            (&[(0, 0)], &[1, 2, 3, 4, 5, 6, 7, 8]),
            (&[(0, 2), (1, 0)], &[0, 1, 4, 5, 6, 7, 8]),
            (&[(1, 0), (1, 1), (1, 2)], &[0, 1, 2, 6, 7, 8]),
            (&[(1, 1), (2, 2)], &[0, 1, 2, 3, 5, 6, 7]),
            (&[(2, 0), (2, 1), (2, 2)], &[0, 1, 2, 3, 4, 5]),
            (&[(0, 1), (2, 1)], &[0, 2, 3, 4, 5, 6, 8]),
        ];
        for (damaged, expected) in cases {
            for at_a_time in [0, 25, usize::MAX] {
                let (_folder, spool, files) = spool_of(9).await;
                damaged.iter().for_each(|&(file, record)| damage(&files[file], record));
                let mut taken = Vec::new();
                let mut last = None;
                while taken.len() < expected.len() {
                    let batch = spool.take(at_a_time).await;
                    taken.extend(numbers(&batch));
                    last = batch.last().map(|taken| taken.position);
                }
                assert_eq!(taken, expected, "{damaged:?}");
                spool.done(last.unwrap()).await;
                // What comes after is taken as ever, and then nothing waits.
                let new = spool.append(b"0000000099".to_vec()).await.unwrap();
                assert_eq!(numbers(&spool.take(0).await), [99], "{damaged:?}");
                assert_eq!(spool.depth().records, 1, "{damaged:?}");
                spool.done(new).await;
                assert_eq!(spool.depth().records, 0, "{damaged:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_vanishes_is_survived() {
        let (_folder, spool, files) = spool_of(9).await;
        std::fs::remove_file(&files[1]).unwrap();
        let mut scanned = 0;
        spool.scan(|_, _| scanned += 1).unwrap();
        assert_eq!(scanned, 6);
        assert_eq!(numbers(&spool.take(usize::MAX).await), [0, 1, 2, 6, 7, 8]);
        assert_eq!(spool.depth().records, 6);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_is_tried_again() {
        let (folder, spool, files) = spool_of(6).await;
        let ledger = Mutex::new(Ledger::starting_after(0));
        lock(&ledger).add(1, vec![1..=3], (HEADER + 3 * RECORD) as u64);
        let aside = folder.path().join("aside");
        std::fs::rename(&files[0], &aside).unwrap();
        // Links in a circle are an error like that of too many open files, but easier to have.
        std::os::unix::fs::symlink(&files[0], &files[0]).unwrap();
        let mut cursor = Cursor::new(folder.path());
        assert!(cursor.read(&ledger, 0, 100).is_err());
        assert!(spool.scan(|_, _| {}).is_err());
        std::fs::rename(&aside, &files[0]).unwrap();
        let batch = cursor.read(&ledger, 0, 100).unwrap();
        assert_eq!((numbers(&batch.records), batch.through), (vec![0, 1, 2], 3));
        assert!(!batch.lost);
        assert_eq!(numbers(&spool.take(usize::MAX).await), [0, 1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn what_is_held_back_comes_next_unless_rewound() {
        let (_folder, spool, _) = spool_of(6).await;
        assert_eq!(numbers(&spool.take(15).await), [0]);
        spool.rewind();
        assert_eq!(numbers(&spool.take(15).await), [0]);
        let second = spool.take(15).await;
        assert_eq!(numbers(&second), [1]);
        spool.done(second[0].position).await;
        assert_eq!(numbers(&spool.take(15).await), [2]);
        // Somebody deals with what was not taken.
        let last = spool.append(b"0000000006".to_vec()).await.unwrap();
        spool.done(Position(last.0 - 1)).await;
        assert_eq!(numbers(&spool.take(15).await), [6]);
    }
}
