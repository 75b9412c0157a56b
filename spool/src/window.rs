//! The part of a file that is being looked at.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Read at a time, unless a record is longer.
pub(crate) const USUAL_BYTES: usize = 256 << 10;

/// A disk fails by blocks of this many bytes (or multiples).
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// What becomes of a block that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    /// The error is told, and the same can be tried again: nothing is passed over.
    Tell,
    /// It reads as zeros: the checksums find what that hits, and what is around is kept.
    PassOver,
}

/// A place in a file, and what is there.
#[derive(Debug)]
pub(crate) struct Window<R> {
    source: R,
    on_error: OnError,
    /// Nothing is read from here on.
    pub(crate) end: u64,
    /// The file from `at` on; of `size`, unless a record is longer.
    bytes: Vec<u8>,
    at: u64,
    size: usize,
    /// Why a block was passed over.
    failure: Option<io::Error>,
}

impl<R: Read + Seek> Window<R> {
    /// Looks at the first `end` bytes of a file, `size` at a time.
    pub(crate) fn new(source: R, end: u64, size: usize, on_error: OnError) -> Self {
        Self { source, on_error, end, bytes: Vec::new(), at: 0, size, failure: None }
    }

    /// Why a block was passed over; it is told once.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// What is known of the file from there on; [`load`](Self::load) some of it before.
    pub(crate) fn from(&self, at: u64) -> &[u8] {
        at.checked_sub(self.at)
            .and_then(|start| self.bytes.get(usize::try_from(start).ok()?..))
            .unwrap_or_default()
    }

    /// What stands there; [`load`](Self::load) it before.
    pub(crate) fn get(&self, at: u64, length: usize) -> &[u8] {
        self.from(at).get(..length).unwrap_or_default()
    }

    /// Brings these bytes, which lie before the end, into the window. After an error it holds what
    /// could be read before.
    pub(crate) fn load(&mut self, at: u64, length: usize) -> io::Result<()> {
        let known = at
            .checked_sub(self.at)
            .and_then(|skip| usize::try_from(skip).ok())
            .and_then(|skip| Some((skip, self.bytes.len().checked_sub(skip)?)));
        let kept = match known {
            Some((_, rest)) if rest >= length => return Ok(()),
            Some((skip, rest)) => {
                self.bytes.drain(..skip);
                rest
            }
            None => {
                self.bytes.clear();
                0
            }
        };
        self.at = at;
        let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
        let wanted = length.max(self.size).min(left);
        if wanted <= self.size {
            // A long record does not keep its memory.
            self.bytes.shrink_to(self.size);
        }
        self.bytes.resize(wanted, 0);
        let (filled, read) = self.fill(kept);
        self.bytes.truncate(filled);
        // What cannot be read further on is no matter yet.
        if filled >= length { Ok(()) } else { read }
    }

    /// Fills the zeroed window from there on; says how far it came. What lies after the file's end
    /// stays zeros.
    fn fill(&mut self, mut filled: usize) -> (usize, io::Result<()>) {
        while let Some(missing) = self.bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let offset = self.at + filled as u64;
            let read =
                self.source.seek(SeekFrom::Start(offset)).and_then(|_| self.source.read(missing));
            filled += match read {
                Ok(0) => missing.len(),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) if self.on_error == OnError::Tell => return (filled, Err(error)),
                Err(error) => {
                    self.failure.get_or_insert(error);
                    let block_left = BLOCK_BYTES - offset % BLOCK_BYTES;
                    usize::try_from(block_left).unwrap_or(usize::MAX).min(missing.len())
                }
            };
        }
        (filled, Ok(()))
    }
}
