//! Reads the catalog from its tables.

use std::{collections::HashMap, sync::Arc};

use event_schemas::{EventSchema, LearnedField, SourceSchema, json_schema};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, postgres::PgRow, types::Json};

use super::{Catalog, Endpoint, Source, Validation};
use crate::{
    Backend, ConfigKeys, Rule, Store, access_tokens::TokenDigest, config_key, event_tables,
    server::SchemaName,
};

/// A point in time as microseconds since 1970 UTC.
macro_rules! micros {
    ($column:literal) => {
        concat!("(extract(epoch from ", $column, ") * 1000000)::bigint as ", $column)
    };
}
pub(crate) use micros;

/// What [`source`] reads.
pub(crate) const SOURCE: &str = concat!(
    "id, token, name, coalesce(declared_as, name) as declared_as, validation, retention_days, \
     settings, ",
    micros!("created_at"),
    ", ",
    micros!("updated_at")
);

/// What [`endpoint`] reads.
pub(crate) const ENDPOINT: &str = concat!(
    "id, token, name, description, query, language, sandboxable, cache_duration_seconds, \
     proactive_requerying_seconds, max_limit, enable_auth, redact_pii, \
     enable_dynamic_reservation, labels, backend_id, source_mapping, ",
    micros!("created_at"),
    ", ",
    micros!("updated_at")
);

/// What [`backend`] reads.
pub(crate) const BACKEND: &str = concat!(
    "id, token, name, description, type, config, metadata, default_ingest, ",
    micros!("created_at"),
    ", ",
    micros!("updated_at")
);

/// What [`rule`] reads.
pub(crate) const RULE: &str = "id, token, source_id, lql_string, backend_id, sink";

impl Catalog {
    /// Reads the catalog. `events_schema` is where the sources have their tables; what is much and is
    /// the same as `before` is not read again.
    pub(crate) async fn load(
        connection: &mut PgConnection,
        schema: &SchemaName,
        events_schema: &SchemaName,
        keys: &ConfigKeys,
        before: Option<&Self>,
    ) -> Result<Self, sqlx::Error> {
        let mut catalog = Self::default();
        let mut learned = learned_fields(connection, schema, None).await?;
        for row in all(connection, schema, SOURCE, "logweir_sources").await? {
            let learned = learned.remove(&row.try_get("id")?).unwrap_or_default();
            catalog.add_source(source(&row, learned, events_schema)?);
        }
        for row in all(connection, schema, ENDPOINT, "logweir_endpoints").await? {
            catalog.add_endpoint(endpoint(&row)?);
        }
        let tokens = all(
            connection,
            schema,
            "id, hash, scopes",
            "logweir_access_tokens where revoked_at is null",
        );
        for row in tokens.await? {
            let (id, hash): (i64, Vec<u8>) = (row.try_get("id")?, row.try_get("hash")?);
            let scopes: String = row.try_get("scopes")?;
            match (hash.try_into(), scopes.parse()) {
                (Ok(hash), Ok(scopes)) => catalog.add_token(TokenDigest(hash), id, scopes),
                _ => tracing::warn!(
                    id,
                    scopes,
                    "an access token is not understood; it opens nothing"
                ),
            }
        }
        if catalog.sources.iter().any(|source| source.settings.transform_key_values.is_some()) {
            catalog.load_key_values(connection, schema, before).await?;
        }
        let removed = "token, retention_days, token as id";
        for row in all(connection, schema, removed, "logweir_removed_sources").await? {
            let days: Option<i32> = row.try_get("retention_days")?;
            catalog.removed_sources.push((row.try_get("token")?, days.map(i32::unsigned_abs)));
        }
        catalog.load_drains(connection, schema, keys).await?;
        Ok(catalog)
    }

