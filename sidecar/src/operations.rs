//! All operations, in the order in which the documentation shows them.

use crate::{
    access_tokens, account, alerts, audit_log, key_values, openapi, operation::Operation, query,
    sources, teams,
};

/// All operations, by what they are about.
pub(crate) static OPERATIONS: &[&[Operation]] = &[
    sources::OPERATIONS,
    teams::OPERATIONS,
    query::OPERATIONS,
    access_tokens::OPERATIONS,
    alerts::OPERATIONS,
    key_values::OPERATIONS,
    account::OPERATIONS,
    audit_log::OPERATIONS,
    openapi::OPERATIONS_OF_DOCUMENT,
];
