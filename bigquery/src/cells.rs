//! From rows as the REST API writes them, `{"f": [{"v": …}]}`, to JSON objects.

use serde_json::Value;

use crate::{Column, ColumnType, Mode, Schema};

/// Writes the rows of one answer.
pub(crate) struct RowWriter<'s> {
    fields: Vec<(&'s Column, Vec<u8>, bool)>,
}

impl<'s> RowWriter<'s> {
    /// `of_events` says of the columns, by their places, which hold values of events.
    pub(crate) fn new(schema: &'s Schema, of_events: &[bool]) -> Self {
        let field = |(place, column): (usize, &'s Column)| {
            (column, key(&column.name), of_events.get(place).copied().unwrap_or(false))
        };
        Self { fields: schema.fields.iter().enumerate().map(field).collect() }
    }

    /// Appends a row as an object.
    pub(crate) fn write(&self, row: &Value, out: &mut Vec<u8>) -> Result<(), String> {
        let cells = cells(row)?;
        if cells.len() != self.fields.len() {
            return Err(format!("{} cells for {} columns", cells.len(), self.fields.len()));
        }
        out.push(b'{');
        for (place, ((column, key, of_event), cell)) in self.fields.iter().zip(cells).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            let value = value_of(cell);
            if *of_event && is_unset(value) {
                out.extend_from_slice(b"null");
            } else {
                write(column, value, *of_event, out)
                    .map_err(|error| format!("column {}: {error}", column.name))?;
            }
        }
        out.push(b'}');
        Ok(())
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Value::from(name).to_string().into_bytes();
    key.push(b':');
    key
}

fn cells(row: &Value) -> Result<&[Value], String> {
    let cells = row.get("f").and_then(Value::as_array);
    cells.map(Vec::as_slice).ok_or_else(|| "a row without cells".to_owned())
}

fn value_of(cell: &Value) -> &Value {
    cell.get("v").unwrap_or(&Value::Null)
}

/// An event that lacks a field has NULL in its column, or an empty list.
fn is_unset(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn write(column: &Column, value: &Value, sparse: bool, out: &mut Vec<u8>) -> Result<(), String> {
    if column.mode != Mode::Repeated {
        return write_one(column, value, sparse, out);
    }
    out.push(b'[');
    match value {
        Value::Null => {}
        Value::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_one(column, value_of(element), sparse, out)?;
            }
        }
        _ => return Err("a list was promised".to_owned()),
    }
    out.push(b']');
    Ok(())
}

fn write_one(
    column: &Column,
    value: &Value,
    sparse: bool,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if value.is_null() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    if column.kind == ColumnType::Record {
        return write_record(column, value, sparse, out);
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err("a single value was promised".to_owned()),
    };
    match column.kind {
        ColumnType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => out.extend_from_slice(b"true"),
            "false" => out.extend_from_slice(b"false"),
            _ => return Err("no BOOL".to_owned()),
        },
        ColumnType::Integer => {
            let number: i64 = text.parse().map_err(|_| "no INT64")?;
            out.extend_from_slice(number.to_string().as_bytes());
        }
        ColumnType::Float => write_float(&text, out)?,
        ColumnType::Numeric | ColumnType::Bignumeric => write_decimal(&text, out)?,
        ColumnType::Timestamp => {
            let micros = micros(&text).ok_or("no TIMESTAMP")?;
            out.extend_from_slice(micros.to_string().as_bytes());
        }
        ColumnType::Datetime | ColumnType::Time => write_text(&with_whole_fraction(&text), out),
        _ => write_text(&text, out),
    }
    Ok(())
}

