//! Functions as their documentation and error messages show them.

use super::{AggregateOverload, FAMILIES, Function, Overload, Param};

/// A function as its documentation shows it.
#[derive(Debug, Clone, Copy)]
pub struct FunctionDoc {
    /// The functions that it belongs to.
    pub family: &'static str,
    /// Upper case; the sign of an operator.
    pub name: &'static str,
    /// How it is called, and so over what its examples stand.
    pub kind: FunctionKind,
    /// What it gives.
    pub doc: &'static str,
    /// Expressions and their values, as `CAST(… AS STRING)` gives them; NULL is `NULL`.
    pub examples: &'static [(&'static str, &'static str)],
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// For one row.
    Scalar,
    /// For many rows. Its examples stand over `UNNEST([3, 1, NULL, 1]) AS x`.
    Aggregate,
    /// With OVER. Its examples stand over the same; their values are those of all rows, in the
    /// order of x and then of themselves, joined by commas.
    Window,
}

/// The functions that queries can call.
pub fn function_docs() -> impl Iterator<Item = FunctionDoc> {
    FAMILIES.iter().flat_map(|family| {
        let rows = family.functions.iter().map(|f| FunctionDoc {
            family: family.name,
            name: f.name,
            kind: FunctionKind::Scalar,
            doc: f.doc,
            examples: f.examples,
        });
        let aggregates = family.aggregates.iter().map(|f| FunctionDoc {
            family: family.name,
            name: f.name,
            kind: FunctionKind::Aggregate,
            doc: f.doc,
            examples: f.examples,
        });
        let windows = family.windows.iter().map(|f| FunctionDoc {
            family: family.name,
            name: f.name,
            kind: FunctionKind::Window,
            doc: f.doc,
            examples: f.examples,
        });
        rows.chain(aggregates).chain(windows)
    })
}

/// A way in which a function can be called.
#[derive(Debug, Clone, Copy)]
pub struct FunctionSignature {
    /// Upper case; the sign of an operator.
    pub name: &'static str,
    /// How it is called.
    pub kind: FunctionKind,
    /// What it takes, without arguments that are given by name.
    pub params: &'static [Param],
    /// How many of `params`, from the end, may be left out.
    pub optional: usize,
}

/// All ways in which the functions can be called that queries can call.
pub fn function_signatures() -> impl Iterator<Item = FunctionSignature> {
    let scalar = |f: &'static Function| {
        f.overloads.iter().map(|overload| {
            let named = overload.names.len();
            FunctionSignature {
                name: f.name,
                kind: FunctionKind::Scalar,
                params: &overload.params[..overload.params.len() - named],
                optional: overload.optional.saturating_sub(named),
            }
        })
    };
    let many = |name, kind, overloads: &'static [AggregateOverload]| {
        overloads.iter().map(move |overload| FunctionSignature {
            name,
            kind,
            params: overload.params,
            optional: overload.optional,
        })
    };
    FAMILIES.iter().flat_map(move |family| {
        let aggregates = family.aggregates.iter();
        let windows = family.windows.iter();
        let rows = family.functions.iter().flat_map(scalar);
        rows.chain(aggregates.flat_map(move |f| many(f.name, FunctionKind::Aggregate, f.overloads)))
            .chain(windows.flat_map(move |f| many(f.name, FunctionKind::Window, f.overloads)))
    })
}

/// `CONCAT(STRING, [STRING, ...])`
pub(crate) fn signature(name: &str, overload: &Overload) -> String {
    let required = overload.params.len() - overload.optional;
    let mut text = format!("{name}(");
    for (place, param) in overload.params.iter().enumerate() {
        text.push_str(if place > 0 { ", " } else { "" });
        let param = param_text(*param);
        text.push_str(&if place < required { param } else { format!("[{param}]") });
    }
    if let Some(last) = overload.params.last().filter(|_| overload.variadic) {
        text.push_str(&format!(", [{}, ...]", param_text(*last)));
    }
    text.push(')');
    text
}

fn param_text(param: Param) -> String {
    match param {
        Param::Bool => "BOOL",
        Param::Int64 => "INT64",
        Param::Float64 => "FLOAT64",
        Param::Numeric => "NUMERIC",
        Param::BigNumeric => "BIGNUMERIC",
        Param::Pattern | Param::String => "STRING",
        Param::Bytes => "BYTES",
        Param::Timestamp => "TIMESTAMP",
        Param::Datetime => "DATETIME",
        Param::Date => "DATE",
        Param::Time => "TIME",
        Param::Interval => "INTERVAL",
        Param::Sketch => "HLL_COUNT sketch",
        Param::DatePart => "DATE_TIME_PART",
        Param::Json | Param::Dynamic => "JSON",
        Param::Array(element) => return format!("ARRAY<{}>", param_text(*element)),
        Param::AnyArray => "ARRAY<T>",
        Param::Same => "T1",
        Param::Any => "ANY",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::functions::{aggregate_named, named, window_named};

    #[test]
    fn declarations_are_complete() {
        let mut names = BTreeSet::new();
        for function in function_docs() {
            assert!(names.insert(function.name), "{} is there twice", function.name);
            assert!(!function.doc.is_empty() && !function.examples.is_empty(), "{}", function.name);
            assert_eq!(function.name, function.name.to_ascii_uppercase());
        }
        for name in &names {
            let found = named(name).is_some()
                || aggregate_named(name).is_some()
                || window_named(name).is_some();
            assert!(found, "{name}");
        }
    }

    #[test]
    fn signatures_are_written_as_bigquery_writes_them() {
        let shown =
            |name| named(name).and_then(|f| f.overloads.first()).map(|o| signature(name, o));
        assert_eq!(shown("CONCAT").as_deref(), Some("CONCAT(STRING, [STRING, ...])"));
        assert_eq!(shown("SUBSTR").as_deref(), Some("SUBSTR(STRING, INT64, [INT64])"));
        assert_eq!(shown("IF").as_deref(), Some("IF(BOOL, T1, T1)"));
    }
}
