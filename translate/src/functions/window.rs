//! Functions that number rows and look at others of their window.

use super::{Param, Returns, WindowFunction, aggregate_overload as overload, window_function};

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
        &[
            overload(&[Param::Same], Returns::Same, "lag($1)$over"),
            overload(&[Param::Same, Param::Int64], Returns::Same, "lag($1, $2::int)$over"),
            overload(
                &[Param::Same, Param::Int64, Param::Same],
                Returns::Same,
                "lag($1, $2::int, $3)$over",
            ),
        ],
        &[("LAG(x, 1, 7) OVER (ORDER BY x)", "7,NULL,1,1")],
    ),
    window_function(
        "LEAD",
        "The value of the row so many rows after, or the third argument where there is none.",
        &[
            overload(&[Param::Same], Returns::Same, "lead($1)$over"),
            overload(&[Param::Same, Param::Int64], Returns::Same, "lead($1, $2::int)$over"),
            overload(
                &[Param::Same, Param::Int64, Param::Same],
                Returns::Same,
                "lead($1, $2::int, $3)$over",
            ),
        ],
        &[("LEAD(x) OVER (ORDER BY x DESC)", "NULL,NULL,1,1")],
    ),
];
