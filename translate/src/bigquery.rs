//! A query for BigQuery itself: checked as every other, then sent as it was written.
//!
//! Its tokens are printed anew, so that BigQuery reads just what was checked: without comments,
//! with every literal and every quoted name spelt in one way. Only names of tables are replaced,
//! and the CTEs that a consumer's query does not read are left out.

mod lql;
mod reading;
mod tokens;

use std::collections::BTreeMap;

use serde_json::Value;
use sqlparser::ast;

use crate::{
    Consumer, Extent, LqlRequest, OutputColumn, OutputType, Parameters, Request, STACK_BYTES,
    SourceTable, Sources,
    diagnostic::{Diagnostic, Position},
    fold, output_columns,
    resolve::{self, Named, Qualifier, Resolved},
    syntax,
};
use reading::Reading;
use tokens::Tokens;

/// Most bytes that a query may come to; BigQuery takes a million characters.
const MAX_BYTES: usize = 1_000_000;

/// A query for BigQuery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BigQueryQuery {
    /// One query, without a limit of rows. Behind a [`MARK`] and before the next one stands a number:
    /// the place in `fields` of those that the table of that SELECT may lack.
    pub sql: String,
    /// Fields that are read of tables.
    pub fields: Vec<TableFields>,
    /// Its columns, as far as events' schemas tell.
    pub columns: Vec<OutputColumn>,
    /// Values of its `@name`s, all of type STRING.
    pub parameters: BTreeMap<String, Option<String>>,
    /// The tables that it reads, as [`SourceTable::table`] names them, each once.
    pub tables: Vec<String>,
    /// Lines of `sql` before the text of the one who asked.
    pub lines_before: u64,
}

/// Stands around numbers in the text of a [`BigQueryQuery`], and in no query.
pub const MARK: char = '\0';

/// Fields of a source's events that a query names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableFields {
    /// The table, as [`SourceTable::table`] names it.
    pub table: String,
    /// The fields.
    pub fields: Vec<String>,
}

/// Checks a query as [`translate`](crate::translate) does, and makes it ready for BigQuery.
///
/// A table is read by way of a query with a filter on `timestamp`, as tables that require one
/// want it: the bounds that the query's own WHERE gives for certain. Fields that no event has carried
/// yet have no column; where they belong stands a mark.
pub fn for_bigquery(
    request: &Request<'_>,
    sources: &dyn Sources,
) -> Result<BigQueryQuery, Diagnostic> {
    stacker::grow(STACK_BYTES, || {
        let endpoint = syntax::parse(request.endpoint)?;
        let parsed = |consumer| Parsed { endpoint: (request.endpoint, &endpoint), consumer };
        match request.consumer {
            None => checked(&parsed(None), request.parameters, sources),
            Some(Consumer::Sql(text)) => {
                let consumer = syntax::parse(text)?;
                checked(&parsed(Some((text, &consumer))), request.parameters, sources)
            }
            Some(Consumer::Lql { text, now }) => {
                let of_endpoint = (request.endpoint, &endpoint);
                let written = lql::over_ctes(text, now, of_endpoint, request.parameters, sources)?;
                let consumer = syntax::parse(&written.sql).map_err(nowhere)?;
                let parsed = parsed(Some((&written.sql, &consumer)));
                checked(&parsed, &written.parameters, sources).map_err(nowhere)
            }
        }
    })
}

/// Makes an LQL query over a source ready for BigQuery.
pub fn lql_for_bigquery(
    request: &LqlRequest<'_>,
    sources: &dyn Sources,
) -> Result<BigQueryQuery, Diagnostic> {
    stacker::grow(STACK_BYTES, || {
        let written = lql::over_source(request, sources)?;
        let query = syntax::parse(&written.sql).map_err(nowhere)?;
        let parsed = Parsed { endpoint: (&written.sql, &query), consumer: None };
        checked(&parsed, &written.parameters, sources).map_err(nowhere)
    })
}

