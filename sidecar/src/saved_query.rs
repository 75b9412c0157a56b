//! Queries that are saved, of endpoints and of alerts: the sources that they name may be renamed.

use std::collections::BTreeMap;

use store::{SourceKey, Store};
use translate::Written;
use uuid::Uuid;

use crate::{
    catalog_sources::{CatalogSources, Draft},
    plan,
    refusal::{FieldErrors, Refusal},
};

/// A saved query as people are shown it.
pub(crate) struct Shown {
    /// Its text, with the names that its sources have now.
    pub(crate) query: String,
    /// Those names.
    pub(crate) source_mapping: BTreeMap<String, Uuid>,
}

/// Checks a query that is to be saved in the place of another, or of none; gives the sources that it
/// names. `mapping` are those that the other one named.
pub(crate) fn mapped(
    store: &Store,
    draft: Draft<'_>,
    before: &str,
    mut mapping: BTreeMap<String, Uuid>,
) -> Result<BTreeMap<String, Uuid>, Refusal> {
    if draft.query != before {
        // Who writes a name now means the source that has it now.
        mapping.retain(|name, _| store.source(SourceKey::Name(name)).is_none());
    }
    plan::check(store, mapping, draft)
        .map_err(|diagnostic| FieldErrors::one("query", diagnostic.to_string()))
}

/// The query with the names that its sources have now.
pub(crate) fn shown(
    store: &Store,
    query: &str,
    language: &str,
    mapping: &BTreeMap<String, Uuid>,
) -> Shown {
    let called = |name: &str| {
        let source = store.source(SourceKey::Token(*mapping.get(name)?))?;
        (source.name != name).then(|| source.name.clone())
    };
    let as_it_is = || Shown { query: query.to_owned(), source_mapping: mapping.clone() };
    if mapping.keys().all(|name| called(name).is_none()) {
        return as_it_is();
    }
    let written = match language {
        "bq_sql" => Written::BigQuery,
        "pg_sql" => Written::Postgres,
        "lql" => Written::Lql,
        _ => return as_it_is(),
    };
    let sources = CatalogSources::of_saved(store, mapping.clone());
    let renamed = translate::with_sources_called(query, written, &sources, &called);
    if renamed == query {
        return as_it_is();
    }
    let names = mapping.iter();
    let source_mapping =
        names.map(|(name, token)| (called(name).unwrap_or_else(|| name.clone()), *token)).collect();
    Shown { query: renamed, source_mapping }
}
