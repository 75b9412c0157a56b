//! Comparisons of FLOAT64: in BigQuery NaN is not equal to itself, and has no order.

use super::expression::lower;
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Comparison, Expr, ExprKind, Literal},
    types::Type,
};

/// Whether a value may be NaN. Values inside events are taken not to be: JSON has no NaN.
pub(super) fn can_be_nan(expr: &Expr) -> bool {
    if expr.ty != Type::Float64 {
        return false;
    }
    match &expr.kind {
        ExprKind::Literal(Literal::Float64(number, _)) => number.is_nan(),
        ExprKind::Literal(_) | ExprKind::Field { .. } => false,
        // A declared column is text where it is NaN.
        ExprKind::Read(inner) => matches!(inner.kind, ExprKind::Field { .. }),
        ExprKind::Cast { expr, .. } => !expr.ty.is_number() || can_be_nan(expr),
        ExprKind::Negate(inner) => can_be_nan(inner),
        ExprKind::Case { branches, otherwise } => {
            branches.iter().any(|(_, value)| can_be_nan(value)) || can_be_nan(otherwise)
        }
        ExprKind::Arithmetic { left, right, .. } => can_be_nan(left) || can_be_nan(right),
        _ => true,
    }
}

/// The comparison, where PostgreSQL's own would not do.
pub(super) fn compare(
    operator: Comparison,
    left: &Expr,
    right: &Expr,
) -> Result<Option<Pg>, Diagnostic> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let nan = (can_be_nan(left), can_be_nan(right));
    // PostgreSQL takes NaN for the greatest number, and for equal to itself.
    let (template, swapped) = match (operator, nan) {
        (Equal, (true, true)) => ("logweir.float_equal($1, $2)", false),
        (NotEqual, (true, true)) => ("NOT logweir.float_equal($1, $2)", false),
        (Less, (_, true)) => ("logweir.float_less($1, $2)", false),
        (LessOrEqual, (_, true)) => ("logweir.float_less_or_equal($1, $2)", false),
        (Greater, (true, _)) => ("logweir.float_less($1, $2)", true),
        (GreaterOrEqual, (true, _)) => ("logweir.float_less_or_equal($1, $2)", true),
        _ => return Ok(None),
    };
    let (left, right) = (lower(left)?, lower(right)?);
    let operands = if swapped { vec![right, left] } else { vec![left, right] };
    Ok(Some(Pg::template(template, operands)))
}
