//! Functions that fit nowhere else.

use super::{Function, Param, Returns, function, lowered, overload};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr, types::Type};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "GENERATE_UUID",
        "A random UUID.",
        &[overload(&[], Returns::String, "gen_random_uuid()::text").total()],
        &[("LENGTH(GENERATE_UUID())", "36"), ("GENERATE_UUID() = GENERATE_UUID()", "false")],
    ),
    function(
        "ERROR",
        "Fails, and says so in these words.",
        &[overload(&[Param::String], Returns::With(no_type), "logweir.error($1)")],
        &[
            ("IF(TRUE, 1, ERROR('never'))", "1"),
            ("IFNULL('a', ERROR('never'))", "a"),
            ("ARRAY_LENGTH(IF(GENERATE_UUID() != '', [1], ERROR('never')))", "1"),
        ],
    ),
    function(
        "TYPEOF",
        "The name of the value's type.",
        &[lowered(&[Param::Any], Returns::String, name_of_type).total()],
        &[("TYPEOF(1.5)", "FLOAT64"), ("TYPEOF([STRUCT(1 AS a)])", "ARRAY<STRUCT<a INT64>>")],
    ),
];

fn name_of_type(args: &[Expr], _: Vec<Pg>) -> Result<Pg, Diagnostic> {
    Ok(match args.first() {
        Some(arg) => Pg::text(&arg.ty.to_string()),
        None => Pg::null("text"),
    })
}

/// It takes the type of what it stands beside.
fn no_type(_: &[Expr]) -> Type {
    Type::Null
}
