//! Sketches of how many different values there are. Here a sketch holds the values themselves: its
//! numbers are exact, its bytes are not BigQuery's, so nothing else can read it.

use super::{
    AggregateFunction, Function, Param, Returns, aggregate, aggregate_overload, function, overload,
};

const INIT: &str = "logweir.sketch(array_agg(DISTINCT to_jsonb($1)) FILTER (WHERE $1 IS NOT NULL))";

pub(super) const FUNCTIONS: &[Function] = &[function(
    "HLL_COUNT.EXTRACT",
    "How many different values a sketch has seen, exactly.",
    &[overload(&[Param::Sketch], Returns::Int64, "logweir.sketch_size($1)")],
    &[("HLL_COUNT.EXTRACT(NULL)", "0")],
)];

pub(super) const AGGREGATES: &[AggregateFunction] = &[
    aggregate(
        "HLL_COUNT.INIT",
        "A sketch of the values, which only HLL_COUNT functions can read; in BigQuery it is BYTES.",
        &[
            aggregate_overload(&[Param::Int64, Param::Int64], Returns::Sketch, INIT).optional(1),
            aggregate_overload(&[Param::Numeric, Param::Int64], Returns::Sketch, INIT).optional(1),
            aggregate_overload(&[Param::BigNumeric, Param::Int64], Returns::Sketch, INIT)
                .optional(1),
            aggregate_overload(&[Param::String, Param::Int64], Returns::Sketch, INIT).optional(1),
            aggregate_overload(&[Param::Bytes, Param::Int64], Returns::Sketch, INIT).optional(1),
        ],
        &[
            ("HLL_COUNT.EXTRACT(HLL_COUNT.INIT(x))", "2"),
            ("HLL_COUNT.EXTRACT(HLL_COUNT.INIT(CAST(x AS STRING), 12))", "2"),
            ("HLL_COUNT.INIT(NULLIF(x, x)) IS NULL", "true"),
        ],
    ),
    aggregate(
        "HLL_COUNT.MERGE",
        "How many different values the sketches of all rows have seen, exactly.",
        &[aggregate_overload(
            &[Param::Sketch],
            Returns::Int64,
            "logweir.sketch_size(logweir.merge_sketches(array_agg($1) FILTER (WHERE $1 IS NOT NULL)))",
        )],
        &[("HLL_COUNT.MERGE(CAST(NULL AS BYTES))", "0")],
    ),
    aggregate(
        "HLL_COUNT.MERGE_PARTIAL",
        "One sketch of those of all rows, which only HLL_COUNT functions can read.",
        &[aggregate_overload(
            &[Param::Sketch],
            Returns::Sketch,
            "logweir.merge_sketches(array_agg($1) FILTER (WHERE $1 IS NOT NULL))",
        )],
        &[("HLL_COUNT.EXTRACT(HLL_COUNT.MERGE_PARTIAL(CAST(NULL AS BYTES)))", "0")],
    ),
];
