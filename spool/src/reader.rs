//! Where the drainer reads.

use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    Position, Taken,
    disk::{Disk, Source, is_of_the_disk},
    ledger::{Ledger, Stretch},
    recovery::{open_segment, segment_path},
    segment_reader::{Part, SegmentReader},
    window::OnError,
};

/// Times that a file is tried, until it counts as unreadable.
pub(crate) const TRIES: u32 = 60;

/// A place in the segments; it moves forward with what is read.
#[derive(Debug)]
pub(crate) struct Cursor {
    disk: Disk,
    folder: PathBuf,
    /// The last record that was given.
    at: u64,
    open: Option<(u64, SegmentReader<Source>)>,
    /// The record after that, when it was read and was too much.
    held: Option<Taken>,
    /// The segment that could not be read, and how often.
    failing: (u64, u32),
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

/// Why nothing was read. Nothing was passed over, and it can be tried again.
#[derive(Debug)]
pub(crate) struct ReadFailed {
    pub(crate) file: PathBuf,
    pub(crate) error: io::Error,
    /// How often it was tried.
    pub(crate) tries: u32,
    /// The segment, when it was tried often enough: it is unreadable.
    pub(crate) unreadable: Option<u64>,
}

impl Cursor {
    pub(crate) fn new(folder: &Path, disk: Disk) -> Self {
        let folder = folder.to_owned();
        Self { disk, folder, at: 0, open: None, held: None, failing: (0, 0) }
    }

