//! Looks through a segment at the start: which records it holds, and what of it is lost.

use std::{
    io::{self, Read, Seek},
    ops::{Range, RangeInclusive},
    path::Path,
};

use crate::{
    disk::{Disk, Source, is_of_the_disk},
    segment::{HEADER_BYTES, RECORD_HEADER_BYTES, SEQUENCES, foreign_version},
    segment_reader::{Part, SegmentReader},
    window::OnError,
};

/// No file that cannot even be opened holds more records than this.
const MOST_RECORDS: u64 = 1 << 40;

/// What a segment holds.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Sequence numbers of the whole records, ascending.
    pub(crate) runs: Vec<RangeInclusive<u64>>,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Above the sequence numbers of all records that it holds or may have held.
    pub(crate) next: u64,
    /// Damaged parts: where they begin, and how many bytes they have.
    pub(crate) damaged: Vec<(u64, u64)>,
    /// Records that were not dealt with and are not there, as far as can be told.
    pub(crate) lost_records: u64,
    /// Bytes of the damaged parts where such records may have been.
    pub(crate) lost_bytes: u64,
    /// Why some of it could not be read.
    pub(crate) unreadable: Option<io::Error>,
}

/// Why a segment cannot be looked through.
#[derive(Debug)]
pub(crate) enum NoSurvey {
    /// It is in this format of the future.
    Version(u32),
    /// It cannot be opened, for a reason that a person can change.
    Io(io::Error),
}

/// What is known of a segment from elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// The sequence number that names it.
    pub(crate) first: u64,
    /// The one that names the next segment.
    pub(crate) below: Option<u64>,
    /// Records up to this one are dealt with.
    pub(crate) done: u64,
}

impl Known {
    fn sequences(self) -> Range<u64> {
        self.first..self.below.unwrap_or(SEQUENCES.end)
    }

    /// How many of these records are not dealt with.
    fn waiting(self, from: u64, below: u64) -> u64 {
        below.saturating_sub(from.max(self.done + 1))
    }

    /// How many records were lost with the end of a segment, from this number on, in so many
    /// bytes.
    fn lost_at_the_end(self, from: u64, bytes: u64, unreadable: bool) -> u64 {
        let most = bytes / RECORD_HEADER_BYTES as u64;
        // After a crash while a record was written, the next segment's number leaves room for all
        // that may have been there, and nothing that was confirmed is lost.
        let next = self.below.filter(|&below| unreadable || below != from + most);
        let waiting = next.map_or(0, |below| self.waiting(from, below).min(most));
        waiting.max(u64::from(unreadable))
    }
}

/// Looks through the file.
pub(crate) fn survey(disk: &Disk, path: &Path, known: Known) -> Result<Survey, NoSurvey> {
    let open = || {
        let source = disk.open(path)?;
        let bytes = source.length()?;
        Ok((source, bytes))
    };
    let (mut source, bytes) = match open() {
        Ok(opened) => opened,
        Err(error) if is_of_the_disk(&error) => return Ok(closed(known, error)),
        Err(error) => return Err(NoSurvey::Io(error)),
    };
    let mut start = Vec::new();
    // An error here comes again below.
    let _ = (&mut source).take(HEADER_BYTES as u64).read_to_end(&mut start);
    if let Some(version) = foreign_version(&start) {
        return Err(NoSurvey::Version(version));
    }
    if let Ok(survey) = look_through(source, bytes, known, OnError::Tell) {
        return Ok(survey);
    }
    // Once more: if it can be read this time, nothing is the matter.
    let (source, _) = open().map_err(NoSurvey::Io)?;
    look_through(source, bytes, known, OnError::PassOver).map_err(NoSurvey::Io)
}

/// What is known of a file that cannot be opened.
fn closed(known: Known, error: io::Error) -> Survey {
    let Known { first, below, .. } = known;
    Survey {
        next: below.unwrap_or(first + MOST_RECORDS),
        lost_records: below.map_or(1, |below| known.waiting(first, below)),
        unreadable: Some(error),
        ..Survey::default()
    }
}

fn look_through(source: Source, bytes: u64, known: Known, on_error: OnError) -> io::Result<Survey> {
    let reader = SegmentReader::new(source, bytes, known.sequences(), on_error);
    collect(reader, bytes, known)
}

