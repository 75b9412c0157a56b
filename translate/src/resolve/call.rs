//! Calls: a declared function, the overload that fits, its arguments converted.

use sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Spanned,
};

use super::{Resolver, coerce, query::sort_key, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::{self, DatePart, Param, Returns},
    tree::{Aggregate, Expr, ExprKind},
    types::Type,
};

/// What follows the arguments inside a call's parentheses.
#[derive(Default)]
struct Clauses<'a> {
    distinct: bool,
    order_by: &'a [ast::OrderByExpr],
    limit: Option<&'a ast::Expr>,
}

impl Resolver<'_> {
    pub(super) fn call(
        &mut self,
        call: &ast::Function,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(call.name.span().start);
        let name = call.name.to_string();
        if call.over.is_some() {
            return Err(Diagnostic::unsupported(at, "a window function"));
        }
        if call.filter.is_some() || !call.within_group.is_empty() || call.null_treatment.is_some() {
            return Err(Diagnostic::unsupported(at, "this clause of a call"));
        }
        let list = match &call.args {
            FunctionArguments::None => &Vec::new(),
            FunctionArguments::List(list) => &list.args,
            FunctionArguments::Subquery(_) => {
                return Err(Diagnostic::unsupported(at, format!("{name} of a subquery")));
            }
        };
        let clauses = clauses(&call.args)?;
        if let Some(function) = functions::aggregate_function(&name) {
            return self.aggregate(function, list, &clauses, place, at);
        }
        let Some(function) = functions::function(&name) else {
            return Err(unknown_function(&name, at));
        };
        if clauses.distinct || !clauses.order_by.is_empty() || clauses.limit.is_some() {
            return Err(Diagnostic::invalid(
                at,
                format!("{} is not an aggregate function", function.name),
            ));
        }
        let args =
            list.iter().map(|arg| self.argument(arg, place)).collect::<Result<Vec<_>, _>>()?;
        self.finish_call(function, args, at)
    }

    /// `CURRENT_TIMESTAMP`
    pub(super) fn call_without_parentheses(
        &mut self,
        name: &ast::Ident,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(name.span.start);
        match functions::function(&name.value) {
            Some(function) => self.finish_call(function, Vec::new(), at),
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
                let part = DatePart::named(&field.to_string())
                    .ok_or_else(|| Diagnostic::unsupported(at, format!("EXTRACT of {field}")))?;
                let value = self.expr(expr, place)?;
                if part == DatePart::Date {
                    return self.finish_call(declared("DATE", at)?, vec![value], at);
                }
                let part = Expr::new(ExprKind::DatePart(part), Type::DatePart, at);
                return self.finish_call(declared("EXTRACT", at)?, vec![part, value], at);
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
        self.finish_call(declared(name, at)?, args, at)
    }

    fn finish_call(
        &mut self,
        function: &'static functions::Function,
        args: Vec<Expr>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let best = best_overload(
            function.overloads.iter().map(|o| (o.params, o.optional, o.variadic)),
            &args,
        );
        let Some(best) = best else { return Err(no_match(function.name, &args, at)) };
        let overload = &function.overloads[best];
        let (args, same) =
            convert(overload.params, args).map_err(|args| no_match(function.name, &args, at))?;
        Ok(Expr::new(ExprKind::Call { overload, args }, overload.returns.of(same), at))
    }

    fn aggregate(
        &mut self,
        function: &'static functions::AggregateFunction,
        list: &[FunctionArg],
        clauses: &Clauses<'_>,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        if let Some(clause) = place.no_aggregates {
            return Err(Diagnostic::invalid(
                at,
                format!("Aggregate function {} not allowed in {clause}", function.name),
            ));
        }
        let inside = place.inside_aggregate();
        let star = matches!(list, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let args = if star {
            Vec::new()
        } else {
            list.iter().map(|arg| self.argument(arg, inside)).collect::<Result<Vec<_>, _>>()?
        };
        let counts_rows = star && function.name == "COUNT" && !clauses.distinct;
        if star && !counts_rows || args.is_empty() && !star {
            return Err(no_match(function.name, &args, at));
        }
        if !function.ordered && (!clauses.order_by.is_empty() || clauses.limit.is_some()) {
            return Err(Diagnostic::unsupported(
                at,
                format!("ORDER BY or LIMIT in {}", function.name),
            ));
        }
        let best =
            best_overload(function.overloads.iter().map(|o| (o.params, o.optional, false)), &args);
        let Some(best) = best else { return Err(no_match(function.name, &args, at)) };
        let overload = &function.overloads[best];
        let (args, same) =
            convert(overload.params, args).map_err(|args| no_match(function.name, &args, at))?;
        if clauses.distinct && !overload.template.contains("$distinct") {
            return Err(Diagnostic::unsupported(at, format!("DISTINCT in {}", function.name)));
        }
        let needs_order =
            clauses.distinct || matches!(overload.returns, Returns::Same | Returns::ArrayOfSame);
        if let Some(arg) = args.first().filter(|arg| needs_order && !arg.ty.is_comparable()) {
            return Err(Diagnostic::invalid(
                arg.at,
                format!("{} is not defined for arguments of type {}", function.name, arg.ty),
            ));
        }
        if let Some(limit) = clauses.limit {
            return Err(Diagnostic::unsupported(
                limit.span().start.into(),
                format!("LIMIT in {}", function.name),
            ));
        }
        let mut order_by = Vec::new();
        for key in clauses.order_by {
            order_by.push(sort_key(self.expr(&key.expr, inside)?, &key.options)?);
        }
        let aggregate =
            Aggregate { function: overload, args, distinct: clauses.distinct, order_by };
        Ok(Expr::new(ExprKind::Aggregate(Box::new(aggregate)), overload.returns.of(same), at))
    }

    /// An argument; a bare word may be the name of a date part.
    fn argument(&mut self, arg: &FunctionArg, place: Place<'_>) -> Result<Expr, Diagnostic> {
        let expr = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => expr,
            FunctionArg::Unnamed(_) => {
                return Err(Diagnostic::invalid(
                    Position::default(),
                    "A call takes * only in COUNT(*)",
                ));
            }
            FunctionArg::Named { name, .. } => {
                return Err(Diagnostic::unsupported(name.span.start.into(), "a named argument"));
            }
            FunctionArg::ExprNamed { name, .. } => {
                return Err(Diagnostic::unsupported(name.span().start.into(), "a named argument"));
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

fn declared(name: &str, at: Position) -> Result<&'static functions::Function, Diagnostic> {
    functions::function(name).ok_or_else(|| unknown_function(name, at))
}

fn unknown_function(name: &str, at: Position) -> Diagnostic {
    Diagnostic::refused(at, format!("Function not found: {name}"))
}

fn no_match(name: &str, args: &[Expr], at: Position) -> Diagnostic {
    let types = args.iter().map(|arg| arg.ty.to_string()).collect::<Vec<_>>().join(", ");
    let given = if types.is_empty() {
        "no arguments".to_owned()
    } else {
        format!("argument types: {types}")
    };
    Diagnostic::invalid(at, format!("No matching signature for function {name} for {given}"))
}

/// The overload that needs the least conversion; the first of several.
fn best_overload(
    overloads: impl Iterator<Item = (&'static [Param], usize, bool)>,
    args: &[Expr],
) -> Option<usize> {
    let costs = overloads.enumerate().filter_map(|(place, (params, optional, variadic))| {
        let fits =
            args.len() + optional >= params.len() && (args.len() <= params.len() || variadic);
        let cost =
            |(at, arg): (usize, &Expr)| conversion_cost(arg, params[at.min(params.len() - 1)]);
        let total: Option<u32> = if !fits {
            None
        } else if params.is_empty() {
            Some(0)
        } else {
            args.iter().enumerate().map(cost).sum()
        };
        Some((total?, place))
    });
    costs.min().map(|(_, place)| place)
}

/// What it costs to give an argument to a parameter, None where that cannot be.
fn conversion_cost(arg: &Expr, param: Param) -> Option<u32> {
    let part = arg.ty == Type::DatePart;
    let Some(ty) = param_type(param) else {
        return match param {
            Param::DatePart => part.then_some(0),
            Param::Dynamic => (arg.ty == Type::Dynamic).then_some(0),
            _ => (!part).then_some(1),
        };
    };
    match &arg.ty {
        from if *from == ty => Some(0),
        Type::Null => Some(1),
        Type::Int64 if ty == Type::Float64 => Some(2),
        // The widest reading of a value of unknown type.
        Type::Dynamic if ty == Type::Float64 => Some(4),
        Type::Dynamic if ty == Type::String => Some(5),
        _ => coerce::to(arg.clone(), &ty).map(|_| 6),
    }
}

/// The type of a parameter that has one of its own.
fn param_type(param: Param) -> Option<Type> {
    Some(match param {
        Param::Bool => Type::Bool,
        Param::Int64 => Type::Int64,
        Param::Float64 => Type::Float64,
        Param::String | Param::Pattern => Type::String,
        Param::Timestamp => Type::Timestamp,
        Param::Datetime => Type::Datetime,
        Param::Date => Type::Date,
        Param::Interval => Type::Interval,
        Param::DatePart | Param::Dynamic | Param::Same | Param::Any => return None,
    })
}

/// Converts the arguments; also gives the common type of those declared [`Param::Same`].
fn convert(params: &[Param], args: Vec<Expr>) -> Result<(Vec<Expr>, Type), Vec<Expr>> {
    let param = |at: usize| params[at.min(params.len().saturating_sub(1))];
    let same: Vec<Expr> = args
        .iter()
        .enumerate()
        .filter(|(at, _)| matches!(param(*at), Param::Same))
        .map(|(_, arg)| arg.clone())
        .collect();
    let Ok((_, common)) = coerce::to_common(same) else { return Err(args) };
    let mut converted = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let to = match param(at) {
            Param::Same => Some(common.clone()),
            param => param_type(param),
        };
        match to {
            None => converted.push(arg.clone()),
            Some(ty) => match coerce::to(arg.clone(), &ty) {
                Some(arg) => converted.push(arg),
                None => return Err(args),
            },
        }
    }
    Ok((converted, common))
}
