//! Functions of numbers, and what their operators become.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "ABS",
        "The value without its sign.",
        &[
            overload(&[Param::Int64], Returns::Int64, "logweir.abs($1)").safe(
                "CASE WHEN $1 > '-9223372036854775808'::bigint THEN abs($1) END",
            ),
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
        &[("IS_INF(1)", "false"), ("IS_INF(CAST('-inf' AS FLOAT64))", "true"), ("IS_INF(NULL)", "NULL")],
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
        "DIV",
        "The quotient without its fraction.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.div($1, $2)")
                .safe("CASE WHEN NOT ($1 = '-9223372036854775808'::bigint AND $2 = -1) THEN $1 / NULLIF($2, 0) END"),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                "logweir.to_numeric(logweir.div($1, $2))",
            )
            .safe("logweir.safe_to_numeric(div($1, NULLIF($2, 0)))"),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.to_bignumeric(logweir.div($1, $2))",
            )
            .safe("logweir.safe_to_bignumeric(div($1, NULLIF($2, 0)))"),
        ],
        &[
            ("DIV(7, 2)", "3"),
            ("DIV(-7, 2)", "-3"),
            ("SAFE.DIV(1, 0)", "NULL"),
            ("DIV(CAST(NULL AS INT64), 0)", "NULL"),
            ("SAFE.DIV(-9223372036854775808, -1)", "NULL"),
            ("DIV(NUMERIC '7.5', 2)", "3"),
        ],
    ),
    function(
        "MOD",
        "The remainder, with the sign of the dividend.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.mod($1, $2)")
                .safe("mod($1, NULLIF($2, 0))"),
            overload(&[Param::Numeric, Param::Numeric], Returns::Numeric, "logweir.mod($1, $2)")
                .safe("mod($1, NULLIF($2, 0))"),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.mod($1, $2)",
            )
            .safe("mod($1, NULLIF($2, 0))"),
        ],
        &[
            ("MOD(7, 3)", "1"),
            ("MOD(-7, 3)", "-1"),
            ("MOD(NUMERIC '7.5', 2)", "1.5"),
            ("SAFE.MOD(7, 0)", "NULL"),
            ("MOD(CAST(NULL AS INT64), 0)", "NULL"),
            ("MOD(CAST(NULL AS NUMERIC), 0)", "NULL"),
        ],
    ),
    function(
        "SAFE_DIVIDE",
        "The quotient; NULL where it cannot be had.",
        &[
            overload(
                &[Param::Float64, Param::Float64],
                Returns::Float64,
                "logweir.safe_divide($1, $2)",
            )
            .total(),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                "logweir.safe_to_numeric(round($1, 20) / NULLIF($2, 0))",
            )
            .total(),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.safe_to_bignumeric(round($1, 60) / NULLIF($2, 0))",
            )
            .total(),
        ],
        &[
            ("SAFE_DIVIDE(1, 4)", "0.25"),
            ("SAFE_DIVIDE(1, 0)", "NULL"),
            ("SAFE_DIVIDE(0.0, 0.0)", "NULL"),
            ("SAFE_DIVIDE(1e300, 1e-300)", "NULL"),
            ("SAFE_DIVIDE(5e-324, 3.0)", "0"),
            ("SAFE_DIVIDE(NUMERIC '1', 3)", "0.333333333"),
        ],
    ),
    function(
        "SAFE_ADD",
        "The sum; NULL where it exceeds.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.safe_add($1, $2)")
                .total(),
            overload(
                &[Param::Float64, Param::Float64],
                Returns::Float64,
                "logweir.safe_add($1, $2)",
            )
            .total(),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                "logweir.safe_to_numeric($1 + $2)",
            )
            .total(),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.safe_to_bignumeric($1 + $2)",
            )
            .total(),
        ],
        &[
            ("SAFE_ADD(1, 2)", "3"),
            ("SAFE_ADD(9223372036854775807, 1)", "NULL"),
            ("SAFE_ADD(1, NULL)", "NULL"),
            ("SAFE_ADD(1.5e308, 1.5e308)", "NULL"),
            ("SAFE_ADD(NUMERIC '1.5', 2)", "3.5"),
        ],
    ),
    function(
        "SAFE_SUBTRACT",
        "The difference; NULL where it exceeds.",
        &[
            overload(
                &[Param::Int64, Param::Int64],
                Returns::Int64,
                "logweir.safe_subtract($1, $2)",
            )
            .total(),
            overload(
                &[Param::Float64, Param::Float64],
                Returns::Float64,
                "logweir.safe_subtract($1, $2)",
            )
            .total(),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                "logweir.safe_to_numeric($1 - $2)",
            )
            .total(),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.safe_to_bignumeric($1 - $2)",
            )
            .total(),
        ],
        &[
            ("SAFE_SUBTRACT(5, 3)", "2"),
            ("SAFE_SUBTRACT(-9223372036854775808, 1)", "NULL"),
            ("SAFE_SUBTRACT(0.5, 1)", "-0.5"),
            ("SAFE_SUBTRACT(3e-320, 0.0) > 0", "true"),
        ],
    ),
    function(
        "SAFE_MULTIPLY",
        "The product; NULL where it exceeds.",
        &[
            overload(
                &[Param::Int64, Param::Int64],
                Returns::Int64,
                "logweir.safe_multiply($1, $2)",
            )
            .total(),
            overload(
                &[Param::Float64, Param::Float64],
                Returns::Float64,
                "logweir.safe_multiply($1, $2)",
            )
            .total(),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                "logweir.safe_to_numeric($1 * $2)",
            )
            .total(),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.safe_to_bignumeric($1 * $2)",
            )
            .total(),
        ],
        &[
            ("SAFE_MULTIPLY(6, 7)", "42"),
            ("SAFE_MULTIPLY(9223372036854775807, 2)", "NULL"),
            ("SAFE_MULTIPLY(1e200, 1e200)", "NULL"),
            ("SAFE_MULTIPLY(1e-200, 1e-200)", "0"),
            ("SAFE_MULTIPLY(1e-155, 1e300)", "1.0000000000000001e+145"),
        ],
    ),
    function(
        "SAFE_NEGATE",
        "The value with the other sign; NULL where it exceeds.",
        &[
            overload(
                &[Param::Int64],
                Returns::Int64,
                "CASE WHEN $1 > '-9223372036854775808'::bigint THEN - $1 END",
            )
            .total(),
            overload(&[Param::Float64], Returns::Float64, "- $1").total(),
            overload(&[Param::Numeric], Returns::Numeric, "- $1").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "- $1").total(),
        ],
        &[("SAFE_NEGATE(5)", "-5"), ("SAFE_NEGATE(-9223372036854775808)", "NULL")],
    ),
    function(
        "IEEE_DIVIDE",
        "The quotient; an infinity or NaN where there is none.",
        &[overload(
            &[Param::Float64, Param::Float64],
            Returns::Float64,
            "logweir.ieee_divide($1, $2)",
        )
        .total()],
        &[
            ("IEEE_DIVIDE(20, 4)", "5"),
            ("IEEE_DIVIDE(1, 0)", "inf"),
            ("IEEE_DIVIDE(-1, 0)", "-inf"),
            ("IEEE_DIVIDE(0, 0)", "nan"),
            ("IEEE_DIVIDE(-1e300, 1e-300)", "-inf"),
            ("IEEE_DIVIDE(NULL, 0)", "NULL"),
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
