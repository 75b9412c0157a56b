//! Functions that compare text without regard to its case and form.

use super::{Function, Param, Returns, function, lowered};
use crate::{
    diagnostic::Diagnostic,
    lower::{carrier, cast},
    postgres::Expr as Pg,
    tree::{Comparison, Expr, ExprKind, Literal},
    types::Type,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "COLLATE",
        "The text with a collation: '' or, as an operand of = and <> (not elsewhere yet), 'und:ci'.",
        &COLLATE,
        &[
            ("COLLATE('Apple', 'und:ci') = COLLATE('apple', 'und:ci')", "true"),
            ("COLLATE('Apple', 'und:ci') = UPPER('apple')", "true"),
            ("COLLATE('É', 'und:ci') != 'e'", "true"),
            ("COLLATE('Apple', '') = 'apple'", "false"),
            ("COLLATE(NULL, 'und:ci') = 'apple'", "NULL"),
        ],
    ),
    function(
        "CONTAINS_SUBSTR",
        "Whether a value, or one in it, has a constant text in it, whatever the case and the form.",
        &[lowered(&[Param::Any, Param::Pattern], Returns::Bool, contains).total()],
        &[
            ("CONTAINS_SUBSTR('Hello, World', 'world')", "true"),
            ("CONTAINS_SUBSTR('the blue house', 'Blue house')", "true"),
            ("CONTAINS_SUBSTR('the red house', 'blue')", "false"),
            (r"CONTAINS_SUBSTR('\u2168 day', 'IX')", "true"),
            ("CONTAINS_SUBSTR('STRASSE', 'straße')", "true"),
            ("CONTAINS_SUBSTR(1234, '23')", "true"),
            ("CONTAINS_SUBSTR(NULL, 'a')", "NULL"),
            ("CONTAINS_SUBSTR(['ab', NULL], 'B')", "true"),
            ("CONTAINS_SUBSTR(['ab', NULL], 'c')", "NULL"),
            ("CONTAINS_SUBSTR(ARRAY<STRING>[], 'c')", "false"),
            ("CONTAINS_SUBSTR(('23', 35, 41), '35')", "true"),
            ("CONTAINS_SUBSTR(STRUCT('a' AS x, ['b', 'c'] AS y), 'd')", "false"),
        ],
    ),
    function(
        "NORMALIZE_AND_CASEFOLD",
        "The text with its cases folded, in a normal form of Unicode: NFC, NFKC, NFD or NFKD.",
        &[lowered(&[Param::String, Param::String], Returns::String, casefold).optional(1).total()],
        &[
            ("NORMALIZE_AND_CASEFOLD('The red barn')", "the red barn"),
            ("NORMALIZE_AND_CASEFOLD('Straße ΑΣ ı')", "strasse ασ ı"),
            ("NORMALIZE_AND_CASEFOLD('ΑΣ ς İ ẞ ŉ Ꭰꭰ')", "ασ σ i̇ ss ʼn ᎠᎠ"),
            ("NORMALIZE_AND_CASEFOLD('Ⅷ', NFKC)", "viii"),
            ("LENGTH(NORMALIZE_AND_CASEFOLD('É', NFD))", "2"),
        ],
    ),
    function(
        "SEARCH",
        "Whether all words of a constant query, of ASCII letters and digits, are tokens of a text as LOG_ANALYZER finds them.",
        &[lowered(&[Param::String, Param::Pattern, Param::Pattern], Returns::Bool, search)
            .optional(1)
            .names(&["analyzer"])
            .total()],
        &[
            ("SEARCH('foo-bar', 'foo', analyzer => 'LOG_ANALYZER')", "true"),
            ("SEARCH('foobarexample', 'bar')", "false"),
            ("SEARCH('foo-bar example', 'Bar')", "true"),
            ("SEARCH('GET /rest/v1/todos?a=b%20c 500', 'todos c 500 get')", "true"),
            ("SEARCH('GET /rest', 'get post')", "false"),
        ],
    ),
    function(
        "TEXT_ANALYZE",
        "The tokens of a text as LOG_ANALYZER finds them.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Array(&Returns::String), analyze)
            .optional(1)
            .names(&["analyzer"])
            .total()],
        &[
            (
                "ARRAY_TO_STRING(TEXT_ANALYZE('I like pie, you like-pie, they like 2 PIEs.'), ' ')",
                "i like pie you like pie they like 2 pies",
            ),
            ("ARRAY_LENGTH(TEXT_ANALYZE('...'))", "0"),
            ("ARRAY_LENGTH(TEXT_ANALYZE(NULL))", "NULL"),
        ],
    ),
];

// A static has one address, by which its calls are known.
static COLLATE: [super::Overload; 1] =
    [lowered(&[Param::String, Param::Pattern], Returns::String, collate).total()];

fn collate(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    match args[1].as_literal() {
        Some(Literal::String(name)) if name.is_empty() => Ok(lowered[0].clone()),
        Some(Literal::String(name)) if name == "und:ci" => Err(Diagnostic::unsupported(
            args[1].at,
            "the collation und:ci elsewhere than in an operand of = and <>",
        )),
        Some(Literal::String(name)) => Err(Diagnostic::invalid(
            args[1].at,
            format!("Collation '{name}' in collate function is not supported."),
        )),
        _ => Err(Diagnostic::unsupported(args[1].at, "a collation that is not a constant")),
    }
}

/// What has the collation `und:ci`, if it has.
fn collated(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Call { overload, args, .. }
            if std::ptr::eq(*overload, &COLLATE[0])
                && matches!(args.get(1).and_then(Expr::as_literal), Some(Literal::String(name)) if name == "und:ci") =>
        {
            args.first()
        }
        _ => None,
    }
}

