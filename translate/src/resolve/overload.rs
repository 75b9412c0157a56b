//! Which signature of a function fits the arguments, and what they are converted to.

use super::coerce;
use crate::{
    diagnostic::{Diagnostic, Position},
    functions::{self, Param},
    tree::{Expr, ExprKind},
    types::Type,
};

pub(super) fn no_match(
    name: &str,
    args: &[Expr],
    overloads: &'static [functions::Overload],
    at: Position,
) -> Diagnostic {
    let types = args.iter().map(|arg| arg.ty.to_string()).collect::<Vec<_>>().join(", ");
    let sign = !name.starts_with(|c: char| c.is_ascii_alphabetic());
    let what = if sign { "operator" } else { "function" };
    let given = if types.is_empty() {
        "with no arguments".to_owned()
    } else {
        format!("for argument types: {types}")
    };
    let mut message = format!("No matching signature for {what} {name} {given}");
    // What takes anything is only there for what BigQuery converts first.
    let plain = |overload: &&functions::Overload| overload.params != [Param::Any];
    let several = overloads.iter().any(|overload| plain(&overload));
    for overload in overloads.iter().filter(|overload| !several || plain(overload)) {
        message.push_str(&format!("\n  Signature: {}", functions::signature(name, overload)));
        if let Some(why) = wrong_count(overload, args.len()) {
            message.push_str(&format!("\n    {why}"));
        }
    }
    Diagnostic::invalid(at, message)
}

/// Functions besides HLL_COUNT's that hand values on, or look at nothing but whether they are NULL.
const SKETCHES_PASS: [&str; 5] = ["ANY_VALUE", "COALESCE", "COUNT", "IF", "IFNULL"];

/// Keeps the bytes of sketches from being seen, and BigQuery's sketches from being misread.
pub(super) fn check_sketches(name: &str, args: &[Expr]) -> Result<(), Diagnostic> {
    let reads = name.starts_with("HLL_COUNT.");
    let foreign = |arg: &Expr| match arg.ty {
        Type::Bytes => reads && name != "HLL_COUNT.INIT" && !arg.is_null(),
        _ => arg.ty.has_sketch() && !reads && !SKETCHES_PASS.contains(&name),
    };
    match args.iter().find(|arg| foreign(arg)) {
        Some(arg) => Err(Diagnostic::closed_sketch(arg.at)),
        None => Ok(()),
    }
}

/// What BigQuery says of a number of arguments that a signature does not take.
fn wrong_count(overload: &functions::Overload, given: usize) -> Option<String> {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let least = overload.params.len() - overload.optional;
    let most = overload.params.len();
    let (bound, count) = if given < least && (overload.variadic || overload.optional > 0) {
        ("at least ", least)
    } else if given < least {
        ("", least)
    } else if given > most && !overload.variadic {
        (if overload.optional > 0 { "at most " } else { "" }, most)
    } else {
        return None;
    };
    Some(format!(
        "Signature requires {bound}{count} argument{}, found {given} argument{}",
        plural(count),
        plural(given)
    ))
}

