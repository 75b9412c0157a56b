//! What the fuzz targets call.

use std::io::{self, Cursor};

use crate::{
    segment::{HEADER_BYTES, RECORD_HEADER_BYTES, SEQUENCES},
    segment_reader::{Part, SegmentReader},
    window::OnError,
};

const HEADER: u64 = HEADER_BYTES as u64;

fn readable<T>(read: io::Result<T>) -> T {
    read.unwrap_or_else(|error| panic!("memory cannot be read: {error}"))
}

/// Reads any bytes as a segment, and checks that the parts lie one after the other, that the
/// records are as long as their places, that their order is kept, and that it is all the same how
/// much is read at a time.
///
/// # Panics
/// When that is not so.
pub fn read_segment(data: &[u8]) {
    let named = data.get(12..).and_then(|rest| rest.first_chunk().copied());
    let first = named.map(u64::from_le_bytes).filter(|first| SEQUENCES.contains(first));
    let sequences = first.unwrap_or(SEQUENCES.start)..SEQUENCES.end;
    let end = data.len() as u64;
    let (file, on_error) = (Cursor::new(data), OnError::Tell);
    let mut reader = SegmentReader::new(file, end, sequences.clone(), on_error);
    let small_window = 1 + data.len() % 67;
    let (file, on_error) = (Cursor::new(data), OnError::PassOver);
    let mut small =
        SegmentReader::with_window(file, end, sequences.clone(), on_error, small_window);
    let mut read = 0;
    let mut next = sequences.start;
    let mut damage_before = false;
    while let Some(part) = readable(reader.next()) {
        assert_eq!(Some(&part), readable(small.next()).as_ref(), "read by {small_window} bytes");
        match part {
            Part::Record { sequence, payload } => {
                assert!(sequence >= next, "{sequence} comes after {next}");
                assert!(damage_before || sequence == next, "{next} was left out");
                next = sequence + 1;
                read = read.max(HEADER) + RECORD_HEADER_BYTES as u64 + payload.len() as u64;
                damage_before = false;
            }
            Part::Damage { offset, bytes } => {
                assert!(bytes > 0, "damage of no bytes");
                let header_was_whole = read == 0 && offset == HEADER;
                assert!(read == offset || header_was_whole, "{offset} is not {read}");
                read = offset + bytes;
                damage_before = true;
            }
        }
        assert!(read <= end, "{read} is behind the end");
        assert!(next <= reader.next_sequence(), "{next} may be given twice");
    }
    assert_eq!(readable(small.next()), None, "read by {small_window} bytes");
    assert_eq!(read.max(HEADER.min(end)), end, "not all was read");
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::segment::{encode, header};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/spool_segment")
    }

    /// Segments to begin with: whole ones, and each kind of damage.
    fn seeds() -> Vec<(&'static str, Vec<u8>)> {
        let record = |sequence, payload: &[u8]| {
            let mut bytes = Vec::new();
            encode(&mut bytes, sequence, u32::try_from(payload.len()).unwrap(), payload);
            bytes
        };
        let three = [record(7, b"one"), record(8, b""), record(9, &[b'x'; 40])].concat();
        let whole = [&header(7)[..], &three].concat();
        let changed = |at: usize, flip: u8| {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            bytes
        };
        let inner = record(2, &record(3, &record(4, b"innermost")));
        vec![
            ("empty", Vec::new()),
            ("header", header(1).to_vec()),
            ("whole", whole.clone()),
            ("torn", whole[..whole.len() - 5].to_vec()),
            ("torn-header", whole[..20].to_vec()),
            ("damaged-header", changed(0, 0xff)),
            ("damaged-length", changed(24, 1)),
            ("damaged-payload", changed(41, 1)),
            ("damaged-sequence", changed(43 + 8, 1)),
            ("zeros-after", [&whole[..], &[0; 64]].concat()),
            (
                "zeros-between",
                [&header(7)[..], &record(7, b"one"), &[0; 50], &record(9, b"y")].concat(),
            ),
            ("records-in-a-record", [&header(1)[..], &record(1, &inner)].concat()),
            ("torn-records-in-a-record", [&header(1)[..], &record(1, &inner)[1..]].concat()),
        ]
    }

    #[test]
    fn seeds_are_up_to_date() {
        for (name, bytes) in seeds() {
            read_segment(&bytes);
            let kept = std::fs::read(folder().join(name)).unwrap();
            assert_eq!(kept, bytes, "{name}: run the ignored test that writes the seeds");
        }
    }

    #[test]
    #[ignore = "writes the seeds of the fuzz target anew"]
    fn write_seeds() {
        std::fs::create_dir_all(folder()).unwrap();
        for (name, bytes) in seeds() {
            std::fs::write(folder().join(name), bytes).unwrap();
        }
    }
}
