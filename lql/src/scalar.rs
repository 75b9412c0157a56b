//! Values that are written in a text.

use crate::{
    Condition, Order, Path,
    error::Problem,
    reading::{Real, whole},
};

/// A value that is written in a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A whole number of 64 bits.
    Int64(i64),
    /// Any other number that a double can hold; as it is written.
    Float64(String),
    /// `true`, `false`
    Bool(bool),
    /// A text.
    Text(String),
}

/// Logflare's order of levels.
const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

impl Scalar {
    /// Reads a word that is in no quotes.
    pub(crate) fn of_word(word: &str) -> Self {
        match word {
            "true" => return Self::Bool(true),
            "false" => return Self::Bool(false),
            _ => {}
        }
        if let Some(number) = whole(word) {
            return Self::Int64(number);
        }
        match Real::read(word) {
            Some(_) => Self::Float64(word.to_owned()),
            None => Self::Text(word.to_owned()),
        }
    }

    /// A text, as columns are compared with.
    pub(crate) fn text(word: &str) -> Self {
        Self::Text(word.to_owned())
    }

    /// The number that it is as a FLOAT64, where it is one.
    #[expect(clippy::cast_precision_loss, reason = "as PostgreSQL makes a double of it")]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int64(number) => Some(*number as f64),
            Self::Float64(written) => Real::read(written),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// What a word without an operator asks for: NULL, a range, a value. `read` makes a value of a
/// word; `path` is the field's, of which one of levels has ranges of its own.
pub(crate) fn condition(
    word: &str,
    path: Option<&Path>,
    read: fn(&str) -> Scalar,
) -> Result<Condition, Problem> {
    if word == "NULL" {
        return Ok(Condition::Missing);
    }
    let Some((low, high)) = word.split_once("..") else {
        return Ok(Condition::Equal(read(word)));
    };
    if low.is_empty() || high.is_empty() {
        return Err(Problem::HalfRange(word.to_owned()));
    }
    let is_level = path.and_then(|path| path.parts.last()).is_some_and(|name| name == "level");
    if is_level && let Some(levels) = levels(low, high)? {
        return Ok(Condition::OneOf(levels));
    }
    let (from, to) = (read(low), read(high));
    let both = (from.number(), to.number());
    let (from, to) = match both {
        (Some(from), Some(to)) if from > to => {
            return Err(Problem::EmptyRange(low.to_owned(), high.to_owned()));
        }
        (Some(_), Some(_)) => (from, to),
        // As texts, which dates in texts can be compared as.
        _ => (Scalar::text(low), Scalar::text(high)),
    };
    Ok(Condition::Between(from, to))
}

/// The levels from one to another, None where these are no levels.
fn levels(low: &str, high: &str) -> Result<Option<Vec<String>>, Problem> {
    let place = |name: &str| LEVELS.iter().position(|level| *level == name);
    let (Some(from), Some(to)) = (place(low), place(high)) else { return Ok(None) };
    match LEVELS.get(from..=to) {
        Some(levels) if from <= to => {
            Ok(Some(levels.iter().map(|&level| level.to_owned()).collect()))
        }
        _ => Err(Problem::EmptyRange(low.to_owned(), high.to_owned())),
    }
}

/// What a word behind `>` and its kin asks for.
pub(crate) fn ordered(order: Order, value: Scalar) -> Result<Condition, Problem> {
    match value {
        Scalar::Bool(value) => Err(Problem::Unordered(value.to_string())),
        value => Ok(Condition::Compare(order, value)),
    }
}
