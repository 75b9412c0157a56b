//! Calls over many rows: aggregate and window functions, and the clauses among their arguments.

use sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
};

use super::{
    Resolver,
    call::unknown_function,
    overload::{best_overload, check_sketches, convert, no_match},
    query::sort_key,
    scope::Place,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions,
    tree::{Aggregate, Expr, ExprKind, Literal},
    types::Type,
};

/// What follows the arguments inside a call's parentheses.
#[derive(Default)]
pub(super) struct Clauses<'a> {
    pub(super) distinct: bool,
    pub(super) order_by: &'a [ast::OrderByExpr],
    pub(super) limit: Option<&'a ast::Expr>,
    pub(super) ignore_nulls: Option<bool>,
    /// `HAVING MAX x`
    pub(super) having: Option<&'a ast::HavingBound>,
}

impl Resolver<'_> {
    /// `ANY_VALUE(x HAVING MAX y)` is `MAX_BY(x, y)`.
    pub(super) fn any_value_having(
        &mut self,
        ast::HavingBound(bound, key): &ast::HavingBound,
        list: &[FunctionArg],
        clauses: &Clauses<'_>,
        over: Option<&ast::WindowType>,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let name = match bound {
            ast::HavingBoundKind::Max => "MAX_BY",
            ast::HavingBoundKind::Min => "MIN_BY",
        };
        let function =
            functions::aggregate_named(name).ok_or_else(|| unknown_function(name, at))?;
        let mut list = list.to_vec();
        list.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(key.clone())));
        self.aggregate(function, &list, clauses, over, place, at)
    }

    pub(super) fn aggregate(
        &mut self,
        function: &'static functions::AggregateFunction,
        list: &[FunctionArg],
        clauses: &Clauses<'_>,
        over: Option<&ast::WindowType>,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let what = format!("Aggregate function {}", function.name);
        let inside = if over.is_some() { place } else { place.inside_aggregate() };
        if over.is_none()
            && let Some(clause) = place.no_aggregates
        {
            return Err(Diagnostic::invalid(at, format!("{what} not allowed in {clause}")));
        }
        let star = matches!(list, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let counts_rows = star && function.name == "COUNT" && !clauses.distinct;
        if star && !counts_rows {
            return Err(Diagnostic::invalid(at, "Argument * can only be used in COUNT(*)"));
        }
        if !function.ordered && (!clauses.order_by.is_empty() || clauses.limit.is_some()) {
            return Err(Diagnostic::invalid(at, format!("{what} does not support ORDER BY")));
        }
        if !function.nulls && clauses.ignore_nulls.is_some() {
            let message = format!("{what} does not support IGNORE NULLS or RESPECT NULLS");
            return Err(Diagnostic::invalid(at, message));
        }
        let list = if star { &[][..] } else { list };
        let (aggregate, ty) =
            self.many_rows(function.name, function.overloads, list, clauses, inside, at)?;
        if !counts_rows && aggregate.args.is_empty() {
            return Err(no_match(function.name, &[], &[], at));
        }
        match over {
            None => Ok(Expr::new(ExprKind::Aggregate(Box::new(aggregate)), ty, at)),
            Some(over) => self.windowed(aggregate, ty, over, place, at),
        }
    }

    pub(super) fn window_function(
        &mut self,
        function: &'static functions::WindowFunction,
        list: &[FunctionArg],
        clauses: &Clauses<'_>,
        over: Option<&ast::WindowType>,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let name = function.name;
        let Some(over) = over else {
            let message =
                format!("Analytic function {name} cannot be called without an OVER clause");
            return Err(Diagnostic::invalid(at, message));
        };
        if clauses.distinct || !clauses.order_by.is_empty() || clauses.limit.is_some() {
            let message = format!("Analytic function {name} does not support this clause");
            return Err(Diagnostic::invalid(at, message));
        }
        if !function.nulls && clauses.ignore_nulls.is_some() {
            let message =
                format!("Analytic function {name} does not support IGNORE NULLS or RESPECT NULLS");
            return Err(Diagnostic::invalid(at, message));
        }
        let (aggregate, ty) = self.many_rows(name, function.overloads, list, clauses, place, at)?;
        let call = self.windowed(aggregate, ty, over, place, at)?;
        if let ExprKind::Window(_, window) = &call.kind {
            let wrong = if window.order_by.is_empty() && function.needs_order {
                Some("must have an ORDER BY clause")
            } else if !window.order_by.is_empty() && !function.takes_order {
                Some("cannot have an ORDER BY clause")
            } else if window.frame.is_some() && !function.framed {
                Some("cannot have a window frame")
            } else {
                None
            };
            if let Some(wrong) = wrong {
                let message = format!("Window of analytic function {name} {wrong}");
                return Err(Diagnostic::invalid(at, message));
            }
        }
        Ok(call)
    }

    /// The call of an aggregate or window function, and its type.
    fn many_rows(
        &mut self,
        name: &str,
        overloads: &'static [functions::AggregateOverload],
        list: &[FunctionArg],
        clauses: &Clauses<'_>,
        place: Place<'_>,
        at: Position,
    ) -> Result<(Aggregate, Type), Diagnostic> {
        let args =
            list.iter().map(|arg| self.argument(arg, place)).collect::<Result<Vec<_>, _>>()?;
        check_sketches(name, &args)?;
        let args = if name == "PERCENTILE_CONT" { with_float_part(args) } else { args };
        let best = best_overload(overloads.iter().map(|o| (o.params, o.optional, false)), &args);
        let Some(best) = best else { return Err(no_match(name, &args, &[], at)) };
        let overload = &overloads[best];
        let (args, same) =
            convert(overload.params, args).map_err(|args| no_match(name, &args, &[], at))?;
        let ty = overload.returns.of(&args, same);
        let needs_order = clauses.distinct
            || matches!(name, "MIN" | "MAX" | "APPROX_QUANTILES" | "APPROX_TOP_COUNT");
        if let Some(arg) = args.first().filter(|arg| {
            let ordered = matches!(name, "MIN" | "MAX" | "APPROX_QUANTILES");
            needs_order && !(if ordered { arg.ty.is_ordered() } else { arg.ty.is_comparable() })
        }) {
            return Err(Diagnostic::invalid(
                arg.at,
                format!("{name} is not defined for arguments of type {}", arg.ty),
            ));
        }
        let limit = clauses.limit.map(|limit| self.count(limit, "LIMIT")).transpose()?;
        let mut order_by = Vec::new();
        for key in clauses.order_by {
            order_by.push(sort_key(self.expr(&key.expr, place)?, &key.options)?);
        }
        let aggregate = Aggregate {
            function: overload,
            args,
            distinct: clauses.distinct,
            ignore_nulls: clauses.ignore_nulls,
            order_by,
            limit,
        };
        Ok((aggregate, ty))
    }
}

