//! Expressions: what each is, and its type.

use super::{Query, SortKey};
use crate::{diagnostic::Position, functions, types::Type};

/// An expression. Two are equal when they mean the same, wherever they stand.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) ty: Type,
    pub(crate) at: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExprKind {
    Literal(Literal),
    /// A literal that PostgreSQL does not know to be constant.
    Late(Box<Expr>),
    /// A column of a relation.
    Column {
        relation: String,
        column: String,
    },
    /// A field of a JSON value; the expression's type says how it is read.
    Field {
        base: Box<Expr>,
        name: String,
    },
    /// A JSON value read as the expression's type, NULL where it does not fit.
    Read(Box<Expr>),
    /// `safe` gives NULL where the call fails.
    Call {
        overload: &'static functions::Overload,
        args: Vec<Expr>,
        safe: bool,
    },
    Aggregate(Box<Aggregate>),
    /// GROUPING: 1 where a key of GROUP BY is not in the grouping set, else 0.
    Grouping(Box<Expr>),
    /// A window function, or an aggregate function over a window.
    Window(Box<Aggregate>, Box<Window>),
    DatePart(functions::DatePart),
    Interval {
        value: Box<Expr>,
        part: functions::DatePart,
    },
    Compare {
        operator: Comparison,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE`, `IS [NOT] FALSE`.
    IsBool {
        expr: Box<Expr>,
        value: bool,
        negated: bool,
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
    /// `expr IN UNNEST(array)`; an array that is NULL holds nothing.
    InArray {
        expr: Box<Expr>,
        array: Box<Expr>,
        negated: bool,
    },
    Exists {
        query: Box<Query>,
        negated: bool,
    },
    Scalar(Box<Query>),
    /// Matches a LIKE pattern, `\` escapes.
    Like {
        expr: Box<Expr>,
        pattern: Box<Expr>,
        negated: bool,
        ignore_case: bool,
    },
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Box<Expr>,
    },
    /// A conversion to the expression's type; `safe` gives NULL where it fails.
    Cast {
        expr: Box<Expr>,
        safe: bool,
    },
    Arithmetic {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Negate(Box<Expr>),
    Array(Vec<Expr>),
    /// The only column of a query as an array.
    ArrayQuery(Box<Query>),
    /// As many as the expression's type has fields, of their types.
    Struct(Vec<Expr>),
    /// The row of a relation: a STRUCT of these columns, or an event of its columns.
    Row {
        relation: String,
        fields: Vec<Expr>,
    },
    /// A field of a STRUCT by its place from 0.
    StructField {
        base: Box<Expr>,
        place: usize,
    },
    /// An element of an array by its place from 0; `safe` gives NULL outside of it.
    Subscript {
        array: Box<Expr>,
        index: Box<Expr>,
        safe: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) function: &'static functions::AggregateOverload,
    pub(crate) args: Vec<Expr>,
    pub(crate) distinct: bool,
    /// IGNORE NULLS (true), RESPECT NULLS (false).
    pub(crate) ignore_nulls: Option<bool>,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) limit: Option<u64>,
}

/// `OVER (PARTITION BY … ORDER BY … frame)`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) frame: Option<Frame>,
}

/// The rows of a window that a function sees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// RANGE; else ROWS.
    pub(crate) range: bool,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int64(i64),
    /// The number, and its digits where they are written: a NUMERIC takes all of them.
    Float64(f64, Option<String>),
    String(String),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00.
    Datetime(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    Interval {
        months: i64,
        days: i64,
        microseconds: i64,
    },
    /// Decimal digits; of a NUMERIC or a BIGNUMERIC.
    Numeric(String),
    Bytes(Vec<u8>),
    /// JSON text.
    Json(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    DistinctFrom,
    NotDistinctFrom,
}

impl Comparison {
    /// BigQuery's (and PostgreSQL's) sign.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::DistinctFrom => "IS DISTINCT FROM",
            Self::NotDistinctFrom => "IS NOT DISTINCT FROM",
        }
    }

    /// Whether it asks which value is the smaller one.
    pub(crate) fn orders(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Operator {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.ty == other.ty
    }
}

impl Expr {
    pub(crate) fn new(kind: ExprKind, ty: Type, at: Position) -> Self {
        Self { kind, ty, at }
    }

    pub(crate) fn literal(literal: Literal, at: Position) -> Self {
        let ty = match &literal {
            Literal::Null => Type::Null,
            Literal::Bool(_) => Type::Bool,
            Literal::Int64(_) => Type::Int64,
            Literal::Float64(..) => Type::Float64,
            Literal::String(_) => Type::String,
            Literal::Timestamp(_) => Type::Timestamp,
            Literal::Datetime(_) => Type::Datetime,
            Literal::Date(_) => Type::Date,
            Literal::Time(_) => Type::Time,
            Literal::Interval { .. } => Type::Interval,
            Literal::Numeric(_) => Type::Numeric,
            Literal::Bytes(_) => Type::Bytes,
            Literal::Json(_) => Type::Json,
        };
        Self { kind: ExprKind::Literal(literal), ty, at }
    }

    pub(crate) fn bool(value: bool, at: Position) -> Self {
        Self::literal(Literal::Bool(value), at)
    }

    pub(crate) fn as_literal(&self) -> Option<&Literal> {
        match &self.kind {
            ExprKind::Literal(literal) => Some(literal),
            ExprKind::Late(literal) => literal.as_literal(),
            _ => None,
        }
    }

    /// A literal NULL of any type.
    pub(crate) fn is_null(&self) -> bool {
        self.as_literal() == Some(&Literal::Null)
    }
}
