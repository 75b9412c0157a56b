//! Functions that change JSON.

use super::{
    Function, Overload, Param, Returns, function,
    json_path::{JsonPath, Quoting},
    json_read::flag,
    json_text::{self, Numbers},
    lowered,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr, types::Type};

/// Paths and values in turn: one pair with an option of that name, or up to four.
macro_rules! pairs {
    ($name:literal, $lower:expr) => {{
        const OVERLOADS: &[Overload] = &[
            lowered(&[Param::Json, Param::Pattern, Param::Any, Param::Bool], Returns::Json, $lower)
                .optional(1)
                .names(&[$name]),
            lowered(
                &[
                    Param::Json,
                    Param::Pattern,
                    Param::Any,
                    Param::Pattern,
                    Param::Any,
                    Param::Pattern,
                    Param::Any,
                    Param::Pattern,
                    Param::Any,
                ],
                Returns::Json,
                $lower,
            )
            .optional(4),
        ];
        OVERLOADS
    }};
}

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "JSON_SET",
        "JSON with values at paths, which are made where they are not there.",
        pairs!("create_if_missing", json_set),
        &[
            (r#"TO_JSON_STRING(JSON_SET(JSON '{"a": 1}', '$.b', 2))"#, r#"{"a":1,"b":2}"#),
            (
                r#"TO_JSON_STRING(JSON_SET(JSON '{"a": 1}', '$.a', 'x', '$.b.c', 2))"#,
                r#"{"a":"x","b":{"c":2}}"#,
            ),
            (
                r#"TO_JSON_STRING(JSON_SET(JSON '{"a": 1}', '$.b', 2, create_if_missing => FALSE))"#,
                r#"{"a":1}"#,
            ),
            (
                r#"TO_JSON_STRING(JSON_SET(JSON '{"a": [1]}', '$.a[2]', NULL))"#,
                r#"{"a":[1,null,null]}"#,
            ),
            (r#"TO_JSON_STRING(JSON_SET(JSON '{"a": 1}', '$.a.b', 2))"#, r#"{"a":1}"#),
            (r#"TO_JSON_STRING(JSON_SET(JSON '{"a": 1}', '$', [1, 2]))"#, "[1,2]"),
        ],
    ),
    function(
        "JSON_REMOVE",
        "JSON without what is at paths.",
        &[lowered(&[Param::Json, Param::Pattern], Returns::Json, json_remove).variadic().total()],
        &[
            (r#"TO_JSON_STRING(JSON_REMOVE(JSON '{"a": 1, "b": 2}', '$.a'))"#, r#"{"b":2}"#),
            (
                r#"TO_JSON_STRING(JSON_REMOVE(JSON '{"a": [1, 2], "b": 2}', '$.a[0]', '$.b', '$.c'))"#,
                r#"{"a":[2]}"#,
            ),
            (r#"TO_JSON_STRING(JSON_REMOVE(JSON '{"0": 1}', '$[0]'))"#, r#"{"0":1}"#),
        ],
    ),
    function(
        "JSON_STRIP_NULLS",
        "JSON without nulls, at a path if one is given; without empty lists and objects if asked for.",
        &[lowered(
            &[Param::Json, Param::Pattern, Param::Bool, Param::Bool],
            Returns::Json,
            json_strip_nulls,
        )
        .optional(3)
        .names(&["include_arrays", "remove_empty"])
        .total()],
        &[
            (
                r#"TO_JSON_STRING(JSON_STRIP_NULLS(JSON '{"a": null, "b": [1, null]}'))"#,
                r#"{"b":[1]}"#,
            ),
            (
                r#"TO_JSON_STRING(JSON_STRIP_NULLS(JSON '{"a": null, "b": [1, null]}', include_arrays => FALSE))"#,
                r#"{"b":[1,null]}"#,
            ),
            (
                r#"TO_JSON_STRING(JSON_STRIP_NULLS(JSON '{"a": {"c": null}, "b": [null]}', remove_empty => TRUE))"#,
                "null",
            ),
            (
                r#"TO_JSON_STRING(JSON_STRIP_NULLS(JSON '{"a": null, "b": {"c": null}}', '$.b'))"#,
                r#"{"a":null,"b":{}}"#,
            ),
        ],
    ),
    function(
        "JSON_ARRAY_APPEND",
        "JSON with values after the last of the lists at paths.",
        pairs!("append_each_element", json_array_append),
        &[
            (r#"TO_JSON_STRING(JSON_ARRAY_APPEND(JSON '{"a": [1]}', '$.a', 2))"#, r#"{"a":[1,2]}"#),
            (
                r#"TO_JSON_STRING(JSON_ARRAY_APPEND(JSON '[1]', '$', [2, 3], '$', 'x'))"#,
                r#"[1,2,3,"x"]"#,
            ),
            (
                r#"TO_JSON_STRING(JSON_ARRAY_APPEND(JSON '[1]', '$', [2, 3], append_each_element => FALSE))"#,
                "[1,[2,3]]",
            ),
            (
                r#"TO_JSON_STRING(JSON_ARRAY_APPEND(JSON '{"a": null, "b": 1}', '$.a', 2, '$.b', 3))"#,
                r#"{"a":[2],"b":1}"#,
            ),
        ],
    ),
    function(
        "JSON_ARRAY_INSERT",
        "JSON with values before the places that paths end in.",
        pairs!("insert_each_element", json_array_insert),
        &[
            (
                r#"TO_JSON_STRING(JSON_ARRAY_INSERT(JSON '{"a": [1, 2, 3]}', '$.a[1]', 99))"#,
                r#"{"a":[1,99,2,3]}"#,
            ),
            (
                r#"TO_JSON_STRING(JSON_ARRAY_INSERT(JSON '[1]', '$[3]', [2, 3]))"#,
                "[1,null,null,2,3]",
            ),
            (
                r#"TO_JSON_STRING(JSON_ARRAY_INSERT(JSON '[1]', '$[0]', [2, 3], insert_each_element => FALSE))"#,
                "[[2,3],1]",
            ),
        ],
    ),
];

/// What stands for each pair of a path and a value.
fn each_pair(
    args: &[Expr],
    lowered: Vec<Pg>,
    mut change: impl FnMut(Pg, &JsonPath, &Expr, Pg) -> Result<Pg, Diagnostic>,
) -> Result<Pg, Diagnostic> {
    let mut lowered = lowered.into_iter();
    let mut json = lowered.next().unwrap_or_else(|| Pg::null("jsonb"));
    let rest: Vec<Pg> = lowered.collect();
    for (arg, value) in args.get(1..).unwrap_or_default().chunks_exact(2).zip(rest.chunks_exact(2))
    {
        let ([path, arg], [_, value]) = (arg, value) else { continue };
        if let Some(path) = JsonPath::of(path, Quoting::Standard)? {
            json = change(json, &path, arg, value.clone())?;
        }
    }
    Ok(json)
}

/// The option after one pair.
fn option(args: &[Expr]) -> Result<bool, Diagnostic> {
    match args.len() % 2 {
        0 => flag(args.last(), true),
        _ => Ok(true),
    }
}

fn json_set(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let makes = option(args)?;
    each_pair(args, lowered, |json, path, arg, value| {
        let part = json_text::json(value, arg, Numbers::Json)?;
        let makes = Pg::Atom(if makes { "TRUE" } else { "FALSE" }.to_owned());
        Ok(Pg::template("logweir.json_set($1, $2, $3, $4)", vec![json, path.steps(), part, makes]))
    })
}

fn json_remove(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let mut json = lowered.into_iter().next().unwrap_or_else(|| Pg::null("jsonb"));
    for arg in args.get(1..).unwrap_or_default() {
        let Some(path) = JsonPath::of(arg, Quoting::Standard)? else { continue };
        if path.is_root() {
            return Err(Diagnostic::wrong_value(arg.at, "The JSONPath cannot be '$'"));
        }
        json = Pg::template("logweir.json_remove($1, $2)", vec![json, path.steps()]);
    }
    Ok(json)
}

fn json_strip_nulls(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let path = match args.get(1) {
        Some(path) if !path.is_null() => JsonPath::of(path, Quoting::Standard)?,
        _ => None,
    };
    let path = path.unwrap_or_else(JsonPath::root);
    let bool = |value| Pg::Atom(if value { "TRUE" } else { "FALSE" }.to_owned());
    let json = lowered.into_iter().next().unwrap_or_else(|| Pg::null("jsonb"));
    let options = [bool(flag(args.get(2), true)?), bool(flag(args.get(3), false)?)];
    let args = [json, path.steps()].into_iter().chain(options).collect();
    Ok(Pg::template("logweir.json_strip_nulls($1, $2, $3, $4)", args))
}

/// The values of one argument: those of an array each on its own, if that is asked for.
fn elements(arg: &Expr, value: Pg, each: bool) -> Result<Pg, Diagnostic> {
    if each && matches!(arg.ty, Type::Array(_)) {
        let list = json_text::json(value, arg, Numbers::Json)?;
        return Ok(Pg::template("NULLIF($1, 'null')", vec![list]));
    }
    json_text::list(std::slice::from_ref(arg), vec![value])
}

fn json_array_append(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let each = option(args)?;
    each_pair(args, lowered, |json, path, arg, value| {
        let args = vec![json, path.steps(), elements(arg, value, each)?];
        Ok(Pg::template("logweir.json_array_append($1, $2, $3)", args))
    })
}

fn json_array_insert(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let each = option(args)?;
    each_pair(args, lowered, |json, path, arg, value| {
        // Without a place there is nothing to insert before.
        if !path.ends_in_place() {
            return Ok(json);
        }
        let args = vec![json, path.steps(), elements(arg, value, each)?];
        Ok(Pg::template("logweir.json_array_insert($1, $2, $3)", args))
    })
}
