//! Aggregates that BigQuery only approximates: these are exact, of the same shape.

use super::{
    AggregateCall, AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload,
    clauses::Clause, lowered_aggregate,
};
use crate::{
    diagnostic::Diagnostic,
    lower::carrier,
    postgres::Expr as Pg,
    tree::{Expr, Literal},
    types::{StructField, Type},
};

pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    aggregate(
        "APPROX_COUNT_DISTINCT",
        "How many different values there are, exactly.",
        &[overload(&[Param::Any], Returns::Int64, "count(DISTINCT $1)")],
        &[("APPROX_COUNT_DISTINCT(x)", "2")],
    ),
    aggregate(
        "APPROX_QUANTILES",
        "n + 1 values from the least to the greatest, in equal steps, exactly.",
        &[lowered_aggregate(&[Param::Same, Param::Int64], Returns::ArrayOfSame, quantiles)],
        &[
            ("APPROX_QUANTILES(x, 2)[OFFSET(2)]", "3"),
            ("APPROX_QUANTILES(x, 2)[OFFSET(0)]", "1"),
            ("APPROX_QUANTILES(DISTINCT x, 4)[OFFSET(2)]", "1"),
            ("APPROX_QUANTILES(x, 1 RESPECT NULLS)[OFFSET(0)]", "NULL"),
            ("APPROX_QUANTILES(IF(x = 3, 'B', 'a'), 1)[OFFSET(0)]", "B"),
            ("APPROX_QUANTILES(NULLIF(x, x), 2) IS NULL", "true"),
        ],
    )
    .nulls(),
    aggregate(
        "APPROX_TOP_COUNT",
        "The most frequent values and how often they are there, exactly.",
        &[lowered_aggregate(&[Param::Same, Param::Int64], Returns::With(counts), top_count)],
        &[
            ("APPROX_TOP_COUNT(x, 1)[OFFSET(0)].value", "1"),
            ("APPROX_TOP_COUNT(x, 1)[OFFSET(0)].count", "2"),
            ("ARRAY_LENGTH(APPROX_TOP_COUNT(x, 9))", "3"),
        ],
    ),
    aggregate(
        "APPROX_TOP_SUM",
        "The values with the greatest sums of weights, and these, exactly.",
        &[
            lowered_aggregate(
                &[Param::Any, Param::Int64, Param::Int64],
                Returns::With(sums),
                top_sum,
            ),
            lowered_aggregate(
                &[Param::Any, Param::Numeric, Param::Int64],
                Returns::With(sums),
                top_sum,
            ),
            lowered_aggregate(
                &[Param::Any, Param::BigNumeric, Param::Int64],
                Returns::With(sums),
                top_sum,
            ),
            lowered_aggregate(
                &[Param::Any, Param::Float64, Param::Int64],
                Returns::With(sums),
                top_sum,
            ),
        ],
        &[
            ("APPROX_TOP_SUM(x, 10 - x, 1)[OFFSET(0)].value", "1"),
            ("APPROX_TOP_SUM(x, 10 - x, 1)[OFFSET(0)].sum", "18"),
            ("APPROX_TOP_SUM(x, x + 0.5, 2)[OFFSET(0)].sum", "3.5"),
            ("APPROX_TOP_SUM(x, x, 9)[OFFSET(2)].sum", "NULL"),
        ],
    ),
];

fn quantiles(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Distinct, Clause::Nulls])?;
    call.refuses_arrays("APPROX_QUANTILES")?;
    if !matches!(call.args.get(1).and_then(Expr::as_literal), Some(Literal::Int64(1..))) {
        let message = "Argument 2 to APPROX_QUANTILES must be a constant greater than 0";
        return Err(Diagnostic::invalid(call.at(), message));
    }
    let text = call.args.first().is_some_and(|arg| arg.ty == Type::String);
    let nulls = call.ignore_nulls == Some(false);
    Ok(call.template(match (text && !call.clauses.distinct, nulls) {
        (true, false) => {
            "logweir.quantiles(array_agg($distinct$1 ORDER BY $1 COLLATE \"C\") FILTER (WHERE $1 IS NOT NULL), $2)"
        }
        (true, true) => {
            "logweir.quantiles(array_agg($distinct$1 ORDER BY $1 COLLATE \"C\" NULLS FIRST), $2)"
        }
        // What is DISTINCT is ordered text already.
        (false, false) => {
            "logweir.quantiles(array_agg($distinct$1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL), $2)"
        }
        (false, true) => {
            "logweir.quantiles(array_agg($distinct$1 ORDER BY $1 NULLS FIRST), $2)"
        }
    }))
}

/// `ARRAY<STRUCT<value T, count INT64>>`
fn counts(args: &[Expr]) -> Type {
    let value = args.first().map_or(Type::Int64, |arg| arg.ty.clone());
    ranked(value, "count", Type::Int64)
}

/// `ARRAY<STRUCT<value T, sum W>>`
fn sums(args: &[Expr]) -> Type {
    let ty = |place: usize| args.get(place).map_or(Type::Int64, |arg| arg.ty.clone());
    ranked(ty(0), "sum", ty(1))
}

fn ranked(value: Type, name: &str, rank: Type) -> Type {
    let field = |name: &str, ty| StructField { name: Some(name.to_owned()), ty };
    Type::Array(Box::new(Type::Struct(vec![field("value", value), field(name, rank)].into())))
}

fn top_count(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[])?;
    let (Some(value), Some(count)) = (call.lowered.first(), call.lowered.get(1)) else {
        return Ok(Pg::null("jsonb[]"));
    };
    let value = carrier::build_struct(&call.args[..1], vec![value.clone()]);
    Ok(call.template_of("logweir.top_count(array_agg($1), $2)", vec![value, count.clone()]))
}

fn top_sum(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[])?;
    if let Some(arg) = call.args.first().filter(|arg| !arg.ty.is_comparable()) {
        let message = format!("APPROX_TOP_SUM is not defined for arguments of type {}", arg.ty);
        return Err(Diagnostic::invalid(arg.at, message));
    }
    let [Some(value), Some(weight), Some(count)] =
        [call.lowered.first(), call.lowered.get(1), call.lowered.get(2)]
    else {
        return Ok(Pg::null("jsonb[]"));
    };
    let value = carrier::build_struct(&call.args[..1], vec![value.clone()]);
    let args = vec![value, weight.clone(), count.clone()];
    let float = call.args.get(1).is_some_and(|arg| arg.ty == Type::Float64);
    Ok(call.template_of(
        if float {
            "logweir.top_sum(array_agg($1), array_agg($2), $3)"
        } else {
            "logweir.top_sum(array_agg($1), array_agg($2::numeric), $3)"
        },
        args,
    ))
}
