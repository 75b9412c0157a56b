//! Conversions that a query asks for.

use super::carrier;
use crate::{
    diagnostic::{Diagnostic, Position},
    postgres::Expr as Pg,
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

/// Lowers a conversion of `from` (lowered: `value`) to a type; a `safe` one gives NULL where the
/// other fails.
pub(crate) fn lower(
    from: &Expr,
    value: Pg,
    to: &Type,
    safe: bool,
    at: Position,
) -> Result<Pg, Diagnostic> {
    use Type::{Date, Datetime, String, Time, Timestamp};
    if let (Some(Literal::String(text)), Timestamp | Datetime | Date | Time) =
        (from.as_literal(), to)
    {
        if safe {
            return Ok(Pg::null(&to.postgres()));
        }
        let name = to.to_string().to_ascii_lowercase();
        let message = match to {
            Timestamp | Date => format!("Invalid {name}: '{text}'"),
            _ => format!("Invalid {name} string \"{text}\""),
        };
        return Err(Diagnostic::wrong_value(at, message));
    }
    match (&from.ty, to) {
        (from, to) if from == to => Ok(value),
        (Type::Null, to) => Ok(Pg::cast(value, to)),
        (Type::Array(from), Type::Array(to)) => elements(from, value, to, safe, at),
        (Type::Struct(_), Type::Struct(_)) => fields(from, value, to, safe, at),
        (Timestamp | Datetime, String) if safe => lower(from, value, to, false, at),
        (from, to) => {
            let template = template(from, to, safe).ok_or_else(|| {
                Diagnostic::internal(at, format!("no conversion from {from} to {to}"))
            })?;
            Ok(Pg::template(template, vec![value]))
        }
    }
}

fn template(from: &Type, to: &Type, safe: bool) -> Option<&'static str> {
    use Type::{
        BigNumeric, Bool, Bytes, Date, Datetime, Float64, Int64, Interval, Numeric, String, Time,
        Timestamp,
    };
    Some(match (from, to, safe) {
        (Bool | Int64 | Date, String, _) => "$1::text",
        (Float64 | Numeric | BigNumeric, String, _) => "logweir.text($1)",
        (Timestamp, String, _) => "logweir.timestamp_text($1)",
        (Datetime, String, _) => "logweir.datetime_text($1)",
        (Time, String, _) => "logweir.time_text($1)",
        (Interval, String, _) => "logweir.interval_text($1)",
        (Bytes, String, false) => "logweir.bytes_text($1)",
        (Bytes, String, true) => "logweir.safe_bytes_text($1)",
        (String, Bytes, _) => "convert_to($1, 'UTF8')",
        (String, Bool, false) => "logweir.to_bool($1)",
        (String, Bool, true) => "logweir.safe_bool($1)",
        (String, Int64, false) => "logweir.to_int64($1)",
        (String, Int64, true) => "logweir.safe_int64($1)",
        (String, Float64, false) => "logweir.to_float64($1)",
        (String, Float64, true) => "logweir.safe_float64($1)",
        (String, Numeric, false) => "logweir.text_to_numeric($1)",
        (String, Numeric, true) => "logweir.safe_numeric($1)",
        (String, BigNumeric, false) => "logweir.text_to_bignumeric($1)",
        (String, BigNumeric, true) => "logweir.safe_bignumeric($1)",
        (String, Timestamp, false) => "logweir.to_timestamp($1)",
        (String, Timestamp, true) => "logweir.safe_timestamp($1)",
        (String, Datetime, false) => "logweir.to_datetime($1)",
        (String, Datetime, true) => "logweir.safe_datetime($1)",
        (String, Date, false) => "logweir.to_date($1)",
        (String, Date, true) => "logweir.safe_date($1)",
        (String, Time, false) => "logweir.to_time($1)",
        (String, Time, true) => "logweir.safe_time($1)",
        (String, Interval, false) => "logweir.to_interval($1)",
        (String, Interval, true) => "logweir.safe_interval($1)",
        (Int64 | Numeric | BigNumeric, Float64, _) => "$1::double precision",
        (Int64, Numeric | BigNumeric, _) => "$1::numeric",
        (Numeric, BigNumeric, _) => "$1",
        (BigNumeric, Numeric, false) => "logweir.to_numeric($1)",
        (BigNumeric, Numeric, true) => "logweir.safe_to_numeric($1)",
        (Float64, Numeric, false) => "logweir.to_numeric(logweir.finite($1))",
        (Float64, Numeric, true) => "logweir.safe_to_numeric(logweir.safe_finite($1))",
        (Float64, BigNumeric, false) => "logweir.to_bignumeric(logweir.finite($1))",
        (Float64, BigNumeric, true) => "logweir.safe_to_bignumeric(logweir.safe_finite($1))",
        (Int64, Bool, _) => "$1 <> 0",
        (Float64, Int64, false) => "logweir.round_to_int64($1)",
        (Float64, Int64, true) => "logweir.safe_round_to_int64($1)",
        (Numeric | BigNumeric, Int64, false) => "logweir.numeric_to_int64($1)",
        (Numeric | BigNumeric, Int64, true) => {
            "CASE WHEN round($1) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN round($1)::bigint END"
        }
        (Bool, Int64, _) => "$1::int::bigint",
        (Timestamp, Datetime, _) | (Datetime, Timestamp, _) => "$1",
        (Timestamp | Datetime, Date, _) => "$1::date",
        (Timestamp | Datetime, Time, _) => "$1::time",
        (Date, Timestamp | Datetime, _) => "$1::timestamp",
        _ => return None,
    })
}

/// All elements of an array.
fn elements(from: &Type, array: Pg, to: &Type, safe: bool, at: Position) -> Result<Pg, Diagnostic> {
    let column = ExprKind::Column { relation: "list".to_owned(), column: "element".to_owned() };
    let element = Expr::new(column, from.clone(), at);
    let value = super::expression::lower(&element)?;
    let converted = lower(&element, value, to, safe, at)?;
    Ok(carrier::map_elements(array, converted))
}

/// All fields of a STRUCT.
fn fields(from: &Expr, value: Pg, to: &Type, safe: bool, at: Position) -> Result<Pg, Diagnostic> {
    let (Type::Struct(from_fields), Type::Struct(to_fields)) = (&from.ty, to) else {
        return Err(Diagnostic::internal(at, "this is no STRUCT"));
    };
    let mut exprs = Vec::with_capacity(to_fields.len());
    let mut lowered = Vec::with_capacity(to_fields.len());
    for (place, (from_field, to_field)) in from_fields.iter().zip(to_fields).enumerate() {
        let base = Box::new(from.clone());
        let field = Expr::new(ExprKind::StructField { base, place }, from_field.ty.clone(), at);
        let read = carrier::struct_field(value.clone(), place, &from_field.ty);
        let converted = match from_field.ty {
            Type::Null => Pg::null(&to_field.ty.postgres()),
            _ => lower(&field, read, &to_field.ty, safe, at)?,
        };
        lowered.push(converted);
        exprs.push(Expr { ty: to_field.ty.clone(), ..field });
    }
    let built = carrier::build_struct(&exprs, lowered);
    Ok(Pg::template("CASE WHEN $1 IS NOT NULL THEN $2 END", vec![value, built]))
}
