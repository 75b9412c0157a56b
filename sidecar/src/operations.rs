//! All operations, in the order in which the documentation shows them.

use crate::{
    backends, direct_query, endpoints, openapi, operation::Operation, query, rules, sources,
};

/// All operations, by what they are about.
pub(crate) static OPERATIONS: &[&[Operation]] = &[
    endpoints::OPERATIONS,
    sources::OPERATIONS,
    backends::OPERATIONS,
    rules::OPERATIONS,
    query::OPERATIONS,
    direct_query::OPERATIONS,
    openapi::OPERATIONS_OF_DOCUMENT,
];
