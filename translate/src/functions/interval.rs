//! Functions of INTERVAL.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
