//! Functions of many rows.

use super::{AggregateFunction, Param, Returns, aggregate, aggregate_overload as overload};

pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    aggregate(
        "COUNT",
        "How many rows there are, or how many values that are not NULL.",
        &[
            overload(&[], Returns::Int64, "count(*)$over"),
            overload(&[Param::Any], Returns::Int64, "count($distinct$1)$over"),
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
            overload(&[Param::Int64], Returns::Int64, "(sum($distinct$1)$over)::bigint"),
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
        ],
        &[
            ("SUM(x)", "5"),
            ("SUM(DISTINCT x)", "4"),
            ("SUM(x + 0.5)", "6.5"),
            ("SUM(CAST(x AS NUMERIC))", "5"),
        ],
    ),
    aggregate(
        "AVG",
        "The arithmetic mean; NULL of no values.",
        &[
            overload(&[Param::Float64], Returns::Float64, "avg($distinct$1)$over"),
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
            overload(&[Param::Bool], Returns::Bool, "bool_and($1)$over"),
            overload(&[Param::String], Returns::String, "min($1 COLLATE \"C\")$over"),
            overload(
                &[Param::Bytes],
                Returns::Bytes,
                "decode(min(encode($1, 'hex') COLLATE \"C\")$over, 'hex')",
            ),
            overload(&[Param::Same], Returns::Same, "min($1)$over"),
        ],
        &[
            ("MIN(x)", "1"),
            ("MIN(CAST(x AS STRING))", "1"),
            ("MIN(x > 1)", "false"),
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
            overload(&[Param::Bool], Returns::Bool, "bool_or($1)$over"),
            overload(&[Param::String], Returns::String, "max($1 COLLATE \"C\")$over"),
            overload(
                &[Param::Bytes],
                Returns::Bytes,
                "decode(max(encode($1, 'hex') COLLATE \"C\")$over, 'hex')",
            ),
            overload(&[Param::Same], Returns::Same, "max($1)$over"),
        ],
        &[("MAX(x)", "3"), ("MAX(IF(x = 1, 'a', 'B'))", "a"), ("MAX(x > 1)", "true")],
    ),
    aggregate(
        "ANY_VALUE",
        "The value of one of the rows.",
        &[overload(&[Param::Same], Returns::Same, "(array_agg($1)$over)[1]")],
        &[("ANY_VALUE(7)", "7")],
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
    aggregate(
        "STRING_AGG",
        "The texts of all rows, with commas or the second argument between them.",
        &[
            overload(&[Param::String], Returns::String, "string_agg($distinct$1, ','$order)$over"),
            overload(
                &[Param::String, Param::String],
                Returns::String,
                "string_agg($distinct$1, $2$order)$over",
            ),
        ],
        &[
            ("STRING_AGG(CAST(x AS STRING), '-' ORDER BY x)", "1-1-3"),
            ("STRING_AGG(CAST(x AS STRING) ORDER BY x DESC)", "3,1,1"),
        ],
    )
    .ordered(),
];
