//! What LQL asks of values inside events, for which SQL has no words.

use sqlparser::ast;

use super::{
    Resolver, names,
    scope::{Place, Shape},
};
use crate::{
    diagnostic::{Diagnostic, Position},
    from_lql,
    functions::{LQL_TEXT, LQL_VALUE, Overload},
    tree::{Expr, ExprKind},
    types::Type,
};

impl Resolver<'_> {
    /// A call that LQL's front end has made, None of others.
    pub(super) fn lql_call(
        &mut self,
        name: &str,
        list: &[ast::FunctionArg],
        place: Place<'_>,
        at: Position,
    ) -> Result<Option<Expr>, Diagnostic> {
        let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg))] = list else {
            return Ok(None);
        };
        match name {
            from_lql::VALUE => self.as_it_came(arg, place, at).map(Some),
            from_lql::TEXT => {
                let value = self.expr(arg, place)?;
                Ok(Some(call(&LQL_TEXT, value, Type::String, at)))
            }
            _ => Ok(None),
        }
    }

    /// A column of a table as a value inside an event: JSON, whatever is declared of it.
    fn as_it_came(
        &mut self,
        column: &ast::Expr,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        if let ast::Expr::CompoundIdentifier(parts) = column
            && let [table, name] = parts.as_slice()
        {
            let mut scope = Some(place.scope);
            while let Some(here) = scope {
                let named = |relation: &&super::scope::Relation| relation.alias == table.value;
                if let Some(relation) = here.relations.iter().find(named)
                    && matches!(relation.shape, Shape::Events(_))
                {
                    return Ok(names::stored_field(relation, &name.value, at));
                }
                scope = here.parent;
            }
        }
        let value = self.expr(column, place)?;
        Ok(if value.ty.is_event_value() {
            Expr { ty: Type::Dynamic, ..value }
        } else {
            call(&LQL_VALUE, value, Type::Dynamic, at)
        })
    }
}

fn call(overload: &'static Overload, arg: Expr, ty: Type, at: Position) -> Expr {
    Expr::new(ExprKind::Call { overload, args: vec![arg], safe: false }, ty, at)
}
