//! A JSON value that borrows from the request it came in.

pub(crate) mod extent;
mod number;
mod read;
mod write;

use std::borrow::Cow;

pub use extent::Extent;
pub use read::{TooManyValues, Unreadable, parse, parse_elements, parse_fields, repair};

/// Deepest nesting of objects and lists that is kept as such; what lies deeper is kept as JSON
/// text. BigQuery has 15 levels; the bound keeps every reader's stack small.
pub const MAX_DEPTH: usize = 64;

/// Most values that one value may hold, itself among them: objects and lists, and what lies in
/// them. Each takes some hundred bytes of memory. A table of BigQuery has at most 10,000 columns.
pub const MAX_VALUES: usize = 100_000;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// The number's text, a valid JSON number of any size. Where it was read it is one that
    /// PostgreSQL can store; see [`parse`].
    Number(Cow<'a, str>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// `[…]`
    Array(Vec<Value<'a>>),
    /// `{…}` in the order of the text. A key may come twice; the last one counts.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Value<'_> {
    /// What it is, for messages: `a number`, `an object` …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Brings fields into the order in which PostgreSQL's jsonb keeps them, shorter names first: it
    /// has nothing to sort then, which is a tenth of its work on an event. Of equal names the last
    /// stays the last, and so counts.
    pub(crate) fn order_fields(&mut self) {
        match self {
            Self::Array(elements) => elements.iter_mut().for_each(Self::order_fields),
            Self::Object(fields) => {
                fields.sort_by(|(one, _), (other, _)| {
                    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
                });
                fields.iter_mut().for_each(|(_, value)| value.order_fields());
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {}
        }
    }

    /// Compact JSON text.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        // Only UTF-8 was written.
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends compact JSON text.
    pub fn write(&self, out: &mut Vec<u8>) {
        write::value(self, out);
    }
}
