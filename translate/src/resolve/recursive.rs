//! CTEs, those that read themselves among them.

use sqlparser::ast;

use super::{
    Known, Resolver, State, Tables, coerce,
    set_operation::{Chain, united},
};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{self, SetOperator},
};

const UNION_ALL: Chain = Chain {
    operator: ast::SetOperator::Union,
    quantifier: ast::SetQuantifier::All,
    by_name: false,
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
            Some((left, right)) if tables.recursive => {
                let (_, mut arms) = UNION_ALL.arms(left, right, entry.at)?;
                let last = arms.pop().unwrap_or(right);
                let mut queries = Vec::with_capacity(arms.len() + 1);
                for arm in arms {
                    queries.push(self.body(arm, None, &visible, None)?);
                }
                let first = united(SetOperator::Union, true, queries.clone(), entry.at)?;
                let first = without_null(first)?;
                let name = relation.insert(self.unique_name(entry.name)).clone();
                entry.known.replace(Some(Known {
                    relation: name,
                    columns: first.columns.clone(),
                    value_table: first.value_table,
                }));
                let last = self.body(last, None, &visible, None)?;
                if entry.state.get() == State::ReadsItself {
                    repeated(first, last, entry.at)?
                } else {
                    queries.push(last);
                    united(SetOperator::Union, true, queries, entry.at)?
                }
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

/// A query that reads itself: what it begins with, whose types it keeps, and what is repeated.
fn repeated(
    first: tree::Query,
    last: tree::Query,
    at: Position,
) -> Result<tree::Query, Diagnostic> {
    let types: Vec<_> = first.columns.iter().map(|column| column.ty.clone()).collect();
    let query = united(SetOperator::Union, true, vec![first, last], at)?;
    let changed = query.columns.iter().zip(&types).find(|(now, then)| now.ty != **then);
    match changed {
        None => Ok(query),
        Some((column, then)) => {
            let what = format!(
                "a recursive CTE whose column {} begins as {then} and becomes {}",
                column.name, column.ty
            );
            Err(Diagnostic::unsupported(at, what).advise("cast it in the first part"))
        }
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
