//! Works out what is constant.
//!
//! ```text
//! COALESCE('2026-01-01', '') = '' OR t.timestamp > CAST('2026-01-01' AS TIMESTAMP)
//! → t.timestamp > TIMESTAMP '2026-01-01'
//! ```
//!
//! Parameters are literals by now, so the time bounds of an endpoint become constants, and
//! PostgreSQL leaves partitions out when it plans. Invariant after this pass: no AND, OR or NOT
//! has a constant operand, no sum or product is of two literals unless it fails, and no literal text is cast to a time (one that is no time is refused
//! when it is lowered: it may stand where it is never reached).

use crate::{
    functions,
    resolve::{format_datetime, parse_time},
    tree::{Body, Comparison, Expr, ExprKind, From, Literal, Operator, Query, Statement},
    types::Type,
};

pub(crate) fn fold(statement: &mut Statement) {
    for cte in &mut statement.ctes {
        query(&mut cte.query);
    }
    query(&mut statement.query);
}

fn query(query: &mut Query) {
    match &mut query.body {
        Body::Select(select) => {
            select.items.iter_mut().for_each(expr);
            select.from.iter_mut().for_each(from);
            select.filter.iter_mut().for_each(expr);
            select.having.iter_mut().for_each(expr);
            select.group_by.iter_mut().for_each(expr);
            if select.filter.as_ref().and_then(Expr::as_literal) == Some(&Literal::Bool(true)) {
                select.filter = None;
            }
        }
        Body::SetOperation { left, right, .. } => {
            self::query(left);
            self::query(right);
        }
    }
    query.order_by.iter_mut().for_each(|key| expr(&mut key.expr));
}

fn from(item: &mut From) {
    match item {
        From::Table { .. } | From::Cte { .. } => {}
        From::Derived { query, .. } => self::query(query),
        From::Unnest { unnest, .. } => expr(&mut unnest.array),
        From::Join { left, right, on, .. } => {
            from(left);
            from(right);
            on.iter_mut().for_each(expr);
        }
    }
}

fn expr(whole: &mut Expr) {
    whole.children_mut().into_iter().for_each(expr);
    match &mut whole.kind {
        ExprKind::Exists { query, .. }
        | ExprKind::Scalar(query)
        | ExprKind::ArrayQuery(query)
        | ExprKind::InQuery { query, .. } => {
            self::query(query);
        }
        _ => {}
    }
    if let Some(folded) = folded(whole) {
        *whole = folded;
    }
}

/// The simpler form of an expression whose parts are as simple as can be.
fn folded(whole: &Expr) -> Option<Expr> {
    let at = whole.at;
    match &whole.kind {
        ExprKind::And(operands) => junction(operands, false, whole),
        ExprKind::Or(operands) => junction(operands, true, whole),
        ExprKind::Not(inner) => match inner.as_literal()? {
            Literal::Bool(value) => Some(Expr::bool(!value, at)),
            _ => None,
        },
        ExprKind::IsNull { expr, negated } => {
            Some(Expr::bool((*expr.as_literal()? == Literal::Null) != *negated, at))
        }
        ExprKind::Compare { operator, left, right } => {
            let (left, right) = (left.as_literal()?, right.as_literal()?);
            let equal = match (left, right) {
                (Literal::String(left), Literal::String(right)) => left == right,
                (Literal::Int64(left), Literal::Int64(right)) => left == right,
                (Literal::Bool(left), Literal::Bool(right)) => left == right,
                _ => return None,
            };
            match operator {
                Comparison::Equal | Comparison::NotDistinctFrom => Some(Expr::bool(equal, at)),
                Comparison::NotEqual | Comparison::DistinctFrom => Some(Expr::bool(!equal, at)),
                _ => None,
            }
        }
        ExprKind::Arithmetic { operator, left, right } => {
            let literal = arithmetic(*operator, left.as_literal()?, right.as_literal()?)?;
            Some(Expr { ty: whole.ty.clone(), ..Expr::literal(literal, at) })
        }
        ExprKind::Call { overload, args, .. } if is_coalesce(overload) => {
            let known = args.iter().find(|arg| !arg.is_null())?;
            known.as_literal().map(|_| known.clone())
        }
        ExprKind::Cast { expr, .. } if expr.ty == whole.ty => Some(expr.as_ref().clone()),
        ExprKind::Call { overload, args, .. } if is_concatenation(overload) => {
            let text = |arg: &Expr| match arg.as_literal() {
                Some(Literal::String(text)) => Some(text.clone()),
                _ => None,
            };
            let texts = args.iter().map(text).collect::<Option<Vec<_>>>()?;
            Some(Expr::literal(Literal::String(texts.concat()), at))
        }
        ExprKind::Cast { expr, .. } => match expr.as_literal()? {
            Literal::Null => {
                Some(Expr::new(ExprKind::Literal(Literal::Null), whole.ty.clone(), at))
            }
            Literal::String(text)
                if matches!(
                    whole.ty,
                    Type::Timestamp | Type::Datetime | Type::Date | Type::Time
                ) =>
            {
                let time = parse_time(text, &whole.ty).filter(is_in_range)?;
                Some(Expr::literal(time, at))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether it is a time of BigQuery's. One that is none may be asked for by SAFE_CAST.
fn is_in_range(time: &Literal) -> bool {
    match time {
        Literal::Timestamp(micros) | Literal::Datetime(micros) => {
            format_datetime(*micros).is_some()
        }
        _ => true,
    }
}

/// What two numbers make, None where that fails or is not worked out here.
fn arithmetic(operator: Operator, left: &Literal, right: &Literal) -> Option<Literal> {
    match (left, right) {
        (Literal::Int64(left), Literal::Int64(right)) => {
            let number = match operator {
                Operator::Add => left.checked_add(*right),
                Operator::Subtract => left.checked_sub(*right),
                Operator::Multiply => left.checked_mul(*right),
                Operator::Divide => None,
            };
            number.map(Literal::Int64)
        }
        (Literal::Float64(left, _), Literal::Float64(right, _)) => {
            let number = match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                Operator::Divide if *right != 0.0 => left / right,
                Operator::Divide => return None,
            };
            number.is_finite().then_some(Literal::Float64(number, None))
        }
        _ => None,
    }
}

fn is_coalesce(overload: &'static functions::Overload) -> bool {
    is_of(overload, ["COALESCE", "IFNULL"])
}

fn is_concatenation(overload: &'static functions::Overload) -> bool {
    is_of(overload, ["CONCAT", "||"])
}

fn is_of(overload: &'static functions::Overload, names: [&str; 2]) -> bool {
    names.iter().any(|name| {
        functions::named(name).is_some_and(|function| function.overloads.contains(overload))
    })
}

/// AND (`decided` by FALSE) and OR (by TRUE).
fn junction(operands: &[Expr], decided: bool, whole: &Expr) -> Option<Expr> {
    let value = |operand: &Expr| match operand.as_literal() {
        Some(Literal::Bool(value)) => Some(*value),
        _ => None,
    };
    if operands.iter().any(|operand| value(operand) == Some(decided)) {
        return Some(Expr::bool(decided, whole.at));
    }
    let mut rest: Vec<Expr> =
        operands.iter().filter(|operand| value(operand).is_none()).cloned().collect();
    if rest.len() == operands.len() && rest.len() > 1 {
        return None;
    }
    Some(match rest.len() {
        0 => Expr::bool(!decided, whole.at),
        1 => rest.remove(0),
        _ => {
            let kind = if decided { ExprKind::Or(rest) } else { ExprKind::And(rest) };
            Expr::new(kind, Type::Bool, whole.at)
        }
    })
}
