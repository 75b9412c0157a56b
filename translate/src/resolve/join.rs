//! JOIN … USING: columns of both sides that become one.

use sqlparser::ast;

use super::{
    coerce,
    names::column,
    scope::{Merged, Relation, Scope},
};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    functions,
    tree::{Comparison, Expr, ExprKind, JoinKind},
    types::Type,
};

/// The condition that USING means. `sides` are the places in the scope where the join's left side
/// begins and where its right side does.
pub(super) fn using(
    names: &[ast::ObjectName],
    kind: JoinKind,
    sides: (usize, usize),
    scope: &mut Scope<'_>,
) -> Result<Expr, Diagnostic> {
    let mut conditions = Vec::with_capacity(names.len());
    let mut at = Position::default();
    for name in names {
        let Some(name) = name.0.last().and_then(|part| part.as_ident()) else { continue };
        at = Position::from(name.span.start);
        let missing = |side: &str| {
            let message = format!("Column {} in USING clause not found on {side} side", name.value);
            Diagnostic::invalid(at, message)
        };
        let before = &scope.relations[sides.0..sides.1];
        let merged = scope.merged.iter().position(|merged| {
            merged.name.eq_ignore_ascii_case(&name.value)
                && before.iter().any(|relation| merged.of.contains(&relation.relation))
        });
        let (mut of, left) = match merged {
            Some(place) => {
                let merged = scope.merged.remove(place);
                (merged.of, merged.value)
            }
            None => found(before, name, at)?.ok_or_else(|| missing("left"))?,
        };
        let (on_right, right) =
            found(&scope.relations[sides.1..], name, at)?.ok_or_else(|| missing("right"))?;
        of.extend(on_right);
        bounds::copies(&left, 2, at)?;
        conditions.push(coerce::comparison(Comparison::Equal, left.clone(), right.clone(), at)?);
        let value = match kind {
            JoinKind::Right => right,
            JoinKind::Full => either(left, right, at)?,
            _ => left,
        };
        scope.merged.push(Merged { name: name.value.clone(), value, of });
    }
    Ok(match conditions.len() {
        1 => conditions.remove(0),
        _ => Expr::new(ExprKind::And(conditions), Type::Bool, at),
    })
}

/// The column of one of the relations, and the relation's name.
fn found(
    relations: &[Relation],
    name: &ast::Ident,
    at: Position,
) -> Result<Option<(Vec<String>, Expr)>, Diagnostic> {
    let mut columns = relations.iter().filter_map(|relation| {
        Some((vec![relation.relation.clone()], column(relation, &name.value, at)?))
    });
    match (columns.next(), columns.next()) {
        (Some(_), Some(_)) => {
            let message = format!("Column {} in USING clause is ambiguous", name.value);
            Err(Diagnostic::invalid(at, message))
        }
        (found, _) => Ok(found),
    }
}

fn either(left: Expr, right: Expr, at: Position) -> Result<Expr, Diagnostic> {
    let coalesce = functions::named("COALESCE")
        .ok_or_else(|| Diagnostic::internal(at, "COALESCE is not declared"))?;
    super::call::finish_call(coalesce, vec![left, right], at)
}
