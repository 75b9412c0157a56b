//! The way of all events, whichever protocol they came by: inflate, decode, normalise, check,
//! store.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use drains::Drains;
use store::{
    Admission, AppendError, Appended, Delivery, Grant, Readiness, Source, Store, Validation,
};

use crate::{
    SenderConnection, Settings,
    besides::{Besides, Growths},
    body::Encoding,
    budget::{Budget, Share},
    collected::Collected,
    connection::answered,
    error::IngestError,
    forwarding::{Effort, Forwarder},
    inflated::{Received, SMALL_BODY, WEIGHT, blocking},
    limits::Tally,
    measures,
    rate_limits::{Quota, Rates},
    records::Decode,
    request::Route,
    seldom::Seldom,
    sources::SourcesFor,
    treatment::{Repairs, Treatments, steps},
};

/// Copies of a body that a repair may add to it: parts of messages, some of them twice.
const REPAIR_ADDS: usize = 2;

/// What backends may take of a request's time once its events are stored: a disk that hangs is not
/// waited for longer.
const FOR_BACKENDS: Duration = Duration::from_secs(3);

/// What is left to store and spool once a body has come, however slowly that was: whoever sends it
/// waits for longer than others do, and would be no faster the next time.
const AFTER_BODY: Duration = Duration::from_secs(8);

/// The way of all events. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    store: Store,
    max_body_bytes: usize,
    budget: Budget,
    rates: Rates,
    seldom: Seldom,
    treatments: Treatments,
    forwarder: Forwarder,
    growths: Growths,
}

/// What a sender sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// What its token may do.
    pub(crate) grant: Grant,
    /// Where URL and headers say that it goes.
    pub(crate) route: Route,
    /// What else makes its events, for telling requests from each other: how the body is read, and
    /// headers that become part of the events.
    pub(crate) form: String,
    /// As it came.
    pub(crate) body: Vec<u8>,
    /// How it is compressed.
    pub(crate) encoding: Encoding,
    /// The memory that it takes.
    pub(crate) share: Share,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What is left to its source and token; unknown where its source is.
    pub(crate) quota: Option<Quota>,
    pub(crate) outcome: Result<(), IngestError>,
}

impl From<IngestError> for Taken {
    fn from(error: IngestError) -> Self {
        Self { quota: None, outcome: Err(error) }
    }
}

impl Pipeline {
    pub(crate) fn new(store: Store, drains: Drains, settings: Settings) -> Self {
        Self {
            forwarder: Forwarder::new(store.clone(), drains),
            store,
            max_body_bytes: settings.max_body_bytes,
            budget: Budget::new(settings.memory_bytes),
            rates: Rates::new(settings.rate_limits),
            seldom: Seldom::default(),
            treatments: Treatments::default(),
            growths: Growths::default(),
        }
    }

    /// Largest body in bytes, compressed or not.
    pub(crate) fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Memory for one more request, whose head has come.
    pub(crate) fn share(&self) -> Share {
        self.budget.share()
    }

    /// What is done to the events of sources.
    pub(crate) fn treatments(&self) -> Treatments {
        self.treatments.clone()
    }

