//! UNION, INTERSECT and EXCEPT.

use std::collections::HashSet;

use sqlparser::ast;

use super::{
    Resolver, Tables,
    by_name::{self, Matched},
    scope::Scope,
    supertype::{self, Value},
};
use crate::{
    diagnostic::{Diagnostic, Position},
    syntax::{SetMode, mode_of},
    tree::{self, Body},
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
        let chain = Chain { operator, quantifier, by_name };
        let (mode, arms) = chain.arms(left, right, at)?;
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
        let mut queries = Vec::with_capacity(arms.len());
        for arm in arms {
            queries.push(self.body(arm, None, tables, parent)?);
        }
        if by_name {
            let columns = by_name::matched(mode, &queries, at)?;
            return united_by(operator, all, queries, Some(&columns), at);
        }
        united(operator, all, queries, at)
    }
}

/// Operations of one kind in a row: `a UNION ALL b UNION ALL c`. The columns of all are matched at
/// once.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    pub(super) operator: ast::SetOperator,
    pub(super) quantifier: ast::SetQuantifier,
    pub(super) by_name: bool,
}

impl Chain {
    /// How columns are matched by their names, and the operands from the left.
    pub(super) fn arms<'q>(
        self,
        left: &'q ast::SetExpr,
        right: &'q ast::SetExpr,
        at: Position,
    ) -> Result<(SetMode, Vec<&'q ast::SetExpr>), Diagnostic> {
        let (mut first, mode) = self.without_mode(left);
        let mut arms = vec![right];
        while let ast::SetExpr::SetOperation { left, right, .. } = first {
            let (before, its_mode) = self.without_mode(left);
            // Columns that are matched in another way are those of a query of its own.
            if self.differs(first) || its_mode != mode {
                break;
            }
            arms.push(right);
            first = before;
        }
        arms.push(first);
        arms.reverse();
        if arms.iter().any(|arm| self.differs(arm)) {
            let message = "Different set operations cannot be used in the same query without using parentheses for grouping";
            return Err(Diagnostic::invalid(at, message));
        }
        Ok((mode, arms))
    }

    /// The left operand without the one that stands for a mode.
    fn without_mode(self, left: &ast::SetExpr) -> (&ast::SetExpr, SetMode) {
        match left {
            ast::SetExpr::SetOperation { left: first, right: marker, .. } if self.by_name => {
                match mode_of(marker) {
                    Some(mode) => (first.as_ref(), mode),
                    None => (left, SetMode::Strict),
                }
            }
            left => (left, SetMode::Strict),
        }
    }

    fn differs(self, operand: &ast::SetExpr) -> bool {
        matches!(operand, ast::SetExpr::SetOperation { op, set_quantifier, .. }
            if (*op, *set_quantifier) != (self.operator, self.quantifier))
    }
}

/// A set operation over queries, whose columns get common types.
pub(super) fn united(
    operator: tree::SetOperator,
    all: bool,
    queries: Vec<tree::Query>,
    at: Position,
) -> Result<tree::Query, Diagnostic> {
    let counts: Vec<usize> = queries.iter().map(|query| query.columns.len()).collect();
    if let Some((first, other)) =
        counts.first().and_then(|first| Some((first, counts.iter().find(|count| *count != first)?)))
    {
        let message = format!(
            "Queries in a set operation have mismatched column count; the first has {first}, the second {other}"
        );
        return Err(Diagnostic::invalid(at, message));
    }
    united_by(operator, all, queries, None, at)
}

/// As [`united`], with these columns, or with those of all in their order.
fn united_by(
    operator: tree::SetOperator,
    all: bool,
    mut queries: Vec<tree::Query>,
    matched: Option<&[Matched]>,
    at: Position,
) -> Result<tree::Query, Diagnostic> {
    let count = match matched {
        Some(columns) => columns.len(),
        None => queries.first().map_or(0, |query| query.columns.len()),
    };
    let mut types = Vec::with_capacity(count);
    for column in 0..count {
        let place_in = |query: usize| match matched {
            Some(columns) => columns[column].places[query],
            None => Some(column),
        };
        let values = queries.iter().enumerate().map(|(query, it)| value_at(it, place_in(query)));
        let values: Vec<Value<'_>> = values.collect();
        let Some(common) = supertype::of(&values) else {
            let mut seen = HashSet::new();
            let found = values.iter().map(|value| value.ty().to_string());
            let found: Vec<_> = found.filter(|ty| seen.insert(ty.clone())).collect();
            let message = format!(
                "Column {} in a set operation has incompatible types: {}",
                column + 1,
                found.join(", ")
            );
            return Err(Diagnostic::invalid(at, message));
        };
        for (query, it) in queries.iter_mut().enumerate() {
            if let Some(place) = place_in(query) {
                super::coerce::column(it, place, &common)?;
            }
        }
        types.push(common);
    }
    if let Some(columns) = matched {
        let numbered = queries.into_iter().enumerate();
        let ordered = numbered.map(|(query, it)| by_name::reordered(columns, &types, query, it));
        queries = ordered.collect();
    }
    // Without ALL, rows are compared.
    let mut columns = queries.first().into_iter().flat_map(|query| &query.columns);
    if !all && columns.any(|column| column.ty.has_sketch()) {
        return Err(Diagnostic::closed_sketch(at));
    }
    let pair = |left: tree::Query, right: tree::Query| tree::Query {
        columns: left.columns.clone(),
        value_table: left.value_table && right.value_table,
        body: Body::SetOperation { operator, all, left: Box::new(left), right: Box::new(right) },
        order_by: Vec::new(),
        limit: None,
        offset: None,
    };
    let united = queries.into_iter().reduce(pair);
    united.ok_or_else(|| Diagnostic::internal(at, "a set operation lost its queries"))
}

/// What stands in a column of a query; NULL where it does not have it.
fn value_at(query: &tree::Query, place: Option<usize>) -> Value<'_> {
    let column = place.and_then(|place| query.columns.get(place));
    match (&query.body, place) {
        (Body::Select(select), Some(place)) if place < select.items.len() => {
            Value::from(&select.items[place])
        }
        _ => Value::of_type(column.map_or(&Type::Null, |column| &column.ty)),
    }
}
