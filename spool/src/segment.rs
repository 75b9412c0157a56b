//! A segment file: how it is written, and how it is read though it may be damaged.
//!
//! ```text
//! segment = "LWSPOOL\0"  version: u32  first: u64  crc32 of all before: u32     24 bytes
//!           record*
//! record  = length: u32  crc32 of length, sequence and payload: u32  sequence: u64     16 bytes
//!           payload: length bytes
//! ```
//!
//! Numbers are little-endian. `first` is the sequence number of the first record and the name of
//! the file; each further record has the next one. This is what makes damage bounded: at any place
//! of a damaged file only few sequence numbers are possible, so that the next whole record is
//! recognised where it stands. (A payload could only pretend to be a record where the header before
//! it is damaged, and only with a sequence number that fits, which senders do not know.)

use std::{
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    ops::Range,
};

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 24;

/// Bytes of a record's header.
pub(crate) const RECORD_HEADER_BYTES: usize = 16;

/// Sequence numbers that a file may be named by; far from where counting would overflow.
pub(crate) const SEQUENCES: Range<u64> = 1..1 << 62;

const MAGIC: [u8; 8] = *b"LWSPOOL\0";
const VERSION: u32 = 1;

/// Read at a time, unless a record is longer.
const WINDOW_BYTES: usize = 256 << 10;

/// A disk fails by blocks of this many bytes (or multiples).
const BLOCK_BYTES: u64 = 4096;

/// What looks like a record's header is hashed to know. In one segment at most this many times
/// its length is hashed for headers that turn out to be none.
const WASTE: u64 = 64;

/// The header of a segment whose first record has this sequence number.
pub(crate) fn header(first: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (checked, crc) = header.split_at_mut(HEADER_BYTES - 4);
    let (magic, rest) = checked.split_at_mut(MAGIC.len());
    let (version, sequence) = rest.split_at_mut(4);
    magic.copy_from_slice(&MAGIC);
    version.copy_from_slice(&VERSION.to_le_bytes());
    sequence.copy_from_slice(&first.to_le_bytes());
    crc.copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
    header
}

/// Appends a record; `length` is the payload's.
pub(crate) fn encode(encoded: &mut Vec<u8>, sequence: u64, length: u32, payload: &[u8]) {
    encoded.extend_from_slice(&length.to_le_bytes());
    encoded.extend_from_slice(&checksum(length, sequence, payload).to_le_bytes());
    encoded.extend_from_slice(&sequence.to_le_bytes());
    encoded.extend_from_slice(payload);
}

/// Bytes that a record with this payload takes in a segment.
pub(crate) fn encoded_bytes(length: u32) -> u64 {
    RECORD_HEADER_BYTES as u64 + u64::from(length)
}

/// The version of a whole header that this program cannot read.
pub(crate) fn foreign_version(start: &[u8]) -> Option<u32> {
    let checked = start.get(..HEADER_BYTES - 4)?;
    let version = u32_at(start, 8)?;
    let whole =
        checked.starts_with(&MAGIC) && crc32fast::hash(checked) == u32_at(start, HEADER_BYTES - 4)?;
    (whole && version != VERSION).then_some(version)
}

