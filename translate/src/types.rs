//! BigQuery's types, and those of values inside events.

use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

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
    Struct(StructFields),
    /// An array of one of the types above.
    Array(Box<Type>),
    /// A value inside an event of which nothing is known.
    Dynamic,
    /// An object inside an event.
    Object(ObjectFields),
    /// A list inside an event, of such elements.
    List(Box<Type>),
}

/// Most fields of a STRUCT that messages show.
const SHOWN_FIELDS: usize = 200;

/// A field of a STRUCT; not all have names, and names may be there twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StructField {
    pub(crate) name: Option<String>,
    pub(crate) ty: Type,
}

/// The fields of a STRUCT. All expressions of its type share them.
#[derive(Debug, Clone)]
pub(crate) struct StructFields {
    fields: Arc<[StructField]>,
    /// How many there are, those of fields included.
    count: usize,
    /// How deep STRUCTs stand in each other, 1 where there is just this.
    depth: usize,
    is_comparable: bool,
    has_sketch: bool,
}

impl From<Vec<StructField>> for StructFields {
    fn from(fields: Vec<StructField>) -> Self {
        let of_fields = fields.iter().map(|field| field.ty.field_count());
        Self {
            count: of_fields.fold(fields.len(), usize::saturating_add),
            depth: 1 + fields.iter().map(|field| field.ty.depth()).max().unwrap_or(0),
            is_comparable: fields.iter().all(|field| field.ty.is_comparable()),
            has_sketch: fields.iter().any(|field| field.ty.has_sketch()),
            fields: fields.into(),
        }
    }
}

impl FromIterator<StructField> for StructFields {
    fn from_iter<T: IntoIterator<Item = StructField>>(fields: T) -> Self {
        fields.into_iter().collect::<Vec<_>>().into()
    }
}

impl Deref for StructFields {
    type Target = [StructField];

    fn deref(&self) -> &[StructField] {
        &self.fields
    }
}

impl PartialEq for StructFields {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fields, &other.fields)
            || (self.count == other.count && self.fields == other.fields)
    }
}

/// The declared fields of an object inside an event, or of a table. All expressions of its type share
/// them.
#[derive(Debug, Clone)]
pub(crate) struct ObjectFields(Arc<BTreeMap<String, Type>>);

impl ObjectFields {
    /// Of an object, or a table, of events.
    pub(crate) fn of_events(schema: &TableSchema) -> Self {
        Self::of(schema, Type::of_field)
    }

    /// Of a table with declared columns.
    pub(crate) fn of_columns(schema: &TableSchema) -> Self {
        Self::of(schema, Type::of_column)
    }

    fn of(schema: &TableSchema, ty: fn(&FieldType) -> Type) -> Self {
        let fields = schema.fields.iter().map(|(name, field)| (name.clone(), ty(field)));
        Self(Arc::new(fields.collect()))
    }

    /// A field as it is declared, by its name in any case: its name and its type.
    pub(crate) fn declared(&self, name: &str) -> Option<(&str, &Type)> {
        let exact = self.0.get_key_value(name);
        let found =
            exact.or_else(|| self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)));
        found.map(|(name, ty)| (name.as_str(), ty))
    }
}

impl PartialEq for ObjectFields {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Type {
    /// How many fields a STRUCT of it has, those of fields included.
    pub(crate) fn field_count(&self) -> usize {
        match self {
            Self::Struct(fields) => fields.count,
            Self::Array(element) => element.field_count(),
            _ => 0,
        }
    }

    /// How deep STRUCTs stand in each other.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Struct(fields) => fields.depth,
            Self::Array(element) => element.depth(),
            _ => 0,
        }
    }

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
            FieldType::Object(fields) => Self::Object(ObjectFields::of_events(fields)),
            FieldType::Array(element) => Self::List(Box::new(Self::of_field(element))),
            FieldType::Unknown => Self::Dynamic,
        }
    }

    /// The field whose values have the type: what [`Self::of_field`] makes a type of.
    pub(crate) fn to_field(&self) -> FieldType {
        match self {
            Self::Bool => FieldType::Bool,
            Self::Int64 => FieldType::Int64,
            Self::Float64 => FieldType::Float64,
            Self::Numeric => FieldType::Numeric,
            Self::BigNumeric => FieldType::BigNumeric,
            Self::String => FieldType::String,
            Self::Bytes => FieldType::Bytes,
            Self::Timestamp => FieldType::Timestamp,
            Self::Datetime => FieldType::Datetime,
            Self::Date => FieldType::Date,
            Self::Time => FieldType::Time,
            Self::Interval => FieldType::Interval,
            Self::Json => FieldType::Json,
            Self::Object(fields) => {
                let fields = fields.0.iter().map(|(name, ty)| (name.clone(), ty.to_field()));
                FieldType::Object(TableSchema { fields: fields.collect() })
            }
            Self::List(element) => FieldType::Array(Box::new(element.to_field())),
            _ => FieldType::Unknown,
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
            Self::Struct(fields) => fields.is_comparable,
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
            Self::Struct(fields) => fields.has_sketch,
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
            // Such a message would help nobody.
            Self::Struct(fields) if fields.count > SHOWN_FIELDS => {
                write!(f, "STRUCT<… {} fields>", fields.count)
            }
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
