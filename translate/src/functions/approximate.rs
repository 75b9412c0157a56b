//! Aggregates that BigQuery only approximates: these are exact, of the same shape.

use super::{
    AggregateCall, AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload,
    lowered_aggregate,
};
use crate::{
    diagnostic::Diagnostic,
    lower::carrier,
    postgres::Expr as Pg,
    tree::Expr,
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
        &[overload(
            &[Param::Same, Param::Int64],
            Returns::ArrayOfSame,
            "logweir.quantiles(array_agg($1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL), $2)",
        )],
        &[("APPROX_QUANTILES(x, 2)[OFFSET(2)]", "3"), ("APPROX_QUANTILES(x, 2)[OFFSET(0)]", "1")],
    ),
    aggregate(
        "APPROX_TOP_COUNT",
        "The most frequent values and how often they are there, exactly.",
        &[lowered_aggregate(&[Param::Same, Param::Int64], Returns::With(counts), top_count)],
        &[
            ("APPROX_TOP_COUNT(x, 1)[OFFSET(0)].value", "1"),
            ("APPROX_TOP_COUNT(x, 1)[OFFSET(0)].count", "2"),
        ],
    ),
];

/// `ARRAY<STRUCT<value T, count INT64>>`
fn counts(args: &[Expr]) -> Type {
    let value = args.first().map_or(Type::Int64, |arg| arg.ty.clone());
    let field = |name: &str, ty| StructField { name: Some(name.to_owned()), ty };
    let fields = vec![field("value", value), field("count", Type::Int64)];
    Type::Array(Box::new(Type::Struct(fields)))
}

fn top_count(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    let (Some(value), Some(count)) = (call.lowered.first(), call.lowered.get(1)) else {
        return Ok(Pg::null("jsonb[]"));
    };
    let value = carrier::build_struct(&call.args[..1], vec![value.clone()]);
    Ok(call.template_of("logweir.top_count(array_agg($1), $2)", vec![value, count.clone()]))
}
