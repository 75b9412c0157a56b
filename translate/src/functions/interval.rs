//! Functions of INTERVAL.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[function(
    "MAKE_INTERVAL",
    "An interval from its parts.",
    &[overload(
        &[Param::Int64, Param::Int64, Param::Int64, Param::Int64, Param::Int64, Param::Int64],
        Returns::Interval,
        "logweir.make_interval($*)",
    )
    .optional(6)
    .names(&["year", "month", "day", "hour", "minute", "second"])],
    &[
        ("MAKE_INTERVAL(1, 6, 15)", "1-6 15 0:0:0"),
        ("MAKE_INTERVAL(hour => 10, second => 20)", "0-0 0 10:0:20"),
    ],
)];
