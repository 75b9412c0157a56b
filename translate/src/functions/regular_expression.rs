//! Functions of regular expressions: patterns are RE2's, PostgreSQL's are its own.

use super::{Function, Param, Returns, function, lowered};
use crate::{
    diagnostic::Diagnostic,
    postgres,
    re2::{self, Pattern},
    tree::{Expr, Literal},
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "REGEXP_CONTAINS",
        "Whether a pattern matches a part of the text.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Bool, contains).total()],
        &[
            (r"REGEXP_CONTAINS('foo@bar.com', r'@[a-z]+\.com$')", "true"),
            (r"REGEXP_CONTAINS('it\'s a 42 [500] path', r'it\'s a \d+ \[[45]\d\d\]')", "true"),
            (r"REGEXP_CONTAINS('a\nb', 'a.b')", "false"),
            (r"REGEXP_CONTAINS('foo bar', r'\bbar\b')", "true"),
            (r"REGEXP_CONTAINS('ABC', '(?i)abc')", "true"),
            (r"REGEXP_CONTAINS(NULL, 'x')", "NULL"),
        ],
    ),
    function(
        "REGEXP_EXTRACT",
        "The first part of the text that a pattern, or the group in it, matches.",
        &[lowered(&[Param::String, Param::Pattern], Returns::String, extract).total()],
        &[
            (r"REGEXP_EXTRACT('/rest/v1/todos', r'^/(\w+)/')", "rest"),
            (r"REGEXP_EXTRACT('abc', 'b.')", "bc"),
            (r"REGEXP_EXTRACT('abc', 'x')", "NULL"),
        ],
    ),
    function(
        "REGEXP_REPLACE",
        r"The text with all matches of a pattern replaced; `\1` stands for the first group.",
        &[lowered(&[Param::String, Param::Pattern, Param::Pattern], Returns::String, replace)
            .total()],
        &[
            (r"REGEXP_REPLACE('a1b22', r'\d+', '#')", "a#b#"),
            (r"REGEXP_REPLACE('ab', '(a)(b)', r'\2&\1')", "b&a"),
        ],
    ),
];

/// The constant text of an argument.
fn constant(arg: &Expr) -> Result<Option<&str>, Diagnostic> {
    match arg.as_literal() {
        Some(Literal::String(text)) => Ok(Some(text)),
        Some(Literal::Null) => Ok(None),
        _ => Err(Diagnostic::unsupported(arg.at, "a regular expression that is not a constant")),
    }
}

fn pattern(arg: &Expr) -> Result<Option<Pattern>, Diagnostic> {
    let Some(text) = constant(arg)? else { return Ok(None) };
    re2::to_postgres(text).map(Some).map_err(|error| match error {
        re2::Error::Invalid(why) => {
            Diagnostic::invalid(arg.at, format!("Cannot parse regular expression: {why}"))
        }
        re2::Error::Unsupported(what) => {
            Diagnostic::unsupported(arg.at, format!("{what} in a regular expression"))
        }
    })
}

fn contains(args: &[Expr], lowered: Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic> {
    let Some(pattern) = pattern(&args[1])? else {
        return Ok(postgres::Expr::null("boolean"));
    };
    Ok(postgres::Expr::template(
        "$1 ~ $2",
        vec![lowered[0].clone(), postgres::Expr::text(&pattern.text)],
    ))
}

fn extract(args: &[Expr], lowered: Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic> {
    let Some(pattern) = pattern(&args[1])? else {
        return Ok(postgres::Expr::null("text"));
    };
    if pattern.groups > 1 {
        return Err(Diagnostic::invalid(
            args[1].at,
            "Regular expression passed to REGEXP_EXTRACT must not have more than 1 capturing group",
        ));
    }
    refuse_ambiguous(&pattern, &args[1])?;
    Ok(postgres::Expr::template(
        "(regexp_match($1, $2))[1]",
        vec![lowered[0].clone(), postgres::Expr::text(&pattern.text)],
    ))
}

fn replace(args: &[Expr], lowered: Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic> {
    let (Some(pattern), Some(with)) = (pattern(&args[1])?, constant(&args[2])?) else {
        return Ok(postgres::Expr::null("text"));
    };
    refuse_ambiguous(&pattern, &args[1])?;
    let with = re2::replacement_to_postgres(with, pattern.groups).map_err(|why| {
        Diagnostic::invalid(args[2].at, format!("Invalid REGEXP_REPLACE pattern: {why}"))
    })?;
    Ok(postgres::Expr::template(
        "regexp_replace($1, $2, $3, 'g')",
        vec![lowered[0].clone(), postgres::Expr::text(&pattern.text), postgres::Expr::text(&with)],
    ))
}

/// RE2 takes the first alternative that matches, PostgreSQL the longest match; and PostgreSQL
/// gives a whole pattern the greediness of its first quantifier. Whether there is a match is not
/// affected, what is matched may be.
fn refuse_ambiguous(pattern: &Pattern, arg: &Expr) -> Result<(), Diagnostic> {
    if pattern.alternatives || pattern.lazy {
        return Err(Diagnostic::unsupported(
            arg.at,
            "a regular expression with | or a lazy quantifier in a function that returns what was matched",
        ));
    }
    Ok(())
}
