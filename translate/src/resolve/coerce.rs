//! Conversions that happen without being written, and comparisons, which need them.

use super::time_literal;
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Body, Comparison, Expr, ExprKind, Literal, Query},
    types::Type,
};

/// The type that all of these convert to without being asked, if there is one.
pub(super) fn common_type(types: &[Type]) -> Option<Type> {
    let mut common = Type::Null;
    for ty in types {
        common = match (common, ty) {
            (Type::Null, ty) => ty.clone(),
            (common, Type::Null) => common,
            (common, ty) if common == *ty => common,
            (Type::Int64 | Type::Float64, Type::Int64 | Type::Float64) => Type::Float64,
            (one, other) if one.is_json() && other.is_json() => Type::Dynamic,
            (Type::Dynamic, ty) if !matches!(ty, Type::Array(_)) => number_of_any_size(ty),
            (common, Type::Dynamic) if !matches!(common, Type::Array(_)) => {
                number_of_any_size(&common)
            }
            _ => return None,
        };
    }
    Some(common)
}

/// A value of unknown type that meets a whole number may well have a fraction.
fn number_of_any_size(ty: &Type) -> Type {
    if *ty == Type::Int64 { Type::Float64 } else { ty.clone() }
}

/// Converts to a type without being asked; None where that is not allowed.
pub(super) fn to(expr: Expr, ty: &Type) -> Option<Expr> {
    let at = expr.at;
    if expr.ty == *ty {
        return Some(expr);
    }
    if expr.is_null() {
        return Some(Expr::new(ExprKind::Literal(Literal::Null), ty.clone(), at));
    }
    match (&expr.ty, ty) {
        (Type::Null, _) => Some(Expr { ty: ty.clone(), ..expr }),
        (Type::Int64, Type::Float64) => Some(match expr.as_literal() {
            #[expect(clippy::cast_precision_loss, reason = "what BigQuery does")]
            Some(Literal::Int64(number)) => Expr::literal(Literal::Float64(*number as f64), at),
            _ => Expr::new(ExprKind::Cast { expr: Box::new(expr), safe: false }, Type::Float64, at),
        }),
        (Type::String, Type::Timestamp | Type::Datetime | Type::Date) => match expr.as_literal() {
            Some(Literal::String(text)) => {
                time_literal::parse(text, ty).map(|time| Expr::literal(time, at))
            }
            _ => None,
        },
        (from, Type::Dynamic) if from.is_json() => Some(Expr { ty: Type::Dynamic, ..expr }),
        (Type::Dynamic, to) if !matches!(to, Type::Array(_) | Type::Interval | Type::DatePart) => {
            Some(read_as(expr, ty))
        }
        // An alias of a field keeps being one: it can be read as text whatever it was declared.
        (from, Type::String) if is_field(&expr) && !from.is_json() => Some(read_as(expr, ty)),
        _ => None,
    }
}

/// Reads a value inside an event as another type.
fn read_as(expr: Expr, ty: &Type) -> Expr {
    let at = expr.at;
    match expr.kind {
        ExprKind::Field { .. } => Expr { ty: ty.clone(), ..expr },
        _ => Expr::new(ExprKind::Read(Box::new(expr)), ty.clone(), at),
    }
}

fn is_field(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Field { .. })
}

/// Converts all to their common type; the error lists the types.
pub(super) fn to_common(exprs: Vec<Expr>) -> Result<(Vec<Expr>, Type), String> {
    let types: Vec<Type> = exprs.iter().map(|expr| expr.ty.clone()).collect();
    let list = || types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let common = common_type(&types).or_else(|| {
        // A literal's text becomes a time where the others are times.
        let others =
            exprs.iter().filter(|expr| !matches!(expr.as_literal(), Some(Literal::String(_))));
        common_type(&others.map(|expr| expr.ty.clone()).collect::<Vec<_>>())
    });
    let Some(common) = common else { return Err(list()) };
    let converted: Option<Vec<Expr>> = exprs.into_iter().map(|expr| to(expr, &common)).collect();
    Ok((converted.ok_or_else(list)?, common))
}

/// Converts a query's output column.
pub(super) fn column(query: &mut Query, place: usize, ty: &Type) -> Result<(), Diagnostic> {
    if query.columns[place].ty == *ty {
        return Ok(());
    }
    match &mut query.body {
        Body::Select(select) => {
            let item = select.items[place].clone();
            let (from, at) = (item.ty.clone(), item.at);
            select.items[place] = to(item, ty).ok_or_else(|| {
                Diagnostic::invalid(at, format!("{from} does not convert to {ty}"))
            })?;
        }
        Body::SetOperation { left, right, .. } => {
            column(left, place, ty)?;
            column(right, place, ty)?;
        }
    }
    query.columns[place].ty = ty.clone();
    Ok(())
}

