//! Events on their way from a source to the sinks.

use std::{
    collections::BTreeMap,
    io::{self, BufRead},
};

use super::Validation;
use crate::{
    configuration::{Component, Role},
    event::LogEvent,
    finding::{Events, Finding, Rule},
    input,
    kind::{self, EventKind},
    loading::ConfigText,
    position,
    program::path_of,
    step::Incident,
    topology::{Node, Topology, Work},
};

/// How often progress is told: once in so many lines, and bytes.
const TOLD: (u64, u64) = (1000, 1 << 20);

/// Longest line of given events, in bytes: Docker's own limit is far below.
const LONGEST_LINE: usize = 64 << 20;

/// A program that was stopped so often is not run again: a long file would take hours.
const TOO_SLOW: u64 = 3;

/// How far a file of events has been read.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Lines.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Why events could not be run.
#[derive(Debug, thiserror::Error)]
pub enum UnreadEvents {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There are several sources, or none.
    #[error("{0}")]
    Source(String),
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) nodes: Vec<Counted>,
    /// Events that were given.
    pub(super) given: u64,
    /// Lines of containers that the source does not read.
    pub(super) unread: u64,
    /// Events of which no sink was given anything.
    pub(super) unsent: u64,
    /// The source of the first of these, and its line.
    first_unsent: Option<(usize, u64)>,
    /// The source that lines of `docker compose logs` were given to.
    from_compose: Option<usize>,
    incidents: BTreeMap<(usize, Rule), (String, Events)>,
}

/// What was counted of a component.
#[derive(Debug, Default, Clone)]
pub(super) struct Counted {
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) dropped: u64,
    pub(super) failed: u64,
}

impl Counters {
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes: vec![Counted::default(); nodes], ..Self::default() }
    }

    fn incident(&mut self, place: usize, number: u64, incident: Incident) {
        let Some(node) = self.nodes.get_mut(place) else { return };
        let (rule, text) = match incident {
            Incident::Dropped => {
                node.dropped += 1;
                return;
            }
            Incident::Failed(text) => {
                node.failed += 1;
                (Rule::FailedProgram, text)
            }
            Incident::TookTooLong => {
                node.failed += 1;
                let text = "it takes more than a second for an event and was stopped";
                (Rule::SlowProgram, text.to_owned())
            }
        };
        let (_, events) = self
            .incidents
            .entry((place, rule))
            .or_insert((text, Events { first: number, count: 0 }));
        events.count += 1;
    }

    /// Whether a component's program is not run any more.
    fn is_given_up(&self, place: usize) -> bool {
        let slow = self.incidents.get(&(place, Rule::SlowProgram));
        slow.is_some_and(|(_, events)| events.count >= TOO_SLOW)
    }

    pub(super) fn findings(&self, topology: &Topology, texts: &[ConfigText]) -> Vec<Finding> {
        let finding = |((place, rule), (text, events)): (&(usize, Rule), &(String, Events))| {
            let node = topology.nodes.get(*place)?;
            let id = &node.component.id;
            let failed = failed_at(node, text);
            let inside =
                failed.and_then(|(program, at)| position::in_files(texts, id, program, at));
            let place = inside.or_else(|| position::of_component(texts, id));
            let finding = Finding::new(*rule, text.clone()).of(id).at(place);
            Some(Finding { events: Some(*events), ..finding })
        };
        let of_source = |place: usize, rule, text: String| {
            let id = &topology.nodes.get(place)?.component.id;
            Some(Finding::new(rule, text).of(id).at(position::of_component(texts, id)))
        };
        let unsent = self.first_unsent.and_then(|(place, first)| {
            let text = "no sink is given anything of them".to_owned();
            let finding = of_source(place, Rule::UnsentEvent, text)?;
            Some(Finding { events: Some(Events { first, count: self.unsent }), ..finding })
        });
        let labels = self.from_compose.filter(|_| reads_labels(topology)).and_then(|place| {
            let text = "`docker compose logs` tells no labels: programs that ask for them find \
                        `.label` empty";
            of_source(place, Rule::NotExecuted, text.to_owned())
        });
        self.incidents.iter().filter_map(finding).chain(unsent).chain(labels).collect()
    }
}

impl Validation {
    /// Runs the events of a file, one on each line, from a source on: the one of this name, else the
    /// only one, else the only one that reads Docker's logs.
    ///
    /// # Errors
    /// Where the file cannot be read, or it is not clear which source is meant. Lines that are no
    /// events become findings.
    pub fn run(
        &mut self,
        file: &str,
        events: &mut dyn BufRead,
        source: Option<&str>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), UnreadEvents> {
        let place = self.source(source).map_err(UnreadEvents::Source)?;
        let (mut lines, mut bytes, mut line) = (0_u64, 0_u64, Vec::new());
        let mut told = (0_u64, 0_u64);
        loop {
            line.clear();
            let read = read_line(events, &mut line)?;
            if read == 0 {
                break;
            }
            lines += 1;
            bytes += read as u64;
            if let Err(error) = self.line(place, lines, &String::from_utf8_lossy(&line)) {
                let text = format!("{file}, line {lines}: {error}");
                self.findings.push(Finding::new(Rule::Events, text));
                // One that is not such a file at all need not be told line by line.
                if self.findings.iter().filter(|one| one.rule == Rule::Events).count() >= 20 {
                    break;
                }
            }
            if lines - told.0 >= TOLD.0 || bytes - told.1 >= TOLD.1 {
                told = (lines, bytes);
                progress(Progress { lines, bytes });
            }
        }
        progress(Progress { lines, bytes });
        Ok(())
    }

