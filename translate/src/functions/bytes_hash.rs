//! Functions of bytes: encodings, hashes.

use super::{Function, Param, Returns, function, overload};

// A hash of text or bytes.
macro_rules! hash {
    ($name:literal, $bits:literal, $of_bytes:literal, $of_text:literal, $examples:expr) => {
        function(
            $name,
            concat!("The hash ", $name, " of text or bytes: ", $bits, " bits."),
            &[
                overload(&[Param::String], Returns::Bytes, $of_text).total(),
                overload(&[Param::Bytes], Returns::Bytes, $of_bytes).total(),
            ],
            $examples,
        )
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "TO_HEX",
        "Bytes as hexadecimal digits in lower case.",
        &[overload(&[Param::Bytes], Returns::String, "encode($1, 'hex')").total()],
        &[(r"TO_HEX(b'\x00\xff')", "00ff"), ("TO_HEX(b'')", ""), ("TO_HEX(NULL)", "NULL")],
    ),
    function(
        "FROM_HEX",
        "The bytes of hexadecimal digits; a 0 is put before an odd number of them.",
        &[overload(&[Param::String], Returns::Bytes, "logweir.from_hex($1)")
            .safe("logweir.safe_hex($1)")],
        &[
            ("TO_HEX(FROM_HEX('00FFaa'))", "00ffaa"),
            ("TO_HEX(FROM_HEX('0AF'))", "00af"),
            ("TO_HEX(FROM_HEX(''))", ""),
            ("TO_HEX(SAFE.FROM_HEX('0g'))", "NULL"),
        ],
    ),
    function(
        "TO_BASE64",
        "Bytes in Base64, without line breaks.",
        &[overload(&[Param::Bytes], Returns::String, "logweir.to_base64($1)").total()],
        &[
            (r"TO_BASE64(b'\377\340')", "/+A="),
            ("LENGTH(TO_BASE64(CAST(REPEAT('a', 300) AS BYTES)))", "400"),
            ("TO_BASE64(b'')", ""),
        ],
    ),
    function(
        "FROM_BASE64",
        "The bytes of a text in Base64.",
        &[overload(&[Param::String], Returns::Bytes, "logweir.from_base64($1)")
            .safe("logweir.lenient_base64($1)")],
        &[
            ("TO_HEX(FROM_BASE64('/+A='))", "ffe0"),
            ("TO_HEX(FROM_BASE64('YWJj'))", "616263"),
            (r"TO_HEX(FROM_BASE64('YW I\n'))", "6162"),
            ("TO_HEX(FROM_BASE64('YR=='))", "61"),
            ("TO_HEX(SAFE.FROM_BASE64('YQ='))", "NULL"),
            ("TO_HEX(SAFE.FROM_BASE64('Y*'))", "NULL"),
            ("TO_HEX(SAFE.FROM_BASE64('YWJjY'))", "NULL"),
        ],
    ),
    function(
        "TO_BASE32",
        "Bytes in Base32.",
        &[overload(&[Param::Bytes], Returns::String, "logweir.to_base32($1)").total()],
        &[
            (r"TO_BASE32(b'abcde\xFF')", "MFRGGZDF74======"),
            ("TO_BASE32(b'')", ""),
            ("TO_BASE32(NULL)", "NULL"),
        ],
    ),
    function(
        "FROM_BASE32",
        "The bytes of a text in Base32.",
        &[overload(&[Param::String], Returns::Bytes, "logweir.from_base32($1)")
            .safe("logweir.safe_base32($1)")],
        &[
            ("TO_HEX(FROM_BASE32('MFRGGZDF74======'))", "6162636465ff"),
            ("TO_HEX(FROM_BASE32(''))", ""),
            ("TO_HEX(SAFE.FROM_BASE32('1'))", "NULL"),
        ],
    ),
    function(
        "SAFE_CONVERT_BYTES_TO_STRING",
        "Bytes as text; those that are no UTF-8 become U+FFFD.",
        &[overload(&[Param::Bytes], Returns::String, "logweir.lenient_bytes_text($1)").total()],
        &[
            (r"SAFE_CONVERT_BYTES_TO_STRING(b'\xff')", "\u{fffd}"),
            (r"SAFE_CONVERT_BYTES_TO_STRING(b'\xe2\x82a')", "\u{fffd}\u{fffd}a"),
            (r"SAFE_CONVERT_BYTES_TO_STRING(b'a\xc3\xa9\xc3b')", "aé\u{fffd}b"),
            ("SAFE_CONVERT_BYTES_TO_STRING(NULL)", "NULL"),
        ],
    ),
    hash!(
        "MD5",
        "128",
        "decode(md5($1), 'hex')",
        "decode(md5($1), 'hex')",
        &[
            ("TO_HEX(MD5('a'))", "0cc175b9c0f1b6a831c399e269772661"),
            ("TO_HEX(MD5(b'a'))", "0cc175b9c0f1b6a831c399e269772661"),
            ("TO_HEX(MD5(NULL))", "NULL"),
        ]
    ),
    hash!(
        "SHA1",
        "160",
        "logweir.sha1($1)",
        "logweir.sha1(convert_to($1, 'UTF8'))",
        &[
            ("TO_HEX(SHA1('hello'))", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
            ("TO_HEX(SHA1(b''))", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (
                "TO_HEX(SHA1('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'))",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
        ]
    ),
    hash!(
        "SHA256",
        "256",
        "sha256($1)",
        "sha256(convert_to($1, 'UTF8'))",
        &[(
            "TO_HEX(SHA256('hello'))",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        )]
    ),
    hash!(
        "SHA512",
        "512",
        "sha512($1)",
        "sha512(convert_to($1, 'UTF8'))",
        &[("SUBSTR(TO_HEX(SHA512('a')), 1, 32)", "1f40fc92da241694750979ee6cf582f2")]
    ),
    function(
        "FARM_FINGERPRINT",
        "The fingerprint FarmHash64 of text or bytes.",
        &[
            overload(
                &[Param::String],
                Returns::Int64,
                "logweir.farm_fingerprint(convert_to($1, 'UTF8'))",
            )
            .total(),
            overload(&[Param::Bytes], Returns::Int64, "logweir.farm_fingerprint($1)").total(),
        ],
        &[
            ("FARM_FINGERPRINT('foo')", "6150913649986995171"),
            ("FARM_FINGERPRINT('hello')", "-5436999610281751320"),
            ("FARM_FINGERPRINT('0123456789012345')", "8258739028554035106"),
            ("FARM_FINGERPRINT('01234567890123456')", "6151968438873677206"),
            ("FARM_FINGERPRINT(REPEAT('0123456789', 4))", "8835108245187232700"),
            ("FARM_FINGERPRINT(REPEAT('0123456789', 13))", "-7725969016185070332"),
            ("FARM_FINGERPRINT(CAST(REPEAT('0123456789', 20) AS BYTES))", "-8783659046506036331"),
            ("FARM_FINGERPRINT(NULL)", "NULL"),
        ],
    ),
];
