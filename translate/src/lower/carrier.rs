//! What carries values of types that PostgreSQL has not: STRUCTs, and values inside events.
//!
//! A STRUCT is a `jsonb` list of its fields as `to_jsonb` writes them, so that numbers, text and
//! times can be read back exactly. Two differ: an INTERVAL is BigQuery's text, and a JSON value
//! stands in a list of its own, to tell JSON's null from a missing value.

use crate::{postgres::Expr as Pg, tree::Expr, types::Type};

/// A STRUCT of these fields; `lowered` are their carriers.
pub(crate) fn build_struct(fields: &[Expr], lowered: Vec<Pg>) -> Pg {
    let parts = fields.iter().zip(lowered).map(|(field, value)| encode(value, &field.ty));
    Pg::template("jsonb_build_array($*)", parts.collect())
}

fn encode(value: Pg, ty: &Type) -> Pg {
    match ty {
        Type::Json => {
            Pg::template("CASE WHEN $1 IS NOT NULL THEN jsonb_build_array($1) END", vec![value])
        }
        Type::Interval => Pg::template("logweir.interval_text($1)", vec![value]),
        Type::Array(element) => match **element {
            Type::Json => Pg::template("logweir.wrapped($1)", vec![value]),
            Type::Interval => map_elements(value, each("logweir.interval_text($1)")),
            _ => value,
        },
        _ => value,
    }
}

/// A template over an element of [`map_elements`].
fn each(template: &'static str) -> Pg {
    Pg::template(template, vec![Pg::Atom("\"list\".\"element\"".to_owned())])
}

/// A field of a STRUCT.
pub(crate) fn struct_field(base: Pg, place: usize, ty: &Type) -> Pg {
    let place = Pg::Atom(place.to_string());
    let text = |template| Pg::template(template, vec![base.clone(), place.clone()]);
    match ty {
        Type::Json => text("NULLIF($1 -> $2, 'null') -> 0"),
        Type::Dynamic | Type::Object(_) | Type::List(_) | Type::Struct(_) => {
            text("NULLIF($1 -> $2, 'null')")
        }
        Type::Array(element) if **element == Type::Json => text("logweir.unwrapped($1 -> $2)"),
        Type::Array(element) if **element == Type::Interval => {
            map_elements(text("logweir.texts($1 -> $2)"), each("logweir.to_interval($1)"))
        }
        Type::Array(element) if element.postgres() == "jsonb" => text("logweir.elements($1 -> $2)"),
        Type::Array(_) => Pg::cast(text("logweir.texts($1 -> $2)"), ty),
        Type::Interval => text("logweir.to_interval($1 ->> $2)"),
        Type::Null | Type::String | Type::DatePart => text("$1 ->> $2"),
        _ => Pg::cast(text("$1 ->> $2"), ty),
    }
}

/// A value inside an event, read as a type; what does not fit is NULL.
pub(crate) fn read(json: Pg, ty: &Type) -> Pg {
    let template = match ty {
        Type::String => "$1 #>> '{}'",
        Type::Bool => "logweir.bool($1)",
        Type::Int64 => "logweir.int64($1)",
        Type::Float64 => "logweir.float64($1)",
        Type::Numeric => "logweir.numeric($1)",
        Type::BigNumeric => "logweir.bignumeric($1)",
        Type::Bytes => "logweir.bytes($1)",
        Type::Timestamp => "logweir.timestamp($1)",
        Type::Datetime => "logweir.safe_datetime($1 #>> '{}')",
        Type::Date => "logweir.safe_datetime($1 #>> '{}')::date",
        Type::Time => "logweir.time($1)",
        Type::Interval => "logweir.interval($1)",
        Type::Array(element) => return read_list(json, element),
        _ => return json,
    };
    Pg::template(template, vec![json])
}

/// A list inside an event as an array; NULL where there is no list.
fn read_list(json: Pg, element: &Type) -> Pg {
    let elements = Pg::template("logweir.elements($1)", vec![json]);
    if element.postgres() == "jsonb" {
        return elements;
    }
    let value = read(Pg::Atom("\"list\".\"element\"".to_owned()), element);
    map_elements(elements, value)
}

/// An array of what becomes of each element, which `value` names `"list"."element"`.
pub(crate) fn map_elements(array: Pg, value: Pg) -> Pg {
    Pg::template(
        "CASE WHEN $1 IS NOT NULL THEN ARRAY(SELECT $2 FROM unnest($1) WITH ORDINALITY AS \"list\"(\"element\", \"place\") ORDER BY \"list\".\"place\") END",
        vec![array, value],
    )
}
