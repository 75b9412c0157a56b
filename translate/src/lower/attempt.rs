//! `SAFE.` before a function whose declaration says nothing of it.
//!
//! PostgreSQL catches errors only in a function. So the call becomes a text of its own, which a helper
//! runs with the arguments beside it: both they and the value are carried as STRUCTs are.

use super::{carrier, expression::lower};
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
    let lowered = match overload.safe {
        Safe::Other(how) => called(how, args, super::expression::all(args)?),
        Safe::Total => called(overload.lower, args, super::expression::all(args)?),
        Safe::Caught => attempted(overload, args, whole),
    };
    match lowered {
        // BigQuery finds what is wrong with a constant when it makes the call; what else is wrong with
        // the call it finds before, and `SAFE.` changes nothing.
        Err(error) if error.kind == Kind::WrongValue => Ok(Pg::null(&whole.ty.postgres())),
        lowered => lowered,
    }
}

/// Lowers a call of lowered arguments.
pub(super) fn called(how: Lower, args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    match how {
        Lower::Template(template) => Ok(Pg::template(template, lowered)),
        Lower::With(lower) => lower(args, lowered),
    }
}

fn attempted(overload: &Overload, args: &[Expr], whole: &Expr) -> Result<Pg, Diagnostic> {
    let mut carried = Vec::new();
    let mut inside = Vec::with_capacity(args.len());
    for arg in args {
        inside.push(if arg.as_literal().is_some() || arg.ty == Type::DatePart {
            lower(arg)?
        } else {
            carried.push(arg.clone());
            carrier::struct_field(Pg::Atom("$1".to_owned()), carried.len() - 1, &arg.ty)
        });
    }
    let call = called(overload.lower, args, inside)?;
    let value = Expr { kind: ExprKind::Literal(Literal::Null), ..whole.clone() };
    let call = carrier::build_struct(std::slice::from_ref(&value), vec![call]);
    let text = Pg::text(&format!("SELECT {}", postgres::expression(&call)));
    let beside = super::expression::all(&carried)?;
    let beside = carrier::build_struct(&carried, beside);
    let result = Pg::template("logweir.attempt($1, $2)", vec![text, beside]);
    Ok(carrier::struct_field(result, 0, &whole.ty))
}
