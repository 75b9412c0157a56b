//! The catalog in memory: which sources and endpoints there are.

pub(crate) mod changes;
mod seed;

pub use seed::LOGS_ALL;
pub(crate) use seed::seed_supabase;

use std::{collections::HashMap, sync::Arc};

use event_schemas::{EventSchema, LearnedField, SourceSchema, TableSchema, json_schema};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::{event_tables, server::SchemaName};

/// A source of events, as the catalog knows it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Catalog id.
    pub id: i64,
    /// Public id, also part of its table's name.
    pub token: Uuid,
    /// The name that senders use, unique.
    pub name: String,
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

/// A stored query that is asked over HTTP.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Catalog id.
    pub id: i64,
    /// Public id.
    pub token: Uuid,
    /// Name, unique.
    pub name: String,
    /// Its SQL.
    pub query: String,
    /// The language of its query: `bq_sql` …
    pub language: String,
    /// Whether callers may bring SQL of their own over the query's CTEs.
    pub sandboxable: bool,
    /// Largest number of rows in an answer, 1 to 10,000.
    pub max_limit: u32,
    /// Whether callers need a token.
    pub enable_auth: bool,
}

/// How a request names an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKey<'a> {
    /// By its exact name.
    Name(&'a str),
    /// By its token.
    Token(Uuid),
}

/// One reading of the catalog.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    sources: Vec<Arc<Source>>,
    source_names: HashMap<String, usize>,
    source_tokens: HashMap<Uuid, usize>,
    endpoints: Vec<Arc<Endpoint>>,
    endpoint_names: HashMap<String, usize>,
    endpoint_tokens: HashMap<Uuid, usize>,
}

impl Catalog {
    /// Reads the catalog. `events_schema` is where the sources have their tables.
    pub(crate) async fn load(
        connection: &mut PgConnection,
        schema: &SchemaName,
        events_schema: &SchemaName,
    ) -> Result<Self, sqlx::Error> {
        let schema = schema.as_str();
        let sources = format!(
            r#"select id, token, name, validation from "{schema}".logweir_sources order by id"#
        );
        let sources: Vec<(i64, Uuid, String, String)> =
            sqlx::query_as(AssertSqlSafe(sources)).fetch_all(&mut *connection).await?;
        let endpoints = format!(
            "select id, token, name, query, language, sandboxable, max_limit, enable_auth \
             from \"{schema}\".logweir_endpoints order by id"
        );
        let endpoints = sqlx::query(AssertSqlSafe(endpoints)).fetch_all(&mut *connection).await?;

        let mut learned = learned_fields(connection, schema).await?;
        let mut catalog = Self::default();
        for (id, token, name, validation) in sources {
            let table = event_tables::qualified_name(events_schema, token);
            let learned = learned.remove(&id).unwrap_or_default();
            let known = declared_fields(&name).with_learned(learned);
            let schema = Arc::new(known.table_schema());
            let validation = Validation::named(&validation).unwrap_or_default();
            let event_schema = EventSchema::of_source(&name);
            let known = Arc::new(known);
            catalog.add_source(Source {
                id,
                token,
                name,
                table,
                known,
                schema,
                validation,
                event_schema,
            });
        }
        for row in &endpoints {
            catalog.add_endpoint(Endpoint {
                id: row.try_get("id")?,
                token: row.try_get("token")?,
                name: row.try_get("name")?,
                query: row.try_get("query")?,
                language: row.try_get("language")?,
                sandboxable: row.try_get("sandboxable")?,
                // A check constraint keeps it between 1 and 10,000.
                max_limit: row.try_get::<i32, _>("max_limit")?.unsigned_abs(),
                enable_auth: row.try_get("enable_auth")?,
            });
        }
        Ok(catalog)
    }

    fn add_source(&mut self, source: Source) {
        let at = self.sources.len();
        self.source_names.insert(source.name.clone(), at);
        self.source_tokens.insert(source.token, at);
        self.sources.push(Arc::new(source));
    }