fn write_record(
    column: &Column,
    value: &Value,
    sparse: bool,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let cells = cells(value)?;
    if cells.len() != column.fields.len() {
        return Err(format!("{} cells for {} fields", cells.len(), column.fields.len()));
    }
    out.push(b'{');
    let mut is_first = true;
    for (field, cell) in column.fields.iter().zip(cells) {
        let value = value_of(cell);
        if sparse && is_unset(value) {
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        out.extend_from_slice(&key(&field.name));
        write(field, value, sparse, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(Value::from(text).to_string().as_bytes());
}

fn write_float(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let number: f64 = text.parse().map_err(|_| "no FLOAT64")?;
    // JSON has no numbers for these.
    let shown = if number.is_nan() {
        "\"NaN\"".to_owned()
    } else if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "" };
        format!("\"{sign}Infinity\"")
    } else {
        number.to_string()
    };
    out.extend_from_slice(shown.as_bytes());
    Ok(())
}

/// All digits, without zeros at the end of the fraction.
fn write_decimal(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    if digits.is_empty() || !digits.chars().all(is_digit) || digits.matches('.').count() > 1 {
        return Err("no NUMERIC".to_owned());
    }
    let shown = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    let shown = if matches!(shown, "" | "-" | "-0") { "0" } else { shown };
    // JSON wants a digit before the point.
    let shown = match (shown.strip_prefix("-."), shown.strip_prefix('.')) {
        (Some(fraction), _) => format!("-0.{fraction}"),
        (None, Some(fraction)) => format!("0.{fraction}"),
        (None, None) => shown.to_owned(),
    };
    out.extend_from_slice(shown.as_bytes());
    Ok(())
}

/// Microseconds since 1970: whole ones as they were asked for, or seconds as a decimal number.
fn micros(text: &str) -> Option<i64> {
    if let Ok(micros) = text.parse() {
        return Some(micros);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent + 6 - i32::try_from(fraction.len()).ok()?;
    let scale = 10_i128.checked_pow(shift.unsigned_abs())?;
    let micros = if shift < 0 { digits / scale } else { digits.checked_mul(scale)? };
    i64::try_from(micros).ok()
}

/// Six digits after the point, where there is one.
fn with_whole_fraction(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole.to_owned(),
        Some((whole, fraction)) => format!("{whole}.{fraction:0<6}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(kind: &str, mode: &str) -> Value {
        json!({ "name": "c", "type": kind, "mode": mode })
    }

    fn shown(column: &Value, value: &Value, of_event: bool) -> Result<Value, String> {
        let schema: Schema = serde_json::from_value(json!({ "fields": [column] })).unwrap();
        let mut out = Vec::new();
        let row = json!({ "f": [{ "v": value }] });
        RowWriter::new(&schema, &[of_event]).write(&row, &mut out)?;
        let text = String::from_utf8(out).unwrap();
        Ok(serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{text}"))["c"].clone())
    }

    #[test]
    fn single_values() {
        for (kind, value, expected) in [
            ("INTEGER", json!("9007199254740993"), json!(9007199254740993_i64)),
            ("INT64", json!(7), json!(7)),
            ("FLOAT", json!("1.0E10"), json!(10000000000_i64)),
            ("FLOAT", json!("-1.5"), json!(-1.5)),
            ("FLOAT", json!("NaN"), json!("NaN")),
            ("FLOAT64", json!("-Infinity"), json!("-Infinity")),
            ("BOOLEAN", json!("true"), json!(true)),
            ("BOOL", json!(false), json!(false)),
            ("STRING", json!("a\"b"), json!("a\"b")),
            ("BYTES", json!("/w=="), json!("/w==")),
            ("NUMERIC", json!("1.200000000"), json!(1.2)),
            ("NUMERIC", json!("-0.000"), json!(0)),
            ("BIGNUMERIC", json!("-.5"), json!(-0.5)),
            ("NUMERIC", json!("100"), json!(100)),
            ("TIMESTAMP", json!("1700000000123456"), json!(1700000000123456_i64)),
            ("TIMESTAMP", json!("1.408452095E9"), json!(1408452095000000_i64)),
            ("TIMESTAMP", json!("1700000000.123456"), json!(1700000000123456_i64)),
            ("TIMESTAMP", json!("-0.5"), json!(-500000)),
            ("DATETIME", json!("2026-11-24T03:20:00"), json!("2026-11-24T03:20:00")),
            ("DATETIME", json!("2026-11-24T03:20:00.5"), json!("2026-11-24T03:20:00.500000")),
            ("TIME", json!("03:20:00.000000"), json!("03:20:00")),
            ("DATE", json!("2026-11-24"), json!("2026-11-24")),
            ("JSON", json!("{\"a\":1}"), json!("{\"a\":1}")),
            ("INTERVAL", json!("0-0 1 0:0:0"), json!("0-0 1 0:0:0")),
            ("STRING", json!(null), json!(null)),
        ] {
            let column = column(kind, "NULLABLE");
            assert_eq!(shown(&column, &value, false), Ok(expected), "{kind} {value}");
        }
    }

    #[test]
    fn lists_and_records() {
        let list = column("INTEGER", "REPEATED");
        assert_eq!(shown(&list, &json!([{ "v": "1" }, { "v": "2" }]), false), Ok(json!([1, 2])));
        assert_eq!(shown(&list, &json!(null), false), Ok(json!([])));
        let record = json!({ "name": "c", "type": "RECORD", "mode": "REPEATED", "fields": [
            { "name": "a", "type": "STRING" },
            { "name": "b", "type": "RECORD", "mode": "REPEATED", "fields": [
                { "name": "n", "type": "INTEGER" },
            ]},
        ]});
        let value = json!([{ "v": { "f": [{ "v": null }, { "v": [] }] } }]);
        assert_eq!(shown(&record, &value, false), Ok(json!([{ "a": null, "b": [] }])));
        // What an event lacks it lacks here too.
        assert_eq!(shown(&record, &value, true), Ok(json!([{}])));
        assert_eq!(shown(&record, &json!([]), true), Ok(json!(null)));
        let nested =
            json!([{ "v": { "f": [{ "v": "x" }, { "v": [{ "v": { "f": [{ "v": "5" }] } }] }] } }]);
        assert_eq!(shown(&record, &nested, true), Ok(json!([{ "a": "x", "b": [{ "n": 5 }] }])));
    }

    #[test]
    fn what_was_not_promised_is_an_error() {
        for (kind, value) in [
            ("INTEGER", json!("1.5")),
            ("FLOAT", json!("x")),
            ("NUMERIC", json!("1e5")),
            ("NUMERIC", json!("")),
            ("TIMESTAMP", json!("yesterday")),
            ("TIMESTAMP", json!("1.0E99")),
            ("BOOLEAN", json!("1")),
            ("STRING", json!([])),
            ("RECORD", json!("x")),
        ] {
            assert!(shown(&column(kind, "NULLABLE"), &value, false).is_err(), "{kind} {value}");
        }
        let schema = Schema::default();
        let row = json!({ "f": [{ "v": "1" }] });
        assert!(RowWriter::new(&schema, &[]).write(&row, &mut Vec::new()).is_err());
        assert!(RowWriter::new(&schema, &[]).write(&json!({}), &mut Vec::new()).is_err());
    }
}
