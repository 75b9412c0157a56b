//! BigQuery SQL in, or LQL; PostgreSQL SQL out.
//!
//! ```text
//! text ─ literal, syntax ─▶ syntax tree ─ resolve ─▶ typed tree ─ fold, late ─▶ typed tree
//!      ─ lower ─▶ PostgreSQL tree ─ postgres::print ─▶ text
//! ```
//!
//! LQL becomes a syntax tree too (`from_lql`), and goes the same way from there.
//!
//! No I/O happens here. Translation never panics and never guesses: what cannot be translated is
//! a [`Diagnostic`] with a position and a reason.

mod bigquery;
mod constructs;
mod diagnostic;
mod dialect;
mod expansion;
mod fold;
mod from_lql;
mod functions;
mod late;
mod literal;
mod lower;
mod parameters;
mod pg_sql;
mod postgres;
mod re2;
mod renaming;
mod resolve;
mod syntax;
mod tree;
mod types;

use std::sync::Arc;

use event_schemas::TableSchema;

pub use bigquery::{BigQueryQuery, MARK, TableFields, for_bigquery, lql_for_bigquery};
pub use constructs::{CONSTRUCTS, ConstructDoc};
pub use diagnostic::{Diagnostic, Kind, Position};
pub use expansion::{Expanded, expand};
pub use functions::{
    FunctionDoc, FunctionKind, FunctionSignature, Param, function_docs, function_signatures,
};
pub use parameters::{Parameter, Parameters};
pub use pg_sql::confine;
pub use renaming::{Written, with_sources_called};

/// Definitions of the SQL functions that translations call: idempotent, for a schema `logweir`
/// that exists. A text of several statements.
pub const QUERY_FUNCTIONS: &str = concat!(
    include_str!("query_functions/fail.sql"),
    include_str!("query_functions/attempt.sql"),
    include_str!("query_functions/conversion.sql"),
    include_str!("query_functions/numeric.sql"),
    include_str!("query_functions/parse_number.sql"),
    include_str!("query_functions/time_zone.sql"),
    include_str!("query_functions/date.sql"),
    include_str!("query_functions/time_conversion.sql"),
    include_str!("query_functions/event_values.sql"),
    include_str!("query_functions/text_forms.sql"),
    include_str!("query_functions/time_format.sql"),
    include_str!("query_functions/time_parse.sql"),
    include_str!("query_functions/cast_format.sql"),
    include_str!("query_functions/math.sql"),
    include_str!("query_functions/json.sql"),
    include_str!("query_functions/json_values.sql"),
    include_str!("query_functions/json_change.sql"),
    include_str!("query_functions/bit.sql"),
    include_str!("query_functions/string.sql"),
    include_str!("query_functions/bytes.sql"),
    include_str!("query_functions/hash.sql"),
    include_str!("query_functions/format.sql"),
    include_str!("query_functions/regular_expression.sql"),
    include_str!("query_functions/net.sql"),
    include_str!("query_functions/search.sql"),
    include_str!("query_functions/array.sql"),
    include_str!("query_functions/interval.sql"),
    include_str!("query_functions/time_series.sql"),
    include_str!("query_functions/window.sql"),
    include_str!("query_functions/approximate.sql"),
    include_str!("query_functions/aggregate.sql"),
    include_str!("query_functions/hll.sql"),
    include_str!("query_functions/struct.sql"),
    include_str!("query_functions/comparison.sql"),
);

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
    pub consumer: Option<Consumer<'a>>,
    /// Values of `@name` and `?`.
    pub parameters: &'a Parameters,
    /// Most rows that the query may return.
    pub max_rows: u64,
}

/// A consumer's query.
#[derive(Debug, Clone, Copy)]
pub enum Consumer<'a> {
    /// BigQuery SQL.
    Sql(&'a str),
    /// LQL. Where there is more than one CTE, it names one (`f:edge_logs`).
    Lql {
        /// The text.
        text: &'a str,
        /// What `t:today` and its kin depend on: microseconds since 1970-01-01 UTC.
        now: i64,
    },
}

