//! Values of answers, BigQuery's as recorded and ours, in one form by their type.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};
use store::ColumnKind;
use translate::OutputType;

use super::{decimal, instant, types::Type};

/// A value, read by its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    /// INT64, NUMERIC, BIGNUMERIC: all digits.
    Number(String),
    Float(f64),
    /// Also what is text in JSON: dates, times, bytes as base64, intervals.
    Text(String),
    /// Microseconds since 1970.
    Timestamp(i64),
    Json(Value),
    List(Vec<Cell>),
    Struct(Vec<Cell>),
}

/// How an output column is asked of the store.
pub(super) fn column_kind(ty: &OutputType) -> ColumnKind {
    match ty {
        OutputType::Bool => ColumnKind::Bool,
        OutputType::Int64 => ColumnKind::Int64,
        OutputType::Float64 => ColumnKind::Float64,
        OutputType::Numeric | OutputType::BigNumeric => ColumnKind::Numeric,
        OutputType::String => ColumnKind::String,
        OutputType::Bytes => ColumnKind::Bytes,
        OutputType::Timestamp => ColumnKind::Timestamp,
        OutputType::Datetime => ColumnKind::Datetime,
        OutputType::Date => ColumnKind::Date,
        OutputType::Time => ColumnKind::Time,
        OutputType::Interval => ColumnKind::Interval,
        OutputType::Json => ColumnKind::JsonText,
        OutputType::EventValue => ColumnKind::Json,
        OutputType::Array(element) => ColumnKind::Array(Box::new(column_kind(element))),
        OutputType::Struct(fields) => {
            let field = |(name, ty): &(String, OutputType)| (name.clone(), column_kind(ty));
            ColumnKind::Struct(fields.iter().map(field).collect())
        }
    }
}

/// The type that an output column has.
pub(crate) fn output_type(ty: &OutputType) -> Type {
    match ty {
        OutputType::Bool => Type::Bool,
        OutputType::Int64 => Type::Int64,
        OutputType::Float64 => Type::Float64,
        OutputType::Numeric => Type::Numeric,
        OutputType::BigNumeric => Type::BigNumeric,
        OutputType::String => Type::String,
        OutputType::Bytes => Type::Bytes,
        OutputType::Timestamp => Type::Timestamp,
        OutputType::Datetime => Type::Datetime,
        OutputType::Date => Type::Date,
        OutputType::Time => Type::Time,
        OutputType::Interval => Type::Interval,
        OutputType::Json => Type::Json,
        // What an event carries, of no type that is known.
        OutputType::EventValue => Type::Other("EVENT VALUE".to_owned()),
        OutputType::Array(element) => Type::Array(Box::new(output_type(element))),
        OutputType::Struct(fields) => {
            let field = |(name, ty): &(String, OutputType)| (name.clone(), output_type(ty));
            Type::Struct(fields.iter().map(field).collect())
        }
    }
}

/// Reads a value as recorded, where times are ISO 8601, or as our server answers it, where they are
/// microseconds. The error says what it is instead.
pub(super) fn read(ty: &Type, text: &str) -> Result<Cell, String> {
    if text == "null" {
        // BigQuery's answers know no array that is NULL.
        return Ok(if matches!(ty, Type::Array(_)) { Cell::List(Vec::new()) } else { Cell::Null });
    }
    cell(ty, text).ok_or_else(|| format!("{text} is no {ty}"))
}

