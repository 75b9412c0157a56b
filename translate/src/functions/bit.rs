//! Operators and functions of bits.

use super::{
    AggregateFunction, Function, Param, Returns, aggregate, aggregate_overload, function, overload,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "&",
        "The bits that both have.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 & $2").total(),
            overload(&[Param::Bytes, Param::Bytes], Returns::Bytes, "logweir.bytes_and($1, $2)"),
        ],
        &[("12 & 10", "8"), ("b'ab' & b'a\\xff'", "ab")],
    ),
    function(
        "|",
        "The bits that one of both has.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 | $2").total(),
            overload(&[Param::Bytes, Param::Bytes], Returns::Bytes, "logweir.bytes_or($1, $2)"),
        ],
        &[("12 | 10", "14"), ("b'a' | b'\\x02'", "c")],
    ),
    function(
        "^",
        "The bits that only one of both has.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "$1 # $2").total(),
            overload(&[Param::Bytes, Param::Bytes], Returns::Bytes, "logweir.bytes_xor($1, $2)"),
        ],
        &[("12 ^ 10", "6"), ("b'ab' ^ b'\\x03\\x03'", "ba")],
    ),
    function(
        "~",
        "The bits that it has not.",
        &[
            overload(&[Param::Int64], Returns::Int64, "~ $1").total(),
            overload(&[Param::Bytes], Returns::Bytes, "logweir.bytes_not($1)").total(),
        ],
        &[("~ 5", "-6"), ("~ b'\\x9e'", "a")],
    ),
    function(
        "<<",
        "The bits moved to the left.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.shift_left($1, $2)"),
            overload(&[Param::Bytes, Param::Int64], Returns::Bytes, "logweir.shift_left($1, $2)"),
        ],
        &[
            ("1 << 4", "16"),
            ("CAST(NULL AS INT64) << -1", "NULL"),
            ("b'\\x01' << NULL", "NULL"),
            ("CAST(NULL AS BYTES) << 1", "NULL"),
            ("1 << 64", "0"),
            ("1 + 1 << 2", "8"),
        ],
    ),
    function(
        ">>",
        "The bits moved to the right; the sign is one of them.",
        &[
            overload(&[Param::Int64, Param::Int64], Returns::Int64, "logweir.shift_right($1, $2)"),
            overload(&[Param::Bytes, Param::Int64], Returns::Bytes, "logweir.shift_right($1, $2)"),
        ],
        &[
            ("16 >> 2", "4"),
            ("-8 >> 1", "9223372036854775804"),
            ("1 >> 64", "0"),
            ("b'\\xc2\\xc2' >> 1", "aa"),
        ],
    ),
    function(
        "BIT_COUNT",
        "How many bits are set.",
        &[
            overload(&[Param::Int64], Returns::Int64, "bit_count($1::bit(64))").total(),
            overload(&[Param::Bytes], Returns::Int64, "bit_count($1)").total(),
        ],
        &[
            ("BIT_COUNT(7)", "3"),
            ("BIT_COUNT(-1)", "64"),
            ("BIT_COUNT(b'\\x03\\x01')", "3"),
            ("BIT_COUNT(NULL)", "NULL"),
        ],
    ),
];

pub(super) const AGGREGATES: &[AggregateFunction] = &[
    aggregate(
        "BIT_AND",
        "The bits that all values have; NULL of no values.",
        &[aggregate_overload(&[Param::Int64], Returns::Int64, "bit_and($distinct$1)$over")],
        &[("BIT_AND(x)", "1"), ("BIT_AND(NULLIF(x, x))", "NULL")],
    ),
    aggregate(
        "BIT_OR",
        "The bits that one of the values has; NULL of no values.",
        &[aggregate_overload(&[Param::Int64], Returns::Int64, "bit_or($distinct$1)$over")],
        &[("BIT_OR(x)", "3")],
    ),
    aggregate(
        "BIT_XOR",
        "The bits that an odd number of values have; NULL of no values.",
        &[aggregate_overload(&[Param::Int64], Returns::Int64, "bit_xor($distinct$1)$over")],
        &[("BIT_XOR(x)", "3"), ("BIT_XOR(DISTINCT x)", "2")],
    ),
];
