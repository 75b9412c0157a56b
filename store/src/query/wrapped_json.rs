//! Objects in the shape of BigQuery's repeated records.

/// Copies JSON text, and puts `[…]` around each object that is the whole value or the value of a
/// key: `{"a":{"b":1}}` becomes `[{"a":[{"b":1}]}]`. Objects in arrays get none of their own.
///
/// The text must be valid JSON, as Postgres gives it; spaces between tokens are left out. It is one
/// pass without a tree, and no depth of nesting overflows anything.
pub(super) fn write_wrapped(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + text.len() / 8);
    // The containers around the current place.
    let mut open: Vec<Container> = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' => {
                let length = string_length(rest);
                let (string, after) = rest.split_at(length);
                out.extend_from_slice(string);
                rest = after;
                continue;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'{' => {
                if matches!(open.last(), Some(Container::Array)) {
                    open.push(Container::BareObject);
                } else {
                    out.push(b'[');
                    open.push(Container::WrappedObject);
                }
                out.push(b'{');
            }
            b'[' => {
                open.push(Container::Array);
                out.push(b'[');
            }
            b'}' => {
                out.push(b'}');
                if matches!(open.pop(), Some(Container::WrappedObject)) {
                    out.push(b']');
                }
            }
            b']' => {
                open.pop();
                out.push(b']');
            }
            other => out.push(other),
        }
        rest = after;
    }
}

/// Appends a JSON string that holds this JSON text, without the blanks between its tokens.
pub(super) fn write_compact(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut compact = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = if next == '"' { string_length(rest.as_bytes()) } else { next.len_utf8() };
        let (token, after) = rest.split_at(length);
        if !next.is_ascii_whitespace() {
            compact.push_str(token);
        }
        rest = after;
    }
    serde_json::to_writer(out, &compact).map_err(|error| error.to_string())
}

enum Container {
    Array,
    WrappedObject,
    BareObject,
}

/// Bytes of the string that `text` begins with, both quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
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

    fn wrapped(text: &str) -> String {
        let mut out = Vec::new();
        write_wrapped(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_become_arrays_of_one() {
        for (text, expected) in [
            ("1", "1"),
            ("null", "null"),
            (r#""a b""#, r#""a b""#),
            ("{}", "[{}]"),
            ("[]", "[]"),
            (r#"{"a": {"b": {}}, "c": 1}"#, r#"[{"a":[{"b":[{}]}],"c":1}]"#),
            (r#"{"a": [{"b": {"c": 1}}, 2, []]}"#, r#"[{"a":[{"b":[{"c":1}]},2,[]]}]"#),
            (r#"[{"a": {}}, [{"b": {}}]]"#, r#"[{"a":[{}]},[{"b":[{}]}]]"#),
        ] {
            assert_eq!(wrapped(text), expected, "{text}");
        }
    }

    #[test]
    fn text_in_strings_is_no_structure() {
        assert_eq!(
            wrapped(r#"{"{\"": "}\\", "é": "[ \\\" {"}"#),
            r#"[{"{\"":"}\\","é":"[ \\\" {"}]"#
        );
    }

    #[test]
    fn any_depth_is_fine_and_broken_text_harmless() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        assert_eq!(wrapped(&deep).len(), deep.len() + 200_000);
        for broken in ["", "}", "]]", "\"", "{\"a", "\"\\"] {
            wrapped(broken);
        }
    }
}
