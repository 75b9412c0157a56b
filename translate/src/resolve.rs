//! From syntax to meaning: names are bound, every expression gets a type.

mod argument;
mod arithmetic;
mod by_name;
mod call;
mod cast;
mod coerce;
mod expression;
mod from;
mod grouping;
mod interval;
mod join;
mod json_literal;
mod lql_call;
mod many_rows;
mod membership;
mod names;
mod operator;
mod overload;
mod own_rows;
mod parameter;
mod pipe;
mod pivot;
mod qualify;
mod query;
mod recursive;
mod row;
mod scope;
mod select;
mod set_operation;
mod special_call;
mod stored;
mod structure;
mod supertype;
mod time_literal;
mod typed_literal;
mod window;

pub(crate) use stored::{Named, Qualifier, refuse_cycle, refuse_other};
pub(crate) use time_literal::{format_datetime, format_time, parse as parse_time};

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use sqlparser::ast;

use crate::{
    Extent, Parameters, Sources,
    diagnostic::{Diagnostic, Position},
    tree,
};

/// What a text means.
pub(crate) struct Resolved {
    pub(crate) statement: tree::Statement,
    /// Where stored queries and sources are named.
    pub(crate) named: Vec<Named>,
    /// Where whole names of sources stand before columns.
    pub(crate) qualifiers: Vec<Qualifier>,
    /// The endpoint's CTEs that a consumer's query reads, by their places.
    pub(crate) read: Vec<usize>,
}

/// Resolves an endpoint's query or, where there is one, a consumer's query over its CTEs.
pub(crate) fn resolve(
    endpoint: &ast::Query,
    consumer: Option<&ast::Query>,
    parameters: &Parameters,
    sources: &dyn Sources,
    extent: Extent,
) -> Result<Resolved, Diagnostic> {
    let mut read = Vec::new();
    let mut resolver = Resolver {
        parameters,
        sources,
        extent,
        ctes: Vec::new(),
        names: BTreeMap::new(),
        depth: 0,
        stored: BTreeMap::new(),
        within: Vec::new(),
        named: Vec::new(),
        qualifiers: RefCell::default(),
    };
    let query = match consumer {
        None => {
            let tables = Tables { entries: &[], recursive: false, parent: None, sources: true };
            resolver.query(endpoint, &tables, None)?
        }
        Some(consumer) => {
            let entries = declared(endpoint)?;
            if entries.is_empty() {
                return Err(Diagnostic::refused(
                    Position::default(),
                    "This endpoint has no CTEs that a query could be run over",
                ));
            }
            let recursive = endpoint.with.as_ref().is_some_and(|with| with.recursive);
            let tables = Tables { entries: &entries, recursive, parent: None, sources: true };
            let sandbox =
                Tables { entries: &[], recursive: false, parent: Some(&tables), sources: false };
            let query = resolver.query(consumer, &sandbox, None)?;
            read.extend((0..entries.len()).filter(|&at| entries[at].state.get() != State::Unread));
            query
        }
    };
    let statement = tree::Statement { ctes: resolver.ctes, query: row::spread(query) };
    let qualifiers = resolver.qualifiers.into_inner();
    Ok(Resolved { statement, named: resolver.named, qualifiers, read })
}

/// What the resolution of one statement knows.
struct Resolver<'a> {
    parameters: &'a Parameters,
    sources: &'a dyn Sources,
    /// CTEs that are read, in the order in which they must stand.
    ctes: Vec<tree::Cte>,
    /// Names given to CTEs, with how often.
    names: BTreeMap<String, usize>,
    /// Nesting of the expression being resolved.
    depth: usize,
    extent: Extent,
    /// Stored queries that were read.
    stored: BTreeMap<String, Known>,
    /// The stored queries that are being resolved, the outermost first.
    within: Vec<String>,
    /// Where stored queries and sources are named.
    named: Vec<Named>,
    /// Where whole names of sources stand before columns.
    qualifiers: RefCell<Vec<Qualifier>>,
}

impl Resolver<'_> {
    /// A name for a CTE that no other has in the statement.
    fn unique_name(&mut self, name: &str) -> String {
        let name = shorten(&name.to_ascii_lowercase());
        let count = self.names.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name} {count}") }
    }
}

/// PostgreSQL cuts names at 63 bytes; a cut name must not meet another one.
fn shorten(name: &str) -> String {
    let mut end = name.len().min(50);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// The tables that FROM can name: the CTEs of a WITH, those around it, and the sources.
#[derive(Clone, Copy)]
struct Tables<'t> {
    entries: &'t [Entry<'t>],
    /// Whether the CTEs may read each other, and themselves, wherever they stand.
    recursive: bool,
    parent: Option<&'t Tables<'t>>,
    /// Whether sources can be named.
    sources: bool,
}

/// A CTE. It is resolved when it is first read: what nobody reads costs nothing.
struct Entry<'t> {
    name: &'t str,
    at: Position,
    query: &'t ast::Query,
    /// What is known of it, once it is resolved, or its first part is.
    known: RefCell<Option<Known>>,
    /// How far it is.
    state: Cell<State>,
}

/// What a reader of a CTE must know of it.
#[derive(Clone)]
struct Known {
    relation: String,
    columns: Vec<tree::Column>,
    value_table: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unread,
    /// Being resolved.
    Begun,
    /// Being resolved, and it has read itself.
    ReadsItself,
    Resolved,
}

/// The CTEs that a query declares.
fn declared(query: &ast::Query) -> Result<Vec<Entry<'_>>, Diagnostic> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let Some(with) = &query.with else { return Ok(entries) };
    for cte in &with.cte_tables {
        let name = &cte.alias.name;
        if name.value.contains('.') {
            // Read as a path, it is a table: BigQuery would look for that and not here.
            let message = format!("Invalid name of a WITH subquery: `{}` has a dot", name.value);
            return Err(Diagnostic::invalid(name.span.start.into(), message));
        }
        if entries.iter().any(|entry| entry.name.eq_ignore_ascii_case(&name.value)) {
            let message = format!("Duplicate alias {} for WITH subquery", name.value);
            return Err(Diagnostic::invalid(name.span.start.into(), message));
        }
        if !cte.alias.columns.is_empty() {
            return Err(Diagnostic::unsupported(name.span.start.into(), "a column list of a CTE"));
        }
        entries.push(Entry {
            name: &name.value,
            at: name.span.start.into(),
            query: &cte.query,
            known: RefCell::new(None),
            state: Cell::new(State::Unread),
        });
    }
    Ok(entries)
}

impl Tables<'_> {
    /// Names that a message may propose.
    fn known(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.entries.iter().map(|entry| entry.name).collect();
        if let Some(parent) = self.parent {
            names.extend(parent.known());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}
