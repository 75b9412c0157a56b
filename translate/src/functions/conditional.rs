//! Functions that choose.

use super::{Function, Param, Returns, function, lowered, overload};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr, types::Type};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "IF",
        "The second argument where the first is TRUE, else the third.",
        &[overload(
            &[Param::Bool, Param::Same, Param::Same],
            Returns::Same,
            "CASE WHEN $1 THEN $2 ELSE $3 END",
        )
        .total()],
        &[("IF(NULL, 1, 2)", "2"), ("IF(1 < 2, 'a', 'b')", "a"), ("IF(TRUE, 1, 2.5)", "1")],
    ),
    function(
        "IFNULL",
        "The first argument, or the second where the first is NULL.",
        &[overload(&[Param::Same, Param::Same], Returns::Same, "COALESCE($1, $2)").total()],
        &[
            ("IFNULL(NULL, 'x')", "x"),
            ("IFNULL(3, 4)", "3"),
            ("IFNULL(DATE '2024-01-01', NULL)", "2024-01-01"),
            ("ARRAY_LENGTH(IFNULL(NULL, [1, 2]))", "2"),
        ],
    ),
    function(
        "COALESCE",
        "The first argument that is not NULL.",
        &[overload(&[Param::Same], Returns::Same, "COALESCE($*)").variadic().total()],
        &[("COALESCE(NULL, NULL, 3)", "3"), ("COALESCE('a')", "a")],
    ),
    function(
        "NULLIF",
        "NULL where both arguments are equal, else the first.",
        &[lowered(&[Param::Same, Param::Same], Returns::Same, null_if).total()],
        &[
            ("NULLIF(0, 0)", "NULL"),
            ("NULLIF('a', 'b')", "a"),
            ("NULLIF('a', CAST(NULL AS STRING))", "a"),
            ("NULLIF(CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64))", "nan"),
            ("NULLIF(STRUCT(1 AS a), STRUCT(1 AS a)) IS NULL", "true"),
        ],
    ),
    function(
        "NULLIFZERO",
        "NULL where the value is 0, else the value.",
        &[
            overload(&[Param::Int64], Returns::Int64, "NULLIF($1, 0)").total(),
            overload(&[Param::Float64], Returns::Float64, "NULLIF($1, 0)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "NULLIF($1, 0)").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "NULLIF($1, 0)").total(),
        ],
        &[
            ("NULLIFZERO(0)", "NULL"),
            ("NULLIFZERO(1.5)", "1.5"),
            ("NULLIFZERO(NUMERIC '0.0')", "NULL"),
        ],
    ),
    function(
        "ZEROIFNULL",
        "0 where the value is NULL, else the value.",
        &[
            overload(&[Param::Int64], Returns::Int64, "COALESCE($1, 0)").total(),
            overload(&[Param::Float64], Returns::Float64, "COALESCE($1, 0)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "COALESCE($1, 0)").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "COALESCE($1, 0)").total(),
        ],
        &[("ZEROIFNULL(NULL)", "0"), ("ZEROIFNULL(7)", "7")],
    ),
    // PostgreSQL's skip NULLs, BigQuery's give NULL as soon as one argument is.
    function(
        "GREATEST",
        "The greatest argument; NULL where one is.",
        &[
            overload(&[Param::Int64], Returns::Int64, GREATEST).variadic().total(),
            overload(&[Param::Float64], Returns::Float64, "logweir.greatest($*)")
                .variadic()
                .total(),
            lowered(&[Param::Same], Returns::Same, greatest).variadic().total(),
        ],
        &[
            ("GREATEST(1, 3, 2)", "3"),
            ("GREATEST(1, NULL)", "NULL"),
            ("GREATEST(1, 2.5)", "2.5"),
            ("GREATEST('a', 'B')", "a"),
            ("GREATEST(1.0, CAST('nan' AS FLOAT64))", "nan"),
            ("GREATEST(DATE '2024-01-01', DATE '2023-01-01')", "2024-01-01"),
        ],
    ),
    function(
        "LEAST",
        "The least argument; NULL where one is.",
        &[
            overload(&[Param::Int64], Returns::Int64, LEAST).variadic().total(),
            overload(&[Param::Float64], Returns::Float64, "logweir.least($*)").variadic().total(),
            lowered(&[Param::Same], Returns::Same, least).variadic().total(),
        ],
        &[
            ("LEAST(1, 3, 2)", "1"),
            ("LEAST(1, NULL)", "NULL"),
            ("LEAST('a', 'B')", "B"),
            ("LEAST(1.0, CAST('nan' AS FLOAT64))", "nan"),
        ],
    ),
];

const GREATEST: &str = "CASE WHEN num_nulls($*) = 0 THEN GREATEST($*) END";
const LEAST: &str = "CASE WHEN num_nulls($*) = 0 THEN LEAST($*) END";

fn null_if(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let Some(arg) = args.first() else { return Ok(Pg::null("text")) };
    if !arg.ty.is_comparable() {
        let message = format!("NULLIF is not defined for arguments of type {}", arg.ty);
        return Err(Diagnostic::invalid(arg.at, message));
    }
    Ok(Pg::template(
        match arg.ty {
            // NaN is not equal to itself here.
            Type::Float64 => "CASE WHEN $1 = $2 AND $1 <> 'NaN' THEN NULL ELSE $1 END",
            Type::Struct(_) => "CASE WHEN logweir.structs_equal($1, $2) THEN NULL ELSE $1 END",
            _ => "NULLIF($1, $2)",
        },
        lowered,
    ))
}

fn greatest(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    Ok(Pg::template(GREATEST, ordered(args, lowered, "GREATEST")?))
}

fn least(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    Ok(Pg::template(LEAST, ordered(args, lowered, "LEAST")?))
}

/// The arguments, text with the collation that orders it by code point.
fn ordered(args: &[Expr], mut lowered: Vec<Pg>, name: &str) -> Result<Vec<Pg>, Diagnostic> {
    if let Some(arg) = args.iter().find(|arg| !arg.ty.is_ordered() || arg.ty.is_event_value()) {
        let message = format!("{name} is not defined for arguments of type {}", arg.ty);
        return Err(Diagnostic::invalid(arg.at, message));
    }
    if let (Some(first), Some(Type::String)) = (lowered.first_mut(), args.first().map(|a| &a.ty)) {
        *first = Pg::template("$1 COLLATE \"C\"", vec![first.clone()]);
    }
    Ok(lowered)
}