fn checksum(length: u32, sequence: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

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
    source: R,
    /// Nothing is read from here on.
    end: u64,
    /// The file from `window_at` on; of `window_bytes`, unless a record is longer.
    window: Vec<u8>,
    window_at: u64,
    window_bytes: usize,
    /// Where the next part begins.
    offset: u64,
    /// The sequence number of the record that begins at `anchor`.
    expected: u64,
    anchor: u64,
    /// Above all sequence numbers.
    below: u64,
    /// Bytes that were hashed in vain.
    wasted: u64,
    failure: Option<io::Error>,
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
    pub(crate) fn new(source: R, end: u64, sequences: Range<u64>) -> Self {
        Self::with_window(source, end, sequences, WINDOW_BYTES)
    }

    /// The same, with so many bytes read at a time.
    pub(crate) fn with_window(
        source: R,
        end: u64,
        sequences: Range<u64>,
        window_bytes: usize,
    ) -> Self {
        Self {
            source,
            end,
            window: Vec::new(),
            window_at: 0,
            window_bytes,
            offset: 0,
            expected: sequences.start,
            anchor: HEADER_BYTES as u64,
            below: sequences.end,
            wasted: 0,
            failure: None,
        }
    }

    /// Lets more be read: a segment that is being written grows. `below` is above all of its
    /// sequence numbers.
    pub(crate) fn extend(&mut self, end: u64, below: u64) {
        self.end = self.end.max(end);
        self.below = self.below.max(below);
    }

    /// Above the sequence numbers of all records that were read or may have been lost.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.highest_at(self.offset)
    }

    /// Why a part of the file could not be read; it is told once.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// The next part, or nothing at the end. More may come after the end was set anew.
    pub(crate) fn next(&mut self) -> Option<Part<'_>> {
        let offset = self.offset;
        if offset >= self.end {
            return None;
        }
        if offset == 0 && self.read_header() {
            self.offset = HEADER_BYTES as u64;
            return self.next();
        }
        let found = if offset == 0 { None } else { self.find_record() };
        match found {
            Some(record) if record.offset == offset => {
                self.anchor = offset + encoded_bytes(record.length);
                self.offset = self.anchor;
                self.expected = record.sequence + 1;
                let payload =
                    self.loaded(offset + RECORD_HEADER_BYTES as u64, record.length as usize);
                Some(Part::Record { sequence: record.sequence, payload })
            }
            other => {
                // Records may follow a damaged header.
                let rest = if offset == 0 { self.end.min(HEADER_BYTES as u64) } else { self.end };
                self.offset = other.map_or(rest, |record| record.offset);
                Some(Part::Damage { offset, bytes: self.offset - offset })
            }
        }
    }

    /// Whether the file begins with the header that it should have.
    fn read_header(&mut self) -> bool {
        if self.end < HEADER_BYTES as u64 {
            return false;
        }
        self.load(0, HEADER_BYTES);
        self.loaded(0, HEADER_BYTES) == header(self.expected)
    }

    /// The first whole record at or after the offset.
    fn find_record(&mut self) -> Option<Candidate> {
        let mut offset = self.offset;
        while offset + RECORD_HEADER_BYTES as u64 <= self.end {
            self.load(offset, RECORD_HEADER_BYTES);
            match self.find_candidate(offset) {
                Ok(candidate) if self.is_record(&candidate) => return Some(candidate),
                Ok(candidate) => offset = candidate.offset + 1,
                Err(next) => offset = next,
            }
        }
        None
    }

    /// Looks through the window from `offset` on for what can be a record's header, or says where
    /// to go on.
    fn find_candidate(&self, offset: u64) -> Result<Candidate, u64> {
        let start = usize::try_from(offset - self.window_at).unwrap_or(usize::MAX);
        let window = self.window.get(start..).unwrap_or_default();
        for (offset, bytes) in (offset..).zip(window.windows(RECORD_HEADER_BYTES)) {
            let (Some(length), Some(crc), Some(sequence)) =
                (u32_at(bytes, 0), u32_at(bytes, 4), u64_at(bytes, 8))
            else {
                continue;
            };
            let possible = sequence >= self.expected
                && sequence <= self.highest_at(offset)
                && sequence < self.below
                && offset + encoded_bytes(length) <= self.end;
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

    fn is_record(&mut self, candidate: &Candidate) -> bool {
        let bytes = encoded_bytes(candidate.length);
        if self.wasted + bytes > self.end.saturating_mul(WASTE) {
            return false;
        }
        let length = candidate.length as usize;
        self.load(candidate.offset, RECORD_HEADER_BYTES + length);
        let payload = self.loaded(candidate.offset + RECORD_HEADER_BYTES as u64, length);
        let whole = checksum(candidate.length, candidate.sequence, payload) == candidate.crc;
        if !whole {
            self.wasted += bytes;
        }
        whole
    }

    /// What the window holds there; [`load`](Self::load) it before.
    fn loaded(&self, at: u64, length: usize) -> &[u8] {
        usize::try_from(at - self.window_at)
            .ok()
            .and_then(|start| self.window.get(start..start.checked_add(length)?))
            .unwrap_or_default()
    }

    /// Brings these bytes, which lie before the end, into the window.
    fn load(&mut self, at: u64, length: usize) {
        let known = at
            .checked_sub(self.window_at)
            .and_then(|skip| usize::try_from(skip).ok())
            .and_then(|skip| Some((skip, self.window.len().checked_sub(skip)?)));
        let kept = match known {
            Some((_, rest)) if rest >= length => return,
            Some((skip, rest)) => {
                self.window.drain(..skip);
                rest
            }
            None => {
                self.window.clear();
                0
            }
        };
        let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
        let wanted = length.max(self.window_bytes).min(left);
        if wanted <= self.window_bytes {
            // A long record does not keep its memory.
            self.window.shrink_to(self.window_bytes);
        }
        self.window.resize(wanted, 0);
        self.window_at = at;
        let missing = self.window.get_mut(kept..).unwrap_or_default();
        if let Err(error) = read_or_zero(&mut self.source, at + kept as u64, missing) {
            self.failure.get_or_insert(error);
        }
    }
}

/// Fills the zeroed `buffer` from the offset on. Blocks that cannot be read, and what lies after
/// the file's end, stay zeros: the checksums find what that hits, and what is around is kept.
fn read_or_zero(
    source: &mut (impl Read + Seek),
    mut offset: u64,
    mut buffer: &mut [u8],
) -> io::Result<()> {
    let mut failure = Ok(());
    while !buffer.is_empty() {
        let read = source.seek(SeekFrom::Start(offset)).and_then(|_| source.read(buffer));
        let passed = match read {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                failure = failure.and(Err(error));
                let block_left = BLOCK_BYTES - offset % BLOCK_BYTES;
                usize::try_from(block_left).unwrap_or(usize::MAX).min(buffer.len())
            }
        };
        offset += passed as u64;
        buffer = buffer.get_mut(passed..).unwrap_or_default();
    }
    failure
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// What was read: records by sequence number, and damage by offset and length.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Read {
        records: Vec<(u64, Vec<u8>)>,
        damage: Vec<(u64, u64)>,
    }

    fn read_from<R: io::Read + Seek>(reader: &mut SegmentReader<R>) -> Read {
        let mut read = Read::default();
        while let Some(part) = reader.next() {
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
        read_from(&mut SegmentReader::new(Cursor::new(segment), end, first..SEQUENCES.end))
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
    fn the_format_stays() {
        let (bytes, _) = segment(0x0102, &[b"ab".to_vec()]);
        #[rustfmt::skip]
        assert_eq!(bytes, [
            b'L', b'W', b'S', b'P', b'O', b'O', b'L', 0,  1, 0, 0, 0,
            2, 1, 0, 0, 0, 0, 0, 0,  0xd0, 0x58, 0x8c, 0xe3,
            2, 0, 0, 0,  0x86, 0x23, 0x01, 0xfc,  2, 1, 0, 0, 0, 0, 0, 0,  b'a', b'b',
        ]);
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
        let mut reader = SegmentReader::new(Cursor::new(&bytes), end, 10..12);
        assert_eq!(read_from(&mut reader).records, numbered(10, &payloads[..2]));
    }

    #[test]
    fn a_lost_number_is_never_given_again() {
        let payloads = vec![vec![9; 20]; 3];
        let (mut bytes, places) = segment(10, &payloads);
        bytes[places[1].start..].fill(0xaa);
        let mut reader =
            SegmentReader::new(Cursor::new(&bytes), bytes.len() as u64, 10..SEQUENCES.end);
        assert_eq!(read_from(&mut reader).records.len(), 1);
        assert!(reader.next_sequence() > 12);
        // Nor if the segment grows after the damage, and then its records are found.
        let mut grown = bytes.clone();
        encode(&mut grown, 13, 3, b"new");
        reader.source = Cursor::new(&grown);
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
        let mut reader = SegmentReader::new(Cursor::new(&bytes), length, 1..SEQUENCES.end);
        assert_eq!(read_from(&mut reader).records, []);
        assert!(reader.wasted <= WASTE * length);
        assert!(reader.wasted > (WASTE - 1) * length, "the test does not reach the limit");
    }

    /// A file of which some blocks cannot be read.
    struct Sick {
        file: Cursor<Vec<u8>>,
        blocks: Vec<u64>,
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
        let file = Sick { file: Cursor::new(bytes), blocks: blocks.clone(), interrupted: false };
        let mut reader = SegmentReader::new(file, end, 1..SEQUENCES.end);
        assert_eq!(read_from(&mut reader).records, kept);
        assert_eq!(reader.take_failure().map(|error| error.to_string()).as_deref(), Some("sick"));
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
                SegmentReader::with_window(source, end, first..SEQUENCES.end, window);
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
