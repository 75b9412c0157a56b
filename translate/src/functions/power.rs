//! Roots, powers and logarithms.

use super::{Function, Param, Returns, function, overload};

/// Overloads for FLOAT64, NUMERIC and BIGNUMERIC: what gives NULL where there is no result.
macro_rules! of_one {
    ($name:literal, $float:literal, $numeric:literal, $bignumeric:literal) => {
        &[
            overload(
                &[Param::Float64],
                Returns::Float64,
                concat!("logweir.float_result(", $float, ", '", $name, "', $1)"),
            )
            .safe($float),
            overload(
                &[Param::Numeric],
                Returns::Numeric,
                concat!(
                    "logweir.to_numeric(logweir.numeric_result(",
                    $numeric,
                    ", '",
                    $name,
                    "', $1))"
                ),
            )
            .safe(concat!("logweir.safe_to_numeric(", $numeric, ")")),
            overload(
                &[Param::BigNumeric],
                Returns::BigNumeric,
                concat!(
                    "logweir.to_bignumeric(logweir.numeric_result(",
                    $bignumeric,
                    ", '",
                    $name,
                    "', $1))"
                ),
            )
            .safe(concat!("logweir.safe_to_bignumeric(", $bignumeric, ")")),
        ]
    };
}

macro_rules! of_two {
    ($name:literal, $float:literal, $numeric:literal, $bignumeric:literal) => {
        &[
            overload(
                &[Param::Float64, Param::Float64],
                Returns::Float64,
                concat!("logweir.float_result(", $float, ", '", $name, "', $1, $2)"),
            )
            .safe($float),
            overload(
                &[Param::Numeric, Param::Numeric],
                Returns::Numeric,
                concat!(
                    "logweir.to_numeric(logweir.numeric_result(",
                    $numeric,
                    ", '",
                    $name,
                    "', $1, $2))"
                ),
            )
            .safe(concat!("logweir.safe_to_numeric(", $numeric, ")")),
            overload(
                &[Param::BigNumeric, Param::BigNumeric],
                Returns::BigNumeric,
                concat!(
                    "logweir.to_bignumeric(logweir.numeric_result(",
                    $bignumeric,
                    ", '",
                    $name,
                    "', $1, $2))"
                ),
            )
            .safe(concat!("logweir.safe_to_bignumeric(", $bignumeric, ")")),
        ]
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "SQRT",
        "The square root.",
        &[
            overload(&[Param::Float64], Returns::Float64, "logweir.sqrt($1)")
                .safe("logweir.safe_sqrt($1)"),
            overload(
                &[Param::Numeric],
                Returns::Numeric,
                "logweir.to_numeric(logweir.numeric_result(logweir.safe_sqrt($1, 20), 'SQRT', $1))",
            )
            .safe("logweir.safe_to_numeric(logweir.safe_sqrt($1, 20))"),
            overload(
                &[Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.to_bignumeric(logweir.numeric_result(logweir.safe_sqrt($1, 60), 'SQRT', $1))",
            )
            .safe("logweir.safe_to_bignumeric(logweir.safe_sqrt($1, 60))"),
        ],
        &[
            ("SQRT(16)", "4"),
            ("SAFE.SQRT(-1)", "NULL"),
            ("SQRT(CAST('inf' AS FLOAT64))", "inf"),
            ("SQRT(NUMERIC '2')", "1.414213562"),
        ],
    ),
    function(
        "CBRT",
        "The cube root.",
        &[
            overload(&[Param::Float64], Returns::Float64, "logweir.cbrt($1)").total(),
            overload(
                &[Param::Numeric],
                Returns::Numeric,
                "logweir.to_numeric(logweir.cbrt($1, 40))",
            )
            .total(),
            overload(
                &[Param::BigNumeric],
                Returns::BigNumeric,
                "logweir.to_bignumeric(logweir.cbrt($1, 80))",
            )
            .total(),
        ],
        &[("CBRT(27)", "3"), ("CBRT(-8.0)", "-2"), ("CBRT(NUMERIC '-27')", "-3")],
    ),
    POW,
    Function { name: "POWER", examples: &[("POWER(2, 10)", "1024")], ..POW },
    function(
        "EXP",
        "e to the power of the value.",
        of_one!("EXP", "logweir.safe_exp($1)", "logweir.safe_exp($1, 20)", "logweir.safe_exp($1, 60)"),
        &[
            ("EXP(0)", "1"),
            ("EXP(-1000)", "0"),
            ("SAFE.EXP(1000)", "NULL"),
            ("EXP(NUMERIC '1')", "2.718281828"),
        ],
    ),
    function(
        "LN",
        "The natural logarithm.",
        of_one!("LN", "logweir.safe_ln($1)", "logweir.safe_ln($1, 20)", "logweir.safe_ln($1, 60)"),
        &[("LN(1)", "0"),
            ("LN(CAST('-inf' AS FLOAT64))", "nan"), ("SAFE.LN(0)", "NULL"), ("LN(NUMERIC '2')", "0.693147181")],
    ),
    function(
        "LOG",
        "The logarithm to a base, the natural one without.",
        LOG,
        &[
            ("LOG(1)", "0"),
            ("LOG(8, 2)", "3"),
            ("SAFE.LOG(8, 1)", "NULL"),
            ("SAFE.LOG(0)", "NULL"),
            ("LOG(NUMERIC '8', 2)", "3"),
        ],
    ),
    function(
        "LOG10",
        "The logarithm to the base 10.",
        of_one!(
            "LOG10",
            "logweir.safe_log10($1)",
            "logweir.safe_log($1, 10, 20)",
            "logweir.safe_log($1, 10, 60)"
        ),
        &[("LOG10(100)", "2"), ("LOG10(NUMERIC '1000')", "3"), ("SAFE.LOG10(-1)", "NULL")],
    ),
];

const POW: Function = function(
    "POW",
    "The first value to the power of the second.",
    of_two!(
        "POW",
        "logweir.safe_pow($1, $2)",
        "logweir.safe_pow($1, $2, 20)",
        "logweir.safe_pow($1, $2, 60)"
    ),
    &[
        ("POW(2, 10)", "1024"),
        ("POW(2, -1)", "0.5"),
        ("POW(0, 0)", "1"),
        ("POW(CAST(NULL AS FLOAT64), 0)", "NULL"),
        ("POW(CAST('-inf' AS FLOAT64), -0.75)", "0"),
        ("SAFE.POW(10, 400)", "NULL"),
        ("SAFE.POW(-1, 0.5)", "NULL"),
        ("SAFE.POW(0, -1)", "NULL"),
        ("POW(10, -400)", "0"),
        ("POW(NUMERIC '1.5', 2)", "2.25"),
    ],
);

const LOG: &[super::Overload] = &[
    overload(
        &[Param::Float64],
        Returns::Float64,
        "logweir.float_result(logweir.safe_ln($1), 'LOG', $1)",
    )
    .safe("logweir.safe_ln($1)"),
    overload(
        &[Param::Float64, Param::Float64],
        Returns::Float64,
        "logweir.float_result(logweir.safe_log($1, $2), 'LOG', $1, $2)",
    )
    .safe("logweir.safe_log($1, $2)"),
    overload(
        &[Param::Numeric],
        Returns::Numeric,
        "logweir.to_numeric(logweir.numeric_result(logweir.safe_ln($1, 20), 'LOG', $1))",
    )
    .safe("logweir.safe_to_numeric(logweir.safe_ln($1, 20))"),
    overload(
        &[Param::Numeric, Param::Numeric],
        Returns::Numeric,
        "logweir.to_numeric(logweir.numeric_result(logweir.safe_log($1, $2, 20), 'LOG', $1, $2))",
    )
    .safe("logweir.safe_to_numeric(logweir.safe_log($1, $2, 20))"),
    overload(
        &[Param::BigNumeric],
        Returns::BigNumeric,
        "logweir.to_bignumeric(logweir.numeric_result(logweir.safe_ln($1, 60), 'LOG', $1))",
    )
    .safe("logweir.safe_to_bignumeric(logweir.safe_ln($1, 60))"),
    overload(
        &[Param::BigNumeric, Param::BigNumeric],
        Returns::BigNumeric,
        "logweir.to_bignumeric(logweir.numeric_result(logweir.safe_log($1, $2, 60), 'LOG', $1, $2))",
    )
    .safe("logweir.safe_to_bignumeric(logweir.safe_log($1, $2, 60))"),
];
