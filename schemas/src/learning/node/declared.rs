//! What a source's schema says of the paths.

use crate::field_kind::Kinds;
use crate::{FieldKind, FieldType, TableSchema};

use super::{Inside, Node, Tally, place_of};

/// Columns of every event, besides its other fields. They are what they are.
const COLUMNS: [&str; 3] = ["id", "timestamp", "event_message"];

impl Node {
    /// The event itself.
    pub(in crate::learning) fn of_event(declared: &TableSchema, tally: &mut Tally) -> Self {
        let mut fields = fields_of(declared, tally);
        for column in COLUMNS {
            let place = place_of(&fields, column);
            let node = Self { known: Kinds::ALL, ..Self::declared(FieldKind::String) };
            match place {
                Ok(place) => fields[place].1 = node,
                Err(place) => fields.insert(place, (column.into(), node)),
            }
        }
        Self { inside: Inside::Fields(fields), ..Self::declared(FieldKind::Object) }
    }

    fn declared(kind: FieldKind) -> Self {
        Self { declared: Some(kind), known: Kinds::of(kind), ..Self::FRESH }
    }

    /// As `of_type`, of a field: there a list is no news where an object is declared.
    fn of_field(declared: &FieldType, tally: &mut Tally) -> Self {
        let mut field = Self::of_type(declared, tally);
        if field.is_object() {
            field.known = field.known.and(FieldKind::Array);
        }
        field
    }

    fn of_type(declared: &FieldType, tally: &mut Tally) -> Self {
        tally.paths += 1;
        match declared {
            FieldType::Bool => Self::declared(FieldKind::Bool),
            FieldType::Int64 => Self::declared(FieldKind::Int64),
            FieldType::Numeric | FieldType::BigNumeric => Self {
                known: Kinds::of(FieldKind::Float64).and(FieldKind::Int64).and(FieldKind::String),
                ..Self::declared(FieldKind::Float64)
            },
            FieldType::Float64 => Self {
                known: Kinds::of(FieldKind::Float64).and(FieldKind::Int64),
                ..Self::declared(FieldKind::Float64)
            },
            FieldType::String
            | FieldType::Bytes
            | FieldType::Datetime
            | FieldType::Date
            | FieldType::Time
            | FieldType::Interval => Self::declared(FieldKind::String),
            FieldType::Timestamp => Self {
                known: Kinds::of(FieldKind::String).and(FieldKind::Int64),
                ..Self::declared(FieldKind::String)
            },
            FieldType::Object(fields) => Self {
                inside: Inside::Fields(fields_of(fields, tally)),
                ..Self::declared(FieldKind::Object)
            },
            FieldType::Array(element) => Self {
                inside: Inside::Element(Box::new(Self::of_type(element, tally))),
                ..Self::declared(FieldKind::Array)
            },
            // Any value may stand here, by declaration. The kind is never told: nothing is news.
            FieldType::Unknown | FieldType::Json => {
                Self { known: Kinds::ALL, ..Self::declared(FieldKind::String) }
            }
        }
    }

    /// Takes kinds as known that the JSON Schema of this value allows, besides that of its type.
    pub(in crate::learning) fn allow(&mut self, schema: &serde_json::Value) {
        let types = schema.get("type").and_then(serde_json::Value::as_array);
        for name in types.into_iter().flatten() {
            let kinds = match name.as_str() {
                Some("boolean") => Kinds::of(FieldKind::Bool),
                Some("integer") => Kinds::of(FieldKind::Int64),
                Some("number") => Kinds::of(FieldKind::Float64).and(FieldKind::Int64),
                Some("string") => Kinds::of(FieldKind::String),
                Some("object") => Kinds::of(FieldKind::Object),
                Some("array") => Kinds::of(FieldKind::Array),
                _ => Kinds::NONE,
            };
            self.known = kinds.iter().fold(self.known, Kinds::and);
        }
        match &mut self.inside {
            Inside::Nothing => {}
            Inside::Fields(fields) => {
                for (name, node) in fields {
                    node.allow(&schema["properties"][&**name]);
                }
            }
            Inside::Element(element) => element.allow(&schema["items"]),
        }
    }
}

fn fields_of(declared: &TableSchema, tally: &mut Tally) -> Vec<(Box<str>, Node)> {
    // Already in the order of their names.
    let fields = declared.fields.iter();
    fields.map(|(name, ty)| (name.as_str().into(), Node::of_field(ty, tally))).collect()
}
