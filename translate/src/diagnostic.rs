//! What is said when a query cannot be translated.

use std::fmt;

/// A place in the query text: line and column, both from 1, columns counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Line, from 1; 0 when the place is not known.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
}

impl From<sqlparser::tokenizer::Location> for Position {
    fn from(location: sqlparser::tokenizer::Location) -> Self {
        Self { line: location.line, column: location.column }
    }
}

/// Whose fault it is that a query cannot be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// BigQuery would refuse the query too.
    Invalid,
    /// A constant holds what BigQuery would fail at when it runs the query; with `SAFE.` it would not.
    WrongValue,
    /// The query may be good BigQuery, but the endpoint does not let it run.
    Refused,
    /// Good BigQuery that Logweir cannot translate yet.
    Unsupported,
    /// A fault of Logweir's own.
    Internal,
}

/// Why a query cannot be translated, where, and what to do.
///
/// Its text ends in `at [line:column]`, as BigQuery's own messages do. It is one line, but where
/// signatures of a function are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whose fault it is.
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that is not obvious.
    pub advice: Option<String>,
    /// Where.
    pub at: Position,
}

impl Diagnostic {
    pub(crate) fn invalid(at: Position, message: impl Into<String>) -> Self {
        Self { kind: Kind::Invalid, message: message.into(), advice: None, at }
    }

    pub(crate) fn wrong_value(at: Position, message: impl Into<String>) -> Self {
        Self { kind: Kind::WrongValue, message: message.into(), advice: None, at }
    }

    pub(crate) fn refused(at: Position, message: impl Into<String>) -> Self {
        Self { kind: Kind::Refused, message: message.into(), advice: None, at }
    }

    /// `what` completes the sentence "… is not supported yet".
    pub(crate) fn unsupported(at: Position, what: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Unsupported,
            message: format!("{what} is not supported yet"),
            advice: None,
            at,
        }
    }

    /// What is asked of an HLL_COUNT sketch needs BigQuery's own bytes.
    pub(crate) fn closed_sketch(at: Position) -> Self {
        let message =
            "A sketch's bytes differ from BigQuery's; only HLL_COUNT functions can read it";
        Self { kind: Kind::Unsupported, message: message.to_owned(), advice: None, at }
    }

    pub(crate) fn internal(at: Position, message: impl Into<String>) -> Self {
        Self { kind: Kind::Internal, message: message.into(), advice: None, at }
    }

    /// The same for a query that reads a stored one of this name at `at`.
    pub(crate) fn inside(self, name: &str, at: Position) -> Self {
        // Where the way is told, the innermost tells it all.
        if self.kind == Kind::Refused && self.message.contains(" → ") {
            return Self { at, ..self };
        }
        let message = format!("in endpoint \"{name}\": {self}");
        Self { kind: self.kind, message, advice: None, at }
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::Internal {
            f.write_str("internal error of the translator: ")?;
        }
        f.write_str(&self.message)?;
        if self.at.line > 0 {
            write!(f, " at [{}:{}]", self.at.line, self.at.column)?;
        }
        if let Some(advice) = &self.advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
