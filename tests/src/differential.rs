//! Random queries, asked of the translator and of Google's reference evaluator of GoogleSQL.
//!
//! `calls` finds out what can be called, `literals`, `expressions` and `queries` make queries that
//! are right in their types, `run` asks both sides and shrinks queries on which they disagree.
//! What is generated follows from a seed.

mod calls;
mod evaluator;
mod expressions;
mod hints;
mod known;
mod literals;
mod messages;
mod operators;
mod queries;
mod report;
mod run;
mod tree;
mod value;

pub use evaluator::Evaluator;
pub use report::Report;
pub use run::{Differential, Outcome};
