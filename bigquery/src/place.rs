//! What is known of a table while the program runs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{
    descriptor::WriterSchema,
    layout::Fresh,
    table::{OpenTable, Target},
};

/// All tables, by their names.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<HashMap<String, Arc<Place>>>);

impl Places {
    pub(crate) fn of(&self, table: &str) -> Arc<Place> {
        Arc::clone(locked(&self.0).entry(table.to_owned()).or_default())
    }
}

/// A table, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Place {
    known: Mutex<Option<Known>>,
    /// The last message type of which it has taken rows.
    taken: Mutex<Option<WriterSchema>>,
    /// When it was changed last. Held while it is looked at or changed.
    pub(crate) changing: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) table: Arc<OpenTable>,
    /// What it was compared with; `None` when it is to be looked at anew.
    pub(crate) target: Option<Target>,
}

impl Place {
    pub(crate) fn known(&self) -> Option<Known> {
        locked(&self.known).clone()
    }

    pub(crate) fn set(&self, known: Option<Known>) {
        *locked(&self.known) = known;
    }

    /// The table as it is known, where it is known to be as the target wants it.
    pub(crate) fn up_to_date(&self, target: &Target) -> Option<Arc<OpenTable>> {
        let known = self.known()?;
        known.target?.is_same(target).then_some(known.table)
    }

    /// The table may be another one than it is known to be. Which of its columns are fresh stays
    /// known.
    pub(crate) fn look_again(&self) {
        if let Some(known) = &mut *locked(&self.known) {
            known.target = None;
        }
    }

    /// These columns may not be known yet to whoever takes rows.
    pub(crate) fn add_fresh(&self, fresh: &Fresh) {
        if let Some(known) = &mut *locked(&self.known) {
            known.table = Arc::new(known.table.with_fresh(fresh));
        }
    }

    /// Rows with all columns of this table have been taken. Where the table is another one by now,
    /// that one has fresher ones.
    pub(crate) fn note_settled(&self, table: &OpenTable) {
        if let Some(known) = &mut *locked(&self.known)
            && std::ptr::eq(&*known.table, table)
        {
            known.table = Arc::new(table.settled());
        }
    }

    /// Rows of this type have been taken.
    pub(crate) fn note_taken(&self, schema: &WriterSchema) {
        *locked(&self.taken) = Some(Arc::clone(schema));
    }

    /// Whether rows of this type have been taken.
    pub(crate) fn has_taken(&self, schema: &WriterSchema) -> bool {
        locked(&self.taken).as_ref() == Some(schema)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
