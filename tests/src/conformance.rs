//! Queries with the answers that BigQuery gave, asked of the translator and the store.
//!
//! A case is a line of JSON: `id`, `query`, and where they are needed `setup` (statements that make
//! tables) and `parameters`; `expected` is an answer (`schema`, `rows`) or an `error`. `${DATASET}`
//! in a text stands for a dataset. Tables of `setup` become sources of that schema whose rows are
//! stored as events are, so that a query takes the way that it takes in the product.

mod answer;
mod case;
mod command_line;
mod compare;
mod decimal;
mod instant;
mod json;
mod lexer;
mod literal;
mod pairs;
mod parameters;
mod report;
mod run;
mod setup;
mod statement;
mod types;
mod warehouse;

pub(crate) use answer::{Cell, output_type as type_of_output};
pub use case::{Case, Expected, cases};
pub use command_line::Choice;
pub(crate) use compare::compare_cells;
pub(crate) use decimal::canonical as canonical_decimal;
pub use pairs::{Pair, pairs, run_pairs};
pub use report::{Outcome, Report, Verdict};
pub use run::run;
pub(crate) use types::Type;
pub use warehouse::{Answer, Catalog, NoAnswer, Warehouse};
