//! Expressions.

use super::{aggregate, attempt, carrier, cast, literal, ordered, query};
use crate::{
    diagnostic::Diagnostic,
    functions::{DatePart, collated_operands},
    postgres::{self, Expr as Pg},
    tree::{Comparison, Expr, ExprKind, Literal, Operator},
    types::Type,
};

/// Lowers an expression, and counts what it becomes.
pub(crate) fn lower(expr: &Expr) -> Result<Pg, Diagnostic> {
    lowered(expr)?.counted(expr.at)
}

fn lowered(expr: &Expr) -> Result<Pg, Diagnostic> {
    Ok(match &expr.kind {
        ExprKind::Literal(literal) => literal::lower(literal, expr)?,
        ExprKind::Late(literal) => {
            let items = vec![(lower(literal)?, "late".to_owned())];
            let select = postgres::Select { items, ..Default::default() };
            let body = postgres::Body::Select(Box::new(select));
            Pg::Scalar(Box::new(postgres::Query { body, ..Default::default() }))
        }
        ExprKind::Column { relation, column } => {
            Pg::Column { relation: relation.clone(), column: column.clone() }
        }
        ExprKind::Field { base, name } => field(lower(base)?, name, &expr.ty),
        ExprKind::Read(inner) => carrier::read(lower(inner)?, &expr.ty),
        ExprKind::Call { overload, args, safe: true } => attempt::safe_call(overload, args, expr)?,
        ExprKind::Call { overload, args, safe: false } => {
            attempt::called(overload.lower, args, all(args)?)?
        }
        ExprKind::Aggregate(call) => aggregate::lower(call, None, expr)?,
        ExprKind::Window(call, window) => aggregate::lower(call, Some(window), expr)?,
        ExprKind::DatePart(_) => Pg::null("text"),
        ExprKind::Interval { value, part } => interval(value, *part)?,
        ExprKind::Compare { operator, left, right } => compare(*operator, left, right)?,
        ExprKind::And(operands) => Pg::Infix { operator: "AND", operands: all(operands)? },
        ExprKind::Or(operands) if operands.is_empty() => Pg::Atom("FALSE".to_owned()),
        ExprKind::Or(operands) => Pg::Infix { operator: "OR", operands: all(operands)? },
        ExprKind::Not(inner) => Pg::Prefix { operator: "NOT", operand: Box::new(lower(inner)?) },
        ExprKind::Scalar(query) => Pg::Scalar(Box::new(self::query(query)?)),
        ExprKind::ArrayQuery(query) => Pg::ArrayQuery(Box::new(self::query(query)?)),
        ExprKind::Grouping(key) => Pg::template("grouping($1)::bigint", vec![lower(key)?]),
        ExprKind::Row { relation, fields } => row(relation, fields, &expr.ty)?,
        ExprKind::Struct(fields) => carrier::build_struct(fields, all(fields)?),
        ExprKind::StructField { base, place } => {
            carrier::struct_field(lower(base)?, *place, &expr.ty)
        }
        ExprKind::Case { branches, otherwise } => Pg::Case {
            branches: branches
                .iter()
                .map(|(condition, value)| Ok((lower(condition)?, lower(value)?)))
                .collect::<Result<_, Diagnostic>>()?,
            otherwise: Box::new(lower(otherwise)?),
        },
        ExprKind::Cast { expr: inner, safe } => {
            cast::lower(inner, lower(inner)?, &expr.ty, *safe, expr.at)?
        }
        ExprKind::Arithmetic { operator, left, right } => {
            arithmetic(*operator, left, right, &expr.ty)?
        }
        ExprKind::Negate(inner) => Pg::Prefix { operator: "-", operand: Box::new(lower(inner)?) },
        ExprKind::Array(elements) => Pg::Array { elements: all(elements)?, ty: expr.ty.postgres() },
        ExprKind::Subscript { array, index, safe } => {
            let args = vec![lower(array)?, lower(index)?];
            match (&array.ty, safe) {
                (Type::Array(_), false) => Pg::template("logweir.element($1, $2)", args),
                (Type::Array(_), true) => Pg::template("logweir.safe_element($1, $2)", args),
                (Type::Json, _) => Pg::template("logweir.json_element($1, $2)", args),
                // Events keep objects as objects: one is its own only element.
                _ => {
                    let element = Pg::template(
                        "CASE WHEN jsonb_typeof($1) = 'object' THEN CASE WHEN $2 = 0 THEN $1 END WHEN $2 >= 0 THEN $1 -> $2::int END",
                        args,
                    );
                    carrier::read(element, &expr.ty)
                }
            }
        }
        _ => test(expr)?,
    })
}

