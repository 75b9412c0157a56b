//! Conversions that a query asks for.

use crate::{
    diagnostic::{Diagnostic, Position},
    postgres::Expr as Pg,
    tree::{Expr, Literal},
    types::Type,
};

/// Lowers a conversion of `from` (lowered: `value`) to a type; a `safe` one gives NULL where the
/// other fails.
pub(super) fn lower(
    from: &Expr,
    value: Pg,
    to: &Type,
    safe: bool,
    at: Position,
) -> Result<Pg, Diagnostic> {
    use Type::{Bool, Date, Datetime, Float64, Int64, String, Timestamp};
    if let (Some(Literal::String(text)), Timestamp | Datetime | Date) = (from.as_literal(), to) {
        if safe {
            return Ok(Pg::null(&to.postgres()));
        }
        return Err(Diagnostic::invalid(at, format!("Invalid {to}: '{text}'")));
    }
    let template = match (&from.ty, to, safe) {
        (Bool | Int64 | Date, String, _) => "$1::text",
        (Float64, String, _) => "logweir.text($1)",
        (Timestamp, String, _) => "logweir.timestamp_text($1)",
        (Datetime, String, _) => "logweir.datetime_text($1)",
        (String, Bool, false) => "logweir.to_bool($1)",
        (String, Bool, true) => "logweir.safe_bool($1)",
        (String, Int64, false) => "logweir.to_int64($1)",
        (String, Int64, true) => "logweir.safe_int64($1)",
        (String, Float64, false) => "logweir.to_float64($1)",
        (String, Float64, true) => "logweir.safe_float64($1)",
        (String, Timestamp, false) => "logweir.to_timestamp($1)",
        (String, Timestamp, true) => "logweir.safe_timestamp($1)",
        (String, Datetime, false) => "logweir.to_datetime($1)",
        (String, Datetime, true) => "logweir.safe_datetime($1)",
        (String, Date, false) => "logweir.to_datetime($1)::date",
        (String, Date, true) => "logweir.safe_datetime($1)::date",
        (Int64, Float64, _) => "$1::double precision",
        (Int64, Bool, _) => "$1 <> 0",
        (Float64, Int64, false) => "logweir.round_to_int64($1)",
        (Float64, Int64, true) => "logweir.safe_round_to_int64($1)",
        (Bool, Int64, _) => "$1::int::bigint",
        (Timestamp, Datetime, _) | (Datetime, Timestamp, _) => "$1",
        (Timestamp | Datetime, Date, _) => "$1::date",
        (Date, Timestamp | Datetime, _) => "$1::timestamp",
        (from, to, _) => {
            return Err(Diagnostic::internal(at, format!("no conversion from {from} to {to}")));
        }
    };
    Ok(Pg::template(template, vec![value]))
}
