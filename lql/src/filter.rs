//! What a parsed text says.

use crate::{Pattern, Position, Scalar, TimeTest};

/// Most names of a path: events are kept no deeper.
pub(crate) const MAX_PATH_PARTS: usize = event_schemas::MAX_DEPTH;

/// A condition on an event.
///
/// Like a condition of SQL it is true, false or, where the event has no such value, unknown; a
/// negated one is unknown then as well. Events stay for which it is true.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Whether it stands behind a minus.
    pub negated: bool,
    /// The condition.
    pub test: Test,
    /// Where it begins.
    pub at: Position,
}

/// What is asked of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Nothing: a regular expression on the message that fits every text. It holds for events
    /// without a message as well. Studio makes `~".*?"` for drains that take all events.
    Everything,
    /// When it happened.
    Time(TimeTest),
    /// One of its texts.
    Column(Column, Condition),
    /// The values at a path. Lists on the way, and one at its end, stand for their elements; the
    /// condition is true where it is so for one of them.
    Field(Path, Condition),
}

/// A text that every event can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `id`
    Id,
    /// `event_message`
    EventMessage,
}

/// What a value must be. Of a [`Column`], all scalars are texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `NULL`: there is no value.
    Missing,
    /// Equal.
    Equal(Scalar),
    /// Smaller, greater.
    Compare(Order, Scalar),
    /// Between these, both included.
    Between(Scalar, Scalar),
    /// One of these texts: `info..error`.
    OneOf(Vec<String>),
    /// A text in which this one stands.
    Contains(String),
    /// A text in which a regular expression is found.
    Pattern(Pattern),
}

/// `>`, `>=`, `<`, `<=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// A field's names from the event down; `m` is `metadata` here. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The names, each `[A-Za-z_][A-Za-z0-9_]*`.
    pub parts: Vec<String>,
    /// Where it stands.
    pub at: Position,
}

/// What a query shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selected {
    /// `s:*`
    Everything(Position),
    /// `s:path@alias`
    Field {
        /// The field.
        path: Path,
        /// The column's name, where one is given.
        alias: Option<String>,
    },
}

/// The table that a query reads: a CTE, or a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Position,
}
