//! LQL for BigQuery: written as GoogleSQL, which goes the way of every other query from there.
//!
//! ```text
//! m.status:>=500   →   (SELECT LOGICAL_OR(NOT (SAFE_CAST(lql_value_1.`status` AS FLOAT64) < 500))
//!                       FROM UNNEST(lql_table.`metadata`) AS lql_value_1)
//! ```
//!
//! PostgreSQL has events as they came. BigQuery has columns, so what stands at a path follows from
//! their types: `place` goes there, `filter` asks for it, `shown` shows it. Texts that a person wrote
//! are parameters, and names stand in backquotes: nothing of them is read as SQL.

mod filter;
mod place;
mod shape;
mod shown;
mod table;

use lql::Lql;
use sqlparser::ast;

use crate::{
    LqlRequest, Parameter, Parameters, Sources,
    diagnostic::{Diagnostic, Position},
    from_lql, syntax,
};
use table::Table;

/// LQL as GoogleSQL.
pub(super) struct Written {
    pub(super) sql: String,
    /// What it is to be given, and all that others are.
    pub(super) parameters: Parameters,
}

/// Over a CTE of an endpoint: its text and what that says.
pub(super) fn over_ctes(
    text: &str,
    now: i64,
    endpoint: (&str, &ast::Query),
    parameters: &Parameters,
    sources: &dyn Sources,
) -> Result<Written, Diagnostic> {
    let lql = from_lql::parse(text)?;
    let (cte, at) = from_lql::cte_of(&lql, endpoint.1)?;
    let name = &cte.alias.name.value;
    let table = Table::of_endpoint(name, at, endpoint.1, parameters, sources)?;
    let taken = syntax::parameter_names(endpoint.0)?;
    let texts = Texts { taken, parameters: parameters.clone(), count: 0 };
    written(&lql, &table, now, texts)
}

/// Over a source.
pub(super) fn over_source(
    request: &LqlRequest<'_>,
    sources: &dyn Sources,
) -> Result<Written, Diagnostic> {
    let lql = from_lql::parse(request.text)?;
    let (name, at) = from_lql::source_of(&lql, request.source, sources)?;
    let table = Table::named(name, at, sources)?;
    let texts = Texts { taken: Vec::new(), parameters: Parameters::default(), count: 0 };
    written(&lql, &table, request.now, texts)
}

fn written(
    lql: &Lql,
    table: &Table<'_>,
    now: i64,
    mut texts: Texts,
) -> Result<Written, Diagnostic> {
    let shown = match &lql.chart {
        Some(chart) => shown::chart(chart, table)?,
        None => shown::fields(&lql.select, table)?,
    };
    let mut sql = format!("SELECT {}\nFROM {}", shown.items.join(", "), table.named_as()?);
    for (array, alias) in &shown.unnested.arrays {
        sql.push_str(&format!("\nLEFT JOIN UNNEST({array}) AS {alias}"));
    }
    for (count, filter) in lql.filters.iter().enumerate() {
        sql.push_str(if count == 0 { "\nWHERE " } else { "\n  AND " });
        sql.push_str(&filter::condition(filter, table, now, &mut texts)?);
    }
    sql.push_str(&shown.ending);
    Ok(Written { sql, parameters: texts.parameters })
}

/// Texts that become parameters.
struct Texts {
    /// Names that mean something else.
    taken: Vec<String>,
    parameters: Parameters,
    count: usize,
}

impl Texts {
    /// A text as a parameter.
    fn add(&mut self, text: &str) -> String {
        loop {
            self.count += 1;
            let name = format!("lql_text_{}", self.count);
            if !self.taken.iter().any(|taken| taken.eq_ignore_ascii_case(&name)) {
                let sign = format!("@{name}");
                self.parameters.named.insert(name, Parameter::text(text));
                return sign;
            }
        }
    }
}

/// A name in backquotes. None that would need escapes is read alike by all.
fn quoted(name: &str, at: Position) -> Result<String, Diagnostic> {
    if name.contains(|c: char| matches!(c, '`' | '\\') || c.is_control()) {
        return Err(Diagnostic::unsupported(at, format!("the name {name:?} in LQL")));
    }
    Ok(format!("`{name}`"))
}

#[cfg(test)]
mod tests;