/// The operands of a comparison in which one has the collation `und:ci`; the other is compared in
/// it as well.
pub(crate) fn collated_operands<'a>(
    operator: Comparison,
    left: &'a Expr,
    right: &'a Expr,
) -> Option<(&'a Expr, &'a Expr)> {
    let operands = (collated(left), collated(right));
    if operator.orders() || operands == (None, None) {
        return None;
    }
    Some((operands.0.unwrap_or(left), operands.1.unwrap_or(right)))
}

fn contains(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    if args[1].as_literal().is_none() {
        return Err(Diagnostic::unsupported(args[1].at, "a text to find that is not a constant"));
    }
    if args[1].is_null() {
        return Err(Diagnostic::invalid(args[1].at, "CONTAINS_SUBSTR search value cannot be NULL"));
    }
    contains_in(&args[0].ty, &args[0], lowered[0].clone(), &lowered[1])?.ok_or_else(|| {
        let what = format!("CONTAINS_SUBSTR of a value of type {}", args[0].ty);
        Diagnostic::unsupported(args[0].at, what)
    })
}

/// Whether a value of the type has it; None of types that cannot be searched.
fn contains_in(ty: &Type, of: &Expr, value: Pg, part: &Pg) -> Result<Option<Pg>, Diagnostic> {
    let value = match ty {
        Type::Null => Pg::null("text"),
        Type::String => value,
        Type::Array(element) => {
            let each = Pg::Atom("\"list\".\"element\"".to_owned());
            let Some(each) = contains_in(element, of, each, part)? else { return Ok(None) };
            return Ok(Some(Pg::template(
                "CASE WHEN $1 IS NOT NULL THEN (SELECT CASE WHEN bool_or(\"found\") THEN TRUE WHEN count(*) = count(\"found\") THEN FALSE END FROM (SELECT $2 AS \"found\" FROM unnest($1) AS \"list\"(\"element\")) AS \"all\") END",
                vec![value, each],
            )));
        }
        Type::Struct(fields) => {
            let mut operands = Vec::with_capacity(fields.len());
            for (place, field) in fields.iter().enumerate() {
                let read = carrier::struct_field(value.clone(), place, &field.ty);
                let Some(found) = contains_in(&field.ty, of, read, part)? else { return Ok(None) };
                operands.push(found);
            }
            let any = Pg::Infix { operator: "OR", operands };
            return Ok(Some(Pg::template(
                "CASE WHEN $1 IS NOT NULL THEN $2 END",
                vec![value, any],
            )));
        }
        Type::Bool
        | Type::Int64
        | Type::Float64
        | Type::Numeric
        | Type::BigNumeric
        | Type::Timestamp
        | Type::Datetime
        | Type::Date
        | Type::Time => {
            let typed = Expr { ty: ty.clone(), ..of.clone() };
            cast::lower(&typed, value, &Type::String, false, of.at)?
        }
        _ => return Ok(None),
    };
    Ok(Some(Pg::template("logweir.contains_text($1, $2)", vec![value, part.clone()])))
}

fn casefold(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let form = super::characters::normal_form(args)?;
    let template = match form {
        "NFKC" => "normalize(logweir.casefolded(normalize($1, NFKC)), NFKC)",
        "NFD" => "normalize(logweir.casefolded(normalize($1, NFD)), NFD)",
        "NFKD" => "normalize(logweir.casefolded(normalize($1, NFKD)), NFKD)",
        _ => "normalize(logweir.casefolded(normalize($1, NFC)), NFC)",
    };
    Ok(Pg::template(template, lowered.into_iter().take(1).collect()))
}

/// Refuses analyzers other than LOG_ANALYZER.
fn check_analyzer(analyzer: Option<&Expr>) -> Result<(), Diagnostic> {
    let Some(analyzer) = analyzer else { return Ok(()) };
    match analyzer.as_literal() {
        Some(Literal::String(name)) if name == "LOG_ANALYZER" => Ok(()),
        _ => Err(Diagnostic::unsupported(analyzer.at, "an analyzer other than LOG_ANALYZER")),
    }
}

fn analyze(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    check_analyzer(args.get(1))?;
    let value = lowered.into_iter().take(1).collect();
    Ok(Pg::template("array_remove(logweir.log_tokens($1), '')", value))
}

fn search(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    check_analyzer(args.get(2))?;
    let Some(Literal::String(query)) = args[1].as_literal() else {
        let message = "SEARCH takes a constant text that is not NULL to search for";
        return Err(Diagnostic::invalid(args[1].at, message));
    };
    let plain = |word: &str| {
        word.bytes().all(|b| b.is_ascii_alphanumeric())
            && !["AND", "OR", "NOT"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
    };
    let terms: Vec<&str> = query.split_ascii_whitespace().collect();
    if terms.is_empty() {
        return Err(Diagnostic::wrong_value(args[1].at, "SEARCH query has no tokens"));
    }
    if !terms.iter().all(|term| plain(term)) {
        return Err(Diagnostic::unsupported(
            args[1].at,
            "a SEARCH query of other than words of ASCII letters and digits",
        ));
    }
    let elements = terms.iter().map(|term| Pg::text(&term.to_ascii_lowercase())).collect();
    let terms = Pg::Array { elements, ty: "text[]".to_owned() };
    Ok(Pg::template("logweir.search_text($1, $2)", vec![lowered[0].clone(), terms]))
}
