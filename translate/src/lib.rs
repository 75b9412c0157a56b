//! BigQuery SQL in, PostgreSQL SQL out.
//!
//! ```text
//! text ─ literal, syntax ─▶ syntax tree ─ resolve ─▶ typed tree ─ fold ─▶ typed tree
//!      ─ lower ─▶ PostgreSQL tree ─ postgres::print ─▶ text
//! ```
//!
//! No I/O happens here. Translation never panics and never guesses: what cannot be translated is
//! a [`Diagnostic`] with a position and a reason.

mod diagnostic;
mod fold;
mod functions;
mod literal;
mod lower;
mod postgres;
mod re2;
mod resolve;
mod syntax;
mod tree;
mod types;

use std::{collections::BTreeMap, sync::Arc};

use event_schemas::TableSchema;

pub use diagnostic::{Diagnostic, Kind, Position};
pub use functions::{FunctionDoc, function_docs};

/// Definitions of the SQL functions that translations call: idempotent, for a schema `logweir`
/// that exists. A text of several statements.
pub const QUERY_FUNCTIONS: &str = include_str!("query_functions.sql");

/// Stack for one translation. Nesting is bounded (see `syntax` and `resolve::expression`), but
/// what the bounds allow is more than a thread of the runtime has.
const STACK_BYTES: usize = 64 << 20;

/// What is to be translated.
#[derive(Debug)]
pub struct Request<'a> {
    /// The endpoint's own query. It can read the sources.
    pub endpoint: &'a str,
    /// A query to be run over the endpoint's CTEs in place of its last SELECT. It can read
    /// nothing else.
    pub consumer: Option<&'a str>,
    /// Values of `@name`. One that is not here is NULL.
    pub parameters: &'a BTreeMap<String, String>,
    /// Most rows that the query may return.
    pub max_rows: u64,
}

/// A source as a query sees it.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// The table's name in PostgreSQL, quoted and with its schema.
    pub table: String,
    /// The types of the fields of its events.
    pub schema: Arc<TableSchema>,
}

/// The sources that an endpoint's query may read.
pub trait Sources {
    /// Looks a source up by its exact name.
    fn source(&self, name: &str) -> Option<SourceTable>;

    /// All names, for messages.
    fn names(&self) -> Vec<String>;
}

/// A translated query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// One SELECT statement of PostgreSQL. It is to be run with `standard_conforming_strings` on
    /// and the time zone UTC.
    pub sql: String,
    /// Its columns.
    pub columns: Vec<OutputColumn>,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// The name as BigQuery gives it; not always unique.
    pub name: String,
    /// BigQuery's type of the values.
    pub ty: OutputType,
}

/// BigQuery's type of an output column, and what carries it in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputType {
    /// `boolean`
    Bool,
    /// `bigint`
    Int64,
    /// `double precision`
    Float64,
    /// `text`
    String,
    /// `timestamp`, in UTC.
    Timestamp,
    /// `timestamp`
    Datetime,
    /// `date`
    Date,
    /// `jsonb`: a value of an event.
    Json,
}

/// Translates a query.
pub fn translate(request: &Request<'_>, sources: &dyn Sources) -> Result<Translation, Diagnostic> {
    stacker::grow(STACK_BYTES, || translate_here(request, sources))
}

fn translate_here(request: &Request<'_>, sources: &dyn Sources) -> Result<Translation, Diagnostic> {
    // A consumer's place is what a person can do something about.
    let endpoint = syntax::parse(request.endpoint)?;
    let consumer = request.consumer.map(syntax::parse).transpose()?;
    let mut statement =
        resolve::resolve(&endpoint, consumer.as_ref(), request.parameters, sources)?;
    fold::fold(&mut statement);
    let query = &mut statement.query;
    query.limit = Some(query.limit.map_or(request.max_rows, |limit| limit.min(request.max_rows)));
    let columns = query.columns.iter().map(output_column).collect::<Result<_, _>>()?;
    let sql = postgres::statement(&lower::statement(&statement)?);
    Ok(Translation { sql, columns })
}

fn output_column(column: &tree::Column) -> Result<OutputColumn, Diagnostic> {
    use types::Type;
    let ty = match &column.ty {
        Type::Bool => OutputType::Bool,
        Type::Int64 => OutputType::Int64,
        Type::Float64 => OutputType::Float64,
        Type::Null | Type::String => OutputType::String,
        Type::Timestamp => OutputType::Timestamp,
        Type::Datetime => OutputType::Datetime,
        Type::Date => OutputType::Date,
        Type::Dynamic | Type::Object(_) | Type::List(_) => OutputType::Json,
        ty @ (Type::Array(_) | Type::Interval | Type::DatePart) => {
            let what = format!("a result of type {ty} (column {})", column.name);
            return Err(Diagnostic::unsupported(Position::default(), what));
        }
    };
    Ok(OutputColumn { name: column.name.clone(), ty })
}
