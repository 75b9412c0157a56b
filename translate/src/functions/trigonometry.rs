//! Functions of angles, and hyperbolic ones.

use super::{Function, Param, Returns, function, overload};

/// A function of every FLOAT64.
macro_rules! total {
    ($name:literal, $doc:literal, $template:literal, $examples:expr) => {
        function(
            $name,
            $doc,
            &[overload(&[Param::Float64], Returns::Float64, $template).total()],
            $examples,
        )
    };
}

/// A function of some; its template gives NULL of the others.
macro_rules! partial {
    ($name:literal, $doc:literal, $template:literal, $examples:expr) => {
        function(
            $name,
            $doc,
            &[overload(
                &[Param::Float64],
                Returns::Float64,
                concat!("logweir.float_result(", $template, ", '", $name, "', $1)"),
            )
            .safe($template)],
            $examples,
        )
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    total!(
        "SIN",
        "The sine.",
        "logweir.sin($1)",
        &[("SIN(0)", "0"), ("SIN(CAST('inf' AS FLOAT64))", "nan")]
    ),
    total!("COS", "The cosine.", "logweir.cos($1)", &[("COS(0)", "1")]),
    total!("TAN", "The tangent.", "logweir.tan($1)", &[("TAN(0)", "0")]),
    partial!(
        "COT",
        "The cotangent.",
        "logweir.safe_reciprocal(logweir.tan($1))",
        &[("ROUND(COT(-1), 6)", "-0.642093"), ("SAFE.COT(0)", "NULL")]
    ),
    partial!(
        "CSC",
        "The cosecant.",
        "logweir.safe_reciprocal(logweir.sin($1))",
        &[("ROUND(CSC(-1.5), 6)", "-1.002511"), ("SAFE.CSC(0)", "NULL")]
    ),
    total!("SEC", "The secant.", "1 / logweir.cos($1)", &[("SEC(0)", "1")]),
    partial!(
        "ASIN",
        "The angle of a sine.",
        "logweir.safe_asin($1)",
        &[("ROUND(ASIN(1), 12)", "1.570796326795"), ("SAFE.ASIN(2)", "NULL")]
    ),
    partial!(
        "ACOS",
        "The angle of a cosine.",
        "logweir.safe_acos($1)",
        &[("ACOS(1)", "0"), ("ACOS(CAST('inf' AS FLOAT64))", "nan"), ("SAFE.ACOS(-2)", "NULL")]
    ),
    total!("ATAN", "The angle of a tangent.", "atan($1)", &[("ROUND(ATAN(1), 6)", "0.785398")]),
    partial!(
        "SINH",
        "The hyperbolic sine.",
        "logweir.safe_sinh($1)",
        &[("SINH(0)", "0"), ("SAFE.SINH(1000)", "NULL")]
    ),
    partial!(
        "COSH",
        "The hyperbolic cosine.",
        "logweir.safe_cosh($1)",
        &[("COSH(0)", "1"), ("SAFE.COSH(1000)", "NULL")]
    ),
    total!("TANH", "The hyperbolic tangent.", "tanh($1)", &[("TANH(0)", "0"), ("TANH(100)", "1")]),
    partial!(
        "COTH",
        "The hyperbolic cotangent.",
        "logweir.safe_reciprocal(tanh($1))",
        &[("ROUND(COTH(1.0), 6)", "1.313035"), ("SAFE.COTH(0)", "NULL")]
    ),
    partial!(
        "CSCH",
        "The hyperbolic cosecant.",
        "logweir.safe_reciprocal(sinh($1))",
        &[("ROUND(CSCH(-2.0), 6)", "-0.275721"), ("SAFE.CSCH(0)", "NULL"), ("CSCH(1000)", "0")]
    ),
    total!(
        "SECH",
        "The hyperbolic secant.",
        "1 / cosh($1)",
        &[("ROUND(SECH(1.0), 6)", "0.648054"), ("SECH(1000)", "0")]
    ),
    total!("ASINH", "The area of a hyperbolic sine.", "asinh($1)", &[("ASINH(0)", "0")]),
    partial!(
        "ACOSH",
        "The area of a hyperbolic cosine.",
        "logweir.safe_acosh($1)",
        &[("ACOSH(1)", "0"), ("SAFE.ACOSH(0)", "NULL")]
    ),
    partial!(
        "ATANH",
        "The area of a hyperbolic tangent.",
        "logweir.safe_atanh($1)",
        &[("ATANH(0)", "0"), ("SAFE.ATANH(1)", "NULL")]
    ),
    function(
        "ATAN2",
        "The angle of the point whose second and first coordinate are these.",
        &[overload(&[Param::Float64, Param::Float64], Returns::Float64, "atan2($1, $2)").total()],
        &[("ROUND(ATAN2(1, 1), 12)", "0.785398163397"), ("ATAN2(0, 1)", "0")],
    ),
];
