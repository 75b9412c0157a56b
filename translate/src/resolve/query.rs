//! Queries: WITH, set operations, ORDER BY, LIMIT.

use sqlparser::ast::{self, Spanned};

use super::{
    Resolver, Tables, declared,
    scope::{Place, Relation, Scope},
};
use crate::{
    Extent, bounds,
    diagnostic::{Diagnostic, Position},
    tree::{self, Body, Expr, ExprKind, Literal},
};

/// The relation of a query whose result is sorted as a whole. No alias is called so: relations that a
/// query names have names in lower case.
pub(super) const RESULT: &str = "RESULT";

impl Resolver<'_> {
    pub(super) fn query(
        &mut self,
        query: &ast::Query,
        tables: &Tables<'_>,
        parent: Option<&Scope<'_>>,
    ) -> Result<tree::Query, Diagnostic> {
        refuse_rest(query)?;
        if !query.pipe_operators.is_empty() {
            let query = super::pipe::unfolded(query)?;
            return self.query(&query, tables, parent);
        }
        let entries = declared(query)?;
        let inner = Tables {
            entries: &entries,
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
            parent: Some(tables),
            sources: tables.sources,
        };
        // A consumer hears of every mistake, also in a CTE that nothing reads.
        let all = !tables.sources || self.extent != Extent::Read;
        let checked = if all { entries.len() } else { 0 };
        for place in 0..checked {
            self.cte(&inner, place)?;
        }
        let mut resolved = self.body(&query.body, query.order_by.as_ref(), &inner, parent)?;
        let (limit, offset) = self.limits(query.limit_clause.as_ref())?;
        if limit.is_some() || offset.is_some() {
            if resolved.limit.is_some() || resolved.offset.is_some() {
                resolved = sorted_result(resolved);
            }
            (resolved.limit, resolved.offset) = (limit, offset);
        }
        Ok(resolved)
    }

    pub(super) fn body(
        &mut self,
        body: &ast::SetExpr,
        order_by: Option<&ast::OrderBy>,
        tables: &Tables<'_>,
        parent: Option<&Scope<'_>>,
    ) -> Result<tree::Query, Diagnostic> {
        match body {
            ast::SetExpr::Select(select) => self.select(select, order_by, tables, parent),
            ast::SetExpr::Query(query) => {
                let query = self.query(query, tables, parent)?;
                self.sort_result(query, order_by, tables)
            }
            ast::SetExpr::SetOperation { op, set_quantifier, left, right } => {
                let at = Position::from(body.span().start);
                let query =
                    self.set_operation(at, *op, *set_quantifier, left, right, tables, parent)?;
                self.sort_result(query, order_by, tables)
            }
            other => {
                Err(Diagnostic::refused(other.span().start.into(), "Only SELECT queries allowed"))
            }
        }
    }

    /// ORDER BY over a result whose rows cannot be reached any more: by its columns.
    pub(super) fn sort_result(
        &mut self,
        query: tree::Query,
        order_by: Option<&ast::OrderBy>,
        tables: &Tables<'_>,
    ) -> Result<tree::Query, Diagnostic> {
        if order_by.is_none() {
            return Ok(query);
        }
        let mut sorted = sorted_result(query);
        let scope = Scope {
            relations: vec![Relation {
                alias: String::new(),
                relation: RESULT.to_owned(),
                shape: super::from::shape_of(sorted.columns.clone().into(), sorted.value_table),
                source: None,
                of_endpoint: false,
            }],
            ..Scope::new(None)
        };
        let place = Place::clause("ORDER BY", &scope, tables);
        let Body::Select(select) = &sorted.body else { return Ok(sorted) };
        sorted.order_by = self.sort_keys(order_by, place, &select.items)?;
        Ok(sorted)
    }

    /// Sort keys; a whole number is a column's place.
    pub(super) fn sort_keys(
        &mut self,
        order_by: Option<&ast::OrderBy>,
        place: Place<'_>,
        items: &[Expr],
    ) -> Result<Vec<tree::SortKey>, Diagnostic> {
        let Some(order_by) = order_by else { return Ok(Vec::new()) };
        let ast::OrderByKind::Expressions(keys) = &order_by.kind else {
            return Err(Diagnostic::invalid(
                order_by.span().start.into(),
                "Syntax error: ORDER BY ALL",
            ));
        };
        let mut sorted = Vec::new();
        for key in keys {
            let expr = match ordinal(&key.expr) {
                Some(place) => item_at(items, place, &key.expr)?,
                None => self.expr(&key.expr, place)?,
            };
            sorted.push(sort_key(expr, &key.options)?);
        }
        // Sorting by a constant does nothing, and PostgreSQL would take a number for a place.
        sorted.retain(|key| key.expr.as_literal().is_none());
        Ok(sorted)
    }

    fn limits(
        &mut self,
        clause: Option<&ast::LimitClause>,
    ) -> Result<(Option<u64>, Option<u64>), Diagnostic> {
        let (limit, offset) = match clause {
            None => return Ok((None, None)),
            Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if let Some(by) = limit_by.first() {
                    return Err(Diagnostic::invalid(
                        by.span().start.into(),
                        "Syntax error: LIMIT BY",
                    ));
                }
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(ast::LimitClause::OffsetCommaLimit { offset, .. }) => {
                return Err(Diagnostic::invalid(
                    offset.span().start.into(),
                    "Syntax error: LIMIT with a comma",
                ));
            }
        };
        let limit = limit.map(|limit| self.count(limit, "LIMIT")).transpose()?;
        Ok((limit, offset.map(|offset| self.count(offset, "OFFSET")).transpose()?))
    }

    /// A constant number of rows; parameters are text.
    pub(super) fn count(&mut self, expr: &ast::Expr, clause: &str) -> Result<u64, Diagnostic> {
        let at = Position::from(expr.span().start);
        let scope = Scope::new(None);
        let tables = Tables { entries: &[], recursive: false, parent: None, sources: false };
        let place = Place::clause("LIMIT", &scope, &tables);
        let resolved = self.expr(expr, place)?;
        let number = match resolved.as_literal() {
            Some(Literal::Int64(number)) => u64::try_from(*number).ok(),
            Some(Literal::String(text)) => text.trim().parse().ok(),
            Some(Literal::Null) if self.extent == Extent::All => Some(0),
            _ => None,
        };
        number.ok_or_else(|| {
            Diagnostic::invalid(at, format!("{clause} expects a whole number that is not negative"))
        })
    }
}

