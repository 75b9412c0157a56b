//! Functions of single characters and their codes, and of forms of text.

use super::{Function, Param, Returns, function, lowered, overload};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Expr, Literal},
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "ASCII",
        "The code of the first character, which must be of ASCII; 0 of an empty text.",
        &[overload(&[Param::String], Returns::Int64, "logweir.ascii($1)")
            .safe("logweir.safe_ascii($1)")],
        &[("ASCII('abc')", "97"), ("ASCII('')", "0"), ("SAFE.ASCII('é')", "NULL")],
    ),
    function(
        "UNICODE",
        "The code point of the first character; 0 of an empty text.",
        &[overload(&[Param::String], Returns::Int64, "ascii($1)::bigint").total()],
        &[("UNICODE('éa')", "233"), ("UNICODE('')", "0"), ("UNICODE(NULL)", "NULL")],
    ),
    function(
        "CHR",
        "The character of a code point; 0, which PostgreSQL's text cannot hold, is refused.",
        &[overload(&[Param::Int64], Returns::String, "logweir.chr($1)")
            .safe("logweir.safe_chr($1)")],
        &[
            ("CHR(233)", "é"),
            ("CHR(128512)", "😀"),
            ("SAFE.CHR(55296)", "NULL"),
            ("SAFE.CHR(-1)", "NULL"),
        ],
    ),
    function(
        "TO_CODE_POINTS",
        "The code points of a text, or the bytes as numbers.",
        &[
            overload(
                &[Param::String],
                Returns::Array(&Returns::Int64),
                "logweir.code_points($1)",
            )
            .total(),
            overload(&[Param::Bytes], Returns::Array(&Returns::Int64), "logweir.code_points($1)")
                .total(),
        ],
        &[
            ("TO_CODE_POINTS('aé')[OFFSET(1)]", "233"),
            (r"TO_CODE_POINTS(b'\x00\xff')[OFFSET(1)]", "255"),
            ("ARRAY_LENGTH(TO_CODE_POINTS(''))", "0"),
        ],
    ),
    function(
        "CODE_POINTS_TO_STRING",
        "The text of code points; NULL where one is.",
        &[overload(
            &[Param::Array(&Param::Int64)],
            Returns::String,
            "logweir.code_points_to_string($1)",
        )
        .safe("logweir.safe_code_points_to_string($1)")],
        &[
            ("CODE_POINTS_TO_STRING([65, 255, 513, 1024])", "AÿȁЀ"),
            ("CODE_POINTS_TO_STRING([65, NULL])", "NULL"),
            ("CODE_POINTS_TO_STRING(ARRAY<INT64>[])", ""),
            ("SAFE.CODE_POINTS_TO_STRING([1114112])", "NULL"),
        ],
    ),
    function(
        "CODE_POINTS_TO_BYTES",
        "Bytes from numbers from 0 to 255; NULL where one is.",
        &[overload(
            &[Param::Array(&Param::Int64)],
            Returns::Bytes,
            "logweir.code_points_to_bytes($1)",
        )
        .safe("logweir.safe_code_points_to_bytes($1)")],
        &[
            ("TO_HEX(CODE_POINTS_TO_BYTES([65, 0, 255]))", "4100ff"),
            ("TO_HEX(CODE_POINTS_TO_BYTES(ARRAY<INT64>[]))", ""),
            ("TO_HEX(SAFE.CODE_POINTS_TO_BYTES([256]))", "NULL"),
        ],
    ),
    function(
        "INITCAP",
        "Every word in lower case but for its first letter. What is between words are white space and signs, or the given characters.",
        &[overload(&[Param::String, Param::String], Returns::String, "logweir.initcap($*)")
            .optional(1)
            .total()],
        &[
            ("INITCAP('hello wORLD-foo')", "Hello World-Foo"),
            (r#"INITCAP("it's ÀÉ")"#, "It's Àé"),
            ("INITCAP('apples1oranges2pears', '12')", "Apples1Oranges2Pears"),
            ("INITCAP('a b', '')", "A b"),
            ("INITCAP('')", ""),
        ],
    ),
    function(
        "TRANSLATE",
        "The text with every character of the second argument replaced by that at its place in the third, or left out.",
        &[overload(
            &[Param::String, Param::String, Param::String],
            Returns::String,
            "logweir.translate($1, $2, $3)",
        )
        .safe("logweir.safe_translate($1, $2, $3)"),
        overload(
            &[Param::Bytes, Param::Bytes, Param::Bytes],
            Returns::Bytes,
            "logweir.gather(logweir.translate(logweir.spread($1), logweir.spread($2), logweir.spread($3)))",
        )
        .safe("logweir.gather(logweir.safe_translate(logweir.spread($1), logweir.spread($2), logweir.spread($3)))")],
        &[
            ("TRANSLATE('abc', 'ab', 'x')", "xc"),
            ("TRANSLATE('abc', 'a', 'xyz')", "xbc"),
            ("TRANSLATE('This is a cookie', 'sco', 'zku')", "Thiz iz a kuukie"),
            ("SAFE.TRANSLATE('abc', 'aa', 'xy')", "NULL"),
            ("TO_HEX(TRANSLATE(b'ab', b'a', b'b'))", "6262"),
        ],
    ),
    function(
        "SOUNDEX",
        "The code of how a word sounds in English.",
        &[overload(&[Param::String], Returns::String, "logweir.soundex($1)").total()],
        &[
            ("SOUNDEX('Ashcraft')", "A261"),
            ("SOUNDEX('Raven')", "R150"),
            ("SOUNDEX('hello')", "h400"),
            ("SOUNDEX('Müller')", "M460"),
            ("SOUNDEX('Tymczak')", "T520"),
            ("SOUNDEX('')", ""),
        ],
    ),
    function(
        "EDIT_DISTANCE",
        "How many characters, or bytes, must be put in, left out or replaced to make one argument the other.",
        &[overload(
            &[Param::String, Param::String, Param::Int64],
            Returns::Int64,
            "logweir.edit_distance($*)",
        )
        .optional(1)
        .names(&["max_distance"])
        .safe("logweir.safe_edit_distance($*)"),
        overload(
            &[Param::Bytes, Param::Bytes],
            Returns::Int64,
            "logweir.edit_distance(logweir.spread($1), logweir.spread($2))",
        )
        .total(),
        overload(
            &[Param::Bytes, Param::Bytes, Param::Int64],
            Returns::Int64,
            "logweir.edit_distance(logweir.spread($1), logweir.spread($2), $3)",
        )
        .names(&["max_distance"])
        .safe("logweir.safe_edit_distance(logweir.spread($1), logweir.spread($2), $3)")],
        &[
            ("EDIT_DISTANCE('kitten', 'sitting')", "3"),
            ("EDIT_DISTANCE('a', 'b')", "1"),
            ("EDIT_DISTANCE('aa', 'b')", "2"),
            ("EDIT_DISTANCE('', 'abc')", "3"),
            ("EDIT_DISTANCE('abcdefg', 'a', max_distance => 2)", "2"),
            ("EDIT_DISTANCE('é', 'e')", "1"),
            ("EDIT_DISTANCE(b'aa', b'b')", "2"),
            ("SAFE.EDIT_DISTANCE('a', 'b', max_distance => -1)", "NULL"),
        ],
    ),
    function(
        "NORMALIZE",
        "The text in a normal form of Unicode: NFC, NFKC, NFD or NFKD.",
        &[lowered(&[Param::String, Param::String], Returns::String, normalize)
            .optional(1)
            .total()],
        &[
            (r"NORMALIZE('\u0065\u0302') = '\u00ea'", "true"),
            ("LENGTH(NORMALIZE('é', NFD))", "2"),
            ("NORMALIZE('é', NFC)", "é"),
            ("NORMALIZE('Ⅷ', NFKC)", "VIII"),
            ("NORMALIZE(NULL)", "NULL"),
        ],
    ),
];

fn normalize(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let template = match normal_form(args)? {
        "NFKC" => "normalize($1, NFKC)",
        "NFD" => "normalize($1, NFD)",
        "NFKD" => "normalize($1, NFKD)",
        _ => "normalize($1, NFC)",
    };
    Ok(Pg::template(template, lowered.into_iter().take(1).collect()))
}

/// The form that the second argument names, NFC without one.
pub(super) fn normal_form(args: &[Expr]) -> Result<&str, Diagnostic> {
    let Some(form) = args.get(1) else { return Ok("NFC") };
    match form.as_literal() {
        Some(Literal::String(name)) if matches!(name.as_str(), "NFC" | "NFKC" | "NFD" | "NFKD") => {
            Ok(name)
        }
        _ => Err(Diagnostic::invalid(form.at, "The normal form must be NFC, NFKC, NFD or NFKD")),
    }
}
