//! Expressions.

use sqlparser::ast::{self, AccessExpr, Spanned, Subscript, Value};

use super::{Resolver, coerce, names, scope::Place, typed_literal::typed_literal};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    syntax,
    tree::{Expr, ExprKind, Literal},
    types::Type,
};

/// Deepest nesting of one expression: bounds the stack.
const MAX_DEPTH: usize = 400;

impl Resolver<'_> {
    /// Resolves an expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr, place: Place<'_>) -> Result<Expr, Diagnostic> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.depth -= 1;
            let at = Position::from(expr.span().start);
            return Err(Diagnostic::refused(
                at,
                format!(
                    "The expression is nested too deeply, at most {MAX_DEPTH} levels are allowed"
                ),
            ));
        }
        let resolved = self.expr_at_depth(expr, place);
        self.depth -= 1;
        let resolved = resolved?;
        let at = begin(&resolved);
        bounds::expressions(1, at)?;
        bounded(&resolved.ty, at)?;
        Ok(resolved)
    }

    fn expr_at_depth(&mut self, expr: &ast::Expr, place: Place<'_>) -> Result<Expr, Diagnostic> {
        use ast::Expr as E;
        match expr {
            E::Identifier(name) if name.quote_style.is_none() && names_a_call(&name.value) => {
                self.call_without_parentheses(name, place)
            }
            E::Identifier(name) => self.name(std::slice::from_ref(name), place),
            E::CompoundIdentifier(parts) => self.name(parts, place),
            E::Nested(inner) => self.expr(inner, place),
            E::Value(ast::ValueWithSpan { value: Value::Placeholder(number), span }) => {
                self.positional(number, span.start.into())
            }
            E::Value(value) => literal(&value.value, value.span.start.into()),
            E::TypedString(typed) => typed_literal(typed),
            E::Struct { values, fields } => self.structure(expr, values, fields, true, place),
            E::Tuple(values) => self.structure(expr, values, &[], false, place),
            E::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, place),
            E::Function(function) => self.call(function, place),
            E::Cast { kind, expr: inner, data_type, format } => {
                self.cast(kind, inner, data_type, format.as_ref(), place)
            }
            E::Case { operand, conditions, else_result, .. } => {
                self.case(expr, operand.as_deref(), conditions, else_result.as_deref(), place)
            }
            E::Array(array) => self.array(expr, array, place),
            E::Interval(interval) => self.interval(expr, interval, place),
            E::Subquery(query) => self.scalar(expr, query, place),
            E::Exists { subquery, negated } => {
                let query = Box::new(self.query(subquery, place.tables, Some(place.scope))?);
                Ok(Expr::new(
                    ExprKind::Exists { query, negated: *negated },
                    Type::Bool,
                    expr.span().start.into(),
                ))
            }
            E::Extract { .. }
            | E::Ceil { .. }
            | E::Floor { .. }
            | E::Substring { .. }
            | E::Trim { .. }
            | E::Position { .. } => self.special_call(expr, place),
            _ => self.operator(expr, place),
        }
    }

    /// A condition: BOOL, or a value inside an event read as one.
    pub(super) fn condition(
        &mut self,
        condition: &ast::Expr,
        place: Place<'_>,
        clause: &str,
    ) -> Result<Expr, Diagnostic> {
        let resolved = self.expr(condition, place)?;
        let ty = resolved.ty.clone();
        let at = resolved.at;
        coerce::to(resolved, &Type::Bool).ok_or_else(|| {
            Diagnostic::invalid(
                at,
                format!("{clause} should have an expression of type BOOL, this is {ty}"),
            )
        })
    }

    /// `a.b[0].c`, `f(x)[OFFSET(1)]`
    fn access(
        &mut self,
        root: &ast::Expr,
        chain: &[AccessExpr],
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        // `SAFE.f(x).a` is a field of what the call gives.
        if let (
            ast::Expr::Identifier(prefix),
            [AccessExpr::Dot(ast::Expr::Function(call)), rest @ ..],
        ) = (root, chain)
        {
            let mut call = call.clone();
            call.name.0.insert(0, ast::ObjectNamePart::Identifier(prefix.clone()));
            return self.access(&ast::Expr::Function(call), rest, place);
        }
        // A name's first fields belong to the name: the alias may be among them.
        let mut parts = Vec::new();
        let mut rest = chain;
        if let ast::Expr::Identifier(name) = root {
            parts.push(name.clone());
            while let [AccessExpr::Dot(ast::Expr::Identifier(name)), more @ ..] = rest {
                parts.push(name.clone());
                rest = more;
            }
        }
        let mut value =
            if parts.is_empty() { self.expr(root, place)? } else { self.name(&parts, place)? };
        for access in rest {
            value = match access {
                AccessExpr::Dot(ast::Expr::Identifier(name)) => names::field(value, name)?,
                AccessExpr::Dot(other) => {
                    return Err(Diagnostic::invalid(
                        other.span().start.into(),
                        "Syntax error: a field's name is expected",
                    ));
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    self.subscript(value, index, place)?
                }
                AccessExpr::Subscript(Subscript::Slice { .. }) => {
                    return Err(Diagnostic::invalid(
                        value.at,
                        "Syntax error: an array has no slices",
                    ));
                }
            };
        }
        Ok(value)
    }

    fn subscript(
        &mut self,
        array: Expr,
        index: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(index.span().start);
        let (inner, from_one, safe) = match index {
            ast::Expr::Function(function) => match (
                function.name.to_string().to_ascii_uppercase().as_str(),
                only_argument(function),
            ) {
                ("OFFSET", Some(inner)) => (inner, false, false),
                ("SAFE_OFFSET", Some(inner)) => (inner, false, true),
                ("ORDINAL", Some(inner)) => (inner, true, false),
                ("SAFE_ORDINAL", Some(inner)) => (inner, true, true),
                _ => (index, false, false),
            },
            _ => (index, false, false),
        };
        let mut number = self.expr(inner, place)?;
        if let (Type::Json, Some(Literal::String(name))) = (&array.ty, number.as_literal()) {
            return names::field(array, &ast::Ident::new(name));
        }
        if number.ty != Type::Int64 {
            return Err(Diagnostic::unsupported(
                at,
                format!("an array position of type {}", number.ty),
            ));
        }
        if from_one {
            let one = Box::new(Expr::literal(Literal::Int64(1), at));
            let kind = ExprKind::Arithmetic {
                operator: crate::tree::Operator::Subtract,
                left: Box::new(number),
                right: one,
            };
            number = Expr::new(kind, Type::Int64, at);
        }
        let (ty, safe) = match &array.ty {
            Type::Array(element) => (element.as_ref().clone(), safe),
            // Past the end of a list inside an event there is nothing, as with every missing value.
            Type::List(element) => (element.as_ref().clone(), true),
            Type::Dynamic | Type::Object(_) => (array.ty.clone(), true),
            Type::Json => (Type::Json, true),
            ty => {
                return Err(Diagnostic::invalid(
                    at,
                    format!("Element access using [] is not supported on values of type {ty}"),
                ));
            }
        };
        Ok(Expr::new(
            ExprKind::Subscript { array: Box::new(array), index: Box::new(number), safe },
            ty,
            at,
        ))
    }

    fn case(
        &mut self,
        whole: &ast::Expr,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        let operand = operand.map(|operand| self.expr(operand, place)).transpose()?;
        if let Some(operand) = &operand {
            bounds::copies(operand, conditions.len(), at)?;
        }
        let mut tests = Vec::with_capacity(conditions.len());
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            tests.push(match &operand {
                None => self.condition(&when.condition, place, "WHEN")?,
                Some(operand) => {
                    let value = self.expr(&when.condition, place)?;
                    coerce::comparison(crate::tree::Comparison::Equal, operand.clone(), value, at)?
                }
            });
            values.push(self.expr(&when.result, place)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.expr(otherwise, place)?,
            None => Expr::literal(Literal::Null, at),
        });
        let (mut values, ty) = coerce::to_common(values).map_err(|types| {
            Diagnostic::invalid(at, format!("CASE has results of incompatible types: {types}"))
        })?;
        let otherwise = values.pop().unwrap_or_else(|| Expr::literal(Literal::Null, at));
        let branches = tests.into_iter().zip(values).collect();
        Ok(Expr::new(ExprKind::Case { branches, otherwise: Box::new(otherwise) }, ty, at))
    }

    fn array(
        &mut self,
        whole: &ast::Expr,
        array: &ast::Array,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        let elements = array
            .elem
            .iter()
            .map(|element| self.expr(element, place))
            .collect::<Result<Vec<_>, _>>()?;
        let (elements, ty) = coerce::to_common(elements).map_err(|types| {
            Diagnostic::invalid(
                at,
                format!("Array elements of types {types} do not have a common supertype"),
            )
        })?;
        let ty = if ty == Type::Null { Type::Int64 } else { ty };
        if matches!(ty, Type::Array(_) | Type::List(_)) {
            return Err(Diagnostic::invalid(
                at,
                "Cannot construct array with element type ARRAY because nested arrays are not supported",
            ));
        }
        Ok(Expr::new(ExprKind::Array(elements), Type::Array(Box::new(ty)), at))
    }

    /// `ARRAY(SELECT …)`
    pub(super) fn array_query(
        &mut self,
        query: &ast::Query,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        let query = self.query(query, place.tables, Some(place.scope))?;
        let [column] = query.columns.as_slice() else {
            let message = "ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values";
            return Err(Diagnostic::invalid(at, message));
        };
        if matches!(column.ty, Type::Array(_) | Type::List(_)) {
            let message = "Cannot use array subquery with column of type ARRAY because nested arrays are not supported";
            return Err(Diagnostic::invalid(at, message));
        }
        let ty = Type::Array(Box::new(column.ty.clone()));
        Ok(Expr::new(ExprKind::ArrayQuery(Box::new(query)), ty, at))
    }

    fn scalar(
        &mut self,
        whole: &ast::Expr,
        query: &ast::Query,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(whole.span().start);
        let query = self.query(query, place.tables, Some(place.scope))?;
        let [column] = query.columns.as_slice() else {
            let message = format!(
                "Scalar subquery cannot have more than one column, this has {}",
                query.columns.len()
            );
            return Err(Diagnostic::invalid(at, message));
        };
        let ty = column.ty.clone();
        Ok(Expr::new(ExprKind::Scalar(Box::new(query)), ty, at))
    }
}

