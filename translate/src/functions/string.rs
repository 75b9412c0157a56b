//! Functions of text. Positions and lengths are in characters, from 1.

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
            ],
            $examples,
        )
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    CONCAT,
    Function { name: "||", examples: &[("'a' || 'b'", "ab")], ..CONCAT },
    function(
        "ENDS_WITH",
        "Whether a text ends in another.",
        &[overload(
            &[Param::String, Param::String],
            Returns::Bool,
            "right($1, char_length($2)) = $2",
        )
        .total()],
        &[("ENDS_WITH('abc', 'bc')", "true"), ("ENDS_WITH('abc', 'b')", "false")],
    ),
    LENGTH,
    Function { name: "CHAR_LENGTH", examples: &[("CHAR_LENGTH('héllo')", "5")], ..LENGTH },
    function(
        "BYTE_LENGTH",
        "How many bytes a text has in UTF-8.",
        &[
            overload(&[Param::String], Returns::Int64, "octet_length($1)::bigint").total(),
            overload(&[Param::Bytes], Returns::Int64, "octet_length($1)::bigint").total(),
        ],
        &[("BYTE_LENGTH('héllo')", "6"), ("BYTE_LENGTH(b'abc')", "3")],
    ),
    // ICU's lower() and upper() know all of Unicode whatever the server's collation is.
    function(
        "LOWER",
        "The text in lower case.",
        &[overload(
            &[Param::String],
            Returns::String,
            "lower($1 COLLATE \"und-x-icu\") COLLATE \"C\"",
        )
        .total()],
        &[("LOWER('ÀBC')", "àbc")],
    ),
    function(
        "UPPER",
        "The text in upper case.",
        &[overload(
            &[Param::String],
            Returns::String,
            "upper($1 COLLATE \"und-x-icu\") COLLATE \"C\"",
        )
        .total()],
        &[("UPPER('straße')", "STRASSE")],
    ),
    function(
        "REPLACE",
        "The text with every occurrence of the second argument replaced by the third.",
        &[overload(
            &[Param::String, Param::String, Param::String],
            Returns::String,
            "replace($1, $2, $3)",
        )
        .total()],
        &[("REPLACE('abab', 'a', 'x')", "xbxb"), ("REPLACE('abc', '', 'x')", "abc")],
    ),
    function(
        "STARTS_WITH",
        "Whether a text begins with another.",
        &[overload(&[Param::String, Param::String], Returns::Bool, "starts_with($1, $2)").total()],
        &[("STARTS_WITH('abc', 'ab')", "true"), ("STARTS_WITH('abc', 'b')", "false")],
    ),
    function(
        "STRPOS",
        "Where the second text is first found in the first, 0 where it is not.",
        &[overload(&[Param::String, Param::String], Returns::Int64, "strpos($1, $2)::bigint")
            .total()],
        &[("STRPOS('abcb', 'b')", "2"), ("STRPOS('abc', 'x')", "0"), ("STRPOS('abc', '')", "1")],
    ),
    function(
        "SPLIT",
        "The parts of a text between commas, or between what the second argument says.",
        &[overload(
            &[Param::String, Param::String],
            Returns::Array(&Returns::String),
            "logweir.split($*)",
        )
        .optional(1)
        .total()],
        &[
            ("SPLIT('a,b,,c')[OFFSET(3)]", "c"),
            ("ARRAY_LENGTH(SPLIT(''))", "1"),
            ("ARRAY_TO_STRING(SPLIT('héy', ''), '-')", "h-é-y"),
        ],
    ),
    SUBSTR,
    Function { name: "SUBSTRING", examples: &[("SUBSTRING('hello', 2, 3)", "ell")], ..SUBSTR },
    trim!(
        "TRIM",
        "btrim",
        "The text without white space, or the given characters, at both ends.",
        &[("TRIM(' \\t a\\u3000 ')", "a"), ("TRIM('xxaxx', 'x')", "a")]
    ),
    trim!(
        "LTRIM",
        "ltrim",
        "The text without white space, or the given characters, at its begin.",
        &[("LTRIM('  a ')", "a ")]
    ),
    trim!(
        "RTRIM",
        "rtrim",
        "The text without white space, or the given characters, at its end.",
        &[("RTRIM(' a  ')", " a")]
    ),
];

const CONCAT: Function = function(
    "CONCAT",
    "All arguments, one after the other; NULL where one is.",
    &[
        // PostgreSQL's concat() skips NULLs.
        overload(&[Param::String], Returns::String, "$||").variadic().total(),
        overload(&[Param::Bytes], Returns::Bytes, "$||").variadic().total(),
    ],
    &[("CONCAT('a', 'b', 'c')", "abc"), ("CONCAT('a', NULL)", "NULL"), ("CONCAT('a')", "a")],
);

const LENGTH: Function = function(
    "LENGTH",
    "How many characters a text has, or bytes.",
    &[
        overload(&[Param::String], Returns::Int64, "char_length($1)::bigint").total(),
        overload(&[Param::Bytes], Returns::Int64, "octet_length($1)::bigint").total(),
    ],
    &[("LENGTH('héllo')", "5"), ("LENGTH(b'abc')", "3")],
);

const SUBSTR: Function = function(
    "SUBSTR",
    "The part of a text that begins at a place, counted from the end where it is negative.",
    &[overload(
        &[Param::String, Param::Int64, Param::Int64],
        Returns::String,
        "logweir.substr($*)",
    )
    .optional(1)],
    &[
        ("SUBSTR('hello', 2, 3)", "ell"),
        ("SUBSTR('hello', -3, 2)", "ll"),
        ("SUBSTR('hello', 0, 2)", "he"),
        ("SUBSTR('hello', 9)", ""),
    ],
);
