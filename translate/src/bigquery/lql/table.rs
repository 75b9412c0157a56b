//! The table that is read, and its columns.

use std::sync::Arc;

use event_schemas::TableSchema;
use sqlparser::ast;

use super::{
    place::{self, Column, Place},
    quoted,
    shape::Shape,
};
use crate::{
    Extent, Parameters, Sources, TableColumns,
    diagnostic::{Diagnostic, Position},
    from_lql::{self, USUAL},
    resolve, tree,
    types::Type,
};

/// What the table is called in a query.
const ALIAS: &str = "lql_table";

/// The table that is read.
pub(super) struct Table<'a> {
    name: &'a str,
    /// Where it is named; nowhere where it is the only one.
    pub(super) at: Position,
    columns: Columns,
}

enum Columns {
    /// A source's, whose fields are these; others read as NULL.
    OfEvents(Arc<TableSchema>),
    /// These and no others.
    Exactly(Vec<tree::Column>),
}

impl<'a> Table<'a> {
    /// A CTE of an endpoint.
    pub(super) fn of_endpoint(
        name: &'a str,
        at: Position,
        endpoint: &ast::Query,
        parameters: &Parameters,
        sources: &dyn Sources,
    ) -> Result<Self, Diagnostic> {
        let all = from_lql::all_columns(name, at);
        let resolved = resolve::resolve(endpoint, Some(&all), parameters, sources, Extent::Read)?;
        Ok(Self { name, at, columns: Columns::Exactly(resolved.statement.query.columns) })
    }

    /// A source, or a stored query.
    pub(super) fn named(
        name: &'a str,
        at: Position,
        sources: &dyn Sources,
    ) -> Result<Self, Diagnostic> {
        let source = sources.source(name).filter(|source| source.columns == TableColumns::Event);
        let columns = match source {
            Some(source) => Columns::OfEvents(source.schema),
            None => {
                let all = from_lql::all_columns(name, at);
                let parameters = Parameters::default();
                let resolved = resolve::resolve(&all, None, &parameters, sources, Extent::Read)?;
                Columns::Exactly(resolved.statement.query.columns)
            }
        };
        Ok(Self { name, at, columns })
    }

    /// The table in FROM.
    pub(super) fn named_as(&self) -> Result<String, Diagnostic> {
        Ok(format!("{} AS {ALIAS}", quoted(self.name, self.at)?))
    }

    /// A column by its name, which has no case.
    pub(super) fn column(&self, name: &str, at: Position) -> Result<Column, Diagnostic> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        let (name, shape) = match &self.columns {
            Columns::Exactly(columns) => {
                let Some(column) = columns.iter().find(|column| is(&column.name)) else {
                    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
                    let message = format!("Name {name} not found inside {}", self.name);
                    let advice = format!("it has {}", names.join(", "));
                    return Err(Diagnostic::invalid(at, message).advise(advice));
                };
                (column.name.as_str(), Shape::of_column(&column.ty))
            }
            Columns::OfEvents(schema) => {
                if let Some(usual) = USUAL.into_iter().find(|usual| is(usual)) {
                    let is_time = usual == "timestamp";
                    let ty = if is_time { Type::Timestamp } else { Type::String };
                    (usual, Shape::Scalar(ty))
                } else {
                    // Where no event has had the field, a NULL of type STRING stands for it; where one
                    // had nothing of a shape, such a NULL or some text.
                    let known = place::field(schema, name);
                    let (name, field) = known.map_or((name, None), |(name, f)| (name, Some(f)));
                    let shape = field.map(|f| Shape::of_field(f, 0).unwrap_or(Shape::Unknown));
                    (name, shape.unwrap_or(Shape::Text))
                }
            }
        };
        let sql = format!("{ALIAS}.{}", quoted(name, at)?);
        Ok(Column { name: name.to_owned(), place: Place { sql, shape, records: 0 } })
    }

    /// The names of all columns that are known, each once.
    pub(super) fn names(&self) -> Vec<&str> {
        let all: Vec<&str> = match &self.columns {
            Columns::Exactly(columns) => columns.iter().map(|c| c.name.as_str()).collect(),
            Columns::OfEvents(schema) => {
                USUAL.into_iter().chain(schema.fields.keys().map(String::as_str)).collect()
            }
        };
        let is_first = |&(place, name): &(usize, &str)| {
            !all.iter().take(place).any(|before| before.eq_ignore_ascii_case(name))
        };
        let names = all.iter().copied().enumerate().filter(is_first);
        names.map(|(_, name)| name).collect()
    }

    /// The column `timestamp`, where there is one.
    pub(super) fn time(&self) -> Option<String> {
        let column = self.column("timestamp", self.at).ok()?;
        let is_ordered = matches!(&column.place.shape, Shape::Scalar(ty) if ty.is_ordered());
        is_ordered.then_some(column.place.sql)
    }
}
