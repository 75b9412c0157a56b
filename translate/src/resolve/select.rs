//! SELECT: its list, its grouping, and the names that GROUP BY, HAVING and ORDER BY may use.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{self, Spanned};

use super::{
    Resolver, Tables, own_rows,
    scope::{Place, Scope},
};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    tree::{self, Body, Column, Expr, ExprKind},
    types::{StructField, Type},
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
        let (mut items, names) = self.items(&select.projection, selected)?;
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
        let grouping = self.group_by(
            &select.group_by,
            Place { no_aggregates: Some("GROUP BY"), ..with_aliases },
            &items,
        )?;
        let group_by = grouping.keys;
        let condition = select.having.as_ref();
        let mut having =
            condition.map(|it| self.condition(it, with_aliases, "HAVING")).transpose()?;
        let condition = select.qualify.as_ref();
        let mut qualify = condition.map(|it| self.condition(it, sorting, "QUALIFY")).transpose()?;
        let distinct = is_distinct(select)?;
        let mode = select.value_table_mode;
        let sorted = if distinct { None } else { order_by };
        let mut sort_keys = self.sort_keys(sorted, sorting, &items)?;
        let grouped = !group_by.is_empty()
            || grouping.sets.is_some()
            || items.iter().chain(&having).chain(&qualify).any(has_aggregate);
        if grouped {
            let sort_keys = sort_keys.iter().map(|key| &key.expr);
            for expr in items.iter().chain(&having).chain(&qualify).chain(sort_keys) {
                check_grouped(expr, &group_by, &scope)?;
            }
        } else if let Some(having) = &having {
            return Err(Diagnostic::invalid(
                having.at,
                "The HAVING clause requires GROUP BY or aggregation to be present",
            ));
        }
        own_rows::keep(&mut items, [&mut having, &mut qualify], &mut sort_keys, &scope);
        let (items, names) = values(mode, items, names, select)?;
        if distinct {
            check_distinct(&items)?;
        }
        let columns = columns(&names, &items, || select.span().start.into())?;
        let select = tree::Select {
            distinct: distinct && qualify.is_none(),
            items,
            from,
            filter,
            group_by,
            grouping_sets: grouping.sets,
            having,
        };
        let query = tree::Query {
            body: Body::Select(Box::new(select)),
            order_by: sort_keys,
            limit: None,
            offset: None,
            columns: columns.0,
            value_table: mode.is_some(),
        };
        let query = match qualify {
            Some(condition) => super::qualify::filtered(query, condition, distinct),
            None => query,
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
                    for (name, value) in self.star(item, place)? {
                        items.push(value);
                        names.push(name);
                    }
                    continue;
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
}

fn is_distinct(select: &ast::Select) -> Result<bool, Diagnostic> {
    use ast::ValueTableMode as Mode;
    match &select.distinct {
        None | Some(ast::Distinct::All) => Ok(matches!(
            select.value_table_mode,
            Some(Mode::DistinctAsStruct | Mode::DistinctAsValue)
        )),
        Some(ast::Distinct::Distinct) => Ok(true),
        Some(ast::Distinct::On(_)) => {
            let at = Position::from(select.span().start);
            Err(Diagnostic::invalid(at, "Syntax error: DISTINCT ON"))
        }
    }
}

/// The only value of SELECT AS STRUCT, AS VALUE; else the items as they are.
fn values(
    mode: Option<ast::ValueTableMode>,
    items: Vec<Expr>,
    names: Vec<Option<String>>,
    select: &ast::Select,
) -> Result<(Vec<Expr>, Vec<Option<String>>), Diagnostic> {
    use ast::ValueTableMode as Mode;
    let Some(mode) = mode else { return Ok((items, names)) };
    let at = Position::from(select.span().start);
    match mode {
        Mode::AsValue | Mode::DistinctAsValue if items.len() == 1 => Ok((items, names)),
        Mode::AsValue | Mode::DistinctAsValue => {
            Err(Diagnostic::invalid(at, "SELECT AS VALUE query must have exactly one column"))
        }
        Mode::AsStruct | Mode::DistinctAsStruct => {
            let fields = names.into_iter().zip(&items);
            let fields =
                fields.map(|(name, item)| StructField { name, ty: item.ty.clone() }).collect();
            let value = Expr::new(ExprKind::Struct(items), Type::Struct(fields), at);
            super::expression::bounded(&value.ty, at)?;
            Ok((vec![value], vec![None]))
        }
    }
}

