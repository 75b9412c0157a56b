//! BY NAME: columns of the queries of a set operation, matched by their names.

use std::collections::{HashMap, HashSet};

use super::{query::sorted_result, shorten};
use crate::{
    diagnostic::{Diagnostic, Position},
    syntax::SetMode,
    tree::{self, Body, Expr, ExprKind, Literal},
    types::Type,
};

/// A column of the result, and where it stands in each query that has it.
pub(super) struct Matched {
    pub(super) name: String,
    pub(super) places: Vec<Option<usize>>,
}

/// The columns of queries, matched by their names.
pub(super) fn matched(
    mode: SetMode,
    queries: &[tree::Query],
    at: Position,
) -> Result<Vec<Matched>, Diagnostic> {
    let places = queries.iter().map(|query| places(&query.columns, at));
    let places: Vec<HashMap<String, usize>> = places.collect::<Result<_, _>>()?;
    let named = |column: &tree::Column| column.name.to_ascii_lowercase();
    let mut wanted: Vec<&tree::Column> = Vec::new();
    let mut known = HashSet::new();
    for (number, (query, places)) in queries.iter().zip(&places).enumerate() {
        let others = query.columns.iter().filter(|column| !known.contains(&named(column)));
        let others: Vec<_> = others.collect();
        if number == 0 || mode == SetMode::Full {
            known.extend(others.iter().map(|column| named(column)));
            wanted.extend(others);
            continue;
        }
        let missing = wanted.iter().find(|column| !places.contains_key(&named(column)));
        if let (SetMode::Strict, Some(column)) = (mode, missing.or(others.first())) {
            let message = format!(
                "BY NAME needs column {} in both queries of the set operation; FULL, LEFT and INNER before it do not",
                column.name
            );
            return Err(Diagnostic::invalid(at, message));
        }
        if mode == SetMode::Inner {
            wanted.retain(|column| places.contains_key(&named(column)));
        }
    }
    if wanted.is_empty() {
        let message = "The queries of the set operation have no column in common";
        return Err(Diagnostic::invalid(at, message));
    }
    let columns = wanted.into_iter().map(|column| Matched {
        name: column.name.clone(),
        places: places.iter().map(|places| places.get(&named(column)).copied()).collect(),
    });
    Ok(columns.collect())
}

/// Where columns stand, by their names in lower case.
fn places(columns: &[tree::Column], at: Position) -> Result<HashMap<String, usize>, Diagnostic> {
    let mut places = HashMap::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        if places.insert(column.name.to_ascii_lowercase(), place).is_some() {
            let message = format!("BY NAME needs one column of the name {}", column.name);
            return Err(Diagnostic::invalid(at, message));
        }
    }
    Ok(places)
}

/// The query of a number with these columns, of these types; NULL where it has none of a name.
pub(super) fn reordered(
    wanted: &[Matched],
    types: &[Type],
    number: usize,
    query: tree::Query,
) -> tree::Query {
    let mut ordered = sorted_result(query);
    let Body::Select(select) = &mut ordered.body else { return ordered };
    let mut items = Vec::with_capacity(wanted.len());
    let mut columns = Vec::with_capacity(wanted.len());
    for (place, (column, ty)) in wanted.iter().zip(types).enumerate() {
        let kept = column.places.get(number).copied().flatten();
        let kept = kept.and_then(|kept| select.items.get(kept)).cloned();
        items.push(kept.unwrap_or_else(|| {
            let kind = ExprKind::Literal(Literal::Null);
            Expr::new(kind, ty.clone(), Position::default())
        }));
        let (name, ty) = (column.name.clone(), ty.clone());
        columns.push(tree::Column { column: format!("{} {place}", shorten(&name)), name, ty });
    }
    select.items = items;
    ordered.columns = columns;
    ordered
}
