//! UNION, INTERSECT and EXCEPT.

use sqlparser::ast;

use super::{
    Resolver, Tables,
    query::sorted_result,
    scope::Scope,
    supertype::{self, Value},
};
use crate::{
    diagnostic::{Diagnostic, Position},
    syntax::{SetMode, mode_of},
    tree::{self, Body, Expr, Literal},
    types::Type,
};

impl Resolver<'_> {
    #[expect(clippy::too_many_arguments, reason = "the parts of one syntax node")]
    pub(super) fn set_operation(
        &mut self,
        at: Position,
        operator: ast::SetOperator,
        quantifier: ast::SetQuantifier,
        left: &ast::SetExpr,
        right: &ast::SetExpr,
        tables: &Tables<'_>,
        parent: Option<&Scope<'_>>,
    ) -> Result<tree::Query, Diagnostic> {
        let (all, by_name) = match quantifier {
            ast::SetQuantifier::All => (true, false),
            ast::SetQuantifier::Distinct => (false, false),
            ast::SetQuantifier::AllByName => (true, true),
            ast::SetQuantifier::DistinctByName => (false, true),
            ast::SetQuantifier::None => {
                return Err(Diagnostic::invalid(
                    at,
                    "Syntax error: a set operation needs ALL or DISTINCT",
                ));
            }
            ast::SetQuantifier::ByName => {
                let message = "Syntax error: BY NAME follows ALL or DISTINCT";
                return Err(Diagnostic::invalid(at, message));
            }
        };
        let syntax_operator = operator;
        let operator = match operator {
            ast::SetOperator::Union => tree::SetOperator::Union,
            ast::SetOperator::Intersect => tree::SetOperator::Intersect,
            ast::SetOperator::Except | ast::SetOperator::Minus => tree::SetOperator::Except,
        };
        if all && operator != tree::SetOperator::Union {
            let name = if operator == tree::SetOperator::Except { "EXCEPT" } else { "INTERSECT" };
            let message = format!("Syntax error: {name} ALL is not supported, use {name} DISTINCT");
            return Err(Diagnostic::invalid(at, message));
        }
        let (left, mode) = match left {
            ast::SetExpr::SetOperation { left: first, right: marker, .. } if by_name => {
                match mode_of(marker) {
                    Some(mode) => (first.as_ref(), mode),
                    None => (left, SetMode::Strict),
                }
            }
            left => (left, SetMode::Strict),
        };
        let differs = |side: &ast::SetExpr| {
            matches!(side, ast::SetExpr::SetOperation { op, set_quantifier, .. }
                if (op, set_quantifier) != (&syntax_operator, &quantifier))
        };
        if differs(left) || differs(right) {
            let message = "Different set operations cannot be used in the same query without using parentheses for grouping";
            return Err(Diagnostic::invalid(at, message));
        }
        let left = self.body(left, None, tables, parent)?;
        let right = self.body(right, None, tables, parent)?;
        let (left, right) = if by_name { by_names(mode, left, right, at)? } else { (left, right) };
        united(operator, all, left, right, at)
    }
}

/// A set operation over two queries, whose columns get common types.
pub(super) fn united(
    operator: tree::SetOperator,
    all: bool,
    mut left: tree::Query,
    mut right: tree::Query,
    at: Position,
) -> Result<tree::Query, Diagnostic> {
    if left.columns.len() != right.columns.len() {
        let message = format!(
            "Queries in a set operation have mismatched column count; the first has {}, the second {}",
            left.columns.len(),
            right.columns.len()
        );
        return Err(Diagnostic::invalid(at, message));
    }
    for place in 0..left.columns.len() {
        let types = [left.columns[place].ty.clone(), right.columns[place].ty.clone()];
        let mut values = Vec::new();
        values_at(&left, place, &mut values);
        values_at(&right, place, &mut values);
        let Some(common) = supertype::of(&values) else {
            let message = format!(
                "Column {} in a set operation has incompatible types: {}, {}",
                place + 1,
                types[0],
                types[1]
            );
            return Err(Diagnostic::invalid(at, message));
        };
        for query in [&mut left, &mut right] {
            super::coerce::column(query, place, &common)?;
        }
    }
    // Without ALL, rows are compared.
    if !all && left.columns.iter().any(|column| column.ty.has_sketch()) {
        return Err(Diagnostic::closed_sketch(at));
    }
    let value_table = left.value_table && right.value_table;
    Ok(tree::Query {
        columns: left.columns.clone(),
        body: Body::SetOperation { operator, all, left: Box::new(left), right: Box::new(right) },
        order_by: Vec::new(),
        limit: None,
        offset: None,
        value_table,
    })
}

