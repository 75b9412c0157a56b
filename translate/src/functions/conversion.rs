//! Functions that convert, besides CAST.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
