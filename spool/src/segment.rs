//! The format of a segment file.
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

use std::ops::Range;

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 24;

/// Bytes of a record's header.
pub(crate) const RECORD_HEADER_BYTES: usize = 16;

/// Sequence numbers that a file may be named by; far from where counting would overflow.
pub(crate) const SEQUENCES: Range<u64> = 1..1 << 62;

const MAGIC: [u8; 8] = *b"LWSPOOL\0";
const VERSION: u32 = 1;

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

/// What a record's header holds to check it by.
pub(crate) fn checksum(length: u32, sequence: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// The number at this place.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The number at this place.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_stays() {
        let mut bytes = header(0x0102).to_vec();
        encode(&mut bytes, 0x0102, 2, b"ab");
        #[rustfmt::skip]
        assert_eq!(bytes, [
            b'L', b'W', b'S', b'P', b'O', b'O', b'L', 0,  1, 0, 0, 0,
            2, 1, 0, 0, 0, 0, 0, 0,  0xd0, 0x58, 0x8c, 0xe3,
            2, 0, 0, 0,  0x86, 0x23, 0x01, 0xfc,  2, 1, 0, 0, 0, 0, 0, 0,  b'a', b'b',
        ]);
    }
}
