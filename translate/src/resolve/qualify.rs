//! QUALIFY: a condition on rows once the window functions are worked out.

use super::query::{RESULT, sorted_result};
use crate::tree::{Body, Column, Expr, ExprKind, Query};

/// The rows of a query that satisfy a condition over the same relations. The condition and the
/// sort keys become columns that only the query around it sees.
pub(super) fn filtered(mut query: Query, condition: Expr, distinct: bool) -> Query {
    let shown = query.columns.clone();
    let mut keys = std::mem::take(&mut query.order_by);
    let condition = hidden(&mut query, condition);
    for key in &mut keys {
        key.expr = hidden(&mut query, key.expr.clone());
    }
    let mut outer = sorted_result(query);
    if let Body::Select(select) = &mut outer.body {
        select.items.truncate(shown.len());
        select.filter = Some(condition);
        select.distinct = distinct;
    }
    outer.columns = shown;
    outer.order_by = keys;
    outer
}

/// Adds a column to a query, and gives what names it from around.
fn hidden(query: &mut Query, expr: Expr) -> Expr {
    let mut number = query.columns.len();
    let mut column = format!("hidden {number}");
    while query.columns.iter().any(|known| known.column == column) {
        number += 1;
        column = format!("hidden {number}");
    }
    let (ty, at) = (expr.ty.clone(), expr.at);
    query.columns.push(Column { name: column.clone(), column: column.clone(), ty: ty.clone() });
    if let Body::Select(select) = &mut query.body {
        select.items.push(expr);
    }
    Expr::new(ExprKind::Column { relation: RESULT.to_owned(), column }, ty, at)
}
