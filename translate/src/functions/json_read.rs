//! Functions between JSON and values of SQL's types.

use super::{
    Function, Lower, Overload, Param, Returns, Safe, function,
    json_text::{self, Numbers},
    lowered, overload,
};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Expr, Literal},
    types::Type,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "PARSE_JSON",
        "The JSON that a text holds.",
        &[overload(&[Param::String, Param::String], Returns::Json, "logweir.parse_json($*)")
            .optional(1)
            .names(&["wide_number_mode"])
            .safe("logweir.safe_parse_json($*)")],
        &[
            ("JSON_TYPE(PARSE_JSON('[1, 2]'))", "array"),
            (
                r#"TO_JSON_STRING(PARSE_JSON('{"b": 1, "aa": 2, "a": 3, "b": 4}'))"#,
                r#"{"a":3,"aa":2,"b":1}"#,
            ),
            (
                "TO_JSON_STRING(PARSE_JSON('[1.50, 1e2, 1.0, 12345678901234567890]'))",
                "[1.5,100.0,1.0,12345678901234567890]",
            ),
            ("SAFE.PARSE_JSON('{bad') IS NULL", "true"),
            ("SAFE.PARSE_JSON('12345678901234567890.123') IS NULL", "true"),
            (
                "TO_JSON_STRING(PARSE_JSON('12345678901234567890.123', wide_number_mode => 'round'))",
                "1.2345678901234567e+19",
            ),
        ],
    ),
    function(
        "TO_JSON",
        "A value as JSON.",
        &[Overload {
            safe: Safe::Other(Lower::With(safe_to_json)),
            ..lowered(&[Param::Any, Param::Bool], Returns::Json, to_json)
                .optional(1)
                .names(&["stringify_wide_numbers"])
        }],
        &[
            (
                "TO_JSON_STRING(TO_JSON(STRUCT(1 AS b, 'x' AS a, [1.0, 2.5] AS c)))",
                r#"{"a":"x","b":1,"c":[1.0,2.5]}"#,
            ),
            ("TO_JSON_STRING(TO_JSON(9007199254740993))", "9007199254740993"),
            (
                "TO_JSON_STRING(TO_JSON(9007199254740993, stringify_wide_numbers => TRUE))",
                "\"9007199254740993\"",
            ),
            ("JSON_TYPE(TO_JSON(NULL))", "null"),
            ("TO_JSON_STRING(TO_JSON(STRUCT(1 AS a, 2 AS a)))", r#"{"a":1}"#),
            ("TO_JSON_STRING(TO_JSON(NUMERIC '1.50'))", "1.5"),
        ],
    ),
    function(
        "TO_JSON_STRING",
        "A value as text of JSON, with line breaks if asked for.",
        &[lowered(&[Param::Any, Param::Bool], Returns::String, to_json_string)
            .optional(1)
            .names(&["pretty_print"])
            .total()],
        &[
            (
                "TO_JSON_STRING(STRUCT(1 AS a, 'x' AS b, [1, 2] AS c, NULL AS d, TIMESTAMP '2024-01-01 00:00:00+00' AS t, DATE '2024-01-01' AS dt, 1.0 AS f, b'ab' AS byt, NUMERIC '1.50' AS n, TRUE AS bo))",
                r#"{"a":1,"b":"x","c":[1,2],"d":null,"t":"2024-01-01T00:00:00Z","dt":"2024-01-01","f":1,"byt":"YWI=","n":"1.5","bo":true}"#,
            ),
            ("TO_JSON_STRING(NULL)", "null"),
            (
                "TO_JSON_STRING(INTERVAL '1-2 3 -4:5:6.5' YEAR TO SECOND)",
                r#""P1Y2M3DT-4H-5M-6.5S""#,
            ),
            ("TO_JSON_STRING([INTERVAL 0 DAY, NULL])", r#"["P0Y",null]"#),
            ("TO_JSON_STRING(1234567890123456.0)", "1234567890123456"),
            ("TO_JSON_STRING(9007199254740993)", "\"9007199254740993\""),
            ("TO_JSON_STRING('a\"b')", r#""a\"b""#),
            ("TO_JSON_STRING(CAST('nan' AS FLOAT64))", "\"NaN\""),
            ("TO_JSON_STRING(CAST('-inf' AS FLOAT64))", "\"-Infinity\""),
            (
                "TO_JSON_STRING(TIMESTAMP '2024-01-01 00:00:00.5+00')",
                "\"2024-01-01T00:00:00.500Z\"",
            ),
            ("TO_JSON_STRING(DATETIME '2024-01-01 00:00:00')", "\"2024-01-01T00:00:00\""),
            ("TO_JSON_STRING([STRUCT('x' AS a), STRUCT(NULL)])", r#"[{"a":"x"},{"a":null}]"#),
            ("TO_JSON_STRING(STRUCT([STRUCT(1 AS b)] AS a, 2))", r#"{"a":[{"b":1}],"":2}"#),
            (
                "TO_JSON_STRING(STRUCT([1, 2] AS a, ARRAY<INT64>[] AS b), TRUE)",
                "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}",
            ),
            ("TO_JSON_STRING(JSON '{\"b\": 1, \"a\": 2}')", r#"{"a":2,"b":1}"#),
        ],
    ),
    function(
        "JSON_OBJECT",
        "An object of names and values, in turn or as two arrays.",
        &[lowered(&[Param::Any], Returns::Json, json_object).optional(1).variadic()],
        &[
            (
                "TO_JSON_STRING(JSON_OBJECT('k1', 1, 'k2', 'two', 'a', NULL))",
                r#"{"a":null,"k1":1,"k2":"two"}"#,
            ),
            ("TO_JSON_STRING(JSON_OBJECT())", "{}"),
            ("TO_JSON_STRING(JSON_OBJECT('a', 1, 'a', 2))", r#"{"a":1}"#),
            (
                "TO_JSON_STRING(JSON_OBJECT('a', [1.5, 2], 'b', JSON '[true]'))",
                r#"{"a":[1.5,2.0],"b":[true]}"#,
            ),
            ("TO_JSON_STRING(JSON_OBJECT(['a', 'b'], [1, 2]))", r#"{"a":1,"b":2}"#),
        ],
    ),
    function(
        "JSON_ARRAY",
        "A list of values.",
        &[lowered(&[Param::Any], Returns::Json, json_array).optional(1).variadic()],
        &[
            (
                "TO_JSON_STRING(JSON_ARRAY(1, 'x', NULL, [1, 2], STRUCT(1 AS a)))",
                r#"[1,"x",null,[1,2],{"a":1}]"#,
            ),
            ("TO_JSON_STRING(JSON_ARRAY())", "[]"),
        ],
    ),
    function(
        "INT64",
        "The whole number that JSON is; an error of anything else.",
        &[overload(&[Param::Json], Returns::Int64, "logweir.json_to_int64($1)")
            .safe("logweir.json_whole($1)")],
        &[
            ("INT64(JSON '5')", "5"),
            ("INT64(JSON '10.0')", "10"),
            ("SAFE.INT64(JSON '\"5\"')", "NULL"),
            ("SAFE.INT64(JSON '1.5')", "NULL"),
            ("INT64(JSON '{\"a\": 1}'.a) + 1", "2"),
        ],
    ),
    function(
        "FLOAT64",
        "The number that JSON is; an error of anything else.",
        &[
            overload(&[Param::Json], Returns::Float64, "logweir.json_to_float64($1)")
                .safe("logweir.json_double_of($1)"),
            Overload {
                safe: Safe::Other(Lower::With(safe_float64)),
                ..lowered(&[Param::Json, Param::Pattern], Returns::Float64, float64)
                    .names(&["wide_number_mode"])
            },
        ],
        &[
            ("FLOAT64(JSON '9.8')", "9.8"),
            ("SAFE.FLOAT64(JSON '\"9.8\"')", "NULL"),
            (
                "FLOAT64(JSON '18446744073709551615', wide_number_mode => 'round')",
                "1.8446744073709552e+19",
            ),
            ("SAFE.FLOAT64(JSON '18446744073709551615', wide_number_mode => 'exact')", "NULL"),
        ],
    ),
    function(
        "BOOL",
        "The boolean that JSON is; an error of anything else.",
        &[overload(&[Param::Json], Returns::Bool, "logweir.json_to_bool($1)")
            .safe("CASE WHEN jsonb_typeof($1) = 'boolean' THEN $1::boolean END")],
        &[("BOOL(JSON 'true')", "true"), ("SAFE.BOOL(JSON '1')", "NULL")],
    ),
    function(
        "LAX_INT64",
        "The whole number that JSON is or can be read as; else NULL.",
        &[overload(&[Param::Json], Returns::Int64, "logweir.lax_int64($1)").total()],
        &[
            ("LAX_INT64(JSON '\"5\"')", "5"),
            ("LAX_INT64(JSON '1.5')", "2"),
            ("LAX_INT64(JSON 'true')", "1"),
            ("LAX_INT64(JSON '\"x\"')", "NULL"),
            ("LAX_INT64(JSON '\"1.1e2\"')", "110"),
            ("LAX_INT64(JSON '1e100')", "NULL"),
        ],
    ),
    function(
        "LAX_FLOAT64",
        "The number that JSON is or can be read as; else NULL.",
        &[overload(&[Param::Json], Returns::Float64, "logweir.lax_float64($1)").total()],
        &[
            ("LAX_FLOAT64(JSON '\"3.14\"')", "3.14"),
            ("LAX_FLOAT64(JSON '\"nan\"')", "nan"),
            ("LAX_FLOAT64(JSON 'true')", "NULL"),
        ],
    ),
    function(
        "LAX_BOOL",
        "The boolean that JSON is or can be read as; else NULL.",
        &[overload(&[Param::Json], Returns::Bool, "logweir.lax_bool($1)").total()],
        &[
            ("LAX_BOOL(JSON 'true')", "true"),
            ("LAX_BOOL(JSON '\"TRUE\"')", "true"),
            ("LAX_BOOL(JSON '0')", "false"),
            ("LAX_BOOL(JSON '\"foo\"')", "NULL"),
        ],
    ),
    function(
        "LAX_STRING",
        "The text, number or boolean that JSON is, as text; else NULL.",
        &[overload(&[Param::Json], Returns::String, "logweir.lax_string($1)").total()],
        &[
            ("LAX_STRING(JSON '42')", "42"),
            ("LAX_STRING(JSON 'true')", "true"),
            ("LAX_STRING(JSON '\"x\"')", "x"),
            ("LAX_STRING(JSON '[1]')", "NULL"),
            ("LAX_STRING(JSON 'null')", "NULL"),
        ],
    ),
];

/// A constant flag of a call.
pub(super) fn flag(arg: Option<&Expr>, otherwise: bool) -> Result<bool, Diagnostic> {
    match arg.map(|arg| (arg.as_literal(), arg.at)) {
        None | Some((Some(Literal::Null), _)) => Ok(otherwise),
        Some((Some(Literal::Bool(value)), _)) => Ok(*value),
        Some((_, at)) => Err(Diagnostic::unsupported(at, "an option that is no constant")),
    }
}

fn float64(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    in_mode(args, lowered, "logweir.json_to_float64($1)", "logweir.json_to_exact_float64($1)")
}

fn safe_float64(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    in_mode(args, lowered, "logweir.json_double_of($1)", "logweir.json_exact_double($1)")
}

fn in_mode(
    args: &[Expr],
    lowered: Vec<Pg>,
    round: &'static str,
    exact: &'static str,
) -> Result<Pg, Diagnostic> {
    match args.get(1).map(|mode| (mode.as_literal(), mode.at)) {
        Some((Some(Literal::String(mode)), _)) if mode == "round" => {
            Ok(Pg::template(round, lowered))
        }
        Some((Some(Literal::String(mode)), _)) if mode == "exact" => {
            Ok(Pg::template(exact, lowered))
        }
        Some((Some(_), at)) => {
            Err(Diagnostic::wrong_value(at, "Invalid `wide_number_mode` specified"))
        }
        mode => {
            let at = mode.map(|(_, at)| at).unwrap_or_default();
            Err(Diagnostic::unsupported(at, "a `wide_number_mode` that is no constant"))
        }
    }
}

fn to_json(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let numbers = if flag(args.get(1), false)? { Numbers::WideAsText } else { Numbers::Json };
    match args.iter().zip(lowered).next() {
        Some((arg, value)) => json_text::json(value, arg, numbers),
        None => Ok(Pg::null("jsonb")),
    }
}

/// Only a NUMERIC can have too many digits.
fn safe_to_json(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    match args.first() {
        Some(arg) if holds_numeric(&arg.ty) => {
            Err(Diagnostic::unsupported(arg.at, "SAFE.TO_JSON of a NUMERIC"))
        }
        _ => to_json(args, lowered),
    }
}

fn holds_numeric(ty: &Type) -> bool {
    match ty {
        Type::Numeric | Type::BigNumeric => true,
        Type::Array(element) => holds_numeric(element),
        Type::Struct(fields) => fields.iter().any(|field| holds_numeric(&field.ty)),
        _ => false,
    }
}

fn to_json_string(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let pretty = flag(args.get(1), false)?;
    let Some((arg, value)) = args.iter().zip(lowered).next() else { return Ok(Pg::null("text")) };
    let text = json_text::text(value, &arg.ty, Numbers::Text, arg.at)?;
    Ok(if pretty { Pg::template("logweir.pretty_json($1::json)", vec![text]) } else { text })
}

fn json_array(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    json_text::list(args, lowered)
}

fn json_object(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    if let [names, values] = args
        && names.ty == Type::Array(Box::new(Type::String))
        && let Type::Array(_) = &values.ty
    {
        let mut lowered = lowered.into_iter();
        let (Some(names), Some(list)) = (lowered.next(), lowered.next()) else {
            return Ok(Pg::null("jsonb"));
        };
        let list = json_text::json(list, values, Numbers::Json)?;
        return Ok(Pg::template("logweir.json_object($1, $2)", vec![names, list]));
    }
    if let Some(name) =
        args.iter().step_by(2).find(|name| !matches!(name.ty, Type::String | Type::Null))
    {
        let message = format!("JSON_OBJECT takes names of type STRING, not {}", name.ty);
        return Err(Diagnostic::invalid(name.at, message));
    }
    if args.len() % 2 == 1 {
        let at = args.first().map(|arg| arg.at).unwrap_or_default();
        return Err(Diagnostic::invalid(at, "JSON_OBJECT takes a value for every name"));
    }
    json_text::object(args, lowered)
}
