//! The tables in a warehouse, asked the way that Studio asks: over an endpoint's CTEs.

use std::collections::BTreeMap;

use super::events::LogTable;
use crate::conformance::{Answer, Catalog, NoAnswer, Warehouse};

/// The schema of the tables.
const SCHEMA: &str = "logs";

/// A warehouse with the tables in it.
#[derive(Debug)]
pub struct LogTables {
    warehouse: Warehouse,
    catalog: Catalog,
    endpoint: String,
}

impl LogTables {
    /// Stores the events; fields that no schema declares are learned from them, as the sink does.
    ///
    /// # Errors
    /// Why they cannot be stored.
    pub async fn store(mut warehouse: Warehouse, tables: &[LogTable]) -> Result<Self, String> {
        warehouse.make_schema(SCHEMA).await?;
        let mut catalog = Catalog::default();
        for table in tables {
            let source = warehouse.log(SCHEMA, table.source, &table.events).await?;
            catalog.0.insert(table.source.to_owned(), source);
        }
        Ok(Self { warehouse, catalog, endpoint: endpoint(tables) })
    }

    /// Asks a query with parameters of the URL.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(
        &self,
        sql: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Answer, NoAnswer> {
        let mut parameters = parameters.clone();
        parameters.insert("project".to_owned(), "default".to_owned());
        self.warehouse
            .ask_endpoint(&self.endpoint, Some(sql), &(&parameters).into(), &self.catalog)
            .await
    }

    /// Asks an endpoint's own query, which reads the sources themselves.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask_sources(
        &self,
        sql: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Answer, NoAnswer> {
        self.warehouse.ask(sql, &parameters.into(), &self.catalog).await
    }
}

/// The endpoint `logs.all`, and in it the tables that it does not have.
fn endpoint(tables: &[LogTable]) -> String {
    let (ctes, select) = store::LOGS_ALL.rsplit_once("\nselect ").unwrap_or((store::LOGS_ALL, ""));
    let has = |name: &str| ctes.contains(&format!("{name} as ("));
    let more = tables.iter().filter(|table| !has(table.name)).map(|table| {
        let LogTable { name, source, .. } = table;
        format!(
            ",
{name} as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.project, t.pipeline_id, t.workflow_run
  from `{source}` as t
  where if(t.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
)"
        )
    });
    format!("{ctes}{}\nselect {select}", more.collect::<String>())
}
