//! The catalog in memory: which sources, endpoints and access tokens there are.

pub(crate) mod changes;
mod endpoint;
pub(crate) mod load;
mod seed;
mod source;

pub use endpoint::{Endpoint, EndpointKey};
pub use seed::LOGS_ALL;
pub(crate) use seed::seed_supabase;
pub use source::{Source, SourceKey, Validation};

use std::{collections::HashMap, sync::Arc};

use event_schemas::KeyValues;
use uuid::Uuid;

use crate::{
    Backend, Outlets, Rule,
    access_tokens::TokenDigest,
    config_key::KeyTrouble,
    grant::{Grant, Holder, Scopes},
};

/// One reading of the catalog.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    sources: Vec<Arc<Source>>,
    source_names: HashMap<String, usize>,
    source_tokens: HashMap<Uuid, usize>,
    endpoints: Vec<Arc<Endpoint>>,
    endpoint_names: HashMap<String, usize>,
    endpoint_tokens: HashMap<Uuid, usize>,
    tokens: HashMap<TokenDigest, Grant>,
    key_values: Arc<KeyValues>,
    /// The number of the latest change of key-values that is in it; `None` where they were not read.
    key_values_change: Option<i64>,
    backends: Vec<Arc<Backend>>,
    rules: Vec<Arc<Rule>>,
    /// Sources, and backends that get all their events.
    source_backends: Vec<(i64, i64)>,
    /// What keeps this process from reading and encrypting configs of backends.
    key_trouble: Option<KeyTrouble>,
    /// Sources that were removed: their tokens, and the days that their events are still kept.
    removed_sources: Vec<(Uuid, Option<u32>)>,
}

impl Catalog {
    fn add_source(&mut self, source: Source) {
        let at = self.sources.len();
        self.source_names.insert(source.name.clone(), at);
        self.source_tokens.insert(source.token, at);
        self.sources.push(Arc::new(source));
    }

    fn add_endpoint(&mut self, endpoint: Endpoint) {
        let at = self.endpoints.len();
        self.endpoint_names.insert(endpoint.name.clone(), at);
        self.endpoint_tokens.insert(endpoint.token, at);
        self.endpoints.push(Arc::new(endpoint));
    }

    fn add_token(&mut self, digest: TokenDigest, id: i64, scopes: Scopes) {
        let grant = Grant::new(Holder::AccessToken(id), Arc::new(scopes));
        self.tokens.insert(digest, grant);
    }

    pub(crate) fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    pub(crate) fn key_trouble(&self) -> Option<KeyTrouble> {
        self.key_trouble
    }

    pub(crate) fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Backends that people gave all events of a source.
    pub(crate) fn backends_of(&self, source: i64) -> impl Iterator<Item = &Arc<Backend>> {
        let attached =
            move |backend: &&Arc<Backend>| self.source_backends.contains(&(source, backend.id));
        self.backends.iter().filter(attached)
    }

    /// Where the events of a source go besides.
    pub(crate) fn outlets(&self, source: &Source) -> Outlets {
        let by_default = source.settings.default_ingest_backend_enabled;
        let takes_all = |backend: &&Arc<Backend>| {
            by_default && backend.default_ingest
                || self.source_backends.contains(&(source.id, backend.id))
        };
        Outlets {
            rules: self.rules.iter().filter(|rule| rule.source_id == source.id).cloned().collect(),
            backends: self.backends.iter().filter(takes_all).cloned().collect(),
        }
    }

    /// What the holder of an access token may do.
    pub(crate) fn grant(&self, token: TokenDigest) -> Option<Grant> {
        self.tokens.get(&token).cloned()
    }

    pub(crate) fn source(&self, key: SourceKey<'_>) -> Option<Arc<Source>> {
        let at = match key {
            SourceKey::Name(name) => self.source_names.get(name),
            SourceKey::Token(token) => self.source_tokens.get(&token),
        };
        self.sources.get(*at?).cloned()
    }

    /// Puts a source into the place of what was known of it.
    pub(crate) fn replace_source(&mut self, source: Source) {
        if let Some(at) = self.source_tokens.get(&source.token)
            && let Some(place) = self.sources.get_mut(*at)
        {
            *place = Arc::new(source);
        }
    }

    /// Takes over what is the same as before, so that it is seen at a glance that it is.
    #[must_use]
    pub(crate) fn keeping(mut self, before: &Self) -> Self {
        for source in &mut self.sources {
            let before = before.source(SourceKey::Token(source.token));
            if let Some(before) = before.filter(|before| before.settings == source.settings) {
                Arc::make_mut(source).settings = Arc::clone(&before.settings);
            }
        }
        self
    }

    /// The table of key-values, empty where no source looks anything up.
    pub(crate) fn key_values(&self) -> Arc<KeyValues> {
        Arc::clone(&self.key_values)
    }

    pub(crate) fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    pub(crate) fn removed_sources(&self) -> &[(Uuid, Option<u32>)] {
        &self.removed_sources
    }

    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    pub(crate) fn endpoint(&self, key: EndpointKey<'_>) -> Option<Arc<Endpoint>> {
        let at = match key {
            EndpointKey::Name(name) => self.endpoint_names.get(name),
            EndpointKey::Token(token) => self.endpoint_tokens.get(&token),
        };
        self.endpoints.get(*at?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn sources_and_endpoints_are_found_by_name_and_token() {
        let mut catalog = Catalog::default();
        for (id, name) in [(1, "a"), (2, "b")] {
            let token = Uuid::from_u128(id);
            catalog.add_source(Source::unknown(name, token));
            catalog.add_endpoint(Endpoint {
                id: 1,
                token,
                name: name.to_owned(),
                description: None,
                query: String::new(),
                language: "bq_sql".to_owned(),
                sandboxable: true,
                cache_duration_seconds: 0,
                proactive_requerying_seconds: 0,
                max_limit: 1000,
                enable_auth: true,
                redact_pii: false,
                enable_dynamic_reservation: false,
                labels: None,
                backend_id: None,
                source_mapping: BTreeMap::new(),
                created_at: 0,
                updated_at: 0,
            });
        }
        let token = Uuid::from_u128(2);
        assert_eq!(catalog.source(SourceKey::Name("b")).unwrap().token, token);
        assert_eq!(catalog.source(SourceKey::Token(token)).unwrap().name, "b");
        assert!(catalog.source(SourceKey::Name("B")).is_none());
        assert_eq!(catalog.endpoint(EndpointKey::Name("b")).unwrap().token, token);
        assert_eq!(catalog.endpoint(EndpointKey::Token(token)).unwrap().name, "b");
        assert!(catalog.endpoint(EndpointKey::Token(Uuid::from_u128(3))).is_none());
    }

    #[test]
    fn settings_are_the_same_until_they_are_changed() {
        let catalog = |description: &str| {
            let mut catalog = Catalog::default();
            let settings = crate::SourceSettings {
                description: Some(description.to_owned()),
                ..crate::SourceSettings::default()
            };
            let source = Source::unknown("a", Uuid::nil());
            catalog.add_source(Source { settings: Arc::new(settings), ..source });
            catalog
        };
        let settings = |catalog: &Catalog| Arc::clone(&catalog.sources()[0].settings);
        let first = catalog("d");
        let second = catalog("d").keeping(&first);
        assert!(Arc::ptr_eq(&settings(&first), &settings(&second)));
        let third = catalog("e").keeping(&second);
        assert_eq!(settings(&third).description.as_deref(), Some("e"));
    }
}