    fn add_endpoint(&mut self, endpoint: Endpoint) {
        let at = self.endpoints.len();
        self.endpoint_names.insert(endpoint.name.clone(), at);
        self.endpoint_tokens.insert(endpoint.token, at);
        self.endpoints.push(Arc::new(endpoint));
    }

    pub(crate) fn source(&self, key: SourceKey<'_>) -> Option<Arc<Source>> {
        let at = match key {
            SourceKey::Name(name) => self.source_names.get(name),
            SourceKey::Token(token) => self.source_tokens.get(&token),
        };
        self.sources.get(*at?).cloned()
    }

    /// Puts a source into the place of what was known of it.
    pub(crate) fn replace_source(&mut self, source: Source) {
        if let Some(at) = self.source_tokens.get(&source.token)
            && let Some(place) = self.sources.get_mut(*at)
        {
            *place = Arc::new(source);
        }
    }

    pub(crate) fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    pub(crate) fn endpoint(&self, key: EndpointKey<'_>) -> Option<Arc<Endpoint>> {
        let at = match key {
            EndpointKey::Name(name) => self.endpoint_names.get(name),
            EndpointKey::Token(token) => self.endpoint_tokens.get(&token),
        };
        self.endpoints.get(*at?).cloned()
    }
}

/// What events have taught, by source.
async fn learned_fields(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<HashMap<i64, Vec<LearnedField>>, sqlx::Error> {
    let sql = format!("select source_id, path, kind from \"{schema}\".logweir_source_fields");
    let rows: Vec<(i64, String, String)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await?;
    let mut learned: HashMap<i64, Vec<LearnedField>> = HashMap::new();
    for (source, path, kind) in rows {
        match (path.parse(), kind.parse()) {
            (Ok(path), Ok(kind)) => {
                let field = LearnedField { path, kind, conflicts: Vec::new() };
                learned.entry(source).or_default().push(field);
            }
            _ => tracing::warn!(path, kind, "a learned field of the catalog is not understood"),
        }
    }
    Ok(learned)
}

/// What is declared of a source's fields: those of Supabase are described, of others nothing is.
fn declared_fields(source: &str) -> SourceSchema {
    let schema = json_schema(source).and_then(|text| serde_json::from_str(text).ok());
    let declared = schema.and_then(|schema| SourceSchema::from_json_schema(&schema).ok());
    declared.unwrap_or_else(|| SourceSchema::new(Arc::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_endpoints_are_found_by_name_and_token() {
        let mut catalog = Catalog::default();
        for (id, name) in [(1, "a"), (2, "b")] {
            let token = Uuid::from_u128(id);
            catalog.add_source(Source {
                id: 1,
                token,
                name: name.to_owned(),
                table: String::new(),
                known: Arc::new(SourceSchema::new(Arc::default())),
                schema: Arc::default(),
                validation: Validation::Off,
                event_schema: None,
            });
            catalog.add_endpoint(Endpoint {
                id: 1,
                token,
                name: name.to_owned(),
                query: String::new(),
                language: "bq_sql".to_owned(),
                sandboxable: true,
                max_limit: 1000,
                enable_auth: true,
            });
        }
        let token = Uuid::from_u128(2);
        assert_eq!(catalog.source(SourceKey::Name("b")).unwrap().token, token);
        assert_eq!(catalog.source(SourceKey::Token(token)).unwrap().name, "b");
        assert!(catalog.source(SourceKey::Name("B")).is_none());
        assert_eq!(catalog.endpoint(EndpointKey::Name("b")).unwrap().token, token);
        assert_eq!(catalog.endpoint(EndpointKey::Token(token)).unwrap().name, "b");
        assert!(catalog.endpoint(EndpointKey::Token(Uuid::from_u128(3))).is_none());
    }
}
