//! Functions that number rows and look at others of their window.

use super::{
    AggregateCall, Param, Returns, WindowFunction, aggregate_overload as overload, clauses::Clause,
    lowered_aggregate, window_function,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, tree::Literal, types::Type};

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
        "NTILE",
        "The number of the row's bucket, of so many of about the same size.",
        &[overload(&[Param::Int64], Returns::Int64, "(ntile($1::int)$over)::bigint")],
        &[("NTILE(2) OVER (ORDER BY x)", "1,1,2,2"), ("NTILE(9) OVER (ORDER BY x)", "1,2,3,4")],
    ),
    window_function(
        "PERCENT_RANK",
        "The part of the other rows that are before.",
        &[overload(&[], Returns::Float64, "percent_rank()$over")],
        &[(
            "PERCENT_RANK() OVER (ORDER BY x)",
            "0,0.33333333333333331,0.33333333333333331,1",
        )],
    ),
    window_function(
        "CUME_DIST",
        "The part of the rows that are not after.",
        &[overload(&[], Returns::Float64, "cume_dist()$over")],
        &[("CUME_DIST() OVER (ORDER BY x)", "0.25,0.75,0.75,1")],
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
        "LAST_VALUE",
        "The value of the frame's last row.",
        &[lowered_aggregate(&[Param::Same], Returns::Same, last_value)],
        &[
            ("LAST_VALUE(x) OVER (ORDER BY x)", "NULL,1,1,3"),
            ("LAST_VALUE(x IGNORE NULLS) OVER (ORDER BY x DESC)", "1,1,1,3"),
            (
                "LAST_VALUE(x) OVER (ORDER BY x ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)",
                "1,1,3,3",
            ),
        ],
    )
    .framed()
    .nulls(),
    window_function(
        "NTH_VALUE",
        "The value of the frame's row of that number, from 1.",
        &[lowered_aggregate(&[Param::Same, Param::Int64], Returns::Same, nth_value)],
        &[
            ("NTH_VALUE(x, 2) OVER (ORDER BY x)", "NULL,1,1,1"),
            ("NTH_VALUE(x, 3 IGNORE NULLS) OVER (ORDER BY x)", "NULL,NULL,NULL,3"),
        ],
    )
    .framed()
    .nulls(),
    window_function(
        "PERCENTILE_CONT",
        "The value below which so large a part of the partition lies, between values where needed.",
        &[
            lowered_aggregate(
                &[Param::Float64, Param::Float64],
                Returns::Float64,
                percentile_cont,
            ),
            lowered_aggregate(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                percentile_cont,
            ),
            lowered_aggregate(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                percentile_cont,
            ),
        ],
        &[
            ("PERCENTILE_CONT(x, 0.75) OVER ()", "2,2,2,2"),
            ("PERCENTILE_CONT(x, 0) OVER (PARTITION BY x)", "NULL,1,1,3"),
            ("PERCENTILE_CONT(x, 0 RESPECT NULLS) OVER ()", "NULL,NULL,NULL,NULL"),
            ("PERCENTILE_CONT(CAST(x AS NUMERIC), 0.75) OVER ()", "2,2,2,2"),
        ],
    )
    .unordered()
    .nulls(),
    window_function(
        "PERCENTILE_DISC",
        "The first value up to which so large a part of the partition lies.",
        &[lowered_aggregate(&[Param::Same, Param::Float64], Returns::Same, percentile_disc)],
        &[
            ("PERCENTILE_DISC(x, 0.5) OVER ()", "1,1,1,1"),
            ("PERCENTILE_DISC(x, 0.9) OVER ()", "3,3,3,3"),
            ("PERCENTILE_DISC(x, 0 RESPECT NULLS) OVER ()", "NULL,NULL,NULL,NULL"),
            ("PERCENTILE_DISC(IF(x = 3, 'B', 'a'), 0) OVER ()", "B,B,B,B"),
        ],
    )
    .unordered()
    .nulls(),
];

/// The part that a percentile is of: a constant from 0 to 1.
fn check_part(call: &AggregateCall<'_>, name: &str) -> Result<(), Diagnostic> {
    let Some(part) = call.args.get(1) else { return Ok(()) };
    let value = match part.as_literal() {
        Some(Literal::Float64(value, _)) => Some(*value),
        Some(Literal::Int64(value)) => u8::try_from(*value).ok().map(f64::from),
        Some(Literal::Numeric(digits)) => digits.parse().ok(),
        _ => None,
    };
    if value.is_some_and(|value| (0.0..=1.0).contains(&value)) {
        return Ok(());
    }
    let message = format!("Argument 2 to {name} must be a constant between 0 and 1");
    Err(Diagnostic::invalid(part.at, message))
}