/// The overload that needs the least conversion; the first of several.
pub(super) fn best_overload(
    overloads: impl Iterator<Item = (&'static [Param], usize, bool)>,
    args: &[Expr],
) -> Option<usize> {
    // A literal with a fraction is a NUMERIC beside one, not on its own: MOD(1.5, 1) has no match.
    let beside = args.iter().any(|arg| matches!(arg.ty, Type::Numeric | Type::BigNumeric));
    let costs = overloads.enumerate().filter_map(|(place, (params, optional, variadic))| {
        let fits =
            args.len() + optional >= params.len() && (args.len() <= params.len() || variadic);
        let cost = |(at, arg): (usize, &Expr)| {
            let param = params[at.min(params.len() - 1)];
            let exact = matches!(param, Param::Numeric | Param::BigNumeric);
            let alone = exact && !beside && arg.ty == Type::Float64;
            if alone { None } else { conversion_cost(arg, param) }
        };
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
            Param::AnyArray | Param::Array(_) => match arg.ty {
                Type::Array(_) => Some(1),
                Type::Null | Type::List(_) => Some(2),
                Type::Dynamic => Some(5),
                _ => None,
            },
            _ => (!part).then_some(1),
        };
    };
    let literal = arg.as_literal().is_some();
    match (&arg.ty, &ty) {
        (from, to) if from == to => Some(0),
        (Type::Null, _) => Some(1),
        (Type::Int64, Type::Float64) => Some(2),
        (Type::Int64, Type::Numeric) => Some(3),
        (Type::Int64, Type::BigNumeric) => Some(4),
        (Type::Float64, Type::Numeric) if literal => Some(4),
        (Type::Numeric, Type::BigNumeric) => Some(1),
        // The widest reading of a value of unknown type.
        (Type::Dynamic, Type::Float64) => Some(4),
        (Type::Dynamic, Type::String) => Some(5),
        (Type::Dynamic, Type::Numeric | Type::BigNumeric) => Some(7),
        _ => coerce::to(arg.clone(), &ty).map(|_| 6),
    }
}

/// The type of a parameter that has one of its own.
fn param_type(param: Param) -> Option<Type> {
    Some(match param {
        Param::Bool => Type::Bool,
        Param::Int64 => Type::Int64,
        Param::Float64 => Type::Float64,
        Param::Numeric => Type::Numeric,
        Param::BigNumeric => Type::BigNumeric,
        Param::String | Param::Pattern => Type::String,
        Param::Bytes => Type::Bytes,
        Param::Timestamp => Type::Timestamp,
        Param::Datetime => Type::Datetime,
        Param::Date => Type::Date,
        Param::Time => Type::Time,
        Param::Interval => Type::Interval,
        Param::Sketch => Type::Sketch,
        Param::Json => Type::Json,
        Param::Array(element) => Type::Array(Box::new(param_type(*element)?)),
        Param::DatePart | Param::Dynamic | Param::AnyArray | Param::Same | Param::Any => {
            return None;
        }
    })
}

/// Converts the arguments; also gives the common type of those declared [`Param::Same`] and of the
/// elements of those declared arrays of it.
pub(super) fn convert(params: &[Param], args: Vec<Expr>) -> Result<(Vec<Expr>, Type), Vec<Expr>> {
    let param = |at: usize| params[at.min(params.len().saturating_sub(1))];
    let mut same = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match (param(at), &arg.kind, &arg.ty) {
            (Param::Same, ..) => same.push(arg.clone()),
            (Param::Array(Param::Same), ExprKind::Array(elements), _) if !elements.is_empty() => {
                same.extend(elements.iter().cloned());
            }
            (Param::Array(Param::Same), _, Type::Array(element)) => {
                // Nothing is known of it but its type.
                same.push(Expr::new(ExprKind::Array(Vec::new()), element.as_ref().clone(), arg.at));
            }
            (Param::Array(Param::Same), _, Type::List(element)) => {
                same.push(Expr::new(ExprKind::Array(Vec::new()), element.as_ref().clone(), arg.at));
            }
            _ => {}
        }
    }
    let common = if same.is_empty() {
        Type::Null
    } else {
        let Ok((_, common)) = coerce::to_common(same) else { return Err(args) };
        common
    };
    let mut converted = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let to = match param(at) {
            Param::Same => Some(common.clone()),
            Param::Array(Param::Same) => Some(Type::Array(Box::new(common.clone()))),
            Param::AnyArray => match &arg.ty {
                Type::List(element) => Some(Type::Array(element.clone())),
                Type::Dynamic => Some(Type::Array(Box::new(Type::Dynamic))),
                Type::Null => Some(Type::Array(Box::new(Type::Int64))),
                _ => None,
            },
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
