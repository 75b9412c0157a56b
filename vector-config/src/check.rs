//! What sinks send, held against the schemas as the server holds it.

mod columns;
mod nulls;

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::{
    DescribedField, Event, EventSchema, Shows, Value as Json, described_fields, parse, repair,
};
use vrl::value::Value;

use crate::{
    event::LogEvent,
    finding::{Events, Finding, Rule},
    http_sink::{Destination, HttpSink},
    lints::source,
    program::path_of,
    topology::{Topology, Work},
};
use columns::Ways;
use nulls::{nulls, without_places};

/// Events from further ahead than this are not stored: some clock is wrong.
const AHEAD: i64 = 3_600_000_000;

/// What is no time of an event: an event that says none has this one.
const NO_TIME: i64 = i64::MIN;

/// Findings that are kept apart; more of them help nobody.
const MOST_FINDINGS: usize = 1000;

/// Sources of sinks that are kept apart: events can name each one of its own.
const MOST_DESTINATIONS: usize = 1000;

/// What was checked of the events of a sink for a source.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Events with findings.
    pub(crate) faulty: u64,
    /// Fields of the list that an event has filled.
    filled: BTreeSet<&'static str>,
    /// The first event.
    first: u64,
    /// The ways by which events came.
    ways: Ways,
}

/// All that is checked.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// By the sink's place and the source.
    pub(crate) checked: BTreeMap<(usize, String), Checked>,
    /// Sources that the server has besides those of every Supabase.
    known: Vec<String>,
    /// Sources whose events the server repairs.
    repaired: Vec<String>,
    findings: BTreeMap<(Rule, usize, String, String), Found>,
}

#[derive(Debug)]
struct Found {
    finding: Finding,
    trail: Vec<usize>,
}

impl Checks {
    /// For a server that has these sources besides its own, and repairs the events of those.
    pub(crate) fn new(known: &[String], repaired: &[String]) -> Self {
        Self { known: known.to_vec(), repaired: repaired.to_vec(), ..Self::default() }
    }

    /// Checks an event that a sink was given. True where nothing was found.
    pub(crate) fn event(&mut self, topology: &Topology, place: usize, event: LogEvent) -> bool {
        let Some(node) = topology.nodes.get(place) else { return true };
        let Work::Sends(sink) = &node.work else { return true };
        let mut event = event;
        let value = std::mem::replace(&mut event.value, Value::Null);
        let destination = sink.destination(&value);
        let sent = sink.encoding.transformed(value);
        let Some(json) = sink.encoding.json(&sent) else { return true };
        let length = sink.encoding.length(&sent, &json, &topology.provenance(&event));
        let (number, received, from) = (event.number, event.received, event.source);
        let trail = event.trail;
        let Some(mut source) = self.source(sink, destination, place, number, &trail) else {
            return false;
        };
        if self.checked.len() >= MOST_DESTINATIONS
            && !self.checked.contains_key(&(place, source.clone()))
        {
            source.clear();
        }
        let checked = self
            .checked
            .entry((place, source.clone()))
            .or_insert_with(|| Checked { first: number, ..Checked::default() });
        checked.events += 1;
        checked.bytes += length as u64;
        checked.ways.came(from, &trail);
        if sink.format().is_some() {
            // What the server makes of it is not made here.
            return true;
        }
        let text = repair(json);
        let value = match parse(&text) {
            Ok(value) => value,
            Err(error) => {
                checked.faulty += 1;
                let fault = (Rule::Schema, String::new(), error.to_string());
                self.found((place, &source), number, &trail, fault);
                return false;
            }
        };
        let mut faults = nulls(&source, &value, |field| {
            let made = path_of(field);
            trail.iter().filter_map(|at| topology.nodes.get(*at)).any(|node| match &node.work {
                Work::Transform(step) => {
                    made.as_ref().is_some_and(|made| step.programs().iter().any(|p| p.names(made)))
                }
                _ => false,
            })
        });
        if let Ok(mut event) = Event::normalise(value, NO_TIME) {
            if self.repaired.contains(&source)
                && let Some(repair) = repair::of_source(&source)
            {
                // Where it fails, the event is as it came, for the server too.
                let _ = repair.apply(&mut event);
                faults.retain(|(_, path, _)| !is_filled(&event, path));
            }
            faults.extend(times(&event, &text, received));
            faults.extend(missing(&source, &event, &faults));
            if let Some(Err(reasons)) =
                EventSchema::of_source(&source).map(|schema| schema.check(&event))
            {
                let reason = |one: event_schemas::Reason| (Rule::Schema, one.path, one.text);
                faults.extend(reasons.into_iter().map(reason));
            }
            for field in columns(&source).chain(asked_for(&source)) {
                if is_filled(&event, &field.path) {
                    checked.filled.insert(&field.path);
                }
            }
        }
        checked.faulty += u64::from(!faults.is_empty());
        let clean = faults.is_empty();
        for fault in faults {
            self.found((place, &source), number, &trail, fault);
        }
        clean
    }

