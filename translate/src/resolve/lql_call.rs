//! What LQL asks of values inside events, for which SQL has no words.

use sqlparser::ast;

use super::{
    Resolver, names,
    scope::{Place, Shape},
};
use crate::{
    diagnostic::{Diagnostic, Position},
    from_lql,
    functions::{LQL_IS_SCALAR, LQL_TEXT, LQL_VALUE, LQL_VALUES, Overload},
    tree::{Expr, ExprKind},
    types::Type,
};

impl Resolver<'_> {
    /// A call that LQL's front end has made, None of others. SQL cannot hold such names without
    /// quotes.
    pub(super) fn lql_call(
        &mut self,
        name: &ast::ObjectName,
        list: &[ast::FunctionArg],
        place: Place<'_>,
        at: Position,
    ) -> Result<Option<Expr>, Diagnostic> {
        let [part] = name.0.as_slice() else { return Ok(None) };
        let Some(name) = part.as_ident().filter(|name| name.quote_style.is_none()) else {
            return Ok(None);
        };
        let (overload, ty) = match name.value.as_str() {
            from_lql::VALUE => {
                let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(column))] = list else {
                    return Err(Diagnostic::internal(at, "a column of LQL's was lost"));
                };
                return self.as_it_came(column, place, at).map(Some);
            }
            from_lql::VALUES => (&LQL_VALUES, Type::Dynamic),
            from_lql::IS_SCALAR => (&LQL_IS_SCALAR, Type::Bool),
            from_lql::TEXT => (&LQL_TEXT, Type::String),
            _ => return Ok(None),
        };
        let args = list.iter().map(|arg| self.argument(arg, place)).collect::<Result<_, _>>()?;
        Ok(Some(call(overload, args, ty, at)))
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
            call(&LQL_VALUE, vec![value], Type::Dynamic, at)
        })
    }
}

fn call(overload: &'static Overload, args: Vec<Expr>, ty: Type, at: Position) -> Expr {
    Expr::new(ExprKind::Call { overload, args, safe: false }, ty, at)
}
