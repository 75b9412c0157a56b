//! Backends, to which events are sent on, and rules, which say what is.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::encryption::ConfigUnreadable;

/// Another system to which events are sent on.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Catalog id.
    pub id: i64,
    /// Public id.
    pub token: Uuid,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// `webhook`, `loki` …
    pub kind: String,
    /// Where it is and how it is spoken to, secrets included; or why that cannot be read.
    pub config: Result<Arc<Map<String, Value>>, ConfigUnreadable>,
    /// Whatever people note of it.
    pub metadata: Map<String, Value>,
    /// Whether sources that want so give it all their events.
    pub default_ingest: bool,
    /// When it was made, microseconds since 1970 UTC.
    pub created_at: i64,
    /// When it was last changed, microseconds since 1970 UTC.
    pub updated_at: i64,
}

/// Events of a source that match are also sent to a backend, or stored in another source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Catalog id.
    pub id: i64,
    /// Public id.
    pub token: Uuid,
    /// Catalog id of the source whose events are looked at.
    pub source_id: i64,
    /// Which events.
    pub lql_string: String,
    /// Catalog id of the backend that gets them.
    pub backend_id: Option<i64>,
    /// Token of the source that gets them.
    pub sink: Option<Uuid>,
}

/// Where the events of a source go besides.
#[derive(Debug, Clone, Default)]
pub struct Outlets {
    /// Those that match.
    pub rules: Vec<Arc<Rule>>,
    /// All of them.
    pub backends: Vec<Arc<Backend>>,
}
