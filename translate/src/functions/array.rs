//! Functions of arrays.

use super::{
    AggregateCall, AggregateFunction, Function, Param, Returns, aggregate, clauses::Clause,
    function, lowered_aggregate, overload,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Expr, types::Type};

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
        &[
            overload(
                &[Param::Array(&Param::String), Param::String],
                Returns::String,
                "array_to_string($*)",
            )
            .total(),
            overload(
                &[Param::Array(&Param::String), Param::String, Param::String],
                Returns::String,
                "CASE WHEN $3 IS NOT NULL THEN array_to_string($*) END",
            )
            .total(),
            overload(
                &[Param::Array(&Param::Bytes), Param::Bytes],
                Returns::Bytes,
                "logweir.join_array($*)",
            )
            .total(),
            overload(
                &[Param::Array(&Param::Bytes), Param::Bytes, Param::Bytes],
                Returns::Bytes,
                "CASE WHEN $3 IS NOT NULL THEN logweir.join_array($*) END",
            )
            .total(),
        ],
        &[
            ("ARRAY_TO_STRING([b'a', NULL, b'b'], b'-')", "a-b"),
            ("ARRAY_TO_STRING([b'a', NULL, b'b'], b'-', b'?')", "a-?-b"),
            ("ARRAY_TO_STRING(ARRAY<STRING>[], ',')", ""),
            ("ARRAY_TO_STRING(['a', NULL, 'b'], '-')", "a-b"),
            ("ARRAY_TO_STRING(['a', NULL, 'b'], '-', '?')", "a-?-b"),
            ("ARRAY_TO_STRING(['a'], '-', NULL)", "NULL"),
            ("ARRAY_TO_STRING([b'a'], b'-', NULL)", "NULL"),
        ],
    ),
    function(
        "ARRAY_REVERSE",
        "The elements from the last to the first.",
        &[overload(
            &[Param::Array(&Param::Same)],
            Returns::ArrayOfSame,
            "logweir.array_reverse($1)",
        )
        .total()],
        &[
            ("ARRAY_REVERSE([1, 2, 3])[OFFSET(0)]", "3"),
            ("ARRAY_LENGTH(ARRAY_REVERSE(ARRAY<INT64>[]))", "0"),
            ("ARRAY_REVERSE([STRUCT(1 AS a), STRUCT(2 AS a)])[OFFSET(0)].a", "2"),
        ],
    ),
    function(
        "ARRAY_FIRST",
        "The first element; an error if there is none.",
        &[overload(&[Param::Array(&Param::Same)], Returns::Same, "logweir.array_first($1)")
            .safe("($1)[1]")],
        &[
            ("ARRAY_FIRST(['a', 'b'])", "a"),
            ("SAFE.ARRAY_FIRST(ARRAY<INT64>[])", "NULL"),
            ("SAFE.ARRAY_FIRST(ARRAY_REVERSE([1, 2]))", "2"),
            ("ARRAY_FIRST(CAST(NULL AS ARRAY<INT64>))", "NULL"),
        ],
    ),
    function(
        "ARRAY_LAST",
        "The last element; an error if there is none.",
        &[overload(&[Param::Array(&Param::Same)], Returns::Same, "logweir.array_last($1)")
            .safe("($1)[cardinality($1)]")],
        &[("ARRAY_LAST([1, 2, 3])", "3"), ("SAFE.ARRAY_LAST(ARRAY<INT64>[])", "NULL")],
    ),
    function(
        "ARRAY_SLICE",
        "The elements from one place to another, both from 0, or from the end where negative.",
        &[overload(
            &[Param::Array(&Param::Same), Param::Int64, Param::Int64],
            Returns::ArrayOfSame,
            "logweir.array_slice($1, $2, $3)",
        )
        .total()],
        &[
            ("ARRAY_LENGTH(ARRAY_SLICE([1, 2, 3, 4, 5], 1, 3))", "3"),
            ("ARRAY_SLICE([1, 2, 3, 4, 5], 1, 3)[OFFSET(0)]", "2"),
            ("ARRAY_SLICE([1, 2, 3, 4, 5], -2, -1)[OFFSET(0)]", "4"),
            ("ARRAY_LENGTH(ARRAY_SLICE([1, 2, 3], -9, 9))", "3"),
            ("ARRAY_LENGTH(ARRAY_SLICE([1, 2, 3], 2, 1))", "0"),
            ("ARRAY_LENGTH(ARRAY_SLICE([1, 2, 3], 9223372036854775807, 0))", "0"),
            ("ARRAY_LENGTH(ARRAY_SLICE([1, 2, 3], 0, -9223372036854775808))", "0"),
        ],
    ),
    function(
        "ARRAY_IS_DISTINCT",
        "Whether no two elements are equal.",
        &[overload(&[Param::Array(&Param::Same)], Returns::Bool, "logweir.array_is_distinct($1)")
            .total()],
        &[
            ("ARRAY_IS_DISTINCT([1, 2, NULL])", "true"),
            ("ARRAY_IS_DISTINCT([1, 1])", "false"),
            ("ARRAY_IS_DISTINCT([NULL, NULL, 1])", "false"),
            ("ARRAY_IS_DISTINCT(ARRAY<INT64>[])", "true"),
        ],
    ),
    function(
        "GENERATE_ARRAY",
        "The numbers from one to another, in steps of 1 or the third argument.",
        &[
            overload(
                &[Param::Int64, Param::Int64, Param::Int64],
                Returns::Array(&Returns::Int64),
                "logweir.generate_array($*)",
            )
            .optional(1)
            .safe("logweir.safe_generate_array($*)"),
            overload(
                &[Param::Numeric, Param::Numeric, Param::Numeric],
                Returns::Array(&Returns::Numeric),
                "logweir.generate_array($*)",
            )
            .optional(1)
            .safe("logweir.safe_generate_array($*)"),
            overload(
                &[Param::BigNumeric, Param::BigNumeric, Param::BigNumeric],
                Returns::Array(&Returns::BigNumeric),
                "logweir.generate_array($*)",
            )
            .optional(1)
            .safe("logweir.safe_generate_array($*)"),
            overload(
                &[Param::Float64, Param::Float64, Param::Float64],
                Returns::Array(&Returns::Float64),
                "logweir.generate_array($*)",
            )
            .optional(1)
            .safe("logweir.safe_generate_array($*)"),
        ],
        &[
            ("ARRAY_LENGTH(GENERATE_ARRAY(1, 5))", "5"),
            ("GENERATE_ARRAY(1, 5, 2)[OFFSET(2)]", "5"),
            ("ARRAY_LENGTH(GENERATE_ARRAY(5, 1))", "0"),
            ("GENERATE_ARRAY(5, 1, -2)[OFFSET(2)]", "1"),
            ("GENERATE_ARRAY(0, 1, 0.25)[OFFSET(3)]", "0.75"),
            ("ARRAY_LENGTH(GENERATE_ARRAY(NUMERIC '1', 2, NUMERIC '0.1'))", "11"),
            ("ARRAY_LENGTH(GENERATE_ARRAY(9223372036854775806, 9223372036854775807))", "2"),
            ("GENERATE_ARRAY(1, NULL) IS NULL", "true"),
            ("SAFE.GENERATE_ARRAY(1, 2, 0) IS NULL", "true"),
            ("SAFE.GENERATE_ARRAY(1, 10000000) IS NULL", "true"),
            ("ARRAY_LENGTH(SAFE.GENERATE_ARRAY(0.0, 1.0, 0.5))", "3"),
        ],
    ),
];

