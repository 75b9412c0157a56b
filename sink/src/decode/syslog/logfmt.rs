//! `key=value key="a value"`, which many programs print.

/// The pairs in a text, in their order; what is no pair is passed over.
pub(super) fn pairs(text: &str) -> Vec<(&str, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(after) = after.strip_prefix('=').filter(|_| is_key(key)) else {
            // To the end of the word.
            rest = after.find(char::is_whitespace).map_or("", |end| &after[end..]);
            continue;
        };
        let (value, after) = value(after);
        pairs.push((key, value));
        rest = after;
    }
    pairs
}

/// Such as `at`, `sample#load`, `request.id`. A URL with a query is none.
fn is_key(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-.#@".contains(&byte))
}

/// A value, and what comes behind it. A quote that is not closed is part of a word.
fn value(text: &str) -> (String, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return (value, &quoted[at + 1..]),
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => value.push(c),
                    Some((_, c)) => value.extend(['\\', c]),
                    None => break,
                },
                c => value.push(c),
            }
        }
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word.to_owned(), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_pairs() {
        for (text, expected) in [
            ("at=info status=200", &[("at", "info"), ("status", "200")][..]),
            (
                r#"msg="a \"b\"\n\\ \x" empty= e="" x=é"#,
                &[("msg", "a \"b\"\n\\ \\x"), ("empty", ""), ("e", ""), ("x", "é")],
            ),
            ("some text with key=v and more", &[("key", "v")]),
            ("GET /a?b=c&d=e http://x/?y=z =x 1=2", &[]),
            (r#"a="never closed b=c"#, &[("a", "\"never"), ("b", "c")]),
            (r#"a="x"b=c"#, &[("a", "x"), ("b", "c")]),
            ("sample#load_avg.1m=0.5", &[("sample#load_avg.1m", "0.5")]),
            ("", &[]),
        ] {
            let found = pairs(text);
            let found: Vec<_> = found.iter().map(|(key, value)| (*key, value.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-z=\" \\\\é]){0,40}") {
            _ = pairs(&text);
        }
    }
}
