//! Studio's queries over made events: of the nine tables of a self-hosted Supabase, and of those
//! that only the hosted platform has.

mod corpus;
mod edge_events;
mod events;
mod hosted_events;
mod service_events;
mod tables;

pub use corpus::{StudioQuery, judge, queries};
pub use events::{HOUR, LogTable, MARCH, MINUTE, SPECIAL_ID, log_tables};
pub use tables::LogTables;