pub(super) fn sort_key(
    expr: Expr,
    options: &ast::OrderByOptions,
) -> Result<tree::SortKey, Diagnostic> {
    if expr.ty.has_sketch() {
        return Err(Diagnostic::closed_sketch(expr.at));
    }
    if !expr.ty.is_ordered() {
        let message = format!("ORDER BY does not support expressions of type {}", expr.ty);
        return Err(Diagnostic::invalid(expr.at, message));
    }
    let descending = match &options.sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(_) => return Err(Diagnostic::invalid(expr.at, "Syntax error in ORDER BY")),
    };
    Ok(tree::SortKey { expr, descending, nulls_first: options.nulls_first.unwrap_or(!descending) })
}

/// The place that a whole number names.
pub(super) fn ordinal(expr: &ast::Expr) -> Option<&str> {
    match expr {
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(number, _), .. })
            if number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Some(number)
        }
        _ => None,
    }
}

/// The item at a place, from 1.
pub(super) fn item_at(items: &[Expr], place: &str, expr: &ast::Expr) -> Result<Expr, Diagnostic> {
    let item = place.parse::<usize>().ok().and_then(|place| items.get(place.checked_sub(1)?));
    let at = || Position::from(expr.span().start);
    let Some(item) = item else {
        let message =
            format!("A column number is out of range: {place}, there are {}", items.len());
        return Err(Diagnostic::invalid(at(), message));
    };
    bounds::copies(item, 1, at())?;
    Ok(item.clone())
}

/// `SELECT … FROM (query) AS "RESULT"`
pub(super) fn sorted_result(query: tree::Query) -> tree::Query {
    let (columns, value_table) = (query.columns.clone(), query.value_table);
    bounds::note(columns.len());
    let items = columns.iter().map(|column| {
        let kind = ExprKind::Column { relation: RESULT.to_owned(), column: column.column.clone() };
        Expr::new(kind, column.ty.clone(), Position::default())
    });
    let select = tree::Select {
        distinct: false,
        items: items.collect(),
        from: vec![tree::From::Derived { query: Box::new(query), relation: RESULT.to_owned() }],
        filter: None,
        group_by: Vec::new(),
        grouping_sets: None,
        having: None,
    };
    tree::Query {
        value_table,
        body: Body::Select(Box::new(select)),
        order_by: Vec::new(),
        limit: None,
        offset: None,
        columns,
    }
}

fn refuse_rest(query: &ast::Query) -> Result<(), Diagnostic> {
    let foreign = query.fetch.is_some()
        || !query.locks.is_empty()
        || query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some();
    if foreign {
        let at = Position::from(query.span().start);
        return Err(Diagnostic::invalid(at, "Syntax error: this clause is not BigQuery's"));
    }
    Ok(())
}
