//! JSON as Python writes it.

/// Puts the numbers that JSON does not have (`NaN`, `Infinity`, `-Infinity`) into quotes.
pub(super) fn quote_bare_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            string_length(rest)
        } else if let Some(name) =
            ["NaN", "Infinity", "-Infinity"].into_iter().find(|name| rest.starts_with(name))
        {
            out.push('"');
            out.push_str(name);
            out.push('"');
            rest = &rest[name.len()..];
            continue;
        } else {
            first.len_utf8()
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// Bytes of the string that `text` begins with, both quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_numbers_are_quoted() {
        assert_eq!(
            quote_bare_numbers(r#"[NaN, -Infinity, Infinity, "NaN \" NaN é", -1]"#),
            r#"["NaN", "-Infinity", "Infinity", "NaN \" NaN é", -1]"#
        );
    }
}
