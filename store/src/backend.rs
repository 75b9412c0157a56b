//! Backends, to which events are sent on, and rules, which say what is.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::encryption::ConfigUnreadable;

/// Another system to which events are sent on.
#[derive(Clone, PartialEq)]
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

/// Without what may be secret: of its config the names only.
impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.config.as_ref().map(|config| config.keys().collect::<Vec<_>>());
        f.debug_struct("Backend")
            .field("id", &self.id)
            .field("token", &self.token)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("config", &names)
            .finish_non_exhaustive()
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn debug_output_holds_no_secrets() {
        let config = json!({ "url": "http://u:hidden@h", "api_key": "hidden" });
        let backend = Backend {
            id: 1,
            token: Uuid::nil(),
            name: "shown".to_owned(),
            description: None,
            kind: "webhook".to_owned(),
            config: Ok(Arc::new(config.as_object().unwrap().clone())),
            metadata: Map::new(),
            default_ingest: false,
            created_at: 0,
            updated_at: 0,
        };
        let text = format!("{backend:?}");
        assert!(!text.contains("hidden"), "{text}");
        assert!(text.contains("shown") && text.contains("api_key"), "{text}");
    }
}
