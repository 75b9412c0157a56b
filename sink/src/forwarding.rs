//! Where events go besides their source: to other sources and to backends, by rules.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use drains::{Copies, Drains};
use event_schemas::{Event, SchemaNews};
use futures_util::future::join_all;
use lql::Lql;
use store::{
    Admission, AppendError, Appended, Backend, Batch, Delivery, Outlets, Rule, Source, SourceKey,
    Store,
};

use crate::{besides::Besides, limits::Tally, measures, seldom::Seldom, treatment::words};

/// Filters that are kept compiled, whether their rules are there still or not.
const FEW_FILTERS: usize = 64;

/// Why an event does not go where it should go besides. Its sender cannot know how many want it.
const BEYOND_LIMIT: &str = "the events of a body for other sources and backends come to more than 4 \
                            times LOGWEIR_MAX_BODY_BYTES; raise it, or let fewer have them";

/// Knows where events go besides. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Forwarder {
    store: Store,
    drains: Drains,
    filters: Filters,
}

/// What it takes to give events to others besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effort {
    /// Copies of each event that there may be.
    pub(crate) copies: usize,
    /// How many times each byte may be looked at.
    pub(crate) steps: usize,
}

/// Rules' filters by their text; `None` for what is no LQL.
#[derive(Debug, Clone, Default)]
struct Filters {
    compiled: Arc<Mutex<HashMap<String, Option<Arc<Lql>>>>>,
    seldom: Seldom,
}

/// What of a request goes elsewhere besides. Events that are forwarded are not forwarded again.
#[derive(Debug, Default)]
pub(crate) struct Forwarded {
    targets: Vec<Target>,
    /// Filters, and what goes where.
    filters: Vec<(Arc<Lql>, usize)>,
    /// Places of targets that get everything.
    everything: BTreeSet<usize>,
    /// Those of one event.
    chosen: BTreeSet<usize>,
    /// The body of one event.
    body: Vec<u8>,
}

#[derive(Debug)]
struct Target {
    receiver: Receiver,
    /// Events that it does not get: the body comes to too much with them.
    beyond_limit: usize,
}

#[derive(Debug)]
enum Receiver {
    Source { source: Arc<Source>, batch: Batch, news: SchemaNews },
    Backend { backend: Arc<Backend>, copies: Copies },
}

impl Forwarder {
    pub(crate) fn new(store: Store, drains: Drains) -> Self {
        Self { store, drains, filters: Filters::default() }
    }

    /// How many copies of a source's events may be made, and about how many times each of their bytes
    /// is looked at for that. For a body that names its source itself, what is true of all of them.
    pub(crate) fn effort(&self, source: Option<&Source>) -> Effort {
        let Outlets { rules, backends } = match source {
            Some(source) => self.store.outlets(source),
            None => Outlets { rules: self.store.rules(), backends: self.store.backends() },
        };
        let words: usize = rules.iter().map(|rule| words(&rule.lql_string)).sum();
        Effort { copies: rules.len() + backends.len(), steps: words + backends.len() }
    }

    /// Takes a source's events from now on.
    pub(crate) fn of(&self, source: &Source) -> Forwarded {
        let Outlets { rules, backends } = self.store.outlets(source);
        let mut forwarded = Forwarded::default();
        for backend in &backends {
            let place = forwarded.backend(backend);
            forwarded.everything.insert(place);
        }
        if rules.is_empty() {
            return forwarded;
        }
        let all_backends = self.store.backends();
        for rule in &rules {
            let Some(filter) = self.filters.compiled(rule, &self.store) else { continue };
            let backend = all_backends.iter().find(|one| Some(one.id) == rule.backend_id);
            if let Some(backend) = backend {
                let place = forwarded.backend(backend);
                forwarded.filters.push((Arc::clone(&filter), place));
            }
            let sink = rule.sink.and_then(|token| self.store.source(SourceKey::Token(token)));
            if let Some(sink) = sink.filter(|sink| sink.id != source.id) {
                let place = forwarded.source(&sink);
                forwarded.filters.push((filter, place));
            }
        }
        forwarded
    }

