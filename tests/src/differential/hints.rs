//! Arguments with which calls say something: patterns, paths, formats, zones.

use translate::Param;

const ZONES: &[&str] = &[
    "'UTC'",
    "'America/New_York'",
    "'Asia/Kolkata'",
    "'+02:00'",
    "'Europe/Berlin'",
    "'-03:30'",
    "'Nowhere/City'",
];

const PATTERNS: &[&str] = &[
    "r'[a-z]+'",
    "r'(\\w)(\\d*)'",
    "r'^a'",
    "r'b|bc'",
    "r'\\s'",
    "r'o+?'",
    "r'(?i)ABC'",
    "r'.'",
    "r'x*'",
    "r'[^,]+,'",
    "r'(l+)o'",
    "r'é|本'",
    "r'$'",
    "r'\\bW'",
];

const ONE_GROUP: &[&str] = &[
    "r'[a-z]+'",
    "r'\\w(\\d*)'",
    "r'^a'",
    "r'b|bc'",
    "r'\\s'",
    "r'o+?'",
    "r'(?i)abc'",
    "r'.'",
    "r'x*'",
    "r'([^,]+),'",
    "r'(l+)o'",
    "r'é|(本)'",
    "r'\\d+'",
    "r'(a|ab)(?:c|bcd)'",
];

const REPLACEMENTS: &[&str] = &["'#'", "''", "r'\\0\\0'", "r'<\\1>'", "'$1'", "r'\\\\'"];

const PATHS: &[&str] = &[
    "'$'",
    "'$.a'",
    "'$.b'",
    "'$.a.b'",
    "'$[0]'",
    "'$.a[1]'",
    "'$.a[0].c'",
    "'$.missing'",
    "'$.\"a\"'",
];

const TIMESTAMP_FORMATS: &[&str] = &[
    "'%Y-%m-%d %H:%M:%S'",
    "'%F %T'",
    "'%E*S'",
    "'%E3S %Z'",
    "'%a %A %b %B'",
    "'%j %U %W %V %G %u %w'",
    "'%I:%M %p'",
    "'%s'",
    "'%y %C %e %g'",
    "'%c'",
    "'%x %X %D %R %r'",
    "'%Ez %z'",
    "'%E4Y %Q'",
    "'%n%t%%'",
    "'%k|%l|%P|%h'",
    "'%J'",
];

const DATE_FORMATS: &[&str] = &[
    "'%Y-%m-%d'",
    "'%F'",
    "'%a %A %b %B'",
    "'%j %U %W %V %G %u %w'",
    "'%y %C %e %g %D %x'",
    "'%E4Y %Q'",
    "'%h %J'",
    "'%d/%m/%y'",
];

const TIME_FORMATS: &[&str] =
    &["'%H:%M:%S'", "'%T'", "'%E*S'", "'%E3S'", "'%I %p'", "'%R %r %X'", "'%k %l %P'"];

/// What an argument must be for the call to say something.
pub(super) fn hint(name: &str, place: usize, param: Param) -> Option<&'static [&'static str]> {
    Some(match (name, place) {
        ("NORMALIZE" | "NORMALIZE_AND_CASEFOLD", 1) => &["NFC", "NFKC", "NFD", "NFKD"],
        ("REGEXP_CONTAINS", 1) => PATTERNS,
        ("REGEXP_REPLACE", 1) => PATTERNS,
        ("REGEXP_REPLACE", 2) => REPLACEMENTS,
        (name, 1) if name.starts_with("REGEXP_") => ONE_GROUP,
        (name, 2 | 3) if name.starts_with("REGEXP_") => &["1", "2", "3", "0"],
        ("REGEXP_INSTR", 4) => &["0", "1"],
        ("REPEAT" | "LPAD" | "RPAD", 1) => &["0", "1", "3", "5", "8", "(-1)"],
        ("GENERATE_ARRAY", 0 | 1) if param == Param::Int64 => &["0", "1", "5", "(-3)", "10"],
        ("GENERATE_ARRAY", 2) if param == Param::Int64 => &["1", "2", "(-1)", "0", "3"],
        ("GENERATE_ARRAY", 0 | 1) => &["0", "1.5", "5", "(-3)", "10"],
        ("GENERATE_ARRAY", 2) => &["1", "0.5", "(-1)", "0", "3"],
        ("GENERATE_DATE_ARRAY" | "GENERATE_TIMESTAMP_ARRAY", 0 | 1) if param == Param::Date => {
            &["DATE '2024-01-15'", "DATE '2024-02-01'", "DATE '2024-02-29'", "DATE '2024-04-30'"]
        }
        ("GENERATE_DATE_ARRAY" | "GENERATE_TIMESTAMP_ARRAY", 0 | 1) => &[
            "TIMESTAMP '2024-01-15 00:00:00+00'",
            "TIMESTAMP '2024-01-20 12:00:00+00'",
            "TIMESTAMP '2024-02-29 01:02:03.4+00'",
        ],
        ("FORMAT_TIMESTAMP" | "FORMAT_DATETIME", 0) => TIMESTAMP_FORMATS,
        ("FORMAT_DATE", 0) => DATE_FORMATS,
        ("FORMAT_TIME", 0) => TIME_FORMATS,
        (
            "JSON_EXTRACT"
            | "JSON_EXTRACT_SCALAR"
            | "JSON_EXTRACT_ARRAY"
            | "JSON_EXTRACT_STRING_ARRAY",
            1,
        ) => {
            &["'$'", "'$.a'", "'$.b'", "'$.a.b'", "'$[0]'", "'$.a[1]'", "\"$['a']\"", "'$.missing'"]
        }
        (name, 1..) if name.starts_with("JSON_") && param == Param::Pattern => PATHS,
        ("STRING" | "TIMESTAMP" | "DATETIME" | "DATE" | "TIME", 1) if param == Param::String => {
            ZONES
        }
        ("TIMESTAMP_TRUNC" | "EXTRACT" | "FORMAT_TIMESTAMP" | "TIMESTAMP_BUCKET", 2)
            if param == Param::String =>
        {
            ZONES
        }
        ("FLOAT64" | "LAX_FLOAT64", 1) => return None,
        ("STRING_AGG", 1) if param == Param::Bytes => &["b','", "b''"],
        _ => return hint_of_values(name, place),
    })
}

