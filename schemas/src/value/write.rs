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
    let bytes = text.as_bytes();
    let mut copied = 0;
    out.push(b'"');
    for (place, byte) in bytes.iter().enumerate() {
        let unicode = [b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)];
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0 => b"\\ufffd",
            1..=0x1f => &unicode,
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..place]);
        out.extend_from_slice(escape);
        copied = place + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}