    /// Reads the key-values, but for those that are more than all together may be.
    async fn load_key_values(
        &mut self,
        connection: &mut PgConnection,
        schema: &SchemaName,
        before: Option<&Self>,
    ) -> Result<(), sqlx::Error> {
        // Read first: what changes while they are read is read again.
        let schema = schema.as_str();
        let sql = format!(r#"select key_values from "{schema}".logweir_changes"#);
        let change = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        self.key_values_change = Some(change);
        if let Some(before) = before.filter(|before| before.key_values_change == Some(change)) {
            self.key_values = Arc::clone(&before.key_values);
            return Ok(());
        }
        let sql = format!(
            "select key, value from \
             (select key, value, sum(bytes) over (order by id) as bytes \
              from \"{schema}\".logweir_key_values) as summed \
             where bytes <= $1"
        );
        let query = sqlx::query_as(AssertSqlSafe(sql)).persistent(false);
        let mut rows = query.bind(Store::MOST_KEY_VALUE_BYTES).fetch(connection);
        let mut key_values: Vec<(String, serde_json::Value)> = Vec::new();
        while let Some(row) = rows.try_next().await? {
            key_values.push(row);
        }
        self.key_values = Arc::new(key_values.into_iter().collect());
        Ok(())
    }

    async fn load_drains(
        &mut self,
        connection: &mut PgConnection,
        schema: &SchemaName,
        keys: &ConfigKeys,
    ) -> Result<(), sqlx::Error> {
        self.key_trouble = config_key::trouble(connection, schema, keys).await?;
        for row in all(connection, schema, BACKEND, "logweir_backends").await? {
            self.backends.push(Arc::new(backend(&row, keys)?));
        }
        for row in all(connection, schema, RULE, "logweir_rules").await? {
            self.rules.push(Arc::new(rule(&row)?));
        }
        let attached = "source_id, backend_id, source_id as id";
        for row in all(connection, schema, attached, "logweir_source_backends").await? {
            self.source_backends.push((row.try_get("source_id")?, row.try_get("backend_id")?));
        }
        Ok(())
    }
}

pub(crate) fn rule(row: &PgRow) -> Result<Rule, sqlx::Error> {
    Ok(Rule {
        id: row.try_get("id")?,
        token: row.try_get("token")?,
        source_id: row.try_get("source_id")?,
        lql_string: row.try_get("lql_string")?,
        backend_id: row.try_get("backend_id")?,
        sink: row.try_get("sink")?,
    })
}

pub(crate) fn backend(row: &PgRow, keys: &ConfigKeys) -> Result<Backend, sqlx::Error> {
    let Json(metadata) = row.try_get("metadata")?;
    let token = row.try_get("token")?;
    let config = keys.decrypt(token, row.try_get("config")?);
    Ok(Backend {
        id: row.try_get("id")?,
        token,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        kind: row.try_get("type")?,
        config: config.map(|(config, _)| Arc::new(config)),
        metadata,
        default_ingest: row.try_get("default_ingest")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

async fn all(
    connection: &mut PgConnection,
    schema: &SchemaName,
    columns: &str,
    table: &str,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let sql = format!(r#"select {columns} from "{}".{table} order by id"#, schema.as_str());
    // The same text has other columns after a migration.
    sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(connection).await
}

/// A source as it is in the catalog, or in a change of it that was begun.
pub(crate) async fn one_source(
    connection: &mut PgConnection,
    row: &PgRow,
    schema: &SchemaName,
    events_schema: &SchemaName,
) -> Result<Source, sqlx::Error> {
    let id = row.try_get("id")?;
    let mut learned = learned_fields(connection, schema, Some(id)).await?;
    source(row, learned.remove(&id).unwrap_or_default(), events_schema)
}

fn source(
    row: &PgRow,
    learned: Vec<LearnedField>,
    events_schema: &SchemaName,
) -> Result<Source, sqlx::Error> {
    let name: String = row.try_get("name")?;
    let token = row.try_get("token")?;
    let declared_as: String = row.try_get("declared_as")?;
    let known = declared_fields(&declared_as).with_learned(learned);
    let schema = Arc::new(known.table_schema());
    let Json(settings) = row.try_get("settings")?;
    Ok(Source {
        id: row.try_get("id")?,
        token,
        table: event_tables::qualified_name(events_schema, token),
        known: Arc::new(known),
        schema,
        validation: Validation::named(row.try_get("validation")?).unwrap_or_default(),
        event_schema: EventSchema::of_source(&declared_as),
        name,
        declared_as,
        retention_days: row.try_get::<Option<i32>, _>("retention_days")?.map(i32::unsigned_abs),
        settings: Arc::new(settings),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

pub(crate) fn endpoint(row: &PgRow) -> Result<Endpoint, sqlx::Error> {
    let Json(source_mapping) = row.try_get("source_mapping")?;
    let seconds = |column| row.try_get::<i32, _>(column).map(i32::unsigned_abs);
    Ok(Endpoint {
        id: row.try_get("id")?,
        token: row.try_get("token")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        query: row.try_get("query")?,
        language: row.try_get("language")?,
        sandboxable: row.try_get("sandboxable")?,
        cache_duration_seconds: seconds("cache_duration_seconds")?,
        proactive_requerying_seconds: seconds("proactive_requerying_seconds")?,
        // A check constraint keeps it between 1 and 10,000.
        max_limit: row.try_get::<i32, _>("max_limit")?.unsigned_abs(),
        enable_auth: row.try_get("enable_auth")?,
        redact_pii: row.try_get("redact_pii")?,
        enable_dynamic_reservation: row.try_get("enable_dynamic_reservation")?,
        labels: row.try_get("labels")?,
        backend_id: row.try_get("backend_id")?,
        source_mapping,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// What events have taught, by source: of one, or of all.
async fn learned_fields(
    connection: &mut PgConnection,
    schema: &SchemaName,
    source: Option<i64>,
) -> Result<HashMap<i64, Vec<LearnedField>>, sqlx::Error> {
    let schema = schema.as_str();
    let sql = format!(
        "select source_id, path, kind from \"{schema}\".logweir_source_fields \
         where $1 is null or source_id = $1"
    );
    let rows: Vec<(i64, String, String)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(source).fetch_all(connection).await?;
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
