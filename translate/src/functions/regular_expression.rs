//! Functions of regular expressions: patterns are RE2's, PostgreSQL's are its own.

use std::borrow::Cow;

use super::{Function, Param, Returns, function, lowered, named};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    re2::{self, Pattern, Replacement, Search},
    tree::{Expr, ExprKind, Literal},
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
            (r"REGEXP_CONTAINS('a\nb', '(?s)a.b')", "true"),
            (r"REGEXP_CONTAINS('a\nb', '^b')", "false"),
            (r"REGEXP_CONTAINS('a\nb', '(?m)^b')", "true"),
            (r"REGEXP_CONTAINS('foo bar', r'\bbar\b')", "true"),
            (r"REGEXP_CONTAINS('éa', r'\ba')", "true"),
            ("REGEXP_CONTAINS('ABC', '(?i)abc')", "true"),
            ("REGEXP_CONTAINS('É', '(?i)é')", "true"),
            (r"REGEXP_CONTAINS('é', r'^\w$')", "false"),
            (r"REGEXP_CONTAINS('héllo', r'^\pL+$')", "true"),
            (r"REGEXP_CONTAINS('a1', r'^\p{Lu}')", "false"),
            (r"REGEXP_CONTAINS('a.b', r'^\Qa.b\E$')", "true"),
            ("REGEXP_CONTAINS('x', '')", "true"),
            (r"REGEXP_CONTAINS('AbC', r'a(?i)bc')", "false"),
            ("REGEXP_CONTAINS(NULL, 'x')", "NULL"),
        ],
    ),
    function(
        "REGEXP_EXTRACT",
        "The n-th part of the text (fourth argument) from a place on (third) that a pattern, or the group in it, matches.",
        EXTRACT,
        &[
            (r"REGEXP_EXTRACT('/rest/v1/todos', r'^/(\w+)/')", "rest"),
            ("REGEXP_EXTRACT('abc', 'b.')", "bc"),
            ("REGEXP_EXTRACT('abc', 'x')", "NULL"),
            ("REGEXP_EXTRACT('abc', '')", ""),
            ("REGEXP_EXTRACT('abc', '(x)?abc')", "NULL"),
            ("REGEXP_EXTRACT('ab', 'a|ab')", "a"),
            ("REGEXP_EXTRACT('ab', 'ab|a')", "ab"),
            ("REGEXP_EXTRACT('abc', '(?:a|ab)(?:c|bcd)?')", "a"),
            ("REGEXP_EXTRACT('abc', 'a?(?:ab)?c?')", "a"),
            ("REGEXP_EXTRACT('aaa', 'a+?')", "a"),
            ("REGEXP_EXTRACT('<a><b>', '<(.*?)>')", "a"),
            (r"REGEXP_EXTRACT('k=12 v=345', r'k=(.*?) v=\d+')", "12"),
            (r"REGEXP_EXTRACT('aXbX99', r'.*?X(\d+)')", "99"),
            (r"REGEXP_EXTRACT('foo 123 456', r'o.*?(\d+)')", "123"),
            ("REGEXP_EXTRACT('a/b/c', '(.*)/')", "a/b"),
            ("REGEXP_EXTRACT('abab', '(?:(a)|b)+')", "a"),
            (r"REGEXP_EXTRACT('a1b2c3', r'\d', 1, 2)", "2"),
            (r"REGEXP_EXTRACT('a1b2c3', r'[a-z](\d)', 2)", "2"),
            (r"REGEXP_EXTRACT('a1', r'\d', 9)", "NULL"),
            ("REGEXP_EXTRACT('abc', '^b', 2)", "b"),
            (r"REGEXP_EXTRACT('abc', r'\bb', 2)", "b"),
            ("REGEXP_EXTRACT('aaab', '^a', 2, 2)", "NULL"),
            ("REGEXP_EXTRACT('xab', '^(?:a|ab|b)*', 2)", "ab"),
            ("REGEXP_EXTRACT('aab', 'a??', 1, 2)", ""),
        ],
    ),
    function(
        "REGEXP_SUBSTR",
        "As REGEXP_EXTRACT.",
        EXTRACT,
        &[
            ("REGEXP_SUBSTR('hello world 123', '[a-z]+')", "hello"),
            (r"REGEXP_SUBSTR('order#42 ships', r'order#(\d+)', 1, 1)", "42"),
        ],
    ),
    function(
        "REGEXP_EXTRACT_ALL",
        "All parts of the text that a pattern, or the group in it, matches.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Array(&Returns::String), extract_all)
            .total()],
        &[
            (r"ARRAY_TO_STRING(REGEXP_EXTRACT_ALL('a1 b22', r'\d+'), '-')", "1-22"),
            (r"ARRAY_TO_STRING(REGEXP_EXTRACT_ALL('a1b2', r'([a-z])\d'), '-')", "a-b"),
            (r"ARRAY_LENGTH(REGEXP_EXTRACT_ALL('abc', r'\d'))", "0"),
            ("ARRAY_LENGTH(REGEXP_EXTRACT_ALL('abc', ''))", "3"),
            ("ARRAY_TO_STRING(REGEXP_EXTRACT_ALL('xab', 'x*'), ',')", "x,,"),
            ("ARRAY_TO_STRING(REGEXP_EXTRACT_ALL('abab', 'a|ab'), ',')", "a,a"),
            ("ARRAY_TO_STRING(REGEXP_EXTRACT_ALL('ab', '(a)|b'), ',', '?')", "a,"),
            ("ARRAY_LENGTH(REGEXP_EXTRACT_ALL('ba', 'a*'))", "2"),
            ("ARRAY_LENGTH(REGEXP_EXTRACT_ALL(NULL, 'a'))", "NULL"),
        ],
    ),
    function(
        "REGEXP_INSTR",
        "Where the n-th match (fourth argument) of a pattern, or of the group in it, begins, from a place on (third), or where what follows it begins (fifth argument 1); 0 where there is none.",
        &[lowered(
            &[Param::String, Param::Pattern, Param::Int64, Param::Int64, Param::Int64],
            Returns::Int64,
            instr,
        )
        .optional(3)],
        &[
            (r"REGEXP_INSTR('abc123', r'\d')", "4"),
            ("REGEXP_INSTR('abc', 'x')", "0"),
            (r"REGEXP_INSTR('a1b2', r'\d', 1, 2)", "4"),
            (r"REGEXP_INSTR('a1b22c', r'\d+', 3, 1, 1)", "6"),
            ("REGEXP_INSTR('abc', 'c', 9)", "0"),
            ("REGEXP_INSTR('xaab', 'a|aa', 1, 2)", "3"),
            ("REGEXP_INSTR('ab', 'b*', 1, 2)", "2"),
            ("REGEXP_INSTR('abcd', 'b(c)')", "3"),
            ("REGEXP_INSTR('abcd', 'b(c)', 1, 1, 1)", "4"),
            ("REGEXP_INSTR('abcd', '(x)?c')", "0"),
            ("REGEXP_INSTR('abab', '(?:(a)|b)+')", "3"),
            ("REGEXP_INSTR('abc', '')", "0"),
            ("REGEXP_INSTR('abc', '$')", "4"),
            ("REGEXP_INSTR('abc', '^b', 2)", "2"),
            (r"REGEXP_INSTR('xab ab', r'\bab', 2, 2)", "5"),
            ("REGEXP_INSTR(NULL, 'c', 0)", "NULL"),
        ],
    ),
    function(
        "REGEXP_REPLACE",
        r"The text with all matches of a pattern replaced; `\1` stands for the first group, `\0` for the match.",
        &[lowered(&[Param::String, Param::Pattern, Param::Pattern], Returns::String, replace)
            .total()],
        &[
            (r"REGEXP_REPLACE('a1b22', r'\d+', '#')", "a#b#"),
            (r"REGEXP_REPLACE('ab', '(a)(b)', r'\2&\1')", "b&a"),
            (r"REGEXP_REPLACE('abc', 'b', r'[\0]\\')", r"a[b]\c"),
            ("REGEXP_REPLACE('abc', '', '-')", "-a-b-c-"),
            ("REGEXP_REPLACE('axb', 'x*', '-')", "-a-b-"),
            (r"REGEXP_REPLACE('abab', '(a|ab)', r'<\1>')", "<a>b<a>b"),
            (r"REGEXP_REPLACE('/u/1/x', r'^/(.*?)/\d+', r'/\1/N')", "/u/N/x"),
            (r"REGEXP_REPLACE('aab', '(a*)(a*)b', r'\1-\2')", "aa-"),
            (r"REGEXP_REPLACE('a.b', r'\.', r'\\')", r"a\b"),
            ("REGEXP_REPLACE(NULL, 'a', 'b')", "NULL"),
        ],
    ),
];

