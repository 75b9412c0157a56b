//! Expressions.

use super::{cast, ordered, query, sort_key};
use crate::{
    diagnostic::Diagnostic,
    functions::{DatePart, Lower},
    postgres::{self, Expr as Pg},
    resolve::format_datetime,
    tree::{Comparison, Expr, ExprKind, Literal},
    types::Type,
};

/// Lowers an expression.
pub(super) fn lower(expr: &Expr) -> Result<Pg, Diagnostic> {
    Ok(match &expr.kind {
        ExprKind::Literal(literal) => self::literal(literal, expr)?,
        ExprKind::Column { relation, column } => {
            Pg::Column { relation: relation.clone(), column: column.clone() }
        }
        ExprKind::Field { base, name } => field(lower(base)?, name, &expr.ty),
        ExprKind::Read(inner) => read(lower(inner)?, &expr.ty),
        ExprKind::Call { overload, args } => {
            let lowered = all(args)?;
            match overload.lower {
                Lower::Template(template) => Pg::template(template, lowered),
                Lower::With(lower) => lower(args, lowered)?,
            }
        }
        ExprKind::Aggregate(aggregate) => Pg::Template {
            template: aggregate.function.template,
            args: all(&aggregate.args)?,
            distinct: aggregate.distinct,
            order_by: aggregate.order_by.iter().map(sort_key).collect::<Result<_, _>>()?,
        },
        ExprKind::DatePart(_) => Pg::null("text"),
        ExprKind::Interval { value, part } => interval(value, *part)?,
        ExprKind::Compare { operator, left, right } => compare(*operator, left, right)?,
        ExprKind::And(operands) => Pg::Infix { operator: "AND", operands: all(operands)? },
        ExprKind::Or(operands) if operands.is_empty() => Pg::Atom("FALSE".to_owned()),
        ExprKind::Or(operands) => Pg::Infix { operator: "OR", operands: all(operands)? },
        ExprKind::Not(inner) => Pg::Prefix { operator: "NOT", operand: Box::new(lower(inner)?) },
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
        ExprKind::In { expr, list, negated } => {
            Pg::In { expr: Box::new(lower(expr)?), list: all(list)?, negated: *negated }
        }
        ExprKind::InQuery { expr, query, negated } => Pg::InQuery {
            expr: Box::new(lower(expr)?),
            query: Box::new(self::query(query)?),
            negated: *negated,
        },
        ExprKind::Exists { query, negated } => {
            Pg::Exists { query: Box::new(self::query(query)?), negated: *negated }
        }
        ExprKind::Scalar(query) => Pg::Scalar(Box::new(self::query(query)?)),
        ExprKind::Like { expr, pattern, negated, ignore_case } => {
            let operator = match (ignore_case, negated) {
                (false, false) => "LIKE",
                (false, true) => "NOT LIKE",
                (true, false) => "ILIKE",
                (true, true) => "NOT ILIKE",
            };
            Pg::infix(operator, lower(expr)?, lower(pattern)?)
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
            Pg::infix(operator.sign(), lower(left)?, lower(right)?)
        }
        ExprKind::Negate(inner) => Pg::Prefix { operator: "-", operand: Box::new(lower(inner)?) },
        ExprKind::Array(elements) => Pg::Array { elements: all(elements)?, ty: expr.ty.postgres() },
        ExprKind::Subscript { array, index, safe } => {
            let args = vec![lower(array)?, lower(index)?];
            match (&array.ty, safe) {
                (Type::Array(_), false) => Pg::template("logweir.element($1, $2)", args),
                (Type::Array(_), true) => Pg::template("logweir.safe_element($1, $2)", args),
                // A negative place would count from the end.
                _ => read(Pg::template("CASE WHEN $2 >= 0 THEN $1 -> $2::int END", args), &expr.ty),
            }
        }
    })
}

fn all(exprs: &[Expr]) -> Result<Vec<Pg>, Diagnostic> {
    exprs.iter().map(lower).collect()
}

fn literal(literal: &Literal, expr: &Expr) -> Result<Pg, Diagnostic> {
    let out_of_range = || Diagnostic::invalid(expr.at, format!("{} is out of range", expr.ty));
    Ok(match literal {
        Literal::Null => Pg::null(&expr.ty.postgres()),
        Literal::Bool(value) => Pg::Atom(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        Literal::Int64(number) => Pg::number(*number),
        Literal::Float64(number) => Pg::Atom(format!("'{number:?}'::double precision")),
        Literal::String(text) => Pg::text(text),
        Literal::Timestamp(micros) | Literal::Datetime(micros) => {
            Pg::Atom(format!("'{}'::timestamp", format_datetime(*micros).ok_or_else(out_of_range)?))
        }
        Literal::Date(days) => {
            let text =
                format_datetime(i64::from(*days) * 86_400_000_000).ok_or_else(out_of_range)?;
            Pg::Atom(format!("'{}'::date", &text[..10]))
        }
    })
}

/// A field of a JSON value, read as a type.
fn field(base: Pg, name: &str, ty: &Type) -> Pg {
    let name = Pg::Atom(postgres::quote_text(name));
    match ty {
        Type::String => Pg::infix("->>", base, name),
        _ => read(Pg::infix("->", base, name), ty),
    }
}

/// A JSON value, read as a type; what does not fit is NULL.
fn read(json: Pg, ty: &Type) -> Pg {
    let template = match ty {
        Type::String => "$1 #>> '{}'",
        Type::Bool => "logweir.bool($1)",
        Type::Int64 => "logweir.int64($1)",
        Type::Float64 => "logweir.float64($1)",
        Type::Timestamp => "logweir.timestamp($1)",
        Type::Datetime => "logweir.safe_datetime($1 #>> '{}')",
        Type::Date => "logweir.safe_datetime($1 #>> '{}')::date",
        _ => return json,
    };
    Pg::template(template, vec![json])
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
    let left = if operator.orders() { ordered(left)? } else { lower(left)? };
    Ok(Pg::infix(operator.sign(), left, lower(right)?))
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
    Ok(Pg::infix("*", lower(value)?, Pg::Atom(unit.to_owned())))
}
