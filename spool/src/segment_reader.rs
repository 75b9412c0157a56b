//! How a segment is read though it may be damaged.

use std::{
    io::{self, Read, Seek},
    ops::Range,
};

use crate::{
    segment::{HEADER_BYTES, RECORD_HEADER_BYTES, checksum, encoded_bytes, header, u32_at, u64_at},
    window::{self, OnError, Window},
};

/// What looks like a record's header is hashed to know. In one segment at most this many times
/// its length is hashed for headers that turn out to be none.
const WASTE: u64 = 64;

/// One part of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A whole record.
    Record {
        /// Its sequence number.
        sequence: u64,
        /// What was appended.
        payload: &'a [u8],
    },
    /// Bytes that are no record.
    Damage {
        /// Where they begin in the file.
        offset: u64,
        /// How many there are.
        bytes: u64,
    },
}

/// Reads a segment from its begin, and goes on where the next whole record is after damage. The
/// time is linear in the segment's length, the memory is that of its longest record.
#[derive(Debug)]
pub(crate) struct SegmentReader<R> {
    window: Window<R>,
    /// Where the next part begins.
    offset: u64,
    /// The sequence number of the record that begins at `anchor`.
    expected: u64,
    anchor: u64,
    /// Above all sequence numbers.
    below: u64,
    /// Bytes that were hashed in vain.
    wasted: u64,
}

/// What looks like a record.
struct Candidate {
    offset: u64,
    sequence: u64,
    length: u32,
    crc: u32,
}

impl<R: Read + Seek> SegmentReader<R> {
    /// Reads the first `end` bytes of a file whose records have these sequence numbers.
    pub(crate) fn new(source: R, end: u64, sequences: Range<u64>, on_error: OnError) -> Self {
        Self::with_window(source, end, sequences, on_error, window::USUAL_BYTES)
    }

    /// The same, with so many bytes read at a time.
    pub(crate) fn with_window(
        source: R,
        end: u64,
        sequences: Range<u64>,
        on_error: OnError,
        window_bytes: usize,
    ) -> Self {
        Self {
            window: Window::new(source, end, window_bytes, on_error),
            offset: 0,
            expected: sequences.start,
            anchor: HEADER_BYTES as u64,
            below: sequences.end,
            wasted: 0,
        }
    }

    /// Lets more be read: a segment that is being written grows. `below` is above all of its
    /// sequence numbers.
    pub(crate) fn extend(&mut self, end: u64, below: u64) {
        self.window.end = self.window.end.max(end);
        self.below = self.below.max(below);
    }

