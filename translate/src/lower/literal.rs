//! Literals.

use std::fmt::Write as _;

use crate::{
    diagnostic::Diagnostic,
    postgres::{self, Expr as Pg},
    resolve::{format_datetime, format_time},
    tree::{Expr, Literal},
};

/// Lowers a literal, the kind of `expr`.
pub(super) fn lower(literal: &Literal, expr: &Expr) -> Result<Pg, Diagnostic> {
    let out_of_range = || Diagnostic::invalid(expr.at, format!("{} is out of range", expr.ty));
    Ok(match literal {
        Literal::Null => Pg::null(&expr.ty.postgres()),
        Literal::Bool(value) => Pg::Atom(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        Literal::Int64(number) => Pg::number(*number),
        Literal::Float64(number, _) => Pg::Atom(format!("'{number:?}'::double precision")),
        Literal::Numeric(digits) => Pg::Atom(format!("'{digits}'::numeric")),
        Literal::String(text) => Pg::text(text),
        Literal::Bytes(bytes) => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                let _ = write!(hex, "{byte:02x}");
            }
            Pg::Atom(format!("'\\x{hex}'::bytea"))
        }
        Literal::Json(text) => Pg::Atom(format!("{}::jsonb", postgres::quote_text(text))),
        Literal::Timestamp(micros) | Literal::Datetime(micros) => {
            Pg::Atom(format!("'{}'::timestamp", format_datetime(*micros).ok_or_else(out_of_range)?))
        }
        Literal::Date(days) => {
            let text =
                format_datetime(i64::from(*days) * 86_400_000_000).ok_or_else(out_of_range)?;
            Pg::Atom(format!("'{}'::date", &text[..10]))
        }
        Literal::Time(micros) => Pg::Atom(format!("'{}'::time", format_time(*micros))),
        Literal::Interval { months, days, microseconds } => {
            Pg::Atom(format!("'{months} months {days} days {microseconds} microseconds'::interval"))
        }
    })
}
