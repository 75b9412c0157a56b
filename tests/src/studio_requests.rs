//! The five requests that Studio's log pages send, and the sources that they are translated over.

use std::sync::Arc;

use event_schemas::{SUPABASE_SOURCES, TableSchema};
use translate::{
    Diagnostic, Parameters, Request, SourceTable, Sources, TableColumns, Translation, translate,
};

/// The source of `edge_logs`.
pub const SOURCE: &str = "cloudflare.logs.prod";

/// Names of the requests with Studio's SQL over `edge_logs`; `id` is the event that is asked for
/// alone.
pub fn studio_requests(id: &str) -> [(&'static str, String); 5] {
    let joins =
        "from edge_logs t cross join unnest(metadata) as m cross join unnest(m.request) as request
                 cross join unnest(m.response) as response";
    let columns = "id, t.timestamp, event_message, request.method, request.path, request.search, response.status_code";
    let status = "response.status_code";
    [
        ("list", format!("select {columns} {joins} order by timestamp desc limit 100")),
        (
            "filtered list",
            format!(
                "select {columns} {joins} where ({status} between 500 and 599) order by timestamp desc limit 100"
            ),
        ),
        ("count", format!("select count(*) as count {joins}")),
        (
            "chart",
            format!(
                "select timestamp_trunc(t.timestamp, minute) as timestamp,
             count(case when not ({status} >= 500 or {status} >= 400 and {status} < 500) then 1 end) as ok_count,
             count(case when {status} >= 500 then 1 end) as error_count,
             count(case when {status} >= 400 and {status} < 500 then 1 end) as warning_count
             {joins} group by timestamp order by timestamp asc"
            ),
        ),
        (
            "single event",
            format!(
                "select id, timestamp, event_message, metadata from edge_logs where id = '{id}' limit 1"
            ),
        ),
    ]
}

/// Translates a query as the endpoint `logs.all` does, for the project `default`.
///
/// # Errors
/// Why it cannot be translated.
pub fn translate_for_studio(
    sql: &str,
    bounds: [&str; 2],
    sources: &impl Sources,
) -> Result<Translation, Diagnostic> {
    let parameters: Parameters = [
        ("project", "default"),
        ("iso_timestamp_start", bounds[0]),
        ("iso_timestamp_end", bounds[1]),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    let request = Request {
        endpoint: store::LOGS_ALL,
        consumer: Some(translate::Consumer::Sql(sql)),
        parameters: &parameters,
        max_rows: 1000,
    };
    translate(&request, sources)
}

/// The nine sources with what their schemas declare.
#[derive(Debug)]
pub struct SupabaseSources {
    tables: Vec<(&'static str, Arc<TableSchema>)>,
    edge_table: String,
}

impl SupabaseSources {
    /// `edge_table` is PostgreSQL's name for the table of `edge_logs`.
    pub fn new(edge_table: &str) -> Self {
        let tables = SUPABASE_SOURCES.iter();
        Self {
            tables: tables.map(|source| (source.name, Arc::new(source.schema.clone()))).collect(),
            edge_table: edge_table.to_owned(),
        }
    }
}

impl Sources for SupabaseSources {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let (name, schema) = self.tables.iter().find(|(known, _)| *known == name)?;
        let table = if *name == SOURCE { self.edge_table.clone() } else { format!("\"{name}\"") };
        Some(SourceTable { table, schema: Arc::clone(schema), columns: TableColumns::Event })
    }

    fn names(&self) -> Vec<String> {
        self.tables.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}
