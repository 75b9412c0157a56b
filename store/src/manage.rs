//! What people ask of the catalog over the management API, a file for each kind of thing.

mod access_tokens;
mod alerts;
pub(crate) mod audit_log;
mod backends;
mod key_values;
mod rules;
mod sources;
mod teams;

pub use backends::BackendToBe;
pub(crate) use backends::{encrypt_anew, of_retired_key};
pub use rules::RuleToBe;
mod endpoints;
pub use access_tokens::AccessToken;
pub use alerts::{Alert, AlertToBe};
pub use audit_log::AuditEntry;
pub use endpoints::EndpointToBe;
pub use key_values::{KeyValue, TooManyKeyValues};
pub use sources::SourceToBe;
pub use teams::{Team, TeamToBe, TeamUser};
