//! The types of a source's fields.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::value::MAX_DEPTH;

/// What is known of the values at one path of a source's events.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldType {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int64,
    /// Any number.
    Float64,
    /// Text.
    String,
    /// A decimal number of 38 digits, 9 of them after the point; in the body a number or its text.
    Numeric,
    /// A decimal number of 76 digits, 38 of them after the point; in the body a number or its text.
    BigNumeric,
    /// Bytes, in the body as base64 text.
    Bytes,
    /// A point in time, in the body as whole microseconds since 1970 UTC or as ISO 8601 text.
    Timestamp,
    /// A date and a time of day without a zone, in the body as ISO 8601 text.
    Datetime,
    /// A date, in the body as ISO 8601 text.
    Date,
    /// A time of day, in the body as ISO 8601 text.
    Time,
    /// A span of time, in the body as `years-months days hours:minutes:seconds`.
    Interval,
    /// Any JSON, which queries read with the functions of JSON.
    Json,
    /// An object: its fields by name.
    Object(TableSchema),
    /// A list: what its elements are.
    Array(Box<FieldType>),
    /// Nothing is known: no event has carried the path yet, or events disagree.
    Unknown,
}

/// The fields of a source's events (or of one object in them) and their types.
///
/// Field names are exact: JSON field access is case-sensitive, also in BigQuery.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableSchema {
    /// Field name → type.
    pub fields: BTreeMap<String, FieldType>,
}

/// Why a JSON Schema does not describe the events of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    /// A part of the schema is of the wrong kind.
    #[error("{at}: {expected} belongs here, this is {found}")]
    WrongKind {
        /// Where in the schema.
        at: SchemaPath,
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// JSON Schema has no type of this name.
    #[error(
        "{at}: `{name}` is not a type, write one of \
         string, integer, number, boolean, object, array, null"
    )]
    UnknownType {
        /// Where in the schema.
        at: SchemaPath,
        /// The name that was written.
        name: String,
    },
    /// Events are objects, and so must be what describes them.
    #[error("{at}: an event is an object, write \"type\": \"object\"")]
    NotAnObject {
        /// Where in the schema.
        at: SchemaPath,
    },
    /// `x-type` names no type that queries read fields as.
    #[error(
        "{at}: `{name}` is not a type of fields, write one of \
         {names}", names = FieldType::NAMES.map(|(name, _)| name).join(", ")
    )]
    UnknownFieldType {
        /// Where in the schema.
        at: SchemaPath,
        /// The name that was written.
        name: String,
    },
    /// It breaks a rule of JSON Schema.
    #[error("{at}: {reason}")]
    Unusable {
        /// Where in the schema.
        at: SchemaPath,
        /// What is wrong there.
        reason: String,
    },
    /// Events are kept as JSON down to [`MAX_DEPTH`] levels only.
    #[error("{at}: deeper than {MAX_DEPTH} levels, no event is kept that deep")]
    TooDeep {
        /// Where in the schema.
        at: SchemaPath,
    },
}

/// A place in a JSON Schema, shown as a URI fragment: `#/properties/metadata/type`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaPath(String);

impl SchemaPath {
    fn join(&self, name: &str) -> Self {
        // JSON Pointer, RFC 6901.
        Self(format!("{}/{}", self.0, name.replace('~', "~0").replace('/', "~1")))
    }
}

impl From<&jsonschema::paths::Location> for SchemaPath {
    fn from(location: &jsonschema::paths::Location) -> Self {
        Self(location.as_str().to_owned())
    }
}

impl fmt::Display for SchemaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl FieldType {
    /// The names that `x-type` gives the types of single values.
    pub const NAMES: [(&'static str, Self); 13] = [
        ("bool", Self::Bool),
        ("int64", Self::Int64),
        ("float64", Self::Float64),
        ("string", Self::String),
        ("timestamp", Self::Timestamp),
        ("numeric", Self::Numeric),
        ("bignumeric", Self::BigNumeric),
        ("bytes", Self::Bytes),
        ("datetime", Self::Datetime),
        ("date", Self::Date),
        ("time", Self::Time),
        ("interval", Self::Interval),
        ("json", Self::Json),
    ];
}

impl TableSchema {
    /// The type at one field, [`FieldType::Unknown`] for a field that no event has carried.
    pub fn field(&self, name: &str) -> &FieldType {
        self.fields.get(name).unwrap_or(&FieldType::Unknown)
    }

