//! Aggregates that give the value of one of the rows.

use super::{
    AggregateCall, AggregateFunction, Param, Returns, aggregate, clauses::Clause, lowered_aggregate,
};
use crate::{
    diagnostic::Diagnostic, lower::carrier, postgres::Expr as Pg, tree::Expr, types::Type,
};

pub(super) const FUNCTIONS: &[AggregateFunction] = &[
    aggregate(
        "ANY_VALUE",
        "The value of one of the rows, not NULL if one is not.",
        &[lowered_aggregate(&[Param::Any], Returns::With(first_type), any_value)],
        &[
            ("ANY_VALUE(7)", "7"),
            ("ANY_VALUE(IF(x = 3, x, NULL))", "3"),
            ("ANY_VALUE(NULLIF(x, x))", "NULL"),
            ("ANY_VALUE([4, 5])[OFFSET(1)]", "5"),
            ("ANY_VALUE(x + 1 HAVING MAX x)", "4"),
            ("ANY_VALUE(x + 1 HAVING MIN x)", "2"),
        ],
    ),
    aggregate(
        "MAX_BY",
        "The first value in the row where the second is greatest.",
        &[lowered_aggregate(&[Param::Any, Param::Any], Returns::With(first_type), max_by)],
        &[
            ("MAX_BY(x + 1, x)", "4"),
            ("MAX_BY('a', NULLIF(x, x))", "NULL"),
            ("MAX_BY(x, IF(x = 3, 'B', 'a'))", "1"),
            ("MAX_BY([x, 9], x)[OFFSET(0)]", "3"),
        ],
    ),
    aggregate(
        "MIN_BY",
        "The first value in the row where the second is least.",
        &[lowered_aggregate(&[Param::Any, Param::Any], Returns::With(first_type), min_by)],
        &[
            ("MIN_BY(x + 1, x)", "2"),
            ("MIN_BY(x, - x)", "3"),
            ("MIN_BY(x, IF(x = 3, CAST('nan' AS FLOAT64), 1))", "3"),
        ],
    ),
];

fn first_type(args: &[Expr]) -> Type {
    match args.first().map(|arg| &arg.ty) {
        None | Some(Type::Null) => Type::Int64,
        Some(ty) => ty.clone(),
    }
}

fn any_value(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Over])?;
    choose(&call, "(array_agg($1) FILTER (WHERE $2 IS NOT NULL)$over)[1]")
}

fn max_by(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[])?;
    let template = match ordered_type(&call)? {
        Type::String => {
            "(array_agg($1 ORDER BY $3 COLLATE \"C\" DESC) FILTER (WHERE $3 IS NOT NULL))[1]"
        }
        _ => "(array_agg($1 ORDER BY $3 DESC) FILTER (WHERE $3 IS NOT NULL))[1]",
    };
    choose(&call, template)
}

fn min_by(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[])?;
    let template = match ordered_type(&call)? {
        Type::String => {
            "(array_agg($1 ORDER BY $3 COLLATE \"C\") FILTER (WHERE $3 IS NOT NULL))[1]"
        }
        // NaN is less than all numbers here.
        Type::Float64 => {
            "(array_agg($1 ORDER BY $3 <> 'NaN', $3) FILTER (WHERE $3 IS NOT NULL))[1]"
        }
        _ => "(array_agg($1 ORDER BY $3) FILTER (WHERE $3 IS NOT NULL))[1]",
    };
    choose(&call, template)
}

/// The type of what rows are chosen by.
fn ordered_type<'a>(call: &AggregateCall<'a>) -> Result<&'a Type, Diagnostic> {
    match call.args.get(1) {
        Some(arg) if arg.ty.is_ordered() => Ok(&arg.ty),
        arg => {
            let ty = arg.map_or(&Type::Null, |arg| &arg.ty);
            let message = format!("Argument 2 of type {ty} has no order");
            Err(Diagnostic::invalid(call.at(), message))
        }
    }
}

/// A template of what is collected, its value, and what is chosen by. PostgreSQL collects no
/// arrays of several lengths: they are carried in a STRUCT.
fn choose(call: &AggregateCall<'_>, template: &'static str) -> Result<Pg, Diagnostic> {
    let Some((value, lowered)) = call.args.first().zip(call.lowered.first()) else {
        return Err(Diagnostic::internal(call.at(), "an argument was lost"));
    };
    let by = call.lowered.get(1).unwrap_or(lowered).clone();
    let ty = first_type(call.args);
    if !matches!(ty, Type::Array(_)) {
        let value = if value.ty == Type::Null { Pg::null("bigint") } else { lowered.clone() };
        return Ok(call.template_of(template, vec![value.clone(), value, by]));
    }
    let carried = carrier::build_struct(&call.args[..1], vec![lowered.clone()]);
    let chosen = call.template_of(template, vec![carried, lowered.clone(), by]);
    Ok(carrier::struct_field(chosen, 0, &ty))
}
