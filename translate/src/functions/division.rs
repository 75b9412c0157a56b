//! Division, and arithmetic that gives NULL in place of an error.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
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
];
