//! What the loaded catalog says.

use std::sync::Arc;

use event_schemas::KeyValues;

use crate::{
    Backend, CatalogChanges, Endpoint, EndpointKey, Grant, Outlets, Rule, Source, SourceKey, Store,
    access_tokens::TokenDigest, catalog::Catalog,
};

impl Store {
    /// Looks a source up in the loaded catalog.
    pub fn source(&self, key: SourceKey<'_>) -> Option<Arc<Source>> {
        self.inner.state.borrow().loaded.as_ref()?.catalog.source(key)
    }

    /// All sources of the loaded catalog, oldest first.
    pub fn sources(&self) -> Vec<Arc<Source>> {
        match &self.inner.state.borrow().loaded {
            Some(loaded) => loaded.catalog.sources().to_vec(),
            None => Vec::new(),
        }
    }

    /// Days that a source's events are kept, its own or the default's; `None` keeps them for ever.
    pub fn retention_days(&self, source: &Source) -> Option<u32> {
        source.retention_days.or(self.inner.settings.default_retention_days)
    }

    /// Days that events are kept of sources for which nobody has set them; `None` keeps them for ever.
    pub fn default_retention_days(&self) -> Option<u32> {
        self.inner.settings.default_retention_days
    }

    /// The table of key-values; empty where no source looks anything up.
    pub fn loaded_key_values(&self) -> Arc<KeyValues> {
        match &self.inner.state.borrow().loaded {
            Some(loaded) => loaded.catalog.key_values(),
            None => Arc::default(),
        }
    }

    /// What the holder of a token may do; `None` for one that opens nothing.
    ///
    /// The way is the same for one that never was, one that was revoked and one of the wrong length:
    /// both digests of the settings are compared, then the digest is looked up once.
    pub fn grant(&self, presented: &str) -> Option<Grant> {
        let of_settings = self.inner.settings.tokens.grant(presented);
        of_settings.or_else(|| {
            let digest = TokenDigest::of(presented);
            self.inner.state.borrow().loaded.as_ref()?.catalog.grant(digest)
        })
    }

    /// All endpoints of the loaded catalog, oldest first.
    pub fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        match &self.inner.state.borrow().loaded {
            Some(loaded) => loaded.catalog.endpoints().to_vec(),
            None => Vec::new(),
        }
    }

    /// Looks an endpoint up in the loaded catalog.
    pub fn endpoint(&self, key: EndpointKey<'_>) -> Option<Arc<Endpoint>> {
        self.inner.state.borrow().loaded.as_ref()?.catalog.endpoint(key)
    }

    /// All backends of the loaded catalog, oldest first.
    pub fn backends(&self) -> Vec<Arc<Backend>> {
        self.with_catalog(|catalog| catalog.backends().to_vec()).unwrap_or_default()
    }

    /// Looks a backend up by its token.
    pub fn backend(&self, token: uuid::Uuid) -> Option<Arc<Backend>> {
        let found = |catalog: &Catalog| {
            catalog.backends().iter().find(|backend| backend.token == token).cloned()
        };
        self.with_catalog(found)?
    }

    /// Backends that people gave all events of a source.
    pub fn backends_of(&self, source: &Source) -> Vec<Arc<Backend>> {
        let found = |catalog: &Catalog| catalog.backends_of(source.id).cloned().collect();
        self.with_catalog(found).unwrap_or_default()
    }

    /// All rules of the loaded catalog, oldest first.
    pub fn rules(&self) -> Vec<Arc<Rule>> {
        self.with_catalog(|catalog| catalog.rules().to_vec()).unwrap_or_default()
    }

    /// Looks a rule up by its token.
    pub fn rule(&self, token: uuid::Uuid) -> Option<Arc<Rule>> {
        let found =
            |catalog: &Catalog| catalog.rules().iter().find(|rule| rule.token == token).cloned();
        self.with_catalog(found)?
    }

    /// Where the events of a source go besides.
    pub fn outlets(&self, source: &Source) -> Outlets {
        self.with_catalog(|catalog| catalog.outlets(source)).unwrap_or_default()
    }

    /// Tells of each change of the catalog that this process has seen.
    pub fn catalog_changes(&self) -> CatalogChanges {
        CatalogChanges { state: self.inner.subscribe(), seen: None }
    }

    pub(crate) fn with_catalog<T>(&self, look: impl FnOnce(&Catalog) -> T) -> Option<T> {
        self.inner.state.borrow().loaded.as_ref().map(|loaded| look(&loaded.catalog))
    }
}
