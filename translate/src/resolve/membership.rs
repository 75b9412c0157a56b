//! IN, and LIKE with ANY, SOME and ALL.

use sqlparser::ast;

use super::{Resolver, coerce, scope::Place, supertype::common_type};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::parametrised::{LIKE_ALL, LIKE_ANY},
    tree::{Expr, ExprKind},
    types::Type,
};

impl Resolver<'_> {
    pub(super) fn is_in(
        &mut self,
        at: Position,
        value: &ast::Expr,
        target: &ast::InTarget,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let value = self.expr(value, place)?;
        match target {
            ast::InTarget::List(list) => {
                let list = self.all(list, place)?;
                coerce::membership(value, list, negated, at)
            }
            ast::InTarget::Subquery(query) => self.is_in_query(at, value, query, negated, place),
            ast::InTarget::Table { .. } => {
                Err(Diagnostic::invalid(at, "Syntax error: IN takes a list in parentheses"))
            }
            ast::InTarget::Unnest(array) => match array.as_ref() {
                ast::Expr::Array(array) => {
                    let list = self.all(&array.elem, place)?;
                    coerce::membership(value, list, negated, at)
                }
                array => {
                    let array = self.expr(array, place)?;
                    is_in_array(at, value, array, negated)
                }
            },
        }
    }

    fn is_in_query(
        &mut self,
        at: Position,
        value: Expr,
        query: &ast::Query,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let mut query = self.query(query, place.tables, Some(place.scope))?;
        let [column] = query.columns.as_slice() else {
            return Err(Diagnostic::invalid(at, "Subquery of IN must have exactly one column"));
        };
        let (left, right) = (value.ty.clone(), column.ty.clone());
        let common = common_type([&left, &right]);
        let converted = common.and_then(|ty| Some((coerce::to(value, &ty)?, ty)));
        let Some((value, ty)) = converted.filter(|(_, ty)| ty.is_comparable()) else {
            let message = format!(
                "No matching signature for operator IN for argument types {left} and {right}"
            );
            return Err(Diagnostic::invalid(at, message));
        };
        if matches!(ty, Type::Struct(_)) {
            // A field that is NULL must make the answer NULL.
            let array = Type::Array(Box::new(ty));
            let array = Expr::new(ExprKind::ArrayQuery(Box::new(query)), array, at);
            return is_in_array(at, value, array, negated);
        }
        coerce::column(&mut query, 0, &ty)?;
        let kind = ExprKind::InQuery { expr: Box::new(value), query: Box::new(query), negated };
        Ok(Expr::new(kind, Type::Bool, at))
    }

    /// `x LIKE ANY (a, b)`; ANY and SOME are satisfied by one of the patterns.
    pub(super) fn like_several(
        &mut self,
        value: &ast::Expr,
        patterns: &ast::Expr,
        any: bool,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let patterns = match patterns {
            ast::Expr::Tuple(patterns) => patterns,
            ast::Expr::Nested(array) => match array.as_ref() {
                ast::Expr::Array(array) => &array.elem,
                array => return self.like_elements(value, array, any, place, at),
            },
            _ => {
                let message = "Syntax error: ANY, SOME and ALL follow LIKE";
                return Err(Diagnostic::invalid(at, message));
            }
        };
        let mut tests = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            tests.push(self.like(value, pattern, false, false, place, at)?);
        }
        let kind = if any { ExprKind::Or(tests) } else { ExprKind::And(tests) };
        Ok(Expr::new(kind, Type::Bool, at))
    }

    /// `x LIKE ANY UNNEST(array)`
    fn like_elements(
        &mut self,
        value: &ast::Expr,
        array: &ast::Expr,
        any: bool,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let (value, array) = (self.expr(value, place)?, self.expr(array, place)?);
        let types = format!("{}, {}", value.ty, array.ty);
        let texts = Type::Array(Box::new(Type::String));
        let both = coerce::to(value, &Type::String).zip(coerce::to(array, &texts));
        let Some((value, array)) = both else {
            let message = format!("No matching signature for operator LIKE for {types}");
            return Err(Diagnostic::invalid(at, message));
        };
        let overload = if any { &LIKE_ANY } else { &LIKE_ALL };
        let kind = ExprKind::Call { overload, args: vec![value, array], safe: false };
        Ok(Expr::new(kind, Type::Bool, at))
    }

    fn all(&mut self, exprs: &[ast::Expr], place: Place<'_>) -> Result<Vec<Expr>, Diagnostic> {
        exprs.iter().map(|expr| self.expr(expr, place)).collect()
    }
}

/// `value IN UNNEST(array)`
fn is_in_array(at: Position, value: Expr, array: Expr, negated: bool) -> Result<Expr, Diagnostic> {
    let element = match &array.ty {
        Type::Array(element) => element.as_ref().clone(),
        Type::List(element) => Type::of_field(element),
        Type::Dynamic | Type::Null => value.ty.clone(),
        ty => {
            let message = format!("Second argument of IN UNNEST must be an array but was {ty}");
            return Err(Diagnostic::invalid(array.at, message));
        }
    };
    let types = format!("{} and {}", value.ty, array.ty);
    let no_match = || {
        let message =
            format!("No matching signature for operator IN UNNEST for argument types {types}");
        Diagnostic::invalid(at, message)
    };
    // Elements are not converted: PostgreSQL compares numbers of several types by itself.
    let common =
        common_type([&value.ty, &element]).filter(Type::is_comparable).ok_or_else(no_match)?;
    let to = if matches!(array.ty, Type::Array(_)) && common.is_number() {
        array.ty.clone()
    } else {
        Type::Array(Box::new(common.clone()))
    };
    let array = coerce::to(array, &to).ok_or_else(no_match)?;
    let value = coerce::to(value, &common).ok_or_else(no_match)?;
    let kind = ExprKind::InArray { expr: Box::new(value), array: Box::new(array), negated };
    Ok(Expr::new(kind, Type::Bool, at))
}
