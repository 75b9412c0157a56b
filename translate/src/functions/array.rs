//! Functions of arrays.

use super::{AggregateFunction, Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[function(
    "ARRAY_LENGTH",
    "How many elements an array has.",
    &[overload(&[Param::AnyArray], Returns::Int64, "cardinality($1)::bigint").total()],
    &[("ARRAY_LENGTH([1, NULL, 3])", "3"), ("ARRAY_LENGTH(ARRAY<STRING>[])", "0")],
)];

pub(super) const AGGREGATES: &[AggregateFunction] = &[];
