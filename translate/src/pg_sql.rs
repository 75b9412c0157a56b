//! Queries that people write in PostgreSQL's own SQL, held to what a translated one may do.
//!
//! ```text
//! text ─ parse ─▶ syntax tree ─ confine ─▶ syntax tree ─ print ─▶ text
//! ```
//!
//! The tree is rebuilt as it is walked: what is not known to be harmless is refused, tables are
//! sources or CTEs, and every name and literal is quoted anew. So nothing of the text itself reaches
//! the server, and what sqlparser reads otherwise than PostgreSQL fails there, or means no harm.

mod expression;
mod functions;
mod parse;
mod query;
mod rows;
mod select;
mod tables;
mod types;

use std::collections::BTreeMap;

use sqlparser::{
    ast::{self, helpers::attached_token::AttachedToken},
    dialect::PostgreSqlDialect,
    tokenizer::{Token, Tokenizer, Whitespace},
};

use crate::{
    Consumer, Diagnostic, Parameters, Position, Request, STACK_BYTES, Sources,
    postgres::quote_identifier, resolve::Named,
};
use tables::Names;

/// Makes of a PostgreSQL query one that reads sources, or an endpoint's CTEs, and nothing else, and
/// gives at most `max_rows` rows. `@name` becomes a text.
///
/// It is to be run with the `search_path` `pg_catalog` and `standard_conforming_strings` on.
pub fn confine(request: &Request<'_>, sources: &dyn Sources) -> Result<String, Diagnostic> {
    stacker::grow(STACK_BYTES, || confine_here(request, sources))
}

/// Where a query names sources and stored queries.
pub(crate) fn named(query: &str, sources: &dyn Sources) -> Result<Vec<Named>, Diagnostic> {
    let parameters = Parameters::default();
    let mut confiner = Confiner::new(&parameters, sources, 1);
    let outermost = Names { known: Vec::new(), parent: None, sources: true };
    confiner.result(&mut parse::parse(query)?, &outermost)?;
    Ok(confiner.named)
}

fn confine_here(request: &Request<'_>, sources: &dyn Sources) -> Result<String, Diagnostic> {
    let mut confiner = Confiner::new(request.parameters, sources, request.max_rows);
    let mut query = parse::parse(request.endpoint)?;
    let outermost = Names { known: Vec::new(), parent: None, sources: true };
    let consumer = match request.consumer {
        None => None,
        Some(Consumer::Sql(text)) => Some(text),
        Some(Consumer::Lql { .. }) => {
            let what = "LQL over an endpoint in PostgreSQL's SQL";
            return Err(Diagnostic::unsupported(Position::default(), what));
        }
    };
    if let Some(consumer) = consumer {
        let mut consumer = parse::parse(consumer)?;
        let mut with = query.with.take();
        let known = confiner.with(with.as_mut(), &outermost)?;
        if known.is_empty() {
            let message = "This endpoint has no CTEs that a query could be run over";
            return Err(Diagnostic::refused(Position::default(), message));
        }
        let endpoint = Names { known, parent: None, sources: true };
        let sandbox = Names { known: Vec::new(), parent: Some(&endpoint), sources: false };
        confiner.result(&mut consumer, &sandbox)?;
        query = consumer;
        put_before(&mut query, with);
    } else {
        confiner.result(&mut query, &outermost)?;
    }
    let stored = std::mem::take(&mut confiner.stored_ctes);
    if !stored.is_empty() {
        let with_token = AttachedToken::empty();
        put_before(
            &mut query,
            Some(ast::With { with_token, recursive: false, cte_tables: stored }),
        );
    }
    let sql = query.to_string();
    is_whole(&sql).then_some(sql).ok_or_else(|| {
        Diagnostic::internal(Position::default(), "the query is not printed as it was read")
    })
}

/// What is known while one query is walked.
struct Confiner<'a> {
    parameters: &'a Parameters,
    sources: &'a dyn Sources,
    max_rows: u64,
    /// How many relations got a name of ours.
    relations: usize,
    /// Relations of the stored queries that were read, by name.
    stored: BTreeMap<String, String>,
    /// Those queries, in the order in which they must stand.
    stored_ctes: Vec<ast::Cte>,
    /// The stored queries that are being walked, the outermost first.
    within: Vec<String>,
    /// Where the text itself names sources and stored queries.
    named: Vec<Named>,
}

impl<'a> Confiner<'a> {
    fn new(parameters: &'a Parameters, sources: &'a dyn Sources, max_rows: u64) -> Self {
        Self {
            parameters,
            sources,
            max_rows,
            relations: 0,
            stored: BTreeMap::new(),
            stored_ctes: Vec::new(),
            within: Vec::new(),
            named: Vec::new(),
        }
    }
}

impl Confiner<'_> {
    /// A name that no other relation has, of ours or of the server's.
    fn relation(&mut self) -> String {
        self.relations += 1;
        format!("relation {}", self.relations)
    }
}

/// Puts CTEs before those that a query has. All have names of their own.
fn put_before(query: &mut ast::Query, with: Option<ast::With>) {
    let Some(mut with) = with else { return };
    if let Some(own) = query.with.take() {
        with.recursive |= own.recursive;
        with.cte_tables.extend(own.cte_tables);
    }
    query.with = Some(with);
}

/// An identifier that is printed as it is here: quoted, so that it is no keyword.
fn quoted(name: &str, at: &ast::Ident) -> ast::Ident {
    ast::Ident { value: quote_identifier(name), quote_style: None, span: at.span }
}

/// The name that PostgreSQL takes an identifier for.
fn folded(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

fn quote(ident: &mut ast::Ident) {
    *ident = quoted(&folded(ident), ident);
}

/// `what` completes the sentence "… is not allowed".
fn refused(at: impl Into<Position>, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::refused(at.into(), format!("{what} is not allowed"))
}

/// Whether the printed text hides nothing from the server: no comment, and one statement.
fn is_whole(sql: &str) -> bool {
    let harmless = |token: &Token| {
        !matches!(
            token,
            Token::SemiColon
                | Token::Whitespace(
                    Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)
                )
        )
    };
    Tokenizer::new(&PostgreSqlDialect {}, sql)
        .tokenize()
        .is_ok_and(|tokens| tokens.iter().all(harmless))
}

#[cfg(test)]
mod tests;
