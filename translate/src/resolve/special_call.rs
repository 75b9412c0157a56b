//! Calls that have a syntax of their own: EXTRACT, CEIL, SUBSTRING, GROUPING …

use sqlparser::ast::{self, FunctionArg, Spanned};

use super::{
    Resolver,
    call::{declared, finish_call},
    scope::Place,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::{self, DatePart},
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

impl Resolver<'_> {
    /// `CURRENT_TIMESTAMP`
    pub(super) fn call_without_parentheses(
        &mut self,
        name: &ast::Ident,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(name.span.start);
        match functions::named(&name.value) {
            Some(function) => finish_call(function, Vec::new(), at),
            None => self.name(std::slice::from_ref(name), place),
        }
    }

    /// Calls that have a syntax of their own.
    pub(super) fn special_call(
        &mut self,
        expr: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        use ast::Expr as E;
        let at = Position::from(expr.span().start);
        let (name, args): (&str, Vec<&ast::Expr>) = match expr {
            E::Extract { field, expr, .. } => {
                let field = field.to_string();
                let part = DatePart::named(&field).ok_or_else(|| {
                    let message = format!("A valid date part name is required but found {field}");
                    Diagnostic::invalid(at, message)
                })?;
                let part = Expr::new(ExprKind::DatePart(part), Type::DatePart, at);
                let args = match expr.as_ref() {
                    E::AtTimeZone { timestamp, time_zone } => {
                        vec![part, self.expr(timestamp, place)?, self.expr(time_zone, place)?]
                    }
                    expr => vec![part, self.expr(expr, place)?],
                };
                if let Some(Literal::String(_)) = args.get(1).and_then(Expr::as_literal) {
                    let message = "EXTRACT does not support literal STRING arguments";
                    return Err(Diagnostic::invalid(at, message));
                }
                return finish_call(declared("EXTRACT", at)?, args, at);
            }
            E::Ceil {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => ("CEIL", vec![expr]),
            E::Floor {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => ("FLOOR", vec![expr]),
            E::Substring { expr, substring_from: Some(from), substring_for, .. } => (
                "SUBSTR",
                [expr, from].into_iter().chain(substring_for).map(AsRef::as_ref).collect(),
            ),
            E::Trim { trim_where: None, trim_what: None, expr, trim_characters } => (
                "TRIM",
                std::iter::once(expr.as_ref()).chain(trim_characters.iter().flatten()).collect(),
            ),
            _ => return Err(Diagnostic::unsupported(at, "this form of call")),
        };
        let args =
            args.into_iter().map(|arg| self.expr(arg, place)).collect::<Result<Vec<_>, _>>()?;
        finish_call(declared(name, at)?, args, at)
    }

    /// `GROUPING(x)`
    pub(super) fn grouping(
        &mut self,
        list: &[FunctionArg],
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        if let Some(clause) = place.no_aggregates {
            let message = format!("Aggregate function GROUPING not allowed in {clause}");
            return Err(Diagnostic::invalid(at, message));
        }
        let [key] = list else {
            return Err(Diagnostic::invalid(at, "GROUPING takes exactly one key of GROUP BY"));
        };
        let key = self.argument(key, place.inside_aggregate())?;
        Ok(Expr::new(ExprKind::Grouping(Box::new(key)), Type::Int64, at))
    }
}
