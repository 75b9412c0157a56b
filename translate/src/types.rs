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
    /// 38 digits, 9 of them after the point.
    Numeric,
    /// 76 digits, 38 of them after the point.
    BigNumeric,
    String,
    Bytes,
    Timestamp,
    /// A date and a time of day without a zone.
    Datetime,
    Date,
    Time,
    Interval,
    /// The name of a part of a date, as in `TIMESTAMP_TRUNC(x, MINUTE)`.
    DatePart,
    /// What HLL_COUNT.INIT makes: BYTES in BigQuery, a type of its own here, since its bytes are not
    /// BigQuery's and so must not be seen.
    Sketch,
    /// BigQuery's own JSON type.
    Json,
    Struct(Vec<StructField>),
    /// An array of one of the types above.
    Array(Box<Type>),
    /// A value inside an event of which nothing is known.
    Dynamic,
    /// An object inside an event.
    Object(TableSchema),
    /// A list inside an event, of such elements.
    List(Box<FieldType>),
}

/// A field of a STRUCT; not all have names, and names may be there twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StructField {
    pub(crate) name: Option<String>,
    pub(crate) ty: Type,
}

impl Type {
    /// The type of a value at an event's field.
    pub(crate) fn of_field(field: &FieldType) -> Self {
        match field {
            FieldType::Bool => Self::Bool,
            FieldType::Int64 => Self::Int64,
            FieldType::Float64 => Self::Float64,
            FieldType::Numeric => Self::Numeric,
            FieldType::BigNumeric => Self::BigNumeric,
            FieldType::String => Self::String,
            FieldType::Bytes => Self::Bytes,
            FieldType::Timestamp => Self::Timestamp,
            FieldType::Datetime => Self::Datetime,
            FieldType::Date => Self::Date,
            FieldType::Time => Self::Time,
            FieldType::Interval => Self::Interval,
            FieldType::Json => Self::Json,
            FieldType::Object(fields) => Self::Object(fields.clone()),
            FieldType::Array(element) => Self::List(element.clone()),
            FieldType::Unknown => Self::Dynamic,
        }
    }

    /// The type of a declared table's column: there a list is an ARRAY, an object a STRUCT.
    pub(crate) fn of_column(column: &FieldType) -> Self {
        match column {
            FieldType::Array(element) => Self::Array(Box::new(Self::of_column(element))),
            other => Self::of_field(other),
        }
    }

    /// Whether the value is one inside an event, carried as it came.
    pub(crate) fn is_event_value(&self) -> bool {
        matches!(self, Self::Dynamic | Self::Object(_) | Self::List(_))
    }

    pub(crate) fn is_number(&self) -> bool {
        self.number_rank().is_some()
    }

    /// Numbers convert to those of a higher rank without being asked.
    pub(crate) fn number_rank(&self) -> Option<u8> {
        Some(match self {
            Self::Int64 => 0,
            Self::Numeric => 1,
            Self::BigNumeric => 2,
            Self::Float64 => 3,
            _ => return None,
        })
    }

    /// Whether `=` is defined.
    pub(crate) fn is_comparable(&self) -> bool {
        match self {
            Self::Object(_)
            | Self::List(_)
            | Self::Array(_)
            | Self::DatePart
            | Self::Json
            | Self::Sketch => false,
            Self::Struct(fields) => fields.iter().all(|field| field.ty.is_comparable()),
            _ => true,
        }
    }

    /// Whether GROUP BY, DISTINCT and PARTITION BY are defined. Values inside events are told
    /// apart by what they hold.
    pub(crate) fn is_groupable(&self) -> bool {
        self.is_comparable()
    }

    /// Whether `<`, ORDER BY, MIN and MAX are defined.
    pub(crate) fn is_ordered(&self) -> bool {
        self.is_comparable() && !matches!(self, Self::Struct(_))
    }

    /// Whether a sketch is in it.
    pub(crate) fn has_sketch(&self) -> bool {
        match self {
            Self::Sketch => true,
            Self::Array(element) => element.has_sketch(),
            Self::Struct(fields) => fields.iter().any(|field| field.ty.has_sketch()),
            _ => false,
        }
    }

    /// PostgreSQL's name for the type that carries it.
    pub(crate) fn postgres(&self) -> String {
        match self {
            Self::Null | Self::String | Self::DatePart => "text".to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::Int64 => "bigint".to_owned(),
            Self::Float64 => "double precision".to_owned(),
            Self::Numeric | Self::BigNumeric => "numeric".to_owned(),
            Self::Bytes | Self::Sketch => "bytea".to_owned(),
            // UTC without a zone: no setting of the server can change what it means.
            Self::Timestamp | Self::Datetime => "timestamp".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Time => "time".to_owned(),
            Self::Interval => "interval".to_owned(),
            Self::Array(element) => format!("{}[]", element.postgres()),
            Self::Json | Self::Struct(_) | Self::Dynamic | Self::Object(_) | Self::List(_) => {
                "jsonb".to_owned()
            }
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
            Self::Numeric => f.write_str("NUMERIC"),
            Self::BigNumeric => f.write_str("BIGNUMERIC"),
            Self::String => f.write_str("STRING"),
            Self::Bytes => f.write_str("BYTES"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::Datetime => f.write_str("DATETIME"),
            Self::Date => f.write_str("DATE"),
            Self::Time => f.write_str("TIME"),
            Self::Interval => f.write_str("INTERVAL"),
            Self::DatePart => f.write_str("DATE_TIME_PART"),
            Self::Sketch => f.write_str("HLL_COUNT sketch"),
            Self::Array(element) => write!(f, "ARRAY<{element}>"),
            Self::Json | Self::Dynamic => f.write_str("JSON"),
            Self::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (place, field) in fields.iter().enumerate() {
                    f.write_str(if place > 0 { ", " } else { "" })?;
                    if let Some(name) = &field.name {
                        write!(f, "{name} ")?;
                    }
                    write!(f, "{}", field.ty)?;
                }
                f.write_str(">")
            }
            Self::Object(_) => f.write_str("STRUCT"),
            Self::List(_) => f.write_str("ARRAY"),
        }
    }
}
