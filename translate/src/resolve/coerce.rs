//! Conversions that happen without being written, and comparisons, which need them.

use super::{
    supertype::{self, common_type, number_of_any_size},
    time_literal, typed_literal,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Body, Comparison, Expr, ExprKind, Literal, Query},
    types::{StructField, Type},
};

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
        // A column of NULLs, or a call of ERROR, which has no type of its own.
        (Type::Null, _) => Some(cast(expr, ty)),
        (from, to) if from.is_number() && to.is_number() => number(expr, ty),
        (Type::Date, Type::Datetime) => Some(cast(expr, ty)),
        (Type::String, Type::Timestamp | Type::Datetime | Type::Date | Type::Time) => {
            match expr.as_literal() {
                Some(Literal::String(text)) => {
                    time_literal::parse(text, ty).map(|time| Expr::literal(time, at))
                }
                _ => None,
            }
        }
        (Type::Struct(_), Type::Struct(fields)) => structure(expr, fields),
        (Type::Array(_), Type::Dynamic | Type::Object(_) | Type::List(_))
            if is_empty_array(&expr) =>
        {
            let literal = Expr::literal(Literal::Json("[]".to_owned()), at);
            Some(Expr { ty: ty.clone(), ..literal })
        }
        (Type::Array(_), Type::Array(element)) => match expr.kind {
            ExprKind::Array(elements) => {
                let elements = elements.into_iter().map(|value| self::to(value, element));
                let elements = elements.collect::<Option<Vec<_>>>()?;
                Some(Expr::new(ExprKind::Array(elements), ty.clone(), at))
            }
            _ => None,
        },
        (from, Type::Dynamic | Type::Json) if from.is_event_value() => {
            Some(Expr { ty: ty.clone(), ..expr })
        }
        (Type::Dynamic | Type::List(_), Type::Array(_)) => Some(read_as(expr, ty)),
        (Type::Dynamic, to) if !matches!(to, Type::Struct(_) | Type::DatePart | Type::Sketch) => {
            Some(read_as(expr, ty))
        }
        // An alias of a field keeps being one: it can be read as text whatever it was declared.
        (from, Type::String) if is_field(&expr) && !from.is_event_value() => {
            Some(read_as(expr, ty))
        }
        _ => None,
    }
}

/// A number of a higher rank; of literals, one with a fraction is a NUMERIC too.
fn number(expr: Expr, ty: &Type) -> Option<Expr> {
    let at = expr.at;
    match (expr.as_literal(), ty) {
        #[expect(clippy::cast_precision_loss, reason = "what BigQuery does")]
        (Some(Literal::Int64(number)), Type::Float64) => {
            Some(Expr::literal(Literal::Float64(*number as f64, None), at))
        }
        (Some(Literal::Int64(number)), _) => {
            let literal = Literal::Numeric(number.to_string());
            Some(Expr { ty: ty.clone(), ..Expr::literal(literal, at) })
        }
        (Some(Literal::Float64(number, written)), Type::Numeric | Type::BigNumeric) => {
            let (decimals, whole) = if *ty == Type::Numeric { (9, 29) } else { (38, 39) };
            let digits = written.clone().unwrap_or_else(|| format!("{number:?}"));
            let digits = typed_literal::rounded_decimal(&digits, decimals, whole)?;
            Some(Expr { ty: ty.clone(), ..Expr::literal(Literal::Numeric(digits), at) })
        }
        _ => (expr.ty.number_rank() < ty.number_rank()).then(|| cast(expr, ty)),
    }
}

/// A STRUCT with fields of other types, or other names.
fn structure(expr: Expr, fields: &[StructField]) -> Option<Expr> {
    let Type::Struct(from) = &expr.ty else { return None };
    if from.len() != fields.len() {
        return None;
    }
    let (at, ty) = (expr.at, Type::Struct(fields.to_vec()));
    if let ExprKind::Struct(values) = expr.kind {
        let values = values.into_iter().zip(fields).map(|(value, field)| to(value, &field.ty));
        return Some(Expr::new(ExprKind::Struct(values.collect::<Option<_>>()?), ty, at));
    }
    let widens = |(from, field): (&StructField, &StructField)| {
        common_type([&from.ty, &field.ty]).as_ref() == Some(&field.ty)
    };
    let fits = from.iter().zip(fields).all(widens);
    fits.then(|| cast(expr, &ty))
}

fn cast(expr: Expr, ty: &Type) -> Expr {
    let at = expr.at;
    Expr::new(ExprKind::Cast { expr: Box::new(expr), safe: false }, ty.clone(), at)
}

/// Reads a value inside an event as another type.
fn read_as(expr: Expr, ty: &Type) -> Expr {
    let at = expr.at;
    match expr.kind {
        ExprKind::Field { .. } => Expr { ty: ty.clone(), ..expr },
        _ => Expr::new(ExprKind::Read(Box::new(expr)), ty.clone(), at),
    }
}

fn is_empty_array(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Array(elements) if elements.is_empty())
}

fn is_field(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Field { .. })
}

/// Converts all to their common type; the error lists the types.
pub(super) fn to_common(exprs: Vec<Expr>) -> Result<(Vec<Expr>, Type), String> {
    let list = || exprs.iter().map(|expr| expr.ty.to_string()).collect::<Vec<_>>().join(", ");
    let Some(common) = supertype::of_values(&exprs) else { return Err(list()) };
    let types = list();
    let converted: Option<Vec<Expr>> = exprs.into_iter().map(|expr| to(expr, &common)).collect();
    Ok((converted.ok_or(types)?, common))
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
    if let Some(side) = [&left, &right].into_iter().find(|side| side.ty.has_sketch()) {
        return Err(Diagnostic::closed_sketch(side.at));
    }
    let (left_type, right_type) = (left.ty.clone(), right.ty.clone());
    let no_match = || {
        let sign = operator.sign();
        let mut message = format!(
            "No matching signature for operator {sign} for argument types: {left_type}, {right_type}\n  Signature: T1 {sign} T1"
        );
        if left_type != right_type {
            let mut types = [left_type.to_string(), right_type.to_string()];
            types.sort_unstable();
            message.push_str(&format!(
                "\n    Unable to find common supertype for templated argument <T1>\n      Input types for <T1>: {{{}}}",
                types.join(", ")
            ));
        }
        Diagnostic::invalid(at, message)
    };
    let (left, right) = sides(left, right)?.ok_or_else(no_match)?;
    let defined = if operator.orders() { left.ty.is_ordered() } else { left.ty.is_comparable() };
    if !defined {
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
    if let Ok((mut both, ty)) = to_common(vec![left.clone(), right.clone()]) {
        let ty = if ty == Type::Null { Type::Int64 } else { ty };
        let (right, left) = (both.pop(), both.pop());
        return Ok(left.and_then(|left| to(left, &ty)).zip(right.and_then(|right| to(right, &ty))));
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
        (
            Some(Literal::String(text)),
            Type::Timestamp | Type::Datetime | Type::Date | Type::Time,
        ) => match time_literal::parse(text, &other.ty) {
            Some(time) => Ok(Some(Expr::literal(time, literal.at))),
            None => Err(Diagnostic::invalid(
                literal.at,
                format!("Could not cast literal \"{text}\" to type {}", other.ty),
            )),
        },
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
    let common = supertype::of_values(std::iter::once(&value).chain(&list));
    let Some(common) = common.filter(|ty| ty.is_comparable() && !matches!(ty, Type::Struct(_)))
    else {
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
