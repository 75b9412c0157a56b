//! Functions of text. Positions and lengths are in characters, from 1.

use super::{Function, Lower, Overload, Param, Returns, overload};

// Without a second argument BigQuery trims what Unicode calls white space.
macro_rules! trim {
    ($name:literal, $postgres:literal, $examples:expr) => {
        Function {
            name: $name,
            overloads: &[
                overload(
                    &[Param::String],
                    Returns::String,
                    concat!(
                        $postgres,
                        r"($1, U&'\0009\000A\000B\000C\000D\0020\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000')"
                    ),
                ),
                overload(&[Param::String, Param::String], Returns::String, concat!($postgres, "($1, $2)")),
            ],
            examples: $examples,
        }
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "CONCAT",
        overloads: &[Overload {
            params: &[Param::String],
            optional: 0,
            variadic: true,
            returns: Returns::String,
            // PostgreSQL's concat() skips NULLs.
            lower: Lower::Template("$||"),
        }],
        examples: &[
            ("CONCAT('a', 'b', 'c')", "abc"),
            ("CONCAT('a', NULL)", "NULL"),
            ("CONCAT('a')", "a"),
        ],
    },
    Function {
        name: "ENDS_WITH",
        overloads: &[overload(
            &[Param::String, Param::String],
            Returns::Bool,
            "right($1, char_length($2)) = $2",
        )],
        examples: &[("ENDS_WITH('abc', 'bc')", "true"), ("ENDS_WITH('abc', 'b')", "false")],
    },
    Function {
        name: "LENGTH",
        overloads: &[overload(&[Param::String], Returns::Int64, "char_length($1)::bigint")],
        examples: &[("LENGTH('héllo')", "5")],
    },
    Function {
        name: "CHAR_LENGTH",
        overloads: &[overload(&[Param::String], Returns::Int64, "char_length($1)::bigint")],
        examples: &[("CHAR_LENGTH('héllo')", "5")],
    },
    Function {
        name: "BYTE_LENGTH",
        overloads: &[overload(&[Param::String], Returns::Int64, "octet_length($1)::bigint")],
        examples: &[("BYTE_LENGTH('héllo')", "6")],
    },
    // ICU's lower() and upper() know all of Unicode whatever the server's collation is.
    Function {
        name: "LOWER",
        overloads: &[overload(
            &[Param::String],
            Returns::String,
            "lower($1 COLLATE \"und-x-icu\") COLLATE \"C\"",
        )],
        examples: &[("LOWER('ÀBC')", "àbc")],
    },
    Function {
        name: "UPPER",
        overloads: &[overload(
            &[Param::String],
            Returns::String,
            "upper($1 COLLATE \"und-x-icu\") COLLATE \"C\"",
        )],
        examples: &[("UPPER('straße')", "STRASSE")],
    },
    Function {
        name: "REPLACE",
        overloads: &[overload(
            &[Param::String, Param::String, Param::String],
            Returns::String,
            "replace($1, $2, $3)",
        )],
        examples: &[("REPLACE('abab', 'a', 'x')", "xbxb"), ("REPLACE('abc', '', 'x')", "abc")],
    },
    Function {
        name: "STARTS_WITH",
        overloads: &[overload(
            &[Param::String, Param::String],
            Returns::Bool,
            "starts_with($1, $2)",
        )],
        examples: &[("STARTS_WITH('abc', 'ab')", "true"), ("STARTS_WITH('abc', 'b')", "false")],
    },
    Function {
        name: "STRPOS",
        overloads: &[overload(
            &[Param::String, Param::String],
            Returns::Int64,
            "strpos($1, $2)::bigint",
        )],
        examples: &[
            ("STRPOS('abcb', 'b')", "2"),
            ("STRPOS('abc', 'x')", "0"),
            ("STRPOS('abc', '')", "1"),
        ],
    },
    SUBSTR,
    Function { name: "SUBSTRING", examples: &[("SUBSTRING('hello', 2, 3)", "ell")], ..SUBSTR },
    trim!("TRIM", "btrim", &[("TRIM(' \\t a\\u3000 ')", "a"), ("TRIM('xxaxx', 'x')", "a")]),
    trim!("LTRIM", "ltrim", &[("LTRIM('  a ')", "a ")]),
    trim!("RTRIM", "rtrim", &[("RTRIM(' a  ')", " a")]),
];

const SUBSTR: Function = Function {
    name: "SUBSTR",
    overloads: &[Overload {
        params: &[Param::String, Param::Int64, Param::Int64],
        optional: 1,
        variadic: false,
        returns: Returns::String,
        lower: Lower::Template("logweir.substr($*)"),
    }],
    examples: &[
        ("SUBSTR('hello', 2, 3)", "ell"),
        ("SUBSTR('hello', -3, 2)", "ll"),
        ("SUBSTR('hello', 0, 2)", "he"),
        ("SUBSTR('hello', 9)", ""),
    ],
};
