//! The clauses of aggregate calls: which a lowering heeds, and what they may be together.

use super::AggregateCall;
use crate::{
    diagnostic::{Diagnostic, Position},
    types::Type,
};

/// A clause of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    Distinct,
    Order,
    Limit,
    Nulls,
    Over,
}

impl AggregateCall<'_> {
    /// Where its first argument stands.
    pub(super) fn at(&self) -> Position {
        self.args.first().map(|arg| arg.at).unwrap_or_default()
    }

    /// Refuses the clauses that the lowering does not heed, and those that PostgreSQL cannot have
    /// together.
    pub(super) fn heeds(&self, heeded: &[Clause]) -> Result<(), Diagnostic> {
        let clauses = &self.clauses;
        let windowed = clauses.over.is_some();
        for (asked, clause, name) in [
            (clauses.distinct, Clause::Distinct, "DISTINCT"),
            (!clauses.order_by.is_empty(), Clause::Order, "ORDER BY"),
            (self.limit.is_some(), Clause::Limit, "LIMIT"),
            (self.ignore_nulls.is_some(), Clause::Nulls, "IGNORE NULLS and RESPECT NULLS"),
            (windowed, Clause::Over, "OVER"),
        ] {
            if asked && !heeded.contains(&clause) {
                let what = format!("{name} in this function");
                return Err(Diagnostic::unsupported(self.at(), what));
            }
        }
        if windowed && (clauses.distinct || !clauses.order_by.is_empty()) {
            let what = "DISTINCT or ORDER BY in a call with OVER";
            return Err(Diagnostic::unsupported(self.at(), what));
        }
        self.sorts_what_is_distinct()
    }

    /// Whether DISTINCT stands without ORDER BY. PostgreSQL would sort.
    pub(super) fn in_order_of_appearance(&self) -> bool {
        self.clauses.distinct && self.clauses.order_by.is_empty()
    }

    /// What is DISTINCT has no other values to be sorted by.
    fn sorts_what_is_distinct(&self) -> Result<(), Diagnostic> {
        let argument = self.lowered.first().map(|first| format!("{first:?}"));
        let other = |key: &crate::postgres::SortKey| Some(format!("{:?}", key.expr)) != argument;
        if self.clauses.distinct && self.clauses.order_by.iter().any(other) {
            let message = "An aggregate function that has both DISTINCT and ORDER BY arguments \
                           can only ORDER BY expressions that are arguments to the function";
            return Err(Diagnostic::invalid(self.at(), message));
        }
        Ok(())
    }

    /// PostgreSQL makes a matrix of several arrays.
    pub(super) fn refuses_arrays(&self, name: &str) -> Result<(), Diagnostic> {
        match self.args.first() {
            Some(arg) if matches!(arg.ty, Type::Array(_)) => {
                let message =
                    format!("The argument to {name} must not be an array type but was {}", arg.ty);
                Err(Diagnostic::invalid(arg.at, message))
            }
            _ => Ok(()),
        }
    }
}