/// What stands in a column of a query and of those that it unites.
fn values_at<'q>(query: &'q tree::Query, place: usize, values: &mut Vec<Value<'q>>) {
    match &query.body {
        Body::Select(select) => values.extend(select.items.get(place).map(Value::from)),
        Body::SetOperation { left, right, .. } => {
            values_at(left, place, values);
            values_at(right, place, values);
        }
    }
}

/// BY NAME: both queries with the same columns, in the same order.
fn by_names(
    mode: SetMode,
    left: tree::Query,
    right: tree::Query,
    at: Position,
) -> Result<(tree::Query, tree::Query), Diagnostic> {
    let (one, other) = (&left.columns, &right.columns);
    for columns in [one, other] {
        let twice = columns.iter().find(|column| place_of(columns, column).is_none());
        if let Some(column) = twice {
            let message = format!("BY NAME needs one column of the name {}", column.name);
            return Err(Diagnostic::invalid(at, message));
        }
    }
    let only = |columns: &[tree::Column], others: &[tree::Column]| -> Vec<tree::Column> {
        columns.iter().filter(|column| place_of(others, column).is_none()).cloned().collect()
    };
    let (only_one, only_other) = (only(one, other), only(other, one));
    if let (SetMode::Strict, Some(column)) = (mode, only_one.iter().chain(&only_other).next()) {
        let message = format!(
            "BY NAME needs column {} in both queries of the set operation; FULL, LEFT and INNER before it do not",
            column.name
        );
        return Err(Diagnostic::invalid(at, message));
    }
    let mut wanted = one.clone();
    match mode {
        SetMode::Strict | SetMode::Left => {}
        SetMode::Inner => wanted.retain(|column| place_of(other, column).is_some()),
        SetMode::Full => wanted.extend(only_other),
    }
    if wanted.is_empty() {
        let message = "The queries of the set operation have no column in common";
        return Err(Diagnostic::invalid(at, message));
    }
    Ok((with_columns(&wanted, left), with_columns(&wanted, right)))
}

/// Where a column of the same name stands, if there is just one.
fn place_of(columns: &[tree::Column], wanted: &tree::Column) -> Option<usize> {
    let named = |known: &tree::Column| known.name.eq_ignore_ascii_case(&wanted.name);
    let mut found = columns.iter().enumerate().filter(|(_, known)| named(known));
    match (found.next(), found.next()) {
        (Some((place, _)), None) => Some(place),
        _ => None,
    }
}

/// A query with these columns in this order, NULL where it has none of a name.
fn with_columns(wanted: &[tree::Column], query: tree::Query) -> tree::Query {
    let places: Vec<_> = wanted.iter().map(|column| place_of(&query.columns, column)).collect();
    let mut ordered = sorted_result(query);
    let Body::Select(select) = &mut ordered.body else { return ordered };
    let mut items = Vec::with_capacity(wanted.len());
    let mut columns = Vec::with_capacity(wanted.len());
    for (number, (column, place)) in wanted.iter().zip(places).enumerate() {
        let kept =
            place.and_then(|place| Some((select.items.get(place)?, &ordered.columns[place])));
        let (item, ty) = match kept {
            Some((item, known)) => (item.clone(), known.ty.clone()),
            None => (Expr::literal(Literal::Null, Position::default()), Type::Null),
        };
        items.push(item);
        let name = column.name.clone();
        columns.push(tree::Column { name, column: format!("{} {number}", column.column), ty });
    }
    select.items = items;
    ordered.columns = columns;
    ordered
}
