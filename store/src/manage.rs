//! What people ask of the catalog over the management API, a file for each kind of thing.

mod sources;

pub use sources::SourceToBe;
