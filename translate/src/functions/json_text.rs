//! Values as JSON: what TO_JSON_STRING, TO_JSON and their like make of each type.

use std::collections::HashSet;

use crate::{
    diagnostic::{Diagnostic, Position},
    lower::carrier,
    postgres::{Expr as Pg, quote_text},
    tree::Expr,
    types::{StructField, Type},
};

/// What becomes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// TO_JSON_STRING: text where JavaScript would lose digits.
    Text,
    /// JSON's numbers, which keep that they are FLOAT64.
    Json,
    /// As `Json`, but text where digits would be lost.
    WideAsText,
}

/// JSON text of a value; `null` of NULL.
pub(super) fn text(value: Pg, ty: &Type, numbers: Numbers, at: Position) -> Result<Pg, Diagnostic> {
    let one = |template| Ok(Pg::template(template, vec![value.clone()]));
    match ty {
        Type::Null => Ok(Pg::text("null")),
        Type::Bool => one("COALESCE($1::text, 'null')"),
        Type::Int64 if numbers == Numbers::Json => one("COALESCE($1::text, 'null')"),
        Type::Int64 => one("COALESCE(logweir.json_int64($1), 'null')"),
        Type::Float64 if numbers == Numbers::Text => {
            one("COALESCE(logweir.json_float64($1), 'null')")
        }
        Type::Float64 => one("COALESCE(logweir.json_double($1), 'null')"),
        Type::Numeric | Type::BigNumeric => one(match numbers {
            Numbers::Text => "COALESCE(logweir.json_decimal_text($1), 'null')",
            Numbers::Json => "COALESCE(logweir.json_decimal($1, false), 'null')",
            Numbers::WideAsText => "COALESCE(logweir.json_decimal($1, true), 'null')",
        }),
        Type::String => one("COALESCE(logweir.json_string($1), 'null')"),
        Type::Bytes => {
            one("COALESCE('\"' || replace(encode($1, 'base64'), E'\\n', '') || '\"', 'null')")
        }
        Type::Date => one("COALESCE('\"' || $1::text || '\"', 'null')"),
        Type::Timestamp => {
            one("COALESCE('\"' || replace(logweir.datetime_text($1), ' ', 'T') || 'Z\"', 'null')")
        }
        Type::Datetime => {
            one("COALESCE('\"' || replace(logweir.datetime_text($1), ' ', 'T') || '\"', 'null')")
        }
        Type::Time => one("COALESCE('\"' || logweir.time_text($1) || '\"', 'null')"),
        Type::Json | Type::Dynamic | Type::Object(_) | Type::List(_) => {
            one("COALESCE(logweir.json_text($1), 'null')")
        }
        Type::Array(element) => {
            let column = Pg::Column { relation: "list".to_owned(), column: "element".to_owned() };
            let element = text(column, element, numbers, at)?;
            Ok(Pg::template(
                "CASE WHEN $1 IS NULL THEN 'null' ELSE '[' || COALESCE((SELECT string_agg($2, ',' ORDER BY \"list\".\"place\") FROM unnest($1) WITH ORDINALITY AS \"list\"(\"element\", \"place\")), '') || ']' END",
                vec![value, element],
            ))
        }
        Type::Struct(fields) => structure(value, fields, numbers, at),
        Type::Interval => one("COALESCE(logweir.json_interval($1), 'null')"),
        Type::DatePart | Type::Sketch => {
            Err(Diagnostic::unsupported(at, format!("JSON of a value of type {ty}")))
        }
    }
}

fn structure(
    value: Pg,
    fields: &[StructField],
    numbers: Numbers,
    at: Position,
) -> Result<Pg, Diagnostic> {
    let mut operands = vec![Pg::text("{")];
    for (place, field) in fields.iter().enumerate() {
        let name = serde_json::Value::from(field.name.as_deref().unwrap_or_default());
        let comma = if place > 0 { "," } else { "" };
        operands.push(Pg::text(&format!("{comma}{name}:")));
        let read = carrier::struct_field(value.clone(), place, &field.ty);
        operands.push(text(read, &field.ty, numbers, at)?);
    }
    operands.push(Pg::text("}"));
    let all = Pg::Infix { operator: "||", operands };
    Ok(Pg::template("CASE WHEN $1 IS NULL THEN 'null' ELSE $2 END", vec![value, all]))
}

/// A value as BigQuery's JSON; JSON's null of NULL.
pub(super) fn json(value: Pg, arg: &Expr, numbers: Numbers) -> Result<Pg, Diagnostic> {
    if matches!(arg.ty, Type::Json | Type::Dynamic | Type::Object(_) | Type::List(_)) {
        return Ok(Pg::template("COALESCE($1, 'null')", vec![value]));
    }
    let text = text(value, &arg.ty, numbers, arg.at)?;
    Ok(Pg::template(
        // Of members of one name the first stays.
        if repeats_names(&arg.ty) { "logweir.json_of($1::json, false)" } else { "$1::jsonb" },
        vec![text],
    ))
}

fn repeats_names(ty: &Type) -> bool {
    match ty {
        Type::Array(element) => repeats_names(element),
        Type::Struct(fields) => {
            let mut names = HashSet::new();
            fields.iter().any(|field| !names.insert(&field.name) || repeats_names(&field.ty))
        }
        _ => false,
    }
}

/// An object of names, which are text, and values.
pub(super) fn object(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let mut operands = vec![Pg::text("{")];
    for (place, (arg, value)) in args.iter().zip(lowered).enumerate() {
        if place % 2 == 1 {
            operands.push(text(value, &arg.ty, Numbers::Json, arg.at)?);
            continue;
        }
        let comma = Pg::Atom(quote_text(if place > 0 { "," } else { "" }));
        operands.push(Pg::template("$2 || logweir.json_name($1) || ':'", vec![value, comma]));
    }
    operands.push(Pg::text("}"));
    let all = Pg::Infix { operator: "||", operands };
    Ok(Pg::template("logweir.json_of($1::json, false)", vec![all]))
}

/// A list of values.
pub(super) fn list(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let values = args.iter().zip(lowered).map(|(arg, value)| json(value, arg, Numbers::Json));
    Ok(Pg::template("jsonb_build_array($*)", values.collect::<Result<_, _>>()?))
}
