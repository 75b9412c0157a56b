//! Filters as conditions.

use lql::{Column, Condition, Filter, Order, Scalar, Test};
use sqlparser::ast::{BinaryOperator, Expr, InTarget};

use super::build::{self, Item, Source, Values};
use crate::diagnostic::{Diagnostic, Position};

/// What WHERE asks.
pub(super) fn condition(filter: &Filter, table: &Source<'_>, now: i64) -> Result<Expr, Diagnostic> {
    let at = Position::from(filter.at);
    let condition = match &filter.test {
        Test::Everything => build::boolean(true),
        Test::Time(test) => time(test.span(now), table, at)?,
        Test::Column(column, condition) => {
            let name = match column {
                Column::Id => "id",
                Column::EventMessage => "event_message",
            };
            let column = table.column(name, at);
            match condition {
                Condition::Missing => Expr::IsNull(Box::new(column)),
                condition => holds(condition, &Value { raw: column.clone(), text: column }, at),
            }
        }
        Test::Field(path, condition) => field(path, condition, table, at),
    };
    Ok(if filter.negated { build::not(condition) } else { condition })
}

fn time(span: lql::Span, table: &Source<'_>, at: Position) -> Result<Expr, Diagnostic> {
    let mut bounds = Vec::with_capacity(2);
    for (bound, operator) in [(span.from, BinaryOperator::GtEq), (span.before, BinaryOperator::Lt)]
    {
        if let Some(bound) = bound {
            let bound = build::timestamp(bound, at)?;
            bounds.push(build::binary(table.column("timestamp", at), operator, bound));
        }
    }
    Ok(build::all(bounds).unwrap_or_else(|| build::boolean(true)))
}

/// Whether a condition holds for one of the values at a path; NULL where it can be told of none.
/// Nearly always there is one, which is found without looking for lists.
fn field(path: &lql::Path, condition: &Condition, table: &Source<'_>, at: Position) -> Expr {
    let Values { direct, relation, each } = build::values(table, path);
    let of_values = |item: Expr| {
        let from = build::left_joined(relation, Vec::new());
        build::scalar(build::select(vec![Item::UnnamedExpr(item)], from))
    };
    let (one, all) = match condition {
        Condition::Missing => {
            let count = of_values(build::call("COUNT", vec![each], at));
            let none = build::binary(count, BinaryOperator::Eq, build::number("0"));
            (build::boolean(false), none)
        }
        condition => {
            let of = |raw: &Expr| {
                let text = build::text_of(raw.clone(), at);
                holds(condition, &Value { raw: raw.clone(), text }, at)
            };
            (of(&direct), of_values(build::call("LOGICAL_OR", vec![of(&each)], at)))
        }
    };
    build::where_scalar(direct, one, all, at)
}

/// A value, and the same as text.
struct Value {
    raw: Expr,
    text: Expr,
}

impl Value {
    /// Both sides of a comparison with a literal.
    fn beside(&self, scalar: &Scalar) -> (Expr, Expr) {
        match scalar {
            Scalar::Text(text) => (self.text.clone(), build::text(text)),
            Scalar::Bool(value) => (self.raw.clone(), build::boolean(*value)),
            Scalar::Int64(number) => (self.raw.clone(), build::number(&number.to_string())),
            Scalar::Float64(digits) => {
                // So that many digits are no INT64 that is too long.
                let real = digits.contains(['.', 'e', 'E']);
                let end = if real { "" } else { "e0" };
                (self.raw.clone(), build::number(&format!("{digits}{end}")))
            }
        }
    }

    fn compared(&self, operator: BinaryOperator, scalar: &Scalar) -> Expr {
        let (value, literal) = self.beside(scalar);
        build::binary(value, operator, literal)
    }
}

fn holds(condition: &Condition, value: &Value, at: Position) -> Expr {
    match condition {
        Condition::Missing => Expr::IsNull(Box::new(value.raw.clone())),
        Condition::Equal(scalar) => value.compared(BinaryOperator::Eq, scalar),
        Condition::Compare(order, scalar) => {
            let operator = match order {
                Order::Greater => BinaryOperator::Gt,
                Order::GreaterOrEqual => BinaryOperator::GtEq,
                Order::Less => BinaryOperator::Lt,
                Order::LessOrEqual => BinaryOperator::LtEq,
            };
            value.compared(operator, scalar)
        }
        Condition::Between(low, high) => {
            let low = value.compared(BinaryOperator::GtEq, low);
            build::binary(low, BinaryOperator::And, value.compared(BinaryOperator::LtEq, high))
        }
        Condition::OneOf(texts) => Expr::In {
            expr: Box::new(value.text.clone()),
            target: InTarget::List(texts.iter().map(|text| build::text(text)).collect()),
            negated: false,
            global: false,
        },
        Condition::Contains(part) => {
            let place = build::call("STRPOS", vec![value.text.clone(), build::text(part)], at);
            build::binary(place, BinaryOperator::Gt, build::number("0"))
        }
        Condition::Pattern(pattern) => {
            let pattern = build::text(pattern.as_str());
            build::call("REGEXP_CONTAINS", vec![value.text.clone(), pattern], at)
        }
    }
}
