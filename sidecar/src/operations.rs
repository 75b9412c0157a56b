//! All operations, in the order in which the documentation shows them.

use crate::{openapi, operation::Operation, query, sources};

/// All operations, by what they are about.
pub(crate) static OPERATIONS: &[&[Operation]] =
    &[sources::OPERATIONS, query::OPERATIONS, openapi::OPERATIONS_OF_DOCUMENT];
