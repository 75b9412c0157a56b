//! All operations, in the order in which the documentation shows them.

use crate::{backends, openapi, operation::Operation, query, rules, sources};

/// All operations, by what they are about.
pub(crate) static OPERATIONS: &[&[Operation]] = &[
    sources::OPERATIONS,
    backends::OPERATIONS,
    rules::OPERATIONS,
    query::OPERATIONS,
    openapi::OPERATIONS_OF_DOCUMENT,
];
