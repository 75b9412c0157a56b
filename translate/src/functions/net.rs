//! Functions of network addresses and URLs.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
