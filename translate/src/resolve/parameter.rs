//! Parameters, which become literals.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{Resolver, time_literal, typed_literal::decimal};
use crate::{
    OutputType, Parameter, bounds,
    diagnostic::{Diagnostic, Position},
    tree::{Expr, ExprKind, Literal},
    types::{StructField, Type},
};

impl Resolver<'_> {
    /// `@name`
    pub(super) fn parameter(&self, name: &str, at: Position) -> Result<Expr, Diagnostic> {
        if name.starts_with('@') {
            return Err(Diagnostic::unsupported(at, "a system variable"));
        }
        match self.parameters.named(name) {
            Some(parameter) => value(parameter, name, at),
            None => Ok(null(Type::String, at)),
        }
    }

    /// The `?` of this number, from 1 (see `syntax`).
    pub(super) fn positional(&self, number: &str, at: Position) -> Result<Expr, Diagnostic> {
        let place = number.trim_start_matches('?').parse::<usize>().unwrap_or(0);
        match place.checked_sub(1).and_then(|place| self.parameters.positional.get(place)) {
            Some(parameter) => value(parameter, number, at),
            None => {
                let message = format!("Query parameter number {place} is not defined");
                Err(Diagnostic::invalid(at, message))
            }
        }
    }
}

fn value(parameter: &Parameter, name: &str, at: Position) -> Result<Expr, Diagnostic> {
    let (values, bytes) = size(&parameter.value);
    bounds::expressions(values, at)?;
    bounds::text(bytes, at)?;
    if holds_nul(&parameter.value) {
        let message = format!("The parameter {name} holds the character U+0000");
        return Err(Diagnostic::invalid(at, message));
    }
    let ty = type_of(&parameter.ty);
    literal(&ty, &parameter.value, at).ok_or_else(|| {
        let message =
            format!("Invalid value for parameter {name} of type {ty}: {}", parameter.value);
        Diagnostic::invalid(at, message)
    })
}

/// How many values there are in a value, and how many bytes of text.
fn size(value: &Value) -> (usize, usize) {
    let sum = |one: (usize, usize), other: (usize, usize)| (one.0 + other.0, one.1 + other.1);
    match value {
        Value::String(text) => (1, text.len()),
        Value::Array(list) => list.iter().map(size).fold((1, 0), sum),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| sum((0, name.len()), size(value)));
            fields.fold((1, 0), sum)
        }
        _ => (1, 0),
    }
}

/// PostgreSQL would take it for the end of the text.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(fields) => fields.values().any(holds_nul),
        _ => false,
    }
}

fn null(ty: Type, at: Position) -> Expr {
    Expr::new(ExprKind::Literal(Literal::Null), ty, at)
}

fn literal(ty: &Type, value: &Value, at: Position) -> Option<Expr> {
    if value.is_null() {
        return Some(null(ty.clone(), at));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => String::new(),
    };
    let literal = match ty {
        Type::Array(element) => {
            let elements = value.as_array()?.iter().map(|value| literal(element, value, at));
            let kind = ExprKind::Array(elements.collect::<Option<_>>()?);
            return Some(Expr::new(kind, ty.clone(), at));
        }
        Type::Struct(fields) => {
            let field = |(place, field): (usize, &StructField)| {
                let value = match value {
                    Value::Array(list) => list.get(place)?,
                    value => value.get(field.name.as_deref()?)?,
                };
                literal(&field.ty, value, at)
            };
            let fields = fields.iter().enumerate().map(field).collect::<Option<_>>()?;
            return Some(Expr::new(ExprKind::Struct(fields), ty.clone(), at));
        }
        Type::Json => {
            // A text is JSON already.
            let json = if value.is_string() { text } else { value.to_string() };
            serde_json::from_str::<serde::de::IgnoredAny>(&json).ok()?;
            Literal::Json(json)
        }
        _ if value.is_array() || value.is_object() => return None,
        Type::Bool => Literal::Bool(text.to_ascii_lowercase().parse().ok()?),
        Type::Int64 => Literal::Int64(text.trim().parse().ok()?),
        Type::Float64 => Literal::Float64(text.trim().parse().ok()?, None),
        Type::Numeric => Literal::Numeric(decimal(&text, 9, 29)?),
        Type::BigNumeric => Literal::Numeric(decimal(&text, 38, 39)?),
        Type::String => Literal::String(text),
        Type::Bytes => Literal::Bytes(BASE64_STANDARD.decode(text).ok()?),
        ty => time_literal::parse(&text, ty)?,
    };
    Some(Expr { ty: ty.clone(), ..Expr::literal(literal, at) })
}

/// The type that a result of this type has.
fn type_of(ty: &OutputType) -> Type {
    match ty {
        OutputType::Bool => Type::Bool,
        OutputType::Int64 => Type::Int64,
        OutputType::Float64 => Type::Float64,
        OutputType::Numeric => Type::Numeric,
        OutputType::BigNumeric => Type::BigNumeric,
        OutputType::String => Type::String,
        OutputType::Bytes => Type::Bytes,
        OutputType::Timestamp => Type::Timestamp,
        OutputType::Datetime => Type::Datetime,
        OutputType::Date => Type::Date,
        OutputType::Time => Type::Time,
        OutputType::Interval => Type::Interval,
        OutputType::Json | OutputType::EventValue => Type::Json,
        OutputType::Array(element) => Type::Array(Box::new(type_of(element))),
        OutputType::Struct(fields) => Type::Struct(
            fields
                .iter()
                .map(|(name, ty)| StructField { name: Some(name.clone()), ty: type_of(ty) })
                .collect(),
        ),
    }
}
