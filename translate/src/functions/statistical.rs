//! Aggregates of statistics.

use super::{AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload};

/// An aggregate of how far values are from their mean: its name, what it is, PostgreSQL's, and from
/// how many equal values on it is 0. PostgreSQL's sums make equal values differ, and overflow.
macro_rules! spread {
    ($name:literal, $doc:literal, $call:literal, $least:literal, $examples:expr) => {
        aggregate(
            $name,
            $doc,
            &[overload(
                &[Param::Float64],
                Returns::Float64,
                concat!(
                    "CASE WHEN min($1)$over = max($1)$over AND abs(min($1)$over) < 'inf' THEN CASE WHEN count($distinct$1)$over >= ",
                    $least,
                    " THEN 0::float8 END WHEN sum(CASE WHEN abs($1) BETWEEN 1e170 AND 1.7976931348623157e308 THEN 1 END)$over > 0 THEN logweir.fail('double overflow in ",
                    $name,
                    "' || left(max($1)$over::text, 0), 0::float8) ELSE ",
                    $call,
                    "($distinct$1) FILTER (WHERE NOT abs($1) BETWEEN 1e170 AND 1.7976931348623157e308)$over END"
                ),
            )],
            $examples,
        )
    };
}

pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    aggregate(
        "CORR",
        "How far two values depend on one another: the coefficient of correlation; NaN where one does not vary.",
        &[overload(
            &[Param::Float64, Param::Float64],
            Returns::Float64,
            "CASE WHEN regr_count($1, $2)$over >= 2 THEN CASE WHEN covar_pop($1, $2)$over = 0 THEN 'NaN' ELSE COALESCE(corr($1, $2)$over, 'NaN') END END",
        )],
        &[("CORR(x, 2 * x)", "1"), ("CORR(x, 1)", "nan"), ("CORR(x, IF(x = 3, 1, NULL))", "NULL")],
    ),
    aggregate(
        "COVAR_POP",
        "The covariance of all pairs.",
        &[overload(&[Param::Float64, Param::Float64], Returns::Float64, "covar_pop($1, $2)$over")],
        &[("ROUND(COVAR_POP(x, 2 * x), 6)", "1.777778"), ("COVAR_POP(x, NULLIF(x, x))", "NULL")],
    ),
    aggregate(
        "COVAR_SAMP",
        "The covariance that a sample of pairs makes likely; NULL of less than two.",
        &[overload(&[Param::Float64, Param::Float64], Returns::Float64, "covar_samp($1, $2)$over")],
        &[
            ("ROUND(COVAR_SAMP(x, 2 * x), 6)", "2.666667"),
            ("COVAR_SAMP(x, IF(x = 3, 1, NULL))", "NULL"),
        ],
    ),
    spread!(
        "STDDEV_POP",
        "The standard deviation of all values.",
        "stddev_pop",
        "1",
        &[
            ("ROUND(STDDEV_POP(x), 6)", "0.942809"),
            ("STDDEV_POP(DISTINCT x)", "1"),
            ("STDDEV_POP(IF(x = 3, x, NULL))", "0"),
            ("STDDEV_POP(NULLIF(x, x))", "NULL"),
        ]
    ),
    spread!(
        "STDDEV_SAMP",
        "The standard deviation that a sample makes likely; NULL of less than two values.",
        "stddev_samp",
        "2",
        &[
            ("ROUND(STDDEV_SAMP(x), 6)", "1.154701"),
            ("STDDEV_SAMP(IF(x = 3, x, NULL))", "NULL"),
            ("STDDEV_SAMP(1.7976931348623157e308)", "0"),
        ]
    ),
    spread!(
        "STDDEV",
        "The standard deviation that a sample makes likely; NULL of less than two values.",
        "stddev_samp",
        "2",
        &[("ROUND(STDDEV(x), 6)", "1.154701"), ("STDDEV(IF(x = 3, x, NULL))", "NULL")]
    ),
    spread!(
        "VAR_POP",
        "The variance of all values.",
        "var_pop",
        "1",
        &[
            ("ROUND(VAR_POP(x), 6)", "0.888889"),
            ("VAR_POP(CAST(x AS NUMERIC)) < 1", "true"),
            ("VAR_POP(1e200)", "0"),
        ]
    ),
    spread!(
        "VAR_SAMP",
        "The variance that a sample makes likely; NULL of less than two values.",
        "var_samp",
        "2",
        &[("ROUND(VAR_SAMP(x), 6)", "1.333333"), ("VAR_SAMP(DISTINCT x)", "2")]
    ),
    spread!(
        "VARIANCE",
        "The variance that a sample makes likely; NULL of less than two values.",
        "var_samp",
        "2",
        &[("ROUND(VARIANCE(x), 6)", "1.333333"), ("VARIANCE(DISTINCT x)", "2")]
    ),
];
