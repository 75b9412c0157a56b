//! `logweir translate`: shows what a BigQuery query becomes.

use std::{error::Error, io::Read as _, sync::Arc};

use event_schemas::SUPABASE_SOURCES;
use translate::{Request, SourceTable, Sources, TableColumns, translate};

/// Most rows of an answer, as the seeded endpoints have it.
const MAX_ROWS: u64 = 1000;

/// Prints the PostgreSQL for a query over the tables of `logs.all`, which is read from standard
/// input when it is not given. Tables of events stand there under their source's name.
pub(crate) fn print(query: Option<String>) -> Result<(), Box<dyn Error>> {
    let query = match query {
        Some(query) => query,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let parameters = [("project".to_owned(), "default".to_owned())].into_iter().collect();
    let request = Request {
        endpoint: store::LOGS_ALL,
        consumer: Some(&query),
        parameters: &parameters,
        max_rows: MAX_ROWS,
    };
    println!("{}", translate(&request, &Supabase)?.sql);
    Ok(())
}

/// The sources that every Supabase has.
struct Supabase;

impl Sources for Supabase {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let source = SUPABASE_SOURCES.iter().find(|source| source.name == name)?;
        Some(SourceTable {
            table: format!("\"{name}\""),
            schema: Arc::new(source.schema.clone()),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        SUPABASE_SOURCES.iter().map(|source| source.name.to_owned()).collect()
    }
}
