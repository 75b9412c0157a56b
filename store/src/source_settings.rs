//! What people set of a source beside its name.

use serde::{Deserialize, Serialize};

/// What people set of a source beside its name and its retention.
///
/// Kept in the catalog as JSON with the names of the API; what is missing there has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceSettings {
    /// For people.
    pub description: Option<String>,
    /// Which service the events come from; for people.
    pub service_name: Option<String>,
    /// Listed first.
    pub favorite: bool,
    /// A second token for people to pass on; it opens nothing.
    pub public_token: Option<String>,
    /// Events per second that were agreed upon; told, not enforced.
    pub api_quota: i64,
    /// Days that BigQuery keeps events.
    pub bigquery_table_ttl: Option<i64>,
    /// Fields by which BigQuery clusters the table, separated by commas.
    pub bigquery_clustering_fields: Option<String>,
    /// The table's name in BigQuery.
    pub bq_table_id: Option<String>,
    /// The table's schema in BigQuery, as people gave it.
    pub bq_table_schema: Option<serde_json::Value>,
    /// Where numbers of new events are posted to.
    pub webhook_notification_url: Option<String>,
    /// The same, in Slack's form.
    pub slack_hook_url: Option<String>,
    /// Milliseconds between two notifications.
    pub notifications_every: i64,
    /// Of which values `event_message` is made, separated by commas.
    pub custom_event_message_keys: Option<String>,
    /// Whether no new fields are added to the table's schema.
    pub lock_schema: bool,
    /// Whether events must fit the table's schema.
    pub validate_schema: bool,
    /// Whether a program fills what pipelines leave empty, before events are checked.
    pub repair: bool,
    /// Events that match are not stored.
    pub drop_lql_string: Option<String>,
    /// What a search begins with; for people.
    pub default_search_lql: Option<String>,
    /// Fields that a search asks for, separated by commas; for people.
    pub suggested_keys: String,
    /// Lines of `from:to`.
    pub transform_copy_fields: Option<String>,
    /// Lines of `lookup path:destination path[:accessor]`.
    pub transform_key_values: Option<String>,
    /// Lines of paths.
    pub transform_drop_fields: Option<String>,
    /// Whether the latest events are not shown.
    pub disable_tailing: bool,
    /// Whether events take the way over a spool where the store has one of its own.
    pub enable_spooling: bool,
    /// Whether backends with `default_ingest` take the events.
    #[serde(rename = "default_ingest_backend_enabled?")]
    pub default_ingest_backend_enabled: bool,
    /// Whether BigQuery's Storage Write API is used.
    pub bq_storage_write_api: bool,
    /// `key=value` pairs, separated by commas.
    pub labels: Option<String>,
    /// Who is told of new events; for people.
    pub notifications: serde_json::Map<String, serde_json::Value>,
}

impl Default for SourceSettings {
    /// Logflare's defaults.
    fn default() -> Self {
        Self {
            description: None,
            service_name: None,
            favorite: false,
            public_token: None,
            api_quota: 25,
            bigquery_table_ttl: None,
            bigquery_clustering_fields: None,
            bq_table_id: None,
            bq_table_schema: None,
            webhook_notification_url: None,
            slack_hook_url: None,
            notifications_every: 14_400_000,
            custom_event_message_keys: None,
            lock_schema: false,
            validate_schema: true,
            repair: false,
            drop_lql_string: None,
            default_search_lql: None,
            suggested_keys: String::new(),
            transform_copy_fields: None,
            transform_key_values: None,
            transform_drop_fields: None,
            disable_tailing: false,
            enable_spooling: false,
            default_ingest_backend_enabled: false,
            bq_storage_write_api: false,
            labels: None,
            notifications: serde_json::Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_default() {
        let read: SourceSettings = serde_json::from_str(r#"{"favorite":true}"#).unwrap();
        assert_eq!(read, SourceSettings { favorite: true, ..SourceSettings::default() });
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<SourceSettings>(&text).unwrap(), read);
        assert!(text.contains(r#""default_ingest_backend_enabled?":false"#), "{text}");
    }
}
