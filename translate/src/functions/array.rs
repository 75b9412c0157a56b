//! Functions of arrays.

use super::{
    AggregateCall, AggregateFunction, Function, Param, Returns, aggregate, function,
    lowered_aggregate, overload,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "ARRAY_LENGTH",
        "How many elements an array has.",
        &[overload(&[Param::AnyArray], Returns::Int64, "cardinality($1)::bigint").total()],
        &[("ARRAY_LENGTH([1, NULL, 3])", "3"), ("ARRAY_LENGTH(ARRAY<STRING>[])", "0")],
    ),
    function(
        "ARRAY_CONCAT",
        "The elements of all arrays, one after the other; NULL where one is.",
        // PostgreSQL takes a NULL for an array without elements.
        &[overload(
            &[Param::Array(&Param::Same)],
            Returns::ArrayOfSame,
            "CASE WHEN num_nulls($*) = 0 THEN $|| END",
        )
        .variadic()
        .total()],
        &[
            ("ARRAY_LENGTH(ARRAY_CONCAT([1, 2], [3.5]))", "3"),
            ("ARRAY_LENGTH(ARRAY_CONCAT([1, 2], NULL))", "NULL"),
            ("ARRAY_CONCAT([STRUCT(1 AS a)], [STRUCT(2 AS a)])[OFFSET(1)].a", "2"),
        ],
    ),
    function(
        "ARRAY_TO_STRING",
        "The elements as text, with the second argument between them, the third for those that are NULL.",
        &[overload(
            &[Param::Array(&Param::String), Param::String, Param::String],
            Returns::String,
            "array_to_string($*)",
        )
        .optional(1)
        .total()],
        &[
            ("ARRAY_TO_STRING(['a', NULL, 'b'], '-')", "a-b"),
            ("ARRAY_TO_STRING(['a', NULL, 'b'], '-', '?')", "a-?-b"),
        ],
    ),
];

pub(super) const AGGREGATES: &[AggregateFunction] = &[aggregate(
    "ARRAY_AGG",
    "The values of all rows; NULL of no rows.",
    &[lowered_aggregate(&[Param::Same], Returns::ArrayOfSame, array_agg)],
    &[
        ("ARRAY_TO_STRING(ARRAY_AGG(CAST(x AS STRING) ORDER BY x DESC), ',', '?')", "3,1,1,?"),
        (
            "ARRAY_TO_STRING(ARRAY_AGG(DISTINCT CAST(x AS STRING) IGNORE NULLS ORDER BY CAST(x AS STRING)), ',', '?')",
            "1,3",
        ),
        ("ARRAY_LENGTH(ARRAY_AGG(x ORDER BY x LIMIT 2))", "2"),
        ("ARRAY_AGG(STRUCT(x AS a) ORDER BY x DESC)[OFFSET(0)].a", "3"),
    ],
)
.ordered()
.nulls()];

fn array_agg(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    let all = if call.ignore_nulls == Some(true) {
        call.template("array_agg($distinct$1$order) FILTER (WHERE $1 IS NOT NULL)$over")
    } else {
        call.template("array_agg($distinct$1$order)$over")
    };
    Ok(match call.limit {
        None => all,
        Some(limit) => Pg::template("($1)[1:$2]", vec![all, Pg::Atom(limit.to_string())]),
    })
}
