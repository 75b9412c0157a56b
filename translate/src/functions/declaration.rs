//! What a declaration of a function of one row consists of.

use crate::{
    diagnostic::Diagnostic,
    postgres,
    tree::{Expr, ExprKind},
    types::Type,
};

/// A function of one row.
#[derive(Debug)]
pub(crate) struct Function {
    /// Upper case.
    pub(crate) name: &'static str,
    /// One line that says what it gives, and how it differs from BigQuery's where it does.
    pub(crate) doc: &'static str,
    /// The one that needs the least conversion is taken, the first of several.
    pub(crate) overloads: &'static [Overload],
    /// Expressions and their values as BigQuery's CAST to STRING gives them.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// Declares a function of one row.
pub(super) const fn function(
    name: &'static str,
    doc: &'static str,
    overloads: &'static [Overload],
    examples: &'static [(&'static str, &'static str)],
) -> Function {
    Function { name, doc, overloads, examples }
}

/// One signature of a [`Function`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overload {
    pub(crate) params: &'static [Param],
    /// How many of `params`, from the end, may be left out.
    pub(crate) optional: usize,
    /// Whether the last of `params` may be repeated.
    pub(crate) variadic: bool,
    /// Names of the last of `params`, for `name => value`. One that is passed over is NULL.
    pub(crate) names: &'static [&'static str],
    pub(crate) returns: Returns,
    pub(crate) lower: Lower,
    pub(crate) safe: Safe,
}

/// A signature that becomes a template; with `SAFE.` its errors are caught unless more is said.
pub(super) const fn overload(
    params: &'static [Param],
    returns: Returns,
    template: &'static str,
) -> Overload {
    Overload {
        params,
        optional: 0,
        variadic: false,
        names: &[],
        returns,
        lower: Lower::Template(template),
        safe: Safe::Caught,
    }
}

/// A signature that code lowers.
pub(super) const fn lowered(
    params: &'static [Param],
    returns: Returns,
    lower: LowerFn,
) -> Overload {
    Overload { lower: Lower::With(lower), ..overload(params, returns, "") }
}

impl Overload {
    /// The last `count` parameters may be left out.
    pub(super) const fn optional(self, count: usize) -> Self {
        Self { optional: count, ..self }
    }

    /// The last parameter may be repeated.
    pub(super) const fn variadic(self) -> Self {
        Self { variadic: true, ..self }
    }

    /// The last parameters may be given by these names.
    pub(super) const fn names(self, names: &'static [&'static str]) -> Self {
        Self { names, ..self }
    }

    /// It never fails: `SAFE.` changes nothing.
    pub(super) const fn total(self) -> Self {
        Self { safe: Safe::Total, ..self }
    }

    /// With `SAFE.` it becomes this instead, which gives NULL where the other fails.
    pub(super) const fn safe(self, template: &'static str) -> Self {
        Self { safe: Safe::Other(Lower::Template(template)), ..self }
    }

    /// With `SAFE.` code lowers it to what gives NULL where the other fails.
    pub(super) const fn safe_with(self, lower: LowerFn) -> Self {
        Self { safe: Safe::Other(Lower::With(lower)), ..self }
    }
}

impl PartialEq for Overload {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// BOOL.
    Bool,
    /// INT64.
    Int64,
    /// Every number fits.
    Float64,
    /// INT64 and literals with a fraction fit too.
    Numeric,
    /// As `Numeric`, which fits too.
    BigNumeric,
    /// A literal, or text that is constant once the parameters are in.
    Pattern,
    /// STRING.
    String,
    /// BYTES.
    Bytes,
    /// TIMESTAMP.
    Timestamp,
    /// DATETIME.
    Datetime,
    /// DATE.
    Date,
    /// TIME.
    Time,
    /// INTERVAL.
    Interval,
    /// What HLL_COUNT.INIT makes.
    Sketch,
    /// The name of a part: `DAY`, `WEEK(MONDAY)`.
    DatePart,
    /// BigQuery's JSON type; values inside events fit too.
    Json,
    /// A value inside an event whose type is not known.
    Dynamic,
    /// An array of such elements.
    Array(&'static Param),
    /// An array of any type.
    AnyArray,
    /// Anything; all arguments declared so get one common type.
    Same,
    /// Anything.
    Any,
}

/// The type of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Returns {
    Bool,
    Int64,
    Float64,
    Numeric,
    BigNumeric,
    String,
    Bytes,
    Timestamp,
    Datetime,
    Date,
    Time,
    Interval,
    Sketch,
    Json,
    Dynamic,
    Array(&'static Returns),
    /// The common type of the arguments declared [`Param::Same`].
    Same,
    /// An array of that type.
    ArrayOfSame,
    /// What code finds from the arguments, which are converted by then.
    With(fn(&[Expr]) -> Type),
}

impl Returns {
    /// The type of a call with these arguments, those declared [`Param::Same`] of type `same`.
    pub(crate) fn of(self, args: &[Expr], same: Type) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Int64 => Type::Int64,
            Self::Float64 => Type::Float64,
            Self::Numeric => Type::Numeric,
            Self::BigNumeric => Type::BigNumeric,
            Self::String => Type::String,
            Self::Bytes => Type::Bytes,
            Self::Timestamp => Type::Timestamp,
            Self::Datetime => Type::Datetime,
            Self::Date => Type::Date,
            Self::Time => Type::Time,
            Self::Interval => Type::Interval,
            Self::Sketch => Type::Sketch,
            Self::Json => Type::Json,
            Self::Dynamic => Type::Dynamic,
            Self::Array(element) => Type::Array(Box::new(element.of(args, same))),
            Self::Same => same,
            Self::ArrayOfSame => Type::Array(Box::new(same)),
            Self::With(find) => find(args),
        }
    }
}

/// Code over the resolved arguments and their lowered forms. It may count on as many of both as
/// the signature allows.
pub(crate) type LowerFn = fn(&[Expr], Vec<postgres::Expr>) -> Result<postgres::Expr, Diagnostic>;

/// How a call becomes PostgreSQL.
#[derive(Clone, Copy)]
pub(crate) enum Lower {
    /// Text with `$1`, `$2` … for the lowered arguments, `$*` for all with commas, `$||` for all
    /// joined. `$10` is not possible.
    Template(&'static str),
    With(LowerFn),
}

impl std::fmt::Debug for Lower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Template(text) => f.debug_tuple("Template").field(text).finish(),
            Self::With(_) => f.write_str("With(…)"),
        }
    }
}

/// What `SAFE.` does to a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Safe {
    /// It is run where errors are caught, which takes long.
    Caught,
    /// Nothing: the call never fails.
    Total,
    /// It becomes something else.
    Other(Lower),
}

/// The part of a date that one of the arguments names.
pub(super) fn part_of(args: &[Expr]) -> Result<super::DatePart, Diagnostic> {
    let named = args.iter().find_map(|arg| match arg.kind {
        ExprKind::DatePart(part) => Some(part),
        _ => None,
    });
    named.ok_or_else(|| {
        let at = args.first().map(|arg| arg.at).unwrap_or_default();
        Diagnostic::internal(at, "a date part was lost")
    })
}