pub(super) const AGGREGATES: &[AggregateFunction] = &[ARRAY_AGG, ARRAY_CONCAT_AGG];

const ARRAY_AGG: AggregateFunction = aggregate(
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
        ("ARRAY_TO_STRING(ARRAY_AGG(DISTINCT CAST(x AS STRING)), ',', '?')", "3,1,?"),
        ("ARRAY_LENGTH(ARRAY_AGG(NULLIF(x, 3) IGNORE NULLS ORDER BY x))", "2"),
        ("ARRAY_LENGTH(ARRAY_AGG(1 + NULLIF(x, 3) IGNORE NULLS LIMIT 5))", "2"),
        ("ARRAY_AGG(STRUCT(x AS a) ORDER BY x DESC)[OFFSET(0)].a", "3"),
    ],
)
.ordered()
.nulls();

const ARRAY_CONCAT_AGG: AggregateFunction = aggregate(
    "ARRAY_CONCAT_AGG",
    "The elements of the arrays of all rows, one after the other; NULL of no arrays.",
    &[lowered_aggregate(&[Param::AnyArray], Returns::With(type_of_first), array_concat_agg)],
    &[
        ("ARRAY_LENGTH(ARRAY_CONCAT_AGG([x, 7]))", "8"),
        ("ARRAY_CONCAT_AGG(IF(x = 3, [x], [x, x]) ORDER BY x DESC)[OFFSET(0)]", "3"),
        ("ARRAY_LENGTH(ARRAY_CONCAT_AGG([x, 7] ORDER BY x LIMIT 1))", "2"),
        ("ARRAY_CONCAT_AGG(IF(x > 9, [x], NULL)) IS NULL", "true"),
        ("ARRAY_CONCAT_AGG([STRUCT(x AS a)] ORDER BY x DESC)[OFFSET(0)].a", "3"),
    ],
)
.ordered();