const EXTRACT: &[super::Overload] = &[
    lowered(&[Param::String, Param::Pattern], Returns::String, extract).total(),
    lowered(&[Param::String, Param::Pattern, Param::Int64, Param::Int64], Returns::String, extract)
        .optional(1),
];

/// The constant text of an argument.
fn constant(arg: &Expr) -> Result<Option<Cow<'_, str>>, Diagnostic> {
    match &arg.kind {
        ExprKind::Literal(Literal::String(text)) => Ok(Some(text.into())),
        ExprKind::Literal(Literal::Null) => Ok(None),
        // Constants that are put together.
        ExprKind::Call { overload, args, .. }
            if named("CONCAT").is_some_and(|concat| concat.overloads.contains(overload)) =>
        {
            let parts = args.iter().map(constant).collect::<Result<Option<Vec<_>>, _>>()?;
            Ok(parts.map(|parts| parts.concat().into()))
        }
        _ => Err(Diagnostic::unsupported(arg.at, "a regular expression that is not a constant")),
    }
}

fn pattern(arg: &Expr) -> Result<Option<Pattern>, Diagnostic> {
    let Some(text) = constant(arg)? else { return Ok(None) };
    Pattern::parse(&text).map(Some).map_err(|error| because(arg, error))
}

fn because(arg: &Expr, error: re2::Error) -> Diagnostic {
    match error {
        re2::Error::Invalid(why) => {
            Diagnostic::wrong_value(arg.at, format!("Cannot parse regular expression: {why}"))
        }
        re2::Error::Unsupported(what) => {
            Diagnostic::unsupported(arg.at, format!("{what} in a regular expression"))
        }
    }
}

