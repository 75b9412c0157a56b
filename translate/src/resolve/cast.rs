//! CAST, SAFE_CAST and `::`.

use sqlparser::ast::{self, ArrayElemTypeDef, DataType, Spanned};

use super::{
    Resolver,
    call::{declared, finish_named_call},
    coerce,
    expression::literal,
    scope::Place,
};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    functions::parametrised::{BYTES, CHARACTERS, DIGITS},
    tree::{Expr, ExprKind, Literal},
    types::{StructField, Type},
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
        let ty = named_type(data_type, at)?;
        if let Some(format) = format {
            return self.formatted(inner, &ty, format, safe, place);
        }
        if let (ast::Expr::Array(array), Type::Array(element)) = (inner, &ty) {
            let typed = *kind == ast::CastKind::DoubleColon;
            return self.typed_array(array, element, (typed, safe), at, place);
        }
        let value = self.expr(inner, place)?;
        limited(convert(value, &ty, safe, at)?, data_type, safe)
    }

    /// `CAST(x AS STRING FORMAT '…' [AT TIME ZONE '…'])`
    fn formatted(
        &mut self,
        inner: &ast::Expr,
        ty: &Type,
        format: &ast::CastFormat,
        safe: bool,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let value = self.expr(inner, place)?;
        let at = value.at;
        let (format, zone) = match format {
            ast::CastFormat::Value(format) => (format, None),
            ast::CastFormat::ValueAtTimeZone(format, zone) => (format, Some(zone)),
        };
        let function = match ty {
            Type::String => "CAST TO STRING FORMAT",
            Type::Bytes => "CAST TO BYTES FORMAT",
            Type::Date => "CAST TO DATE FORMAT",
            Type::Datetime => "CAST TO DATETIME FORMAT",
            Type::Time => "CAST TO TIME FORMAT",
            Type::Timestamp => "CAST TO TIMESTAMP FORMAT",
            ty => {
                let message = format!("FORMAT is not allowed for cast from {} to {ty}", value.ty);
                return Err(Diagnostic::invalid(at, message));
            }
        };
        let mut args = vec![(None, value)];
        for text in std::iter::once(format).chain(zone) {
            args.push((None, literal(&text.value, text.span.start.into())?));
        }
        finish_named_call(declared(function, at)?, args, safe, at)
    }

    /// `ARRAY<INT64>[1, 2]` (`typed`: its elements convert only as they do unasked), or a list that
    /// is cast.
    fn typed_array(
        &mut self,
        array: &ast::Array,
        element: &Type,
        (typed, safe): (bool, bool),
        at: Position,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let mut elements = Vec::with_capacity(array.elem.len());
        for value in &array.elem {
            let value = self.expr(value, place)?;
            let from = value.ty.clone();
            if !typed {
                elements.push(convert(value, element, safe, at)?);
                continue;
            }
            elements.push(coerce::to(value, element).ok_or_else(|| {
                let message = format!("Array element type {from} does not coerce to {element}");
                Diagnostic::invalid(at, message)
            })?);
        }
        let ty = Type::Array(Box::new(element.clone()));
        Ok(Expr::new(ExprKind::Array(elements), ty, at))
    }
}

/// Keeps a value to the parameters of its type.
fn limited(value: Expr, data_type: &DataType, safe: bool) -> Result<Expr, Diagnostic> {
    use ast::ExactNumberInfo as Digits;
    let (ty, at) = (value.ty.clone(), value.at);
    let (overload, limits): (_, Vec<i64>) = match data_type {
        DataType::Numeric(digits)
        | DataType::Decimal(digits)
        | DataType::BigNumeric(digits)
        | DataType::BigDecimal(digits) => {
            let (digits, decimals) = match digits {
                Digits::None => return Ok(value),
                Digits::Precision(digits) => (*digits, 0),
                Digits::PrecisionAndScale(digits, decimals) => (*digits, *decimals),
            };
            let digits = i64::try_from(digits).ok();
            let most = if ty == Type::Numeric { (29, 9) } else { (38, 38) };
            let Some(digits) = digits.filter(|digits| {
                (0..=most.1).contains(&decimals)
                    && (decimals.max(1)..=most.0 + decimals).contains(digits)
            }) else {
                let message = format!("Invalid precision or scale of {data_type}");
                return Err(Diagnostic::invalid(at, message));
            };
            (&DIGITS, vec![digits, decimals])
        }
        DataType::String(Some(most)) => (&CHARACTERS, vec![i64::try_from(*most).unwrap_or(0)]),
        DataType::Bytes(Some(most)) => (&BYTES, vec![i64::try_from(*most).unwrap_or(0)]),
        _ => return Ok(value),
    };
    let limits = limits.into_iter().map(|limit| Expr::literal(Literal::Int64(limit), at));
    let args = std::iter::once(value).chain(limits).collect();
    Ok(Expr::new(ExprKind::Call { overload, args, safe }, ty, at))
}