/// An LQL query over a source.
#[derive(Debug)]
pub struct LqlRequest<'a> {
    /// The LQL. It may name a source (`f:cloudflare.logs.prod`).
    pub text: &'a str,
    /// The source that is queried where the text names none.
    pub source: Option<&'a str>,
    /// What `t:today` and its kin depend on: microseconds since 1970-01-01 UTC.
    pub now: i64,
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
    /// What its columns are.
    pub columns: TableColumns,
}

/// The columns of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableColumns {
    /// `id`, `timestamp`, `event_message`, and the fields of the body, declared or not.
    Event,
    /// These fields of the body, which the schema declares, in this order; nothing else.
    Declared(Vec<String>),
}

/// The sources that an endpoint's query may read.
pub trait Sources {
    /// Looks a source up by its exact name.
    fn source(&self, name: &str) -> Option<SourceTable>;

    /// All names, for messages.
    fn names(&self) -> Vec<String>;

    /// Looks a stored query up that may be read like a table, by its exact name. A source of that
    /// name goes before it.
    fn stored_query(&self, _name: &str) -> Option<StoredQuery<'_>> {
        None
    }
}

/// A query that others may read like a table.
pub struct StoredQuery<'s> {
    /// Its text.
    pub text: String,
    /// What it is written in.
    pub language: Language,
    /// What it may read itself.
    pub sources: Box<dyn Sources + 's>,
}

impl std::fmt::Debug for StoredQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredQuery").field("text", &self.text).finish_non_exhaustive()
    }
}

/// What a stored query is written in. One language's queries read their own kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// BigQuery SQL.
    BigQuery,
    /// PostgreSQL SQL.
    Postgres,
    /// Another one, which cannot be read like a table.
    Other,
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
    /// The name as BigQuery gives it, unique in any case.
    pub name: String,
    /// BigQuery's type of the values.
    pub ty: OutputType,
}

/// BigQuery's type of an output column, and what carries it in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputType {
    /// `boolean`
    Bool,
    /// `bigint`
    Int64,
    /// `double precision`
    Float64,
    /// `numeric`
    Numeric,
    /// `numeric`
    BigNumeric,
    /// `text`
    String,
    /// `bytea`
    Bytes,
    /// `timestamp`, in UTC.
    Timestamp,
    /// `timestamp`
    Datetime,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `interval`
    Interval,
    /// `jsonb`: a value of BigQuery's type JSON.
    Json,
    /// `jsonb`: a value of an event, as it came.
    EventValue,
    /// An array of what carries the elements.
    Array(Box<OutputType>),
    /// `jsonb`: a list of the fields (see ARCHITECTURE.md, STRUCT). Here are their names and types.
    Struct(Vec<(String, OutputType)>),
}

/// How much of a query is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What its result needs.
    Read,
    /// Every CTE.
    Whole,
    /// Every CTE. Parameters have no values yet.
    All,
}

/// Translates a query.
pub fn translate(request: &Request<'_>, sources: &dyn Sources) -> Result<Translation, Diagnostic> {
    stacker::grow(STACK_BYTES, || translate_here(request, sources, Extent::Read))
}

/// Says what is wrong with a query that is to be stored, also in CTEs that its own last SELECT does
/// not read. Every source that it names is looked up.
pub fn check(query: &str, sources: &dyn Sources) -> Result<(), Diagnostic> {
    let parameters = Parameters::default();
    let request = Request { endpoint: query, consumer: None, parameters: &parameters, max_rows: 1 };
    stacker::grow(STACK_BYTES, || translate_here(&request, sources, Extent::All)).map(|_| ())
}

