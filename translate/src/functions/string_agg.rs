//! STRING_AGG.

use super::{
    AggregateCall, AggregateFunction, Param, Returns, aggregate, clauses::Clause, lowered_aggregate,
};
use crate::{diagnostic::Diagnostic, postgres::Expr as Pg, types::Type};

pub(super) const FUNCTIONS: &[AggregateFunction] = &[aggregate(
    "STRING_AGG",
    "The texts of all rows, with commas or the second argument between them.",
    &[
        lowered_aggregate(&[Param::String, Param::String], Returns::String, string_agg).optional(1),
        lowered_aggregate(&[Param::Bytes, Param::Bytes], Returns::Bytes, string_agg).optional(1),
    ],
    &[
        ("STRING_AGG(CAST(x AS STRING), '-' ORDER BY x)", "1-1-3"),
        ("STRING_AGG(CAST(x AS STRING) ORDER BY x DESC)", "3,1,1"),
        ("STRING_AGG(CAST(x AS STRING), '-' ORDER BY x DESC LIMIT 2)", "3-1"),
        ("STRING_AGG(DISTINCT CAST(x AS STRING), '' ORDER BY CAST(x AS STRING) DESC)", "31"),
        ("STRING_AGG(DISTINCT CAST(x AS STRING) ORDER BY CAST(x AS STRING) LIMIT 1)", "1"),
        ("STRING_AGG(DISTINCT CAST(x AS STRING))", "3,1"),
        ("STRING_AGG(DISTINCT CAST(x AS STRING) LIMIT 1)", "3"),
        ("STRING_AGG(CAST(NULLIF(x, x) AS STRING))", "NULL"),
        ("STRING_AGG(IF(x = 3, b'c', b'a'), b'-' ORDER BY x)", "a-a-a-c"),
        ("STRING_AGG(IF(x = 3, b'c', b'a') ORDER BY x DESC LIMIT 2)", "c,a"),
    ],
)
.ordered()];

/// As many elements as an array can have.
const MANY: u64 = 2_147_483_647;

fn string_agg(call: AggregateCall<'_>) -> Result<Pg, Diagnostic> {
    call.heeds(&[Clause::Distinct, Clause::Order, Clause::Limit, Clause::Over])?;
    if let Some(delimiter) = call.args.get(1) {
        if delimiter.is_null() {
            let message = "Argument 2 to STRING_AGG must be non-NULL";
            return Err(Diagnostic::invalid(delimiter.at, message));
        }
        if delimiter.as_literal().is_none() {
            let message = "Argument 2 to STRING_AGG must be a literal or query parameter";
            return Err(Diagnostic::invalid(delimiter.at, message));
        }
    }
    let bytes = call.args.first().is_some_and(|arg| arg.ty == Type::Bytes);
    let comma = if bytes { "'\\x2c'::bytea" } else { "','" };
    let text = call.lowered.first().cloned().unwrap_or_else(|| Pg::null("text"));
    let delimiter = call.lowered.get(1).cloned().unwrap_or_else(|| Pg::Atom(comma.to_owned()));
    let args = vec![text, delimiter.clone()];
    let in_order_of_appearance = call.in_order_of_appearance();
    let Some(limit) = call.limit.or(in_order_of_appearance.then_some(MANY)) else {
        return Ok(call.template_of("string_agg($distinct$1, $2$order)$over", args));
    };
    if call.clauses.over.is_some() {
        return Err(Diagnostic::unsupported(call.at(), "LIMIT in a call with OVER"));
    }
    let template = if in_order_of_appearance {
        "logweir.different(array_agg($1) FILTER (WHERE $1 IS NOT NULL))"
    } else {
        "array_agg($distinct$1$order) FILTER (WHERE $1 IS NOT NULL)"
    };
    let all = call.template_of(template, args);
    let join = if bytes {
        "logweir.join_bytes(($1)[1:$2], $3)"
    } else {
        "array_to_string(($1)[1:$2], $3)"
    };
    Ok(Pg::template(join, vec![all, Pg::Atom(limit.min(MANY).to_string()), delimiter]))
}
