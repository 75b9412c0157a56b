//! Functions that fit nowhere else.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