/// Translates an LQL query over a source: of an endpoint or an alert whose language is LQL.
pub fn translate_lql(
    request: &LqlRequest<'_>,
    sources: &dyn Sources,
) -> Result<Translation, Diagnostic> {
    stacker::grow(STACK_BYTES, || {
        let query = from_lql::over_source(request.text, request.source, sources, request.now)?;
        let parameters = Parameters::default();
        let resolved = resolve::resolve(&query, None, &parameters, sources, Extent::Read)?;
        finish(resolved.statement, request.max_rows)
    })
}

fn translate_here(
    request: &Request<'_>,
    sources: &dyn Sources,
    extent: Extent,
) -> Result<Translation, Diagnostic> {
    // A consumer's place is what a person can do something about.
    let endpoint = syntax::parse(request.endpoint)?;
    let consumer = match request.consumer {
        None => None,
        Some(Consumer::Sql(text)) => Some(syntax::parse(text)?),
        Some(Consumer::Lql { text, now }) => Some(from_lql::over_ctes(text, &endpoint, now)?),
    };
    let resolved =
        resolve::resolve(&endpoint, consumer.as_ref(), request.parameters, sources, extent)?;
    finish(resolved.statement, request.max_rows)
}

fn finish(mut statement: tree::Statement, max_rows: u64) -> Result<Translation, Diagnostic> {
    fold::fold(&mut statement);
    late::delay(&mut statement);
    let query = &mut statement.query;
    query.limit = Some(query.limit.map_or(max_rows, |limit| limit.min(max_rows)));
    let columns = output_columns(query)?;
    let sql = postgres::statement(&lower::statement(&statement)?);
    Ok(Translation { sql, columns })
}

fn output_columns(query: &tree::Query) -> Result<Vec<OutputColumn>, Diagnostic> {
    let mut columns = query.columns.iter().map(output_column).collect::<Result<Vec<_>, _>>()?;
    number_names(&mut columns);
    Ok(columns)
}

/// The second column of a name is called `name_1`, the third `name_2`, as in BigQuery's answers.
fn number_names(columns: &mut [OutputColumn]) {
    let mut seen = std::collections::HashSet::new();
    for column in columns {
        let name = column.name.clone();
        let mut count = 0;
        while !seen.insert(column.name.to_ascii_lowercase()) {
            count += 1;
            column.name = format!("{name}_{count}");
        }
    }
}

fn output_column(column: &tree::Column) -> Result<OutputColumn, Diagnostic> {
    if column.ty.has_sketch() {
        return Err(Diagnostic::closed_sketch(Position::default()));
    }
    let ty = output_type(&column.ty).ok_or_else(|| {
        let what = format!("a result of type {} (column {})", column.ty, column.name);
        Diagnostic::unsupported(Position::default(), what)
    })?;
    Ok(OutputColumn { name: column.name.clone(), ty })
}

fn output_type(ty: &types::Type) -> Option<OutputType> {
    use types::Type;
    Some(match ty {
        Type::Bool => OutputType::Bool,
        // What has no type of its own is an INT64, as in BigQuery.
        Type::Null | Type::Int64 => OutputType::Int64,
        Type::Float64 => OutputType::Float64,
        Type::Numeric => OutputType::Numeric,
        Type::BigNumeric => OutputType::BigNumeric,
        Type::String => OutputType::String,
        Type::Bytes => OutputType::Bytes,
        Type::Timestamp => OutputType::Timestamp,
        Type::Datetime => OutputType::Datetime,
        Type::Date => OutputType::Date,
        Type::Time => OutputType::Time,
        Type::Interval => OutputType::Interval,
        Type::Json => OutputType::Json,
        Type::Dynamic | Type::Object(_) | Type::List(_) => OutputType::EventValue,
        Type::Array(element) => OutputType::Array(Box::new(output_type(element)?)),
        Type::Struct(fields) => {
            let fields = fields.iter().enumerate().map(|(place, field)| {
                let name = field.name.clone().unwrap_or_else(|| format!("_field_{}", place + 1));
                Some((name, output_type(&field.ty)?))
            });
            OutputType::Struct(fields.collect::<Option<_>>()?)
        }
        Type::DatePart | Type::Sketch => return None,
    })
}