fn contains(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let Some(pattern) = pattern(&args[1])? else { return Ok(Pg::null("boolean")) };
    let text = pattern.to_postgres().map_err(|error| because(&args[1], error))?;
    Ok(Pg::template("$1 ~ ($2 COLLATE \"C\")", vec![lowered[0].clone(), Pg::text(&text)]))
}

/// The text, how its matches are found, and the arguments of the search's helper.
fn search(
    pattern: &Pattern,
    wanted: &[usize],
    first: bool,
    args: &[Expr],
    lowered: &[Pg],
) -> Result<(bool, Vec<Pg>), Diagnostic> {
    let search = pattern.search(wanted, first).map_err(|error| because(&args[1], error))?;
    let value = lowered[0].clone();
    Ok(match search {
        Search::Native(text) => (true, vec![value, Pg::text(&text)]),
        Search::Program { pattern, steps, ranges } => {
            (false, vec![value, Pg::text(&pattern), numbers(&steps), numbers(&ranges)])
        }
    })
}

fn numbers(numbers: &[i64]) -> Pg {
    let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Pg::Atom(format!("'{{{}}}'::int[]", list.join(",")))
}

/// The group that is returned: 0 is the whole match.
fn group(pattern: &Pattern, args: &[Expr]) -> Result<usize, Diagnostic> {
    if pattern.groups > 1 {
        return Err(Diagnostic::wrong_value(
            args[1].at,
            "Regular expressions passed into extraction functions must not have more than 1 capturing group",
        ));
    }
    Ok(pattern.groups)
}

fn group_number(group: usize) -> Pg {
    Pg::Atom(group.to_string())
}

fn extract(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let Some(pattern) = pattern(&args[1])? else { return Ok(Pg::null("text")) };
    let group = group(&pattern, args)?;
    let wanted: Vec<usize> = (1..=group).collect();
    let (native, mut given) = search(&pattern, &wanted, args.len() == 2, args, &lowered)?;
    if native && args.len() == 2 {
        return Ok(Pg::template("(regexp_match($1, $2 COLLATE \"C\"))[1]", given));
    }
    if !native {
        given.push(group_number(group));
    }
    given.push(group_number(group));
    given.extend(lowered.into_iter().skip(2));
    Ok(Pg::template(
        if native { "logweir.regexp_extract($*)" } else { "logweir.re2_extract($*)" },
        given,
    ))
}

fn extract_all(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let Some(pattern) = pattern(&args[1])? else { return Ok(Pg::null("text[]")) };
    let group = group(&pattern, args)?;
    let wanted: Vec<usize> = (1..=group).collect();
    let (native, mut given) = search(&pattern, &wanted, false, args, &lowered)?;
    if native {
        return Ok(Pg::template("logweir.regexp_extract_all($*)", given));
    }
    given.extend([group_number(group), group_number(group)]);
    Ok(Pg::template("logweir.re2_extract_all($*)", given))
}

fn instr(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let Some(pattern) = pattern(&args[1])? else { return Ok(Pg::null("bigint")) };
    let group = group(&pattern, args)?;
    let wanted: Vec<usize> = (1..=group).collect();
    let (native, mut given) = if pattern.is_empty() {
        // BigQuery finds an empty pattern nowhere.
        (true, vec![lowered[0].clone(), Pg::text("***:(?!)")])
    } else {
        search(&pattern, &wanted, false, args, &lowered)?
    };
    if !native {
        given.push(group_number(group));
    }
    given.push(group_number(group));
    given.extend(lowered.into_iter().skip(2));
    Ok(Pg::template(
        if native { "logweir.regexp_instr($*)" } else { "logweir.re2_instr($*)" },
        given,
    ))
}

fn replace(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let (Some(pattern), Some(with)) = (pattern(&args[1])?, constant(&args[2])?) else {
        return Ok(Pg::null("text"));
    };
    let with = Replacement::parse(&with, pattern.groups).map_err(|why| {
        Diagnostic::wrong_value(args[2].at, format!("Invalid REGEXP_REPLACE pattern: {why}"))
    })?;
    let wanted: Vec<usize> = with.groups.iter().copied().filter(|group| *group > 0).collect();
    let (native, mut given) = search(&pattern, &wanted, false, args, &lowered)?;
    if native {
        given.push(Pg::text(&with.to_postgres()));
        return Ok(Pg::template("regexp_replace($1, $2 COLLATE \"C\", $3, 'g')", given));
    }
    given.push(group_number(pattern.groups));
    let texts = with.texts.iter().map(|text| Pg::text(text)).collect();
    given.push(Pg::Array { elements: texts, ty: "text[]".to_owned() });
    let groups: Vec<i64> =
        with.groups.iter().map(|group| i64::try_from(*group).unwrap_or(0)).collect();
    given.push(numbers(&groups));
    Ok(Pg::template("logweir.re2_replace($*)", given))
}