    /// The name of the source that an event goes to, empty where the request does not say it. Where
    /// that does not depend on the event, the lints have spoken of it. `None` where the event is
    /// lost.
    fn source(
        &mut self,
        sink: &HttpSink,
        destination: Destination,
        place: usize,
        number: u64,
        trail: &[usize],
    ) -> Option<String> {
        let depends = sink.fixed_destination().is_none();
        let mut found = |source: &str, rule, text: String| {
            self.found((place, source), number, trail, (rule, String::new(), text));
        };
        match destination {
            Destination::Source(source) => {
                if depends && !source::is_known(&source, &self.known) {
                    let text = source::unknown(&source);
                    self.found(
                        (place, &source),
                        number,
                        trail,
                        (Rule::UnknownSource, String::new(), text),
                    );
                }
                Some(source)
            }
            Destination::Token(_) => {
                if depends {
                    found("", Rule::NotExecuted, source::BY_TOKEN.to_owned());
                }
                Some(String::new())
            }
            Destination::Unnamed if depends => {
                let text = "the request for the event names no source, the server refuses it";
                found("", Rule::UnnamedSource, text.to_owned());
                None
            }
            Destination::Unnamed => Some(String::new()),
            Destination::Unrendered => {
                let text = "the event lacks a field that the request needs, Vector drops it";
                found("", Rule::UnnamedSource, text.to_owned());
                None
            }
        }
    }

    fn found(
        &mut self,
        (place, source): (usize, &str),
        number: u64,
        trail: &[usize],
        (rule, field, text): (Rule, String, String),
    ) {
        let key = (rule, place, source.to_owned(), without_places(&field));
        if let Some(found) = self.findings.get_mut(&key) {
            if let Some(events) = &mut found.finding.events {
                events.count += 1;
            }
            return;
        }
        if self.findings.len() >= MOST_FINDINGS {
            return;
        }
        let mut finding = Finding::new(rule, text);
        let described = described_fields(source).iter().find(|one| one.path == key.3);
        finding.studio = described.and_then(|described| described.studio.clone());
        finding.field = (!field.is_empty()).then_some(field);
        finding.source = (!source.is_empty()).then(|| source.to_owned());
        finding.events = Some(Events { first: number, count: 1 });
        self.findings.insert(key, Found { finding, trail: trail.to_vec() });
    }

