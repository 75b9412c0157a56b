//! `logweir translate`: shows what a BigQuery query becomes.

use std::{error::Error, io::Read as _, sync::Arc};

use event_schemas::SUPABASE_SOURCES;
use translate::{Consumer, Diagnostic, Request, SourceTable, Sources, TableColumns, translate};

/// Most rows of an answer, as the seeded endpoints have it.
const MAX_ROWS: u64 = 1000;

/// Prints the PostgreSQL for a query over the tables of `logs.all`, which is read from standard
/// input when it is not given. Tables of events stand there under their source's name. With a
/// `source` the query reads that one, as an endpoint's own query does.
pub(crate) fn print(query: Option<String>, source: Option<&str>) -> Result<(), Box<dyn Error>> {
    let query = match query {
        Some(query) => query,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let parameters = [("project".to_owned(), "default".to_owned())].into_iter().collect();
    let known = Supabase { only: source };
    if let Some(name) = source.filter(|name| known.source(name).is_none()) {
        let names = Supabase { only: None }.names().join(", ");
        return Err(format!("There is no source {name}; there are {names}").into());
    }
    let (endpoint, consumer) = match source {
        Some(_) => (query.as_str(), None),
        None => (store::LOGS_ALL, Some(Consumer::Sql(query.as_str()))),
    };
    let request = Request { endpoint, consumer, parameters: &parameters, max_rows: MAX_ROWS };
    match translate(&request, &known) {
        Ok(translation) => {
            println!("{}", translation.sql);
            Ok(())
        }
        Err(diagnostic) => Err(shown(&query, &diagnostic).into()),
    }
}

/// A diagnostic with the line that it speaks of.
fn shown(query: &str, diagnostic: &Diagnostic) -> String {
    let place = usize::try_from(diagnostic.at.line.saturating_sub(1)).ok();
    let line = place.filter(|_| diagnostic.at.line > 0).and_then(|place| query.lines().nth(place));
    let Some(line) = line else { return diagnostic.to_string() };
    let column = usize::try_from(diagnostic.at.column.saturating_sub(1)).unwrap_or(0);
    format!("{diagnostic}\n\n{line}\n{}^", " ".repeat(column))
}

/// The sources that every Supabase has, or one of them.
struct Supabase<'a> {
    only: Option<&'a str>,
}

impl Sources for Supabase<'_> {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let visible = self.only.is_none_or(|only| only == name);
        let mut sources = SUPABASE_SOURCES.iter();
        let source = sources.find(|source| source.name == name && visible)?;
        Some(SourceTable {
            table: format!("\"{name}\""),
            schema: Arc::new(source.schema.clone()),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        match self.only {
            Some(only) => vec![only.to_owned()],
            None => SUPABASE_SOURCES.iter().map(|source| source.name.to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let query = "select id,\n  nothing(1) from edge_logs";
        let error = print(Some(query.to_owned()), None).unwrap_err().to_string();
        let shown = "Function not found: nothing at [2:3]\n\n  nothing(1) from edge_logs\n  ^";
        assert_eq!(error, shown);
    }

    #[test]
    fn a_source_is_read_by_its_name() {
        let query = || Some("select id from `cloudflare.logs.prod`".to_owned());
        print(query(), Some("cloudflare.logs.prod")).unwrap();
        assert!(print(query(), Some("postgres.logs")).is_err());
        assert!(print(query(), Some("nothing")).is_err());
        assert!(print(query(), None).is_err());
    }
}
