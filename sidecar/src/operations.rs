//! All operations, in the order in which the documentation shows them.

use crate::{
    access_tokens, account, alerts, audit_log, backends, direct_query, endpoints, key_values,
    openapi, operation::Operation, query, rules, sources, teams,
};

/// All operations, by what they are about.
pub(crate) static OPERATIONS: &[&[Operation]] = &[
    endpoints::OPERATIONS,
    sources::OPERATIONS,
    teams::OPERATIONS,
    backends::OPERATIONS,
    rules::OPERATIONS,
    query::OPERATIONS,
    direct_query::OPERATIONS,
    access_tokens::OPERATIONS,
    alerts::OPERATIONS,
    key_values::OPERATIONS,
    account::OPERATIONS,
    audit_log::OPERATIONS,
    openapi::OPERATIONS_OF_DOCUMENT,
];
