//! Arguments of calls.

use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned};

use super::{Resolver, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::DatePart,
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

impl Resolver<'_> {
    /// An argument; a bare word may be the name of a date part.
    pub(super) fn argument(
        &mut self,
        arg: &FunctionArg,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let expr = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => expr,
            FunctionArg::Unnamed(_) => {
                return Err(Diagnostic::invalid(
                    Position::default(),
                    "A call takes * only in COUNT(*)",
                ));
            }
            FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
            | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. } => expr,
            FunctionArg::Named { name, .. } => {
                return Err(Diagnostic::invalid(
                    name.span.start.into(),
                    "Syntax error: a value is expected",
                ));
            }
            FunctionArg::ExprNamed { name, .. } => {
                return Err(Diagnostic::invalid(
                    name.span().start.into(),
                    "Syntax error: a value is expected",
                ));
            }
        };
        let at = Position::from(expr.span().start);
        match self.expr(expr, place) {
            Ok(value) => Ok(match date_part(expr) {
                // A field may be called `minute`, or found by that name in an open object.
                Some(part) if value.ty == Type::Dynamic => {
                    Expr::new(ExprKind::DatePart(part), Type::DatePart, at)
                }
                _ => value,
            }),
            Err(error) => match date_part(expr) {
                Some(part) => Ok(Expr::new(ExprKind::DatePart(part), Type::DatePart, at)),
                None => Err(error),
            },
        }
    }
}

/// `MINUTE`, `WEEK(MONDAY)`
fn date_part(expr: &ast::Expr) -> Option<DatePart> {
    match expr {
        ast::Expr::Identifier(name) if name.quote_style.is_none() => DatePart::named(&name.value),
        ast::Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("WEEK") => {
            match &call.args {
                FunctionArguments::List(list) => match list.args.as_slice() {
                    [FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Identifier(day)))] => {
                        DatePart::week_beginning(&day.value)
                    }
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// `NFC`, as NORMALIZE takes it: its name as a literal.
pub(super) fn normal_form(arg: &FunctionArg) -> Option<Expr> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Identifier(word))) = arg else {
        return None;
    };
    let form = word.value.to_ascii_uppercase();
    matches!(form.as_str(), "NFC" | "NFKC" | "NFD" | "NFKD")
        .then(|| Expr::literal(Literal::String(form), word.span.start.into()))
}

/// The name in `name => value`.
pub(super) fn argument_name(arg: &FunctionArg) -> Result<Option<String>, Diagnostic> {
    match arg {
        FunctionArg::Unnamed(_) => Ok(None),
        FunctionArg::Named { name, .. } => Ok(Some(name.value.clone())),
        FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), .. } => {
            Ok(Some(name.value.clone()))
        }
        FunctionArg::ExprNamed { name, .. } => Err(Diagnostic::invalid(
            name.span().start.into(),
            "Syntax error: the name of an argument is expected",
        )),
    }
}
