//! What one query may come to.
//!
//! A query can ask for far more than it says: `*` stands for all columns; an alias, the operand of
//! CASE and a STRUCT that is cast stand for copies of what they name; STRUCTs of STRUCTs have types that
//! grow tenfold with each. So what is made is counted while it is made.
//!
//! The counts are the thread's: a translation is one call, and what makes expressions and SQL are
//! plain functions for the most part. One that cannot refuse only notes what it makes; the next that can
//! refuses, at the latest the end.

use std::cell::RefCell;

use crate::{
    STACK_BYTES,
    diagnostic::{Diagnostic, Position},
    tree::{Expr, ExprKind, Literal},
};

/// Most fields of one type or row, those of fields included: a table of BigQuery's has as many columns.
pub(crate) const MAX_FIELDS: usize = 10_000;
/// How deep STRUCTs may stand in each other; in a table of BigQuery's it is 15.
pub(crate) const MAX_STRUCT_DEPTH: usize = 32;
/// Most expressions that a query may come to, copies included.
pub(crate) const MAX_EXPRESSIONS: usize = 200_000;
/// Most bytes of PostgreSQL's SQL that a query may become.
pub(crate) const MAX_SQL: usize = 4 << 20;
/// Most steps for which the regular expressions of a query are looked at.
const MAX_LOOKS: usize = 10_000_000;
/// As many bytes of a text take as much as an expression.
const BYTES_OF_EXPRESSION: usize = 32;

#[derive(Default)]
struct Made {
    expressions: usize,
    sql: usize,
    looks: usize,
    refusal: Option<Diagnostic>,
}

thread_local! {
    static MADE: RefCell<Made> = RefCell::default();
}

/// Runs a translation, on a stack that its nesting has room on; refuses it where it comes to too much.
pub(crate) fn within<T>(
    translation: impl FnOnce() -> Result<T, Diagnostic>,
) -> Result<T, Diagnostic> {
    MADE.take();
    let result = stacker::grow(STACK_BYTES, translation);
    // What was made too large may have been refused for another reason.
    let last = expressions(0, Position::default());
    match MADE.take().refusal {
        Some(refusal) => Err(refusal),
        None => last.and(result),
    }
}

/// Counts expressions that are made.
pub(crate) fn expressions(count: usize, at: Position) -> Result<(), Diagnostic> {
    note(count);
    if MADE.with_borrow(|made| made.expressions) <= MAX_EXPRESSIONS {
        return Ok(());
    }
    let what = format!(
        "A query that comes to more than {MAX_EXPRESSIONS} expressions, all columns of * and copies of what aliases name included,"
    );
    let advice = "select the columns that you need, or write what is long in a WITH subquery";
    Err(refused(Diagnostic::unsupported(at, what).advise(advice)))
}

/// Counts copies of an expression before they are made.
pub(crate) fn copies(expr: &Expr, count: usize, at: Position) -> Result<(), Diagnostic> {
    expressions(size(expr).saturating_mul(count), at)
}

/// Counts texts of so many bytes in all.
pub(crate) fn text(bytes: usize, at: Position) -> Result<(), Diagnostic> {
    expressions(bytes / BYTES_OF_EXPRESSION, at)
}

/// Counts expressions where nothing can be refused.
pub(crate) fn note(count: usize) {
    MADE.with_borrow_mut(|made| made.expressions = made.expressions.saturating_add(count));
}

/// Checks how many fields a type or a row has, those of fields included.
pub(crate) fn fields(count: usize, at: Position) -> Result<(), Diagnostic> {
    if count <= MAX_FIELDS {
        return Ok(());
    }
    let what =
        format!("A STRUCT or a row of more than {MAX_FIELDS} fields, those of fields included,");
    let advice = "take the fields that you need";
    Err(refused(Diagnostic::unsupported(at, what).advise(advice)))
}

/// Checks how deep STRUCTs stand in each other.
pub(crate) fn struct_depth(depth: usize, at: Position) -> Result<(), Diagnostic> {
    if depth <= MAX_STRUCT_DEPTH {
        return Ok(());
    }
    let what = format!("A STRUCT with STRUCTs more than {MAX_STRUCT_DEPTH} deep");
    let advice = "put the fields side by side";
    Err(refused(Diagnostic::unsupported(at, what).advise(advice)))
}

/// Counts an expression's SQL: its bytes, and those of them that were made for it alone.
pub(crate) fn sql(bytes: usize, own: usize, at: Position) -> Result<(), Diagnostic> {
    let all = MADE.with_borrow_mut(|made| {
        made.sql = made.sql.saturating_add(own);
        made.sql
    });
    if bytes.max(all) <= MAX_SQL { Ok(()) } else { Err(too_much_sql(at)) }
}

/// Whether regular expressions may be looked at any closer, so many steps more. What is not known of
/// one is no mistake: its matches are found in the slower way.
pub(crate) fn may_look(steps: usize) -> bool {
    MADE.with_borrow_mut(|made| {
        made.looks = made.looks.saturating_add(steps);
        made.looks <= MAX_LOOKS
    })
}

/// The query becomes too much SQL.
pub(crate) fn too_much_sql(at: Position) -> Diagnostic {
    let what = format!("A query that comes to more than {MAX_SQL} bytes of PostgreSQL's SQL");
    let advice = "nest fewer calls and CASTs of STRUCTs, or select less at once";
    refused(Diagnostic::unsupported(at, what).advise(advice))
}

/// Keeps the first refusal: others may follow from it.
fn refused(refusal: Diagnostic) -> Diagnostic {
    MADE.with_borrow_mut(|made| made.refusal.get_or_insert(refusal).clone())
}

/// How much a copy of an expression takes, in expressions; no more than the bound is counted.
fn size(expr: &Expr) -> usize {
    let mut size = 0_usize;
    expr.any(&mut |part| {
        let text = match &part.kind {
            ExprKind::Literal(Literal::String(text) | Literal::Json(text)) => text.len(),
            ExprKind::Literal(Literal::Bytes(bytes)) => bytes.len(),
            ExprKind::Field { name, .. } => name.len(),
            _ => 0,
        };
        size += 1 + text / BYTES_OF_EXPRESSION;
        size > MAX_EXPRESSIONS
    });
    size
}
