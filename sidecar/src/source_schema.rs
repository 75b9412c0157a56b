//! The fields of a source's events as a JSON Schema, and as a flat list.

use std::{collections::BTreeMap, iter};

use event_schemas::{FieldType, LearnedField, SourceSchema, TableSchema};
use serde_json::{Map, Value, json};
use store::Source;

/// Fields that every event has.
const COLUMNS: [(&str, FieldType); 3] = [
    ("event_message", FieldType::String),
    ("id", FieldType::String),
    ("timestamp", FieldType::Timestamp),
];

/// The JSON Schema of a source's events, as far as their fields are known. That of a Supabase source
/// is the one that its events are checked against, with the fields that were learned besides. Paths
/// at which values of several kinds were met are under `x-conflicts`, each with these kinds.
pub(crate) fn json_schema(source: &Source) -> Value {
    let declared = event_schemas::json_schema(&source.declared_as);
    let declared = declared.and_then(|text| serde_json::from_str(text).ok());
    let mut schema: Map<String, Value> = declared.unwrap_or_default();
    for (name, value) in [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("$id", json!(format!("/api/sources/{}/schema", source.token))),
        ("title", json!(source.name)),
        ("type", json!("object")),
    ] {
        schema.insert(name.to_owned(), value);
    }
    let conflicts = conflicts(&source.known);
    if !conflicts.is_empty() {
        schema.insert("x-conflicts".to_owned(), Value::Object(conflicts));
    }
    let learned = json!({ "properties": properties(&with_columns(&source.schema)) });
    let mut schema = Value::Object(schema);
    add_learned(&mut schema, learned);
    schema
}

/// The kinds of values that were met at each path where they are at odds.
fn conflicts(known: &SourceSchema) -> Map<String, Value> {
    let met = known.learned().into_iter().filter(|field| !field.conflicts.is_empty());
    met.map(|LearnedField { path, kind, conflicts }| {
        let kinds: Vec<_> = iter::once(kind).chain(conflicts).map(|kind| kind.as_str()).collect();
        (path.to_string(), json!(kinds))
    })
    .collect()
}

/// Adds fields that are not declared; what is declared stays.
fn add_learned(declared: &mut Value, mut learned: Value) {
    let Some(schema) = declared.as_object_mut() else { return };
    if let Some(Value::Object(fields)) = learned.get_mut("properties").map(Value::take) {
        let declared = schema.entry("properties").or_insert_with(|| json!({}));
        let Some(declared) = declared.as_object_mut() else { return };
        for (name, field) in fields {
            match declared.get_mut(&name) {
                Some(known) => add_learned(known, field),
                None => drop(declared.insert(name, field)),
            }
        }
    }
    if let (Some(declared), Some(elements)) =
        (schema.get_mut("items"), learned.get_mut("items").map(Value::take))
    {
        add_learned(declared, elements);
    }
}

/// `{"metadata.request.host": "string", …}`: the fields that hold no further ones.
pub(crate) fn flat(schema: &TableSchema) -> BTreeMap<String, &'static str> {
    let mut types = BTreeMap::new();
    add_flat(&with_columns(schema), "", &mut types);
    types
}

fn with_columns(schema: &TableSchema) -> TableSchema {
    let mut schema = schema.clone();
    for (name, column) in COLUMNS {
        schema.fields.entry(name.to_owned()).or_insert(column);
    }
    schema
}

fn properties(schema: &TableSchema) -> Map<String, Value> {
    schema.fields.iter().map(|(name, field)| (name.clone(), described(field))).collect()
}

fn described(field: &FieldType) -> Value {
    match field {
        FieldType::Object(fields) => json!({ "type": "object", "properties": properties(fields) }),
        FieldType::Array(elements) => json!({ "type": "array", "items": described(elements) }),
        // Any JSON.
        FieldType::Unknown | FieldType::Json => json!({}),
        single => json!({ "type": type_name(single) }),
    }
}

