//! Operators and functions of bits.

use super::{AggregateFunction, Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "&",
        "The bits that both have.",
        &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 & $2").total()],
        &[("12 & 10", "8")],
    ),
    function(
        "|",
        "The bits that one of both has.",
        &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 | $2").total()],
        &[("12 | 10", "14")],
    ),
    function(
        "^",
        "The bits that only one of both has.",
        &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 # $2").total()],
        &[("12 ^ 10", "6")],
    ),
    function(
        "~",
        "The bits that it has not.",
        &[overload(&[Param::Int64], Returns::Int64, "~ $1").total()],
        &[("~ 5", "-6")],
    ),
    function(
        "<<",
        "The bits moved to the left.",
        &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.shift_left($1, $2)")],
        &[("1 << 4", "16"), ("1 << 64", "0"), ("1 + 1 << 2", "8")],
    ),
    function(
        ">>",
        "The bits moved to the right; the sign is one of them.",
        &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.shift_right($1, $2)")],
        &[("16 >> 2", "4"), ("-8 >> 1", "9223372036854775804"), ("1 >> 64", "0")],
    ),
];

pub(super) const AGGREGATES: &[AggregateFunction] = &[];
