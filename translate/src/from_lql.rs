//! LQL text to syntax tree: a second front end beside `syntax`.
//!
//! ```text
//! m.status:>=500   →   (SELECT LOGICAL_OR(v >= 500) FROM UNNEST(values of m.status) AS v)
//! ```
//!
//! Lists on the way to a field and at its end stand for their elements, as in UNNEST. LQL asks for
//! values as they came, whatever is declared of a field: an event that is not stored yet has no
//! table, and a filter must say of both the same. For that SQL has no words; `resolve::lql_call`
//! knows these calls, whose names no SQL can hold.

mod build;
mod chart;
mod filter;
mod selection;

use event_schemas::TableSchema;
use lql::{Lql, Selected};
use sqlparser::ast;

use crate::{
    Sources,
    diagnostic::{Diagnostic, Position},
};
use build::{Item, Source};
pub(crate) use selection::USUAL;

/// A column of a table as a value inside an event.
pub(crate) const VALUE: &str = "LQL VALUE";
/// The list of the values at a JSON path.
pub(crate) const VALUES: &str = "LQL VALUES";
/// Whether a value is neither an object nor a list.
pub(crate) const IS_SCALAR: &str = "LQL IS SCALAR";
/// The text of such a value, NULL of others.
pub(crate) const TEXT: &str = "LQL TEXT";

/// A consumer's query over an endpoint's CTEs.
pub(crate) fn over_ctes(
    text: &str,
    endpoint: &ast::Query,
    now: i64,
) -> Result<ast::Query, Diagnostic> {
    let lql = parse(text)?;
    let (cte, at) = cte_of(&lql, endpoint)?;
    let table = Source { name: &cte.alias.name.value, at, has_time: gives_time(&cte.query) };
    query(&lql, &table, None, now)
}

/// The CTE that a text reads, and where it is named.
pub(crate) fn cte_of<'e>(
    lql: &Lql,
    endpoint: &'e ast::Query,
) -> Result<(&'e ast::Cte, Position), Diagnostic> {
    let ctes = endpoint.with.as_ref().map_or(&[][..], |with| with.cte_tables.as_slice());
    let names: Vec<&str> = ctes.iter().map(|cte| cte.alias.name.value.as_str()).collect();
    match (&lql.from, ctes) {
        (_, []) => {
            let message = "No CTEs found in query";
            Err(Diagnostic::refused(Position::default(), message))
        }
        (None, [only]) => Ok((only, Position::default())),
        (None, _) => {
            let message = format!(
                "Multiple CTEs available ({}). You must specify which one to query using f:name",
                names.join(", ")
            );
            Err(Diagnostic::refused(Position::default(), message))
        }
        (Some(table), ctes) => {
            let named = |cte: &&ast::Cte| cte.alias.name.value.eq_ignore_ascii_case(&table.name);
            let at = Position::from(table.at);
            let found = ctes.iter().find(named).ok_or_else(|| {
                let message = format!(
                    "Table '{}' not found in available CTEs: {}",
                    table.name,
                    names.join(", ")
                );
                Diagnostic::refused(at, message)
            })?;
            Ok((found, at))
        }
    }
}

/// A query over a source: the one that the text names, else the given one.
pub(crate) fn over_source(
    text: &str,
    source: Option<&str>,
    sources: &dyn Sources,
    now: i64,
) -> Result<ast::Query, Diagnostic> {
    let lql = parse(text)?;
    let (name, at) = source_of(&lql, source, sources)?;
    let schema = sources.source(name).map(|source| source.schema);
    let table = Source { name, at, has_time: true };
    query(&lql, &table, schema.as_deref(), now)
}

/// The name of the source that a text reads, and where it stands.
pub(crate) fn source_of<'a>(
    lql: &'a Lql,
    source: Option<&'a str>,
    sources: &dyn Sources,
) -> Result<(&'a str, Position), Diagnostic> {
    match (&lql.from, source) {
        (Some(table), _) => Ok((table.name.as_str(), table.at.into())),
        (None, Some(source)) => Ok((source, Position::default())),
        (None, None) => {
            let names = sources.names();
            let advice = match names.is_empty() {
                true => "write f: and its name".to_owned(),
                false => format!("write f: and one of {}", names.join(", ")),
            };
            let message = "Nothing says which source to query";
            Err(Diagnostic::refused(Position::default(), message).advise(advice))
        }
    }
}

/// All columns of a table, which SQL may not always say.
pub(crate) fn all_columns(name: &str, at: Position) -> ast::Query {
    let table = Source { name, at, has_time: false };
    build::query(selection::select(&[Selected::Everything(lql::Position::default())], &table, None))
}

pub(crate) fn parse(text: &str) -> Result<Lql, Diagnostic> {
    lql::parse(text)
        .map_err(|error| Diagnostic::invalid(error.at.into(), error.problem.to_string()))
}

/// The query over a table; `schema` is a source's.
fn query(
    lql: &Lql,
    table: &Source<'_>,
    schema: Option<&TableSchema>,
    now: i64,
) -> Result<ast::Query, Diagnostic> {
    let mut select = match &lql.chart {
        Some(chart) => chart::select(chart, table),
        None => selection::select(&lql.select, table, schema),
    };
    let filters = lql.filters.iter().map(|filter| filter::condition(filter, table, now));
    let filters = filters.collect::<Result<Vec<_>, _>>()?;
    select.selection = build::all(filters);
    let mut query = build::query(select);
    query.order_by = match &lql.chart {
        Some(_) => Some(build::order_by(build::number("1"), false)),
        None if table.has_time => Some(build::order_by(table.column("timestamp", table.at), true)),
        None => None,
    };
    Ok(query)
}

/// Whether a query has a column `timestamp`, as far as can be seen.
fn gives_time(query: &ast::Query) -> bool {
    let ast::SetExpr::Select(select) = query.body.as_ref() else { return false };
    let is_time = |name: &ast::Ident| name.value.eq_ignore_ascii_case("timestamp");
    select.projection.iter().any(|item| match item {
        Item::UnnamedExpr(ast::Expr::Identifier(name)) => is_time(name),
        Item::UnnamedExpr(ast::Expr::CompoundIdentifier(parts)) => {
            parts.last().is_some_and(is_time)
        }
        Item::ExprWithAlias { alias, .. } => is_time(alias),
        _ => false,
    })
}

impl From<lql::Position> for Position {
    fn from(at: lql::Position) -> Self {
        Self { line: at.line, column: at.column }
    }
}
