//! Functions that look into JSON.

use super::{
    Function, Param, Returns, function,
    json_path::{JsonPath, Quoting},
    lowered, overload,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr};

/// A function of a text of JSON, of a value of an event, and of BigQuery's JSON.
macro_rules! extraction {
    ($name:literal, $doc:literal, $text:expr, $json:expr, $lower:expr, $examples:expr) => {
        function(
            $name,
            $doc,
            &[
                lowered(&[Param::String, Param::Pattern], $text, $lower.0).optional(1).total(),
                lowered(&[Param::Dynamic, Param::Pattern], $text, $lower.1).optional(1).total(),
                lowered(&[Param::Json, Param::Pattern], $json, $lower.2).optional(1).total(),
            ],
            $examples,
        )
    };
}

const TEXTS: Returns = Returns::Array(&Returns::String);
const JSONS: Returns = Returns::Array(&Returns::Json);

pub(super) const FUNCTIONS: &[Function] = &[
    extraction!(
        "JSON_VALUE",
        "The text, number or boolean at a path, as text.",
        Returns::String,
        Returns::String,
        (value_of_text, value_of_event, value_of_json),
        &[
            (r#"JSON_VALUE('{"a": {"b": 1}}', '$.a.b')"#, "1"),
            (r#"JSON_VALUE('{"a": {"b": 1}}', '$.a')"#, "NULL"),
            (r#"JSON_VALUE('{"a": 1.50}', '$.a')"#, "1.50"),
            (r#"JSON_VALUE("it's", '$.a')"#, "NULL"),
            (r#"JSON_VALUE('{"a": 1, "a": 2}', '$.a')"#, "1"),
            (r#"JSON_VALUE('{"a b": null}', '$."a b"')"#, "NULL"),
            (r#"JSON_VALUE('{"a.b": true}', '$."a.b"')"#, "true"),
            (r#"JSON_VALUE('{"a": "\\u0041"}', '$.a')"#, "A"),
            ("JSON_VALUE('\"s\"')", "s"),
            ("JSON_VALUE(\"{'a': 'x'}\", '$.a')", "x"),
            ("JSON_VALUE('{bad', '$.a')", "NULL"),
            ("JSON_VALUE('[10, 20]', '$[1]')", "20"),
            ("JSON_VALUE('[10, 20]', '$[5]')", "NULL"),
            (r#"JSON_VALUE(JSON '{"a": [1, "x"]}', '$.a[1]')"#, "x"),
            (r#"JSON_VALUE(JSON '{"a": 1.0}', '$.a')"#, "1.0"),
            (r#"JSON_VALUE(JSON '{"a": null}', '$.a')"#, "NULL"),
        ]
    ),
    extraction!(
        "JSON_QUERY",
        "The JSON at a path: of a text as text without blanks.",
        Returns::String,
        Returns::Json,
        (query_of_text, query_of_event, query_of_json),
        &[
            (
                r#"JSON_QUERY('{"a": {"c": [1, 2],  "b": "x y"}}', '$.a')"#,
                r#"{"c":[1,2],"b":"x y"}"#
            ),
            (r#"JSON_QUERY('{"a": "x"}', '$.a')"#, "\"x\""),
            (r#"JSON_QUERY('{"a": "\\u0041"}')"#, r#"{"a":"A"}"#),
            (r#"JSON_QUERY('{"a": null}', '$.a')"#, "NULL"),
            (r#"TO_JSON_STRING(JSON_QUERY(JSON '{"a": [1, 2]}', '$.a'))"#, "[1,2]"),
            (r#"JSON_TYPE(JSON_QUERY(JSON '{"a": null}', '$.a'))"#, "null"),
        ]
    ),
    extraction!(
        "JSON_EXTRACT",
        "The JSON at a path, in the older notation: of a text as text without blanks.",
        Returns::String,
        Returns::Json,
        (extract_of_text, extract_of_event, extract_of_json),
        &[
            (r#"JSON_EXTRACT('{"a b": {"c": 1}}', "$['a b']")"#, r#"{"c":1}"#),
            (r#"JSON_EXTRACT('{"name": "hello"}', '$.name')"#, "\"hello\""),
        ]
    ),
    extraction!(
        "JSON_EXTRACT_SCALAR",
        "The text, number or boolean at a path in the older notation, as text.",
        Returns::String,
        Returns::String,
        (scalar_of_text, scalar_of_event, scalar_of_json),
        &[(r#"JSON_EXTRACT_SCALAR('{"a b": 1}', "$['a b']")"#, "1")]
    ),
    extraction!(
        "JSON_QUERY_ARRAY",
        "The elements of the list at a path, as JSON.",
        TEXTS,
        JSONS,
        (queries_of_text, queries_of_event, queries_of_json),
        &[
            (
                r#"ARRAY_TO_STRING(JSON_QUERY_ARRAY('{"a": [1, "x", {"b": 2}, null]}', '$.a'), ' ')"#,
                r#"1 "x" {"b":2} null"#
            ),
            (r#"JSON_QUERY_ARRAY('{"a": 1}', '$.a') IS NULL"#, "true"),
            (
                r#"TO_JSON_STRING(JSON_QUERY_ARRAY(JSON '{"a": [1, "x"]}', '$.a')[OFFSET(1)])"#,
                "\"x\""
            ),
        ]
    ),
    extraction!(
        "JSON_EXTRACT_ARRAY",
        "The elements of the list at a path in the older notation, as JSON.",
        TEXTS,
        JSONS,
        (extracts_of_text, extracts_of_event, extracts_of_json),
        &[(r#"ARRAY_TO_STRING(JSON_EXTRACT_ARRAY('[{"id": 1}, 2]'), ' ')"#, r#"{"id":1} 2"#)]
    ),
    extraction!(
        "JSON_VALUE_ARRAY",
        "The elements of the list at a path as text, if none is a list or an object.",
        TEXTS,
        TEXTS,
        (values_of_text, values_of_event, values_of_json),
        &[
            (
                r#"ARRAY_TO_STRING(JSON_VALUE_ARRAY('["a", 1, true, null]'), ' ', '?')"#,
                "a 1 true ?"
            ),
            ("JSON_VALUE_ARRAY('[[1]]') IS NULL", "true"),
            (
                r#"ARRAY_TO_STRING(JSON_VALUE_ARRAY(JSON '{"a": ["x", 1.5, null]}', '$.a'), ' ', '?')"#,
                "x 1.5 ?"
            ),
            (r#"JSON_VALUE_ARRAY(JSON '[{"a": 1}]') IS NULL"#, "true"),
        ]
    ),
    extraction!(
        "JSON_EXTRACT_STRING_ARRAY",
        "The elements of the list at a path in the older notation as text, if none is a list or an object.",
        TEXTS,
        TEXTS,
        (scalars_of_text, scalars_of_event, scalars_of_json),
        &[(r#"ARRAY_TO_STRING(JSON_EXTRACT_STRING_ARRAY('["a", "b"]'), ' ')"#, "a b")]
    ),
    function(
        "JSON_TYPE",
        "What a JSON value is: object, array, string, number, boolean or null.",
        &[overload(&[Param::Json], Returns::String, "jsonb_typeof($1)").total()],
        &[("JSON_TYPE(JSON '{\"a\": 1}')", "object"), ("JSON_TYPE(JSON '[1]'[0])", "number")],
    ),
    function(
        "JSON_KEYS",
        "The names of all members, those of members of members with dots, sorted.",
        &[overload(
            &[Param::Json, Param::Int64, Param::String],
            Returns::Array(&Returns::String),
            "logweir.json_keys($*)",
        )
        .optional(2)
        .names(&["mode"])],
        &[
            (
                r#"ARRAY_TO_STRING(JSON_KEYS(JSON '{"b": {"c": 1}, "a": [{"d": 1}]}'), ' ')"#,
                "a b b.c",
            ),
            (r#"ARRAY_TO_STRING(JSON_KEYS(JSON '{"b": {"c": 1}, "a": 1}', 1), ' ')"#, "a b"),
            (
                r#"ARRAY_TO_STRING(JSON_KEYS(JSON '{"a": [{"d": 1}, [{"e": 1}]]}', mode => 'lax'), ' ')"#,
                "a a.d",
            ),
            (
                r#"ARRAY_TO_STRING(JSON_KEYS(JSON '{"a": [{"d": 1}, [{"e": 1}]]}', mode => 'lax recursive'), ' ')"#,
                "a a.d a.e",
            ),
            (r#"ARRAY_TO_STRING(JSON_KEYS(JSON '{"a.b": 1}'), ' ')"#, "\"a.b\""),
            ("ARRAY_LENGTH(JSON_KEYS(JSON '1'))", "0"),
        ],
    ),
    function(
        "JSON_FLATTEN",
        "The elements of a list and of the lists in it.",
        &[overload(&[Param::Json], JSONS, "logweir.json_flatten($1)").total()],
        &[
            ("ARRAY_LENGTH(JSON_FLATTEN(JSON '[1, [2, [3]], {\"a\": [4]}]'))", "4"),
            ("ARRAY_LENGTH(JSON_FLATTEN(JSON '7'))", "1"),
        ],
    ),
];

/// A template of the value, `$1`, and the path in it, `$2`.
fn at_path(
    args: &[Expr],
    mut lowered: Vec<Pg>,
    quoting: Quoting,
    template: &'static str,
) -> Result<Pg, Diagnostic> {
    let path = match args.get(1) {
        None => Some(JsonPath::root()),
        Some(path) => JsonPath::of(path, quoting)?,
    };
    lowered.truncate(1);
    lowered.push(path.map_or_else(|| Pg::null("text[]"), |path| path.texts()));
    Ok(Pg::template(template, lowered))
}

/// The functions that lower with these templates, in both notations.
macro_rules! lowerings {
    ($($standard:ident, $legacy:ident: $template:literal;)*) => {$(
        fn $standard(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
            at_path(args, lowered, Quoting::Standard, $template)
        }

        fn $legacy(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
            at_path(args, lowered, Quoting::Legacy, $template)
        }
    )*};
}

lowerings! {
    value_of_text, scalar_of_text: "logweir.json_value($1, $2)";
    value_of_json, scalar_of_json: "logweir.json_value($1, $2)";
    value_of_event, scalar_of_event:
        "CASE WHEN jsonb_typeof($1) = 'string' THEN logweir.json_value($1 #>> '{}', $2) ELSE logweir.json_value($1, $2) END";
    query_of_text, extract_of_text: "logweir.json_query($1, $2)";
    query_of_json, extract_of_json: "$1 #> $2";
    query_of_event, extract_of_event:
        "CASE WHEN jsonb_typeof($1) = 'string' THEN logweir.json_query($1 #>> '{}', $2) ELSE logweir.json_text(NULLIF($1 #> $2, 'null')) END";
    queries_of_text, extracts_of_text: "logweir.json_query_array($1, $2)";
    queries_of_json, extracts_of_json: "logweir.json_query_array($1, $2)";
    queries_of_event, extracts_of_event:
        "CASE WHEN jsonb_typeof($1) = 'string' THEN logweir.json_query_array($1 #>> '{}', $2) ELSE logweir.json_texts(logweir.json_query_array($1, $2)) END";
    values_of_text, scalars_of_text: "logweir.json_value_array($1, $2)";
    values_of_json, scalars_of_json: "logweir.json_value_array($1, $2)";
    values_of_event, scalars_of_event:
        "CASE WHEN jsonb_typeof($1) = 'string' THEN logweir.json_value_array($1 #>> '{}', $2) ELSE logweir.json_value_array($1, $2) END";
}