    /// All findings, each with the trail of its first event; the last are those about columns that
    /// nothing fills.
    pub(crate) fn findings(&self, topology: &Topology) -> Vec<(usize, Finding, Vec<usize>)> {
        let mut all: Vec<_> = self
            .findings
            .iter()
            .map(|((_, place, ..), found)| (*place, found.finding.clone(), found.trail.clone()))
            .collect();
        for ((place, source), checked) in &self.checked {
            let sends = topology.nodes.get(*place).map(|node| &node.work);
            let Some(Work::Sends(sink)) = sends else { continue };
            if sink.format().is_some() {
                continue;
            }
            let unfilled = |field: &&DescribedField| {
                // Null is said of the field already.
                let null = (Rule::NullField, *place, source.clone(), field.path.clone());
                !checked.filled.contains(field.path.as_str()) && !self.findings.contains_key(&null)
            };
            let at = (*place, sink.as_ref());
            let empty = columns(source).filter(unfilled).map(|field| {
                (field, Some(checked.ways.unfilled(topology, at, &field.path, checked.events)))
            });
            let unasked = asked_for(source).filter(unfilled).map(|field| {
                let ever = checked.ways.may_fill(topology, at, &field.path);
                let text = "no program on the way fills it".to_owned();
                (field, (!ever).then_some((Rule::EmptyField, text)))
            });
            for (field, said) in empty.chain(unasked) {
                let Some((rule, text)) = said else { continue };
                let mut finding = Finding::new(rule, text);
                finding.field = Some(field.path.clone());
                finding.source = Some(source.clone());
                finding.studio.clone_from(&field.studio);
                finding.events = Some(Events { first: checked.first, count: checked.events });
                all.push((*place, finding, checked.ways.trail().to_vec()));
            }
        }
        all
    }
}

fn columns(source: &str) -> impl Iterator<Item = &'static DescribedField> {
    described_fields(source).iter().filter(|field| field.shows == Some(Shows::Column))
}

/// Fields that lines of Supabase's services hold and that pages of Studio ask for besides the columns
/// of their lists.
const ASKED_FOR: [(&str, &str); 2] = [
    ("cloudflare.logs.prod", "metadata.request.search"),
    ("postgres.logs", "metadata.parsed.user_name"),
];

fn asked_for(source: &str) -> impl Iterator<Item = &'static DescribedField> {
    let is_asked = |path: &str| ASKED_FOR.contains(&(source, path));
    described_fields(source).iter().filter(move |field| is_asked(&field.path))
}

type Fault = (Rule, String, String);

/// What is wrong with an event's time.
fn times(event: &Event<'_>, text: &str, received: i64) -> Option<Fault> {
    let fault = |text: &str| Some((Rule::Time, "timestamp".to_owned(), text.to_owned()));
    if event.timestamp == NO_TIME {
        return if text.contains("\"timestamp\"") && has_time(text) {
            fault("it cannot be read: the event gets the time of its arrival")
        } else {
            None
        };
    }
    if event.timestamp > received.saturating_add(AHEAD) {
        return fault("it lies more than an hour ahead of when the line was written");
    }
    None
}

/// Whether an event says a time at all.
fn has_time(text: &str) -> bool {
    let Ok(Json::Object(fields)) = parse(text) else { return false };
    fields.iter().any(|(name, value)| {
        name == "timestamp" && !matches!(value, Json::Null) && *value != Json::String("".into())
    })
}

/// Fields without which no row is shown.
fn missing(source: &str, event: &Event<'_>, said: &[Fault]) -> Vec<Fault> {
    let rows = described_fields(source).iter().filter(|field| field.shows == Some(Shows::Rows));
    rows.filter(|field| !is_filled(event, &field.path))
        .filter(|field| !said.iter().any(|(_, path, _)| *path == field.path))
        .map(|field| {
            (Rule::MissingField, field.path.clone(), "it is missing, so no row is shown".to_owned())
        })
        .collect()
}

/// Whether an event has a value for a path of objects. Lists are looked into at their first.
fn is_filled(event: &Event<'_>, path: &str) -> bool {
    let mut steps = path.split('.');
    let Some(first) = steps.next() else { return false };
    match first {
        "event_message" => return event.event_message.is_some(),
        "timestamp" => return event.timestamp != NO_TIME,
        "id" => return true,
        _ => {}
    }
    let Some(mut value) = event.field(first) else { return false };
    for step in steps {
        if let Json::Array(elements) = value {
            let Some(element) = elements.first() else { return false };
            value = element;
        }
        let Json::Object(fields) = value else { return false };
        let Some((_, inner)) = fields.iter().rev().find(|(name, _)| name == step) else {
            return false;
        };
        value = inner;
    }
    true
}

#[cfg(test)]
mod tests;
