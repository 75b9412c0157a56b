//! What sinks send, held against the schemas as the server holds it.

use std::collections::{BTreeMap, BTreeSet};

use event_schemas::{
    DescribedField, Event, EventSchema, Shows, Value as Json, described_fields, parse, repair,
};
use vrl::value::Value;

use crate::{
    event::LogEvent,
    finding::{Events, Finding, Rule},
    http_sink::Destination,
    program::path_of,
    topology::{Topology, Work},
};

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
    /// A trail by which events came.
    trail: Vec<usize>,
}

/// All that is checked.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// By the sink's place and the source.
    pub(crate) checked: BTreeMap<(usize, String), Checked>,
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
    /// For a server that repairs the events of these sources.
    pub(crate) fn where_repaired(repaired: Vec<String>) -> Self {
        Self { repaired, ..Self::default() }
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
        let (number, received, trail) = (event.number, event.received, event.trail);
        let mut source = match destination {
            Destination::Source(source) => source,
            // Lints speak of these.
            Destination::Token(_) | Destination::Unnamed => String::new(),
            Destination::Unrendered => {
                let text = "the event lacks a field that the request needs, Vector drops it";
                let found = (Rule::UnnamedSource, String::new(), text.to_owned());
                self.found((place, ""), number, &trail, found);
                return false;
            }
        };
        if self.checked.len() >= MOST_DESTINATIONS
            && !self.checked.contains_key(&(place, source.clone()))
        {
            source.clear();
        }
        let checked = self.checked.entry((place, source.clone())).or_insert_with(|| Checked {
            first: number,
            trail: trail.clone(),
            ..Checked::default()
        });
        checked.events += 1;
        checked.bytes += length as u64;
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
            for field in columns(&source) {
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
    pub(crate) fn findings(&self) -> Vec<(usize, Finding, Vec<usize>)> {
        let mut all: Vec<_> = self
            .findings
            .iter()
            .map(|((_, place, ..), found)| (*place, found.finding.clone(), found.trail.clone()))
            .collect();
        for ((place, source), checked) in &self.checked {
            for field in columns(source) {
                // Null is said of the field already.
                let null = (Rule::NullField, *place, source.clone(), field.path.clone());
                if checked.filled.contains(field.path.as_str()) || self.findings.contains_key(&null)
                {
                    continue;
                }
                let text = format!("none of {} events fills it", checked.events);
                let mut finding = Finding::new(Rule::EmptyColumn, text);
                finding.field = Some(field.path.clone());
                finding.source = Some(source.clone());
                finding.studio.clone_from(&field.studio);
                finding.events = Some(Events { first: checked.first, count: checked.events });
                all.push((*place, finding, checked.trail.clone()));
            }
        }
        all
    }
}

/// `metadata.context[0].pid` as schemas write it: `metadata.context[].pid`.
fn without_places(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut inside = false;
    for character in field.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        out.push(character);
    }
    out
}

fn columns(source: &str) -> impl Iterator<Item = &'static DescribedField> {
    described_fields(source).iter().filter(|field| field.shows == Some(Shows::Column))
}

type Fault = (Rule, String, String);

/// Fields that are sent as null: where Studio needs them, or the program means to fill them.
fn nulls(source: &str, sent: &Json<'_>, is_made: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut fields = Vec::new();
    null_fields(sent, "", &mut fields);
    fields.retain(|path| {
        let described = described_fields(source).iter().find(|field| field.path == *path);
        described.is_some_and(|field| field.shows.is_some()) || is_made(path)
    });
    let fault = |path: String| {
        let described = described_fields(source).iter().find(|field| field.path == path);
        let types = described.map_or_else(|| "a value".to_owned(), nouns);
        (Rule::NullField, path, format!("expected {types}, this is null"))
    };
    fields.into_iter().map(fault).collect()
}

fn nouns(field: &DescribedField) -> String {
    let noun = |name: &str| match name {
        "integer" | "int64" => "an integer".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "float64" => "a number".to_owned(),
        other => format!("a {other}"),
    };
    match &field.read_as {
        Some(one) => noun(one),
        None => field.types.iter().map(|one| noun(one)).collect::<Vec<_>>().join(" or "),
    }
}

fn null_fields(value: &Json<'_>, at: &str, found: &mut Vec<String>) {
    let Json::Object(fields) = value else { return };
    for (name, field) in fields {
        let path = if at.is_empty() { name.to_string() } else { format!("{at}.{name}") };
        match field {
            Json::Null => found.push(path),
            inner => null_fields(inner, &path, found),
        }
    }
}

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
mod tests {
    use super::*;

    const NOW: i64 = 1_795_176_000_000_000;

    fn event(text: &str) -> Event<'_> {
        Event::normalise(parse(text).unwrap(), NO_TIME).unwrap()
    }

    #[test]
    fn nulls_count_where_studio_or_the_program_needs_the_field() {
        let sent = r#"{"metadata":{"request":{"method":null,"protocol":null,"x":null},"y":[]}}"#;
        let sent = parse(sent).unwrap();
        let said = |made: &'static str| {
            let faults = nulls("cloudflare.logs.prod", &sent, |field| field == made);
            faults.into_iter().map(|(_, path, text)| format!("{path}: {text}")).collect::<Vec<_>>()
        };
        let method = "metadata.request.method: expected a string, this is null";
        assert_eq!(said(""), [method]);
        assert_eq!(
            said("metadata.request.protocol"),
            [method, "metadata.request.protocol: expected a string, this is null"]
        );
    }

    #[test]
    fn times_are_judged() {
        for (text, expected) in [
            (r#"{"timestamp":"2026-11-20T12:00:00Z"}"#, None),
            (r#"{"timestamp":"2026-11-20T12:59:59Z"}"#, None),
            (r#"{"timestamp":"2026-11-20T14:00:00Z"}"#, Some("ahead")),
            (r#"{"timestamp":"yesterday"}"#, Some("cannot be read")),
            (r#"{"timestamp":null}"#, None),
            (r#"{"metadata":{"timestamp":"yesterday"}}"#, None),
        ] {
            let fault = times(&event(text), text, NOW);
            match expected {
                None => assert_eq!(fault, None, "{text}"),
                Some(part) => assert!(fault.unwrap().2.contains(part), "{text}"),
            }
        }
    }

    #[test]
    fn rows_need_a_message_and_a_project() {
        let said = |source: &str, text: &str| {
            let faults = missing(source, &event(text), &[]);
            faults.into_iter().map(|(_, path, _)| path).collect::<Vec<_>>().join(" ")
        };
        let whole = r#"{"event_message":"m","project":"default"}"#;
        assert_eq!(said("postgres.logs", whole), "");
        assert_eq!(said("postgres.logs", r#"{"project":""}"#), "event_message project");
        assert_eq!(said("storage.logs.prod.2", whole), "metadata.project");
        let inside = r#"{"message":"m","metadata":[{"project":"default"}]}"#;
        assert_eq!(said("storage.logs.prod.2", inside), "");
        assert_eq!(said("my.own", "{}"), "");
    }

    #[test]
    fn places_in_lists_are_left_out() {
        assert_eq!(without_places("a.b[12].c[0]"), "a.b[].c[]");
    }
}
