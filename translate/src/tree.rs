//! The resolved tree: BigQuery's meaning with every name resolved and a type on every expression.
//!
//! Invariant: a tree holds no name that is not bound to a relation of the same query or of one
//! around it, no parameter, and no expression without a type.

mod children;
mod expression;

pub(crate) use expression::{
    Aggregate, Bound, Comparison, Expr, ExprKind, Frame, Literal, Operator, Window,
};

use crate::types::Type;

/// A whole statement. The CTEs of all its queries stand here, each after those that it reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) ctes: Vec<Cte>,
    pub(crate) query: Query,
}

/// A query: `body ORDER BY … LIMIT …`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) body: Body,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) columns: Vec<Column>,
    /// Whether it gives values (of its only column) in place of rows: SELECT AS STRUCT, AS VALUE.
    pub(crate) value_table: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cte {
    /// Its name in PostgreSQL, unique in the statement.
    pub(crate) relation: String,
    /// Whether it reads itself.
    pub(crate) recursive: bool,
    pub(crate) query: Query,
}

/// An output column. `name` is what BigQuery calls it, `column` its unique name inside PostgreSQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) column: String,
    pub(crate) ty: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Select(Box<Select>),
    SetOperation { operator: SetOperator, all: bool, left: Box<Query>, right: Box<Query> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOperator {
    Union,
    Intersect,
    Except,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    /// As many as the query has columns, of their types.
    pub(crate) items: Vec<Expr>,
    pub(crate) from: Vec<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    /// Sets of places in `group_by`, where rows are grouped in several ways.
    pub(crate) grouping_sets: Option<Vec<Vec<usize>>>,
    pub(crate) having: Option<Expr>,
}

/// A relation in FROM. Every `relation` is unique among those of its query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum From {
    /// A table of events: its quoted PostgreSQL name.
    Table {
        table: String,
        relation: String,
        /// The number of the place where the text names it.
        noted: usize,
    },
    Cte {
        cte: String,
        relation: String,
    },
    Derived {
        query: Box<Query>,
        relation: String,
    },
    Unnest {
        unnest: Box<Unnest>,
        relation: String,
    },
    Join {
        kind: JoinKind,
        left: Box<From>,
        right: Box<From>,
        on: Option<Expr>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unnest {
    pub(crate) array: Expr,
    /// Whether a missing value still gives one row, of NULL (see ARCHITECTURE.md, UNNEST).
    pub(crate) missing_gives_row: bool,
    pub(crate) with_offset: bool,
}

/// Names of the columns of an [`Unnest`] relation.
pub(crate) const ELEMENT: &str = "element";
pub(crate) const ORDINAL: &str = "ordinal";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}