/// Where an expression begins: sqlparser does not know it of a STRUCT.
fn begin(expr: &Expr) -> Position {
    let mut first = expr;
    while first.at == Position::default()
        && let ExprKind::Struct(fields) = &first.kind
        && let Some(field) = fields.first()
    {
        first = field;
    }
    first.at
}

/// Checks how large a type is.
pub(super) fn bounded(ty: &Type, at: Position) -> Result<(), Diagnostic> {
    bounds::fields(ty.field_count(), at)?;
    bounds::struct_depth(ty.depth(), at)
}

/// Functions that BigQuery calls without parentheses.
fn names_a_call(name: &str) -> bool {
    ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME"]
        .iter()
        .any(|call| call.eq_ignore_ascii_case(name))
}

fn only_argument(function: &ast::Function) -> Option<&ast::Expr> {
    match &function.args {
        ast::FunctionArguments::List(list) => match list.args.as_slice() {
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr))] => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn literal(value: &Value, at: Position) -> Result<Expr, Diagnostic> {
    Ok(match value {
        Value::Null => Expr::literal(Literal::Null, at),
        Value::Boolean(value) => Expr::bool(*value, at),
        Value::SingleQuotedString(text) => Expr::literal(Literal::String(text.clone()), at),
        Value::Number(number, _) => number_literal(number, at)?,
        Value::HexStringLiteral(digits) => {
            let number = i64::from_str_radix(digits, 16).map_err(|_| {
                Diagnostic::invalid(at, format!("Invalid integer literal: 0x{digits}"))
            })?;
            Expr::literal(Literal::Int64(number), at)
        }
        Value::SingleQuotedByteStringLiteral(digits) => {
            let bytes = syntax::bytes_of(digits)
                .ok_or_else(|| Diagnostic::internal(at, "a bytes literal was lost"))?;
            Expr::literal(Literal::Bytes(bytes), at)
        }
        other => return Err(Diagnostic::unsupported(at, format!("the literal {other}"))),
    })
}

fn number_literal(number: &str, at: Position) -> Result<Expr, Diagnostic> {
    if let Ok(whole) = number.parse::<i64>() {
        return Ok(Expr::literal(Literal::Int64(whole), at));
    }
    let fraction = number.contains(['.', 'e', 'E']);
    match number.parse::<f64>() {
        Ok(value) if fraction && value.is_finite() => {
            Ok(Expr::literal(Literal::Float64(value, Some(number.to_owned())), at))
        }
        _ if fraction => {
            Err(Diagnostic::invalid(at, format!("Invalid floating point literal: {number}")))
        }
        _ => Err(Diagnostic::invalid(at, format!("Invalid integer literal: {number}"))),
    }
}