fn cell(ty: &Type, text: &str) -> Option<Cell> {
    let string = || serde_json::from_str::<String>(text).ok();
    Some(match ty {
        Type::Bool => Cell::Bool(serde_json::from_str(text).ok()?),
        Type::Int64 | Type::Numeric | Type::BigNumeric => {
            Cell::Number(decimal::canonical(&string().unwrap_or_else(|| text.to_owned()))?)
        }
        Type::Float64 => Cell::Float(match string() {
            Some(name) => name.parse().ok()?,
            None => text.parse().ok()?,
        }),
        Type::String | Type::Bytes => Cell::Text(string()?),
        Type::Interval => Cell::Text(interval(&string()?)),
        Type::Date => Cell::Text(instant::date(&string()?)?.to_string()),
        Type::Datetime => Cell::Text(instant::datetime(&string()?)?.to_string()),
        Type::Time => Cell::Text(instant::time(&string()?)?.to_string()),
        Type::Timestamp => Cell::Timestamp(match string() {
            Some(text) => instant::micros(&text)?,
            None => text.parse().ok()?,
        }),
        Type::Json | Type::Other(_) => Cell::Json(json(text)?),
        Type::Array(element) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let elements = elements.iter().map(|one| read(element, one.get()).ok());
            Cell::List(elements.collect::<Option<_>>()?)
        }
        Type::Struct(fields) => {
            let object = object(text)?;
            let member = |(name, ty): &(String, Type)| {
                read(ty, object.get(name).map_or("null", |value| value.get())).ok()
            };
            if object.keys().any(|name| !fields.iter().any(|(field, _)| field == name)) {
                return None;
            }
            Cell::Struct(fields.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

/// An INTERVAL without zeros at the end of its seconds.
fn interval(text: &str) -> String {
    let whole =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    whole.to_owned()
}

fn object(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

/// JSON, also where it is the text of a string.
fn json(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(match &value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    })
}

/// Takes what our server answers for a value of this type back into the form of an event's body.
pub(super) fn body_of(ty: &Type, text: &str) -> Option<String> {
    if text == "null" {
        return Some(text.to_owned());
    }
    match ty {
        Type::Json => serde_json::from_str(text).ok(),
        Type::Array(element) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let elements = elements.iter().map(|one| body_of(element, one.get()));
            Some(format!("[{}]", elements.collect::<Option<Vec<_>>>()?.join(",")))
        }
        Type::Struct(fields) => {
            let object = object(text)?;
            let member = |(name, ty): &(String, Type)| {
                let value = object.get(name).map_or("null", |value| value.get());
                Some(format!("{}:{}", Value::from(name.as_str()), body_of(ty, value)?))
            };
            let members: Option<Vec<_>> = fields.iter().map(member).collect();
            Some(format!("{{{}}}", members?.join(",")))
        }
        _ => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(ty: &Type, theirs: &str, ours: &str) -> bool {
        read(ty, theirs).unwrap() == read(ty, ours).unwrap()
    }

    #[test]
    fn both_forms_are_one_value() {
        let record =
            Type::Struct(vec![("a".to_owned(), Type::Int64), ("b".to_owned(), Type::Date)]);
        for (ty, theirs, ours) in [
            (Type::Int64, "5", "5"),
            (Type::Numeric, r#""10.50""#, "10.5"),
            (Type::Float64, r#""-Infinity""#, r#""-Infinity""#),
            (Type::Timestamp, r#""1970-01-01T00:00:01+00:00""#, "1000000"),
            (Type::Datetime, r#""2024-01-15T12:34:56.789000""#, r#""2024-01-15T12:34:56.789""#),
            (Type::Json, r#""{\"a\": {\"b\": [{}]}}""#, r#""{\"a\":{\"b\":[{}]}}""#),
            (Type::Array(Box::new(Type::Int64)), "[1, 2]", "[1,2]"),
            (Type::Array(Box::new(Type::Int64)), "[]", "null"),
            (record, r#"{"a": 1, "b": null}"#, r#"{"a":1}"#),
        ] {
            assert!(both(&ty, theirs, ours), "{ty} {theirs} {ours}");
        }
    }

    #[test]
    fn other_values_and_other_types_are_seen() {
        assert!(!both(&Type::Int64, "5", "6"));
        assert!(!both(&Type::Json, "\"1\"", "2"));
        assert!(read(&Type::Int64, "\"x\"").is_err());
        assert!(read(&Type::String, "1").is_err());
        assert!(read(&Type::Array(Box::new(Type::Int64)), "[\"x\"]").is_err());
        let record = Type::Struct(vec![("a".to_owned(), Type::Int64)]);
        assert!(read(&record, r#"{"a": 1, "b": 2}"#).is_err());
        let list = OutputType::Array(Box::new(OutputType::Int64));
        assert_eq!(output_type(&list).to_string(), "ARRAY<INT64>");
        assert_ne!(output_type(&OutputType::EventValue), Type::Json);
    }

    #[test]
    fn answers_become_bodies() {
        let record =
            Type::Struct(vec![("a".to_owned(), Type::Json), ("b".to_owned(), Type::Int64)]);
        let body = body_of(&record, r#"{"a":"{\"x\":1}","b":2}"#);
        assert_eq!(body.as_deref(), Some(r#"{"a":{"x":1},"b":2}"#));
        let list = Type::Array(Box::new(record));
        assert_eq!(body_of(&list, r#"[{"b":2}]"#).as_deref(), Some(r#"[{"a":null,"b":2}]"#));
        assert_eq!(body_of(&Type::Json, r#""[1]""#).as_deref(), Some("[1]"));
    }
}
