//! Calls: a declared function, the overload that fits, its arguments converted.

use sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Spanned,
};

use super::{
    Resolver,
    overload::{best_overload, check_sketches, convert, no_match},
    query::sort_key,
    scope::Place,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::{self, DatePart, Safe},
    tree::{Aggregate, Expr, ExprKind, Literal},
    types::Type,
};

/// What follows the arguments inside a call's parentheses.
#[derive(Default)]
struct Clauses<'a> {
    distinct: bool,
    order_by: &'a [ast::OrderByExpr],
    limit: Option<&'a ast::Expr>,
    ignore_nulls: Option<bool>,
    /// `HAVING MAX x`
    having: Option<&'a ast::HavingBound>,
}

impl Resolver<'_> {
    pub(super) fn call(
        &mut self,
        call: &ast::Function,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(call.name.span().start);
        let full = function_name(&call.name);
        let (safe, name) = match full.split_once('.') {
            Some((prefix, name)) if prefix.eq_ignore_ascii_case("SAFE") => (true, name),
            _ => (false, full.as_str()),
        };
        if call.filter.is_some() || !call.within_group.is_empty() {
            return Err(Diagnostic::unsupported(at, "this clause of a call"));
        }
        let list = match &call.args {
            FunctionArguments::None => &Vec::new(),
            FunctionArguments::List(list) => &list.args,
            FunctionArguments::Subquery(query) if name.eq_ignore_ascii_case("ARRAY") => {
                return self.array_query(query, place, at);
            }
            FunctionArguments::Subquery(_) => {
                return Err(Diagnostic::unsupported(at, format!("{name} of a subquery")));
            }
        };
        let mut clauses = clauses(&call.args)?;
        if let Some(treatment) = &call.null_treatment {
            clauses.ignore_nulls = Some(*treatment == ast::NullTreatment::IgnoreNulls);
        }
        clauses.ignore_nulls = clauses.ignore_nulls.or_else(|| treatment_after(list.last()?));
        if let Some(ast::HavingBound(kind, bound)) = clauses.having {
            let name = match kind {
                _ if !name.eq_ignore_ascii_case("ANY_VALUE") || call.over.is_some() => {
                    return Err(Diagnostic::unsupported(at, format!("HAVING in {name}")));
                }
                ast::HavingBoundKind::Max => "MAX_BY",
                ast::HavingBoundKind::Min => "MIN_BY",
            };
            let function =
                functions::aggregate_named(name).ok_or_else(|| unknown_function(name, at))?;
            let mut list = list.clone();
            list.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(bound.clone())));
            return self.aggregate(function, &list, &clauses, None, place, at);
        }
        if let Some(function) = functions::window_named(name) {
            return self.window_function(function, list, &clauses, call.over.as_ref(), place, at);
        }
        if let Some(ast::HavingBound(bound, key)) = clauses.having.take() {
            // `ANY_VALUE(x HAVING MAX y)` is MAX_BY(x, y).
            let best = match bound {
                ast::HavingBoundKind::Max => "MAX_BY",
                ast::HavingBoundKind::Min => "MIN_BY",
            };
            let function = functions::aggregate_named(best)
                .filter(|_| name.eq_ignore_ascii_case("ANY_VALUE") && !safe);
            let Some(function) = function else {
                let what = format!("HAVING MAX or MIN in {name}");
                return Err(Diagnostic::unsupported(at, what));
            };
            let mut list = list.clone();
            list.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(key.clone())));
            return self.aggregate(function, &list, &clauses, call.over.as_ref(), place, at);
        }
        if let Some(function) = functions::aggregate_named(name) {
            if safe {
                return Err(Diagnostic::unsupported(at, format!("SAFE.{}", function.name)));
            }
            return self.aggregate(function, list, &clauses, call.over.as_ref(), place, at);
        }
        if name.eq_ignore_ascii_case("GROUPING") {
            return self.grouping(list, place, at);
        }
        let Some(function) = functions::named(name) else {
            return Err(unknown_function(name, at));
        };
        if call.over.is_some() {
            let message = format!("Function {} does not support OVER", function.name);
            return Err(Diagnostic::invalid(at, message));
        }
        if clauses.distinct || !clauses.order_by.is_empty() || clauses.limit.is_some() {
            return Err(Diagnostic::invalid(
                at,
                format!("{} is not an aggregate function", function.name),
            ));
        }
        let mut args = Vec::with_capacity(list.len());
        for arg in list {
            let name = argument_name(arg)?;
            let value = match normal_form(arg).filter(|_| function.name.starts_with("NORMALIZE")) {
                Some(form) => form,
                None => self.argument(arg, place)?,
            };
            args.push((name, value));
        }
        finish_named_call(function, args, safe, at)
    }

    fn aggregate(
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

    fn window_function(
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

fn clauses(args: &FunctionArguments) -> Result<Clauses<'_>, Diagnostic> {
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
fn treatment_after(last: &FunctionArg) -> Option<bool> {
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
fn normal_form(arg: &FunctionArg) -> Option<Expr> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Identifier(word))) = arg else {
        return None;
    };
    let form = word.value.to_ascii_uppercase();
    matches!(form.as_str(), "NFC" | "NFKC" | "NFD" | "NFKD")
        .then(|| Expr::literal(Literal::String(form), word.span.start.into()))
}