    pub(crate) fn forwarder(&self) -> &Forwarder {
        &self.forwarder
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the catalog is there to look anything up in. A sender that is told 401 before it is
    /// drops its events for good.
    pub(crate) fn started(&self) -> Result<(), IngestError> {
        match self.store.readiness() {
            Readiness::Starting => Err(IngestError::Starting),
            Readiness::Ready | Readiness::Unreachable => Ok(()),
        }
    }

    /// Checks what does not need the body: the store's state and the token.
    pub(crate) async fn authorise(&self, token: Option<&str>) -> Result<Grant, IngestError> {
        self.started()?;
        let grant = match token {
            Some(token) => {
                let looked = self.store.grant_after_news(token).await;
                looked.map_err(|store::UncertainToken| IngestError::UncertainToken)?
            }
            None => None,
        };
        let grant = grant.ok_or(IngestError::Unauthorized)?;
        if grant.may_ingest() { Ok(grant) } else { Err(IngestError::OutOfScope) }
    }

    /// The sources that the holder of a token may send to.
    pub(crate) fn sources_for(&self, grant: Grant) -> SourcesFor {
        SourcesFor::new(self.store.clone(), grant)
    }

    /// Counts a request of which not even the body is taken, and which will not come again.
    pub(crate) fn count_refused(&self, grant: &Grant, route: &Route, error: &dyn fmt::Display) {
        let sources = self.sources_for(grant.clone());
        let source = route.key().and_then(|key| sources.find(key));
        self.tell_refused(source.as_deref(), error, 1, 0);
    }

    /// Counts and tells what is refused for good: Vector does not show answers to anyone.
    fn tell_refused(
        &self,
        source: Option<&Source>,
        error: &dyn fmt::Display,
        events: usize,
        bytes: usize,
    ) {
        measures::refused(source, events, bytes);
        if let Some(source) = source {
            self.store.note_taken(source, 0, events);
        }
        let name = source.map_or("", |source| &source.name);
        if let Some(untold) = self.seldom.is_due("refused", name, Instant::now()) {
            tracing::warn!(source = name, events, untold, %error, "a request is refused");
        }
    }

    /// Counts what was filled, and tells of programs that failed.
    fn tell_repairs(&self, source: &Source, repairs: &Repairs) {
        let Repairs { filled, failed, error } = repairs;
        measures::repaired(&source.name, *filled, *failed);
        let Some(error) = error else { return };
        if let Some(untold) = self.seldom.is_due("repair", &source.name, Instant::now()) {
            tracing::warn!(source = source.name, failed, untold, %error, "events stay as they came");
        }
    }

    /// A request of which nothing is stored.
    fn refused(
        &self,
        source: Option<&Source>,
        error: IngestError,
        events: usize,
        bytes: usize,
    ) -> Taken {
        if error.is_final() {
            self.tell_refused(source, &error, events, bytes);
        }
        error.into()
    }

    /// Stores the events that `decode` finds in the inflated body; returns when all that can be
    /// are durable.
    ///
    /// [`IngestError::Rejected`] means that some records were no events and that their source wants
    /// the sender to know; the others are stored. After every other error none is.
    ///
    /// The work goes on when the sender leaves, so that it is not done twice when it comes again.
    pub(crate) async fn submit(
        &self,
        sent: Sent,
        connection: Option<&SenderConnection>,
        decode: impl Decode,
    ) -> Taken {
        let pipeline = self.clone();
        let taken =
            answered(
                connection,
                |delivery| async move { pipeline.take(sent, delivery, decode).await },
            );
        let ended = || IngestError::Internal("the work ended early".to_owned()).into();
        taken.await.unwrap_or_else(ended)
    }

    async fn take(&self, sent: Sent, delivery: Delivery, decode: impl Decode) -> Taken {
        let Sent { grant, route, form, body, encoding, mut share } = sent;
        let answer_by = answer_by(share.came(), Instant::now());
        let received = body.len();
        let store = self.store.clone();
        let sources = self.sources_for(grant);
        let mut known = route.key().and_then(|key| sources.find(key));
        if let Some(key) = route.key().filter(|_| known.is_none()) {
            // It may have been made a moment ago, by another process.
            if let Err(error) = store.catch_up().await {
                return IngestError::Catalog(error).into();
            }
            known = sources.find(key);
        }
        let is_named_in_body = route.key().is_none();
        let (Effort { copies, steps }, repaired) = self.effort(known.as_deref());
        let grown = match &known {
            Some(source) => self.growths.of(source.token),
            None => self.growths.most(),
        };
        let besides = grown.unwrap_or(copies);
        // What repairs add is not seen in what came of bodies before.
        let weight_of_else = WEIGHT + repaired;
        let weight = weight_of_else + besides;
        let request = Received { route: &route, form: &form, body, encoding, weight };
        let inflated = self.inflated(request, decode, &mut share, &delivery).await;
        let (content, body, decode) = match inflated {
            Ok(inflated) => inflated,
            Err(error) => return self.refused(known.as_deref(), error, 1, received),
        };
        let small = is_small(body.len(), steps);
        let inflated = body.len();
        let besides = Besides::within(share, inflated * weight_of_else, inflated * besides);
        let (tally, treatments) = (Tally::new(self.max_body_bytes), self.treatments());
        let (forwarder, answered) = (self.forwarder.clone(), delivery.clone());
        let reachable = sources.clone();
        let work = move || {
            // Nobody waits for this answer, and the sender's next request may be at work already.
            let admission = store.admit(content, &delivery).ok_or(IngestError::Left)?;
            let collected = Collected::new(reachable, forwarder, treatments, route, now(), tally);
            let mut collected = collected.with(besides);
            let decoded = decode.decode(body, &mut collected);
            Ok::<_, IngestError>((admission, collected, decoded))
        };
        let worked = if small { work() } else { blocking(work).await };
        let (admission, collected, decoded) = match worked {
            Ok(worked) => worked,
            Err(error) => return error.into(),
        };
        if let Some(source) = &collected.source {
            self.growths.note(source.token, inflated, &collected.besides, copies > 0);
        }
        if let Err(error) = decoded.and_then(|()| collected.within_limits()) {
            let events = collected.tally.events().max(1);
            return self.refused(collected.source.as_deref(), error, events, received);
        }
        if is_named_in_body && collected.source.is_none() {
            // As above. What was decoded without its source is gone.
            let route = collected.asked_for().clone();
            if let Some(key) = route.key() {
                match self.store.catch_up().await {
                    Err(error) => return IngestError::Catalog(error).into(),
                    Ok(()) if sources.find(key).is_some() => {
                        return IngestError::JustMade.into();
                    }
                    Ok(()) => {}
                }
            }
        }
        let Some(source) = collected.source.clone() else {
            return self.without_source(sources.grant(), &collected, received);
        };
        let events = collected.tally.events();
        measures::received(&source.name, events, received);
        let holder = sources.grant().holder();
        let quota = self.rates.count(source.token, holder, 0);
        if let Some(exceeded) = quota.exceeded() {
            let outcome = Err(IngestError::TooMany(exceeded));
            return Taken { quota: Some(quota), outcome };
        }
        let quota = self.rates.count(source.token, holder, events as u64);
        let admission = admission.answer_by(answer_by);
        let outcome = self.store_collected(&source, collected, admission, &answered).await;
        Taken { quota: Some(quota), outcome }
    }

    /// What nobody takes, because there is no such source or the token does not open it. Vector drops
    /// these.
    fn without_source(&self, grant: &Grant, collected: &Collected, received: usize) -> Taken {
        let route = collected.asked_for();
        if let Some(untold) = self.seldom.is_due("no source", &format!("{route:?}"), Instant::now())
        {
            tracing::warn!(
                ?route,
                untold,
                "events are refused: there is no such source, or the token does not open it"
            );
        }
        measures::refused(None, collected.tally.events(), received);
        match grant.may_ingest_to_all() {
            true => IngestError::Unauthorized,
            false => IngestError::OutOfScope,
        }
        .into()
    }

    /// What it takes to do with a source's events what people want; where the body names its source,
    /// what it takes for all of them. With it, how many copies of a body repairs add.
    fn effort(&self, source: Option<&Source>) -> (Effort, usize) {
        let Effort { copies, steps: for_others } = self.forwarder.effort(source);
        let repaired = |source: &Source| if source.settings.repair { REPAIR_ADDS } else { 0 };
        let (for_own, added) = match source {
            Some(source) => (steps(&source.settings), repaired(source)),
            None => {
                let sources = self.store.sources();
                let steps = sources.iter().map(|source| steps(&source.settings)).sum::<usize>();
                (steps, sources.iter().map(|source| repaired(source)).max().unwrap_or_default())
            }
        };
        (Effort { copies, steps: for_others + for_own }, added)
    }

    async fn store_collected(
        &self,
        source: &Arc<Source>,
        collected: Collected,
        admission: Admission,
        delivery: &Delivery,
    ) -> Result<(), IngestError> {
        // Until all is stored, the request keeps its memory.
        let Collected {
            batch,
            forwarded,
            mut rejected,
            repairs,
            filtered,
            news,
            besides: _besides,
            ..
        } = collected;
        // Before the events are written: in BigQuery the table gets its columns by what is known, and
        // nobody finds an event of which the fields are unknown. Where writing fails, its sender
        // comes again with the same fields.
        self.store.learn(source, &news);
        let (events, kept) = (batch.len(), batch.rejected());
        let forwarded = forwarded.unwrap_or_default();
        let appending = self.forwarder.append(admission, delivery, source, batch, forwarded);
        let appended = appending.await.map_err(|error| match error {
            AppendError::Left => IngestError::Left,
            error => {
                if let Some(untold) = self.seldom.is_due("waits", &source.name, Instant::now()) {
                    let source = &source.name;
                    tracing::warn!(source, untold, %error, "events wait with their sender");
                }
                error.into()
            }
        })?;
        let Appended { refused, .. } = &appended;
        for reason in refused {
            rejected.push(events, std::slice::from_ref(reason));
        }
        measures::appended(&source.name, &appended, rejected.count);
        measures::filtered(&source.name, filtered);
        self.tell_repairs(source, &repairs);
        self.store.note_taken(source, appended.stored, rejected.count);
        let Some(first) = rejected.reasons.first() else { return Ok(()) };
        // Vector does not show answers to anyone.
        if let Some(untold) = self.seldom.is_due("rejected", &source.name, Instant::now()) {
            tracing::warn!(
                source = source.name,
                rejected = rejected.count,
                kept,
                first,
                untold,
                "some events are rejected; GET /api/sources/{{source}}/rejected-events shows all"
            );
        }
        if source.validation == Validation::Reject {
            Err(IngestError::Rejected(rejected))
        } else {
            Ok(())
        }
    }
}

/// When the events of a request have to be in a safe place: who has waited for the body, or for
/// memory, waits for the store the less.
fn answer_by(came: Instant, body_came: Instant) -> Instant {
    let longest = Admission::LONGEST.saturating_sub(FOR_BACKENDS);
    (came + longest).max(body_came + AFTER_BODY)
}

/// Whether a body is worked on at once, in a thread that waits for sockets. `steps` are the times that
/// each byte is looked at besides: a step takes a few times as long as to read.
fn is_small(bytes: usize, steps: usize) -> bool {
    bytes.saturating_mul(steps.saturating_mul(4).saturating_add(1)) <= SMALL_BODY
}

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
impl Pipeline {
    /// Over a store that was never made ready.
    pub(crate) fn starting() -> Self {
        let server = store::PostgresServer::parse("postgresql://127.0.0.1:1/none", None).unwrap();
        let settings = store::Settings {
            events: server.clone(),
            catalog: server,
            tokens: store::AccessTokens::new("public", "private"),
            seed_supabase: true,
            query_timeout: std::time::Duration::from_secs(1),
            ingest_connections: 1,
            query_connections: 1,
            query_functions: "",
            config_keys: store::ConfigKeys::new([7; 32], None).unwrap(),
            owner: 1,
            default_retention_days: None,
            bigquery: None,
        };
        let sink = Settings {
            max_body_bytes: 1 << 20,
            memory_bytes: 8 << 20,
            rate_limits: crate::RateLimits::default(),
        };
        let dir = std::env::temp_dir().join("logweir-no-drains");
        let drains =
            Drains::new(drains::Settings { dir, max_bytes: 1 << 20, max_bytes_of_all: 1 << 20 });
        Self::new(Store::new(settings, None), drains, sink)
    }
}

#[cfg(test)]
mod tests;
