//! SELECT: its list, its grouping, and the names that GROUP BY, HAVING and ORDER BY may use.

use std::collections::BTreeSet;

use sqlparser::ast::{self, Spanned};

use super::{
    Resolver, Tables,
    query::{item_at, ordinal},
    scope::{Place, Scope},
};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{self, Body, Column, Expr, ExprKind},
    types::Type,
};

impl Resolver<'_> {
    pub(super) fn select(
        &mut self,
        select: &ast::Select,
        order_by: Option<&ast::OrderBy>,
        tables: &Tables<'_>,
        parent: Option<&Scope<'_>>,
    ) -> Result<tree::Query, Diagnostic> {
        refuse_rest(select)?;
        let mut scope = Scope::new(parent);
        let from = self.from(&select.from, &mut scope, tables)?;
        let place = |no_aggregates| Place {
            no_aggregates,
            windows: &select.named_window,
            ..Place::clause("", &scope, tables)
        };
        let selected = Place { no_windows: None, ..place(None) };
        let (items, names) = self.items(&select.projection, selected)?;
        let filter = match &select.selection {
            Some(_) if from.is_empty() => {
                return Err(Diagnostic::invalid(
                    select.span().start.into(),
                    "Query without FROM clause cannot have a WHERE clause",
                ));
            }
            Some(condition) => Some(self.condition(condition, place(Some("WHERE")), "WHERE")?),
            None => None,
        };
        // Only names that were written are aliases: a column's own name means the column anyway.
        let aliases: Vec<(String, Expr)> = names
            .iter()
            .zip(&items)
            .filter_map(|(name, item)| Some((name.clone()?, item.clone())))
            .collect();
        let with_aliases = Place { aliases: &aliases, ..place(None) };
        let with_aliases = Place { no_windows: Some("this clause"), ..with_aliases };
        let sorting = Place { no_windows: None, ..with_aliases };
        let group_by = self.group_by(
            &select.group_by,
            Place { no_aggregates: Some("GROUP BY"), ..with_aliases },
            &items,
        )?;
        let having = match &select.having {
            Some(condition) => Some(self.condition(condition, with_aliases, "HAVING")?),
            None => None,
        };
        let distinct = match &select.distinct {
            None | Some(ast::Distinct::All) => false,
            Some(ast::Distinct::Distinct) => true,
            Some(ast::Distinct::On(_)) => {
                return Err(Diagnostic::invalid(
                    select.span().start.into(),
                    "Syntax error: DISTINCT ON",
                ));
            }
        };
        let sorted = if distinct { None } else { order_by };
        let sort_keys = self.sort_keys(sorted, sorting, &items)?;
        let grouped = !group_by.is_empty() || items.iter().chain(&having).any(has_aggregate);
        if grouped {
            for expr in items.iter().chain(&having).chain(sort_keys.iter().map(|key| &key.expr)) {
                check_grouped(expr, &group_by)?;
            }
        } else if let Some(having) = &having {
            return Err(Diagnostic::invalid(
                having.at,
                "The HAVING clause requires GROUP BY or aggregation to be present",
            ));
        }
        let columns = columns(&names, &items);
        let select = tree::Select { distinct, items, from, filter, group_by, having };
        let query = tree::Query {
            body: Body::Select(Box::new(select)),
            order_by: sort_keys,
            limit: None,
            offset: None,
            columns: columns.0,
        };
        let mut query = if distinct { self.sort_result(query, order_by, tables)? } else { query };
        for (column, name) in query.columns.iter_mut().zip(columns.1) {
            column.name = name;
        }
        Ok(query)
    }

    /// The items of a SELECT list, and their names where they have one.
    fn items(
        &mut self,
        projection: &[ast::SelectItem],
        place: Place<'_>,
    ) -> Result<(Vec<Expr>, Vec<Option<String>>), Diagnostic> {
        let mut items = Vec::with_capacity(projection.len());
        let mut names = Vec::with_capacity(projection.len());
        for item in projection {
            let (expr, name) = match item {
                ast::SelectItem::UnnamedExpr(expr) => (expr, own_name(expr)),
                ast::SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
                ast::SelectItem::Wildcard(_) | ast::SelectItem::QualifiedWildcard(..) => {
                    let message = "restricted wildcard (*) in a result column";
                    return Err(Diagnostic::refused(item.span().start.into(), message).advise(
                        "name the columns, for example id, timestamp, event_message, metadata",
                    ));
                }
                ast::SelectItem::ExprWithAliases { .. } => {
                    return Err(Diagnostic::invalid(
                        item.span().start.into(),
                        "Syntax error: several aliases",
                    ));
                }
            };
            let resolved = self.expr(expr, place)?;
            if resolved.ty == Type::DatePart {
                return Err(Diagnostic::unsupported(
                    resolved.at,
                    format!("a result of type {}", resolved.ty),
                ));
            }
            items.push(resolved);
            names.push(name);
        }
        Ok((items, names))
    }

    fn group_by(
        &mut self,
        group_by: &ast::GroupByExpr,
        place: Place<'_>,
        items: &[Expr],
    ) -> Result<Vec<Expr>, Diagnostic> {
        let exprs = match group_by {
            ast::GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            ast::GroupByExpr::Expressions(exprs, _) => {
                let at = exprs.first().map(|expr| expr.span().start.into()).unwrap_or_default();
                return Err(Diagnostic::invalid(at, "Syntax error in GROUP BY"));
            }
            ast::GroupByExpr::All(_) => return Ok(grouped_by_all(items)),
        };
        let mut keys: Vec<Expr> = Vec::new();
        for expr in exprs {
            let key = match ordinal(expr) {
                Some(place) => item_at(items, place, expr)?,
                None => self.expr(expr, place)?,
            };
            if has_aggregate(&key) {
                return Err(Diagnostic::invalid(
                    key.at,
                    "Aggregate functions are not allowed in GROUP BY",
                ));
            }
            if !key.ty.is_comparable() {
                let message = format!("Grouping by expressions of type {} is not allowed", key.ty);
                return Err(Diagnostic::invalid(key.at, message));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

/// GROUP BY ALL: every item that aggregates nothing.
fn grouped_by_all(items: &[Expr]) -> Vec<Expr> {
    items
        .iter()
        .filter(|item| !has_aggregate(item) && item.as_literal().is_none())
        .cloned()
        .collect()
}

/// The name that an expression gives its column: that of a column, or the last of a path.
pub(super) fn own_name(expr: &ast::Expr) -> Option<String> {
    match expr {
        ast::Expr::Identifier(name) if !name.value.starts_with('@') => Some(name.value.clone()),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        ast::Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            ast::AccessExpr::Dot(ast::Expr::Identifier(name)) => Some(name.value.clone()),
            _ => None,
        },
        ast::Expr::Nested(inner) => own_name(inner),
        _ => None,
    }
}

/// Output columns (their names unique, for PostgreSQL) and the names that BigQuery gives them:
/// the nth column without a name is `f<n>_`.
fn columns(names: &[Option<String>], items: &[Expr]) -> (Vec<Column>, Vec<String>) {
    let mut unnamed = 0;
    let mut used = BTreeSet::new();
    let mut shown = Vec::with_capacity(items.len());
    let mut columns = Vec::with_capacity(items.len());
    for (name, item) in names.iter().zip(items) {
        let name = name.clone().unwrap_or_else(|| {
            unnamed += 1;
            format!("f{}_", unnamed - 1)
        });
        let wanted = super::shorten(&name);
        let mut column = wanted.clone();
        let mut count = 1;
        while !used.insert(column.clone()) {
            count += 1;
            column = format!("{wanted} {count}");
        }
        columns.push(Column { name: name.clone(), column, ty: item.ty.clone() });
        shown.push(name);
    }
    (columns, shown)
}

/// Whether an expression aggregates rows of its own query.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Aggregate(_)) || expr.children().into_iter().any(has_aggregate)
}

/// Refuses columns that are neither grouped by nor aggregated.
fn check_grouped(expr: &Expr, group_by: &[Expr]) -> Result<(), Diagnostic> {
    if group_by.contains(expr) || matches!(expr.kind, ExprKind::Aggregate(_)) {
        return Ok(());
    }
    match &expr.kind {
        ExprKind::Column { column, .. } => {
            let message = format!(
                "SELECT list expression references column {column} which is neither grouped nor aggregated"
            );
            Err(Diagnostic::invalid(expr.at, message))
        }
        _ => expr.children().into_iter().try_for_each(|child| check_grouped(child, group_by)),
    }
}

fn refuse_rest(select: &ast::Select) -> Result<(), Diagnostic> {
    let at = Position::from(select.span().start);
    for (present, what) in [
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS STRUCT or AS VALUE"),
        (select.flavor != ast::SelectFlavor::Standard, "FROM before SELECT"),
    ] {
        if present {
            return Err(Diagnostic::unsupported(at, what));
        }
    }
    let foreign = select.top.is_some()
        || select.into.is_some()
        || select.prewhere.is_some()
        || select.exclude.is_some()
        || !select.lateral_views.is_empty()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty();
    if foreign {
        return Err(Diagnostic::invalid(at, "Syntax error: this clause is not BigQuery's"));
    }
    Ok(())
}
