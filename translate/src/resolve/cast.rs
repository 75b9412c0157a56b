//! CAST, SAFE_CAST and `::`.

use sqlparser::ast::{self, DataType, Spanned};

use super::{Resolver, coerce, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Expr, ExprKind},
    types::Type,
};

impl Resolver<'_> {
    pub(super) fn cast(
        &mut self,
        kind: &ast::CastKind,
        inner: &ast::Expr,
        data_type: &DataType,
        format: Option<&ast::CastFormat>,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(inner.span().start);
        let safe = matches!(kind, ast::CastKind::SafeCast | ast::CastKind::TryCast);
        if format.is_some() {
            return Err(Diagnostic::unsupported(at, "CAST with FORMAT"));
        }
        let ty = named_type(data_type, at)?;
        let value = self.expr(inner, place)?;
        convert(value, &ty, safe, at)
    }
}

/// Converts a value to a type because the query says so.
fn convert(value: Expr, ty: &Type, safe: bool, at: Position) -> Result<Expr, Diagnostic> {
    if value.ty == *ty {
        return Ok(value);
    }
    let implicit = value.ty == Type::Null || value.ty == Type::Dynamic || value.is_null();
    if implicit && let Some(converted) = coerce::to(value.clone(), ty) {
        return Ok(converted);
    }
    use Type::{Bool, Date, Datetime, Float64, Int64, String, Timestamp};
    let allowed = matches!(
        (&value.ty, ty),
        (Bool | Int64 | Float64 | Timestamp | Datetime | Date, String)
            | (String, Bool | Int64 | Float64 | Timestamp | Datetime | Date)
            | (Int64, Float64 | Bool)
            | (Float64, Int64)
            | (Bool, Int64)
            | (Timestamp, Datetime | Date)
            | (Datetime, Timestamp | Date)
            | (Date, Timestamp | Datetime)
    );
    if !allowed {
        return Err(Diagnostic::invalid(at, format!("Invalid cast from {} to {ty}", value.ty)));
    }
    Ok(Expr::new(ExprKind::Cast { expr: Box::new(value), safe }, ty.clone(), at))
}

/// The type that a query names. PostgreSQL's names are understood too: people type them.
pub(super) fn named_type(data_type: &DataType, at: Position) -> Result<Type, Diagnostic> {
    let name = data_type.to_string().to_ascii_uppercase();
    Ok(match name.as_str() {
        "STRING" | "TEXT" | "VARCHAR" => Type::String,
        "INT64" | "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" | "INT8"
        | "INT4" => Type::Int64,
        "FLOAT64" | "FLOAT" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT8" | "REAL" => Type::Float64,
        "BOOL" | "BOOLEAN" => Type::Bool,
        "TIMESTAMP" | "TIMESTAMPTZ" => Type::Timestamp,
        "DATETIME" => Type::Datetime,
        "DATE" => Type::Date,
        _ => return Err(Diagnostic::unsupported(at, format!("the type {name}"))),
    })
}
