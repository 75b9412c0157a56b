//! `SAFE.` before a function whose declaration says nothing of it.
//!
//! PostgreSQL catches errors only in a function. So the call becomes a text of its own, which a helper
//! runs with the arguments beside it: both they and the value are carried as STRUCTs are.

use super::carrier;
use crate::{
    diagnostic::{Diagnostic, Kind},
    functions::{Lower, Overload, Safe},
    postgres::{self, Expr as Pg},
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

/// Lowers a call that gives NULL where it fails; `whole` is its place and type.
pub(super) fn safe_call(
    overload: &Overload,
    args: &[Expr],
    whole: &Expr,
) -> Result<Pg, Diagnostic> {
    // What is wrong with the arguments themselves stays.
    let lowered = super::expression::all(args)?;
    let given = lowered.clone();
    let call = match overload.safe {
        Safe::Other(how) => called(how, args, lowered),
        Safe::Total => called(overload.lower, args, lowered),
        Safe::Caught => attempted(overload, args, lowered, whole),
    };
    match call {
        // BigQuery finds what is wrong with a constant when it makes the call; what else is wrong with
        // the call it finds before, and `SAFE.` changes nothing.
        Err(error) if error.kind == Kind::WrongValue => Ok(null(args, given, &whole.ty)),
        call => call,
    }
}

/// NULL once the arguments are worked out, which may fail.
fn null(args: &[Expr], lowered: Vec<Pg>, ty: &Type) -> Pg {
    let null = Pg::null(&ty.postgres());
    let given = args.iter().zip(lowered);
    let given: Vec<_> = given.filter(|(arg, _)| !is_fixed(arg)).map(|(_, value)| value).collect();
    if given.is_empty() {
        return null;
    }
    let never = Pg::template("num_nulls($*) < 0", given);
    Pg::Case { branches: vec![(never, null.clone())], otherwise: Box::new(null) }
}

/// Whether an argument is a part of the call's text.
fn is_fixed(arg: &Expr) -> bool {
    arg.as_literal().is_some() || arg.ty == Type::DatePart
}

/// Lowers a call of lowered arguments.
pub(super) fn called(how: Lower, args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    match how {
        Lower::Template(template) => Ok(Pg::template(template, lowered)),
        Lower::With(lower) => lower(args, lowered),
    }
}

fn attempted(
    overload: &Overload,
    args: &[Expr],
    lowered: Vec<Pg>,
    whole: &Expr,
) -> Result<Pg, Diagnostic> {
    let mut carried = Vec::new();
    let mut beside = Vec::new();
    let mut inside = Vec::with_capacity(args.len());
    for (arg, value) in args.iter().zip(lowered) {
        inside.push(if is_fixed(arg) {
            value
        } else {
            carried.push(arg.clone());
            beside.push(value);
            carrier::struct_field(Pg::Atom("$1".to_owned()), carried.len() - 1, &arg.ty)
        });
    }
    let call = called(overload.lower, args, inside)?;
    let value = Expr { kind: ExprKind::Literal(Literal::Null), ..whole.clone() };
    let call = carrier::build_struct(std::slice::from_ref(&value), vec![call]);
    let text = Pg::text(&format!("SELECT {}", postgres::expression(&call)));
    let beside = carrier::build_struct(&carried, beside);
    let result = Pg::template("logweir.attempt($1, $2)", vec![text, beside]);
    Ok(carrier::struct_field(result, 0, &whole.ty))
}
