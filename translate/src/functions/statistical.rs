//! Aggregates of statistics.

use super::{AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload};

pub(super) const FUNCTIONS: &[AggregateFunction] = &[aggregate(
    "CORR",
    "How far two values depend on one another: the coefficient of correlation.",
    &[overload(&[Param::Float64, Param::Float64], Returns::Float64, "corr($1, $2)$over")],
    &[("CORR(x, 2 * x)", "1")],
)];