fn type_of_first(args: &[Expr]) -> Type {
    args.first().map_or(Type::Null, |arg| arg.ty.clone())
}

/// PostgreSQL makes a matrix of several arrays: they are collected as JSON.
fn array_concat_agg(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Order, Clause::Limit])?;
    let ty = type_of_first(call.args);
    let of_json = ty == Type::Array(Box::new(Type::Json));
    let lists = call.template(if of_json {
        "(array_agg(logweir.wrapped($1)$order) FILTER (WHERE $1 IS NOT NULL))"
    } else {
        "(array_agg(to_jsonb($1)$order) FILTER (WHERE $1 IS NOT NULL))"
    });
    let lists = match call.limit {
        None => lists,
        Some(limit) => Pg::template("$1[1:$2]", vec![lists, Pg::Atom(limit.to_string())]),
    };
    let all = Pg::template("logweir.concat_lists($1)", vec![lists]);
    Ok(match &ty {
        Type::Array(_) if of_json => Pg::template("logweir.unwrapped($1)", vec![all]),
        Type::Array(element) if element.postgres() == "jsonb" => {
            Pg::template("logweir.elements($1)", vec![all])
        }
        _ => Pg::cast(Pg::template("logweir.texts($1)", vec![all]), &ty),
    })
}

fn array_agg(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Distinct, Clause::Order, Clause::Limit, Clause::Nulls, Clause::Over])?;
    call.refuses_arrays("ARRAY_AGG")?;
    if call.limit.is_some() && call.clauses.over.is_some() {
        return Err(Diagnostic::unsupported(call.at(), "LIMIT in a call with OVER"));
    }
    // Without an order, values that are there several times stand where they are first.
    let all =
        call.template(match (call.in_order_of_appearance(), call.ignore_nulls == Some(true)) {
            (true, true) => "logweir.different(array_agg($1) FILTER (WHERE $1 IS NOT NULL))",
            (true, false) => "logweir.different(array_agg($1))",
            (false, true) => "array_agg($distinct$1$order) FILTER (WHERE $1 IS NOT NULL)$over",
            (false, false) => "array_agg($distinct$1$order)$over",
        });
    Ok(match call.limit {
        None => all,
        Some(limit) => Pg::template("($1)[1:$2]", vec![all, Pg::Atom(limit.to_string())]),
    })
}