/// As [`hint`], of arguments whose values matter whatever they are called for.
fn hint_of_values(name: &str, place: usize) -> Option<&'static [&'static str]> {
    Some(match (name, place) {
        ("ROUND", 2) => &["'ROUND_HALF_EVEN'", "'ROUND_HALF_AWAY_FROM_ZERO'"],
        ("ROUND" | "TRUNC", 1) => &["0", "1", "2", "(-1)", "3", "(-5)", "10"],
        ("NTILE", 0) => &["1", "2", "3", "5"],
        ("LEAD" | "LAG", 1) => &["0", "1", "2"],
        ("NTH_VALUE", 1) => &["1", "2", "3"],
        ("PERCENTILE_CONT" | "PERCENTILE_DISC", 1) => &["0", "0.5", "0.25", "1", "0.9"],
        ("STRING_AGG", 1) => &["','", "''", "' | '"],
        ("CODE_POINTS_TO_STRING" | "CODE_POINTS_TO_BYTES", 0) => {
            &["[65, 66]", "[233]", "ARRAY<INT64>[]", "[128512, 97]", "[NULL, 65]", "[-1]", "[256]"]
        }
        ("CHR", 0) => &["65", "233", "128512", "55296", "(-1)", "1114112"],
        ("FROM_HEX", 0) => &["'00ff'", "'abc'", "'xyz'", "''", "'ABCDEF'"],
        ("FROM_BASE64", 0) => &["'YWJj'", "'/+A='", "'!!'", "''", "'YQ=='"],
        ("PARSE_JSON", 0) => {
            &["'{\"b\": 1, \"a\": 2}'", "'[1, 2.5, null]'", "'x'", "'\"é\"'", "' 1 '", "''"]
        }
        ("PARSE_NUMERIC" | "PARSE_BIGNUMERIC", 0) => &[
            "'1,234.5'",
            "' - 12.34'",
            "'1e3'",
            "'.5-'",
            "'$1'",
            "'12345678901234567890.123456789123'",
            "''",
        ],
        ("NET.IP_FROM_STRING" | "NET.SAFE_IP_FROM_STRING", 0) => &[
            "'10.0.0.1'",
            "'::1'",
            "'2001:db8::ff00:42:8329'",
            "'256.1.1.1'",
            "'1.2.3'",
            "'::ffff:1.2.3.4'",
        ],
        ("NET.IP_TO_STRING" | "NET.IP_TRUNC", 0) => &[
            "b'\\x0a\\x00\\x00\\x01'",
            "b'0123456789abcdef'",
            "b'abc'",
            "b'\\x20\\x01\\x0d\\xb8\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01'",
        ],
        ("NET.IP_TRUNC", 1) => &["0", "8", "20", "32", "64", "(-1)", "129"],
        ("NET.IP_NET_MASK", 0) => &["4", "16", "5"],
        ("NET.IP_NET_MASK", 1) => &["0", "20", "32", "128", "(-1)"],
        ("NET.IPV4_TO_INT64", 0) => &["b'\\xff\\xff\\xff\\xfe'", "b'abcd'", "b'abc'"],
        ("NET.HOST" | "NET.REG_DOMAIN" | "NET.PUBLIC_SUFFIX", 0) => &[
            "'https://user:pw@www.example.co.uk:8080/p?q'",
            "'mailto:?to=a@b.com'",
            "'  //Foo.COM./x '",
            "'a.b'",
            "''",
            "'http://[2001:db8::1]:80/'",
            "'http://日本.jp'",
            "'file:///etc'",
        ],
        _ => return None,
    })
}
