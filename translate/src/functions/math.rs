//! Functions of numbers, and what their operators become.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "ABS",
        "The value without its sign.",
        &[
            overload(&[Param::Int64], Returns::Int64, "abs($1)"),
            overload(&[Param::Float64], Returns::Float64, "abs($1)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "abs($1)").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "abs($1)").total(),
        ],
        &[("ABS(-3)", "3"), ("ABS(-1.5)", "1.5"), ("ABS(NUMERIC '-1.50')", "1.5")],
    ),
    CEIL,
    Function { name: "CEILING", examples: &[("CEILING(3.2)", "4")], ..CEIL },
    function(
        "FLOOR",
        "The greatest whole number that is not greater.",
        &[
            overload(&[Param::Float64], Returns::Float64, "floor($1)").total(),
            overload(&[Param::Numeric], Returns::Numeric, "floor($1)").total(),
            overload(&[Param::BigNumeric], Returns::BigNumeric, "floor($1)").total(),
        ],
        &[("FLOOR(1.8)", "1"), ("FLOOR(-1.2)", "-2")],
    ),
    function(
        "ROUND",
        "The value rounded to so many decimals, half away from zero.",
        &[
            overload(&[Param::Float64, Param::Int64], Returns::Float64, "logweir.round($*)")
                .optional(1)
                .total(),
            overload(&[Param::Numeric, Param::Int64], Returns::Numeric, "logweir.round($*)")
                .optional(1),
            overload(&[Param::BigNumeric, Param::Int64], Returns::BigNumeric, "logweir.round($*)")
                .optional(1),
        ],
        &[
            ("ROUND(2.5)", "3"),
            ("ROUND(2.675, 2)", "2.67"),
            ("ROUND(1234.5, -2)", "1200"),
            ("ROUND(NUMERIC '2.675', 2)", "2.68"),
        ],
    ),
    function(
        "DIV",
        "The quotient without its fraction.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 / $2")
                .safe("CASE WHEN NOT ($1 = '-9223372036854775808'::bigint AND $2 = -1) THEN $1 / NULLIF($2, 0) END"),
            overload(&[Param::Numeric, Param::Numeric], Returns::Numeric, "div($1, $2)")
                .safe("div($1, NULLIF($2, 0))"),
            overload(&[Param::BigNumeric, Param::BigNumeric], Returns::BigNumeric, "div($1, $2)")
                .safe("div($1, NULLIF($2, 0))"),
        ],
        &[("DIV(7, 2)", "3"), ("DIV(-7, 2)", "-3"), ("SAFE.DIV(1, 0)", "NULL")],
    ),
    function(
        "MOD",
        "The remainder, with the sign of the dividend.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "mod($1, $2)")
                .safe("mod($1, NULLIF($2, 0))"),
            overload(&[Param::Numeric, Param::Numeric], Returns::Numeric, "mod($1, $2)")
                .safe("mod($1, NULLIF($2, 0))"),
            overload(&[Param::BigNumeric, Param::BigNumeric], Returns::BigNumeric, "mod($1, $2)")
                .safe("mod($1, NULLIF($2, 0))"),
        ],
        &[("MOD(7, 3)", "1"), ("MOD(-7, 3)", "-1"), ("MOD(NUMERIC '7.5', 2)", "1.5")],
    ),
    function(
        "SAFE_DIVIDE",
        "The quotient; NULL where it cannot be had.",
        &[
            overload(&[Param::Float64, Param::Float64], Returns::Float64, "$1 / NULLIF($2, 0)"),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                "logweir.divide_numeric($1, NULLIF($2, 0))",
            ),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.divide_bignumeric($1, NULLIF($2, 0))",
            ),
        ],
        &[("SAFE_DIVIDE(1, 4)", "0.25"), ("SAFE_DIVIDE(1, 0)", "NULL")],
    ),
];

const CEIL: Function = function(
    "CEIL",
    "The least whole number that is not less.",
    &[
        overload(&[Param::Float64], Returns::Float64, "ceil($1)").total(),
        overload(&[Param::Numeric], Returns::Numeric, "ceil($1)"),
        overload(&[Param::BigNumeric], Returns::BigNumeric, "ceil($1)"),
    ],
    &[("CEIL(1.2)", "2"), ("CEIL(-1.2)", "-1")],
);