    /// Reads the types from a JSON Schema (2020-12) of a source's events.
    ///
    /// Read are `type`, `properties`, `items`, and `format` for the one form that stands for a
    /// point in time: `"type": ["integer", "string"], "format": "date-time"`. `null` beside a type
    /// says nothing, as a field that is null is not stored. A field with several types, or none, is
    /// [`FieldType::Unknown`], unless `x-type` says what queries read it as (a name of
    /// [`FieldType::NAMES`]): a status that some senders write as text is still a number. All other
    /// keywords are for validation.
    ///
    /// # Errors
    /// [`InvalidSchema`] at the first part that no event could be described by.
    pub fn from_json_schema(schema: &Value) -> Result<Self, InvalidSchema> {
        let root = SchemaPath::default();
        match field_type(schema, &root, MAX_DEPTH)? {
            FieldType::Object(fields) => Ok(fields),
            _ => Err(InvalidSchema::NotAnObject { at: root }),
        }
    }
}

/// The type that one (sub)schema describes, with at most `levels` more of objects and lists.
fn field_type(schema: &Value, at: &SchemaPath, levels: usize) -> Result<FieldType, InvalidSchema> {
    let keywords = match schema {
        Value::Object(keywords) => keywords,
        // `true` allows everything, `false` nothing: both say nothing of a type.
        Value::Bool(_) => return Ok(FieldType::Unknown),
        other => return Err(wrong_kind(at, "a schema (an object)", other)),
    };
    let types = type_names(keywords, at)?;
    if let Some(name) = keywords.get("x-type") {
        return field_type_named(name, &at.join("x-type"));
    }
    let nested = |keyword| {
        let at = at.join(keyword);
        let levels =
            levels.checked_sub(1).ok_or_else(|| InvalidSchema::TooDeep { at: at.clone() })?;
        Ok((at, levels))
    };
    Ok(match types.as_slice() {
        ["boolean"] => FieldType::Bool,
        ["integer"] => FieldType::Int64,
        ["number"] => FieldType::Float64,
        ["string"] => FieldType::String,
        ["integer", "string"] if is_date_time(keywords) => FieldType::Timestamp,
        ["object"] => match keywords.get("properties") {
            None => FieldType::Object(TableSchema::default()),
            Some(properties) => {
                let (at, levels) = nested("properties")?;
                FieldType::Object(table_schema(properties, &at, levels)?)
            }
        },
        ["array"] => FieldType::Array(Box::new(match keywords.get("items") {
            None => FieldType::Unknown,
            Some(items) => {
                let (at, levels) = nested("items")?;
                field_type(items, &at, levels)?
            }
        })),
        _ => FieldType::Unknown,
    })
}

/// The type that `x-type` names.
fn field_type_named(name: &Value, at: &SchemaPath) -> Result<FieldType, InvalidSchema> {
    let Some(text) = name.as_str() else {
        return Err(wrong_kind(at, "the name of a type", name));
    };
    let known = FieldType::NAMES.into_iter().find(|(known, _)| *known == text);
    known
        .map(|(_, field_type)| field_type)
        .ok_or_else(|| InvalidSchema::UnknownFieldType { at: at.clone(), name: text.to_owned() })
}

/// The fields of a `properties` keyword.
fn table_schema(
    properties: &Value,
    at: &SchemaPath,
    levels: usize,
) -> Result<TableSchema, InvalidSchema> {
    let Value::Object(properties) = properties else {
        return Err(wrong_kind(at, "an object of schemas", properties));
    };
    let fields = properties
        .iter()
        .map(|(name, schema)| Ok((name.clone(), field_type(schema, &at.join(name), levels)?)))
        .collect::<Result<_, InvalidSchema>>()?;
    Ok(TableSchema { fields })
}

/// The names of a `type` keyword in alphabetical order, without `null`.
fn type_names<'s>(
    keywords: &'s Map<String, Value>,
    at: &SchemaPath,
) -> Result<Vec<&'s str>, InvalidSchema> {
    let at = at.join("type");
    let given = match keywords.get("type") {
        None => &[],
        Some(Value::Array(names)) => names.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let mut names = Vec::with_capacity(given.len());
    for name in given {
        match name.as_str() {
            Some("null") => {}
            Some(known @ ("string" | "integer" | "number" | "boolean" | "object" | "array")) => {
                names.push(known);
            }
            Some(other) => {
                return Err(InvalidSchema::UnknownType { at, name: other.to_owned() });
            }
            None => return Err(wrong_kind(&at, "the name of a type", name)),
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn is_date_time(keywords: &Map<String, Value>) -> bool {
    keywords.get("format").and_then(Value::as_str) == Some("date-time")
}

fn wrong_kind(at: &SchemaPath, expected: &'static str, found: &Value) -> InvalidSchema {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    InvalidSchema::WrongKind { at: at.clone(), expected, found }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The type of a field `f` with this schema.
    fn type_of(schema: Value) -> FieldType {
        let schema = json!({"type": "object", "properties": {"f": schema}});
        TableSchema::from_json_schema(&schema).unwrap().field("f").clone()
    }

    fn message(schema: &Value) -> String {
        TableSchema::from_json_schema(schema).unwrap_err().to_string()
    }

    #[test]
    fn scalars() {
        assert_eq!(type_of(json!({"type": "string"})), FieldType::String);
        assert_eq!(type_of(json!({"type": "integer"})), FieldType::Int64);
        assert_eq!(type_of(json!({"type": "number"})), FieldType::Float64);
        assert_eq!(type_of(json!({"type": "boolean"})), FieldType::Bool);
        assert_eq!(type_of(json!({"type": ["null", "string"]})), FieldType::String);
    }

    #[test]
    fn a_timestamp_is_an_integer_or_a_string_that_is_a_date_time() {
        let timestamp = json!({"type": ["integer", "string"], "format": "date-time"});
        assert_eq!(type_of(timestamp), FieldType::Timestamp);
        let swapped = json!({"type": ["string", "integer"], "format": "date-time"});
        assert_eq!(type_of(swapped), FieldType::Timestamp);
        let text = json!({"type": "string", "format": "date-time"});
        assert_eq!(type_of(text), FieldType::String);
        assert_eq!(type_of(json!({"type": ["integer", "string"]})), FieldType::Unknown);
    }

    #[test]
    fn x_type_says_what_several_types_are_read_as() {
        for (name, expected) in FieldType::NAMES {
            assert_eq!(type_of(json!({"type": ["number", "string"], "x-type": name})), expected);
        }
        let field =
            |x_type: Value| json!({"type": "object", "properties": {"a": {"x-type": x_type}}});
        assert_eq!(
            message(&field(json!("integer"))),
            "#/properties/a/x-type: `integer` is not a type of fields, write one of \
             bool, int64, float64, string, timestamp, numeric, bignumeric, bytes, datetime, \
             date, time, interval, json"
        );
        assert_eq!(
            message(&field(json!(1))),
            "#/properties/a/x-type: the name of a type belongs here, this is a number"
        );
    }

    #[test]
    fn no_type_or_several_types_are_unknown() {
        for schema in [
            json!({}),
            json!(true),
            json!(false),
            json!({"type": []}),
            json!({"type": "null"}),
            json!({"type": ["string", "boolean"]}),
            json!({"$ref": "#/$defs/other"}),
        ] {
            assert_eq!(type_of(schema.clone()), FieldType::Unknown, "{schema}");
        }
    }

    #[test]
    fn objects_and_lists_nest() {
        let schema = json!({"type": "array", "items": {
            "type": "object",
            "properties": {"pid": {"type": "integer"}},
        }});
        let fields = BTreeMap::from([("pid".to_owned(), FieldType::Int64)]);
        let element = FieldType::Object(TableSchema { fields });
        assert_eq!(type_of(schema), FieldType::Array(Box::new(element)));

        let bare = FieldType::Array(Box::new(FieldType::Unknown));
        assert_eq!(type_of(json!({"type": "array"})), bare);
        assert_eq!(type_of(json!({"type": "object"})), FieldType::Object(TableSchema::default()));
    }

    #[test]
    fn faults_are_told_with_their_place() {
        assert_eq!(
            message(&json!({"type": "object", "properties": {"a/b": {"type": "int"}}})),
            "#/properties/a~1b/type: `int` is not a type, write one of \
             string, integer, number, boolean, object, array, null"
        );
        assert_eq!(
            message(&json!({"type": "object", "properties": [1]})),
            "#/properties: an object of schemas belongs here, this is a list"
        );
        assert_eq!(
            message(&json!({"type": "object", "properties": {"a": "string"}})),
            "#/properties/a: a schema (an object) belongs here, this is a string"
        );
        assert_eq!(
            message(&json!({"type": "object", "properties": {"a": {"type": [1]}}})),
            "#/properties/a/type: the name of a type belongs here, this is a number"
        );
        let items = json!({"type": "array", "items": null});
        assert_eq!(
            message(&json!({"type": "object", "properties": {"a": items}})),
            "#/properties/a/items: a schema (an object) belongs here, this is null"
        );
    }

    #[test]
    fn the_root_describes_an_object() {
        for schema in [json!({}), json!(true), json!({"type": "array"})] {
            assert_eq!(message(&schema), "#: an event is an object, write \"type\": \"object\"");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |levels| {
            (0..levels).fold(
                json!({"type": "object"}),
                |inner, _| json!({"type": "object", "properties": {"a": inner}}),
            )
        };
        assert!(TableSchema::from_json_schema(&nest(MAX_DEPTH)).is_ok());
        let error = TableSchema::from_json_schema(&nest(MAX_DEPTH + 1)).unwrap_err();
        assert!(matches!(error, InvalidSchema::TooDeep { .. }), "{error}");
    }
}
