//! Endpoints: stored queries that are asked over HTTP.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A stored query that is asked over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Catalog id.
    pub id: i64,
    /// Public id.
    pub token: Uuid,
    /// Name, unique.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Its SQL.
    pub query: String,
    /// The language of its query: `bq_sql` …
    pub language: String,
    /// Whether callers may bring SQL of their own over the query's CTEs.
    pub sandboxable: bool,
    /// Seconds that an answer is kept; 0 keeps none.
    pub cache_duration_seconds: u32,
    /// Seconds after which a kept answer is asked for again before anybody wants it; 0 does not.
    pub proactive_requerying_seconds: u32,
    /// Largest number of rows in an answer, 1 to 10,000.
    pub max_limit: u32,
    /// Whether callers need a token.
    pub enable_auth: bool,
    /// Whether addresses are taken out of answers.
    pub redact_pii: bool,
    /// Whether callers may name a reservation of BigQuery's.
    pub enable_dynamic_reservation: bool,
    /// Labels of queries in BigQuery: `key=value`, `key=@parameter`, `key`, separated by commas.
    pub labels: Option<String>,
    /// Catalog id of the backend that is asked; `None` asks the store.
    pub backend_id: Option<i64>,
    /// The sources that the query named when it was saved.
    pub source_mapping: BTreeMap<String, Uuid>,
    /// When it was made, microseconds since 1970 UTC.
    pub created_at: i64,
    /// When it was last changed, microseconds since 1970 UTC.
    pub updated_at: i64,
}

/// How a request names an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKey<'a> {
    /// By its exact name.
    Name(&'a str),
    /// By its token.
    Token(Uuid),
}
