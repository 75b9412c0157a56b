//! Aggregates that look at no row of their own query.
//!
//! In BigQuery an aggregate function is one of the query that it stands in. PostgreSQL takes it for
//! one of the query whose columns it names: `(SELECT MAX(t.x) FROM UNNEST(l) AS e)` would be an
//! aggregate over `t`. So such an argument gets to name a column of its own query as well.

use super::scope::{Relation, Scope, Shape};
use crate::{
    tree::{self, Expr, ExprKind, Literal, SortKey},
    types::Type,
};

/// Makes the aggregates in the expressions of a query ones of that query.
pub(super) fn keep(
    items: &mut [Expr],
    conditions: [&mut Option<Expr>; 2],
    sort_keys: &mut [SortKey],
    scope: &Scope<'_>,
) {
    let own = scope.relations.iter().find_map(column);
    let (Some(own), Some(_)) = (own, scope.parent) else { return };
    let sort_keys = sort_keys.iter_mut().map(|key| &mut key.expr);
    for expr in items.iter_mut().chain(conditions.into_iter().flatten()).chain(sort_keys) {
        keep_with(expr, scope, &own);
    }
}

fn keep_with(expr: &mut Expr, scope: &Scope<'_>, own: &Expr) {
    if let ExprKind::Aggregate(call) = &mut expr.kind {
        let mut names = Names::default();
        for arg in call.args.iter().chain(call.order_by.iter().map(|key| &key.expr)) {
            names.collect(arg, scope);
        }
        if let (true, false, Some(first)) = (names.others, names.own, call.args.first_mut()) {
            let value = first.clone();
            let null = Expr { kind: ExprKind::Literal(Literal::Null), ..value.clone() };
            let never = is_null(is_null(own.clone()));
            let kind = ExprKind::Case { branches: vec![(never, null)], otherwise: Box::new(value) };
            first.kind = kind;
        }
        return;
    }
    for child in expr.children_mut() {
        keep_with(child, scope, own);
    }
}

fn is_null(expr: Expr) -> Expr {
    let at = expr.at;
    Expr::new(ExprKind::IsNull { expr: Box::new(expr), negated: false }, Type::Bool, at)
}

/// A column of a relation.
fn column(relation: &Relation) -> Option<Expr> {
    let column = match &relation.shape {
        Shape::Columns(columns) => columns.first()?.column.clone(),
        Shape::Events(_) | Shape::Declared { .. } => "id".to_owned(),
        Shape::Element { column, .. } => column.clone(),
        Shape::Offset => tree::ORDINAL.to_owned(),
    };
    let kind = ExprKind::Column { relation: relation.relation.clone(), column };
    Some(Expr::new(kind, Type::Dynamic, crate::diagnostic::Position::default()))
}

/// Whose columns expressions name.
#[derive(Default)]
struct Names {
    own: bool,
    /// Those of queries around, or what sub-queries may name.
    others: bool,
}

impl Names {
    fn collect(&mut self, expr: &Expr, scope: &Scope<'_>) {
        match &expr.kind {
            ExprKind::Column { relation, .. } | ExprKind::Row { relation, .. } => {
                let own = scope.owns(relation);
                self.own |= own;
                self.others |= !own;
            }
            ExprKind::Scalar(_)
            | ExprKind::ArrayQuery(_)
            | ExprKind::Exists { .. }
            | ExprKind::InQuery { .. } => self.others = true,
            _ => {}
        }
        for child in expr.children() {
            self.collect(child, scope);
        }
    }
}
