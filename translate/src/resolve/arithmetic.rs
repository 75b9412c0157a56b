//! `+`, `-`, `*` and `/`: of numbers, and of times and intervals.

use sqlparser::ast;

use super::{
    Resolver,
    call::{declared, finish_call},
    coerce,
    scope::Place,
};
use crate::{
    diagnostic::{Diagnostic, Position},
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
        if of_times(&left) || of_times(&right) {
            return finish_call(declared(operator.sign(), at)?, vec![left, right], at);
        }
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

/// Whether arithmetic with an operand is that of dates, times and intervals, which is declared.
fn of_times(operand: &Expr) -> bool {
    matches!(
        operand.ty,
        Type::Timestamp | Type::Datetime | Type::Date | Type::Time | Type::Interval
    )
}

/// An operand of arithmetic: a number, or a value inside an event read as one.
pub(super) fn number(value: Expr) -> Option<Expr> {
    match value.ty {
        Type::Null => coerce::to(value, &Type::Int64),
        Type::Dynamic => coerce::to(value, &Type::Float64),
        _ => value.ty.is_number().then_some(value),
    }
}
