//! CTEs, those that read themselves among them.

use sqlparser::ast;

use super::{Known, Resolver, State, Tables, coerce, set_operation::united};
use crate::{
    diagnostic::Diagnostic,
    tree::{self, SetOperator},
};

impl Resolver<'_> {
    /// What is known of a CTE, which is resolved when it is first read.
    pub(super) fn cte(&mut self, tables: &Tables<'_>, place: usize) -> Result<Known, Diagnostic> {
        let entry = &tables.entries[place];
        if let Some(known) = &*entry.known.borrow() {
            if entry.state.get() != State::Resolved {
                entry.state.set(State::ReadsItself);
            }
            return Ok(known.clone());
        }
        if entry.state.get() != State::Unread {
            let message = format!(
                "Recursive reference to {} is only allowed in the last part of its UNION ALL",
                entry.name
            );
            return Err(Diagnostic::invalid(entry.at, message));
        }
        entry.state.set(State::Begun);
        // Without RECURSIVE a CTE sees those before it, not itself and not those after it.
        let visible = if tables.recursive { tables.entries } else { &tables.entries[..place] };
        let visible = Tables { entries: visible, ..*tables };
        let mut relation = None;
        let query = match parts(entry.query) {
            Some((first, last)) if tables.recursive => {
                let first = self.body(first, None, &visible, None)?;
                let first = without_null(first)?;
                let name = relation.insert(self.unique_name(entry.name)).clone();
                entry.known.replace(Some(Known {
                    relation: name,
                    columns: first.columns.clone(),
                    value_table: first.value_table,
                }));
                let last = self.body(last, None, &visible, None)?;
                let types: Vec<_> = first.columns.iter().map(|column| column.ty.clone()).collect();
                let query = united(SetOperator::Union, true, first, last, entry.at)?;
                let changed = query.columns.iter().zip(&types).find(|(now, then)| now.ty != **then);
                if let Some((column, then)) = changed
                    && entry.state.get() == State::ReadsItself
                {
                    let what = format!(
                        "a recursive CTE whose column {} begins as {then} and becomes {}",
                        column.name, column.ty
                    );
                    return Err(
                        Diagnostic::unsupported(entry.at, what).advise("cast it in the first part")
                    );
                }
                query
            }
            _ => self.query(entry.query, &visible, None)?,
        };
        let recursive = entry.state.get() == State::ReadsItself;
        let relation = relation.unwrap_or_else(|| self.unique_name(entry.name));
        let known = Known {
            relation: relation.clone(),
            columns: query.columns.clone(),
            value_table: query.value_table,
        };
        self.ctes.push(tree::Cte { relation, recursive, query });
        entry.known.replace(Some(known.clone()));
        entry.state.set(State::Resolved);
        Ok(known)
    }
}

/// The two parts of a query that may read itself: what it begins with, and what is repeated.
fn parts(query: &ast::Query) -> Option<(&ast::SetExpr, &ast::SetExpr)> {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.pipe_operators.is_empty();
    match query.body.as_ref() {
        ast::SetExpr::SetOperation {
            op: ast::SetOperator::Union,
            set_quantifier: ast::SetQuantifier::All,
            left,
            right,
        } if plain => Some((left, right)),
        _ => None,
    }
}

/// A column of NULLs is one of INT64.
fn without_null(mut query: tree::Query) -> Result<tree::Query, Diagnostic> {
    for place in 0..query.columns.len() {
        if query.columns[place].ty == crate::types::Type::Null {
            coerce::column(&mut query, place, &crate::types::Type::Int64)?;
        }
    }
    Ok(query)
}
