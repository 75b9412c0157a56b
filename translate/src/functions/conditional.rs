//! Functions that choose.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "IF",
        "The second argument where the first is TRUE, else the third.",
        &[overload(
            &[Param::Bool, Param::Same, Param::Same],
            Returns::Same,
            "CASE WHEN $1 THEN $2 ELSE $3 END",
        )
        .total()],
        &[("IF(NULL, 1, 2)", "2"), ("IF(1 < 2, 'a', 'b')", "a"), ("IF(TRUE, 1, 2.5)", "1")],
    ),
    function(
        "IFNULL",
        "The first argument, or the second where the first is NULL.",
        &[overload(&[Param::Same, Param::Same], Returns::Same, "COALESCE($1, $2)").total()],
        &[("IFNULL(NULL, 'x')", "x"), ("IFNULL(3, 4)", "3")],
    ),
    function(
        "COALESCE",
        "The first argument that is not NULL.",
        &[overload(&[Param::Same], Returns::Same, "COALESCE($*)").variadic().total()],
        &[("COALESCE(NULL, NULL, 3)", "3"), ("COALESCE('a')", "a")],
    ),
    function(
        "NULLIF",
        "NULL where both arguments are equal, else the first.",
        &[overload(&[Param::Same, Param::Same], Returns::Same, "NULLIF($1, $2)").total()],
        &[("NULLIF(0, 0)", "NULL"), ("NULLIF('a', 'b')", "a")],
    ),
    // PostgreSQL's skip NULLs, BigQuery's give NULL as soon as one argument is.
    function(
        "GREATEST",
        "The greatest argument; NULL where one is.",
        &[overload(
            &[Param::Same],
            Returns::Same,
            "CASE WHEN num_nulls($*) = 0 THEN GREATEST($*) END",
        )
        .variadic()
        .total()],
        &[("GREATEST(1, 3, 2)", "3"), ("GREATEST(1, NULL)", "NULL")],
    ),
    function(
        "LEAST",
        "The least argument; NULL where one is.",
        &[overload(
            &[Param::Same],
            Returns::Same,
            "CASE WHEN num_nulls($*) = 0 THEN LEAST($*) END",
        )
        .variadic()
        .total()],
        &[("LEAST(1, 3, 2)", "1"), ("LEAST(1, NULL)", "NULL")],
    ),
];
