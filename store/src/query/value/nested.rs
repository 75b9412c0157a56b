//! Arrays, and the STRUCTs that the translator carries as JSON lists of their fields.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::civil;
use serde_json::value::RawValue;

use super::{
    ColumnKind, Wire, WireType, append, i32, numeric, text, time, write_string, write_value,
};
use crate::query::{
    MAX_ANSWER,
    row::NotWritten,
    wrapped_json::{write_compact, write_wrapped},
};

/// Appends a value that is not NULL.
pub(in crate::query) fn write_column(
    kind: &ColumnKind,
    wire: Wire,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), NotWritten> {
    match (kind, wire) {
        (ColumnKind::Array(element), Wire::Array(wire)) => write_array(element, wire, bytes, out),
        (ColumnKind::Struct(_), Wire::One(WireType::Jsonb)) => {
            Ok(write_element(kind, WireType::Jsonb, bytes, out)?)
        }
        (ColumnKind::Array(_) | ColumnKind::Struct(_), wire) | (_, wire @ Wire::Array(_)) => {
            Err(format!("{kind:?} was described, {wire:?} came").into())
        }
        (kind, Wire::One(wire)) => Ok(write_value(kind, wire, bytes, out)?),
    }
}

/// PostgreSQL's binary form: the number of dimensions, whether there are NULLs, the type, a length
/// and a first place for each dimension; then the elements, each with its length, -1 for NULL.
fn write_array(
    element: &ColumnKind,
    wire: WireType,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), NotWritten> {
    let broken = || "a broken array".to_owned();
    let (header, rest) = bytes.split_at_checked(12).ok_or_else(broken)?;
    let mut rest = match i32(&header[..4])? {
        0 => return Ok(append(out, "[]")?),
        1 => rest.get(8..).ok_or_else(broken)?,
        dimensions => return Err(format!("an array of {dimensions} dimensions").into()),
    };
    out.push(b'[');
    let mut first = true;
    while !rest.is_empty() {
        if !first {
            out.push(b',');
        }
        first = false;
        let (length, after) = rest.split_at_checked(4).ok_or_else(broken)?;
        match usize::try_from(i32(length)?) {
            Err(_) => {
                append(out, "null")?;
                rest = after;
            }
            Ok(length) => {
                let (value, after) = after.split_at_checked(length).ok_or_else(broken)?;
                write_element(element, wire, value, out)?;
                rest = after;
            }
        }
        // A few bytes may be a number of 300 digits.
        if out.len() > MAX_ANSWER {
            return Err(NotWritten::TooLarge);
        }
    }
    Ok(append(out, "]")?)
}

/// An element of an array, or a STRUCT.
fn write_element(
    kind: &ColumnKind,
    wire: WireType,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match (kind, wire) {
        (ColumnKind::Struct(fields), WireType::Jsonb) => match bytes.split_first() {
            Some((1, json)) => write_struct(fields, text(json)?, out),
            _ => Err("an unknown version of jsonb".to_owned()),
        },
        _ => write_value(kind, wire, bytes, out),
    }
}

/// A STRUCT as an object.
fn write_struct(
    fields: &[(String, ColumnKind)],
    list: &str,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let values = elements(list)?;
    if values.len() != fields.len() {
        return Err(format!("a STRUCT of {} fields has {}", fields.len(), values.len()));
    }
    out.push(b'{');
    for (place, ((name, kind), value)) in fields.iter().zip(values).enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_string(name, out)?;
        out.push(b':');
        write_field(kind, value.get(), out)?;
    }
    append(out, "}")
}

/// A field of a STRUCT, or an element of such a field.
fn write_field(kind: &ColumnKind, value: &str, out: &mut Vec<u8>) -> Result<(), String> {
    if value == "null" {
        return append(out, if matches!(kind, ColumnKind::Array(_)) { "[]" } else { "null" });
    }
    match kind {
        ColumnKind::Bool
        | ColumnKind::Int64
        | ColumnKind::Float64
        | ColumnKind::String
        | ColumnKind::Date
        | ColumnKind::Interval => append(out, value),
        ColumnKind::Numeric => append(out, numeric::without_zeros(value)),
        ColumnKind::Bytes => {
            let digits = string(value)?;
            let bytes = hexadecimal(digits.strip_prefix("\\x").unwrap_or_default());
            write_string(&STANDARD.encode(bytes.ok_or("bytes that are not hexadecimal")?), out)
        }
        ColumnKind::Timestamp => append(out, &time::unix_micros_of(civil(value)?).to_string()),
        ColumnKind::Datetime => write_string(&time::datetime_of(civil(value)?), out),
        ColumnKind::Time => {
            let time: civil::Time = string(value)?.parse().map_err(|_| "a broken time")?;
            write_string(&time::time_of_day(time::micros_of(time)), out)
        }
        ColumnKind::JsonText => {
            let inside = elements(value)?;
            let inside = inside.first().ok_or("a JSON value was lost")?;
            write_compact(inside.get(), out)
        }
        ColumnKind::Json => {
            write_wrapped(value.as_bytes(), out);
            Ok(())
        }
        ColumnKind::Array(element) => {
            out.push(b'[');
            for (place, value) in elements(value)?.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_field(element, value.get(), out)?;
            }
            append(out, "]")
        }
        ColumnKind::Struct(fields) => write_struct(fields, value, out),
    }
}

