//! Functions that fill text up or cut its ends off.

use super::{Function, Param, Returns, function, overload};

// Without a second argument BigQuery trims what Unicode calls white space.
macro_rules! trim {
    ($name:literal, $postgres:literal, $doc:literal, $examples:expr) => {
        function(
            $name,
            $doc,
            &[
                overload(
                    &[Param::String],
                    Returns::String,
                    concat!(
                        $postgres,
                        r"($1, U&'\0009\000A\000B\000C\000D\0020\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000')"
                    ),
                )
                .total(),
                overload(
                    &[Param::String, Param::String],
                    Returns::String,
                    concat!($postgres, "($1, $2)"),
                )
                .total(),
                overload(
                    &[Param::Bytes, Param::Bytes],
                    Returns::Bytes,
                    concat!($postgres, "($1, $2)"),
                )
                .total(),
            ],
            $examples,
        )
    };
}

// LPAD and RPAD: of text, of bytes, each with and without what to pad with.
macro_rules! pad {
    ($name:literal, $postgres:literal, $doc:literal, $examples:expr) => {
        function(
            $name,
            $doc,
            &[
                overload(
                    &[Param::String, Param::Int64, Param::String],
                    Returns::String,
                    concat!("logweir.", $postgres, "($*)"),
                )
                .optional(1)
                .safe(concat!("logweir.safe_", $postgres, "($*)")),
                overload(
                    &[Param::Bytes, Param::Int64],
                    Returns::Bytes,
                    concat!(
                        "logweir.gather(logweir.",
                        $postgres,
                        "(logweir.spread($1), $2, logweir.spread(' ')))"
                    ),
                )
                .safe(concat!(
                    "logweir.gather(logweir.safe_",
                    $postgres,
                    "(logweir.spread($1), $2, logweir.spread(' ')))"
                )),
                overload(
                    &[Param::Bytes, Param::Int64, Param::Bytes],
                    Returns::Bytes,
                    concat!(
                        "logweir.gather(logweir.",
                        $postgres,
                        "(logweir.spread($1), $2, logweir.spread($3)))"
                    ),
                )
                .safe(concat!(
                    "logweir.gather(logweir.safe_",
                    $postgres,
                    "(logweir.spread($1), $2, logweir.spread($3)))"
                )),
            ],
            $examples,
        )
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    pad!(
        "LPAD",
        "lpad",
        "The text filled up at its begin, or cut at its end, to a length.",
        &[
            ("LPAD('a', 3)", "  a"),
            ("LPAD('a', 4, 'xy')", "xyxa"),
            ("LPAD('abcd', 2, '0')", "ab"),
            ("LPAD('a', 0)", ""),
            ("LPAD(NULL, -1, '')", "NULL"),
            ("SAFE.LPAD('a', -1)", "NULL"),
            ("SAFE.LPAD('a', 2, '')", "NULL"),
            ("TO_HEX(LPAD(b'a', 3))", "202061"),
            (r"TO_HEX(LPAD(b'a', 3, b'\xff'))", "ffff61"),
        ]
    ),
    pad!(
        "RPAD",
        "rpad",
        "The text filled up, or cut, at its end to a length.",
        &[
            ("RPAD('a', 3, 'xy')", "axy"),
            ("CONCAT('[', RPAD('a', 3), ']')", "[a  ]"),
            ("RPAD('日本語', 2)", "日本"),
            ("SAFE.RPAD('a', 99999999999)", "NULL"),
            (r"TO_HEX(RPAD(b'a', 2, b'\x00'))", "6100"),
        ]
    ),
    trim!(
        "TRIM",
        "btrim",
        "The text without white space, or the given characters, at both ends.",
        &[
            ("TRIM(' \\t a\\u3000 ')", "a"),
            ("TRIM('xxaxx', 'x')", "a"),
            ("TRIM(' a ', '')", " a "),
            ("TRIM('a', NULL)", "NULL"),
            (r"TO_HEX(TRIM(b'\x00a\x01', b'\x01\x00'))", "61"),
        ]
    ),
    trim!(
        "LTRIM",
        "ltrim",
        "The text without white space, or the given characters, at its begin.",
        &[
            ("LTRIM('  a ')", "a "),
            ("LTRIM('xya', 'xy')", "a"),
            ("TO_HEX(LTRIM(b'aba', b'a'))", "6261")
        ]
    ),
    trim!(
        "RTRIM",
        "rtrim",
        "The text without white space, or the given characters, at its end.",
        &[
            ("RTRIM(' a  ')", " a"),
            ("RTRIM('axy', 'yx')", "a"),
            ("TO_HEX(RTRIM(b'aba', b'a'))", "6162")
        ]
    ),
];
