//! Values as `%t` and `%T` show them.

use crate::{
    diagnostic::Diagnostic,
    lower::carrier,
    postgres::Expr as Pg,
    tree::Expr,
    types::{StructField, Type},
};

/// The value as text, as a literal of BigQuery's where that is wanted; NULL of NULL.
pub(super) fn printed(arg: &Expr, value: Pg, literal: bool) -> Result<Pg, Diagnostic> {
    of_type(&arg.ty, value, literal).ok_or_else(|| {
        Diagnostic::unsupported(arg.at, format!("FORMAT of a value of type {}", arg.ty))
    })
}

fn of_type(ty: &Type, value: Pg, literal: bool) -> Option<Pg> {
    let template = match (ty, literal) {
        (Type::Null, _) => return Some(Pg::null("text")),
        (Type::Bool | Type::Int64, _) => "$1::text",
        (Type::Float64, false) => "logweir.float_text($1)",
        (Type::Float64, true) => "logweir.float_literal($1)",
        (Type::Numeric | Type::BigNumeric, false) => "logweir.text($1)",
        (Type::Numeric, true) => "'NUMERIC \"' || logweir.text($1) || '\"'",
        (Type::BigNumeric, true) => "'BIGNUMERIC \"' || logweir.text($1) || '\"'",
        (Type::String, false) => "$1",
        (Type::String, true) => "logweir.text_literal($1)",
        (Type::Dynamic, false) => return Some(carrier::read(value, &Type::String)),
        (Type::Bytes, false) => "logweir.escaped($1, '''\"`')",
        (Type::Bytes, true) => "logweir.bytes_literal($1)",
        (Type::Timestamp, false) => "logweir.timestamp_text($1)",
        (Type::Timestamp, true) => "'TIMESTAMP \"' || logweir.timestamp_text($1) || '\"'",
        (Type::Datetime, false) => "logweir.datetime_text($1)",
        (Type::Datetime, true) => "'DATETIME \"' || logweir.datetime_text($1) || '\"'",
        (Type::Date, false) => "$1::text",
        (Type::Date, true) => "'DATE \"' || $1::text || '\"'",
        (Type::Time, false) => "logweir.time_text($1)",
        (Type::Time, true) => "'TIME \"' || logweir.time_text($1) || '\"'",
        (Type::Interval, false) => "logweir.interval_text($1)",
        (Type::Interval, true) => {
            "'INTERVAL \"' || logweir.interval_text($1) || '\" YEAR TO SECOND'"
        }
        (Type::Json, false) => "logweir.json_text($1)",
        (Type::Json, true) => "'JSON ' || logweir.text_literal(logweir.json_text($1))",
        (Type::Array(element), _) => return array(element, value, literal),
        (Type::Struct(fields), _) => return structure(fields, value, literal),
        _ => return None,
    };
    Some(Pg::template(template, vec![value]))
}

fn array(element: &Type, value: Pg, literal: bool) -> Option<Pg> {
    let each = of_type(element, Pg::Atom("\"list\".\"element\"".to_owned()), literal)?;
    Some(Pg::template(
        "CASE WHEN $1 IS NOT NULL THEN '[' || COALESCE((SELECT string_agg(COALESCE($2, 'NULL'), ', ' ORDER BY \"list\".\"place\") FROM unnest($1) WITH ORDINALITY AS \"list\"(\"element\", \"place\")), '') || ']' END",
        vec![value, each],
    ))
}

/// A STRUCT of one field needs its name to be told from parentheses.
fn structure(fields: &[StructField], value: Pg, literal: bool) -> Option<Pg> {
    let mut parts = vec![Pg::text(if fields.len() == 1 { "STRUCT(" } else { "(" })];
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            parts.push(Pg::text(", "));
        }
        let text = match field.ty {
            Type::Null => Pg::null("text"),
            _ => {
                of_type(&field.ty, carrier::struct_field(value.clone(), place, &field.ty), literal)?
            }
        };
        parts.push(Pg::template("COALESCE($1, 'NULL')", vec![text]));
    }
    parts.push(Pg::text(")"));
    let shown = Pg::template("$||", parts);
    Some(Pg::template("CASE WHEN $1 IS NOT NULL THEN $2 END", vec![value, shown]))
}
