//! Functions that choose.

use super::{Function, Lower, Overload, Param, Returns, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "IF",
        overloads: &[overload(
            &[Param::Bool, Param::Same, Param::Same],
            Returns::Same,
            "CASE WHEN $1 THEN $2 ELSE $3 END",
        )],
        examples: &[
            ("IF(NULL, 1, 2)", "2"),
            ("IF(1 < 2, 'a', 'b')", "a"),
            ("IF(TRUE, 1, 2.5)", "1"),
        ],
    },
    Function {
        name: "IFNULL",
        overloads: &[overload(&[Param::Same, Param::Same], Returns::Same, "COALESCE($1, $2)")],
        examples: &[("IFNULL(NULL, 'x')", "x"), ("IFNULL(3, 4)", "3")],
    },
    Function {
        name: "COALESCE",
        overloads: &[Overload {
            params: &[Param::Same],
            optional: 0,
            variadic: true,
            returns: Returns::Same,
            lower: Lower::Template("COALESCE($*)"),
        }],
        examples: &[("COALESCE(NULL, NULL, 3)", "3"), ("COALESCE('a')", "a")],
    },
    Function {
        name: "NULLIF",
        overloads: &[overload(&[Param::Same, Param::Same], Returns::Same, "NULLIF($1, $2)")],
        examples: &[("NULLIF(0, 0)", "NULL"), ("NULLIF('a', 'b')", "a")],
    },
    // PostgreSQL's skip NULLs, BigQuery's give NULL as soon as one argument is.
    Function {
        name: "GREATEST",
        overloads: &[Overload {
            params: &[Param::Same],
            optional: 0,
            variadic: true,
            returns: Returns::Same,
            lower: Lower::Template("CASE WHEN num_nulls($*) = 0 THEN GREATEST($*) END"),
        }],
        examples: &[("GREATEST(1, 3, 2)", "3"), ("GREATEST(1, NULL)", "NULL")],
    },
    Function {
        name: "LEAST",
        overloads: &[Overload {
            params: &[Param::Same],
            optional: 0,
            variadic: true,
            returns: Returns::Same,
            lower: Lower::Template("CASE WHEN num_nulls($*) = 0 THEN LEAST($*) END"),
        }],
        examples: &[("LEAST(1, 3, 2)", "1"), ("LEAST(1, NULL)", "NULL")],
    },
];
