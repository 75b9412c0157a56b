//! Functions of numbers, and what their operators become.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "ABS",
        "The value without its sign.",
        &[
            overload(&[Param::Int64], Returns::Int64, "logweir.abs($1)")
                .safe("CASE WHEN $1 > '-9223372036854775808'::bigint THEN abs($1) END"),
            overload(&[Param::Float64], Returns::Float64, "abs($1)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "abs($1)").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "abs($1)").total(),
        ],
        &[
            ("ABS(-3)", "3"),
            ("ABS(-1.5)", "1.5"),
            ("ABS(NUMERIC '-1.50')", "1.5"),
            ("SAFE.ABS(-9223372036854775808)", "NULL"),
        ],
    ),
    function(
        "SIGN",
        "-1, 0 or 1, as the value is negative, 0 or positive.",
        &[
            overload(&[Param::Int64], Returns::Int64, "sign($1)::bigint").total(),
            overload(&[Param::Float64], Returns::Float64, "logweir.sign($1)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "sign($1)").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "sign($1)").total(),
        ],
        &[
            ("SIGN(-5)", "-1"),
            ("SIGN(0)", "0"),
            ("SIGN(2.5)", "1"),
            ("SIGN(CAST('nan' AS FLOAT64))", "nan"),
            ("SIGN(NUMERIC '-0.1')", "-1"),
        ],
    ),
    function(
        "IS_INF",
        "Whether the value is an infinity.",
        &[overload(&[Param::Float64], Returns::Bool, "$1 IN ('Infinity', '-Infinity')").total()],
        &[
            ("IS_INF(1)", "false"),
            ("IS_INF(CAST('-inf' AS FLOAT64))", "true"),
            ("IS_INF(NULL)", "NULL"),
        ],
    ),
    function(
        "IS_NAN",
        "Whether the value is not a number.",
        &[overload(&[Param::Float64], Returns::Bool, "$1 = 'NaN'").total()],
        &[("IS_NAN(CAST('nan' AS FLOAT64))", "true"), ("IS_NAN(1)", "false")],
    ),
    function(
        "RAND",
        "A number from 0 up to 1, by chance.",
        &[overload(&[], Returns::Float64, "random()").total()],
        &[("RAND() BETWEEN 0 AND 1", "true")],
    ),
    CEIL,
    Function { name: "CEILING", examples: &[("CEILING(3.2)", "4")], ..CEIL },
    function(
        "FLOOR",
        "The greatest whole number that is not greater.",
        &[
            overload(&[Param::Float64], Returns::Float64, "floor($1)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "logweir.to_numeric(floor($1))")
                .safe("logweir.safe_to_numeric(floor($1))"),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "logweir.to_bignumeric(floor($1))")
                .safe("logweir.safe_to_bignumeric(floor($1))"),
        ],
        &[("FLOOR(1.8)", "1"), ("FLOOR(-1.2)", "-2")],
    ),
    function(
        "ROUND",
        "The value rounded to so many decimals, half away from zero; of a NUMERIC also to an even digit.",
        &[
            overload(&[Param::Float64, Param::Int64], Returns::Float64, "logweir.round($*)")
                .optional(1)
                .total(),
            overload(
                &[Param::Numeric, Param::Int64],
                Returns::Numeric,
                "logweir.to_numeric(logweir.round($*))",
            )
            .optional(1)
            .safe("logweir.safe_to_numeric(logweir.round($*))"),
            overload(
                &[Param::BigNumeric, Param::Int64],
                Returns::BigNumeric,
                "logweir.to_bignumeric(logweir.round($*))",
            )
            .optional(1)
            .safe("logweir.safe_to_bignumeric(logweir.round($*))"),
            overload(
                &[Param::Numeric, Param::Int64, Param::String],
                Returns::Numeric,
                "logweir.to_numeric(logweir.round($*))",
            ),
            overload(
                &[Param::BigNumeric, Param::Int64, Param::String],
                Returns::BigNumeric,
                "logweir.to_bignumeric(logweir.round($*))",
            ),
        ],
        &[
            ("ROUND(2.5)", "3"),
            ("ROUND(2.675, 2)", "2.67"),
            ("ROUND(1234.5, -2)", "1200"),
            ("ROUND(5)", "5"),
            ("ROUND(NUMERIC '2.675', 2)", "2.68"),
            ("ROUND(NUMERIC '2.5', 0, 'ROUND_HALF_EVEN')", "2"),
            ("ROUND(NUMERIC '-3.5', 0, 'ROUND_HALF_EVEN')", "-4"),
            ("ROUND(NUMERIC '2.25', 1, 'ROUND_HALF_EVEN')", "2.2"),
            ("ROUND(NUMERIC '2.5', 0, 'ROUND_HALF_AWAY_FROM_ZERO')", "3"),
            ("SAFE.ROUND(NUMERIC '99999999999999999999999999999.9')", "NULL"),
        ],
    ),
    function(
        "TRUNC",
        "The value without what is beyond so many decimals.",
        &[
            overload(&[Param::Float64, Param::Int64], Returns::Float64, "logweir.trunc($*)")
                .optional(1)
                .total(),
            overload(&[Param::Numeric, Param::Int64], Returns::Numeric, "logweir.trunc($*)")
                .optional(1)
                .total(),
            overload(&[Param::BigNumeric, Param::Int64], Returns::BigNumeric, "logweir.trunc($*)")
                .optional(1)
                .total(),
        ],
        &[
            ("TRUNC(3.7)", "3"),
            ("TRUNC(-1.5)", "-1"),
            ("TRUNC(1234, -2)", "1200"),
            ("TRUNC(1.299, 2)", "1.29"),
            ("TRUNC(NUMERIC '-1.299', 1)", "-1.2"),
        ],
    ),
    function(
        "RANGE_BUCKET",
        "How many bounds of a sorted array are not above the value.",
        &[overload(
            &[Param::Same, Param::Array(&Param::Same)],
            Returns::Int64,
            "logweir.range_bucket($1, $2)",
        )],
        &[
            ("RANGE_BUCKET(15, [0, 10, 20])", "2"),
            ("RANGE_BUCKET(20, [0, 10, 20])", "3"),
            ("RANGE_BUCKET(-1, [0, 10, 20])", "0"),
            ("RANGE_BUCKET(NULL, [0, 10, 20])", "NULL"),
            ("RANGE_BUCKET(5, ARRAY<INT64>[])", "0"),
            ("RANGE_BUCKET(1.5, [1.0, 1.5])", "2"),
        ],
    ),
    function(
        "EUCLIDEAN_DISTANCE",
        "How far two vectors are from one another.",
        &[overload(
            &[Param::Array(&Param::Float64), Param::Array(&Param::Float64)],
            Returns::Float64,
            "logweir.euclidean_distance($1, $2)",
        )],
        &[("EUCLIDEAN_DISTANCE([1.0, 2.0], [4.0, 6.0])", "5")],
    ),
    function(
        "COSINE_DISTANCE",
        "1 less the cosine of the angle between two vectors.",
        &[overload(
            &[Param::Array(&Param::Float64), Param::Array(&Param::Float64)],
            Returns::Float64,
            "logweir.cosine_distance($1, $2)",
        )],
        &[("COSINE_DISTANCE([1.0, 0.0], [0.0, 2.0])", "1"), ("COSINE_DISTANCE([1.0], [2.0])", "0")],
    ),
];

const CEIL: Function = function(
    "CEIL",
    "The least whole number that is not less.",
    &[
        overload(&[Param::Float64], Returns::Float64, "ceil($1)").total(),
        overload(&[Param::Numeric], Returns::Numeric, "logweir.to_numeric(ceil($1))")
            .safe("logweir.safe_to_numeric(ceil($1))"),
        overload(&[Param::BigNumeric], Returns::BigNumeric, "logweir.to_bignumeric(ceil($1))")
            .safe("logweir.safe_to_bignumeric(ceil($1))"),
    ],
    &[("CEIL(1.2)", "2"), ("CEIL(-1.2)", "-1")],
);