fn percentile_cont(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Nulls, Clause::Over])?;
    check_part(&call, "PERCENTILE_CONT")?;
    let value = call.template(match call.ignore_nulls {
        Some(false) => "logweir.percentile_cont(logweir.collect_sorted($1)$over, $2)",
        _ => "logweir.percentile_cont(logweir.collect_sorted($1) FILTER (WHERE $1 IS NOT NULL)$over, $2)",
    });
    Ok(match call.args.first().map(|arg| &arg.ty) {
        Some(Type::Numeric) => Pg::template("logweir.to_numeric($1)", vec![value]),
        Some(Type::BigNumeric) => Pg::template("logweir.to_bignumeric($1)", vec![value]),
        _ => value,
    })
}

fn percentile_disc(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Nulls, Clause::Over])?;
    check_part(&call, "PERCENTILE_DISC")?;
    if let Some(arg) = call.args.first().filter(|arg| !arg.ty.is_ordered()) {
        let message = format!("PERCENTILE_DISC is not defined for arguments of type {}", arg.ty);
        return Err(Diagnostic::invalid(arg.at, message));
    }
    Ok(call.template(match (call.args.first().map(|arg| &arg.ty), call.ignore_nulls) {
        (Some(Type::String), Some(false)) => {
            "logweir.percentile_disc(logweir.collect_sorted($1 COLLATE \"C\")$over, $2)"
        }
        (Some(Type::String), _) => {
            "logweir.percentile_disc(logweir.collect_sorted($1 COLLATE \"C\") FILTER (WHERE $1 IS NOT NULL)$over, $2)"
        }
        (_, Some(false)) => "logweir.percentile_disc(logweir.collect_sorted($1)$over, $2)",
        _ => "logweir.percentile_disc(logweir.collect_sorted($1) FILTER (WHERE $1 IS NOT NULL)$over, $2)",
    }))
}

fn last_value(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    Ok(match call.ignore_nulls {
        Some(true) => {
            call.refuses_arrays("LAST_VALUE with IGNORE NULLS")?;
            call.template("logweir.last(array_agg($1) FILTER (WHERE $1 IS NOT NULL)$over)")
        }
        _ => call.template("last_value($1)$over"),
    })
}

fn nth_value(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    Ok(match call.ignore_nulls {
        Some(true) => {
            call.refuses_arrays("NTH_VALUE with IGNORE NULLS")?;
            call.template("((array_agg($1) FILTER (WHERE $1 IS NOT NULL)$over)[$2])")
        }
        _ => call.template("nth_value($1, $2::int)$over"),
    })
}

fn first_value(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    Ok(match call.ignore_nulls {
        Some(true) => {
            call.refuses_arrays("FIRST_VALUE with IGNORE NULLS")?;
            call.template("((array_agg($1) FILTER (WHERE $1 IS NOT NULL)$over)[1])")
        }
        _ => call.template("first_value($1)$over"),
    })
}

fn lag(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    check_distance(&call, "LAG")?;
    Ok(call.template(match call.args.len() {
        1 => "lag($1)$over",
        2 => "lag($1, $2::int)$over",
        _ => "lag($1, $2::int, $3)$over",
    }))
}

fn lead(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    check_distance(&call, "LEAD")?;
    Ok(call.template(match call.args.len() {
        1 => "lead($1)$over",
        2 => "lead($1, $2::int)$over",
        _ => "lead($1, $2::int, $3)$over",
    }))
}

/// How many rows away: a constant. PostgreSQL would look the other way for a negative one.
fn check_distance(call: &AggregateCall<'_>, name: &str) -> Result<(), Diagnostic> {
    let Some(distance) = call.args.get(1) else { return Ok(()) };
    match distance.as_literal() {
        Some(Literal::Int64(0..=2_147_483_647)) => Ok(()),
        _ => Err(Diagnostic::invalid(
            distance.at,
            format!("Argument 2 to {name} must be a non-negative, non-NULL constant"),
        )),
    }
}
