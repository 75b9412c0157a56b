//! Aggregates of statistics.

use super::{AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload};

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
    aggregate(
        "STDDEV_POP",
        "The standard deviation of all values.",
        &[overload(&[Param::Float64], Returns::Float64, "stddev_pop($distinct$1)$over")],
        &[
            ("ROUND(STDDEV_POP(x), 6)", "0.942809"),
            ("STDDEV_POP(DISTINCT x)", "1"),
            ("STDDEV_POP(IF(x = 3, x, NULL))", "0"),
        ],
    ),
    aggregate(
        "STDDEV_SAMP",
        "The standard deviation that a sample makes likely; NULL of less than two values.",
        &[overload(&[Param::Float64], Returns::Float64, "stddev_samp($distinct$1)$over")],
        &[("ROUND(STDDEV_SAMP(x), 6)", "1.154701"), ("STDDEV_SAMP(IF(x = 3, x, NULL))", "NULL")],
    ),
    aggregate(
        "STDDEV",
        "The standard deviation that a sample makes likely; NULL of less than two values.",
        &[overload(&[Param::Float64], Returns::Float64, "stddev_samp($distinct$1)$over")],
        &[("ROUND(STDDEV(x), 6)", "1.154701"), ("STDDEV(IF(x = 3, x, NULL))", "NULL")],
    ),
    aggregate(
        "VAR_POP",
        "The variance of all values.",
        &[overload(&[Param::Float64], Returns::Float64, "var_pop($distinct$1)$over")],
        &[("ROUND(VAR_POP(x), 6)", "0.888889"), ("VAR_POP(CAST(x AS NUMERIC)) < 1", "true")],
    ),
    aggregate(
        "VAR_SAMP",
        "The variance that a sample makes likely; NULL of less than two values.",
        &[overload(&[Param::Float64], Returns::Float64, "var_samp($distinct$1)$over")],
        &[("ROUND(VAR_SAMP(x), 6)", "1.333333"), ("VAR_SAMP(DISTINCT x)", "2")],
    ),
    aggregate(
        "VARIANCE",
        "The variance that a sample makes likely; NULL of less than two values.",
        &[overload(&[Param::Float64], Returns::Float64, "var_samp($distinct$1)$over")],
        &[("ROUND(VARIANCE(x), 6)", "1.333333"), ("VARIANCE(DISTINCT x)", "2")],
    ),
];
