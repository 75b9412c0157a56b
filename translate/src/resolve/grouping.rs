//! GROUP BY: its keys, and the sets of them that ROLLUP, CUBE and GROUPING SETS mean.

use sqlparser::ast::{self, Spanned};

use super::{
    Resolver,
    query::{item_at, ordinal},
    scope::Place,
    select::has_aggregate,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::Expr,
};

/// Most sets: CUBE doubles them with every key.
const MAX_SETS: usize = 4096;

/// What a query groups by.
#[derive(Default)]
pub(super) struct Grouping {
    /// All keys.
    pub(super) keys: Vec<Expr>,
    /// Sets of places in `keys`, where there is not just one of all.
    pub(super) sets: Option<Vec<Vec<usize>>>,
}

impl Resolver<'_> {
    pub(super) fn group_by(
        &mut self,
        group_by: &ast::GroupByExpr,
        place: Place<'_>,
        items: &[Expr],
    ) -> Result<Grouping, Diagnostic> {
        let exprs = match group_by {
            ast::GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            ast::GroupByExpr::Expressions(exprs, _) => {
                let at = exprs.first().map(|expr| expr.span().start.into()).unwrap_or_default();
                return Err(Diagnostic::invalid(at, "Syntax error in GROUP BY"));
            }
            ast::GroupByExpr::All(_) => {
                return Ok(Grouping { keys: grouped_by_all(items), sets: None });
            }
        };
        let mut grouping = Grouping::default();
        let mut several = false;
        let mut sets = vec![Vec::new()];
        for expr in exprs {
            several |= is_set(expr);
            let more = self.sets(expr, place, items, &mut grouping.keys)?;
            let pairs = sets.iter().flat_map(|set: &Vec<usize>| {
                more.iter().map(move |more| set.iter().chain(more).copied().collect())
            });
            sets = pairs.collect();
            if sets.len() > MAX_SETS {
                let at = Position::from(expr.span().start);
                let message = format!("GROUP BY has more than {MAX_SETS} grouping sets");
                return Err(Diagnostic::refused(at, message));
            }
        }
        grouping.sets = several.then_some(sets);
        Ok(grouping)
    }

    /// The sets that an element of GROUP BY means: one of one key if it is plain.
    fn sets(
        &mut self,
        expr: &ast::Expr,
        place: Place<'_>,
        items: &[Expr],
        keys: &mut Vec<Expr>,
    ) -> Result<Vec<Vec<usize>>, Diagnostic> {
        Ok(match expr {
            ast::Expr::Rollup(parts) => {
                let parts = self.parts(parts, place, items, keys)?;
                (0..=parts.len()).rev().map(|length| parts[..length].concat()).collect()
            }
            ast::Expr::Cube(parts) => {
                let parts = self.parts(parts, place, items, keys)?;
                if parts.len() > 12 {
                    let at = Position::from(expr.span().start);
                    return Err(Diagnostic::refused(at, "CUBE of more than 12 keys"));
                }
                let chosen = |choice: usize| {
                    let within = |(place, part): (usize, &Vec<usize>)| {
                        (choice & (1 << (parts.len() - 1 - place)) != 0).then(|| part.clone())
                    };
                    parts.iter().enumerate().filter_map(within).flatten().collect()
                };
                (0..1_usize << parts.len()).rev().map(chosen).collect()
            }
            ast::Expr::GroupingSets(sets) => {
                let mut all = Vec::new();
                for set in sets {
                    match set.as_slice() {
                        [only] if is_set(only) => {
                            all.extend(self.sets(only, place, items, keys)?);
                        }
                        set => {
                            let mut places = Vec::with_capacity(set.len());
                            for expr in set {
                                places.push(self.key(expr, place, items, keys)?);
                            }
                            all.push(places);
                        }
                    }
                }
                all
            }
            ast::Expr::Tuple(exprs) if exprs.is_empty() => vec![Vec::new()],
            plain => vec![vec![self.key(plain, place, items, keys)?]],
        })
    }

    fn parts(
        &mut self,
        parts: &[Vec<ast::Expr>],
        place: Place<'_>,
        items: &[Expr],
        keys: &mut Vec<Expr>,
    ) -> Result<Vec<Vec<usize>>, Diagnostic> {
        let mut resolved = Vec::with_capacity(parts.len());
        for part in parts {
            let mut places = Vec::with_capacity(part.len());
            for expr in part {
                places.push(self.key(expr, place, items, keys)?);
            }
            resolved.push(places);
        }
        Ok(resolved)
    }

    /// The place of a key, which is put among the others if it is not there.
    fn key(
        &mut self,
        expr: &ast::Expr,
        place: Place<'_>,
        items: &[Expr],
        keys: &mut Vec<Expr>,
    ) -> Result<usize, Diagnostic> {
        let key = match ordinal(expr) {
            Some(place) => item_at(items, place, expr)?,
            None => self.expr(expr, place)?,
        };
        if has_aggregate(&key) {
            return Err(Diagnostic::invalid(
                key.at,
                "Aggregate functions are not allowed in GROUP BY",
            ));
        }
        if key.ty.has_sketch() {
            return Err(Diagnostic::closed_sketch(key.at));
        }
        if !key.ty.is_groupable() {
            let message = format!("Grouping by expressions of type {} is not allowed", key.ty);
            return Err(Diagnostic::invalid(key.at, message));
        }
        Ok(keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        }))
    }
}

fn is_set(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Rollup(_) | ast::Expr::Cube(_) | ast::Expr::GroupingSets(_))
}

/// GROUP BY ALL: every item that aggregates nothing.
fn grouped_by_all(items: &[Expr]) -> Vec<Expr> {
    items
        .iter()
        .filter(|item| !has_aggregate(item) && item.as_literal().is_none())
        .cloned()
        .collect()
}
