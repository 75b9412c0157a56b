//! From BigQuery's meaning to PostgreSQL's constructs.
//!
//! Invariant: after it, nothing depends on BigQuery's types; NULLs are placed, text is compared by
//! code point, times are UTC without a zone.

mod aggregate;
mod attempt;
pub(crate) mod carrier;
pub(crate) mod cast;
mod expression;
mod float;
mod literal;

pub(crate) use expression::lower as lower_expression;

use crate::{
    diagnostic::Diagnostic,
    postgres,
    tree::{self, Body, Expr, From, Query, Select, SetOperator, SortKey, Statement},
    types::Type,
};

/// Lowers a statement.
pub(crate) fn statement(statement: &Statement) -> Result<postgres::Query, Diagnostic> {
    let mut lowered = query(&statement.query)?;
    lowered.ctes = statement
        .ctes
        .iter()
        .map(|cte| Ok((cte.relation.clone(), query(&cte.query)?)))
        .collect::<Result<_, Diagnostic>>()?;
    lowered.recursive = statement.ctes.iter().any(|cte| cte.recursive);
    Ok(lowered)
}

fn query(query: &Query) -> Result<postgres::Query, Diagnostic> {
    let body = match &query.body {
        Body::Select(select) => {
            postgres::Body::Select(Box::new(self::select(select, &query.columns)?))
        }
        Body::SetOperation { operator, all, left, right } => postgres::Body::SetOperation {
            operator: set_operator(*operator, *all),
            left: Box::new(self::query(left)?),
            right: Box::new(self::query(right)?),
        },
    };
    Ok(postgres::Query {
        ctes: Vec::new(),
        recursive: false,
        body,
        order_by: sort_keys(query.order_by.iter().filter(|key| key.expr.as_literal().is_none()))?,
        limit: query.limit,
        offset: query.offset,
    })
}

fn set_operator(operator: SetOperator, all: bool) -> &'static str {
    match (operator, all) {
        (SetOperator::Union, true) => "UNION ALL",
        (SetOperator::Union, false) => "UNION",
        (SetOperator::Intersect, true) => "INTERSECT ALL",
        (SetOperator::Intersect, false) => "INTERSECT",
        (SetOperator::Except, true) => "EXCEPT ALL",
        (SetOperator::Except, false) => "EXCEPT",
    }
}

fn select(select: &Select, columns: &[tree::Column]) -> Result<postgres::Select, Diagnostic> {
    let mut items = Vec::with_capacity(select.items.len());
    for (item, column) in select.items.iter().zip(columns) {
        items.push((expression::lower(item)?, column.column.clone()));
    }
    Ok(postgres::Select {
        distinct: select.distinct,
        items,
        from: select.from.iter().map(from).collect::<Result<_, _>>()?,
        filter: select.filter.as_ref().map(expression::lower).transpose()?,
        group_by: select.group_by.iter().map(group_key).collect::<Result<_, _>>()?,
        grouping_sets: select.grouping_sets.clone(),
        having: select.having.as_ref().map(expression::lower).transpose()?,
    })
}

fn from(item: &From) -> Result<postgres::From, Diagnostic> {
    Ok(match item {
        From::Table { table, relation, .. } => {
            postgres::From::Relation { name: table.clone(), alias: relation.clone() }
        }
        From::Cte { cte, relation } => postgres::From::Relation {
            name: postgres::quote_identifier(cte),
            alias: relation.clone(),
        },
        From::Derived { query, relation } => postgres::From::Derived {
            query: Box::new(self::query(query)?),
            alias: relation.clone(),
        },
        From::Unnest { unnest, relation } => {
            let template = match &unnest.array.ty {
                Type::Array(_) => "unnest($1)",
                _ if unnest.missing_gives_row => "logweir.unnest_or_null($1)",
                _ => "logweir.unnest($1)",
            };
            let mut columns = vec![tree::ELEMENT];
            if unnest.with_offset {
                columns.push(tree::ORDINAL);
            }
            postgres::From::Lateral {
                call: postgres::Expr::template(template, vec![expression::lower(&unnest.array)?]),
                alias: relation.clone(),
                columns,
                ordinality: unnest.with_offset,
            }
        }
        From::Join { kind, left, right, on } => {
            let on = match on {
                Some(on) => Some(expression::lower(on)?),
                None if *kind == tree::JoinKind::Cross => None,
                None => Some(postgres::Expr::Atom("TRUE".to_owned())),
            };
            // PostgreSQL's cross join takes no condition.
            let kind = match (*kind, &on) {
                (tree::JoinKind::Cross, Some(_)) => tree::JoinKind::Inner,
                (kind, _) => kind,
            };
            postgres::From::Join {
                kind,
                left: Box::new(from(left)?),
                right: Box::new(from(right)?),
                on,
            }
        }
    })
}

/// A key of GROUP BY. A literal without a type could be the place of a column.
fn group_key(key: &Expr) -> Result<postgres::Expr, Diagnostic> {
    let lowered = expression::lower(key)?;
    Ok(if key.as_literal().is_some() { postgres::Expr::cast(lowered, &key.ty) } else { lowered })
}

/// Sort keys; NaN, which PostgreSQL takes for the greatest number, is BigQuery's smallest.
fn sort_keys<'k>(
    keys: impl IntoIterator<Item = &'k SortKey>,
) -> Result<Vec<postgres::SortKey>, Diagnostic> {
    let mut lowered = Vec::new();
    for key in keys {
        let sorted = sort_key(key)?;
        if float::can_be_nan(&key.expr) {
            let is_number =
                postgres::Expr::template("$1 <> 'NaN'::float8", vec![sorted.expr.clone()]);
            lowered.push(postgres::SortKey { expr: is_number, ..sorted.clone() });
        }
        lowered.push(sorted);
    }
    Ok(lowered)
}

fn sort_key(key: &SortKey) -> Result<postgres::SortKey, Diagnostic> {
    Ok(postgres::SortKey {
        expr: ordered(&key.expr)?,
        descending: key.descending,
        nulls_first: key.nulls_first,
    })
}

/// An expression whose order matters: text is ordered by code point.
fn ordered(expr: &Expr) -> Result<postgres::Expr, Diagnostic> {
    Ok(in_order(expression::lower(expr)?, &expr.ty))
}

/// As [`ordered`], of what is lowered.
fn in_order(lowered: postgres::Expr, ty: &Type) -> postgres::Expr {
    match ty {
        Type::String => postgres::Expr::template("$1 COLLATE \"C\"", vec![lowered]),
        _ => lowered,
    }
}
