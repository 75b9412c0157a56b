//! STRUCT values.

use sqlparser::ast::{self, Spanned};

use super::{Resolver, cast, coerce, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Expr, ExprKind},
    types::{StructField, Type},
};

impl Resolver<'_> {
    /// `STRUCT(1 AS a, x)`, `STRUCT<a INT64>(1)`, `(1, 2)`
    pub(super) fn structure(
        &mut self,
        whole: &ast::Expr,
        values: &[ast::Expr],
        declared: &[ast::StructField],
        named: bool,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        if !declared.is_empty() && declared.len() != values.len() {
            let message = format!(
                "STRUCT type has {} fields but constructor call has {} fields",
                declared.len(),
                values.len()
            );
            return Err(Diagnostic::invalid(at, message));
        }
        let mut fields = Vec::with_capacity(values.len());
        let mut exprs = Vec::with_capacity(values.len());
        for (number, value) in values.iter().enumerate() {
            let (value, name) = match value {
                ast::Expr::Named { expr, name } => (expr.as_ref(), Some(name.value.clone())),
                other if named => (other, super::select::own_name(other)),
                other => (other, None),
            };
            let value = self.expr(value, place)?;
            let (value, field) = match declared.get(number) {
                None => {
                    let ty = value.ty.clone();
                    (value, StructField { name, ty })
                }
                Some(declared) => {
                    let ty = cast::named_type(&declared.field_type, at)?;
                    let from = value.ty.clone();
                    let value = coerce::to(value, &ty).ok_or_else(|| {
                        let message = format!(
                            "Struct field {} has type {from} which does not coerce to {ty}",
                            number + 1
                        );
                        Diagnostic::invalid(at, message)
                    })?;
                    let name = declared.field_name.as_ref().map(|name| name.value.clone());
                    (value, StructField { name, ty })
                }
            };
            exprs.push(value);
            fields.push(field);
        }
        Ok(Expr::new(ExprKind::Struct(exprs), Type::Struct(fields.into()), at))
    }
}

/// `value.name`, where `value` is a STRUCT with these fields.
pub(super) fn field(
    value: Expr,
    fields: &[StructField],
    name: &str,
    at: Position,
) -> Result<Expr, Diagnostic> {
    let named = |field: &StructField| {
        field.name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name))
    };
    let mut found = fields.iter().enumerate().filter(|(_, field)| named(field));
    match (found.next(), found.next()) {
        (Some((place, field)), None) => Ok(field_at(value, place, field.ty.clone(), at)),
        (Some(_), Some(_)) => {
            Err(Diagnostic::invalid(at, format!("Struct field name {name} is ambiguous")))
        }
        (None, _) => {
            let message = format!("Field name {name} does not exist in {}", value.ty);
            Err(Diagnostic::invalid(at, message))
        }
    }
}

/// The field at a place, from 0.
pub(super) fn field_at(value: Expr, place: usize, ty: Type, at: Position) -> Expr {
    match value.kind {
        // Nothing else is read of a STRUCT that was made here.
        ExprKind::Struct(mut fields) if place < fields.len() => fields.swap_remove(place),
        _ => Expr::new(ExprKind::StructField { base: Box::new(value), place }, ty, at),
    }
}