    /// Reads the records after `from`: up to `max_bytes` of them, but one if there is one.
    pub(crate) fn read(
        &mut self,
        ledger: &Mutex<Ledger>,
        from: u64,
        max_bytes: usize,
    ) -> Result<Batch, ReadFailed> {
        if self.at != from {
            (self.at, self.open, self.held) = (from, None, None);
        }
        let mut batch = Batch::default();
        let mut left = max_bytes;
        loop {
            if self.held.is_none()
                && let Err(failed) = self.advance(ledger, &mut batch.lost)
                // What came before can be given; the next reading tells.
                && batch.records.is_empty()
            {
                return Err(failed);
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

    /// Reads and holds the next record, if there is one; `lost` becomes true if some were lost on
    /// the way.
    fn advance(&mut self, ledger: &Mutex<Ledger>, lost: &mut bool) -> Result<(), ReadFailed> {
        while self.held.is_none() {
            let Some(stretch) = lock(ledger).stretch_after(self.at) else { break };
            let (next, damaged_bytes) = match self.read_after(stretch) {
                Ok(read) => read,
                // It was dealt with meanwhile.
                Err(error) if is_gone(&error) && !lock(ledger).waits(stretch.first) => (None, 0),
                Err(error) if stretch.unreadable && is_of_the_file(&error) => (None, 0),
                Err(error) => return Err(self.failed(stretch, error)),
            };
            let missing = match &next {
                Some(record) => self.at + 1..=record.position.0 - 1,
                None => self.at + 1..=stretch.last,
            };
            if next.is_none() {
                self.at = stretch.last;
            }
            *lost |= strike_off(ledger, &self.path(stretch), stretch, missing, damaged_bytes);
            self.held = next;
        }
        Ok(())
    }

    fn path(&self, stretch: Stretch) -> PathBuf {
        segment_path(&self.folder, stretch.first)
    }

    /// Notes that a segment could not be read. It is opened anew the next time.
    fn failed(&mut self, stretch: Stretch, error: io::Error) -> ReadFailed {
        let reading = self.open.take().is_some();
        let (first, tries) = self.failing;
        let tries = if first == stretch.first { tries + 1 } else { 1 };
        self.failing = (stretch.first, tries);
        let of_the_file = reading || is_of_the_file(&error);
        let unreadable = (of_the_file && tries >= TRIES).then_some(stretch.first);
        ReadFailed { file: self.path(stretch), error, tries, unreadable }
    }

    /// The stretch's next record, and how many damaged bytes are before it.
    fn read_after(&mut self, stretch: Stretch) -> io::Result<(Option<Taken>, u64)> {
        let (at, path) = (self.at, self.path(stretch));
        let reader = self.open(stretch)?;
        let mut damaged_bytes = 0;
        let mut found = None;
        while let Some(part) = reader.next()? {
            match part {
                Part::Record { sequence, payload } if sequence > at => {
                    found = Some(Taken { position: Position(sequence), bytes: payload.to_vec() });
                    break;
                }
                Part::Record { .. } => damaged_bytes = 0,
                Part::Damage { bytes, .. } => damaged_bytes += bytes,
            }
        }
        if let Some(error) = reader.take_failure() {
            tracing::warn!(file = %path.display(), %error, "a part of the spool cannot be read");
        }
        Ok((found, damaged_bytes))
    }

    /// The stretch's reader, which may be behind.
    fn open(&mut self, stretch: Stretch) -> io::Result<&mut SegmentReader<Source>> {
        let kept = self.open.take().filter(|(first, _)| *first == stretch.first);
        let (_, reader) = self.open.insert(match kept {
            Some(kept) => kept,
            None => {
                let file = open_segment(&self.disk, &self.folder, stretch.first)?;
                let on_error = if stretch.unreadable { OnError::PassOver } else { OnError::Tell };
                (stretch.first, stretch.reader(file, on_error))
            }
        });
        reader.extend(stretch.readable, stretch.last + 1);
        Ok(reader)
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Whether a file that cannot be opened is lost. It may be there again: a disk that was unplugged.
fn is_of_the_file(error: &io::Error) -> bool {
    is_gone(error) || is_of_the_disk(error)
}

impl Stretch {
    fn reader(&self, file: Source, on_error: OnError) -> SegmentReader<Source> {
        SegmentReader::new(file, self.readable, self.first..self.last + 1, on_error)
    }
}

/// Gives `visit` all records that wait and can be read; tells of an error at the end.
pub(crate) fn scan(
    ledger: &Mutex<Ledger>,
    disk: &Disk,
    folder: &Path,
    mut visit: impl FnMut(Position, &[u8]),
) -> io::Result<()> {
    let (done, stretches): (_, Vec<_>) = {
        let ledger = lock(ledger);
        (ledger.done(), ledger.stretches().collect())
    };
    let mut failure = None;
    for stretch in stretches {
        let file = match open_segment(disk, folder, stretch.first) {
            Ok(file) => file,
            // It was dealt with meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                failure.get_or_insert(error);
                continue;
            }
        };
        let mut reader = stretch.reader(file, OnError::PassOver);
        while let Some(part) = reader.next()? {
            if let Part::Record { sequence, payload } = part
                && sequence > done
            {
                visit(Position(sequence), payload);
            }
        }
        // What is known to be unreadable is no news.
        failure = failure.or(reader.take_failure().filter(|_| !stretch.unreadable));
    }
    failure.map_or(Ok(()), Err)
}

/// Forgets records that are not there; says whether any of them waited.
fn strike_off(
    ledger: &Mutex<Ledger>,
    path: &Path,
    stretch: Stretch,
    missing: RangeInclusive<u64>,
    damaged_bytes: u64,
) -> bool {
    let mut ledger = lock(ledger);
    let records = ledger.lose(stretch.first, missing);
    if records > 0 {
        ledger.count_lost(records, damaged_bytes);
        tracing::error!(
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
    use crate::{Damage, Settings, Spool};

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
                let records = damaged.len() as u64;
                let bytes = records * RECORD as u64;
                assert_eq!(spool.damage(), Damage { records, bytes, unreadable_files: 0 });
                assert_eq!(spool.depth().records, 1, "{damaged:?}");
                spool.done(new).await;
                assert_eq!(spool.depth().records, 0, "{damaged:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_vanishes_is_survived() {
        // It is gone, or its disk is away for some time.
        for comes_back in [false, true] {
            let (folder, spool, files) = spool_of(9).await;
            let elsewhere = folder.path().join("elsewhere");
            std::fs::rename(&files[1], &elsewhere).unwrap();
            let mut scanned = 0;
            spool.scan(|_, _| scanned += 1).unwrap();
            assert_eq!(scanned, 6);
            assert_eq!(numbers(&spool.take(usize::MAX).await), [0, 1, 2]);
            let rest = spool.take(usize::MAX).await;
            assert_eq!(numbers(&rest), [6, 7, 8]);
            assert_eq!((spool.depth().records, spool.damage().records), (6, 3));
            if comes_back {
                std::fs::rename(&elsewhere, &files[1]).unwrap();
            }
            // What was never stored is not deleted.
            spool.done(rest[2].position).await;
            spool.close().await;
            let kept = files[1].with_extension("unreadable");
            assert_eq!((files[1].exists(), kept.exists()), (false, comes_back));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_away_for_a_moment_costs_nothing() {
        let (folder, spool, files) = spool_of(9).await;
        let elsewhere = folder.path().join("elsewhere");
        std::fs::rename(&files[0], &elsewhere).unwrap();
        let taken = tokio::join!(spool.take(usize::MAX), async {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            std::fs::rename(&elsewhere, &files[0]).unwrap();
        });
        assert_eq!(numbers(&taken.0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(spool.damage(), Damage::default());
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
        let mut cursor = Cursor::new(folder.path(), Disk::default());
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
