//! BigQuery's types, and those of values inside events.

use std::fmt;

use event_schemas::{FieldType, TableSchema};

/// The type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    /// The literal NULL: fits every type.
    Null,
    Bool,
    Int64,
    Float64,
    String,
    Timestamp,
    /// A date and a time of day without a zone.
    Datetime,
    Date,
    /// A span of time of one unit, as in `INTERVAL 3 HOUR`.
    Interval,
    /// The name of a part of a date, as in `TIMESTAMP_TRUNC(x, MINUTE)`.
    DatePart,
    /// An array of one of the types above.
    Array(Box<Type>),
    /// A value inside an event of which nothing is known.
    Dynamic,
    /// An object inside an event.
    Object(TableSchema),
    /// A list inside an event, of such elements.
    List(Box<FieldType>),
}

impl Type {
    /// The type of a value at an event's field.
    pub(crate) fn of_field(field: &FieldType) -> Self {
        match field {
            FieldType::Bool => Self::Bool,
            FieldType::Int64 => Self::Int64,
            FieldType::Float64 => Self::Float64,
            FieldType::String => Self::String,
            FieldType::Timestamp => Self::Timestamp,
            FieldType::Object(fields) => Self::Object(fields.clone()),
            FieldType::Array(element) => Self::List(element.clone()),
            FieldType::Unknown => Self::Dynamic,
        }
    }

    /// Whether the value is carried as JSON.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::Dynamic | Self::Object(_) | Self::List(_))
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int64 | Self::Float64)
    }

    /// Whether `=` is defined.
    pub(crate) fn is_comparable(&self) -> bool {
        !matches!(
            self,
            Self::Object(_) | Self::List(_) | Self::Array(_) | Self::Interval | Self::DatePart
        )
    }

    /// PostgreSQL's name for the type that carries it.
    pub(crate) fn postgres(&self) -> String {
        match self {
            Self::Null | Self::String | Self::DatePart => "text".to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::Int64 => "bigint".to_owned(),
            Self::Float64 => "double precision".to_owned(),
            // UTC without a zone: no setting of the server can change what it means.
            Self::Timestamp | Self::Datetime => "timestamp".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Interval => "interval".to_owned(),
            Self::Array(element) => format!("{}[]", element.postgres()),
            Self::Dynamic | Self::Object(_) | Self::List(_) => "jsonb".to_owned(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool => f.write_str("BOOL"),
            Self::Int64 => f.write_str("INT64"),
            Self::Float64 => f.write_str("FLOAT64"),
            Self::String => f.write_str("STRING"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::Datetime => f.write_str("DATETIME"),
            Self::Date => f.write_str("DATE"),
            Self::Interval => f.write_str("INTERVAL"),
            Self::DatePart => f.write_str("DATE_TIME_PART"),
            Self::Array(element) => write!(f, "ARRAY<{element}>"),
            Self::Dynamic => f.write_str("JSON"),
            Self::Object(_) => f.write_str("STRUCT"),
            Self::List(_) => f.write_str("ARRAY"),
        }
    }
}
