//! Functions of bytes: encodings, hashes.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