    /// Makes a request's events durable in their source, and in all other places.
    pub(crate) async fn append(
        &self,
        admission: Admission,
        delivery: &Delivery,
        source: &Arc<Source>,
        batch: Batch,
        forwarded: Forwarded,
    ) -> Result<Appended, AppendError> {
        let mut sources = Vec::new();
        let mut backends = Vec::new();
        let mut beyond_limit = Vec::new();
        for Target { receiver, beyond_limit: events } in forwarded.targets {
            let place = match &receiver {
                Receiver::Source { source, .. } => Ok(Arc::clone(source)),
                Receiver::Backend { backend, .. } => Err(Arc::clone(backend)),
            };
            if events > 0 {
                beyond_limit.push((place, events));
            }
            match receiver {
                Receiver::Source { source, batch, news } if !batch.is_empty() => {
                    self.store.learn(&source, &news);
                    sources.push((source, batch));
                }
                Receiver::Backend { backend, copies } if !copies.is_empty() => {
                    backends.push((backend, copies));
                }
                Receiver::Source { .. } | Receiver::Backend { .. } => {}
            }
        }
        let appended = if sources.is_empty() {
            admission.append(source, batch).await?
        } else {
            let sinks: Vec<_> =
                sources.iter().map(|(source, batch)| (Arc::clone(source), batch.len())).collect();
            let (appended, others) =
                admission.append_with(source, batch, sources, delivery).await?;
            for ((sink, events), appended) in sinks.iter().zip(others) {
                self.tell_appended(sink, *events, appended);
            }
            appended
        };
        for (place, events) in beyond_limit {
            match place {
                Ok(sink) => self.tell_beyond_limit(&sink, events),
                Err(backend) => self.drains.leave_out(&backend, events, BEYOND_LIMIT),
            }
        }
        // Only now: a drain gets what is acknowledged. What is sent again it may get again.
        let puts = backends.into_iter().map(|(backend, copies)| async move {
            self.drains.put(&backend, &source.name, copies).await;
        });
        join_all(puts).await;
        Ok(appended)
    }

    /// Counts events that another source does not get.
    fn tell_beyond_limit(&self, sink: &Source, events: usize) {
        measures::received(&sink.name, events, 0);
        measures::dropped(&sink.name, events);
        let seldom = &self.filters.seldom;
        if let Some(untold) = seldom.is_due("beyond limit", &sink.name, Instant::now()) {
            let sink = &sink.name;
            tracing::error!(sink, events, untold, "rules' events are dropped: {BEYOND_LIMIT}");
        }
    }

    /// Counts what became of so many events for another source.
    fn tell_appended(&self, sink: &Source, events: usize, appended: Result<Appended, AppendError>) {
        match appended {
            Ok(appended) => {
                let refused = appended.refused.len();
                measures::received(&sink.name, appended.stored + appended.duplicates, 0);
                measures::appended(&sink.name, &appended, refused);
                self.store.note_taken(sink, appended.stored, refused);
            }
            Err(error) => {
                measures::received(&sink.name, events, 0);
                measures::dropped(&sink.name, events);
                let seldom = &self.filters.seldom;
                if let Some(untold) = seldom.is_due("not forwarded", &sink.name, Instant::now()) {
                    let sink = &sink.name;
                    tracing::error!(sink, events, untold, %error, "rules' events are dropped");
                }
            }
        }
    }
}

impl Filters {
    fn compiled(&self, rule: &Rule, store: &Store) -> Option<Arc<Lql>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(&rule.lql_string) {
            return known.clone();
        }
        if compiled.len() >= FEW_FILTERS {
            // As many as there are rules, however often they are changed.
            let rules = store.rules();
            let texts: HashSet<_> = rules.iter().map(|rule| rule.lql_string.as_str()).collect();
            compiled.retain(|text, _| texts.contains(text.as_str()));
        }
        let parsed = lql::parse(&rule.lql_string).inspect_err(|error| {
            let token = rule.token.to_string();
            if self.seldom.is_due("rule", &token, Instant::now()).is_some() {
                tracing::error!(rule = token, %error, "the rule forwards nothing: it is no LQL");
            }
        });
        let parsed = parsed.ok().map(Arc::new);
        compiled.insert(rule.lql_string.clone(), parsed.clone());
        parsed
    }
}

