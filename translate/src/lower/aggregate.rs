//! Aggregate and window functions.

use super::{expression, in_order, sort_key, sort_keys};
use crate::{
    diagnostic::Diagnostic,
    functions::{AggregateCall, AggregateLower},
    postgres::{self, Expr as Pg},
    tree::{Aggregate, Bound, Expr, Window},
};

/// Lowers a call, the kind of `whole`.
pub(super) fn lower(
    call: &Aggregate,
    window: Option<&Window>,
    whole: &Expr,
) -> Result<Pg, Diagnostic> {
    let clauses = postgres::Clauses {
        distinct: call.distinct,
        // DISTINCT can be sorted by nothing but its argument.
        order_by: if call.distinct {
            call.order_by.iter().map(sort_key).collect::<Result<_, _>>()?
        } else {
            sort_keys(&call.order_by)?
        },
        over: window.map(self::window).transpose()?,
    };
    let lower = call.function.lower;
    let mut lowered = expression::all(&call.args)?;
    // PostgreSQL sorts what is DISTINCT by the argument as it is written, and by nothing else.
    if let (true, Some(arg), Some(first)) = (call.distinct, call.args.first(), lowered.first_mut())
    {
        *first = in_order(first.clone(), &arg.ty);
    }
    let call = AggregateCall {
        args: &call.args,
        lowered,
        ignore_nulls: call.ignore_nulls,
        limit: call.limit,
        clauses,
    };
    match lower {
        AggregateLower::With(lower) => lower(call),
        AggregateLower::Template(template) => {
            let has = |place: &str| template.contains(place);
            let distinct = call.clauses.distinct;
            let over = call.clauses.over.is_some();
            for (is_refused, clause) in [
                (distinct && !has("$distinct"), "DISTINCT"),
                (!call.clauses.order_by.is_empty() && !has("$order"), "ORDER BY"),
                (over && !has("$over"), "OVER"),
                // PostgreSQL's window functions know no DISTINCT.
                (distinct && over, "DISTINCT with OVER"),
                (call.limit.is_some(), "LIMIT"),
                (call.ignore_nulls.is_some(), "IGNORE NULLS and RESPECT NULLS"),
            ] {
                if is_refused {
                    let what = format!("{clause} in this function");
                    return Err(Diagnostic::unsupported(whole.at, what));
                }
            }
            Ok(call.template(template))
        }
    }
}

fn window(window: &Window) -> Result<postgres::Window, Diagnostic> {
    let frame = window.frame.as_ref().map(|frame| {
        Ok(postgres::Frame {
            unit: if frame.range { "RANGE" } else { "ROWS" },
            start: bound(&frame.start)?,
            end: bound(&frame.end)?,
        })
    });
    Ok(postgres::Window {
        partition_by: expression::all(&window.partition_by)?,
        // A frame of distances takes one key.
        order_by: match &window.frame {
            Some(frame) if frame.range => {
                window.order_by.iter().map(sort_key).collect::<Result<_, _>>()?
            }
            _ => sort_keys(&window.order_by)?,
        },
        frame: frame.transpose()?,
    })
}

fn bound(bound: &Bound) -> Result<postgres::Bound, Diagnostic> {
    let (offset, word) = match bound {
        Bound::UnboundedPreceding => (None, "UNBOUNDED PRECEDING"),
        Bound::Preceding(offset) => (Some(offset), "PRECEDING"),
        Bound::CurrentRow => (None, "CURRENT ROW"),
        Bound::Following(offset) => (Some(offset), "FOLLOWING"),
        Bound::UnboundedFollowing => (None, "UNBOUNDED FOLLOWING"),
    };
    let offset = offset.map(|offset| expression::lower(offset)).transpose()?;
    Ok(postgres::Bound { offset, word })
}
