//! The types of a source's fields.

use std::collections::BTreeMap;

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
    /// A point in time, in the body as whole microseconds since 1970 UTC or as ISO 8601 text.
    Timestamp,
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

impl TableSchema {
    /// The type at one field, [`FieldType::Unknown`] for a field that no event has carried.
    pub fn field(&self, name: &str) -> &FieldType {
        self.fields.get(name).unwrap_or(&FieldType::Unknown)
    }
}
