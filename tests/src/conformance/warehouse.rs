//! The translator and the store, asked as the product asks them.

use std::{any::Any, collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use event_schemas::{Event, SchemaNews, SourceSchema};
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use store::{AccessTokens, Column, PostgresServer, Query, QueryError, Settings, Store};
use tokio::task::JoinHandle;
use translate::{
    Diagnostic, OutputColumn, Parameters, Request, SourceTable, Sources, TableColumns, Translation,
};

use super::{
    answer::column_kind,
    types::{Type, table_schema},
};
use crate::postgres::TestCluster;

/// Longest time for the translation of a query, and again for its run.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// More rows than any case has.
const MAX_ROWS: u64 = 100_000;

/// 2024-01-01, in microseconds since 1970: the time of rows that have none.
const SOME_TIME: i64 = 1_704_067_200_000_000;

/// A store on a database of its own.
#[derive(Debug)]
pub struct Warehouse {
    store: Store,
    admin: PgConnection,
    watch: JoinHandle<()>,
}

/// The sources that a query may read, by their names.
#[derive(Debug, Clone, Default)]
pub struct Catalog(pub BTreeMap<String, SourceTable>);

impl Sources for Catalog {
    fn source(&self, name: &str) -> Option<SourceTable> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Rows of an answer and what they are.
#[derive(Debug)]
pub struct Answer {
    /// In order.
    pub columns: Vec<OutputColumn>,
    /// The JSON that the server answers, by the names of the columns.
    pub rows: Vec<BTreeMap<String, Box<RawValue>>>,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The translator says why it cannot translate it.
    #[error("{0}")]
    Refused(Diagnostic),
    /// Postgres does not run it.
    #[error("{0}")]
    Failed(String),
    /// The translator panicked.
    #[error("the translator panicked: {0}")]
    Panicked(String),
    /// Translation or run took more than ten seconds.
    #[error("it took longer than {} s", TIME_LIMIT.as_secs())]
    TooSlow,
}

/// A row of a table of events.
struct StoredRow {
    id: String,
    /// JSON.
    body: String,
    event_message: Option<String>,
    /// Microseconds since 1970.
    timestamp: i64,
}

/// A table of a case.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<(String, Type)>,
    /// For each column its value, as JSON in the form that events have.
    pub(super) rows: Vec<Vec<String>>,
}

impl Warehouse {
    /// Makes a database with what queries need, and a store over it.
    ///
    /// # Panics
    /// When the cluster does not answer.
    pub async fn start(cluster: &TestCluster) -> Self {
        let url = cluster.database().await;
        let server = PostgresServer::parse(&url, Some("events")).expect("a URL of a test cluster");
        let settings = Settings {
            events: server.clone(),
            catalog: server,
            tokens: AccessTokens::new("public", "private"),
            seed_supabase: false,
            query_timeout: TIME_LIMIT,
            ingest_connections: 1,
            owner: 1,
            query_connections: 2,
            query_functions: translate::QUERY_FUNCTIONS,
            default_retention_days: None,
            bigquery: None,
            config_keys: store::ConfigKeys::new([7; 32], None).expect("AES is there"),
        };
        let store = Store::new(settings, None);
        let watched = store.clone();
        let watch = tokio::spawn(async move { watched.keep_ready().await });
        store.ready().await;
        let admin = PgConnection::connect(&url).await.expect("the cluster answers");
        Self { store, admin, watch }
    }

    /// Runs statements as the cluster's owner.
    ///
    /// # Errors
    /// Postgres's message.
    pub async fn execute(&mut self, sql: &str) -> Result<(), String> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin).await;
        done.map(drop).map_err(|error| error.to_string())
    }

    /// The connection of the cluster's owner.
    pub(super) fn admin(&mut self) -> &mut PgConnection {
        &mut self.admin
    }

    /// Makes an empty schema that queries may read.
    ///
    /// # Errors
    /// Postgres's message.
    pub async fn make_schema(&mut self, schema: &str) -> Result<(), String> {
        self.drop_schema(schema).await?;
        self.execute(&format!(
            "create schema {schema}; grant usage on schema {schema} to logweir_reader"
        ))
        .await
    }

    /// Removes a schema and what is in it.
    pub(super) async fn drop_schema(&mut self, schema: &str) -> Result<(), String> {
        self.execute(&format!("drop schema if exists {schema} cascade")).await
    }

    /// Makes a table of events with these rows: what a source's table is, but for its partitions.
    pub(super) async fn fill(
        &mut self,
        schema: &str,
        name: &str,
        table: &Table,
    ) -> Result<SourceTable, String> {
        let quoted = self.make_table(schema, name).await?;
        let rows = table.rows.iter().enumerate().map(|(number, row)| {
            let own = |name: &str, ty: &Type| {
                let at =
                    table.columns.iter().position(|column| column.0 == name && column.1 == *ty);
                at.and_then(|at| row.get(at))
            };
            let text = |value: &String| serde_json::from_str::<String>(value).ok();
            let id = own("id", &Type::String).and_then(text);
            let time = own("timestamp", &Type::Timestamp).and_then(|value| value.parse().ok());
            StoredRow {
                id: id.unwrap_or_else(|| number.to_string()),
                body: body(&table.columns, row),
                event_message: own("event_message", &Type::String).and_then(text),
                timestamp: time.unwrap_or(SOME_TIME),
            }
        });
        self.insert(&quoted, rows.collect()).await?;
        let schema = Arc::new(table_schema(&table.columns));
        let names = table.columns.iter().map(|(name, _)| name.clone()).collect();
        Ok(SourceTable { table: quoted, schema, columns: TableColumns::Declared(names) })
    }

    /// Stores events as the sink does, in a table of `schema`: they are normalised, and fields that
    /// the source's schema does not declare are learned. They are given as what shows as JSON.
    ///
    /// # Errors
    /// What is wrong with an event, or Postgres's message.
    pub async fn log(
        &mut self,
        schema: &str,
        source: &str,
        events: &[impl ToString],
    ) -> Result<SourceTable, String> {
        let quoted = self.make_table(schema, source).await?;
        let mut known = match event_schemas::json_schema(source) {
            Some(text) => {
                let json = serde_json::from_str(text).map_err(|error| error.to_string())?;
                SourceSchema::from_json_schema(&json).map_err(|error| error.to_string())?
            }
            None => SourceSchema::new(Arc::default()),
        };
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let text = event.to_string();
            let value = event_schemas::parse(&text).map_err(|error| error.to_string())?;
            let event = Event::normalise(value, SOME_TIME).map_err(|error| error.to_string())?;
            let mut news = SchemaNews::default();
            known.news(&event, &mut news);
            for sighting in news.iter() {
                known.learn(sighting.path, sighting.kind);
            }
            let mut body = Vec::new();
            event.write_body(&mut body);
            rows.push(StoredRow {
                id: event.id.into_owned(),
                body: String::from_utf8(body).map_err(|error| error.to_string())?,
                event_message: event.event_message.map(std::borrow::Cow::into_owned),
                timestamp: event.timestamp,
            });
        }
        self.insert(&quoted, rows).await?;
        let schema = Arc::new(known.table_schema());
        Ok(SourceTable { table: quoted, schema, columns: TableColumns::Event })
    }

    /// Makes an empty table of events; gives its quoted name.
    async fn make_table(&mut self, schema: &str, name: &str) -> Result<String, String> {
        let quoted = format!("{schema}.\"{}\"", name.replace('"', "\"\""));
        self.execute(&format!(
            "drop table if exists {quoted};
             create table {quoted} (id text not null, body jsonb not null, event_message text,
                                    \"timestamp\" timestamp not null);
             grant select on {quoted} to logweir_reader"
        ))
        .await?;
        Ok(quoted)
    }

    async fn insert(&mut self, quoted: &str, rows: Vec<StoredRow>) -> Result<(), String> {
        let insert = format!(
            "insert into {quoted}
             select id, body::jsonb, message, timestamp '1970-01-01' + micros * interval '1 microsecond'
             from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as r (id, body, message, micros)"
        );
        let (mut ids, mut bodies, mut messages, mut times) = (vec![], vec![], vec![], vec![]);
        for row in rows {
            ids.push(row.id);
            bodies.push(row.body);
            messages.push(row.event_message);
            times.push(row.timestamp);
        }
        let insert = sqlx::query(AssertSqlSafe(insert));
        let insert = insert.bind(ids).bind(bodies).bind(messages).bind(times);
        insert.execute(&mut self.admin).await.map(drop).map_err(|error| error.to_string())
    }

    /// Translates a query and runs it, read-only, as the role that queries run as.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(
        &self,
        sql: &str,
        parameters: &Parameters,
        catalog: &Catalog,
    ) -> Result<Answer, NoAnswer> {
        self.ask_endpoint(sql, None, parameters, catalog).await
    }

    /// Asks a consumer's query over an endpoint's CTEs, or the endpoint's own.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask_endpoint(
        &self,
        endpoint: &str,
        consumer: Option<&str>,
        parameters: &Parameters,
        catalog: &Catalog,
    ) -> Result<Answer, NoAnswer> {
        let (endpoint, consumer) = (endpoint.to_owned(), consumer.map(str::to_owned));
        let (parameters, catalog) = (parameters.clone(), catalog.clone());
        // On a thread of its own: a panic ends that, and an endless loop does not hold us.
        let translating = tokio::task::spawn_blocking(move || {
            let request = Request {
                endpoint: &endpoint,
                consumer: consumer.as_deref().map(translate::Consumer::Sql),
                parameters: &parameters,
                max_rows: MAX_ROWS,
            };
            translate::translate(&request, &catalog)
        });
        let translation = match tokio::time::timeout(TIME_LIMIT, translating).await {
            Err(_) => return Err(NoAnswer::TooSlow),
            Ok(Err(error)) => {
                let what = error.try_into_panic().map(|panic| panic_text(&*panic));
                return Err(NoAnswer::Panicked(what.unwrap_or_default()));
            }
            Ok(Ok(Err(diagnostic))) => return Err(NoAnswer::Refused(diagnostic)),
            Ok(Ok(Ok(translation))) => translation,
        };
        self.run(translation).await
    }

    /// Runs what a query became, read-only, as the role that queries run as.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn run(&self, translation: Translation) -> Result<Answer, NoAnswer> {
        let columns: Vec<_> = translation
            .columns
            .iter()
            .map(|column| Column { name: column.name.clone(), kind: column_kind(&column.ty) })
            .collect();
        let rows = self.store.query(Query { sql: &translation.sql, columns: &columns }).await;
        let rows = rows.map_err(|error| match error {
            QueryError::Timeout(_) => NoAnswer::TooSlow,
            QueryError::Failed { sqlstate, message } => {
                NoAnswer::Failed(format!("{message} (SQLSTATE {sqlstate})"))
            }
            other => NoAnswer::Failed(other.to_string()),
        })?;
        let rows = serde_json::from_str(&rows.into_json())
            .map_err(|error| NoAnswer::Failed(format!("the answer is no JSON: {error}")))?;
        Ok(Answer { columns: translation.columns, rows })
    }
}

impl Drop for Warehouse {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// What an event carries: a field that is NULL is not there.
fn body(columns: &[(String, Type)], row: &[String]) -> String {
    let mut body = "{".to_owned();
    for ((name, _), value) in columns.iter().zip(row).filter(|(_, value)| *value != "null") {
        let comma = if body.len() > 1 { "," } else { "" };
        let name = serde_json::Value::from(name.as_str());
        // Writing to a String cannot fail.
        let _ = write!(body, "{comma}{name}:{value}");
    }
    body.push('}');
    body
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_null_are_left_out() {
        let columns = ["a", "b", "c\""].map(|name| (name.to_owned(), Type::Int64));
        let row = ["null", "1", "2"].map(str::to_owned);
        assert_eq!(body(&columns, &row), r#"{"b":1,"c\"":2}"#);
    }
}
