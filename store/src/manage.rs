//! What people ask of the catalog over the management API, a file for each kind of thing.

mod endpoints;
mod sources;

pub use endpoints::EndpointToBe;
pub use sources::SourceToBe;
