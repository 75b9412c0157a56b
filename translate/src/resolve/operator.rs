//! Operators: comparisons, logic, arithmetic, LIKE, IN, BETWEEN.

use sqlparser::ast::{self, BinaryOperator, Spanned, UnaryOperator};

use super::{
    Resolver,
    arithmetic::number,
    call::{declared, finish_call},
    coerce,
    scope::Place,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Comparison, Expr, ExprKind, Literal, Operator},
    types::Type,
};

impl Resolver<'_> {
    pub(super) fn operator(
        &mut self,
        expr: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        use ast::Expr as E;
        let at = Position::from(expr.span().start);
        match expr {
            E::BinaryOp { left, op, right } => self.binary(expr, left, op, right, place),
            E::UnaryOp { op, expr: operand } => self.unary(at, *op, operand, place),
            E::IsNull(inner) => self.is_null(inner, false, place),
            E::IsNotNull(inner) => self.is_null(inner, true, place),
            E::IsTrue(inner) => self.is_bool(inner, true, false, place),
            E::IsNotTrue(inner) => self.is_bool(inner, true, true, place),
            E::IsFalse(inner) => self.is_bool(inner, false, false, place),
            E::IsNotFalse(inner) => self.is_bool(inner, false, true, place),
            E::IsDistinctFrom(left, right) => {
                self.compare(Comparison::DistinctFrom, left, right, place, at)
            }
            E::IsNotDistinctFrom(left, right) => {
                self.compare(Comparison::NotDistinctFrom, left, right, place, at)
            }
            E::Between { expr: value, negated, low, high } => {
                let low = self.compare(Comparison::GreaterOrEqual, value, low, place, at)?;
                let high = self.compare(Comparison::LessOrEqual, value, high, place, at)?;
                let between = Expr::new(ExprKind::And(vec![low, high]), Type::Bool, at);
                Ok(if *negated {
                    Expr::new(ExprKind::Not(Box::new(between)), Type::Bool, at)
                } else {
                    between
                })
            }
            E::In { expr: value, target, negated, .. } => {
                self.is_in(at, value, target, *negated, place)
            }
            E::Like { negated, any: false, expr: value, pattern, escape_char: None } => {
                self.like(value, pattern, *negated, false, place, at)
            }
            E::ILike { negated, any: false, expr: value, pattern, escape_char: None } => {
                self.like(value, pattern, *negated, true, place, at)
            }
            E::AnyOp { left, right, .. } => self.like_several(left, right, true, place, at),
            E::AllOp { left, right, .. } => self.like_several(left, right, false, place, at),
            E::Like { .. } | E::ILike { .. } => {
                Err(Diagnostic::unsupported(at, "LIKE with ANY or ESCAPE"))
            }
            _ => Err(Diagnostic::unsupported(at, "this expression")),
        }
    }

    fn binary(
        &mut self,
        whole: &ast::Expr,
        left: &ast::Expr,
        operator: &BinaryOperator,
        right: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        let comparison = match operator {
            BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat => {
                return self.chain(whole, operator, place);
            }
            BinaryOperator::Plus => return self.arithmetic(Operator::Add, left, right, place, at),
            BinaryOperator::Minus => {
                return self.arithmetic(Operator::Subtract, left, right, place, at);
            }
            BinaryOperator::Multiply => {
                return self.arithmetic(Operator::Multiply, left, right, place, at);
            }
            BinaryOperator::Divide => {
                return self.arithmetic(Operator::Divide, left, right, place, at);
            }
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::NotEq => Comparison::NotEqual,
            BinaryOperator::Lt => Comparison::Less,
            BinaryOperator::LtEq => Comparison::LessOrEqual,
            BinaryOperator::Gt => Comparison::Greater,
            BinaryOperator::GtEq => Comparison::GreaterOrEqual,
            BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseXor
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight => {
                let function = declared(&operator.to_string(), at)?;
                let args = vec![self.expr(left, place)?, self.expr(right, place)?];
                return finish_call(function, args, at);
            }
            _ => {
                return Err(Diagnostic::invalid(
                    at,
                    format!("Syntax error: {operator} is not an operator of BigQuery's"),
                ));
            }
        };
        self.compare(comparison, left, right, place, at)
    }

    /// `a AND b AND c …`: such chains can be long, so they are flattened, not nested.
    fn chain(
        &mut self,
        whole: &ast::Expr,
        operator: &BinaryOperator,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        let mut operands = Vec::new();
        let mut rest = whole;
        while let ast::Expr::BinaryOp { left, op, right } = rest
            && op == operator
        {
            operands.push(right.as_ref());
            rest = left;
        }
        operands.push(rest);
        operands.reverse();
        if *operator == BinaryOperator::StringConcat {
            return self.concatenation(&operands, place, at);
        }
        let operands = operands
            .into_iter()
            .map(|operand| {
                self.condition(
                    operand,
                    place,
                    if *operator == BinaryOperator::And { "AND" } else { "OR" },
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        let kind = if *operator == BinaryOperator::And {
            ExprKind::And(operands)
        } else {
            ExprKind::Or(operands)
        };
        Ok(Expr::new(kind, Type::Bool, at))
    }

    fn concatenation(
        &mut self,
        operands: &[&ast::Expr],
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let mut args = Vec::with_capacity(operands.len());
        for operand in operands {
            args.push(self.expr(operand, place)?);
        }
        let is_array = |arg: &Expr| matches!(arg.ty, Type::Array(_));
        if args.iter().any(is_array) {
            return finish_call(declared("ARRAY_CONCAT", at)?, args, at);
        }
        // Beside a text, a literal number is one too.
        if args.iter().any(|arg| arg.ty == Type::String) {
            for arg in &mut args {
                if let Some(Literal::Int64(number)) = arg.as_literal() {
                    *arg = Expr::literal(Literal::String(number.to_string()), arg.at);
                }
            }
        }
        finish_call(declared("||", at)?, args, at)
    }

    fn compare(
        &mut self,
        operator: Comparison,
        left: &ast::Expr,
        right: &ast::Expr,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let left = self.expr(left, place)?;
        let right = self.expr(right, place)?;
        coerce::comparison(operator, left, right, at)
    }

    fn unary(
        &mut self,
        at: Position,
        operator: UnaryOperator,
        operand: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        match operator {
            UnaryOperator::Not => {
                let operand = Box::new(self.condition(operand, place, "NOT")?);
                Ok(Expr::new(ExprKind::Not(operand), Type::Bool, at))
            }
            UnaryOperator::Minus => {
                // The least number has no positive twin.
                if let ast::Expr::Value(ast::ValueWithSpan {
                    value: ast::Value::Number(number, _),
                    ..
                }) = operand
                    && let Ok(number) = format!("-{number}").parse()
                {
                    return Ok(Expr::literal(Literal::Int64(number), at));
                }
                let value = self.expr(operand, place)?;
                if let (ast::Expr::Value(_), Some(Literal::Float64(number, Some(written)))) =
                    (operand, value.as_literal())
                {
                    let literal = Literal::Float64(-number, Some(format!("-{written}")));
                    return Ok(Expr::literal(literal, at));
                }
                if value.ty == Type::Interval {
                    return finish_call(declared("-", at)?, vec![value], at);
                }
                let value = signed(value, "-")?;
                let ty = value.ty.clone();
                Ok(Expr::new(ExprKind::Negate(Box::new(value)), ty, at))
            }
            UnaryOperator::BitwiseNot => {
                let args = vec![self.expr(operand, place)?];
                finish_call(declared("~", at)?, args, at)
            }
            UnaryOperator::Plus => signed(self.expr(operand, place)?, "+"),
            _ => Err(Diagnostic::unsupported(at, format!("the operator {operator}"))),
        }
    }

    fn is_null(
        &mut self,
        inner: &ast::Expr,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let inner = self.expr(inner, place)?;
        let at = inner.at;
        Ok(Expr::new(ExprKind::IsNull { expr: Box::new(inner), negated }, Type::Bool, at))
    }

    fn is_bool(
        &mut self,
        inner: &ast::Expr,
        value: bool,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let inner = self.condition(inner, place, "IS")?;
        let at = inner.at;
        Ok(Expr::new(ExprKind::IsBool { expr: Box::new(inner), value, negated }, Type::Bool, at))
    }

    pub(super) fn like(
        &mut self,
        value: &ast::Expr,
        pattern: &ast::Expr,
        negated: bool,
        ignore_case: bool,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let mut operands = Vec::with_capacity(2);
        let (value, pattern) = (self.expr(value, place)?, self.expr(pattern, place)?);
        let bytes = !ignore_case && value.ty == Type::Bytes && pattern.ty == Type::Bytes;
        for operand in [value, pattern] {
            let ty = operand.ty.clone();
            let wanted = if bytes { Type::Bytes } else { Type::String };
            operands.push(coerce::to(operand, &wanted).ok_or_else(|| {
                Diagnostic::invalid(
                    at,
                    format!("No matching signature for operator LIKE for argument type {ty}"),
                )
            })?);
        }
        let pattern = Box::new(operands.remove(1));
        if let Some(Literal::String(text)) = pattern.as_literal()
            && text.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
        {
            return Err(Diagnostic::invalid(pattern.at, "LIKE pattern ends with a backslash"));
        }
        let expr = Box::new(operands.remove(0));
        Ok(Expr::new(ExprKind::Like { expr, pattern, negated, ignore_case }, Type::Bool, at))
    }
}

/// An operand of a sign: a number.
fn signed(value: Expr, sign: &str) -> Result<Expr, Diagnostic> {
    let (ty, at) = (value.ty.clone(), value.at);
    number(value).ok_or_else(|| {
        let message = format!("No matching signature for operator {sign} for argument type {ty}");
        Diagnostic::invalid(at, message)
    })
}
