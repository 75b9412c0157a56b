//! Bytes to text that can be stored: no byte that is not UTF-8, and no U+0000, which PostgreSQL
//! cannot hold. Both become U+FFFD.

use std::borrow::Cow;

const REPLACEMENT: &str = "\u{fffd}";

/// The text of bytes, borrowed where nothing is wrong.
pub(super) fn borrowed(bytes: &[u8]) -> Cow<'_, str> {
    without_nul(String::from_utf8_lossy(bytes))
}

/// A text without U+0000.
pub(crate) fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    match memchr::memchr(0, text.as_bytes()) {
        None => text,
        Some(_) => Cow::Owned(text.replace('\0', REPLACEMENT)),
    }
}

/// The text of a whole body. U+0000 stays, it separates lines.
pub(super) fn text(body: Vec<u8>) -> String {
    String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_what_cannot_be_stored() {
        assert!(matches!(borrowed("né\n".as_bytes()), Cow::Borrowed("né\n")));
        assert_eq!(borrowed(b"a\0b\xff\\u0000"), "a\u{fffd}b\u{fffd}\\u0000");
        assert_eq!(text(b"a\0\xff".to_vec()), "a\0\u{fffd}");
    }
}
