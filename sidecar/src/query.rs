//! Queries of endpoints.

use std::sync::Arc;

use store::{Column, ColumnKind, Endpoint, EndpointKey, Grant, SourceKey, Store};
use translate::{OutputType, SourceTable, Sources, TableColumns};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    operation::{Needs, Operation, Shape},
    parameters::Parameters,
    refusal::Refusal,
};

/// The endpoints that are asked in Studio's words over CTEs take the words from here.
const SQL: &str = "sql";

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/endpoints/query/{name or token}",
        needs: Needs::Endpoint,
        summary: "Run the query of an endpoint",
        parameters: PARAMETERS,
        body: Shape::Nothing,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(endpoint_query(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/endpoints/query/{name or token}",
        needs: Needs::Endpoint,
        summary: "Run the query of an endpoint, its parameters in the body",
        parameters: PARAMETERS,
        body: Shape::Nothing,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(endpoint_query(call)),
    },
];

const PARAMETERS: &[(&str, &str)] =
    &[(SQL, "SQL of one's own over the endpoint's CTEs, where it is sandboxable")];

async fn endpoint_query(call: Call) -> Result<Answer, Refusal> {
    let endpoint = authorised_endpoint(&call)?;
    let mut parameters = call.parameters;
    // A GET may carry its SQL in a body when the URL has none.
    if call.method == Method::POST || parameters.get(SQL).is_none() {
        parameters.add_body(&call.body)?;
    }
    run(&call.store, &endpoint, &parameters).await.map(Answer::Rows)
}

/// Runs an endpoint's query; gives its rows as a JSON array.
async fn run(
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

/// The endpoint that the path names, by name or token, for a caller who may ask it. Who may not query
/// learns nothing of which there are.
pub(crate) fn authorised_endpoint(call: &Call) -> Result<Arc<Endpoint>, Refusal> {
    let named = call.captured(0);
    let by_token = Uuid::try_parse(named).ok();
    let key = by_token.map_or(EndpointKey::Name(named), EndpointKey::Token);
    let grant = call.grant.as_ref();
    match call.store.endpoint(key) {
        Some(endpoint)
            if grant.is_some_and(|grant| grant.may_query(endpoint.id))
                || (!endpoint.enable_auth && by_token.is_some()) =>
        {
            Ok(endpoint)
        }
        None if grant.is_some_and(Grant::may_query_all) => {
            Err(Refusal::UnknownEndpoint(named.to_owned()))
        }
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
