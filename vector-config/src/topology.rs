//! Which component feeds which.

mod resolve;

use std::collections::BTreeSet;

use vrl::{
    compiler::TimeZone,
    value::{Kind, kind::Collection},
};

use crate::{
    configuration::{Component, Configuration, Role},
    event::{LogEvent, Provenance},
    http_sink::HttpSink,
    input,
    program::path_of,
    step::{BuiltStep, Step, StepFault, any_object, time_zone},
};

/// A component in its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) component: Component,
    pub(crate) outputs: Vec<Output>,
    pub(crate) work: Work,
    /// Why it is not, or not wholly, executed.
    pub(crate) note: Option<String>,
    /// For a sink: what is known of the events, for each of its inputs, by the place of the node.
    pub(crate) known: Vec<(usize, Kind)>,
}

/// What a component does with events.
#[derive(Debug)]
pub(crate) enum Work {
    Source,
    Transform(Step),
    /// A sink that sends to an analytics server.
    Sends(Box<HttpSink>),
    /// Any other sink.
    Elsewhere,
}

/// An output with those that it feeds.
#[derive(Debug)]
pub(crate) struct Output {
    /// `id` or `id.name`.
    pub(crate) name: String,
    /// Places of nodes.
    pub(crate) consumers: Vec<usize>,
    pub(crate) kind: Kind,
}

/// What is wrong with a component.
#[derive(Debug)]
pub(crate) struct BuildFault {
    /// The component; none where it is about the whole.
    pub(crate) component: Option<String>,
    pub(crate) fault: StepFault,
}

/// All components of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    pub(crate) nodes: Vec<Node>,
}

impl Topology {
    /// Builds all components and connects them.
    ///
    /// # Errors
    /// All that Vector would refuse.
    pub(crate) fn new(configuration: &Configuration) -> Result<Self, Vec<BuildFault>> {
        let mut faults = Vec::new();
        let zone = configuration.timezone.as_deref().map(time_zone).transpose();
        let zone = zone.unwrap_or_else(|error| {
            faults.push(BuildFault { component: None, fault: StepFault::new(error) });
            None
        });
        let mut topology = Self { nodes: Vec::new() };
        for component in &configuration.components {
            match built(component, zone, &any_object()) {
                Ok(node) => topology.nodes.push(node),
                Err(more) => faults.extend(of(component, more)),
            }
        }
        // Inputs can only be judged where all outputs are known.
        if faults.is_empty()
            && let Err(more) = topology.connect(configuration.relaxed_inputs)
        {
            faults.extend(
                more.into_iter()
                    .map(|text| BuildFault { component: None, fault: StepFault::new(text) }),
            );
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        topology.learn_kinds(zone);
        Ok(topology)
    }

    /// Follows what is known of events from the sources to the sinks.
    fn learn_kinds(&mut self, zone: Option<TimeZone>) {
        for place in self.in_order() {
            let inputs = self.inputs_of(place);
            let Some(node) = self.nodes.get_mut(place) else { continue };
            if node.component.role == Role::Sink {
                node.known = inputs;
                continue;
            }
            if node.component.role != Role::Transform {
                continue;
            }
            let kind =
                inputs.into_iter().map(|(_, kind)| kind).reduce(|one, other| one.union(other));
            let kind = kind.unwrap_or_else(any_object);
            // It was built before, of less.
            let Ok(known) = BuiltStep::new(&node.component, &kind, zone) else { continue };
            for (output, kind) in node.outputs.iter_mut().zip(known.kinds) {
                output.kind = kind;
            }
        }
    }

    /// The nodes and kinds that feed a node.
    fn inputs_of(&self, place: usize) -> Vec<(usize, Kind)> {
        let feeds = |output: &&Output| output.consumers.contains(&place);
        let inputs = self.nodes.iter().enumerate().flat_map(|(from, node)| {
            node.outputs.iter().filter(feeds).map(move |output| (from, output.kind.clone()))
        });
        inputs.collect()
    }

    /// Where an event comes from.
    pub(crate) fn provenance<'a>(&'a self, event: &'a LogEvent) -> Provenance<'a> {
        let (place, output) = event.output;
        let source = self.nodes.get(event.source).map(|node| &node.component);
        let from = self.nodes.get(place);
        let component = from.map_or("", |node| node.component.id.as_str());
        let name = from.and_then(|node| node.outputs.get(output)).map(|output| &output.name);
        Provenance {
            source: source.map_or("", |source| source.id.as_str()),
            source_type: source.map_or("", |source| source.kind.as_str()),
            component,
            port: name.and_then(|name| name.strip_prefix(component)?.strip_prefix('.')),
            metadata: &event.metadata,
            number: event.number,
        }
    }

    /// The nodes that feed a node, and those that feed them, and so on.
    pub(crate) fn before(&self, place: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![place];
        while let Some(here) = waiting.pop() {
            for (from, node) in self.nodes.iter().enumerate() {
                let feeds = node.outputs.iter().any(|output| output.consumers.contains(&here));
                if feeds && found.insert(from) {
                    waiting.push(from);
                }
            }
        }
        found
    }

    /// The place of a component.
    pub(crate) fn place_of(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.component.id == id)
    }