    fn source(&self, name: Option<&str>) -> Result<usize, String> {
        let sources: Vec<_> = self.topology.sources().collect();
        let all = |docker: bool| {
            sources.iter().filter(move |(_, node)| !docker || node.component.kind == "docker_logs")
        };
        let names = || {
            let names: Vec<_> =
                sources.iter().map(|(_, node)| node.component.id.as_str()).collect();
            names.join(", ")
        };
        let found = if let Some(name) = name {
            let found = all(false).find(|(_, node)| node.component.id == name);
            found.ok_or_else(|| format!("there is no source {name}; there are {}", names()))?
        } else {
            let only = |docker| match all(docker).collect::<Vec<_>>()[..] {
                [one] => Some(one),
                _ => None,
            };
            only(false).or_else(|| only(true)).ok_or_else(|| {
                format!("say with --source which source makes the events: {}", names())
            })?
        };
        let (place, Component { id, role, kind, .. }) = (found.0, &found.1.component);
        match kind::made(*role, kind) {
            Some(EventKind::Metric) => {
                Err(format!("the source {id} makes metrics, and events that are given are logs"))
            }
            _ => Ok(place),
        }
    }

    fn line(&mut self, place: usize, number: u64, line: &str) -> Result<(), input::NotAnInput> {
        let Some(source) = self.topology.nodes.get(place) else { return Ok(()) };
        let event = input::event(line, number, &source.component, self.settings.now)?;
        match event {
            Some(event) => {
                self.counters.given += 1;
                if source.component.kind == "docker_logs" && !input::is_json(line) {
                    self.counters.from_compose = Some(place);
                }
                if !self.push(place, event) {
                    self.counters.unsent += 1;
                    self.counters.first_unsent.get_or_insert((place, number));
                }
            }
            None if line.trim().is_empty() => {}
            None => self.counters.unread += 1,
        }
        Ok(())
    }

    /// Sends an event on its way; whether any sink was given something of it.
    fn push(&mut self, source: usize, mut event: LogEvent) -> bool {
        event.source = source;
        let mut waiting = Vec::new();
        // What a source makes leaves by its first output: of logs, where there are several.
        forward(&self.topology, &mut self.counters, source, 0, event, &mut waiting);
        let mut arrived = false;
        while let Some((place, mut event)) = waiting.pop() {
            let Some(node) = self.topology.nodes.get(place) else { continue };
            if let Some(counted) = self.counters.nodes.get_mut(place) {
                counted.received += 1;
            }
            if node.component.role == Role::Sink {
                arrived = true;
                self.arrive(place, event);
                continue;
            }
            let Work::Transform(step) = &node.work else { continue };
            if self.counters.is_given_up(place) {
                continue;
            }
            event.trail.push(place);
            let number = event.number;
            let mut out = Vec::new();
            let incident = step.run(event, &mut |output, event| out.push((output, event)));
            for (output, event) in out {
                forward(&self.topology, &mut self.counters, place, output, event, &mut waiting);
            }
            if let Some(incident) = incident {
                self.counters.incident(place, number, incident);
            }
        }
        arrived
    }

    fn arrive(&mut self, place: usize, event: LogEvent) {
        if let (Some(written), Some(node)) = (&mut self.written, self.topology.nodes.get(place))
            && let Work::Sends(sink) = &node.work
            && let Some(bytes) = sink.encoding.written(
                &sink.encoding.transformed(event.value.clone()),
                &self.topology.provenance(&event),
            )
        {
            written.entry(node.component.id.clone()).or_default().push(bytes);
        }
        let kept = self.samples.is_some().then(|| event.clone());
        let passed = self.checks.event(&self.topology, place, event);
        if passed && let (Some(samples), Some(event)) = (&mut self.samples, kept) {
            samples.add(&self.topology, place, &event);
        }
    }
}

/// Whether a program asks for one of a container's labels.
fn reads_labels(topology: &Topology) -> bool {
    let Some(label) = path_of("label") else { return false };
    topology.nodes.iter().any(|node| match &node.work {
        Work::Transform(step) => step.programs().iter().any(|one| one.reads_inside(&label)),
        _ => false,
    })
}

/// The program that failed, and where: its message says `… at (136:204): …`, in bytes.
fn failed_at<'n>(node: &'n Node, message: &str) -> Option<(&'n str, usize)> {
    let Work::Transform(step) = &node.work else { return None };
    let (_, after) = message.split_once(" at (")?;
    let offset = after.split_once(':')?.0.parse().ok()?;
    Some((step.programs().first()?.source.as_str(), offset))
}

/// A line with its end; at most so long.
fn read_line(events: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let read = io::Read::take(events, LONGEST_LINE as u64).read_until(b'\n', line)?;
    if read == LONGEST_LINE {
        return Err(io::Error::other(format!("a line is longer than {LONGEST_LINE} bytes")));
    }
    Ok(read)
}

/// Hands an event to all that an output feeds.
fn forward(
    topology: &Topology,
    counters: &mut Counters,
    place: usize,
    output: usize,
    mut event: LogEvent,
    waiting: &mut Vec<(usize, LogEvent)>,
) {
    event.output = (place, output);
    let output = topology.nodes.get(place).and_then(|node| node.outputs.get(output));
    let Some(output) = output else { return };
    if let Some(counted) = counters.nodes.get_mut(place) {
        counted.sent += 1;
    }
    let mut consumers = output.consumers.iter().rev();
    let last = consumers.next_back();
    for consumer in consumers {
        waiting.push((*consumer, event.clone()));
    }
    if let Some(consumer) = last {
        waiting.push((*consumer, event));
    }
}
