//! The expressions that an expression is made of.

use super::{Body, Expr, ExprKind, From, Query};

macro_rules! sort_expr {
    (iter) => {
        |key| &key.expr
    };
    (iter_mut) => {
        |key| &mut key.expr
    };
}

/// The parts of one kind of expression, borrowed in one way or the other.
macro_rules! children {
    ($kind:expr, $iter:ident, $as_ref:ident) => {
        match $kind {
            ExprKind::Literal(_)
            | ExprKind::Late(_)
            | ExprKind::Column { .. }
            | ExprKind::DatePart(_)
            | ExprKind::Exists { .. }
            | ExprKind::ArrayQuery(_)
            | ExprKind::Scalar(_) => Vec::new(),
            ExprKind::Aggregate(aggregate) => aggregate
                .args
                .$iter()
                .chain(aggregate.order_by.$iter().map(sort_expr!($iter)))
                .collect(),
            ExprKind::Window(aggregate, window) => aggregate
                .args
                .$iter()
                .chain(aggregate.order_by.$iter().map(sort_expr!($iter)))
                .chain(window.partition_by.$iter())
                .chain(window.order_by.$iter().map(sort_expr!($iter)))
                .collect(),
            ExprKind::Field { base: inner, .. }
            | ExprKind::StructField { base: inner, .. }
            | ExprKind::Read(inner)
            | ExprKind::Grouping(inner)
            | ExprKind::Interval { value: inner, .. }
            | ExprKind::Not(inner)
            | ExprKind::IsNull { expr: inner, .. }
            | ExprKind::IsBool { expr: inner, .. }
            | ExprKind::InQuery { expr: inner, .. }
            | ExprKind::Cast { expr: inner, .. }
            | ExprKind::Negate(inner) => vec![inner.$as_ref()],
            ExprKind::Compare { left, right, .. } | ExprKind::Arithmetic { left, right, .. } => {
                vec![left.$as_ref(), right.$as_ref()]
            }
            ExprKind::Like { expr, pattern, .. } => vec![expr.$as_ref(), pattern.$as_ref()],
            ExprKind::InArray { expr, array, .. } => vec![expr.$as_ref(), array.$as_ref()],
            ExprKind::Subscript { array, index, .. } => vec![array.$as_ref(), index.$as_ref()],
            ExprKind::Call { args: list, .. }
            | ExprKind::And(list)
            | ExprKind::Or(list)
            | ExprKind::Struct(list)
            | ExprKind::Row { fields: list, .. }
            | ExprKind::Array(list) => list.$iter().collect(),
            ExprKind::In { expr, list, .. } => {
                std::iter::once(expr.$as_ref()).chain(list.$iter()).collect()
            }
            ExprKind::Case { branches, otherwise } => branches
                .$iter()
                .flat_map(|(condition, value)| [condition, value])
                .chain([otherwise.$as_ref()])
                .collect(),
        }
    };
}

impl Expr {
    /// The expressions of the same query that this one is made of; those in sub-queries are not.
    pub(crate) fn children(&self) -> Vec<&Expr> {
        children!(&self.kind, iter, as_ref)
    }

    /// As [`Expr::children`], to be changed.
    pub(crate) fn children_mut(&mut self) -> Vec<&mut Expr> {
        children!(&mut self.kind, iter_mut, as_mut)
    }

    /// Whether a test holds for this expression or one that it is made of, those in sub-queries too.
    pub(crate) fn any(&self, test: &mut impl FnMut(&Expr) -> bool) -> bool {
        if test(self) || self.children().into_iter().any(|child| child.any(test)) {
            return true;
        }
        match &self.kind {
            ExprKind::Exists { query, .. }
            | ExprKind::Scalar(query)
            | ExprKind::ArrayQuery(query)
            | ExprKind::InQuery { query, .. } => query.any(test),
            _ => false,
        }
    }
}

impl Query {
    /// Whether a test holds for an expression anywhere in the query.
    pub(crate) fn any(&self, test: &mut impl FnMut(&Expr) -> bool) -> bool {
        let within = match &self.body {
            Body::Select(select) => {
                select.from.iter().any(|from| from.any(test))
                    || select
                        .items
                        .iter()
                        .chain(&select.filter)
                        .chain(&select.group_by)
                        .chain(&select.having)
                        .any(|expr| expr.any(test))
            }
            Body::SetOperation { left, right, .. } => left.any(test) || right.any(test),
        };
        within || self.order_by.iter().any(|key| key.expr.any(test))
    }
}

impl From {
    fn any(&self, test: &mut impl FnMut(&Expr) -> bool) -> bool {
        match self {
            Self::Table { .. } | Self::Cte { .. } => false,
            Self::Derived { query, .. } => query.any(test),
            Self::Unnest { unnest, .. } => unnest.array.any(test),
            Self::Join { left, right, on, .. } => {
                left.any(test) || right.any(test) || on.iter().any(|on| on.any(test))
            }
        }
    }
}
