//! Values of answers, BigQuery's as recorded and ours, in one form by their type.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};
use store::ColumnKind;
use translate::OutputType;

use super::{decimal, instant, types::Type};

/// A value, read by its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
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
        OutputType::String => ColumnKind::String,
        OutputType::Timestamp => ColumnKind::Timestamp,
        OutputType::Datetime => ColumnKind::Datetime,
        OutputType::Date => ColumnKind::Date,
        OutputType::Json => ColumnKind::Json,
    }
}

/// The type that an output column has. Arrays, structs and values of events all come as JSON.
pub(super) fn output_type(ty: &OutputType) -> Type {
    match ty {
        OutputType::Bool => Type::Bool,
        OutputType::Int64 => Type::Int64,
        OutputType::Float64 => Type::Float64,
        OutputType::String => Type::String,
        OutputType::Timestamp => Type::Timestamp,
        OutputType::Datetime => Type::Datetime,
        OutputType::Date => Type::Date,
        OutputType::Json => Type::Json,
    }
}

/// Whether a column of this type may carry what BigQuery answers as `expected`.
pub(super) fn is_type(expected: &Type, ours: &OutputType) -> bool {
    let ours = output_type(ours);
    let by_its_values = matches!(expected, Type::Array(_) | Type::Struct(_));
    ours == *expected || (ours == Type::Json && by_its_values)
}

/// Whose form a value is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As recorded: JSON is text, times are ISO 8601.
    BigQuery,
    /// As our server answers: objects stand in arrays of one, timestamps are microseconds.
    Ours,
}

/// Reads a value; the text says what it is instead of the type.
pub(super) fn read(ty: &Type, text: &str, form: Form) -> Result<Cell, String> {
    if text == "null" {
        // BigQuery's answers know no array that is NULL.
        return Ok(if matches!(ty, Type::Array(_)) { Cell::List(Vec::new()) } else { Cell::Null });
    }
    cell(ty, text, form).ok_or_else(|| format!("{text} is no {ty}"))
}

fn cell(ty: &Type, text: &str, form: Form) -> Option<Cell> {
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
        Type::String | Type::Bytes | Type::Interval => Cell::Text(string()?),
        Type::Date => Cell::Text(instant::date(&string()?)?.to_string()),
        Type::Datetime => Cell::Text(instant::datetime(&string()?)?.to_string()),
        Type::Time => Cell::Text(instant::time(&string()?)?.to_string()),
        Type::Timestamp => Cell::Timestamp(match string() {
            Some(text) => instant::micros(&text)?,
            None => text.parse().ok()?,
        }),
        Type::Json | Type::Other(_) => Cell::Json(json(text, form)?),
        Type::Array(element) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let elements = elements.iter().map(|one| read(element, one.get(), form).ok());
            Cell::List(elements.collect::<Option<_>>()?)
        }
        Type::Struct(fields) => {
            let object = object(text)?;
            let member = |(name, ty): &(String, Type)| {
                read(ty, object.get(name).map_or("null", |value| value.get()), form).ok()
            };
            if object.keys().any(|name| !fields.iter().any(|(field, _)| field == name)) {
                return None;
            }
            Cell::Struct(fields.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

/// An object, also one in an array of one.
fn object(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok().or_else(|| {
        let [one]: [BTreeMap<String, &RawValue>; 1] = serde_json::from_str(text).ok()?;
        Some(one)
    })
}

/// JSON in the shape in which our server answers it.
fn json(text: &str, form: Form) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    if form == Form::Ours {
        return Some(value);
    }
    // BigQuery answers JSON as text.
    let value = match value {
        Value::String(text) => serde_json::from_str(&text).ok()?,
        other => other,
    };
    Some(wrapped(value, false))
}

/// Puts each object that is the whole value or the value of a key into an array of one.
fn wrapped(value: Value, in_array: bool) -> Value {
    match value {
        Value::Array(elements) => {
            elements.into_iter().map(|element| wrapped(element, true)).collect()
        }
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, wrapped(value, false)));
            let object = Value::Object(members.collect());
            if in_array { object } else { Value::Array(vec![object]) }
        }
        other => other,
    }
}

/// Takes what our server answers for a value of this type back into the form of an event's body.
pub(super) fn body_of(ty: &Type, text: &str) -> String {
    let unwrapped = match ty {
        Type::Struct(_) | Type::Json => {
            serde_json::from_str::<[&RawValue; 1]>(text).ok().map(|[one]| one.get())
        }
        _ => None,
    };
    unwrapped.filter(|one| one.starts_with('{')).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn both(ty: &Type, theirs: &str, ours: &str) -> bool {
        read(ty, theirs, Form::BigQuery).unwrap() == read(ty, ours, Form::Ours).unwrap()
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
            (Type::Json, r#""{\"a\": {\"b\": [{}]}}""#, r#"[{"a":[{"b":[{}]}]}]"#),
            (Type::Array(Box::new(Type::Int64)), "[1, 2]", "[1,2]"),
            (Type::Array(Box::new(Type::Int64)), "[]", "null"),
            (record, r#"{"a": 1, "b": null}"#, r#"[{"a":1}]"#),
        ] {
            assert!(both(&ty, theirs, ours), "{ty} {theirs} {ours}");
        }
    }

    #[test]
    fn other_values_and_other_types_are_seen() {
        assert!(!both(&Type::Int64, "5", "6"));
        assert!(!both(&Type::Json, "\"1\"", "2"));
        assert!(read(&Type::Int64, "\"x\"", Form::Ours).is_err());
        assert!(read(&Type::String, "1", Form::Ours).is_err());
        assert!(read(&Type::Array(Box::new(Type::Int64)), "[\"x\"]", Form::Ours).is_err());
        assert!(is_type(&Type::Array(Box::new(Type::Int64)), &OutputType::Json));
        assert!(!is_type(&Type::Int64, &OutputType::Json));
        assert!(!is_type(&Type::Int64, &OutputType::Float64));
    }

    #[test]
    fn answers_become_bodies() {
        let ty = Type::Struct(vec![("a".to_owned(), Type::Int64)]);
        assert_eq!(body_of(&ty, r#"[{"a":1}]"#), r#"{"a":1}"#);
        assert_eq!(body_of(&Type::Json, "[1]"), "[1]");
        assert_eq!(wrapped(json!({"a": {}}), false), json!([{"a": [{}]}]));
    }
}
