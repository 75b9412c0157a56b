//! Functions of JSON.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "JSON_TYPE",
        "What a JSON value is: object, array, string, number, boolean or null.",
        &[overload(&[Param::Json], Returns::String, "jsonb_typeof($1)").total()],
        &[("JSON_TYPE(JSON '{\"a\": 1}')", "object"), ("JSON_TYPE(JSON '[1]'[0])", "number")],
    ),
    function(
        "PARSE_JSON",
        "The JSON that a text holds.",
        &[overload(&[Param::String], Returns::Json, "$1::jsonb")],
        &[("JSON_TYPE(PARSE_JSON('[1, 2]'))", "array")],
    ),
];