    /// Above the sequence numbers of all records that were read or may have been lost.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.highest_at(self.offset)
    }

    /// Why a part of the file was passed over as if it were damaged; it is told once.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.window.take_failure()
    }

    /// The next part, or nothing at the end. More may come after the end was set anew.
    ///
    /// # Errors
    /// When the file cannot be read and that is to be told. The next call tries the same again.
    pub(crate) fn next(&mut self) -> io::Result<Option<Part<'_>>> {
        let (mut offset, end) = (self.offset, self.window.end);
        if offset >= end {
            return Ok(None);
        }
        if offset == 0 {
            if !self.read_header()? {
                // Records may follow a damaged header.
                self.offset = end.min(HEADER_BYTES as u64);
                return Ok(Some(Part::Damage { offset: 0, bytes: self.offset }));
            }
            offset = HEADER_BYTES as u64;
            self.offset = offset;
            if offset >= end {
                return Ok(None);
            }
        }
        let wasted = self.wasted;
        // A second try may waste as much again.
        let found = self.find_record().inspect_err(|_| self.wasted = wasted)?;
        Ok(Some(match found {
            Some(record) if record.offset == offset => {
                self.anchor = offset + encoded_bytes(record.length);
                self.offset = self.anchor;
                self.expected = record.sequence + 1;
                let payload = self.payload(&record);
                Part::Record { sequence: record.sequence, payload }
            }
            other => {
                self.offset = other.map_or(end, |record| record.offset);
                Part::Damage { offset, bytes: self.offset - offset }
            }
        }))
    }

    /// Whether the file begins with the header that it should have.
    fn read_header(&mut self) -> io::Result<bool> {
        if self.window.end < HEADER_BYTES as u64 {
            return Ok(false);
        }
        self.window.load(0, HEADER_BYTES)?;
        Ok(self.window.get(0, HEADER_BYTES) == header(self.expected))
    }

    /// The first whole record at or after the offset.
    fn find_record(&mut self) -> io::Result<Option<Candidate>> {
        let mut offset = self.offset;
        while offset + RECORD_HEADER_BYTES as u64 <= self.window.end {
            self.window.load(offset, RECORD_HEADER_BYTES)?;
            match self.find_candidate(offset) {
                Ok(candidate) if self.is_record(&candidate)? => return Ok(Some(candidate)),
                Ok(candidate) => offset = candidate.offset + 1,
                Err(next) => offset = next,
            }
        }
        Ok(None)
    }

    /// Looks through the window from `offset` on for what can be a record's header, or says where
    /// to go on.
    fn find_candidate(&self, offset: u64) -> Result<Candidate, u64> {
        let window = self.window.from(offset);
        for (offset, bytes) in (offset..).zip(window.windows(RECORD_HEADER_BYTES)) {
            let (Some(length), Some(crc), Some(sequence)) =
                (u32_at(bytes, 0), u32_at(bytes, 4), u64_at(bytes, 8))
            else {
                continue;
            };
            let possible = sequence >= self.expected
                && sequence <= self.highest_at(offset)
                && sequence < self.below
                && offset + encoded_bytes(length) <= self.window.end;
            if possible {
                return Ok(Candidate { offset, sequence, length, crc });
            }
        }
        let last_start = window.len().saturating_sub(RECORD_HEADER_BYTES - 1).max(1);
        Err(offset + last_start as u64)
    }

    /// The highest sequence number that a record at this offset can have: those before it take at
    /// least a header each.
    fn highest_at(&self, offset: u64) -> u64 {
        self.expected
            .saturating_add(offset.saturating_sub(self.anchor) / RECORD_HEADER_BYTES as u64)
    }

    fn is_record(&mut self, candidate: &Candidate) -> io::Result<bool> {
        let bytes = encoded_bytes(candidate.length);
        if self.wasted + bytes > self.window.end.saturating_mul(WASTE) {
            return Ok(false);
        }
        self.window.load(candidate.offset, RECORD_HEADER_BYTES + candidate.length as usize)?;
        let payload = self.payload(candidate);
        let whole = checksum(candidate.length, candidate.sequence, payload) == candidate.crc;
        if !whole {
            self.wasted += bytes;
        }
        Ok(whole)
    }

    /// What is loaded of a record.
    fn payload(&self, record: &Candidate) -> &[u8] {
        self.window.get(record.offset + RECORD_HEADER_BYTES as u64, record.length as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, ErrorKind, SeekFrom};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        segment::{SEQUENCES, encode},
        window::BLOCK_BYTES,
    };

    /// What was read: records by sequence number, and damage by offset and length.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Read {
        records: Vec<(u64, Vec<u8>)>,
        damage: Vec<(u64, u64)>,
    }

    fn read_from<R: io::Read + Seek>(reader: &mut SegmentReader<R>) -> Read {
        let mut read = Read::default();
        while let Some(part) = reader.next().unwrap() {
            match part {
                Part::Record { sequence, payload } => {
                    read.records.push((sequence, payload.to_vec()));
                }
                Part::Damage { offset, bytes } => read.damage.push((offset, bytes)),
            }
        }
        read
    }

    fn read(segment: &[u8], first: u64) -> Read {
        let end = segment.len() as u64;
        read_from(&mut SegmentReader::new(
            Cursor::new(segment),
            end,
            first..SEQUENCES.end,
            OnError::Tell,
        ))
    }

    /// A segment, and where its records are.
    fn segment(first: u64, payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut bytes = header(first).to_vec();
        let places = (first..)
            .zip(payloads)
            .map(|(sequence, payload)| {
                let start = bytes.len();
                encode(&mut bytes, sequence, u32::try_from(payload.len()).unwrap(), payload);
                start..bytes.len()
            })
            .collect();
        (bytes, places)
    }

    fn numbered(first: u64, payloads: &[Vec<u8>]) -> Vec<(u64, Vec<u8>)> {
        (first..).zip(payloads.iter().cloned()).collect()
    }

    #[test]
    fn reads_what_was_written() {
        // Some records are longer than the window, some lie across its end.
        let payloads: Vec<Vec<u8>> = [0, 1, 100_000, 100_000, 100_000, 600_000, 3, 250_000, 0]
            .iter()
            .map(|&length| (0..length).map(|at| (at % 251) as u8).collect())
            .collect();
        let (bytes, _) = segment(7, &payloads);
        assert_eq!(read(&bytes, 7), Read { records: numbered(7, &payloads), damage: vec![] });
        assert_eq!(read(&header(7), 7), Read::default());
        assert_eq!(read(&[], 7), Read::default());
    }

    #[test]
    fn a_torn_end_costs_the_last_record() {
        let payloads = [b"first".to_vec(), b"second".to_vec(), vec![]];
        let (bytes, places) = segment(1, &payloads);
        for kept in 0..bytes.len() {
            for end in [vec![], vec![0; 40], vec![0xff; 40]] {
                let torn = [&bytes[..kept], &end].concat();
                let read = read(&torn, 1);
                let whole = places.iter().filter(|place| place.end <= kept).count();
                // Zeros can be just what was cut off.
                if end.first() == Some(&0) && read.records.len() > whole {
                    assert!(torn.starts_with(&bytes[..places[read.records.len() - 1].end]));
                } else {
                    assert_eq!(read.records, numbered(1, &payloads[..whole]), "{kept} {end:?}");
                }
            }
        }
    }

    #[test]
    fn damage_is_told_where_it_is() {
        let payloads = vec![vec![1; 30]; 5];
        let (bytes, places) = segment(1, &payloads);
        let header_end = HEADER_BYTES as u64;
        let size = encoded_bytes(30);
        let start = |record: usize| places[record].start as u64;
        type Case = (&'static str, [Range<usize>; 2], Vec<(u64, u64)>, Vec<usize>);
        let cases: [Case; 6] = [
            ("a header", [3..4, 0..0], vec![(0, header_end)], vec![]),
            ("the first", [30..31, 0..0], vec![(start(0), size)], vec![0]),
            (
                "two",
                [places[1].start..places[2].start + 1, 0..0],
                vec![(start(1), 2 * size)],
                vec![1, 2],
            ),
            (
                "two apart",
                [places[1].end - 1..places[1].end, places[3].clone()],
                vec![(start(1), size), (start(3), size)],
                vec![1, 3],
            ),
            ("the last", [places[4].clone(), 0..0], vec![(start(4), size)], vec![4]),
            (
                "all",
                [0..bytes.len(), 0..0],
                vec![(0, header_end), (header_end, 5 * size)],
                vec![0, 1, 2, 3, 4],
            ),
        ];
        for (name, zeroed, damage, lost) in cases {
            let mut bytes = bytes.clone();
            zeroed.into_iter().for_each(|range| bytes[range].fill(0));
            let read = read(&bytes, 1);
            assert_eq!(read.damage, damage, "{name}");
            let kept: Vec<_> = (0..5).filter(|record| !lost.contains(record)).collect();
            let found: Vec<_> = read.records.iter().map(|(s, _)| *s as usize - 1).collect();
            assert_eq!(found, kept, "{name}");
        }
    }

    #[test]
    fn records_of_other_places_are_none() {
        let payloads = vec![vec![9; 20]; 3];
        let (bytes, places) = segment(10, &payloads);
        // The file has another name than it should.
        for name in [1, 13, 1000] {
            assert_eq!(read(&bytes, name).records, [], "{name}");
        }
        // An older segment's rest, and records twice.
        let (old, old_places) = segment(1, &payloads);
        let first = &bytes[..places[0].end];
        for rest in [&old[old_places[1].clone()], first, &bytes[places[0].clone()]] {
            let read = read(&[first, rest].concat(), 10);
            assert_eq!(read.records, numbered(10, &payloads[..1]));
        }
        // Numbers ascend, whatever the file holds.
        let swapped = [first, &bytes[places[2].clone()], &bytes[places[1].clone()]].concat();
        assert_eq!(read(&swapped, 10).records, numbered(10, &payloads[..2]));
        // A record of the next segment is not taken from this one.
        let end = bytes.len() as u64;
        let mut reader = SegmentReader::new(Cursor::new(&bytes), end, 10..12, OnError::Tell);
        assert_eq!(read_from(&mut reader).records, numbered(10, &payloads[..2]));
    }

    #[test]
    fn a_lost_number_is_never_given_again() {
        let payloads = vec![vec![9; 20]; 3];
        let (mut bytes, places) = segment(10, &payloads);
        bytes[places[1].start..].fill(0xaa);
        let end = bytes.len() as u64;
        let mut grown = bytes;
        encode(&mut grown, 13, 3, b"new");
        let source = Cursor::new(&grown);
        let mut reader = SegmentReader::new(source, end, 10..SEQUENCES.end, OnError::Tell);
        assert_eq!(read_from(&mut reader).records.len(), 1);
        assert!(reader.next_sequence() > 12);
        // Nor if the segment grows after the damage, and then its records are found.
        reader.extend(grown.len() as u64, SEQUENCES.end);
        assert_eq!(read_from(&mut reader).records, [(13, b"new".to_vec())]);
    }

    #[test]
    fn what_pretends_to_be_a_record_costs_little() {
        // Every 16 bytes claim to be a record that reaches to the end.
        let mut bytes = header(1).to_vec();
        let end = 1 << 20;
        for at in (HEADER_BYTES..end).step_by(RECORD_HEADER_BYTES) {
            let length = u32::try_from(end - at - RECORD_HEADER_BYTES.min(end - at)).unwrap();
            bytes.extend(length.saturating_sub(RECORD_HEADER_BYTES as u32).to_le_bytes());
            bytes.extend(7_u32.to_le_bytes());
            bytes.extend(1_u64.to_le_bytes());
        }
        let length = bytes.len() as u64;
        let mut reader =
            SegmentReader::new(Cursor::new(&bytes), length, 1..SEQUENCES.end, OnError::Tell);
        assert_eq!(read_from(&mut reader).records, []);
        assert!(reader.wasted <= WASTE * length);
        assert!(reader.wasted > (WASTE - 1) * length, "the test does not reach the limit");
    }

    /// A file of which some blocks cannot be read.
    struct Sick {
        file: Cursor<Vec<u8>>,
        blocks: Vec<u64>,
        /// Attempts until they can be read again.
        recovers_after: usize,
        interrupted: bool,
    }

    impl io::Read for Sick {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
            let at = self.file.position();
            let sick = |at: u64| self.blocks.contains(&(at / BLOCK_BYTES));
            if sick(at) {
                self.recovers_after = self.recovers_after.saturating_sub(1);
                if self.recovers_after == 0 {
                    self.blocks.clear();
                }
                return Err(io::Error::other("sick"));
            }
            let healthy = (0..buffer.len()).take_while(|&ahead| !sick(at + ahead as u64)).count();
            self.file.read(&mut buffer[..healthy])
        }
    }

    impl Seek for Sick {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn a_block_that_cannot_be_read_costs_what_is_in_it() {
        let payloads: Vec<Vec<u8>> = (0..200_u8).map(|at| vec![at; 1000]).collect();
        let (bytes, places) = segment(1, &payloads);
        let blocks = vec![0, 7, 8, 20];
        let hit = |place: &Range<usize>| {
            let touched = place.start as u64 / BLOCK_BYTES..=(place.end as u64 - 1) / BLOCK_BYTES;
            blocks.iter().any(|block| touched.contains(block))
        };
        let end = bytes.len() as u64;
        let kept = numbered(1, &payloads).into_iter().zip(&places).filter(|(_, at)| !hit(at));
        let kept: Vec<_> = kept.map(|(record, _)| record).collect();
        let sick = |recovers_after| Sick {
            file: Cursor::new(bytes.clone()),
            blocks: blocks.clone(),
            recovers_after,
            interrupted: false,
        };
        let sequences = 1..SEQUENCES.end;
        let file = sick(usize::MAX);
        let mut reader = SegmentReader::new(file, end, sequences.clone(), OnError::PassOver);
        assert_eq!(read_from(&mut reader).records, kept);
        assert_eq!(reader.take_failure().map(|error| error.to_string()).as_deref(), Some("sick"));
        // Or it is told as often as it is tried, and when it can be read all is there.
        for (blocks, first) in [(&[0][..], 0), (&[7, 8], 28), (&[49], 197)] {
            for window in [1, 5000, window::USUAL_BYTES] {
                let file = Sick { blocks: blocks.to_vec(), ..sick(9) };
                let on_error = OnError::Tell;
                let mut reader =
                    SegmentReader::with_window(file, end, sequences.clone(), on_error, window);
                let (mut read, mut failures) = (Vec::new(), Vec::new());
                loop {
                    match reader.next() {
                        Ok(Some(Part::Record { sequence, payload })) => {
                            read.push((sequence, payload.to_vec()));
                        }
                        Ok(Some(part)) => panic!("{part:?}"),
                        Ok(None) => break,
                        Err(_) => failures.push(read.len()),
                    }
                }
                assert_eq!(read, numbered(1, &payloads), "{blocks:?} {window}");
                // Reading ahead is no failure.
                assert!((8..=9).contains(&failures.len()), "{blocks:?} {window}: {failures:?}");
                assert!(failures.iter().all(|&read| read == first), "{failures:?}");
                assert_eq!((reader.wasted, reader.take_failure().is_none()), (0, true));
            }
        }
    }

    proptest! {
        #[test]
        fn damage_costs_only_what_it_hits(
            first in 1_u64..1 << 40,
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..30),
            flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6),
            zeroed in any::<(prop::sample::Index, u8)>(),
            window in 1_usize..400,
        ) {
            let (whole, places) = segment(first, &payloads);
            let mut bytes = whole.clone();
            for (at, flip) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            let start = zeroed.0.index(bytes.len());
            let zeros = usize::from(zeroed.1).min(bytes.len() - start);
            bytes[start..start + zeros].fill(0);
            let end = bytes.len() as u64;
            let source = Cursor::new(&bytes);
            let mut reader =
                SegmentReader::with_window(source, end, first..SEQUENCES.end, OnError::Tell, window);
            let read = read_from(&mut reader);
            let expected: Vec<_> = numbered(first, &payloads)
                .into_iter()
                .zip(&places)
                .filter(|(_, place)| bytes[(*place).clone()] == whole[(*place).clone()])
                .map(|(record, _)| record)
                .collect();
            prop_assert_eq!(read.records, expected);
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let read = read(&bytes, 1);
            let lost: u64 = read.damage.iter().map(|(_, bytes)| bytes).sum();
            prop_assert_eq!(lost, bytes.len() as u64);
        }
    }
}
