//! Functions of many rows.

use super::{
    AggregateCall, AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload,
    clauses::Clause, lowered_aggregate,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg};

pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    aggregate(
        "COUNT",
        "How many rows there are, or how many values that are not NULL.",
        &[
            overload(&[], Returns::Int64, "count(*)$over"),
            lowered_aggregate(&[Param::Any], Returns::Int64, count),
        ],
        &[("COUNT(*)", "4"), ("COUNT(x)", "3"), ("COUNT(DISTINCT x)", "2")],
    ),
    aggregate(
        "COUNTIF",
        "In how many rows the condition is TRUE.",
        &[overload(&[Param::Bool], Returns::Int64, "count(*) FILTER (WHERE $1)$over")],
        &[("COUNTIF(x = 1)", "2"), ("COUNTIF(x > 9)", "0")],
    ),
    aggregate(
        "SUM",
        "The sum; NULL of no values.",
        &[
            overload(&[Param::Int64], Returns::Int64, "logweir.sum_int64(sum($distinct$1)$over)"),
            overload(
                &[Param::Numeric],
                Returns::Numeric,
                "logweir.to_numeric(sum($distinct$1)$over)",
            ),
            overload(
                &[Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.to_bignumeric(sum($distinct$1)$over)",
            ),
            overload(&[Param::Float64], Returns::Float64, "sum($distinct$1)$over"),
            overload(&[Param::Interval], Returns::Interval, "sum($distinct$1)$over"),
        ],
        &[
            ("SUM(x)", "5"),
            ("SUM(DISTINCT x)", "4"),
            ("SUM(x + 0.5)", "6.5"),
            ("SUM(CAST(x AS NUMERIC))", "5"),
            ("SUM(NULLIF(x, x))", "NULL"),
            ("SUM(INTERVAL 90 MINUTE)", "0-0 0 6:0:0"),
        ],
    ),
    aggregate(
        "AVG",
        "The arithmetic mean; NULL of no values.",
        &[
            overload(&[Param::Float64], Returns::Float64, "avg($distinct$1)$over"),
            overload(
                &[Param::Interval],
                Returns::Interval,
                "logweir.divide_interval(sum($distinct$1)$over, count($distinct$1)$over)",
            ),
            overload(
                &[Param::Numeric],
                Returns::Numeric,
                "logweir.divide_numeric(sum($distinct$1)$over, count($distinct$1)$over)",
            ),
            overload(
                &[Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.divide_bignumeric(sum($distinct$1)$over, count($distinct$1)$over)",
            ),
        ],
        &[
            ("AVG(x + 1)", "2.6666666666666665"),
            ("AVG(NULLIF(x, x))", "NULL"),
            ("AVG(CAST(x AS NUMERIC))", "1.666666667"),
            ("AVG(x * INTERVAL '0:0:0.000001' HOUR TO SECOND)", "0-0 0 0:0:0.000001"),
        ],
    ),
    aggregate(
        "MIN",
        "The least value.",
        &[
            overload(
                &[Param::Dynamic],
                Returns::Dynamic,
                "(array_agg($1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL))[1]",
            ),
            overload(&[Param::Int64], Returns::Int64, "min($distinct$1)$over"),
            overload(&[Param::Bool], Returns::Bool, "bool_and($distinct$1)$over"),
            overload(
                &[Param::Float64],
                Returns::Float64,
                "CASE WHEN bool_or($1 = 'NaN')$over THEN 'NaN' ELSE min($distinct$1)$over END",
            ),
            overload(&[Param::String], Returns::String, "min($distinct$1 COLLATE \"C\")$over"),
            overload(
                &[Param::Bytes],
                Returns::Bytes,
                "decode(min($distinct encode($1, 'hex') COLLATE \"C\")$over, 'hex')",
            ),
            overload(&[Param::Same], Returns::Same, "min($distinct$1)$over"),
        ],
        &[
            ("MIN(x)", "1"),
            ("MIN(CAST(x AS STRING))", "1"),
            ("MIN(x > 1)", "false"),
            ("MIN(DISTINCT x)", "1"),
            ("MIN(IF(x = 3, CAST('nan' AS FLOAT64), 0.5))", "nan"),
            ("MIN(IF(x = 1, DATE '2024-01-02', DATE '2024-01-01'))", "2024-01-01"),
        ],
    ),
    aggregate(
        "MAX",
        "The greatest value.",
        &[
            overload(
                &[Param::Dynamic],
                Returns::Dynamic,
                "(array_agg($1 ORDER BY $1 DESC) FILTER (WHERE $1 IS NOT NULL))[1]",
            ),
            overload(&[Param::Int64], Returns::Int64, "max($distinct$1)$over"),
            overload(&[Param::Bool], Returns::Bool, "bool_or($distinct$1)$over"),
            overload(&[Param::String], Returns::String, "max($distinct$1 COLLATE \"C\")$over"),
            overload(
                &[Param::Bytes],
                Returns::Bytes,
                "decode(max($distinct encode($1, 'hex') COLLATE \"C\")$over, 'hex')",
            ),
            overload(&[Param::Same], Returns::Same, "max($distinct$1)$over"),
        ],
        &[
            ("MAX(x)", "3"),
            ("MAX(IF(x = 1, 'a', 'B'))", "a"),
            ("MAX(x > 1)", "true"),
            ("MAX(IF(x = 3, b'\\x00', b'a'))", "a"),
        ],
    ),
    aggregate(
        "LOGICAL_AND",
        "Whether the condition holds in all rows.",
        &[overload(&[Param::Bool], Returns::Bool, "bool_and($1)$over")],
        &[("LOGICAL_AND(x > 0)", "true")],
    ),
    aggregate(
        "LOGICAL_OR",
        "Whether the condition holds in a row.",
        &[overload(&[Param::Bool], Returns::Bool, "bool_or($1)$over")],
        &[("LOGICAL_OR(x > 9)", "false")],
    ),
];

/// PostgreSQL's windows know no DISTINCT.
fn count(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    if call.clauses.distinct && call.clauses.over.is_some() {
        call.refuses_arrays("COUNT")?;
        return Ok(call.template(
            "logweir.count_of_different(array_agg($1) FILTER (WHERE $1 IS NOT NULL)$over)",
        ));
    }
    call.heeds(&[Clause::Distinct, Clause::Over])?;
    Ok(call.template("count($distinct$1)$over"))
}
