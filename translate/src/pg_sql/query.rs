//! Queries: WITH, set operations, ORDER BY, LIMIT.

use sqlparser::ast::{self, Spanned as _};

use super::{Confiner, folded, quote, quoted, refused, tables::Names};
use crate::{Diagnostic, Position};

impl Confiner<'_> {
    /// The query whose rows are answered.
    pub(super) fn result(
        &mut self,
        query: &mut ast::Query,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        self.query(query, names)?;
        let max = self.max_rows;
        let most =
            |limit: u64| ast::Expr::value(ast::Value::Number(limit.min(max).to_string(), false));
        match &mut query.limit_clause {
            Some(ast::LimitClause::LimitOffset { limit, .. }) => {
                let asked = match limit {
                    None => max,
                    Some(limit) => count(limit).ok_or_else(|| {
                        let message = "LIMIT expects a whole number that is not negative";
                        Diagnostic::invalid(limit.span().start.into(), message)
                    })?,
                };
                *limit = Some(most(asked));
            }
            clause => {
                let limit = Some(most(max));
                *clause = Some(ast::LimitClause::LimitOffset {
                    limit,
                    offset: None,
                    limit_by: Vec::new(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn query(
        &mut self,
        query: &mut ast::Query,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        let at = query.span().start;
        let ast::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return Err(refused(at, "FOR UPDATE or FOR SHARE"));
        }
        if fetch.is_some() {
            return Err(refused(at, "FETCH").advise("use LIMIT"));
        }
        if for_clause.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || !pipe_operators.is_empty()
        {
            return Err(refused(at, "This clause"));
        }
        let known = self.with(with.as_mut(), names)?;
        let inner = Names { known, parent: Some(names), sources: names.sources };
        self.body(body, &inner)?;
        if let Some(order_by) = order_by {
            let ast::OrderBy { kind: ast::OrderByKind::Expressions(keys), interpolate: None } =
                order_by
            else {
                return Err(refused(at, "This kind of ORDER BY"));
            };
            self.sort_keys(keys, &inner)?;
        }
        match limit_clause {
            None => Ok(()),
            Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if !limit_by.is_empty() {
                    return Err(refused(at, "LIMIT BY"));
                }
                self.maybe(limit.as_mut(), &inner)?;
                self.maybe(offset.as_mut().map(|offset| &mut offset.value), &inner)
            }
            Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
                Err(refused(at, "LIMIT with a comma"))
            }
        }
    }

    /// Gives the CTEs names of their own, and says which is which.
    pub(super) fn with(
        &mut self,
        with: Option<&mut ast::With>,
        names: &Names<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostic> {
        let mut known: Vec<(String, String)> = Vec::new();
        let Some(with) = with else { return Ok(known) };
        let all: Vec<(String, String)> =
            with.cte_tables.iter().map(|cte| (folded(&cte.alias.name), self.relation())).collect();
        for (place, cte) in with.cte_tables.iter_mut().enumerate() {
            let at = Position::from(cte.alias.name.span.start);
            let ast::Cte { alias, query, from: None, materialized: _, closing_paren_token: _ } =
                cte
            else {
                return Err(refused(at, "This kind of WITH"));
            };
            let (name, relation) = &all[place];
            if all[..place].iter().any(|(other, _)| other == name) {
                let message = format!("WITH query name \"{name}\" specified more than once");
                return Err(Diagnostic::invalid(at, message));
            }
            // Without RECURSIVE a CTE sees those before it, not itself and not those after it.
            let visible = if with.recursive { all.clone() } else { known.clone() };
            let inner = Names { known: visible, parent: Some(names), sources: names.sources };
            self.query(query, &inner)?;
            alias.name = quoted(relation, &alias.name);
            columns(alias)?;
            known.push(all[place].clone());
        }
        Ok(known)
    }

    pub(super) fn body(
        &mut self,
        body: &mut ast::SetExpr,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        match body {
            ast::SetExpr::Select(select) => self.select(select, names),
            ast::SetExpr::Query(query) => self.query(query, names),
            ast::SetExpr::SetOperation { left, right, op, set_quantifier } => {
                use ast::SetQuantifier as Q;
                if matches!(op, ast::SetOperator::Minus)
                    || !matches!(set_quantifier, Q::None | Q::All | Q::Distinct)
                {
                    return Err(refused(left.span().start, "This kind of set operation"));
                }
                self.body(left, names)?;
                self.body(right, names)
            }
            ast::SetExpr::Values(values) => {
                let ast::Values { explicit_row: false, value_keyword: false, rows } = values else {
                    return Err(refused(Position::default(), "This kind of VALUES"));
                };
                rows.iter_mut().try_for_each(|row| self.exprs(&mut row.content, names))
            }
            // `TABLE t` gives all columns.
            ast::SetExpr::Table(_) => Err(wildcard(Position::default())),
            other => {
                Err(Diagnostic::refused(other.span().start.into(), "Only SELECT queries allowed"))
            }
        }
    }

    pub(super) fn sort_keys(
        &mut self,
        keys: &mut [ast::OrderByExpr],
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        for key in keys {
            let at = key.expr.span().start;
            let ast::OrderByExpr { expr, options, with_fill: None } = key else {
                return Err(refused(at, "WITH FILL"));
            };
            if matches!(options.sort, Some(ast::OrderBySort::Using(_))) {
                return Err(refused(at, "ORDER BY … USING"));
            }
            self.expr(expr, names)?;
        }
        Ok(())
    }
}

/// Logflare's words.
pub(super) fn wildcard(at: Position) -> Diagnostic {
    Diagnostic::refused(at, "restricted wildcard (*) in a result column")
        .advise("name the columns: id, timestamp, event_message, body")
}

/// Quotes the columns that an alias names.
pub(super) fn columns(alias: &mut ast::TableAlias) -> Result<(), Diagnostic> {
    let at = Position::from(alias.name.span.start);
    if alias.at.is_some() {
        return Err(refused(at, "AT"));
    }
    for column in &mut alias.columns {
        if column.data_type.is_some() {
            return Err(refused(at, "A type in a list of columns"));
        }
        quote(&mut column.name);
    }
    Ok(())
}

/// A number of rows that was walked: a number, or a parameter's text. NULL is no limit.
fn count(expr: &ast::Expr) -> Option<u64> {
    match expr {
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(number, _), .. }) => {
            number.parse().ok()
        }
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(text), .. }) => {
            match text.as_str() {
                super::expression::NULL_TEXT => Some(u64::MAX),
                text => text.strip_prefix("('")?.strip_suffix("'::text)")?.trim().parse().ok(),
            }
        }
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Null, .. }) => Some(u64::MAX),
        _ => None,
    }
}
