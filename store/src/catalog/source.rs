//! Sources of events, as the catalog knows them.

use std::sync::Arc;

use event_schemas::{EventSchema, SourceSchema, TableSchema};
use uuid::Uuid;

use crate::SourceSettings;

/// A source of events, as the catalog knows it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Catalog id.
    pub id: i64,
    /// Public id, also part of its table's name.
    pub token: Uuid,
    /// The name that senders use, unique.
    pub name: String,
    /// The name by which it is known what its events are. A source of Supabase's that was renamed
    /// keeps it; else it is a name that it has or had.
    pub declared_as: String,
    /// Its table in the event store as SQL: quoted, with its schema.
    pub table: String,
    /// All that is known of its fields.
    pub known: Arc<SourceSchema>,
    /// The types of its fields, as they follow from that.
    pub schema: Arc<TableSchema>,
    /// What becomes of events that break its JSON Schema.
    pub validation: Validation,
    /// Its JSON Schema; a source of one's own has none.
    pub event_schema: Option<&'static EventSchema>,
    /// Days that events are kept, at least 1; `None` where nobody has set it.
    pub retention_days: Option<u32>,
    /// What else people have set. The same `Arc` until it is changed.
    pub settings: Arc<SourceSettings>,
    /// When it was made, microseconds since 1970 UTC.
    pub created_at: i64,
    /// When it was last changed, microseconds since 1970 UTC.
    pub updated_at: i64,
}

/// What becomes of events that break their source's JSON Schema, or come from more than an hour
/// ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// They are kept among the source's rejected events; the sender is told that all went well.
    #[default]
    Quarantine,
    /// They are not kept; the sender is told why.
    Reject,
    /// They are stored as they are.
    Off,
}

impl Validation {
    /// Reads a name: `quarantine`, `reject`, `off`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Quarantine, Self::Reject, Self::Off].into_iter().find(|mode| mode.name() == name)
    }

    /// Its name, in the catalog and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
            Self::Off => "off",
        }
    }
}

/// How a request names a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKey<'a> {
    /// By its exact name.
    Name(&'a str),
    /// By its token.
    Token(Uuid),
}

#[cfg(test)]
impl Source {
    /// One of which nothing is known.
    pub(crate) fn unknown(name: &str, token: Uuid) -> Self {
        Self {
            id: 1,
            token,
            name: name.to_owned(),
            declared_as: name.to_owned(),
            table: String::new(),
            known: Arc::new(SourceSchema::new(Arc::default())),
            schema: Arc::default(),
            validation: Validation::Off,
            event_schema: None,
            retention_days: None,
            settings: Arc::default(),
            created_at: 0,
            updated_at: 0,
        }
    }
}