/// Lowers what is true, false or NULL of a value.
fn test(expr: &Expr) -> Result<Pg, Diagnostic> {
    Ok(match &expr.kind {
        ExprKind::IsNull { expr, negated } => Pg::Postfix {
            operand: Box::new(lower(expr)?),
            operator: if *negated { "IS NOT NULL" } else { "IS NULL" },
        },
        ExprKind::IsBool { expr, value, negated } => Pg::Postfix {
            operand: Box::new(lower(expr)?),
            operator: match (value, negated) {
                (true, false) => "IS TRUE",
                (true, true) => "IS NOT TRUE",
                (false, false) => "IS FALSE",
                (false, true) => "IS NOT FALSE",
            },
        },
        // Nothing is in a list of nothing.
        ExprKind::In { list, negated, .. } if list.is_empty() => {
            Pg::Atom(if *negated { "TRUE" } else { "FALSE" }.to_owned())
        }
        ExprKind::In { expr, list, negated } => {
            Pg::In { expr: Box::new(lower(expr)?), list: all(list)?, negated: *negated }
        }
        ExprKind::InQuery { expr, query, negated } => Pg::InQuery {
            expr: Box::new(lower(expr)?),
            query: Box::new(self::query(query)?),
            negated: *negated,
        },
        ExprKind::InArray { expr, array, negated } => {
            let template = match (&expr.ty, negated) {
                (Type::Struct(_), false) => "logweir.struct_in($1, $2)",
                (Type::Struct(_), true) => "NOT logweir.struct_in($1, $2)",
                (_, false) => "CASE WHEN $2 IS NULL THEN FALSE ELSE $1 = ANY ($2) END",
                (_, true) => "CASE WHEN $2 IS NULL THEN TRUE ELSE $1 <> ALL ($2) END",
            };
            // Without the cast a sub-query would give rows to choose from, not an array.
            let array = Pg::cast(lower(array)?, &array.ty);
            Pg::template(template, vec![lower(expr)?, array])
        }
        ExprKind::Exists { query, negated } => {
            Pg::Exists { query: Box::new(self::query(query)?), negated: *negated }
        }
        ExprKind::Like { expr, pattern, negated, ignore_case } => {
            let operator = match (ignore_case, negated) {
                (false, false) => "LIKE",
                (false, true) => "NOT LIKE",
                (true, false) => "ILIKE",
                (true, true) => "NOT ILIKE",
            };
            Pg::infix(operator, lower(expr)?, lower(pattern)?)
        }
        _ => return Err(Diagnostic::internal(expr.at, "an expression was not lowered")),
    })
}

pub(super) fn all(exprs: &[Expr]) -> Result<Vec<Pg>, Diagnostic> {
    exprs.iter().map(lower).collect()
}

/// A row, NULL where an outer join has found none.
fn row(relation: &str, fields: &[Expr], ty: &Type) -> Result<Pg, Diagnostic> {
    let row = Pg::Atom(format!("({}.*)", postgres::quote_identifier(relation)));
    let value = match ty {
        Type::Struct(_) => carrier::build_struct(fields, all(fields)?),
        _ => Pg::template("logweir.event($1, $2, $3, $4)", all(fields)?),
    };
    Ok(Pg::template("CASE WHEN $1 IS DISTINCT FROM NULL THEN $2 END", vec![row, value]))
}

/// A field of a JSON value, read as a type.
fn field(base: Pg, name: &str, ty: &Type) -> Pg {
    let name = Pg::Atom(postgres::quote_text(name));
    match ty {
        Type::String => Pg::infix("->>", base, name),
        _ => carrier::read(Pg::infix("->", base, name), ty),
    }
}