/// Converts a value to a type because the query says so.
pub(super) fn convert(
    value: Expr,
    ty: &Type,
    safe: bool,
    at: Position,
) -> Result<Expr, Diagnostic> {
    if value.ty == *ty {
        // A fraction that is said to be a FLOAT64 does not become a NUMERIC beside one.
        let is_fraction = matches!(value.as_literal(), Some(Literal::Float64(..)));
        let kind = ExprKind::Cast { expr: Box::new(value.clone()), safe };
        return Ok(if is_fraction { Expr::new(kind, ty.clone(), at) } else { value });
    }
    if value.ty.has_sketch() {
        return Err(Diagnostic::closed_sketch(at));
    }
    let implicit = value.ty == Type::Null || value.ty == Type::Dynamic || value.is_null();
    if (implicit || value.ty.is_event_value())
        && let Some(converted) = coerce::to(value.clone(), ty)
    {
        return Ok(converted);
    }
    // A literal's digits are those that are written, not those of the nearest FLOAT64.
    if matches!(value.as_literal(), Some(Literal::Float64(..)))
        && matches!(ty, Type::Numeric | Type::BigNumeric)
        && let Some(converted) = coerce::to(value.clone(), ty)
    {
        return Ok(converted);
    }
    if !is_castable(&value.ty, ty) {
        return Err(Diagnostic::invalid(at, format!("Invalid cast from {} to {ty}", value.ty)));
    }
    bounds::expressions(ty.field_count(), at)?;
    Ok(Expr::new(ExprKind::Cast { expr: Box::new(value), safe }, ty.clone(), at))
}

/// Whether BigQuery converts values of a type to another when it is told to.
fn is_castable(from: &Type, to: &Type) -> bool {
    use Type::{
        Array, BigNumeric, Bool, Bytes, Date, Datetime, Float64, Int64, Interval, Numeric, String,
        Struct, Time, Timestamp,
    };
    match (from, to) {
        (Array(from), Array(to)) => from == to || is_castable(from, to),
        (Struct(from), Struct(to)) => {
            let castable = |(from, to): (&StructField, &StructField)| {
                from.ty == to.ty || from.ty == Type::Null || is_castable(&from.ty, &to.ty)
            };
            from.len() == to.len() && from.iter().zip(to.iter()).all(castable)
        }
        (Bool, Int64 | String)
        | (Int64, Bool | Float64 | Numeric | BigNumeric | String)
        | (Float64, Int64 | Numeric | BigNumeric | String)
        | (Numeric, Int64 | Float64 | BigNumeric | String)
        | (BigNumeric, Int64 | Float64 | Numeric | String)
        | (String, Bool | Int64 | Float64 | Numeric | BigNumeric | Bytes)
        | (String, Timestamp | Datetime | Date | Time | Interval)
        | (Bytes | Time | Interval, String)
        | (Timestamp, String | Datetime | Date | Time)
        | (Datetime, String | Timestamp | Date | Time)
        | (Date, String | Timestamp | Datetime) => true,
        _ => false,
    }
}

/// Inside of other types nothing would keep values to the parameters of a type.
fn without_limits(data_type: &DataType, at: Position) -> Result<(), Diagnostic> {
    let name = data_type.to_string();
    match data_type {
        DataType::Array(_) | DataType::Struct(..) => Ok(()),
        _ if name.contains('(') => {
            Err(Diagnostic::unsupported(at, format!("the type {name} inside of another")))
        }
        _ => Ok(()),
    }
}

/// The type that a query names. PostgreSQL's names are understood too: people type them.
pub(super) fn named_type(data_type: &DataType, at: Position) -> Result<Type, Diagnostic> {
    match data_type {
        DataType::Array(ArrayElemTypeDef::AngleBracket(element)) => {
            without_limits(element, at)?;
            return match named_type(element, at)? {
                Type::Array(_) => {
                    Err(Diagnostic::invalid(at, "Arrays of arrays are not supported"))
                }
                element => Ok(Type::Array(Box::new(element))),
            };
        }
        DataType::Struct(fields, _) => {
            let fields = fields.iter().map(|field| {
                let name = field.field_name.as_ref().map(|name| name.value.clone());
                without_limits(&field.field_type, at)?;
                Ok(StructField { name, ty: named_type(&field.field_type, at)? })
            });
            return Ok(Type::Struct(fields.collect::<Result<_, Diagnostic>>()?));
        }
        _ => {}
    }
    let name = data_type.to_string().to_ascii_uppercase();
    // What stands in parentheses limits a value; its type is the same.
    let name = match data_type {
        DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::BigNumeric(_)
        | DataType::BigDecimal(_)
        | DataType::String(_)
        | DataType::Bytes(_) => name.split('(').next().unwrap_or_default().to_owned(),
        _ => name,
    };
    Ok(match name.as_str() {
        "STRING" | "TEXT" | "VARCHAR" => Type::String,
        "INT64" | "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" | "INT8"
        | "INT4" => Type::Int64,
        "FLOAT64" | "FLOAT" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT8" | "REAL" => Type::Float64,
        "NUMERIC" | "DECIMAL" => Type::Numeric,
        "BIGNUMERIC" | "BIGDECIMAL" => Type::BigNumeric,
        "BYTES" => Type::Bytes,
        "BOOL" | "BOOLEAN" => Type::Bool,
        "TIMESTAMP" | "TIMESTAMPTZ" => Type::Timestamp,
        "DATETIME" => Type::Datetime,
        "DATE" => Type::Date,
        "TIME" => Type::Time,
        "INTERVAL" => Type::Interval,
        "JSON" => Type::Json,
        _ => return Err(Diagnostic::unsupported(at, format!("the type {name}"))),
    })
}
