//! Functions of text and bytes. Positions and lengths are in characters, or in bytes, from 1.

use super::{Function, Param, Returns, function, lowered, overload};
use crate::{
    diagnostic::Diagnostic,
    lower::{carrier, cast},
    postgres::Expr as Pg,
    tree::Expr,
    types::Type,
};

// A function of text, and of bytes by way of text.
macro_rules! both {
    ($params:expr, $bytes:expr, $text_template:literal, $text_safe:literal, $bytes_template:literal, $bytes_safe:literal) => {
        &[
            overload($params, Returns::String, $text_template).safe($text_safe),
            overload($bytes, Returns::Bytes, $bytes_template).safe($bytes_safe),
        ]
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    CONCAT,
    Function {
        name: "||",
        examples: &[("'a' || 'b'", "ab"), ("'a' || 1", "a1"), ("TO_HEX(b'a' || b'b')", "6162")],
        ..CONCAT
    },
    LENGTH,
    Function {
        name: "CHAR_LENGTH",
        overloads: CHARACTERS,
        examples: &[("CHAR_LENGTH('héllo')", "5"), ("CHAR_LENGTH(NULL)", "NULL")],
        ..LENGTH
    },
    Function {
        name: "CHARACTER_LENGTH",
        overloads: CHARACTERS,
        examples: &[("CHARACTER_LENGTH('日本')", "2")],
        ..LENGTH
    },
    BYTE_LENGTH,
    Function {
        name: "OCTET_LENGTH",
        examples: &[("OCTET_LENGTH('日本')", "6"), ("OCTET_LENGTH(b'')", "0")],
        ..BYTE_LENGTH
    },
    // ICU's lower() and upper() know all of Unicode whatever the server's collation is.
    function(
        "LOWER",
        "The text in lower case; of bytes, the letters of ASCII.",
        &[
            overload(
                &[Param::String],
                Returns::String,
                "lower($1 COLLATE \"und-x-icu\") COLLATE \"C\"",
            )
            .total(),
            overload(&[Param::Bytes], Returns::Bytes, "logweir.lower($1)").total(),
        ],
        &[("LOWER('ÀBC')", "àbc"), (r"TO_HEX(LOWER(b'A\xc0'))", "61c0")],
    ),
    function(
        "UPPER",
        "The text in upper case; of bytes, the letters of ASCII.",
        &[
            overload(
                &[Param::String],
                Returns::String,
                "upper($1 COLLATE \"und-x-icu\") COLLATE \"C\"",
            )
            .total(),
            overload(&[Param::Bytes], Returns::Bytes, "logweir.upper($1)").total(),
        ],
        &[("UPPER('straße')", "STRASSE"), (r"TO_HEX(UPPER(b'a\xe0'))", "41e0")],
    ),
    function(
        "REPLACE",
        "The text with every occurrence of the second argument replaced by the third.",
        &[
            overload(
                &[Param::String, Param::String, Param::String],
                Returns::String,
                "replace($1, $2, $3)",
            )
            .total(),
            overload(
                &[Param::Bytes, Param::Bytes, Param::Bytes],
                Returns::Bytes,
                "logweir.gather(replace(logweir.spread($1), logweir.spread($2), logweir.spread($3)))",
            )
            .total(),
        ],
        &[
            ("REPLACE('abab', 'a', 'x')", "xbxb"),
            ("REPLACE('abc', '', 'x')", "abc"),
            ("REPLACE('abc', 'b', NULL)", "NULL"),
            (r"TO_HEX(REPLACE(b'\x12\x34\x23', b'\x23', b''))", "1234"),
        ],
    ),
    function(
        "REVERSE",
        "The characters, or bytes, in the opposite order.",
        &[
            overload(&[Param::String], Returns::String, "reverse($1)").total(),
            overload(
                &[Param::Bytes],
                Returns::Bytes,
                "logweir.gather(reverse(logweir.spread($1)))",
            )
            .total(),
        ],
        &[("REVERSE('abé')", "éba"), (r"TO_HEX(REVERSE(b'\x00\x01'))", "0100")],
    ),
    function(
        "REPEAT",
        "The text as often as the second argument says; at most 1 MiB.",
        both!(
            &[Param::String, Param::Int64],
            &[Param::Bytes, Param::Int64],
            "logweir.repeat($1, $2)",
            "logweir.safe_repeat($1, $2)",
            "logweir.gather(logweir.repeat(logweir.spread($1), $2))",
            "logweir.gather(logweir.safe_repeat(logweir.spread($1), $2))"
        ),
        &[
            ("REPEAT('ab', 3)", "ababab"),
            ("REPEAT('ab', 0)", ""),
            ("REPEAT('', 9223372036854775807)", ""),
            ("REPEAT(NULL, 2)", "NULL"),
            ("SAFE.REPEAT('a', -1)", "NULL"),
            ("TO_HEX(REPEAT(b'a', 2))", "6161"),
        ],
    ),
    SUBSTR,
    Function {
        name: "SUBSTRING",
        examples: &[
            ("SUBSTRING('hello', 2, 3)", "ell"),
            ("SUBSTRING('hello', 2)", "ello"),
            ("TO_HEX(SUBSTRING(b'abc', 2))", "6263"),
        ],
        ..SUBSTR
    },
    function(
        "LEFT",
        "So many characters, or bytes, from the begin.",
        both!(
            &[Param::String, Param::Int64],
            &[Param::Bytes, Param::Int64],
            "logweir.left($1, $2)",
            "logweir.safe_left($1, $2)",
            "logweir.gather(logweir.left(logweir.spread($1), $2))",
            "logweir.gather(logweir.safe_left(logweir.spread($1), $2))"
        ),
        &[
            ("LEFT('héllo', 2)", "hé"),
            ("LEFT('hello', 99999999999)", "hello"),
            ("LEFT('hello', 0)", ""),
            ("LEFT(CAST(NULL AS STRING), -1)", "NULL"),
            ("SAFE.LEFT('hello', -1)", "NULL"),
            (r"TO_HEX(LEFT(b'\x00\x01\x02', 2))", "0001"),
        ],
    ),
    function(
        "RIGHT",
        "So many characters, or bytes, from the end.",
        both!(
            &[Param::String, Param::Int64],
            &[Param::Bytes, Param::Int64],
            "logweir.right($1, $2)",
            "logweir.safe_right($1, $2)",
            "logweir.gather(logweir.right(logweir.spread($1), $2))",
            "logweir.gather(logweir.safe_right(logweir.spread($1), $2))"
        ),
        &[
            ("RIGHT('hellé', 2)", "lé"),
            ("RIGHT('hello', 0)", ""),
            ("RIGHT('hello', NULL)", "NULL"),
            ("SAFE.RIGHT('hello', -1)", "NULL"),
            (r"TO_HEX(RIGHT(b'\x00\x01\x02', 2))", "0102"),
        ],
    ),
];

const CONCAT: Function = function(
    "CONCAT",
    "All arguments as text, one after the other; NULL where one is.",
    &[
        // PostgreSQL's concat() skips NULLs.
        overload(&[Param::String], Returns::String, "$||").variadic().total(),
        overload(&[Param::Bytes], Returns::Bytes, "$||").variadic().total(),
        lowered(&[Param::Any], Returns::String, concat_any).variadic().total(),
    ],
    &[
        ("CONCAT('a', 'b', 'c')", "abc"),
        ("CONCAT('a', NULL)", "NULL"),
        ("CONCAT('a')", "a"),
        ("CONCAT('a', 1, TRUE, 1.5, DATE '2024-01-02')", "a1true1.52024-01-02"),
        (r"TO_HEX(CONCAT(b'\x00', b'a'))", "0061"),
    ],
);

/// What can be cast to STRING, as that.
fn concat_any(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let mut texts = Vec::with_capacity(args.len());
    for (arg, value) in args.iter().zip(lowered) {
        texts.push(match &arg.ty {
            Type::String => value,
            Type::Null => Pg::null("text"),
            Type::Dynamic => carrier::read(value, &Type::String),
            Type::Bool
            | Type::Int64
            | Type::Float64
            | Type::Numeric
            | Type::BigNumeric
            | Type::Timestamp
            | Type::Datetime
            | Type::Date
            | Type::Time
            | Type::Interval => cast::lower(arg, value, &Type::String, false, arg.at)?,
            other => {
                return Err(Diagnostic::invalid(
                    arg.at,
                    format!(
                        "No matching signature for function CONCAT: an argument of type {other} cannot stand beside the others"
                    ),
                ));
            }
        });
    }
    Ok(Pg::template("$||", texts))
}

const LENGTH: Function = function(
    "LENGTH",
    "How many characters a text has, or bytes.",
    &[
        overload(&[Param::String], Returns::Int64, "char_length($1)::bigint").total(),
        overload(&[Param::Bytes], Returns::Int64, "octet_length($1)::bigint").total(),
    ],
    &[("LENGTH('héllo')", "5"), ("LENGTH(b'abc')", "3"), ("LENGTH('')", "0")],
);

const CHARACTERS: &[super::Overload] =
    &[overload(&[Param::String], Returns::Int64, "char_length($1)::bigint").total()];

const BYTE_LENGTH: Function = function(
    "BYTE_LENGTH",
    "How many bytes a text has in UTF-8.",
    &[
        overload(&[Param::String], Returns::Int64, "octet_length($1)::bigint").total(),
        overload(&[Param::Bytes], Returns::Int64, "octet_length($1)::bigint").total(),
    ],
    &[("BYTE_LENGTH('héllo')", "6"), ("BYTE_LENGTH(b'abc')", "3")],
);

const SUBSTR: Function = function(
    "SUBSTR",
    "The part of a text that begins at a place, counted from the end where it is negative.",
    &[
        overload(
            &[Param::String, Param::Int64, Param::Int64],
            Returns::String,
            "logweir.substr($*)",
        )
        .optional(1)
        .safe("logweir.safe_substr($*)"),
        overload(
            &[Param::Bytes, Param::Int64],
            Returns::Bytes,
            "logweir.substr($1, $2, octet_length($1))",
        )
        .total(),
        overload(
            &[Param::Bytes, Param::Int64, Param::Int64],
            Returns::Bytes,
            "logweir.substr($1, $2, $3)",
        )
        .safe("logweir.substr($1, $2, CASE WHEN $3 >= 0 THEN $3 END)"),
    ],
    &[
        ("SUBSTR('hello', 2, 3)", "ell"),
        ("SUBSTR('hello', -3, 2)", "ll"),
        ("SUBSTR('hello', 0, 2)", "he"),
        ("SUBSTR('hello', -10, 2)", "he"),
        ("SUBSTR('hello', 9)", ""),
        ("SUBSTR('hello', 2, 9223372036854775807)", "ello"),
        ("SUBSTR('hello', 2, NULL)", "NULL"),
        ("SAFE.SUBSTR('hello', 2, -1)", "NULL"),
        ("TO_HEX(SUBSTR(b'hello', -3, 2))", "6c6c"),
        ("TO_HEX(SUBSTR(b'hello', 9))", ""),
        ("TO_HEX(SUBSTR(b'hello', NULL))", "NULL"),
        ("TO_HEX(SUBSTR(CAST(NULL AS BYTES), 0, 2147483648))", "NULL"),
        ("TO_HEX(SAFE.SUBSTR(b'hello', 1, -1))", "NULL"),
    ],
);
