//! PostgreSQL's side: the tree that is printed.
//!
//! Invariant: nothing of BigQuery is left in it; every operand is printed in parentheses, so
//! that no precedence of PostgreSQL's can change a meaning.

mod print;

use std::rc::Rc;

pub(crate) use print::{expression, quote_identifier, quote_text, statement};

use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    tree::JoinKind,
    types::Type,
};

/// A query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pub(crate) ctes: Vec<(String, Query)>,
    /// Whether one of `ctes` reads itself.
    pub(crate) recursive: bool,
    pub(crate) body: Body,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Select(Box<Select>),
    SetOperation { operator: &'static str, left: Box<Query>, right: Box<Query> },
}

impl Default for Body {
    fn default() -> Self {
        Self::Select(Box::default())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    /// Expressions and the names of their columns.
    pub(crate) items: Vec<(Expr, String)>,
    pub(crate) from: Vec<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    /// Sets of places in `group_by`.
    pub(crate) grouping_sets: Option<Vec<Vec<usize>>>,
    pub(crate) having: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) enum From {
    /// A table by its quoted name, or a CTE.
    Relation {
        name: String,
        alias: String,
    },
    Derived {
        query: Box<Query>,
        alias: String,
    },
    /// A call, evaluated for each row of what stands before it, with the names of its columns.
    Lateral {
        call: Expr,
        alias: String,
        columns: Vec<&'static str>,
        ordinality: bool,
    },
    Join {
        kind: JoinKind,
        left: Box<From>,
        right: Box<From>,
        on: Option<Expr>,
    },
}

/// The clauses of an aggregate or window function.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clauses {
    pub(crate) distinct: bool,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) over: Option<Window>,
}

/// `PARTITION BY … ORDER BY … frame`
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) frame: Option<Frame>,
}

#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// `ROWS`, `RANGE`
    pub(crate) unit: &'static str,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
}

/// An offset, where there is one, and what it is an offset of: `PRECEDING` …
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) offset: Option<Expr>,
    pub(crate) word: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    /// A name, a literal, a call: printed without parentheses.
    Atom(String),
    Column {
        relation: String,
        column: String,
    },
    /// `$1` … are arguments, `$*` all with commas, `$||` all joined, `$distinct`, `$order` and
    /// `$over` the clauses of an aggregate.
    Template {
        template: &'static str,
        args: Vec<Expr>,
        clauses: Option<Box<Clauses>>,
    },
    Infix {
        operator: &'static str,
        operands: Vec<Expr>,
    },
    Prefix {
        operator: &'static str,
        operand: Box<Expr>,
    },
    Postfix {
        operand: Box<Expr>,
        operator: &'static str,
    },
    Cast {
        expr: Box<Expr>,
        ty: String,
    },
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Box<Expr>,
    },
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InQuery {
        expr: Box<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    Exists {
        query: Box<Query>,
        negated: bool,
    },
    Scalar(Box<Query>),
    ArrayQuery(Box<Query>),
    Array {
        elements: Vec<Expr>,
        ty: String,
    },
    /// One that is lowered; a copy of it costs nothing, but for its bytes where it is printed.
    Lowered {
        expr: Rc<Expr>,
        bytes: usize,
    },
}

impl Expr {
    /// Counts the SQL of an expression that is lowered, and lets it be shared.
    pub(crate) fn counted(self, at: Position) -> Result<Self, Diagnostic> {
        if matches!(self, Self::Lowered { .. }) {
            return Ok(self);
        }
        let length = print::length(&self);
        bounds::sql(length.all, length.own, at)?;
        Ok(Self::Lowered { expr: Rc::new(self), bytes: length.all })
    }

    /// What it is, whether it is shared or not.
    fn unshared(&self) -> &Self {
        match self {
            Self::Lowered { expr, .. } => expr,
            expr => expr,
        }
    }

    pub(crate) fn template(template: &'static str, args: Vec<Expr>) -> Self {
        Self::Template { template, args, clauses: None }
    }

    pub(crate) fn infix(operator: &'static str, left: Expr, right: Expr) -> Self {
        Self::Infix { operator, operands: vec![left, right] }
    }

    pub(crate) fn cast(expr: Expr, ty: &Type) -> Self {
        Self::Cast { expr: Box::new(expr), ty: ty.postgres() }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Atom(format!("{}::text", quote_text(text)))
    }

    pub(crate) fn number(number: i64) -> Self {
        // A bare -5::bigint would be -(5::bigint), which fails for the least number.
        Self::Atom(if number < 0 {
            format!("'{number}'::bigint")
        } else {
            format!("{number}::bigint")
        })
    }

    pub(crate) fn null(ty: &str) -> Self {
        Self::Atom(format!("NULL::{ty}"))
    }
}
