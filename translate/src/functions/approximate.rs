//! Aggregates that BigQuery only approximates: these are exact, of the same shape.

use super::{AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload};

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
];
