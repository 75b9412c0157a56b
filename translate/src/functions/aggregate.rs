//! Functions of many rows.

use super::{AggregateFunction, AggregateOverload, Param, Returns};

const fn overload(
    params: &'static [Param],
    returns: Returns,
    template: &'static str,
) -> AggregateOverload {
    AggregateOverload { params, optional: 0, returns, template }
}

pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction {
        name: "COUNT",
        overloads: &[
            overload(&[], Returns::Int64, "count(*)"),
            overload(&[Param::Any], Returns::Int64, "count($distinct$1)"),
        ],
        ordered: false,
        examples: &[("COUNT(*)", "4"), ("COUNT(x)", "3"), ("COUNT(DISTINCT x)", "2")],
    },
    AggregateFunction {
        name: "COUNTIF",
        overloads: &[overload(&[Param::Bool], Returns::Int64, "count(*) FILTER (WHERE $1)")],
        ordered: false,
        examples: &[("COUNTIF(x = 1)", "2"), ("COUNTIF(x > 9)", "0")],
    },
    AggregateFunction {
        name: "SUM",
        overloads: &[
            overload(&[Param::Int64], Returns::Int64, "sum($distinct$1)::bigint"),
            overload(&[Param::Float64], Returns::Float64, "sum($distinct$1)"),
        ],
        ordered: false,
        examples: &[("SUM(x)", "5"), ("SUM(DISTINCT x)", "4"), ("SUM(x + 0.5)", "6.5")],
    },
    AggregateFunction {
        name: "AVG",
        overloads: &[overload(&[Param::Float64], Returns::Float64, "avg($distinct$1)")],
        ordered: false,
        examples: &[("AVG(x + 1)", "2.6666666666666665"), ("AVG(NULLIF(x, x))", "NULL")],
    },
    AggregateFunction {
        name: "MIN",
        overloads: &[
            overload(
                &[Param::Dynamic],
                Returns::Dynamic,
                "(array_agg($1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL))[1]",
            ),
            overload(&[Param::Bool], Returns::Bool, "bool_and($1)"),
            overload(&[Param::String], Returns::String, "min($1 COLLATE \"C\")"),
            overload(&[Param::Same], Returns::Same, "min($1)"),
        ],
        ordered: false,
        examples: &[("MIN(x)", "1"), ("MIN(CAST(x AS STRING))", "1"), ("MIN(x > 1)", "false")],
    },
    AggregateFunction {
        name: "MAX",
        overloads: &[
            overload(
                &[Param::Dynamic],
                Returns::Dynamic,
                "(array_agg($1 ORDER BY $1 DESC) FILTER (WHERE $1 IS NOT NULL))[1]",
            ),
            overload(&[Param::Bool], Returns::Bool, "bool_or($1)"),
            overload(&[Param::String], Returns::String, "max($1 COLLATE \"C\")"),
            overload(&[Param::Same], Returns::Same, "max($1)"),
        ],
        ordered: false,
        examples: &[("MAX(x)", "3"), ("MAX(IF(x = 1, 'a', 'B'))", "a"), ("MAX(x > 1)", "true")],
    },
    AggregateFunction {
        name: "ANY_VALUE",
        overloads: &[overload(&[Param::Same], Returns::Same, "(array_agg($1))[1]")],
        ordered: false,
        examples: &[("ANY_VALUE(7)", "7")],
    },
    AggregateFunction {
        name: "LOGICAL_AND",
        overloads: &[overload(&[Param::Bool], Returns::Bool, "bool_and($1)")],
        ordered: false,
        examples: &[("LOGICAL_AND(x > 0)", "true")],
    },
    AggregateFunction {
        name: "LOGICAL_OR",
        overloads: &[overload(&[Param::Bool], Returns::Bool, "bool_or($1)")],
        ordered: false,
        examples: &[("LOGICAL_OR(x > 9)", "false")],
    },
    AggregateFunction {
        name: "APPROX_COUNT_DISTINCT",
        overloads: &[overload(&[Param::Any], Returns::Int64, "count(DISTINCT $1)")],
        ordered: false,
        examples: &[("APPROX_COUNT_DISTINCT(x)", "2")],
    },
    // Exact, of the same shape: n + 1 elements from the least to the greatest.
    AggregateFunction {
        name: "APPROX_QUANTILES",
        overloads: &[overload(
            &[Param::Same, Param::Int64],
            Returns::ArrayOfSame,
            "logweir.quantiles(array_agg($1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL), $2)",
        )],
        ordered: false,
        examples: &[
            ("APPROX_QUANTILES(x, 2)[OFFSET(2)]", "3"),
            ("APPROX_QUANTILES(x, 2)[OFFSET(0)]", "1"),
        ],
    },
    AggregateFunction {
        name: "STRING_AGG",
        overloads: &[
            overload(&[Param::String], Returns::String, "string_agg($distinct$1, ','$order)"),
            overload(
                &[Param::String, Param::String],
                Returns::String,
                "string_agg($distinct$1, $2$order)",
            ),
        ],
        ordered: true,
        examples: &[
            ("STRING_AGG(CAST(x AS STRING), '-' ORDER BY x)", "1-1-3"),
            ("STRING_AGG(CAST(x AS STRING) ORDER BY x DESC)", "3,1,1"),
        ],
    },
];