impl Forwarded {
    /// The place of a backend.
    fn backend(&mut self, wanted: &Arc<Backend>) -> usize {
        let is_wanted = |receiver: &Receiver| matches!(receiver, Receiver::Backend { backend, .. } if backend.id == wanted.id);
        self.place(is_wanted, || Receiver::Backend {
            backend: Arc::clone(wanted),
            copies: Copies::default(),
        })
    }

    /// The place of a source.
    fn source(&mut self, wanted: &Arc<Source>) -> usize {
        let is_wanted = |receiver: &Receiver| matches!(receiver, Receiver::Source { source, .. } if source.id == wanted.id);
        self.place(is_wanted, || Receiver::Source {
            source: Arc::clone(wanted),
            batch: Batch::default(),
            news: SchemaNews::default(),
        })
    }

    fn place(
        &mut self,
        is_wanted: impl Fn(&Receiver) -> bool,
        new: impl FnOnce() -> Receiver,
    ) -> usize {
        let known = self.targets.iter().position(|target| is_wanted(&target.receiver));
        known.unwrap_or_else(|| {
            self.targets.push(Target { receiver: new(), beyond_limit: 0 });
            self.targets.len() - 1
        })
    }

    /// Takes an event to where it goes, to each place once, as far as the limit of the body lets it
    /// and there is memory.
    pub(crate) fn push(&mut self, event: &Event<'_>, tally: &mut Tally, besides: &mut Besides) {
        if self.targets.is_empty() {
            return;
        }
        self.chosen.clone_from(&self.everything);
        for (filter, place) in &self.filters {
            if !self.chosen.contains(place) && filter.matches(event) {
                self.chosen.insert(*place);
            }
        }
        if self.chosen.is_empty() {
            return;
        }
        self.body.clear();
        event.write_body(&mut self.body);
        for place in &self.chosen {
            let Some(Target { receiver, beyond_limit }) = self.targets.get_mut(*place) else {
                continue;
            };
            if !tally.forwarded(self.body.len()) {
                *beyond_limit += 1;
                continue;
            }
            // Itself, and as it is stored or kept.
            besides.add(2 * self.body.len());
            if besides.is_short() {
                return;
            }
            match receiver {
                Receiver::Source { source, batch, news } => {
                    if !source.settings.lock_schema {
                        source.known.news(event, news);
                    }
                    batch.push(event);
                }
                Receiver::Backend { copies, .. } => copies.push(&self.body),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::{SourceSchema, Value};
    use uuid::Uuid;

    use super::*;

    fn sink(id: i64) -> Source {
        Source {
            id,
            token: Uuid::nil(),
            name: "sink".to_owned(),
            declared_as: "sink".to_owned(),
            table: String::new(),
            known: Arc::new(SourceSchema::new(Arc::default())),
            schema: Arc::default(),
            validation: store::Validation::Off,
            event_schema: None,
            retention_days: None,
            settings: Arc::default(),
            created_at: 0,
            updated_at: 0,
        }
    }

    #[test]
    fn what_many_others_want_of_a_body_is_bounded() {
        let event = Event::normalise(Value::Object(Vec::new()), 1).unwrap();
        let mut body = Vec::new();
        event.write_body(&mut body);
        let mut forwarded = Forwarded::default();
        for id in 0..20 {
            let place = forwarded.source(&Arc::new(sink(id)));
            forwarded.everything.insert(place);
        }
        // Four times a body of one event.
        let mut tally = Tally::new(body.len());
        let mut besides = Besides::default();
        forwarded.push(&event, &mut tally, &mut besides);
        assert_eq!(besides.used(), 2 * 4 * body.len());
        forwarded.push(&event, &mut tally, &mut besides);
        assert_eq!(besides.used(), 2 * 4 * body.len());
        let beyond_limit: Vec<_> =
            forwarded.targets.iter().map(|target| target.beyond_limit).collect();
        assert_eq!(beyond_limit, [[1; 4].as_slice(), &[2; 16]].concat());
        // The body itself is taken.
        assert!(tally.broken().is_none());
    }
}
