//! Functions of TIME.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CURRENT_TIME",
        "The time of day at which the query began, in UTC.",
        &[overload(&[], Returns::Time, "(now() AT TIME ZONE 'UTC')::time").total()],
        &[("CURRENT_TIME() >= TIME '00:00:00'", "true")],
    ),
    function(
        "TIME",
        "A time of day from hours, minutes and seconds, or that of a time.",
        &[
            overload(
                &[Param::Int64, Param::Int64, Param::Int64],
                Returns::Time,
                "make_time($1::int, $2::int, $3)",
            ),
            overload(&[Param::Time], Returns::Time, "$1").total(),
            overload(&[Param::Datetime], Returns::Time, "$1::time").total(),
            overload(&[Param::Timestamp], Returns::Time, "$1::time").total(),
        ],
        &[
            ("TIME(12, 30, 45)", "12:30:45"),
            ("TIME(DATETIME '2024-01-01 01:02:03.5')", "01:02:03.500"),
        ],
    ),
];
