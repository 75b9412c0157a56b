//! BigQuery's functions as declarations: what they take, what they give, what they become.
//!
//! A function that is not declared here cannot be called: the declarations are the allow-list.
//! Every declaration carries examples, which the tests run on a real PostgreSQL.

mod aggregate;
mod conditional;
mod date_part;
mod math;
mod regular_expression;
mod string;
mod time;

pub(crate) use date_part::DatePart;

use crate::{diagnostic::Diagnostic, postgres, tree::Expr, types::Type};

/// A function of one row.
#[derive(Debug)]
pub(crate) struct Function {
    /// Upper case.
    pub(crate) name: &'static str,
    /// The first that fits is taken.
    pub(crate) overloads: &'static [Overload],
    /// Expressions and their values as BigQuery's CAST to STRING gives them.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// One signature of a [`Function`].
#[derive(Debug)]
pub(crate) struct Overload {
    pub(crate) params: &'static [Param],
    /// How many of `params`, from the end, may be left out.
    pub(crate) optional: usize,
    /// Whether the last of `params` may be repeated.
    pub(crate) variadic: bool,
    pub(crate) returns: Returns,
    pub(crate) lower: Lower,
}

impl PartialEq for Overload {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl PartialEq for AggregateOverload {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Param {
    Bool,
    Int64,
    /// INT64 fits too.
    Float64,
    /// A literal, or text that is constant once the parameters are in.
    Pattern,
    String,
    Timestamp,
    Datetime,
    Date,
    Interval,
    DatePart,
    /// A value inside an event whose type is not known.
    Dynamic,
    /// Anything; all arguments declared so get one common type.
    Same,
    /// Anything.
    Any,
}

/// The type of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    Bool,
    Int64,
    Float64,
    String,
    Timestamp,
    Datetime,
    Date,
    Dynamic,
    /// The common type of the arguments declared [`Param::Same`].
    Same,
    /// An array of that type.
    ArrayOfSame,
}

impl Returns {
    pub(crate) fn of(self, same: Type) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Int64 => Type::Int64,
            Self::Float64 => Type::Float64,
            Self::String => Type::String,
            Self::Timestamp => Type::Timestamp,
            Self::Datetime => Type::Datetime,
            Self::Date => Type::Date,
            Self::Dynamic => Type::Dynamic,
            Self::Same => same,
            Self::ArrayOfSame => Type::Array(Box::new(same)),
        }
    }
}

/// How a call becomes PostgreSQL.
#[derive(Clone, Copy)]
pub(crate) enum Lower {
    /// Text with `$1`, `$2` … for the lowered arguments.
    Template(&'static str),
    /// Code over the resolved arguments and their lowered forms.
    With(fn(&[Expr], Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic>),
}

impl std::fmt::Debug for Lower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Template(text) => f.debug_tuple("Template").field(text).finish(),
            Self::With(_) => f.write_str("With(…)"),
        }
    }
}

/// A function of many rows.
#[derive(Debug)]
pub(crate) struct AggregateFunction {
    /// Upper case.
    pub(crate) name: &'static str,
    /// The first that fits is taken.
    pub(crate) overloads: &'static [AggregateOverload],
    /// Whether ORDER BY and LIMIT may stand among the arguments.
    pub(crate) ordered: bool,
    /// Expressions over `UNNEST([3, 1, NULL, 1]) AS x` and their values as text.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// One signature of an [`AggregateFunction`].
#[derive(Debug)]
pub(crate) struct AggregateOverload {
    pub(crate) params: &'static [Param],
    pub(crate) optional: usize,
    pub(crate) returns: Returns,
    /// As [`Lower::Template`], with `$distinct` and `$order` where those clauses go.
    pub(crate) template: &'static str,
}

/// Looks a function of one row up, in any case.
pub(crate) fn function(name: &str) -> Option<&'static Function> {
    let name = name.to_ascii_uppercase();
    all().find(|function| function.name == name)
}

/// Looks a function of many rows up, in any case.
pub(crate) fn aggregate_function(name: &str) -> Option<&'static AggregateFunction> {
    let name = name.to_ascii_uppercase();
    aggregate::FUNCTIONS.iter().find(|function| function.name == name)
}

/// All functions of one row.
fn all() -> impl Iterator<Item = &'static Function> {
    [
        conditional::FUNCTIONS,
        math::FUNCTIONS,
        regular_expression::FUNCTIONS,
        string::FUNCTIONS,
        time::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// A function as its documentation shows it.
#[derive(Debug, Clone, Copy)]
pub struct FunctionDoc {
    /// Upper case.
    pub name: &'static str,
    /// Whether it aggregates rows. Its examples then stand over `UNNEST([3, 1, NULL, 1]) AS x`.
    pub aggregate: bool,
    /// Expressions and their values, as `CAST(… AS STRING)` gives them; NULL is `NULL`.
    pub examples: &'static [(&'static str, &'static str)],
}

/// The functions that queries can call.
pub fn function_docs() -> impl Iterator<Item = FunctionDoc> {
    let rows = all().map(|f| FunctionDoc { name: f.name, aggregate: false, examples: f.examples });
    let aggregates = aggregate::FUNCTIONS.iter().map(|f| FunctionDoc {
        name: f.name,
        aggregate: true,
        examples: f.examples,
    });
    rows.chain(aggregates)
}

/// A signature without optional arguments that becomes a template.
const fn overload(params: &'static [Param], returns: Returns, template: &'static str) -> Overload {
    Overload { params, optional: 0, variadic: false, returns, lower: Lower::Template(template) }
}
