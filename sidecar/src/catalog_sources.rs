//! What a query may read, as the translator asks for it: sources and other endpoints.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use store::{Endpoint, EndpointKey, Source, SourceKey, Store};
use translate::{Language, SourceTable, Sources, StoredQuery, TableColumns};
use uuid::Uuid;

/// The catalog, as one query sees it.
pub(crate) struct CatalogSources<'a> {
    store: &'a Store,
    /// The sources that the query meant when it was saved: they may be called otherwise now.
    mapping: BTreeMap<String, Uuid>,
    draft: Option<Draft<'a>>,
    /// Whether errors may name all sources: who only queries an endpoint is not told of them.
    tells_names: bool,
    /// The sources that were found, by the query's names.
    found: RefCell<BTreeMap<String, Uuid>>,
}

/// A query that is about to be saved: it is what it will be, not what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft<'a> {
    /// By which other queries may read it.
    pub(crate) name: Option<&'a str>,
    pub(crate) query: &'a str,
    pub(crate) language: &'a str,
}

impl<'a> CatalogSources<'a> {
    /// For a query of a person's own.
    pub(crate) fn new(store: &'a Store) -> Self {
        let (mapping, found) = (BTreeMap::new(), RefCell::default());
        Self { store, mapping, draft: None, tells_names: true, found }
    }

    /// For an endpoint's query.
    pub(crate) fn of(store: &'a Store, endpoint: &Endpoint) -> Self {
        Self::of_saved(store, endpoint.source_mapping.clone())
    }

    /// For a query that was saved with this of its names.
    pub(crate) fn of_saved(store: &'a Store, mapping: BTreeMap<String, Uuid>) -> Self {
        Self { mapping, tells_names: false, ..Self::new(store) }
    }

    /// For a query that is about to be saved; `mapping` is what is known of its names.
    pub(crate) fn of_draft(
        store: &'a Store,
        mapping: BTreeMap<String, Uuid>,
        draft: Draft<'a>,
    ) -> Self {
        Self { mapping, draft: Some(draft), ..Self::new(store) }
    }

    /// The sources that the query itself named, to be kept with it.
    pub(crate) fn into_found(self) -> BTreeMap<String, Uuid> {
        self.found.into_inner()
    }

    fn find(&self, name: &str) -> Option<Arc<Source>> {
        let meant = self.mapping.get(name).map(|token| SourceKey::Token(*token));
        meant
            .and_then(|token| self.store.source(token))
            .or_else(|| self.store.source(SourceKey::Name(name)))
    }
}

impl Sources for CatalogSources<'_> {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let source = self.find(name)?;
        self.found.borrow_mut().insert(name.to_owned(), source.token);
        Some(SourceTable {
            table: self.store.bigquery_table(&source).unwrap_or_else(|| source.table.clone()),
            schema: Arc::clone(&source.schema),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        let sources = if self.tells_names { self.store.sources() } else { Vec::new() };
        sources.iter().map(|source| source.name.clone()).collect()
    }

    fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
        let stored = self.store.endpoint(EndpointKey::Name(name));
        let mapping = stored.as_ref().map(|endpoint| endpoint.source_mapping.clone());
        let (text, language) = match (self.draft.filter(|draft| draft.name == Some(name)), &stored)
        {
            (Some(draft), _) => (draft.query.to_owned(), draft.language),
            (None, Some(endpoint)) => (endpoint.query.clone(), endpoint.language.as_str()),
            (None, None) => return None,
        };
        let language = match language {
            "bq_sql" => Language::BigQuery,
            "pg_sql" => Language::Postgres,
            _ => Language::Other,
        };
        let sources = Self {
            mapping: mapping.unwrap_or_default(),
            draft: self.draft,
            tells_names: self.tells_names,
            ..Self::new(self.store)
        };
        Some(StoredQuery { text, language, sources: Box::new(sources) })
    }
}
