//! What a body comes to: a batch for its source, and what is wrong with the rest.

use std::sync::Arc;

use event_schemas::{Event, Reason, SchemaNews, Value};
use store::{Batch, Source, Validation};

use crate::{
    besides::Besides,
    error::IngestError,
    forwarding::{Forwarded, Forwarder},
    limits::Tally,
    records::{Record, Records},
    request::Route,
    sources::SourcesFor,
    treatment::{Repairs, Treatment, Treatments},
};

/// Events from further ahead than this are not stored: some clock is wrong.
const AHEAD: i64 = 3_600_000_000;

/// What a body comes to.
#[derive(Debug)]
pub(crate) struct Collected {
    sources: SourcesFor,
    forwarder: Forwarder,
    route: Route,
    /// Microseconds since 1970: the time of events that say none of their own.
    now: i64,
    pub(crate) source: Option<Arc<Source>>,
    treatments: Treatments,
    /// What is done to the events of the source.
    treatment: Option<Treatment>,
    /// The source's own mode does not count: what is wrong is only told.
    rejecting: bool,
    /// All that was sent as an event.
    pub(crate) tally: Tally,
    pub(crate) batch: Batch,
    /// What of it goes elsewhere besides, once there is anything.
    pub(crate) forwarded: Option<Forwarded>,
    pub(crate) rejected: Rejected,
    /// What came of repairing its events.
    pub(crate) repairs: Repairs,
    /// The memory for what becomes of it besides.
    pub(crate) besides: Besides,
    /// Events that the source wants dropped.
    pub(crate) filtered: usize,
    /// What the events carry that is not known of their source.
    pub(crate) news: SchemaNews,
}

/// What was sent as an event and is not stored as one, as the sender is told.
#[derive(Debug, Default)]
pub(crate) struct Rejected {
    pub(crate) count: usize,
    /// The first reasons: `event 3: metadata.level: …`
    pub(crate) reasons: Vec<String>,
}

/// Reasons of one request that are told; more do not help anyone.
const MAX_REASONS: usize = 100;

impl Rejected {
    pub(crate) fn push(&mut self, event: usize, reasons: &[Reason]) {
        self.count += 1;
        for reason in reasons {
            if self.reasons.len() < MAX_REASONS {
                self.reasons.push(format!("event {event}: {reason}"));
            }
        }
    }

    pub(crate) fn take_reasons(&mut self) -> Vec<String> {
        std::mem::take(&mut self.reasons)
    }
}

impl Collected {
    /// For a request whose URL and headers say where it goes, or leave it to the body.
    pub(crate) fn new(
        sources: SourcesFor,
        forwarder: Forwarder,
        treatments: Treatments,
        route: Route,
        now: i64,
        tally: Tally,
    ) -> Self {
        let mut collected = Self {
            sources,
            forwarder,
            route,
            now,
            source: None,
            treatments,
            treatment: None,
            rejecting: false,
            tally,
            batch: Batch::default(),
            forwarded: None,
            rejected: Rejected::default(),
            repairs: Repairs::default(),
            besides: Besides::default(),
            filtered: 0,
            news: SchemaNews::default(),
        };
        collected.find_source();
        collected
    }

    fn find_source(&mut self) {
        let sources = &self.sources;
        self.source = self.route.key().and_then(|key| sources.find(key));
        let source = self.source.as_ref();
        self.treatment = source.and_then(|source| self.treatments.of(source, sources.store()));
    }

    /// What becomes of the body besides its events is counted here.
    pub(crate) fn with(self, besides: Besides) -> Self {
        Self { besides, ..self }
    }

    /// Whether no limit of a body is broken, and there was memory.
    pub(crate) fn within_limits(&self) -> Result<(), IngestError> {
        let short = self.besides.is_short().then_some(IngestError::Busy);
        self.tally.broken().or(short).map_or(Ok(()), Err)
    }

    /// Nothing of the body will be stored.
    fn is_lost(&self) -> bool {
        self.tally.broken().is_some() || self.besides.is_short()
    }

    /// What is wrong is told and kept nowhere, whatever the source wants.
    pub(crate) fn rejecting(self) -> Self {
        Self { rejecting: true, ..self }
    }

    /// Where it goes, as far as it was said.
    pub(crate) fn asked_for(&self) -> &Route {
        &self.route
    }

    /// `event` is only made where it is kept.
    fn reject(&mut self, mode: Validation, reasons: Vec<Reason>, event: impl FnOnce() -> String) {
        self.rejected.push(self.tally.events(), &reasons);
        if mode != Validation::Reject && !self.rejecting {
            let reasons = self.tally.kept(reasons);
            self.batch.reject(event(), reasons);
        }
    }

