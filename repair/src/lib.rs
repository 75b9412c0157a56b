//! Fills what pipelines leave empty, by programs in Vector's language (VRL).
//!
//! ```text
//! event ─ what the program asks for ─ program ─ what it assigns ─ the event, where it has nothing
//! ```
//!
//! The programs are those of `event-schemas`, one for a source. A program works on a copy of the
//! fields that it names, and of what it assigns an event gets what it has nothing for. So nothing
//! that a sender sent is changed or lost, and a program that ends by an error leaves no trace.
//!
//! VRL has no loops but those over the elements of a value, and regular expressions take a time that
//! grows with the text only: no event holds a program up.

mod program;
mod value;

use std::{collections::BTreeMap, sync::LazyLock};

use event_schemas::{SUPABASE_SOURCES, repair_program};

pub use program::{Failed, InvalidProgram, Repair};

/// Compiled when the first of them is asked for.
static REPAIRS: LazyLock<BTreeMap<&'static str, Repair>> = LazyLock::new(|| {
    let compiled = SUPABASE_SOURCES.iter().filter_map(|source| {
        let repair = Repair::compile(repair_program(source.name)?);
        // The programs are part of this one, and a test compiles them all. Should one be broken all
        // the same, its source works without.
        let told = |error: &_| debug_assert!(false, "repairs/{}.vrl: {error}", source.name);
        Some((source.name, repair.inspect_err(told).ok()?))
    });
    compiled.collect()
});

/// The repair of a source's events, by the source's name. `None` for sources without one.
pub fn of_source(name: &str) -> Option<&'static Repair> {
    REPAIRS.get(name)
}

#[cfg(test)]
mod tests;
