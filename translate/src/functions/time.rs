//! Functions of TIME.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