fn collect<R: Read + Seek>(
    mut reader: SegmentReader<R>,
    bytes: u64,
    known: Known,
) -> io::Result<Survey> {
    let mut survey = Survey { bytes, ..Survey::default() };
    let mut expected = known.first;
    let mut damaged_bytes = 0;
    while let Some(part) = reader.next()? {
        match part {
            Part::Record { sequence, .. } => {
                let lost = known.waiting(expected, sequence);
                if lost > 0 {
                    survey.lost_records += lost;
                    survey.lost_bytes += damaged_bytes;
                }
                damaged_bytes = 0;
                expected = sequence + 1;
                match survey.runs.last_mut() {
                    Some(run) if *run.end() + 1 == sequence => *run = *run.start()..=sequence,
                    _ => survey.runs.push(sequence..=sequence),
                }
            }
            Part::Damage { offset, bytes } => {
                survey.damaged.push((offset, bytes));
                // The file's own header holds no records.
                damaged_bytes += if offset == 0 { 0 } else { bytes };
            }
        }
    }
    survey.next = reader.next_sequence();
    survey.unreadable = reader.take_failure();
    let waits = known.below.is_none_or(|below| below > known.done + 1);
    if damaged_bytes > 0 && waits {
        let unreadable = survey.unreadable.is_some();
        survey.lost_records += known.lost_at_the_end(expected, damaged_bytes, unreadable);
        survey.lost_bytes += damaged_bytes;
    }
    Ok(survey)
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;
    use crate::segment::{encode, header};

    const RECORD: u64 = 16 + 10;

    /// Five records from number 11 on.
    fn segment() -> Vec<u8> {
        let mut bytes = header(11).to_vec();
        (11..16).for_each(|sequence| encode(&mut bytes, sequence, 10, b"0123456789"));
        bytes
    }

    fn place(record: u64) -> Range<u64> {
        let start = HEADER_BYTES as u64 + (record - 11) * RECORD;
        start..start + RECORD
    }

    #[test]
    fn counts_what_is_lost() {
        // Which records are hit, the next segment's number, what is dealt with, and what is lost.
        type Case = (Range<u64>, Option<u64>, u64, (u64, u64));
        let torn = 14 + 2 * RECORD / 16;
        let cases: [Case; 12] = [
            (11..11, None, 0, (0, 0)),
            (11..12, None, 0, (1, RECORD)),
            (12..14, None, 0, (2, 2 * RECORD)),
            // What was dealt with is not lost.
            (12..14, None, 12, (1, 2 * RECORD)),
            (12..14, Some(16), 13, (0, 0)),
            (14..16, Some(16), 15, (0, 0)),
            // The end may never have been confirmed, unless the next segment tells of it.
            (14..16, None, 0, (0, 2 * RECORD)),
            (14..16, Some(16), 0, (2, 2 * RECORD)),
            (14..16, Some(16), 14, (1, 2 * RECORD)),
            (14..16, Some(torn), 0, (0, 2 * RECORD)),
            (14..16, Some(100), 0, (3, 2 * RECORD)),
            (11..16, Some(16), 0, (5, 5 * RECORD)),
        ];
        for (hit, below, done, lost) in cases {
            let mut bytes = segment();
            for record in hit.clone() {
                bytes[place(record).start as usize + 20] ^= 1;
            }
            let folder = tempdir().unwrap();
            let path = folder.path().join("segment");
            std::fs::write(&path, &bytes).unwrap();
            let known = Known { first: 11, below, done };
            let survey = survey(&Disk::default(), &path, known).unwrap();
            assert_eq!(
                (survey.lost_records, survey.lost_bytes),
                lost,
                "{hit:?} {below:?} {done}: {survey:?}"
            );
            let there: Vec<_> = survey.runs.iter().cloned().flatten().collect();
            assert_eq!(there, (11..16).filter(|at| !hit.contains(at)).collect::<Vec<_>>());
            assert!(survey.next >= 16 && survey.unreadable.is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("segment");
        std::fs::write(&path, segment()).unwrap();
        // A block is the whole file here: what is hit, and what of it is there and lost.
        for (spoilt, below, lost_records) in
            [(0..1, Some(16), 5), (0..1, None, 1), (60..61, Some(16), 4), (60..61, None, 1)]
        {
            let disk = Disk::default();
            disk.trial.spoil(&path, spoilt.clone());
            let known = Known { first: 11, below, done: 0 };
            let survey = survey(&disk, &path, known).unwrap();
            assert!(survey.unreadable.is_some());
            assert_eq!(survey.lost_records, lost_records, "{spoilt:?} {below:?}: {survey:?}");
            let whole = if spoilt.start == 0 { vec![] } else { vec![11..=11] };
            assert_eq!((survey.runs, survey.next >= 16), (whole, true));
        }
        let disk = Disk::default();
        disk.trial.shut(&path);
        for (below, lost_records, next) in [(Some(16), 4, 16), (None, 1, 11 + MOST_RECORDS)] {
            let survey = survey(&disk, &path, Known { first: 11, below, done: 11 }).unwrap();
            assert_eq!((survey.lost_records, survey.next), (lost_records, next));
            assert!(survey.unreadable.is_some() && survey.runs.is_empty());
        }
        // What a person can change is no loss.
        let missing = survey(&disk, &folder.path().join("none"), known_all());
        assert!(matches!(missing, Err(NoSurvey::Io(_))));
    }

    fn known_all() -> Known {
        Known { first: 11, below: None, done: 0 }
    }
}