fn compare(operator: Comparison, left: &Expr, right: &Expr) -> Result<Pg, Diagnostic> {
    if left.ty == Type::Dynamic && operator.orders() {
        // JSON values of different kinds have an order in PostgreSQL that means nothing here.
        let template = match operator {
            Comparison::Less => "CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) THEN $1 < $2 END",
            Comparison::LessOrEqual => {
                "CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) THEN $1 <= $2 END"
            }
            Comparison::Greater => "CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) THEN $1 > $2 END",
            _ => "CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) THEN $1 >= $2 END",
        };
        return Ok(Pg::template(template, vec![lower(left)?, lower(right)?]));
    }
    if matches!(left.ty, Type::Struct(_)) {
        let args = vec![lower(left)?, lower(right)?];
        return Ok(match operator {
            Comparison::Equal => Pg::template("logweir.structs_equal($1, $2)", args),
            Comparison::NotEqual => Pg::template("NOT logweir.structs_equal($1, $2)", args),
            _ => Pg::Infix { operator: operator.sign(), operands: args },
        });
    }
    if left.ty == Type::Float64
        && let Some(compared) = super::float::compare(operator, left, right)?
    {
        return Ok(compared);
    }
    if let Some((left, right)) = collated_operands(operator, left, right) {
        let collated =
            |operand| Ok(Pg::template("$1 COLLATE logweir.\"und:ci\"", vec![lower(operand)?]));
        return Ok(Pg::infix(operator.sign(), collated(left)?, collated(right)?));
    }
    let left = if operator.orders() { ordered(left)? } else { lower(left)? };
    Ok(Pg::infix(operator.sign(), left, lower(right)?))
}

/// Results keep to the digits and the range of their type.
fn arithmetic(operator: Operator, left: &Expr, right: &Expr, ty: &Type) -> Result<Pg, Diagnostic> {
    let (left, right) = (lower(left)?, lower(right)?);
    let sum = |template| Pg::template(template, vec![left.clone(), right.clone()]);
    Ok(match (ty, operator) {
        (Type::Float64, Operator::Divide) => sum("logweir.divide($1, $2)"),
        (Type::Numeric, Operator::Divide) => sum("logweir.divide_numeric($1, $2)"),
        (Type::BigNumeric, Operator::Divide) => sum("logweir.divide_bignumeric($1, $2)"),
        (Type::Numeric, _) => {
            Pg::template("logweir.to_numeric($1)", vec![Pg::infix(operator.sign(), left, right)])
        }
        (Type::BigNumeric, _) => {
            Pg::template("logweir.to_bignumeric($1)", vec![Pg::infix(operator.sign(), left, right)])
        }
        _ => Pg::infix(operator.sign(), left, right),
    })
}

/// `INTERVAL n PART`. A day has 24 hours: times are UTC.
fn interval(value: &Expr, part: DatePart) -> Result<Pg, Diagnostic> {
    let unit = match part {
        DatePart::Microsecond => "interval '1 microsecond'",
        DatePart::Millisecond => "interval '1 millisecond'",
        DatePart::Second => "interval '1 second'",
        DatePart::Minute => "interval '1 minute'",
        DatePart::Hour => "interval '1 hour'",
        DatePart::Day => "interval '1 day'",
        DatePart::Week(0) => "interval '7 day'",
        DatePart::Month => "interval '1 month'",
        DatePart::Quarter => "interval '3 month'",
        DatePart::Year => "interval '1 year'",
        _ => {
            return Err(Diagnostic::invalid(
                value.at,
                "Syntax error: this is not a unit of INTERVAL",
            ));
        }
    };
    // PostgreSQL multiplies in floating point, which is exact for what is not large.
    if matches!(value.as_literal(), Some(Literal::Int64(-1_000_000..=1_000_000)))
        && !matches!(part, DatePart::Year | DatePart::Quarter | DatePart::Month)
    {
        return Ok(Pg::infix("*", lower(value)?, Pg::Atom(unit.to_owned())));
    }
    let (months, days, micros) = match (part.months(), part) {
        (Some(months), _) => (months, 0, 0),
        (None, DatePart::Day) => (0, 1, 0),
        (None, DatePart::Week(_)) => (0, 7, 0),
        (None, part) => (0, 0, part.microseconds().unwrap_or_default()),
    };
    let args = vec![lower(value)?, Pg::number(months), Pg::number(days), Pg::number(micros)];
    Ok(Pg::template("logweir.interval_of($1, $2, $3, $4)", args))
}
