//! Endpoints are made, changed and removed.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Actor, ChangeError, Endpoint, Store, catalog::load, change::Change};

/// What an endpoint is to be. The fields are those of [`Endpoint`].
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointToBe {
    /// Name, unique.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Its text.
    pub query: String,
    /// The language of its query: `bq_sql` …
    pub language: String,
    /// Whether callers may bring queries of their own over the query's CTEs.
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
    /// Labels of queries in BigQuery.
    pub labels: Option<String>,
    /// The sources that the query names.
    pub source_mapping: BTreeMap<String, Uuid>,
}

impl Default for EndpointToBe {
    /// Logflare's defaults.
    fn default() -> Self {
        Self {
            name: String::new(),
            description: None,
            query: String::new(),
            language: "bq_sql".to_owned(),
            sandboxable: false,
            cache_duration_seconds: 3600,
            proactive_requerying_seconds: 1800,
            max_limit: 1000,
            enable_auth: true,
            redact_pii: false,
            enable_dynamic_reservation: false,
            labels: None,
            source_mapping: BTreeMap::new(),
        }
    }
}

impl From<&Endpoint> for EndpointToBe {
    fn from(endpoint: &Endpoint) -> Self {
        let endpoint = endpoint.clone();
        Self {
            name: endpoint.name,
            description: endpoint.description,
            query: endpoint.query,
            language: endpoint.language,
            sandboxable: endpoint.sandboxable,
            cache_duration_seconds: endpoint.cache_duration_seconds,
            proactive_requerying_seconds: endpoint.proactive_requerying_seconds,
            max_limit: endpoint.max_limit,
            enable_auth: endpoint.enable_auth,
            redact_pii: endpoint.redact_pii,
            enable_dynamic_reservation: endpoint.enable_dynamic_reservation,
            labels: endpoint.labels,
            source_mapping: endpoint.source_mapping,
        }
    }
}

/// The columns that [`bound`] fills, in its order, from `$2`.
const COLUMNS: &str = "name, description, query, language, sandboxable, cache_duration_seconds, \
    proactive_requerying_seconds, max_limit, enable_auth, redact_pii, enable_dynamic_reservation, \
    labels, source_mapping";

const VALUES: &str = "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14";

impl Store {
    /// Makes an endpoint. Without a `token` it gets a random one.
    ///
    /// # Errors
    /// A name or token that is taken; a database that does not answer.
    pub async fn create_endpoint(
        &self,
        actor: &Actor,
        token: Option<Uuid>,
        endpoint: &EndpointToBe,
    ) -> Result<Arc<Endpoint>, ChangeError> {
        let token = token.unwrap_or_else(Uuid::new_v4);
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(&format!(
            "insert into {{schema}}.logweir_endpoints (token, {COLUMNS}) values ($1, {VALUES})"
        ));
        bound(sqlx::query(sql).bind(token), endpoint)
            .execute(change.connection())
            .await
            .map_err(|error| super::sources::taken(&error))?;
        let made = as_it_is(&mut change, token).await?;
        change.end("create endpoint", token, &details(endpoint)).await?;
        Ok(Arc::new(made))
    }

    /// Makes of an endpoint what `to_be` makes of it as it is. Two changes at once, also by several
    /// processes, are one after the other.
    ///
    /// # Errors
    /// An unknown token; a name that is taken; a database that does not answer; one of `to_be`.
    pub async fn update_endpoint<E: From<ChangeError>>(
        &self,
        actor: &Actor,
        token: Uuid,
        to_be: impl FnOnce(EndpointToBe) -> Result<EndpointToBe, E> + Send,
    ) -> Result<Arc<Endpoint>, E> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let endpoint = to_be(EndpointToBe::from(&as_it_is(&mut change, token).await?))?;
        Ok(set_endpoint(change, token, &endpoint).await?)
    }

    /// Removes an endpoint.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_endpoint(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_endpoints where token = $1");
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("delete endpoint", token, &json!({})).await
    }
}

async fn set_endpoint(
    mut change: Change<'_>,
    token: Uuid,
    endpoint: &EndpointToBe,
) -> Result<Arc<Endpoint>, ChangeError> {
    let sql = change.sql(&format!(
        "update {{schema}}.logweir_endpoints \
         set ({COLUMNS}, updated_at) = ({VALUES}, clock_timestamp()) where token = $1"
    ));
    bound(sqlx::query(sql).bind(token), endpoint)
        .execute(change.connection())
        .await
        .map_err(|error| super::sources::taken(&error))?;
    let changed = as_it_is(&mut change, token).await?;
    change.end("update endpoint", token, &details(endpoint)).await?;
    Ok(Arc::new(changed))
}

async fn as_it_is(change: &mut Change<'_>, token: Uuid) -> Result<Endpoint, ChangeError> {
    let row = change.as_it_is(load::ENDPOINT, "logweir_endpoints", token).await?;
    Ok(load::endpoint(&row)?)
}

type Arguments<'q> =
    sqlx::query::Query<'q, sqlx::Postgres, <sqlx::Postgres as sqlx::Database>::Arguments>;

fn bound<'q>(query: Arguments<'q>, endpoint: &'q EndpointToBe) -> Arguments<'q> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    query
        .bind(&endpoint.name)
        .bind(&endpoint.description)
        .bind(&endpoint.query)
        .bind(&endpoint.language)
        .bind(endpoint.sandboxable)
        .bind(number(endpoint.cache_duration_seconds))
        .bind(number(endpoint.proactive_requerying_seconds))
        .bind(number(endpoint.max_limit))
        .bind(endpoint.enable_auth)
        .bind(endpoint.redact_pii)
        .bind(endpoint.enable_dynamic_reservation)
        .bind(&endpoint.labels)
        .bind(Json(&endpoint.source_mapping))
}

fn details(endpoint: &EndpointToBe) -> serde_json::Value {
    json!({
        "name": endpoint.name,
        "description": endpoint.description,
        "query": endpoint.query,
        "language": endpoint.language,
        "sandboxable": endpoint.sandboxable,
        "cache_duration_seconds": endpoint.cache_duration_seconds,
        "proactive_requerying_seconds": endpoint.proactive_requerying_seconds,
        "max_limit": endpoint.max_limit,
        "enable_auth": endpoint.enable_auth,
        "redact_pii": endpoint.redact_pii,
        "enable_dynamic_reservation": endpoint.enable_dynamic_reservation,
        "labels": endpoint.labels,
        "source_mapping": endpoint.source_mapping,
    })
}
