//! Functions that number rows and look at others of their window.

use super::{
    AggregateCall, Param, Returns, WindowFunction, aggregate_overload as overload,
    lowered_aggregate, window_function,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg};

pub(super) const FUNCTIONS: &[WindowFunction] = &[
    window_function(
        "ROW_NUMBER",
        "The row's number, from 1.",
        &[overload(&[], Returns::Int64, "row_number()$over")],
        &[("ROW_NUMBER() OVER (ORDER BY x)", "1,2,3,4")],
    )
    .order_optional(),
    window_function(
        "RANK",
        "One more than there are rows before, rows that sort alike having the same.",
        &[overload(&[], Returns::Int64, "rank()$over")],
        &[("RANK() OVER (ORDER BY x)", "1,2,2,4")],
    ),
    window_function(
        "DENSE_RANK",
        "As RANK, without gaps.",
        &[overload(&[], Returns::Int64, "dense_rank()$over")],
        &[("DENSE_RANK() OVER (ORDER BY x)", "1,2,2,3")],
    ),
    window_function(
        "LAG",
        "The value of the row so many rows before, or the third argument where there is none.",
        &[lowered_aggregate(&[Param::Same, Param::Int64, Param::Same], Returns::Same, lag)
            .optional(2)],
        &[("LAG(x, 1, 7) OVER (ORDER BY x)", "7,NULL,1,1")],
    ),
    window_function(
        "LEAD",
        "The value of the row so many rows after, or the third argument where there is none.",
        &[lowered_aggregate(&[Param::Same, Param::Int64, Param::Same], Returns::Same, lead)
            .optional(2)],
        &[("LEAD(x) OVER (ORDER BY x DESC)", "NULL,NULL,1,1")],
    ),
    window_function(
        "FIRST_VALUE",
        "The value of the frame's first row.",
        &[lowered_aggregate(&[Param::Same], Returns::Same, first_value)],
        &[
            ("FIRST_VALUE(x) OVER (ORDER BY x DESC)", "3,3,3,3"),
            (
                "FIRST_VALUE(x IGNORE NULLS) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
                "1,1,1,1",
            ),
        ],
    )
    .framed()
    .nulls(),
    window_function(
        "PERCENTILE_CONT",
        "The value below which so large a part of the partition lies, between values where needed.",
        &[overload(
            &[Param::Float64, Param::Float64],
            Returns::Float64,
            "logweir.percentile_cont(array_agg($1) FILTER (WHERE $1 IS NOT NULL)$over, $2)",
        )],
        &[("PERCENTILE_CONT(x, 0.75) OVER ()", "2,2,2,2")],
    )
    .unordered(),
];

fn first_value(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    Ok(match call.ignore_nulls {
        Some(true) => call.template("((array_agg($1) FILTER (WHERE $1 IS NOT NULL)$over)[1])"),
        _ => call.template("first_value($1)$over"),
    })
}

fn lag(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    Ok(call.template(match call.args.len() {
        1 => "lag($1)$over",
        2 => "lag($1, $2::int)$over",
        _ => "lag($1, $2::int, $3)$over",
    }))
}

fn lead(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    Ok(call.template(match call.args.len() {
        1 => "lead($1)$over",
        2 => "lead($1, $2::int)$over",
        _ => "lead($1, $2::int, $3)$over",
    }))
}
