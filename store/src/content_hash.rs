//! Identity of what a sender sent.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Identity of what a sender sent: equal bytes to the same place have equal hashes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of these parts, one after the other, each with its length.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The identity of what comes of it in another source.
    pub(crate) fn at(&self, source: Uuid) -> Self {
        Self::of(&[b"forwarded", &self.0, source.as_bytes()])
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "ContentHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_of_parts_count() {
        let hashes = [&[b"ab".as_slice(), b"c"], &[b"a", b"bc"], &[b"abc", b""]];
        let hashes: std::collections::HashSet<_> =
            hashes.iter().map(|parts| ContentHash::of(*parts)).collect();
        assert_eq!(hashes.len(), 3);
    }
}