/// A percentile's part that is written as a fraction makes a FLOAT64 of a NUMERIC.
fn with_float_part(mut args: Vec<Expr>) -> Vec<Expr> {
    if let Some(part) = args.get_mut(1)
        && matches!(part.as_literal(), Some(Literal::Float64(..)))
    {
        let kind = ExprKind::Cast { expr: Box::new(part.clone()), safe: false };
        *part = Expr::new(kind, Type::Float64, part.at);
    }
    args
}

/// The clauses of a call.
pub(super) fn clauses(args: &FunctionArguments) -> Result<Clauses<'_>, Diagnostic> {
    let mut found = Clauses::default();
    let FunctionArguments::List(list) = args else { return Ok(found) };
    found.distinct = list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct);
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(keys) => found.order_by = keys,
            FunctionArgumentClause::Limit(limit) => found.limit = Some(limit),
            FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => {
                found.ignore_nulls = Some(*treatment == ast::NullTreatment::IgnoreNulls);
            }
            FunctionArgumentClause::Having(bound) => found.having = Some(bound),
            other => {
                return Err(Diagnostic::unsupported(
                    Position::default(),
                    format!("{other} in a call"),
                ));
            }
        }
    }
    Ok(found)
}

/// The parser takes `IGNORE NULLS` after a call that ends the last argument for one of that call.
pub(super) fn treatment_after(last: &FunctionArg) -> Option<bool> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = last else { return None };
    let mut expr = argument;
    loop {
        expr = match expr {
            ast::Expr::Function(call) if call.over.is_none() => {
                let treatment = call.null_treatment?;
                return Some(treatment == ast::NullTreatment::IgnoreNulls);
            }
            ast::Expr::BinaryOp { right, .. } => right,
            ast::Expr::UnaryOp { expr, .. } => expr,
            _ => return None,
        };
    }
}