    fn value(&mut self, mode: Validation, value: Value<'_>) {
        if !matches!(value, Value::Object(_)) {
            let reason = Reason { path: String::new(), text: no_object(&value) };
            return self.reject(mode, vec![reason], || value.to_json());
        }
        let treatment = self.treatment.take();
        let adds = treatment.as_ref().is_some_and(Treatment::adds);
        let mut grown = GrownEvent::default();
        if adds {
            let all = "all that is set together";
            grown.add(all, value.extent().bytes, &self.tally, &mut self.besides);
        }
        // Only what is no object is no event.
        let Ok(mut event) = Event::normalise(value, self.now) else { return };
        let mut before = None;
        if let Some(treatment) = treatment.as_ref().filter(|treatment| treatment.changes_fields()) {
            // It is kept as it came, and treated again when it is sent in again.
            let may_be_kept = may_be_kept(mode, adds);
            before = (may_be_kept && !self.rejecting).then(|| event.clone());
            let (tally, besides) = (&self.tally, &mut self.besides);
            treatment.change(&mut event, &mut self.repairs, |setting, bytes| {
                grown.add(setting, bytes, tally, besides)
            });
        }
        let mut is_stored = true;
        let mut faults = grown.check().and_then(|()| self.faults(mode, &event));
        if let Some(treatment) = treatment.as_ref().filter(|_| faults.is_ok()) {
            let (tally, besides) = (&self.tally, &mut self.besides);
            is_stored = treatment
                .finish(&mut event, |setting, bytes| grown.add(setting, bytes, tally, besides));
            faults = grown.check();
        }
        if self.besides.is_short() {
            // The body has to come again.
            self.treatment = treatment;
            return;
        }
        match faults {
            Err(reasons) => self.reject(mode, reasons, || {
                let mut body = Vec::new();
                before.as_ref().unwrap_or(&event).write_body(&mut body);
                // Only UTF-8 was written.
                String::from_utf8_lossy(&body).into_owned()
            }),
            Ok(()) if !is_stored => self.filtered += 1,
            Ok(()) => {
                self.tally.grown(grown.bytes);
                if let Some(source) = &self.source {
                    if !source.settings.lock_schema {
                        source.known.news(&event, &mut self.news);
                    }
                    let forwarder = &self.forwarder;
                    let forwarded = self.forwarded.get_or_insert_with(|| forwarder.of(source));
                    forwarded.push(&event, &mut self.tally, &mut self.besides);
                }
                if !self.besides.is_short() {
                    self.batch.push(&event);
                }
            }
        }
        self.treatment = treatment;
    }

    fn faults(&self, mode: Validation, event: &Event<'_>) -> Result<(), Vec<Reason>> {
        if mode == Validation::Off {
            return Ok(());
        }
        if event.timestamp > self.now.saturating_add(AHEAD) {
            let text = "it lies more than an hour ahead of the server's clock".to_owned();
            return Err(vec![Reason { path: "timestamp".to_owned(), text }]);
        }
        let schema = self.source.as_ref().and_then(|source| source.event_schema);
        schema.map_or(Ok(()), |schema| schema.check(event))
    }
}

/// What an event comes to by the settings of its source, counted before they add anything.
#[derive(Debug, Default)]
struct GrownEvent {
    bytes: usize,
    /// Why it may not come to so much.
    reason: Option<Reason>,
}

impl GrownEvent {
    /// Whether so many bytes more are within the limit of the body, and there is memory for them.
    fn add(&mut self, by: &str, bytes: usize, tally: &Tally, besides: &mut Besides) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.reason = self.reason.take().or_else(|| tally.may_grow(self.bytes, by).err());
        if self.reason.is_none() {
            // Itself, and as it is stored.
            besides.add(bytes.saturating_mul(2));
        }
        self.reason.is_none() && !besides.is_short()
    }

    fn check(&self) -> Result<(), Vec<Reason>> {
        self.reason.clone().map_or(Ok(()), |reason| Err(vec![reason]))
    }
}

/// What is wrong with a value that is no event.
pub(crate) fn no_object(value: &Value<'_>) -> String {
    format!("an event must be a JSON object, this is {}", value.kind())
}

/// Whether an event that is changed may be kept as a rejected one. Too much that is added is a fault
/// where nothing is validated too.
fn may_be_kept(mode: Validation, adds: bool) -> bool {
    match mode {
        Validation::Quarantine => true,
        Validation::Off => adds,
        Validation::Reject => false,
    }
}

impl Records for Collected {
    fn route(&mut self, route: Route) {
        // A field `source` of a lone event must not send a request elsewhere that has its route.
        if self.route == Route::default() {
            self.route = route;
            self.find_source();
        }
    }

    fn record(&mut self, record: Record<'_>) {
        let record = self.tally.count(record);
        if self.is_lost() {
            // It need not be kept until then.
            self.batch = Batch::default();
            self.forwarded = None;
            return;
        }
        // Without a source the request fails as a whole.
        let Some(source) = &self.source else { return };
        let mode = match source.validation {
            _ if !source.settings.validate_schema => Validation::Off,
            Validation::Quarantine if self.rejecting => Validation::Reject,
            mode => mode,
        };
        match record {
            Record::Value(value) => self.value(mode, value),
            Record::Unreadable { text, reason } => {
                let reason = Reason { path: String::new(), text: reason };
                self.reject(mode, vec![reason], || text.into_owned());
            }
        }
    }

    fn is_full(&self) -> bool {
        self.is_lost()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_rejected_is_kept_as_it_came() {
        for (mode, adds, kept) in [
            (Validation::Quarantine, false, true),
            (Validation::Off, true, true),
            (Validation::Off, false, false),
            (Validation::Reject, true, false),
        ] {
            assert_eq!(may_be_kept(mode, adds), kept, "{mode:?} {adds}");
        }
    }
}
