//! Logflare's query language: filters of events, written as one types them into a search box.
//!
//! ```text
//! error m.status_code:>=500 t:last@1h -m.path:~"^/health"
//! ```
//!
//! An LQL text is used in two ways: as a query, which `translate` makes SQL of, and as a filter of
//! events that are not stored yet (rules, drop filters), which [`Lql::matches`] evaluates. Both
//! give the same answer for the same event; `docs/lql.md` describes the language.
//!
//! No I/O happens here. Parsing never panics, and what it takes is bounded.

mod chart;
mod error;
mod filter;
mod keyed;
mod matching;
mod parse;
mod pattern;
mod position;
mod reader;
mod reading;
mod scalar;
mod time;

pub use chart::{Aggregate, Chart, Measure, Unit};
pub use error::{LqlError, Problem};
pub use filter::{Column, Condition, Filter, Order, Path, Selected, Table, Test};
pub use parse::parse;
pub use pattern::Pattern;
pub use position::Position;
pub use scalar::Scalar;
pub use time::{Span, TimeTest, TimeUnit};

/// Longest text, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// Most terms of one text.
pub const MAX_TERMS: usize = 100;

/// A parsed text. All filters must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lql {
    /// `error`, `"a phrase"`, `m.status:500`, `t:today` …
    pub filters: Vec<Filter>,
    /// `s:m.path@path`: what a query shows; the usual columns where it is empty.
    pub select: Vec<Selected>,
    /// `f:name`: the table that a query reads.
    pub from: Option<Table>,
    /// `c:count(*) c:group_by(t::minute)`
    pub chart: Option<Chart>,
}
