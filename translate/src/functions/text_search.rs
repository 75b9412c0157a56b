//! Functions that look for text in text.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "ENDS_WITH",
        "Whether a text ends in another.",
        &[
            overload(
                &[Param::String, Param::String],
                Returns::Bool,
                "right($1, char_length($2)) = $2",
            )
            .total(),
            overload(
                &[Param::Bytes, Param::Bytes],
                Returns::Bool,
                "right(logweir.spread($1), octet_length($2)) = logweir.spread($2)",
            )
            .total(),
        ],
        &[
            ("ENDS_WITH('abc', 'bc')", "true"),
            ("ENDS_WITH('abc', 'b')", "false"),
            ("ENDS_WITH('abc', '')", "true"),
            ("ENDS_WITH('c', 'abc')", "false"),
            ("ENDS_WITH('abc', NULL)", "NULL"),
            ("ENDS_WITH(b'abc', b'bc')", "true"),
        ],
    ),
    function(
        "STARTS_WITH",
        "Whether a text begins with another.",
        &[
            overload(&[Param::String, Param::String], Returns::Bool, "starts_with($1, $2)").total(),
            overload(
                &[Param::Bytes, Param::Bytes],
                Returns::Bool,
                "substring($1 FROM 1 FOR octet_length($2)) = $2",
            )
            .total(),
        ],
        &[
            ("STARTS_WITH('abc', 'ab')", "true"),
            ("STARTS_WITH('abc', 'b')", "false"),
            ("STARTS_WITH('abc', '')", "true"),
            ("STARTS_WITH(NULL, 'a')", "NULL"),
            ("STARTS_WITH(b'abc', b'ab')", "true"),
        ],
    ),
    function(
        "STRPOS",
        "Where the second text is first found in the first, 0 where it is not.",
        &[
            overload(&[Param::String, Param::String], Returns::Int64, "strpos($1, $2)::bigint")
                .total(),
            overload(&[Param::Bytes, Param::Bytes], Returns::Int64, "position($2 IN $1)::bigint")
                .total(),
        ],
        &[
            ("STRPOS('abcb', 'b')", "2"),
            ("STRPOS('日本語', '語')", "3"),
            ("STRPOS('abc', 'x')", "0"),
            ("STRPOS('abc', '')", "1"),
            (r"STRPOS(b'\x00ab', b'b')", "3"),
        ],
    ),
    function(
        "INSTR",
        "Where the second text is found in the first for the n-th time (fourth argument), from a place on (third), backwards from the end where it is negative; 0 where it is not.",
        &[
            overload(
                &[Param::String, Param::String, Param::Int64, Param::Int64],
                Returns::Int64,
                "logweir.instr($*)",
            )
            .optional(2)
            .safe("logweir.safe_instr($*)"),
            overload(
                &[Param::Bytes, Param::Bytes],
                Returns::Int64,
                "logweir.instr(logweir.spread($1), logweir.spread($2))",
            )
            .safe("logweir.safe_instr(logweir.spread($1), logweir.spread($2))"),
            overload(
                &[Param::Bytes, Param::Bytes, Param::Int64],
                Returns::Int64,
                "logweir.instr(logweir.spread($1), logweir.spread($2), $3)",
            )
            .safe("logweir.safe_instr(logweir.spread($1), logweir.spread($2), $3)"),
            overload(
                &[Param::Bytes, Param::Bytes, Param::Int64, Param::Int64],
                Returns::Int64,
                "logweir.instr(logweir.spread($1), logweir.spread($2), $3, $4)",
            )
            .safe("logweir.safe_instr(logweir.spread($1), logweir.spread($2), $3, $4)"),
        ],
        &[
            ("INSTR('banana', 'an')", "2"),
            ("INSTR('banana', 'an', 1, 2)", "4"),
            ("INSTR('banana', 'an', 1, 3)", "0"),
            ("INSTR('banana', 'an', 3, 1)", "4"),
            ("INSTR('banana', 'an', -1, 1)", "4"),
            ("INSTR('banana', 'an', -3, 1)", "4"),
            ("INSTR('banana', 'an', -4, 1)", "2"),
            ("INSTR('banana', 'ann', 1, 1)", "0"),
            ("INSTR('helloooo', 'oo', 1, 2)", "6"),
            ("INSTR('helloooo', 'oo', -1, 1)", "7"),
            ("INSTR('helloooo', 'oo', -1, 2)", "6"),
            ("INSTR('abc', 'c', 9)", "0"),
            ("INSTR('abc', '')", "1"),
            ("INSTR('abc', '', 1, 2)", "2"),
            ("INSTR('', 'a')", "0"),
            ("INSTR('abc', NULL, 0)", "NULL"),
            ("SAFE.INSTR('abc', 'c', 0)", "NULL"),
            ("SAFE.INSTR('abc', 'c', 1, 0)", "NULL"),
            ("INSTR(b'banana', b'an', -1, 2)", "2"),
        ],
    ),
    function(
        "SPLIT",
        "The parts of a text between commas, or between what the second argument says.",
        &[
            overload(
                &[Param::String, Param::String],
                Returns::Array(&Returns::String),
                "logweir.split($*)",
            )
            .optional(1)
            .total(),
            overload(
                &[Param::Bytes, Param::Bytes],
                Returns::Array(&Returns::Bytes),
                "logweir.gather(logweir.split(logweir.spread($1), logweir.spread($2)))",
            )
            .total(),
        ],
        &[
            ("SPLIT('a,b,,c')[OFFSET(3)]", "c"),
            ("ARRAY_LENGTH(SPLIT(''))", "1"),
            ("ARRAY_TO_STRING(SPLIT('héy', ''), '-')", "h-é-y"),
            ("ARRAY_LENGTH(SPLIT('a', NULL))", "NULL"),
            ("SPLIT('a--b', '--')[OFFSET(1)]", "b"),
            (r"TO_HEX(SPLIT(b'a\x00b', b'\x00')[OFFSET(1)])", "62"),
        ],
    ),
];
