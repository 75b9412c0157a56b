//! Aggregates of statistics.

use super::AggregateFunction;

pub(super) const FUNCTIONS: &[AggregateFunction] = &[];
