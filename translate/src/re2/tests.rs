//! What patterns become.

use super::*;

fn are(re2: &str) -> String {
    let text = Pattern::parse(re2).and_then(|pattern| pattern.to_postgres());
    text.unwrap_or_else(|error| panic!("{re2}: {error:?}")).trim_start_matches("***:").to_owned()
}

#[test]
fn translates() {
    for (re2, text) in [
        ("PGRST301", "PGRST301"),
        ("a.b", r"a[^\u000a]b"),
        ("(?s)a.b", "a.b"),
        ("(?i)a.1", r"[Aa][^\u000a]1"),
        ("(?im)^a$", "(?w)^[Aa]$"),
        (r"(?m)\Aa$", r"(?w)\Aa$"),
        (r"\d+ [45]\d\d", r"[0-9]+ [45][0-9][0-9]"),
        (r"[\d.]+", r"[\.0-9]+"),
        (r"[^\D]", "[0-9]"),
        (r"[a-z\-]", r"[\-a-z]"),
        ("[]a]", r"[\]a]"),
        ("[^-a]", r"[^\-a]"),
        (r"\bx\B", r"\yx\Y"),
        (r"\Aa\z", "^a$"),
        (r"(?P<n>a)(?:b)(?<m>c)", "(a)b(c)"),
        (r"\Qa.b\E+", r"a\.b+"),
        (r"\x41\x{e9}\101\n", r"AéA\u000a"),
        ("a{2,3}?b{2}c{1,}", "a{2,3}?b{2}c+"),
        ("a{,3}{", r"a\{\,3\}\{"),
        ("/rest|/graphql", r"\/rest|\/graphql"),
        ("(?:a|b)c", "(?:a|b)c"),
        ("(?:ab)*", "(?:ab)*"),
        ("it's \"q\"", r#"it\'s \"q\""#),
        (r"^GET .*(?i)a\.p1$", r"^GET [^\u000a]*[Aa]\.[Pp]1$"),
        ("a(?i:b[c1])d(e(?i)f)g", "a[Bb][1Cc]d(e[Ff])g"),
        ("(?i)[a-b]k", "[ABab][Kk\u{212a}]"),
        (r"\_\ ", "_ "),
        ("(?s-s).", r"[^\u000a]"),
        ("(?U)a*b*?", "a*?b*"),
        ("", ""),
        ("a||b", "a||b"),
        ("[[:^digit:]]", "[^0-9]"),
    ] {
        assert_eq!(are(re2), text, "{re2}");
    }
    assert!(are(r"\p{Greek}+").contains("Α-Ρ") || are(r"\p{Greek}+").contains("Ύ-Ρ"));
    assert!(are(r"\pL").starts_with("[A-Za-z"));
    assert_eq!(are(r"\PL").replace("[^", "["), are(r"\pL"));
}

#[test]
fn refuses() {
    for (re2, message) in [
        ("(", "missing ): ("),
        (")", "unexpected ): )"),
        ("[a", "missing ]: [a"),
        ("a\\", "trailing \\"),
        ("*a", "no argument for repetition operator: *"),
        ("a|*", "no argument for repetition operator: *"),
        ("(?i)*", "no argument for repetition operator: *"),
        ("a**", "bad repetition operator: **"),
        ("a*?+", "bad repetition operator: *?+"),
        ("(?=a)", "invalid perl operator: (?="),
        ("(?<!a)", "invalid perl operator: (?<!"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        (r"\y", r"invalid escape sequence: \y"),
        ("(?P<>a)", "invalid named capture group: (?P<>"),
        ("[b-a]", "invalid character class range: b-a"),
        ("[[:foo:]]", "invalid character class range: [:foo:]"),
        (r"\p{Nonsense}", r"invalid character class range: \p{Nonsense}"),
        ("a{1001}", "invalid repetition size: {1001}"),
        ("a{2,1}", "invalid repetition size: {2,1}"),
    ] {
        match Pattern::parse(re2) {
            Err(Error::Invalid(found)) => assert_eq!(found, message, "{re2}"),
            other => panic!("{re2}: {other:?}"),
        }
    }
    for re2 in [r"\C", "a{256}"] {
        let found = Pattern::parse(re2).and_then(|pattern| pattern.to_postgres());
        assert!(matches!(found, Err(Error::Unsupported(_))), "{re2}");
    }
    let empty_turns = Pattern::parse("(?:a*)*").and_then(|pattern| pattern.search(&[], true));
    assert!(matches!(empty_turns, Err(Error::Unsupported(_))), "{empty_turns:?}");
}

#[test]
fn uses_postgres_where_both_find_the_same() {
    let native = |re2: &str| {
        let pattern = Pattern::parse(re2).unwrap();
        let wanted: Vec<usize> = (1..=pattern.groups).collect();
        match pattern.search(&wanted, false).unwrap() {
            Search::Native(text) => Some(text.trim_start_matches("***:").to_owned()),
            Search::Program { .. } => None,
        }
    };
    for (re2, text) in [
        (r"\d+", "[0-9]+"),
        (r"^/(\w+)/", r"^\/([0-9A-Z_a-z]+)\/"),
        ("(GET|POST) /", r"(GET|POST) \/"),
        ("a|ab", "(?:a|ab){1,1}?"),
        ("a+?", "(?:a+?){1,1}?"),
        ("\"(.*?)\"", "(?:\\\"([^\\u000a]*?)\\\"){1,1}?"),
        (r"\b(\d+)ms\b", r"\y([0-9]+)ms\y"),
        (r"(\w+)@(\w+)\.com", r"([0-9A-Z_a-z]+)\@([0-9A-Z_a-z]+)\.com"),
    ] {
        assert_eq!(native(re2).as_deref(), Some(text), "{re2}");
    }
    for re2 in [
        "ab?|abc",
        "a?(?:ab)?c?",
        r"o.*?(\d+)",
        "(a|ab)(c|bcd)(d*)",
        "(?:(a)|b)+",
        "x*",
        "(a*)(a*)b",
    ] {
        assert_eq!(native(re2), None, "{re2}");
    }
}

#[test]
fn reads_replacements() {
    let read = Replacement::parse(r"<\0> \1 & \\", 1).unwrap();
    assert_eq!(read.groups, [0, 1]);
    assert_eq!(read.texts, ["<", "> ", r" & \"]);
    assert_eq!(read.to_postgres(), r"<\&> \1 & \\");
    assert!(Replacement::parse(r"\2", 1).is_err());
    assert!(Replacement::parse("\\", 1).is_err());
    assert!(Replacement::parse(r"\a", 1).is_err());
}