/// Whole numbers, others and times are all numbers, as in Logflare.
fn type_name(field: &FieldType) -> &'static str {
    match field {
        FieldType::Bool => "boolean",
        FieldType::Int64
        | FieldType::Float64
        | FieldType::Numeric
        | FieldType::BigNumeric
        | FieldType::Timestamp => "number",
        FieldType::Object(_) => "object",
        FieldType::Array(_) => "array",
        FieldType::Unknown | FieldType::Json => "any",
        FieldType::String
        | FieldType::Bytes
        | FieldType::Datetime
        | FieldType::Date
        | FieldType::Time
        | FieldType::Interval => "string",
    }
}

/// Objects in lists are as objects: so are their fields asked for.
fn add_flat(schema: &TableSchema, above: &str, types: &mut BTreeMap<String, &'static str>) {
    for (name, field) in &schema.fields {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let mut inner = field;
        while let FieldType::Array(elements) = inner {
            inner = elements;
        }
        match inner {
            FieldType::Object(fields) if !fields.fields.is_empty() => {
                add_flat(fields, &path, types);
            }
            _ => drop(types.insert(path, type_name(field))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_stays() {
        let mut schema = json!({"type": "object", "properties": {
            "a": {"type": ["integer", "string"], "x-studio": "Logs page"},
            "b": {"type": "object", "properties": {"c": {"type": "string"}}},
            "l": {"type": "array", "items": {"type": "object"}},
        }});
        let learned = json!({"properties": {
            "a": {"type": "number"},
            "b": {"type": "object", "properties": {"c": {"type": "number"}, "d": {}}},
            "e": {"type": "boolean"},
            "l": {"type": "array", "items": {"type": "object", "properties": {"f": {}}}},
        }});
        add_learned(&mut schema, learned);
        let expected = json!({"type": "object", "properties": {
            "a": {"type": ["integer", "string"], "x-studio": "Logs page"},
            "b": {"type": "object", "properties": {"c": {"type": "string"}, "d": {}}},
            "l": {"type": "array", "items": {"type": "object", "properties": {"f": {}}}},
            "e": {"type": "boolean"},
        }});
        assert_eq!(schema, expected);
    }

    #[test]
    fn kinds_of_values_that_are_at_odds_are_told() {
        let mut known = SourceSchema::new(std::sync::Arc::default());
        let met = [("a.b", "string"), ("a.b", "bool"), ("a.c", "string"), ("d", "int64")];
        for (path, kind) in met.into_iter().chain([("d", "float64")]) {
            known.learn(&path.parse().unwrap(), kind.parse().unwrap());
        }
        // Numbers agree.
        assert_eq!(json!(conflicts(&known)), json!({"a.b": ["bool", "string"]}));
    }

    #[test]
    fn fields_are_told() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {
                "b": {"type": "integer"},
                "c": {"type": "array", "items": {"type": "object", "properties": {
                    "d": {"type": ["integer", "string"], "format": "date-time"},
                }}},
                "e": {"type": "array", "items": {"type": "string"}},
                "f": {"type": "object"},
            }},
            "g": {},
            "h": {"type": "boolean"},
        }});
        let schema = TableSchema::from_json_schema(&schema).unwrap();
        let expected = json!({
            "a.b": "number", "a.c.d": "number", "a.e": "array", "a.f": "object", "g": "any",
            "h": "boolean", "event_message": "string", "id": "string", "timestamp": "number",
        });
        assert_eq!(json!(flat(&schema)), expected);
        let expected = json!({
            "a": {"type": "object", "properties": {
                "b": {"type": "number"},
                "c": {"type": "array", "items": {"type": "object", "properties": {
                    "d": {"type": "number"},
                }}},
                "e": {"type": "array", "items": {"type": "string"}},
                "f": {"type": "object", "properties": {}},
            }},
            "g": {},
            "h": {"type": "boolean"},
        });
        assert_eq!(Value::Object(properties(&schema)), expected);
    }
}
