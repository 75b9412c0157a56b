//! Runs a Vector configuration on events to see what its http sinks would send.
//!
//! ```text
//! files ─ loading ─ configuration ─ topology ─ lints
//!                                      │
//! events ─ input ─ step … step ─ http_sink ─ encoding ─ check
//!                                      │
//!                                   report
//! ```
//!
//! Programs run by the vrl crate, with what Vector makes of their errors. What cannot be told without
//! a running Vector is named and not guessed. Nothing reads the environment here, and nothing is sent.

mod check;
mod configuration;
mod document;
mod encoding;
mod event;
mod finding;
mod http_sink;
mod input;
mod interpolation;
mod kind;
mod lints;
mod loading;
mod position;
mod program;
mod report;
mod step;
mod template;
mod topology;
mod validation;

pub use document::Format;
pub use finding::{Events, Finding, Level, Rule};
pub use interpolation::Variables;
pub use loading::ConfigPaths;
pub use position::Place;
pub use report::{Report, ReportFormat, SinkSummary, TransformSummary};
pub use validation::{Progress, Settings, UnreadEvents, Validation, VectorVersion};