/// A comparison, its sides converted to a type that both have.
pub(super) fn comparison(
    operator: Comparison,
    left: Expr,
    right: Expr,
    at: Position,
) -> Result<Expr, Diagnostic> {
    let (left_type, right_type) = (left.ty.clone(), right.ty.clone());
    let no_match = || {
        Diagnostic::invalid(
            at,
            format!(
                "No matching signature for operator {} for argument types: {left_type}, {right_type}",
                operator.sign()
            ),
        )
    };
    let (left, right) = sides(left, right)?.ok_or_else(no_match)?;
    if !left.ty.is_comparable() {
        return Err(no_match());
    }
    Ok(Expr::new(
        ExprKind::Compare { operator, left: Box::new(left), right: Box::new(right) },
        Type::Bool,
        at,
    ))
}

/// Both sides in one type; None where there is none.
fn sides(left: Expr, right: Expr) -> Result<Option<(Expr, Expr)>, Diagnostic> {
    if let Some(ty) = common_type(&[left.ty.clone(), right.ty.clone()]) {
        let ty = if ty == Type::Null { Type::Int64 } else { ty };
        return Ok(to(left, &ty).zip(to(right, &ty)));
    }
    if left.is_null() || right.is_null() {
        let ty = if left.is_null() { right.ty.clone() } else { left.ty.clone() };
        return Ok(to(left, &ty).zip(to(right, &ty)));
    }
    if let Some(right) = literal_for(&left, &right)? {
        return Ok(Some((left, right)));
    }
    if let Some(left) = literal_for(&right, &left)? {
        return Ok(Some((left, right)));
    }
    // What is declared of a field is what Studio expects; an event may hold something else. So a
    // field is read as the type that it is compared with.
    if is_field(&left) && is_scalar(&right.ty) {
        let ty = number_of_any_size(&right.ty);
        let left = read_as(left, &ty);
        return Ok(to(right, &ty).map(|right| (left, right)));
    }
    if is_field(&right) && is_scalar(&left.ty) {
        let ty = number_of_any_size(&left.ty);
        let right = read_as(right, &ty);
        return Ok(to(left, &ty).map(|left| (left, right)));
    }
    Ok(None)
}

fn is_scalar(ty: &Type) -> bool {
    ty.is_comparable() && *ty != Type::Null
}

/// A literal that BigQuery converts because of what it is compared with: text to a time, and
/// (Studio pages with it) a number of microseconds to a TIMESTAMP.
fn literal_for(other: &Expr, literal: &Expr) -> Result<Option<Expr>, Diagnostic> {
    match (literal.as_literal(), &other.ty) {
        (Some(Literal::String(text)), Type::Timestamp | Type::Datetime | Type::Date) => {
            match time_literal::parse(text, &other.ty) {
                Some(time) => Ok(Some(Expr::literal(time, literal.at))),
                None => Err(Diagnostic::invalid(
                    literal.at,
                    format!("Could not cast literal \"{text}\" to type {}", other.ty),
                )),
            }
        }
        (Some(Literal::Int64(microseconds)), Type::Timestamp) => {
            Ok(Some(Expr::literal(Literal::Timestamp(*microseconds), literal.at)))
        }
        _ => Ok(None),
    }
}

/// `value IN (list)`
pub(super) fn membership(
    value: Expr,
    list: Vec<Expr>,
    negated: bool,
    at: Position,
) -> Result<Expr, Diagnostic> {
    let mut types = vec![value.ty.clone()];
    types.extend(list.iter().map(|item| item.ty.clone()));
    let Some(common) = common_type(&types).filter(Type::is_comparable) else {
        // Items of several kinds: each is compared on its own.
        let tests = list
            .into_iter()
            .map(|item| comparison(Comparison::Equal, value.clone(), item, at))
            .collect::<Result<Vec<_>, _>>()?;
        let any = Expr::new(ExprKind::Or(tests), Type::Bool, at);
        return Ok(if negated {
            Expr::new(ExprKind::Not(Box::new(any)), Type::Bool, at)
        } else {
            any
        });
    };
    let convert = |expr: Expr| {
        let (from, at) = (expr.ty.clone(), expr.at);
        to(expr, &common).ok_or_else(|| Diagnostic::internal(at, format!("{from} is not {common}")))
    };
    let expr = Box::new(convert(value)?);
    let list = list.into_iter().map(convert).collect::<Result<Vec<_>, _>>()?;
    Ok(Expr::new(ExprKind::In { expr, list, negated }, Type::Bool, at))
}
