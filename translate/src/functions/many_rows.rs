//! What a declaration of an aggregate or window function consists of.

use super::{Param, Returns};
use crate::{diagnostic::Diagnostic, postgres, tree::Expr};

/// A function of many rows.
#[derive(Debug)]
pub(crate) struct AggregateFunction {
    /// Upper case.
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) overloads: &'static [AggregateOverload],
    /// Whether ORDER BY and LIMIT may stand among the arguments.
    pub(crate) ordered: bool,
    /// Whether IGNORE NULLS and RESPECT NULLS may.
    pub(crate) nulls: bool,
    /// Expressions over `UNNEST([3, 1, NULL, 1]) AS x` and their values as text.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// Declares a function of many rows.
pub(super) const fn aggregate(
    name: &'static str,
    doc: &'static str,
    overloads: &'static [AggregateOverload],
    examples: &'static [(&'static str, &'static str)],
) -> AggregateFunction {
    AggregateFunction { name, doc, overloads, ordered: false, nulls: false, examples }
}

impl AggregateFunction {
    /// ORDER BY and LIMIT may stand among the arguments.
    pub(super) const fn ordered(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// IGNORE NULLS and RESPECT NULLS may stand among the arguments.
    pub(super) const fn nulls(self) -> Self {
        Self { nulls: true, ..self }
    }
}

/// One signature of an [`AggregateFunction`] or a [`WindowFunction`].
#[derive(Debug)]
pub(crate) struct AggregateOverload {
    pub(crate) params: &'static [Param],
    pub(crate) optional: usize,
    pub(crate) returns: Returns,
    pub(crate) lower: AggregateLower,
}

/// How an aggregate or a window function becomes PostgreSQL.
#[derive(Clone, Copy)]
pub(crate) enum AggregateLower {
    /// As [`Lower::Template`], with `$distinct`, `$order` and `$over` where those clauses go. A
    /// clause that has no place in it is refused, as are LIMIT and IGNORE NULLS.
    Template(&'static str),
    /// Code that heeds all clauses.
    With(fn(AggregateCall<'_>) -> Result<postgres::Expr, Diagnostic>),
}

impl std::fmt::Debug for AggregateLower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Template(text) => f.debug_tuple("Template").field(text).finish(),
            Self::With(_) => f.write_str("With(…)"),
        }
    }
}

/// A call of an aggregate or window function that is to be lowered.
#[derive(Debug)]
pub(crate) struct AggregateCall<'a> {
    pub(crate) args: &'a [Expr],
    pub(crate) lowered: Vec<postgres::Expr>,
    pub(crate) ignore_nulls: Option<bool>,
    pub(crate) limit: Option<u64>,
    pub(crate) clauses: postgres::Clauses,
}

impl AggregateCall<'_> {
    /// A template over the arguments, with the clauses of the call where it has places for them.
    pub(crate) fn template(&self, template: &'static str) -> postgres::Expr {
        self.template_of(template, self.lowered.clone())
    }

    /// As [`Self::template`], over other arguments.
    pub(crate) fn template_of(
        &self,
        template: &'static str,
        args: Vec<postgres::Expr>,
    ) -> postgres::Expr {
        let clauses = Some(Box::new(self.clauses.clone()));
        postgres::Expr::Template { template, args, clauses }
    }
}

/// An aggregate signature that becomes a template.
pub(super) const fn aggregate_overload(
    params: &'static [Param],
    returns: Returns,
    template: &'static str,
) -> AggregateOverload {
    AggregateOverload { params, optional: 0, returns, lower: AggregateLower::Template(template) }
}

/// An aggregate signature that code lowers.
pub(super) const fn lowered_aggregate(
    params: &'static [Param],
    returns: Returns,
    lower: fn(AggregateCall<'_>) -> Result<postgres::Expr, Diagnostic>,
) -> AggregateOverload {
    AggregateOverload { params, optional: 0, returns, lower: AggregateLower::With(lower) }
}

impl AggregateOverload {
    /// The last `count` parameters may be left out.
    pub(super) const fn optional(self, count: usize) -> Self {
        Self { optional: count, ..self }
    }
}

impl PartialEq for AggregateOverload {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// A function that needs OVER.
#[derive(Debug)]
pub(crate) struct WindowFunction {
    /// Upper case.
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) overloads: &'static [AggregateOverload],
    /// Whether its OVER must have ORDER BY.
    pub(crate) needs_order: bool,
    /// Whether its OVER may have ORDER BY.
    pub(crate) takes_order: bool,
    /// Whether its OVER may have a frame.
    pub(crate) framed: bool,
    /// Whether IGNORE NULLS and RESPECT NULLS may stand among the arguments.
    pub(crate) nulls: bool,
    /// Expressions over `UNNEST([3, 1, NULL, 1]) AS x`, and their values as text in the order of
    /// x, then of themselves, joined by commas.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// Declares a numbering function: its OVER needs ORDER BY and has no frame.
pub(super) const fn window_function(
    name: &'static str,
    doc: &'static str,
    overloads: &'static [AggregateOverload],
    examples: &'static [(&'static str, &'static str)],
) -> WindowFunction {
    WindowFunction {
        name,
        doc,
        overloads,
        needs_order: true,
        takes_order: true,
        framed: false,
        nulls: false,
        examples,
    }
}

impl WindowFunction {
    /// OVER may stand without ORDER BY.
    pub(super) const fn order_optional(self) -> Self {
        Self { needs_order: false, ..self }
    }

    /// OVER has no ORDER BY.
    pub(super) const fn unordered(self) -> Self {
        Self { needs_order: false, takes_order: false, ..self }
    }

    /// OVER may have a frame.
    pub(super) const fn framed(self) -> Self {
        Self { framed: true, ..self }
    }

    /// IGNORE NULLS and RESPECT NULLS may stand among the arguments.
    pub(super) const fn nulls(self) -> Self {
        Self { nulls: true, ..self }
    }
}
