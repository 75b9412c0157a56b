//! Values to JSON text.

use super::Value;

pub(super) fn value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.as_bytes()),
        Value::String(text) => string(text, out),
        Value::Array(elements) => {
            out.push(b'[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                self::value(element, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            out.push(b'{');
            for (place, (key, field)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                string(key, out);
                out.push(b':');
                self::value(field, out);
            }
            out.push(b'}');
        }
    }
}

/// A quoted string. What needs no escape, which is nearly everything, is copied in runs. U+0000,
/// which PostgreSQL cannot store, becomes U+FFFD.
fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((run, byte, after)) = split_at_escape(rest) {
        out.extend_from_slice(run);
        let unicode = [b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)];
        out.extend_from_slice(match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0 => b"\\ufffd",
            _ => &unicode,
        });
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// What comes before the first byte that needs an escape, that byte, and what comes after it.
pub(super) fn split_at_escape(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let needs_escape = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Without a way out in the middle, a block is a few instructions.
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | needs_escape(byte));
    let plain = bytes.chunks_exact(BLOCK).take_while(is_plain).count() * BLOCK;
    let place = plain + bytes[plain..].iter().position(needs_escape)?;
    let (run, rest) = bytes.split_at(place);
    let (byte, after) = rest.split_first()?;
    Some((run, *byte, after))
}

/// Bytes that are looked at together.
const BLOCK: usize = 16;

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}
