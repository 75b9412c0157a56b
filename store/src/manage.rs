//! What people ask of the catalog over the management API, a file for each kind of thing.

mod access_tokens;
mod alerts;
pub(crate) mod audit_log;
mod key_values;
mod sources;
mod teams;

pub use access_tokens::AccessToken;
pub use alerts::{Alert, AlertToBe, LinkedBackend};
pub use audit_log::AuditEntry;
pub use key_values::{KeyValue, TooManyKeyValues};
pub use sources::SourceToBe;
pub use teams::{Team, TeamToBe, TeamUser};
