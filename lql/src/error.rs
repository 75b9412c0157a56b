//! What is said of a text that is no LQL.

use crate::{MAX_BYTES, MAX_TERMS, Position, filter::MAX_PATH_PARTS};

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at [{line}:{column}]", line = at.line, column = at.column)]
pub struct LqlError {
    /// Where.
    pub at: Position,
    /// What.
    pub problem: Problem,
}

/// What is wrong with a text, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It has more than [`MAX_BYTES`].
    #[error("the LQL is too long: {0} bytes, at most {MAX_BYTES} are allowed")]
    TooLong(usize),
    /// It has more than [`MAX_TERMS`].
    #[error("the LQL has too many terms, at most {MAX_TERMS} are allowed")]
    TooManyTerms,
    /// No stored text holds it.
    #[error("the LQL holds the character U+0000, remove it")]
    Nul,
    /// A quote without its partner.
    #[error("a closing quote is missing; a quote inside of quotes is written \\\"")]
    OpenQuote,
    /// `""`
    #[error("the quotes are empty, write what to search for between them")]
    EmptyQuotes,
    /// `a"b` or `"a"b`
    #[error("a blank is missing beside the quotes; a quote inside of quotes is written \\\"")]
    NoBlank,
    /// A minus, and nothing to negate.
    #[error("`-` stands directly before what it negates, as in -m.level:debug")]
    LoneMinus,
    /// `-f:x`
    #[error("`-` negates filters only, remove it from `{0}`")]
    NegatedClause(String),
    /// `~` alone.
    #[error("a regular expression is missing after `~`, as in ~\"time.?out\"")]
    NoPattern,
    /// A pattern that RE2 or this program refuses.
    #[error("the regular expression cannot be used: {0}")]
    Pattern(String),
    /// A word of other query languages.
    #[error(
        "LQL has no {0}: all terms must hold, `-` negates, ~\"a|b\" finds one of several; to \
         search for the word, write \"{0}\""
    )]
    Reserved(String),
    /// What stands before a colon names no field.
    #[error(
        "`{0}` is not the path of a field, write it like m.request.path, of letters, digits and \
         `_`; to search for the text, put it in quotes"
    )]
    Path(String),
    /// A path of too many names.
    #[error("the path is too long, at most {MAX_PATH_PARTS} names are allowed")]
    LongPath,
    /// Nothing after `path:`, `t:` …
    #[error("a value is missing after `{key}:`, as in {key}:{example}")]
    NoValue {
        /// What stands before the colon.
        key: String,
        /// What could stand behind it.
        example: &'static str,
    },
    /// `:=`, `:!=`
    #[error("`{0}` is not an operator: `:` means equal, and `-` before the field not equal")]
    Operator(String),
    /// `:>true`
    #[error("`{0}` has no order, write a number, a text or a time")]
    Unordered(String),
    /// `..5`, `5..`
    #[error("`{0}` is not a range, write it like 100..200; without one end write `:>=` or `:<=`")]
    HalfRange(String),
    /// `500..400`
    #[error("the range `{0}..{1}` holds nothing, write {1}..{0}")]
    EmptyRange(String, String),
    /// `t:~x`, `t:@>x`, `t:NULL`
    #[error("`{0}` does not go with a time, write one of :, :>, :>=, :<, :<= and a time")]
    TimeOperator(String),
    /// No time.
    #[error(
        "`{0}` is not a time, write one of 2026-01-31, 2026-01-31T10:00:00, a range a..b of them, \
         today, yesterday, this@hour, last@15minutes"
    )]
    Time(String),
    /// `t:>today`
    #[error("`{0}` is a range of time, write t:{0}")]
    RangeCompared(String),
    /// `last@5x`
    #[error(
        "`{0}` is not a unit of time, write one of seconds, minutes, hours, days, weeks, months, \
         years"
    )]
    TimeUnit(String),
    /// Too far back.
    #[error("`{0}` lies before the year 1")]
    TooFarBack(String),
    /// `f:` twice.
    #[error("f: stands there twice, a query reads one table")]
    SecondTable,
    /// `f:` without a name.
    #[error("a table's name is missing after `{0}`")]
    NoTable(String),
    /// `s:path@a-b`
    #[error("`{0}` is not a name for a column, write it of letters, digits and `_`")]
    Alias(String),
    /// `s:*@x`
    #[error("`*` stands for several columns and has no other name, write s:*")]
    StarAlias,
    /// `s:* s:m.a`
    #[error("s:* shows all columns, remove it or the other s:")]
    StarAmongOthers,
    /// `c:x`
    #[error(
        "`{0}` is not a chart, write one of count(*), countd(path), avg(path), sum(path), \
         max(path), p50(path), p95(path), p99(path), group_by(t::minute)"
    )]
    Chart(String),
    /// `c:avg(*)`
    #[error("`{0}` is made of the values of a field, write {0}(m.duration)")]
    ChartOfRows(&'static str),
    /// `c:group_by(t::week)`
    #[error("`{0}` is not a unit of a chart, write t::second, t::minute, t::hour or t::day")]
    ChartUnit(String),
    /// Two charts.
    #[error("a chart has one {0}, remove the other one")]
    SecondChart(&'static str),
    /// `s:` beside `c:`
    #[error("a chart has columns of its own, remove s: or c:")]
    SelectedChart,
}
