//! The type that several values convert to without being asked. Literals adapt to the others: a
//! fraction becomes a NUMERIC, text a time, and so do those in STRUCTs and arrays that are written
//! out.

use crate::{
    tree::{Expr, ExprKind, Literal},
    types::{StructField, Type},
};

/// The type that all of these convert to without being asked, if there is one.
pub(super) fn common_type<'t>(types: impl IntoIterator<Item = &'t Type>) -> Option<Type> {
    let mut common = Type::Null;
    for ty in types {
        common = match (common, ty) {
            (Type::Null, ty) => ty.clone(),
            (common, Type::Null) => common,
            (common, ty) if common == *ty => common,
            (one, other) if one.is_number() && other.is_number() => {
                if one.number_rank() > other.number_rank() { one } else { other.clone() }
            }
            (Type::Date, Type::Datetime) | (Type::Datetime, Type::Date) => Type::Datetime,
            (Type::Struct(one), Type::Struct(other)) => common_struct(&one, other)?,
            (Type::Json, other) if other.is_event_value() => Type::Json,
            (one, Type::Json) if one.is_event_value() => Type::Json,
            (one, other) if one.is_event_value() && other.is_event_value() => Type::Dynamic,
            (Type::Dynamic, ty) if !matches!(ty, Type::Array(_)) => number_of_any_size(ty),
            (common, Type::Dynamic) if !matches!(common, Type::Array(_)) => {
                number_of_any_size(&common)
            }
            _ => return None,
        };
    }
    Some(common)
}

/// Field by field; the names are those of the first.
fn common_struct(one: &[StructField], other: &[StructField]) -> Option<Type> {
    if one.len() != other.len() {
        return None;
    }
    let fields = one.iter().zip(other).map(|(one, other)| {
        let ty = common_type([&one.ty, &other.ty])?;
        Some(StructField { name: one.name.clone().or_else(|| other.name.clone()), ty })
    });
    Some(Type::Struct(fields.collect::<Option<_>>()?))
}

/// A value of unknown type that meets a whole number may well have a fraction.
pub(super) fn number_of_any_size(ty: &Type) -> Type {
    if *ty == Type::Int64 { Type::Float64 } else { ty.clone() }
}

/// A value, or a part of one: its type, and the expression where it is written out.
#[derive(Clone, Copy)]
pub(super) struct Value<'e> {
    ty: &'e Type,
    written: Option<&'e Expr>,
}

impl<'e> From<&'e Expr> for Value<'e> {
    fn from(expr: &'e Expr) -> Self {
        Self { ty: &expr.ty, written: Some(expr) }
    }
}

impl<'e> Value<'e> {
    /// A value of which nothing is known but its type.
    pub(super) fn of_type(ty: &'e Type) -> Self {
        Self { ty, written: None }
    }

    pub(super) fn ty(self) -> &'e Type {
        self.ty
    }

    fn literal(self) -> Option<&'e Literal> {
        self.written.and_then(Expr::as_literal)
    }

    fn is_empty_array(self) -> bool {
        self.written.is_some_and(
            |expr| matches!(&expr.kind, ExprKind::Array(elements) if elements.is_empty()),
        )
    }

    /// The fields, where this is a STRUCT.
    fn fields(self) -> Option<Vec<Self>> {
        let Type::Struct(fields) = self.ty else { return None };
        Some(match self.written.map(|expr| &expr.kind) {
            Some(ExprKind::Struct(values)) => values.iter().map(Self::from).collect(),
            _ => fields.iter().map(|field| Self::of_type(&field.ty)).collect(),
        })
    }

    /// The elements, where this is an array; one stands for those that are not written out.
    fn elements(self) -> Option<Vec<Self>> {
        let Type::Array(element) = self.ty else { return None };
        Some(match self.written.map(|expr| &expr.kind) {
            Some(ExprKind::Array(values)) => values.iter().map(Self::from).collect(),
            _ => vec![Self::of_type(element)],
        })
    }
}

/// The common type of values.
pub(super) fn of_values<'e>(values: impl IntoIterator<Item = &'e Expr>) -> Option<Type> {
    of(&values.into_iter().map(Value::from).collect::<Vec<_>>())
}

/// As [`of_values`].
pub(super) fn of(values: &[Value<'_>]) -> Option<Type> {
    let without = |adapts: fn(Value<'_>) -> bool| {
        let others = values.iter().filter(|value| !adapts(**value));
        common_type(others.map(|value| value.ty))
    };
    without(|value| matches!(value.literal(), Some(Literal::Float64(..))))
        .filter(|ty| matches!(ty, Type::Numeric | Type::BigNumeric))
        .or_else(|| of_structs(values))
        .or_else(|| without(|_| false))
        .or_else(|| without(|value| matches!(value.literal(), Some(Literal::String(_)))))
        .or_else(|| without(|value| value.is_empty_array()))
        .or_else(|| of_arrays(values))
}

/// Field by field, where all are STRUCTs of as many fields; the names are those of the first.
fn of_structs(values: &[Value<'_>]) -> Option<Type> {
    let mut known = values.iter().filter(|value| *value.ty != Type::Null);
    let Type::Struct(first) = known.next()?.ty else { return None };
    let rows: Vec<Vec<Value<'_>>> = values
        .iter()
        .filter(|value| *value.ty != Type::Null)
        .map(|value| value.fields().filter(|fields| fields.len() == first.len()))
        .collect::<Option<_>>()?;
    let types = values.iter().filter_map(|value| match value.ty {
        Type::Struct(fields) => Some(fields),
        _ => None,
    });
    let types: Vec<_> = types.collect();
    let field = |place: usize| {
        let column: Vec<Value<'_>> =
            rows.iter().filter_map(|row| row.get(place).copied()).collect();
        let name = types.iter().find_map(|fields| fields.get(place)?.name.clone());
        Some(StructField { name, ty: of(&column)? })
    };
    Some(Type::Struct((0..first.len()).map(field).collect::<Option<_>>()?))
}

/// The elements' common type, where all are arrays.
fn of_arrays(values: &[Value<'_>]) -> Option<Type> {
    let known = values.iter().filter(|value| *value.ty != Type::Null);
    let elements: Vec<Vec<Value<'_>>> =
        known.map(|value| value.elements()).collect::<Option<_>>()?;
    let elements = elements.concat();
    if elements.is_empty() {
        return None;
    }
    Some(Type::Array(Box::new(of(&elements)?)))
}