pub(super) fn declared(
    name: &str,
    at: Position,
) -> Result<&'static functions::Function, Diagnostic> {
    functions::named(name).ok_or_else(|| unknown_function(name, at))
}

fn unknown_function(name: &str, at: Position) -> Diagnostic {
    Diagnostic::refused(at, format!("Function not found: {name}"))
}

/// The name before `(`: `NET.HOST`.
fn function_name(name: &ast::ObjectName) -> String {
    let parts: Vec<&str> =
        name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.as_str()).collect();
    parts.join(".")
}

/// The name in `name => value`.
fn argument_name(arg: &FunctionArg) -> Result<Option<String>, Diagnostic> {
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

/// Puts named arguments into their places.
pub(super) fn finish_named_call(
    function: &'static functions::Function,
    args: Vec<(Option<String>, Expr)>,
    safe: bool,
    at: Position,
) -> Result<Expr, Diagnostic> {
    let mut placed: Vec<Expr> = Vec::with_capacity(args.len());
    for (name, arg) in args {
        let Some(name) = name else {
            placed.push(arg);
            continue;
        };
        let place = function.overloads.iter().find_map(|overload| {
            let at = overload.names.iter().position(|known| known.eq_ignore_ascii_case(&name))?;
            Some(overload.params.len() - overload.names.len() + at)
        });
        let Some(place) = place.filter(|place| *place >= placed.len()) else {
            let message = format!(
                "Named argument {name} not found in signature for call to function {}",
                function.name
            );
            return Err(Diagnostic::invalid(arg.at, message));
        };
        // Without a place in the text, unlike a NULL that is written.
        placed.resize(place, Expr::literal(Literal::Null, Position::default()));
        placed.push(arg);
    }
    let call = finish_call(function, placed, at)?;
    if !safe {
        return Ok(call);
    }
    match call.kind {
        ExprKind::Call { overload, .. } if matches!(overload.safe, Safe::Refused) => {
            Err(Diagnostic::unsupported(at, format!("SAFE.{} of these types", function.name)))
        }
        ExprKind::Call { overload, args, .. } => {
            Ok(Expr { kind: ExprKind::Call { overload, args, safe: true }, ..call })
        }
        kind => Ok(Expr { kind, ..call }),
    }
}

/// The call of a declared function: the overload that fits, the arguments converted.
pub(super) fn finish_call(
    function: &'static functions::Function,
    args: Vec<Expr>,
    at: Position,
) -> Result<Expr, Diagnostic> {
    check_sketches(function.name, &args)?;
    let signatures = function.overloads.iter().map(|o| (o.params, o.optional, o.variadic));
    let Some(best) = best_overload(signatures, &args) else {
        return Err(no_match(function.name, &args, function.overloads, at));
    };
    let overload = &function.overloads[best];
    let (args, same) = convert(overload.params, args)
        .map_err(|args| no_match(function.name, &args, function.overloads, at))?;
    let ty = overload.returns.of(&args, same);
    Ok(Expr::new(ExprKind::Call { overload, args, safe: false }, ty, at))
}