/// What is wrong with SQL that was made of LQL is at no place that its author knows.
fn nowhere(error: Diagnostic) -> Diagnostic {
    Diagnostic { at: Position::default(), ..error }
}

/// Texts and what they say.
struct Parsed<'t> {
    endpoint: (&'t str, &'t ast::Query),
    consumer: Option<(&'t str, &'t ast::Query)>,
}

fn checked(
    parsed: &Parsed<'_>,
    parameters: &Parameters,
    sources: &dyn Sources,
) -> Result<BigQueryQuery, Diagnostic> {
    let (text, endpoint) = parsed.endpoint;
    let consumer = parsed.consumer.map(|(_, query)| query);
    let resolved = resolve::resolve(endpoint, consumer, parameters, sources, Extent::Whole)?;
    let Resolved { mut statement, named, qualifiers, read } = resolved;
    let columns = output_columns(&statement.query)?;
    // Folding may lose a field that BigQuery looks for all the same.
    let as_written = reading::readings(&statement, named.len());
    fold::fold(&mut statement);
    let folded = reading::readings(&statement, named.len());
    let both = folded.into_iter().zip(as_written);
    let readings: Vec<_> = both.map(|(times, fields)| times.with_fields_of(fields)).collect();
    let (names, fields) = (Vec::new(), Vec::new());
    let (named, qualifiers) = (&*named, &*qualifiers);
    let mut writer = Writer { named, qualifiers, readings: &readings, sources, names, fields };
    let (sql, lines_before) = match parsed.consumer {
        None => (writer.whole(None, text, sources)?, 0),
        Some((consumer, _)) => writer.over_ctes(text, endpoint, &read, consumer)?,
    };
    let parameters = values(&writer.names, parameters)?;
    let (fields, tables) = (writer.fields, tables(named));
    Ok(BigQueryQuery { sql, fields, columns, parameters, tables, lines_before })
}

fn tables(named: &[Named]) -> Vec<String> {
    let tables = named.iter().filter_map(|named| Some(named.source.as_ref()?.table.clone()));
    let mut tables: Vec<String> = tables.collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

/// What BigQuery is given for the parameters that the text names.
fn values(
    names: &[String],
    parameters: &Parameters,
) -> Result<BTreeMap<String, Option<String>>, Diagnostic> {
    let value = |name: &String| {
        let Some(parameter) = parameters.named(name) else { return Ok(None) };
        match (&parameter.ty, &parameter.value) {
            (OutputType::String, Value::String(text)) => Ok(Some(text.clone())),
            (_, Value::Null) => Ok(None),
            _ => Err(Diagnostic::unsupported(
                Position::default(),
                format!("the parameter {name}, which is no text,"),
            )),
        }
    };
    names.iter().map(|name| Ok((name.clone(), value(name)?))).collect()
}

struct Writer<'a> {
    named: &'a [Named],
    qualifiers: &'a [Qualifier],
    readings: &'a [Reading],
    sources: &'a dyn Sources,
    /// Parameters that were met.
    names: Vec<String>,
    fields: Vec<TableFields>,
}

