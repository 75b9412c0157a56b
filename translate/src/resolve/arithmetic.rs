//! `+`, `-`, `*` and `/`: of numbers, and of times and intervals.

use sqlparser::ast;

use super::{Resolver, coerce, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::DatePart,
    tree::{Expr, ExprKind, Literal, Operator},
    types::Type,
};

impl Resolver<'_> {
    pub(super) fn arithmetic(
        &mut self,
        operator: Operator,
        left: &ast::Expr,
        right: &ast::Expr,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let left = self.expr(left, place)?;
        let right = self.expr(right, place)?;
        let (left, right) = match of_times(operator, left, right, at)? {
            Ok(whole) => return Ok(whole),
            Err(operands) => operands,
        };
        let sign = operator.sign();
        if let (Some(Literal::String(text)), Type::Int64) = (left.as_literal(), &right.ty) {
            // BigQuery takes it for a date that days are added to.
            let message = format!("Could not cast literal \"{text}\" to type DATE");
            return Err(Diagnostic::invalid(left.at, message));
        }
        let types = format!("{}, {}", left.ty, right.ty);
        let no_match = |at| {
            let message =
                format!("No matching signature for operator {sign} for argument types: {types}");
            Diagnostic::invalid(at, message)
        };
        let left = number(left).ok_or_else(|| no_match(at))?;
        let right = number(right).ok_or_else(|| no_match(at))?;
        let (mut both, common) = coerce::to_common(vec![left, right]).map_err(|_| no_match(at))?;
        let whole = operator == Operator::Divide && common == Type::Int64;
        let ty = if whole { Type::Float64 } else { common };
        let (right, left) = (both.pop(), both.pop());
        let (Some(left), Some(right)) = (left, right) else {
            return Err(Diagnostic::internal(at, "an operand was lost"));
        };
        let to_number = |value: Expr| {
            let (from, at) = (value.ty.clone(), value.at);
            coerce::to(value, &ty)
                .ok_or_else(|| Diagnostic::internal(at, format!("{from} is not a number")))
        };
        let (left, right) = (Box::new(to_number(left)?), Box::new(to_number(right)?));
        Ok(Expr::new(ExprKind::Arithmetic { operator, left, right }, ty, at))
    }
}

/// Arithmetic of times and intervals; gives the operands back where it is none.
fn of_times(
    operator: Operator,
    left: Expr,
    right: Expr,
    at: Position,
) -> Result<Result<Expr, (Expr, Expr)>, Diagnostic> {
    use Operator::{Add, Divide, Multiply, Subtract};
    use Type::{Date, Datetime, Int64, Interval, Timestamp};
    // A number or an interval may stand before the time that it is added to.
    let commutes = matches!(operator, Add | Multiply)
        && (matches!((&left.ty, &right.ty), (Interval, Timestamp | Datetime | Date))
            || matches!((&left.ty, &right.ty), (Int64, Date | Interval)));
    let (left, right) = if commutes { (right, left) } else { (left, right) };
    // Text that a time is taken from is one itself.
    let (left, right) = match (operator, &left.ty, &right.ty) {
        (Subtract, Timestamp | Datetime | Date, Type::String) if right.as_literal().is_some() => {
            match coerce::to(right.clone(), &left.ty) {
                Some(time) => (left, time),
                None => (left, right),
            }
        }
        _ => (left, right),
    };
    let ty = match (operator, &left.ty, &right.ty) {
        (Add | Subtract, Timestamp, Interval) => {
            if let ExprKind::Interval { part, .. } = &right.kind
                && matches!(part, DatePart::Month | DatePart::Quarter | DatePart::Year)
            {
                let message = "TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part.";
                return Err(Diagnostic::invalid(at, message));
            }
            Timestamp
        }
        (Add | Subtract, Datetime | Date, Interval) => Datetime,
        (Add | Subtract, Date, Int64) => Date,
        (Subtract, Timestamp, Timestamp)
        | (Subtract, Datetime, Datetime)
        | (Subtract, Date, Date)
        | (Add | Subtract, Interval, Interval)
        | (Multiply | Divide, Interval, Int64) => Interval,
        _ => return Ok(Err((left, right))),
    };
    let (left, right) = (Box::new(left), Box::new(right));
    Ok(Ok(Expr::new(ExprKind::Arithmetic { operator, left, right }, ty, at)))
}

/// An operand of arithmetic: a number, or a value inside an event read as one.
pub(super) fn number(value: Expr) -> Option<Expr> {
    match value.ty {
        Type::Null => coerce::to(value, &Type::Int64),
        Type::Dynamic => coerce::to(value, &Type::Float64),
        _ => value.ty.is_number().then_some(value),
    }
}
