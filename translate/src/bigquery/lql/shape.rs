//! What a column holds, as LQL's paths see it.

use event_schemas::{FieldType, TableSchema};

use crate::types::{StructField, Type};

/// Most records around a field; what lies deeper is kept as JSON text.
const MOST_RECORDS: usize = 15;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A value that has no others in it.
    Scalar(Type),
    /// Text of events. Where they disagree about a field, or its names are data, it is JSON.
    Text,
    /// The same where the schema tells of a list or an object, which the column does not hold.
    JsonText,
    Json,
    /// A column of which is not known what it holds.
    Unknown,
    /// One of a list of objects; a single object is such a list too.
    Record(TableSchema),
    Struct(Vec<StructField>),
    List(Box<Shape>),
}

impl Shape {
    /// The column of an event's field with so many records around it; None where there is none.
    pub(super) fn of_field(field: &FieldType, records: usize) -> Option<Self> {
        let list = |shape| Some(Self::List(Box::new(shape)));
        match field {
            FieldType::Array(element) => match element.as_ref() {
                FieldType::Object(_) if records >= MOST_RECORDS => list(Self::JsonText),
                FieldType::Object(_) => Self::of_field(element, records),
                FieldType::Unknown => None,
                FieldType::Array(_) => list(Self::JsonText),
                // In SQL its elements are checked as values of any type, so they are made JSON anew.
                FieldType::Json => list(Self::Unknown),
                element => list(Self::of_field(element, records)?),
            },
            FieldType::Object(_) if records >= MOST_RECORDS => Some(Self::JsonText),
            FieldType::Object(schema) => {
                let has_column = |field| Self::of_field(field, records + 1).is_some();
                let has_columns = schema.fields.values().any(has_column);
                if has_columns { list(Self::Record(schema.clone())) } else { None }
            }
            FieldType::Unknown | FieldType::String => Some(Self::Text),
            FieldType::Json => Some(Self::Json),
            other => Some(Self::Scalar(Type::of_field(other))),
        }
    }

    /// A column of a CTE.
    pub(super) fn of_column(ty: &Type) -> Self {
        let field = match ty {
            Type::Dynamic => return Self::Unknown,
            Type::Json => return Self::Json,
            Type::Struct(fields) => return Self::Struct(fields.clone()),
            Type::Array(element) => return Self::List(Box::new(Self::of_column(element))),
            Type::Object(schema) => FieldType::Object(schema.clone()),
            Type::List(element) => FieldType::Array(element.clone()),
            other => return Self::Scalar(other.clone()),
        };
        Self::of_field(&field, 0).unwrap_or(Self::Unknown)
    }
}
