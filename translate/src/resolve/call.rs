//! Calls: a declared function, the overload that fits, its arguments converted.

use sqlparser::ast::{self, FunctionArguments, Spanned};

use super::{
    Resolver,
    argument::{argument_name, normal_form},
    many_rows::{clauses, treatment_after},
    overload::{best_overload, check_sketches, convert, no_match},
    scope::Place,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    functions,
    tree::{Expr, ExprKind, Literal},
};

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
        if let Some(value) = self.lql_call(&call.name, list, place, at)? {
            return Ok(value);
        }
        let mut clauses = clauses(&call.args)?;
        if let Some(treatment) = &call.null_treatment {
            clauses.ignore_nulls = Some(*treatment == ast::NullTreatment::IgnoreNulls);
        }
        clauses.ignore_nulls = clauses.ignore_nulls.or_else(|| treatment_after(list.last()?));
        if let Some(function) = functions::window_named(name) {
            return self.window_function(function, list, &clauses, call.over.as_ref(), place, at);
        }
        if let Some(bound) = clauses.having {
            let takes_it = name.eq_ignore_ascii_case("ANY_VALUE") && !safe;
            if !takes_it {
                return Err(Diagnostic::unsupported(at, format!("HAVING MAX or MIN in {full}")));
            }
            return self.any_value_having(bound, list, &clauses, call.over.as_ref(), place, at);
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
}

pub(super) fn declared(
    name: &str,
    at: Position,
) -> Result<&'static functions::Function, Diagnostic> {
    functions::named(name).ok_or_else(|| unknown_function(name, at))
}

pub(super) fn unknown_function(name: &str, at: Position) -> Diagnostic {
    Diagnostic::refused(at, format!("Function not found: {name}"))
}

/// The name before `(`: `NET.HOST`.
fn function_name(name: &ast::ObjectName) -> String {
    let parts: Vec<&str> =
        name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.as_str()).collect();
    parts.join(".")
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
