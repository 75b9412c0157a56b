//! Functions of text over rows, and what they say when they fail.

use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_rows_have_bigquerys_answers() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (sql, expected) in cases() {
        let answer = program.ask(sql, &[]).await;
        if answer["result"] != expected {
            wrong.push(format!("{sql}: {expected}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn cases() -> Vec<(&'static str, Value)> {
    vec![
        // Found by PostgreSQL, and by a program of RE2's.
        (
            r"select regexp_extract(x, r'in (\d+)ms') as a, regexp_extract(x, r'o.*?(\d+)') as b,
             regexp_replace(x, r'\d*', '#') as c, regexp_instr(x, r'i|in') as d
             from unnest(['foo in 12ms', 'no', null]) as x with offset as o order by o",
            json!([
                {"a": "12", "b": "12", "c": "#f#o#o# #i#n# #m#s#", "d": 5},
                {"a": null, "b": null, "c": "#n#o#", "d": 0},
                {"a": null, "b": null, "c": null, "d": null},
            ]),
        ),
        (
            r"select p, o, regexp_extract('a1b2c3', r'[a-z]\d', p, o) as x,
             regexp_extract('a1b2c3', r'[a-z]\d??', p, o) as y
             from unnest([1, 3, 7]) as p, unnest([1, 2, 4]) as o order by p, o",
            json!([
                {"p": 1, "o": 1, "x": "a1", "y": "a"},
                {"p": 1, "o": 2, "x": "b2", "y": "b"},
                {"p": 1, "o": 4, "x": null, "y": null},
                {"p": 3, "o": 1, "x": "b2", "y": "b"},
                {"p": 3, "o": 2, "x": "c3", "y": "c"},
                {"p": 3, "o": 4, "x": null, "y": null},
                {"p": 7, "o": 1, "x": null, "y": null},
                {"p": 7, "o": 2, "x": null, "y": null},
                {"p": 7, "o": 4, "x": null, "y": null},
            ]),
        ),
        (
            "select n, left('héllo', n) as l, lpad('x', n, 'ab') as p, repeat('ab', n) as r,
             substr('héllo', n, n) as s, format('%*d|%-*d|%.*f', n, 7, n, 7, n, 2.5) as f
             from unnest([0, 3]) as n order by n",
            json!([
                {"n": 0, "l": "", "p": "", "r": "", "s": "", "f": "7|7|2"},
                {"n": 3, "l": "hél", "p": "abx", "r": "ababab", "s": "llo", "f": "  7|7  |2.500"},
            ]),
        ),
        (
            "select x, safe.substr('abc', 1, x) as s, safe.chr(x) as c, safe.repeat('a', x) as r
             from unnest([-1, 2]) as x order by x",
            json!([
                {"x": -1, "s": null, "c": null, "r": null},
                {"x": 2, "s": "ab", "c": "\u{2}", "r": "aa"},
            ]),
        ),
        (
            "select format('%t %T', s, s) as f, contains_substr(s, 'B') as c
             from (select struct(1 as a, 'b\"' as b, [timestamp '2024-01-01'] as t) as s)",
            json!([{
                "f": "(1, b\", [2024-01-01 00:00:00+00]) (1, 'b\"', [TIMESTAMP \"2024-01-01 00:00:00+00\"])",
                "c": true,
            }]),
        ),
        (
            "select x, collate(x, 'und:ci') = 'É' as a, x = 'É' as b
             from unnest(['é', 'É', 'e']) as x with offset as o order by o",
            json!([
                {"x": "é", "a": true, "b": false},
                {"x": "É", "a": true, "b": true},
                {"x": "e", "a": false, "b": false},
            ]),
        ),
        ("select if(x > 1, x, error('too small')) as x from unnest([2]) as x", json!([{"x": 2}])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_in_bigquerys_words() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (expression, message) in FAILURES {
        let sql = format!("select {expression} as v from unnest([-1]) as n");
        let answer = program.ask(&sql, &[]).await;
        if !answer["error"].to_string().contains(&message.replace('"', "\\\"")) {
            wrong.push(format!("{expression}: {message}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const FAILURES: &[(&str, &str)] = &[
    ("substr('abc', 1, n)", "Third argument in SUBSTR() cannot be negative"),
    ("substr(b'abc', 1, n)", "Third argument in SUBSTR() cannot be negative"),
    ("left('abc', n)", "Second argument in LEFT() cannot be negative"),
    ("right(b'abc', n)", "Second argument in RIGHT() cannot be negative"),
    ("repeat('abc', n)", "Second argument (repeat count) for REPEAT cannot be negative"),
    ("repeat('abc', n + 1000000000)", "Output of REPEAT exceeds max allowed output size"),
    ("lpad('abc', n)", "Second argument (output size) for LPAD/RPAD cannot be negative"),
    ("rpad('abc', 2, '')", "Third argument (pad pattern) for LPAD/RPAD cannot be empty"),
    ("chr(n)", "Invalid codepoint -1"),
    ("code_points_to_bytes([n])", "Invalid ASCII value -1"),
    ("code_points_to_string([65, n])", "Invalid codepoint -1"),
    ("translate('abc', 'aa', 'bc')", "Duplicate character \"a\" in TRANSLATE source characters"),
    ("from_hex('xx')", "Failed to decode invalid hexadecimal string"),
    ("from_base64('*')", "Failed to decode invalid base64 string"),
    ("from_base32('1')", "Failed to decode invalid base32 string"),
    ("instr('abc', 'c', n + 1)", "Position must be non-zero"),
    ("instr('abc', 'c', 1, n)", "Occurrence must be positive"),
    ("regexp_extract('abc', 'c', n)", "Position must be positive"),
    ("regexp_extract('abc', 'c|cd', 1, n)", "Occurrence must be positive"),
    ("regexp_contains('a', '(')", "Cannot parse regular expression: missing ): ("),
    (
        "regexp_extract('ab', '(a)(b)')",
        "Regular expressions passed into extraction functions must not have more than 1 capturing group",
    ),
    (
        r"regexp_replace('abc', 'b', r'\1')",
        "Invalid REGEXP_REPLACE pattern: Rewrite schema requests 1 matches, but the regexp only has 0 parenthesized subexpressions.",
    ),
    ("format('%s', n)", "Invalid type for argument 2 to FORMAT; Expected STRING; Got INT64"),
    ("format('%d', 'a')", "Invalid type for argument 2 to FORMAT; Expected integer; Got STRING"),
    ("format('%d')", "Too few arguments to FORMAT for pattern \"%d\"; Expected 2; Got 1"),
    ("format('a', 1)", "Too many arguments to FORMAT"),
    ("format('%f', n)", "Invalid type for argument 2 to FORMAT; Expected DOUBLE; Got INT64"),
    ("format('%y', n)", "Invalid format specifier character \"y\" in FORMAT string: \"%y\""),
    ("chr(n + 1)", "U+0000"),
    ("collate('a', 'binary') = 'a'", "Collation 'binary' in collate function is not supported."),
    ("collate('a', 'und:ci')", "und:ci"),
    ("error('boom')", "boom"),
    ("net.ip_from_string('bad')", "NET.IP_FROM_STRING()"),
    (
        "net.ip_net_mask(4, 33)",
        "The second argument of NET.IP_NET_MASK() must be between 0 and the first argument * 8; got 33",
    ),
];
