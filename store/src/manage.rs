//! What people ask of the catalog over the management API, a file for each kind of thing.

mod backends;
mod endpoints;
mod rules;
mod sources;

pub use backends::BackendToBe;
pub(crate) use backends::encrypt_anew;
pub use endpoints::EndpointToBe;
pub use rules::RuleToBe;
pub use sources::SourceToBe;
