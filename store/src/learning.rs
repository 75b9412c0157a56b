//! Learning of sources' fields, and its way into the catalog.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use event_schemas::{Learned, SchemaNews};
use sqlx::PgConnection;

use crate::{
    Source,
    catalog::{
        Catalog,
        changes::{self, LearnedRow},
    },
    server::SchemaName,
    store::Inner,
};

/// What was learned and is not in the catalog yet.
#[derive(Debug, Default)]
pub(crate) struct Unsaved(Mutex<Vec<LearnedRow>>);

impl Unsaved {
    fn rows(&self) -> MutexGuard<'_, Vec<LearnedRow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// Keeps it in the catalog; what cannot be kept now is kept later.
    pub(crate) async fn save(
        &self,
        connection: &mut PgConnection,
        schema: &SchemaName,
    ) -> Result<(), sqlx::Error> {
        // Unsaved until it is committed: who reads the catalog meanwhile does not find it there.
        let rows = self.rows().clone();
        if !rows.is_empty() {
            changes::keep_learned(connection, schema, &rows).await?;
            let saved: HashSet<_> = rows.iter().collect();
            self.rows().retain(|row| !saved.contains(row));
        }
        Ok(())
    }

    /// Adds it to a catalog that was read without it.
    pub(crate) fn add_to(&self, catalog: &mut Catalog) {
        let mut by_source: HashMap<i64, Vec<LearnedRow>> = HashMap::new();
        for row in self.rows().iter() {
            by_source.entry(row.source).or_default().push(row.clone());
        }
        for (source, rows) in by_source {
            let Some(source) = catalog.sources().iter().find(|known| known.id == source) else {
                continue;
            };
            let mut known = (*source.known).clone();
            for LearnedRow { path, kind, .. } in rows {
                if let (Ok(path), Ok(kind)) = (path.parse(), kind.parse()) {
                    known.learn(&path, kind);
                }
            }
            let schema = Arc::new(known.table_schema());
            let learned = Source { known: Arc::new(known), schema, ..(**source).clone() };
            catalog.replace_source(learned);
        }
    }
}

impl Inner {
    /// Learns what events of a source carried that was not known. It counts for queries at once.
    pub(crate) fn learn(&self, source: &Source, news: &SchemaNews) {
        self.change(|state| {
            let Some(loaded) = &state.loaded else { return };
            // Others may have learned since the caller has looked.
            let Some(source) = loaded.catalog.source(crate::SourceKey::Token(source.token)) else {
                return;
            };
            let mut known = (*source.known).clone();
            let mut unsaved = self.unsaved.rows();
            let was_full = known.is_full();
            for sighting in news.iter() {
                let (path, kind) = (sighting.path, sighting.kind);
                match known.learn(path, kind) {
                    Learned::Known | Learned::Full => continue,
                    Learned::New | Learned::Widened => {}
                    Learned::Conflict { known } => tracing::warn!(
                        source = source.name, %path, %known, met = %kind,
                        "events disagree about a field; both are kept"
                    ),
                }
                let (path, kind) = (path.to_string(), kind.as_str());
                unsaved.push(LearnedRow { source: source.id, path, kind });
            }
            if known.is_full() && !was_full {
                let source = &source.name;
                tracing::warn!(source, "it has too many fields: no more are learned");
            }
            let schema = Arc::new(known.table_schema());
            let known = Arc::new(known);
            let mut loaded = (**loaded).clone();
            loaded.catalog.replace_source(Source { known, schema, ..(*source).clone() });
            state.loaded = Some(Arc::new(loaded));
        });
    }
}