impl Writer<'_> {
    /// A consumer's query over those CTEs of an endpoint that it reads, and the lines before it.
    fn over_ctes(
        &mut self,
        text: &str,
        endpoint: &ast::Query,
        read: &[usize],
        consumer: &str,
    ) -> Result<(String, u64), Diagnostic> {
        let mut sql = String::new();
        if let Some(with) = endpoint.with.as_ref().filter(|_| !read.is_empty()) {
            let tokens = Tokens::of(text)?;
            let sources = self.sources;
            let replaced = self.replacements(None, sources)?;
            sql.push_str(if with.recursive { "WITH RECURSIVE " } else { "WITH " });
            for (count, cte) in read.iter().filter_map(|&at| with.cte_tables.get(at)).enumerate() {
                let from = Position::from(cte.alias.name.span.start);
                let to = Position::from(cte.closing_paren_token.0.span.end);
                if to <= from {
                    return Err(Diagnostic::internal(from, "the end of a CTE is not known"));
                }
                sql.push_str(if count > 0 { ",\n" } else { "" });
                tokens.write(Some((from, to)), &replaced, &mut sql, &mut self.names)?;
                bounded(&sql, from)?;
            }
            sql.push('\n');
        }
        // In parentheses, as it may have a WITH of its own.
        sql.push_str("(\n");
        let lines_before = sql.matches('\n').count() as u64;
        Tokens::of(consumer)?.write(None, &[], &mut sql, &mut self.names)?;
        sql.push_str("\n)");
        bounded(&sql, Position::default())?;
        Ok((sql, lines_before))
    }

    /// The query's own text, or that of a stored query.
    fn whole(
        &mut self,
        within: Option<&str>,
        text: &str,
        sources: &dyn Sources,
    ) -> Result<String, Diagnostic> {
        let replaced = self.replacements(within, sources)?;
        let mut sql = String::new();
        Tokens::of(text)?.write(None, &replaced, &mut sql, &mut self.names)?;
        bounded(&sql, Position::default())?;
        Ok(sql)
    }

    /// What stands for the names in one text, in order.
    fn replacements(
        &mut self,
        within: Option<&str>,
        sources: &dyn Sources,
    ) -> Result<Vec<Replacement>, Diagnostic> {
        let mut replaced: Vec<Replacement> = Vec::new();
        let (named, readings) = (self.named, self.readings);
        for (at, name) in named.iter().enumerate() {
            if name.within.as_deref() != within
                || replaced.iter().any(|known| known.start == name.start)
            {
                continue;
            }
            let mut text = match &name.source {
                Some(source) => {
                    // A text may be resolved more than once: what holds for all of them.
                    let same = named.iter().zip(readings).skip(at).filter(|(other, _)| {
                        other.within == name.within && other.start == name.start
                    });
                    let reading = same.map(|(_, reading)| reading.clone()).reduce(Reading::both);
                    self.table(source, &reading.unwrap_or_default())
                }
                None => {
                    let Some(stored) = sources.stored_query(&name.name) else {
                        return Err(Diagnostic::internal(name.start, "a stored query was lost"));
                    };
                    let inner = self.whole(Some(&name.name), &stored.text, &*stored.sources)?;
                    format!("({inner}\n)")
                }
            };
            if let Some(alias) = &name.unaliased {
                text.push_str(" AS ");
                tokens::push_name(alias, &mut text);
            }
            replaced.push(Replacement { start: name.start, end: name.end, text });
        }
        for qualifier in self.qualifiers {
            if qualifier.within.as_deref() == within {
                let (start, end, mut text) = (qualifier.start, qualifier.end, String::new());
                tokens::push_name(&qualifier.alias, &mut text);
                replaced.push(Replacement { start, end, text });
            }
        }
        replaced.sort_by_key(|replaced| replaced.start);
        replaced.dedup_by_key(|replaced| replaced.start);
        Ok(replaced)
    }

    /// A source's table with what must be there besides.
    fn table(&mut self, source: &SourceTable, reading: &Reading) -> String {
        let mut mark = String::new();
        let fields = reading.fields();
        if !fields.is_empty() {
            mark = format!("{MARK}{}{MARK}", self.fields.len());
            self.fields.push(TableFields { table: source.table.clone(), fields });
        }
        format!("(SELECT *{mark} FROM {} WHERE {})", source.table, reading.filter())
    }
}

fn bounded(sql: &str, at: Position) -> Result<(), Diagnostic> {
    if sql.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Diagnostic::refused(at, format!("The query comes to more than {MAX_BYTES} bytes")))
}

/// What stands for a name.
struct Replacement {
    start: Position,
    end: Position,
    text: String,
}

#[cfg(test)]
mod tests;