    /// The sources, by their places.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.component.role == Role::Source)
    }
}

/// Whether a node may put something into a field of events: a source that makes more than is known of
/// it, a program that assigns to it, or what is not executed.
pub(crate) fn may_fill(topology: &Topology, place: usize, field: &str) -> bool {
    let (Some(node), Some(path)) = (topology.nodes.get(place), path_of(field)) else {
        return true;
    };
    match &node.work {
        // Docker's lines are text, whose parts a program must find.
        Work::Source => node.component.kind != "docker_logs",
        Work::Transform(Step::Stop) => true,
        Work::Transform(step) => step.programs().iter().any(|program| program.may_fill(&path)),
        Work::Sends(_) | Work::Elsewhere => false,
    }
}

fn of(component: &Component, faults: Vec<StepFault>) -> impl Iterator<Item = BuildFault> {
    faults.into_iter().map(|fault| BuildFault { component: Some(component.id.clone()), fault })
}

/// What is said of an `http` sink that is not looked at.
const NO_SERVER: &str = "what it sends is not checked: its address is none of an analytics server, such \
                         as `http://analytics:4000/api/logs`";

fn built(
    component: &Component,
    zone: Option<TimeZone>,
    events: &Kind,
) -> Result<Node, Vec<StepFault>> {
    let output = |suffix: &str, kind: Kind| Output {
        name: format!("{}{suffix}", component.id),
        consumers: Vec::new(),
        kind,
    };
    let (outputs, work, note) = match component.role {
        Role::Source => {
            let kind = source_kind(&component.kind);
            let suffixes = source_outputs(&component.kind);
            let outputs = suffixes.iter().map(|suffix| output(suffix, kind.clone())).collect();
            (outputs, Work::Source, input::note(component))
        }
        Role::Transform => {
            let built = BuiltStep::new(component, events, zone)?;
            let named = built.outputs.iter().zip(built.kinds);
            let outputs = named.map(|(suffix, kind)| output(suffix, kind)).collect();
            (outputs, Work::Transform(built.step), built.note)
        }
        Role::Sink => {
            let (work, note) = match HttpSink::new(component)
                .map_err(|e| vec![StepFault::new(e)])?
            {
                Some(sink) => {
                    let note = sink.note();
                    (Work::Sends(Box::new(sink)), note)
                }
                None if component.kind == "http" => (Work::Elsewhere, Some(NO_SERVER.to_owned())),
                None => (Work::Elsewhere, None),
            };
            (Vec::new(), work, note)
        }
    };
    Ok(Node { component: component.clone(), outputs, work, note, known: Vec::new() })
}

/// What follows the id in the names of a source's outputs.
fn source_outputs(kind: &str) -> &'static [&'static str] {
    match kind {
        "opentelemetry" => &[".logs", ".metrics", ".traces"],
        _ => &[""],
    }
}

/// What a source is known to make.
fn source_kind(kind: &str) -> Kind {
    if kind != "docker_logs" {
        return any_object();
    }
    let fields = [
        ("container_created_at", Kind::timestamp()),
        ("container_id", Kind::bytes()),
        ("container_name", Kind::bytes()),
        ("host", Kind::bytes().or_undefined()),
        ("image", Kind::bytes()),
        ("label", Kind::object(Collection::from_unknown(Kind::bytes())).or_undefined()),
        ("message", Kind::bytes()),
        ("source_type", Kind::bytes()),
        ("stream", Kind::bytes()),
        ("timestamp", Kind::timestamp()),
    ];
    let known = fields.map(|(name, kind)| (name.into(), kind));
    // Open, not closed: VRL refuses to assign inside of a field that is known not to be there.
    Kind::object(Collection::from_parts(known.into(), Kind::any()))
}

#[cfg(test)]
mod tests;