fn elements(list: &str) -> Result<Vec<&RawValue>, String> {
    serde_json::from_str(list).map_err(|error| error.to_string())
}

fn string(value: &str) -> Result<String, String> {
    serde_json::from_str(value).map_err(|error| error.to_string())
}

fn civil(value: &str) -> Result<civil::DateTime, String> {
    string(value)?.parse().map_err(|error: jiff::Error| error.to_string())
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &ColumnKind, wire: Wire, bytes: &[u8]) -> Result<String, String> {
        let mut out = Vec::new();
        match write_column(kind, wire, bytes, &mut out) {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(NotWritten::Mismatch(what)) => Err(what),
            Err(NotWritten::TooLarge) => Err(format!("too large after {} bytes", out.len())),
        }
    }

    fn jsonb(json: &str) -> Vec<u8> {
        [&[1], json.as_bytes()].concat()
    }

    fn array(elements: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [1, 1, 0, i32::try_from(elements.len()).unwrap(), 1] {
            bytes.extend(word.to_be_bytes());
        }
        for element in elements {
            match element {
                None => bytes.extend((-1_i32).to_be_bytes()),
                Some(element) => {
                    bytes.extend(i32::try_from(element.len()).unwrap().to_be_bytes());
                    bytes.extend(element);
                }
            }
        }
        bytes
    }

    #[test]
    fn arrays() {
        let numbers = ColumnKind::Array(Box::new(ColumnKind::Int64));
        let wire = Wire::named("INT8[]").unwrap();
        let bytes = array(&[Some(7_i64.to_be_bytes().to_vec()), None]);
        assert_eq!(shown(&numbers, wire, &bytes).unwrap(), "[7,null]");
        assert_eq!(shown(&numbers, wire, &[0; 12]).unwrap(), "[]");
        for length in 0..bytes.len() {
            assert_ne!(shown(&numbers, wire, &bytes[..length]).as_deref(), Ok("[7,null]"));
        }
        let broken = [&[0, 0, 0, 2][..], &[0; 24]].concat();
        assert!(shown(&numbers, wire, &broken).unwrap_err().contains("2 dimensions"));
    }

    #[test]
    fn an_array_ends_where_the_answer_is_too_large() {
        let numbers = ColumnKind::Array(Box::new(ColumnKind::Float64));
        let wire = Wire::named("FLOAT8[]").unwrap();
        // 12 bytes come for each, 310 are written.
        let bytes = array(&vec![Some(1e308_f64.to_be_bytes().to_vec()); 300_000]);
        let refused = shown(&numbers, wire, &bytes).unwrap_err();
        let written: usize = refused.split(' ').nth(3).unwrap().parse().unwrap();
        assert!(written > MAX_ANSWER && written < MAX_ANSWER + 400, "{refused}");
    }

    #[test]
    fn structs_have_all_types() {
        let named = |name: &str, kind| (name.to_owned(), kind);
        let inner = ColumnKind::Struct(vec![named("x", ColumnKind::Int64)]);
        let kind = ColumnKind::Struct(vec![
            named("f", ColumnKind::Float64),
            named("b", ColumnKind::Bytes),
            named("t", ColumnKind::Timestamp),
            named("d", ColumnKind::Datetime),
            named("c", ColumnKind::Time),
            named("j", ColumnKind::JsonText),
            named("s", inner.clone()),
            named("l", ColumnKind::Array(Box::new(inner))),
            named("n", ColumnKind::Array(Box::new(ColumnKind::Numeric))),
            named("e", ColumnKind::Json),
        ]);
        let json = r#"["NaN", "\\x00ff", "2024-01-02T00:00:00.5", "2024-01-02T00:00:00.5",
            "01:02:03.25", [{"a": "b c"}], [1], [[2], null], null, {"o": {}}]"#;
        assert_eq!(
            shown(&kind, Wire::One(WireType::Jsonb), &jsonb(json)).unwrap(),
            r#"{"f":"NaN","b":"AP8=","t":1704153600500000,"d":"2024-01-02T00:00:00.500000","c":"01:02:03.250000","j":"{\"a\":\"b c\"}","s":{"x":1},"l":[{"x":2},null],"n":[],"e":[{"o":[{}]}]}"#
        );
        let wire = Wire::One(WireType::Jsonb);
        assert!(shown(&kind, wire, &jsonb("[1]")).unwrap_err().contains("10 fields has 1"));
        assert!(shown(&kind, Wire::One(WireType::Text), b"[]").unwrap_err().contains("described"));
    }
}