/// DISTINCT tells values apart, which BigQuery does not do for arrays and JSON.
fn check_distinct(items: &[Expr]) -> Result<(), Diagnostic> {
    let wrong = items
        .iter()
        .enumerate()
        .find(|(_, item)| !item.ty.is_groupable() && !item.ty.is_event_value());
    match wrong {
        None => Ok(()),
        Some((_, item)) if item.ty.has_sketch() => Err(Diagnostic::closed_sketch(item.at)),
        Some((place, item)) => {
            let message = format!(
                "Column {} of type {} cannot be used in SELECT DISTINCT",
                place + 1,
                item.ty
            );
            Err(Diagnostic::invalid(item.at, message))
        }
    }
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
pub(super) fn columns(
    names: &[Option<String>],
    items: &[Expr],
    at: impl FnOnce() -> Position,
) -> Result<(Vec<Column>, Vec<String>), Diagnostic> {
    let count = fields_in(items.iter().map(|item| &item.ty));
    if count > bounds::MAX_FIELDS {
        bounds::fields(count, at())?;
    }
    let mut unnamed = 0;
    let mut used = BTreeSet::new();
    let mut counts = BTreeMap::new();
    let mut shown = Vec::with_capacity(items.len());
    let mut columns = Vec::with_capacity(items.len());
    for (name, item) in names.iter().zip(items) {
        let name = name.clone().unwrap_or_else(|| {
            unnamed += 1;
            format!("f{}_", unnamed - 1)
        });
        let wanted = super::shorten(&name);
        let mut column = wanted.clone();
        // Those that were tried before are taken.
        let count = counts.entry(wanted.clone()).or_insert(1);
        while !used.insert(column.clone()) {
            *count += 1;
            column = format!("{wanted} {count}");
        }
        columns.push(Column { name: name.clone(), column, ty: item.ty.clone() });
        shown.push(name);
    }
    Ok((columns, shown))
}

/// How many fields a row has, those of STRUCTs included.
pub(super) fn fields_in<'t>(types: impl Iterator<Item = &'t Type>) -> usize {
    types.map(|ty| ty.field_count().saturating_add(1)).fold(0, usize::saturating_add)
}

/// Whether an expression aggregates rows of its own query.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Aggregate(_) | ExprKind::Grouping(_))
        || expr.children().into_iter().any(has_aggregate)
}

/// Refuses columns that are neither grouped by nor aggregated.
fn check_grouped(expr: &Expr, group_by: &[Expr], scope: &Scope<'_>) -> Result<(), Diagnostic> {
    if group_by.contains(expr) || matches!(expr.kind, ExprKind::Aggregate(_)) {
        return Ok(());
    }
    match &expr.kind {
        ExprKind::Grouping(key) if !group_by.contains(key) => {
            Err(Diagnostic::invalid(expr.at, "GROUPING must have an argument of GROUP BY"))
        }
        // A column of a query around this one has one value here.
        ExprKind::Column { relation, column } if scope.owns(relation) => {
            let message = format!(
                "SELECT list expression references column {column} which is neither grouped nor aggregated"
            );
            Err(Diagnostic::invalid(expr.at, message))
        }
        kind => {
            if let ExprKind::Exists { query, .. }
            | ExprKind::Scalar(query)
            | ExprKind::ArrayQuery(query)
            | ExprKind::InQuery { query, .. } = kind
            {
                check_correlation(query, group_by, scope, expr.at)?;
            }
            let mut children = expr.children().into_iter();
            children.try_for_each(|child| check_grouped(child, group_by, scope))
        }
    }
}

/// Refuses a sub-query that reads columns which are neither grouped nor aggregated.
fn check_correlation(
    query: &tree::Query,
    group_by: &[Expr],
    scope: &Scope<'_>,
    at: Position,
) -> Result<(), Diagnostic> {
    let mut ungrouped = None;
    query.any(&mut |expr| match &expr.kind {
        ExprKind::Column { relation, column }
            if scope.owns(relation) && !group_by.contains(expr) =>
        {
            ungrouped = Some(column.clone());
            true
        }
        _ => false,
    });
    match ungrouped {
        None => Ok(()),
        Some(column) => {
            let message = format!(
                "A sub-query references column {column} which is neither grouped nor aggregated"
            );
            Err(Diagnostic::invalid(at, message))
        }
    }
}

fn refuse_rest(select: &ast::Select) -> Result<(), Diagnostic> {
    for (present, what) in [(select.flavor != ast::SelectFlavor::Standard, "FROM before SELECT")] {
        if present {
            return Err(Diagnostic::unsupported(select.span().start.into(), what));
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
        let at = Position::from(select.span().start);
        return Err(Diagnostic::invalid(at, "Syntax error: this clause is not BigQuery's"));
    }
    Ok(())
}
