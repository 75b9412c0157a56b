//! Functions of numbers.

use super::{Function, Lower, Overload, Param, Returns, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "ABS",
        overloads: &[
            overload(&[Param::Int64], Returns::Int64, "abs($1)"),
            overload(&[Param::Float64], Returns::Float64, "abs($1)"),
        ],
        examples: &[("ABS(-3)", "3"), ("ABS(-1.5)", "1.5")],
    },
    Function {
        name: "CEIL",
        overloads: &[overload(&[Param::Float64], Returns::Float64, "ceil($1)")],
        examples: &[("CEIL(1.2)", "2"), ("CEIL(-1.2)", "-1")],
    },
    Function {
        name: "FLOOR",
        overloads: &[overload(&[Param::Float64], Returns::Float64, "floor($1)")],
        examples: &[("FLOOR(1.8)", "1"), ("FLOOR(-1.2)", "-2")],
    },
    Function {
        name: "ROUND",
        overloads: &[Overload {
            params: &[Param::Float64, Param::Int64],
            optional: 1,
            variadic: false,
            returns: Returns::Float64,
            lower: Lower::Template("logweir.round($*)"),
        }],
        examples: &[
            ("ROUND(2.5)", "3"),
            ("ROUND(2.675, 2)", "2.67"),
            ("ROUND(1234.5, -2)", "1200"),
        ],
    },
    Function {
        name: "DIV",
        overloads: &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 / $2")],
        examples: &[("DIV(7, 2)", "3"), ("DIV(-7, 2)", "-3")],
    },
    Function {
        name: "MOD",
        overloads: &[overload(&[Param::Int64, Param::Int64], Returns::Int64, "mod($1, $2)")],
        examples: &[("MOD(7, 3)", "1"), ("MOD(-7, 3)", "-1")],
    },
    Function {
        name: "SAFE_DIVIDE",
        overloads: &[overload(
            &[Param::Float64, Param::Float64],
            Returns::Float64,
            "$1 / NULLIF($2, 0)",
        )],
        examples: &[("SAFE_DIVIDE(1, 4)", "0.25"), ("SAFE_DIVIDE(1, 0)", "NULL")],
    },
];
