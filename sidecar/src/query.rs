//! Queries of endpoints.

use std::sync::Arc;

use store::{
    AccessTokens, Column, ColumnKind, Endpoint, EndpointKey, QueryError, Readiness, SourceKey,
    Store,
};
use translate::{OutputType, SourceTable, Sources, TableColumns};
use uuid::Uuid;

use crate::parameters::Parameters;

/// The endpoints that are asked in Studio's words over CTEs take the words from here.
const SQL: &str = "sql";

/// Why a query was not answered with rows. The text goes to the person who asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The catalog was not read yet.
    #[error("the server is starting; ask again in a moment")]
    Starting,
    /// No token, a wrong one, or one that may not query.
    #[error("Unauthorized")]
    Unauthorized,
    /// Nobody has made such an endpoint.
    #[error("Endpoint \"{0}\" is not available on this server")]
    UnknownEndpoint(String),
    /// The body cannot be read.
    #[error("the request's body cannot be read: {0}")]
    Body(String),
    /// The body is larger than the limit, in bytes.
    #[error("the request's body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The endpoint runs its own query only.
    #[error("Endpoint \"{0}\" does not take SQL: it is not sandboxable")]
    NotSandboxable(String),
    /// The endpoint's query is in a language that is not understood.
    #[error("Endpoint \"{0}\" is written in {1}, which this server cannot run yet")]
    Language(String, String),
    /// The query cannot be translated.
    #[error("{0}")]
    Translation(#[from] translate::Diagnostic),
    /// The query failed while it ran.
    #[error("{0}")]
    Query(#[from] QueryError),
}

/// Runs an endpoint's query; gives its rows as a JSON array.
pub(crate) async fn run(
    store: &Store,
    endpoint: &Endpoint,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let consumer = parameters.get(SQL);
    if consumer.is_some() && !endpoint.sandboxable {
        return Err(Refusal::NotSandboxable(endpoint.name.clone()));
    }
    if endpoint.language != "bq_sql" {
        return Err(Refusal::Language(endpoint.name.clone(), endpoint.language.clone()));
    }
    let translation = translate::translate(
        &translate::Request {
            endpoint: &endpoint.query,
            consumer: consumer.map(translate::Consumer::Sql),
            parameters: &(&parameters.0).into(),
            max_rows: endpoint.max_limit.into(),
        },
        &CatalogSources(store),
    )
    .inspect_err(|diagnostic| report(endpoint, consumer, diagnostic))?;
    let columns: Vec<Column> = translation.columns.into_iter().map(column).collect();
    let rows = store.query(store::Query { sql: &translation.sql, columns: &columns }).await;
    let rows = rows.inspect_err(|error| {
        tracing::warn!(endpoint = endpoint.name, %error, sql = translation.sql, "a query failed");
    })?;
    Ok(rows.into_json())
}

/// The endpoint of this name or token, for one who presents `token`. Who may not query learns
/// nothing of which there are.
pub(crate) fn authorise(
    store: &Store,
    tokens: &AccessTokens,
    endpoint: &str,
    token: Option<&str>,
) -> Result<Arc<Endpoint>, Refusal> {
    if store.readiness() == Readiness::Starting {
        return Err(Refusal::Starting);
    }
    let scope = token.and_then(|token| tokens.scope(token));
    let allowed = scope.is_some_and(store::Scope::may_query);
    let by_token = Uuid::try_parse(endpoint).ok();
    let key = by_token.map_or(EndpointKey::Name(endpoint), EndpointKey::Token);
    match store.endpoint(key) {
        Some(endpoint) if allowed || (!endpoint.enable_auth && by_token.is_some()) => Ok(endpoint),
        None if allowed => Err(Refusal::UnknownEndpoint(endpoint.to_owned())),
        _ => Err(Refusal::Unauthorized),
    }
}

/// A fault of ours is for the log; what a person typed is for that person.
fn report(endpoint: &Endpoint, consumer: Option<&str>, diagnostic: &translate::Diagnostic) {
    if diagnostic.kind == translate::Kind::Internal || consumer.is_none() {
        tracing::error!(endpoint = endpoint.name, %diagnostic, query = consumer, "a query cannot be translated");
    }
}

/// The catalog's sources as the translator asks for them.
struct CatalogSources<'a>(&'a Store);

impl Sources for CatalogSources<'_> {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let source = self.0.source(SourceKey::Name(name))?;
        Some(SourceTable {
            table: source.table.clone(),
            schema: Arc::clone(&source.schema),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        self.0.sources().iter().map(|source| source.name.clone()).collect()
    }
}

fn column(column: translate::OutputColumn) -> Column {
    Column { name: column.name, kind: column_kind(column.ty) }
}

fn column_kind(ty: OutputType) -> ColumnKind {
    match ty {
        OutputType::Bool => ColumnKind::Bool,
        OutputType::Int64 => ColumnKind::Int64,
        OutputType::Float64 => ColumnKind::Float64,
        OutputType::Numeric | OutputType::BigNumeric => ColumnKind::Numeric,
        OutputType::String => ColumnKind::String,
        OutputType::Bytes => ColumnKind::Bytes,
        OutputType::Timestamp => ColumnKind::Timestamp,
        OutputType::Datetime => ColumnKind::Datetime,
        OutputType::Date => ColumnKind::Date,
        OutputType::Time => ColumnKind::Time,
        OutputType::Interval => ColumnKind::Interval,
        OutputType::Json => ColumnKind::JsonText,
        OutputType::EventValue => ColumnKind::Json,
        OutputType::Array(element) => ColumnKind::Array(Box::new(column_kind(*element))),
        OutputType::Struct(fields) => ColumnKind::Struct(
            fields.into_iter().map(|(name, ty)| (name, column_kind(ty))).collect(),
        ),
    }
}
