//! Keeps constants that may fail from being worked out before a row asks for them.
//!
//! ```text
//! SELECT 1 / 0 FROM UNNEST(ARRAY<INT64>[])
//! ```
//!
//! has no rows, and so no error. PostgreSQL works out what is constant when it plans, but not what
//! depends on a sub-query. Invariant after this pass: in the lists, keys and HAVING of queries with
//! FROM, no call that may fail depends on constants alone. WHERE and ON stay as they are: partitions are
//! left out by constants.

use crate::{
    functions::{Param, Safe},
    tree::{Body, Expr, ExprKind, From, Literal, Query, Select, Statement},
};

/// Does so in a statement.
pub(crate) fn delay(statement: &mut Statement) {
    for cte in &mut statement.ctes {
        query(&mut cte.query);
    }
    query(&mut statement.query);
}

fn query(query: &mut Query) {
    let mut has_rows = true;
    match &mut query.body {
        Body::Select(select) => {
            has_rows = !select.from.is_empty();
            self::select(select);
        }
        Body::SetOperation { left, right, .. } => {
            self::query(left);
            self::query(right);
        }
    }
    for key in &mut query.order_by {
        inner_queries(&mut key.expr);
        if has_rows {
            delay_parts(&mut key.expr);
        }
    }
}

fn select(select: &mut Select) {
    let has_rows = !select.from.is_empty();
    select.from.iter_mut().for_each(from);
    select.filter.iter_mut().for_each(inner_queries);
    let rest = select.items.iter_mut().chain(&mut select.group_by).chain(&mut select.having);
    for expr in rest {
        inner_queries(expr);
        if has_rows {
            delay_parts(expr);
        }
    }
}

fn from(item: &mut From) {
    match item {
        From::Table { .. } | From::Cte { .. } => {}
        From::Derived { query, .. } => self::query(query),
        From::Unnest { unnest, .. } => inner_queries(&mut unnest.array),
        From::Join { left, right, on, .. } => {
            from(left);
            from(right);
            on.iter_mut().for_each(inner_queries);
        }
    }
}

/// The sub-queries of an expression.
fn inner_queries(expr: &mut Expr) {
    match &mut expr.kind {
        ExprKind::Exists { query, .. }
        | ExprKind::Scalar(query)
        | ExprKind::ArrayQuery(query)
        | ExprKind::InQuery { query, .. } => self::query(query),
        _ => {}
    }
    expr.children_mut().into_iter().for_each(inner_queries);
}

/// The greatest parts of an expression that are constant.
fn delay_parts(expr: &mut Expr) {
    if is_constant(expr) {
        delay_constant(expr);
    } else {
        expr.children_mut().into_iter().for_each(delay_parts);
    }
}

fn is_constant(expr: &Expr) -> bool {
    let varies = matches!(
        expr.kind,
        ExprKind::Column { .. }
            | ExprKind::Row { .. }
            | ExprKind::Aggregate(_)
            | ExprKind::Window(..)
            | ExprKind::Grouping(_)
            | ExprKind::Exists { .. }
            | ExprKind::Scalar(_)
            | ExprKind::ArrayQuery(_)
            | ExprKind::InQuery { .. }
    );
    !varies && expr.children().into_iter().all(is_constant)
}

/// Makes each part that may fail depend on a late literal; gives whether the whole does.
fn delay_constant(expr: &mut Expr) -> bool {
    let mut is_late = false;
    for part in expr.children_mut() {
        is_late |= delay_constant(part);
    }
    is_late || (may_fail(expr) && delay_literal(expr))
}

fn may_fail(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { overload, safe, .. } => !safe && !matches!(overload.safe, Safe::Total),
        ExprKind::Cast { safe, .. } | ExprKind::Subscript { safe, .. } => !safe,
        ExprKind::Interval { value, .. } => {
            !matches!(value.as_literal(), Some(Literal::Int64(-1_000..=1_000)))
        }
        ExprKind::Arithmetic { .. } | ExprKind::Negate(_) => true,
        _ => false,
    }
}

/// Delays the first literal that can be; gives whether there is one.
fn delay_literal(expr: &mut Expr) -> bool {
    if let ExprKind::Literal(literal) = &expr.kind {
        if *literal == Literal::Null {
            return false;
        }
        let inner = Box::new(expr.clone());
        expr.kind = ExprKind::Late(inner);
        return true;
    }
    if let ExprKind::Call { overload, args, .. } = &mut expr.kind {
        let params = overload.params;
        return args.iter_mut().enumerate().any(|(place, arg)| {
            let param = params.get(place).or(params.last());
            // What is read while translating has to stay as it is.
            param != Some(&Param::Pattern) && delay_literal(arg)
        });
    }
    expr.children_mut().into_iter().any(delay_literal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::Position, tree::Operator, types::Type};

    fn number(number: i64) -> Expr {
        Expr::literal(Literal::Int64(number), Position::default())
    }

    fn quotient(left: Expr, right: Expr) -> Expr {
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = ExprKind::Arithmetic { operator: Operator::Divide, left, right };
        Expr::new(kind, Type::Float64, Position::default())
    }

    fn late_literals(expr: &Expr) -> usize {
        match expr.kind {
            ExprKind::Late(_) => 1,
            _ => expr.children().into_iter().map(late_literals).sum(),
        }
    }

    #[test]
    fn constants_that_may_fail_depend_on_one_late_literal() {
        let column = ExprKind::Column { relation: "t".to_owned(), column: "a".to_owned() };
        let column = Expr::new(column, Type::Int64, Position::default());
        for (mut expr, count) in [
            (number(1), 0),
            (quotient(number(1), number(0)), 1),
            (quotient(column.clone(), number(0)), 0),
            (quotient(column, quotient(number(1), number(0))), 1),
            (quotient(quotient(number(1), number(0)), number(2)), 1),
        ] {
            delay_parts(&mut expr);
            assert_eq!(late_literals(&expr), count, "{expr:?}");
        }
    }
}
