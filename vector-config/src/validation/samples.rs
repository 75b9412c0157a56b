//! Events that passed, one of each shape.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::{
    event::LogEvent,
    http_sink::Destination,
    topology::{Topology, Work},
};

/// Most events that are kept for a source.
const MOST: usize = 20;

/// Most sources that events are kept of: events can name each one of its own.
const MOST_SOURCES: usize = 1000;

/// Events that passed.
#[derive(Debug, Default)]
pub(super) struct Samples {
    by_source: BTreeMap<String, Vec<Json>>,
    shapes: BTreeSet<(String, String)>,
}

impl Samples {
    /// Keeps what a sink sends of an event, where it is the first of its shape.
    pub(super) fn add(&mut self, topology: &Topology, place: usize, event: &LogEvent) {
        let Some(Work::Sends(sink)) = topology.nodes.get(place).map(|node| &node.work) else {
            return;
        };
        let Destination::Source(source) = sink.destination(&event.value) else { return };
        let json = sink.encoding.json(&sink.encoding.transformed(event.value.clone()));
        let Some(json) = json.and_then(|json| serde_json::from_slice(&json).ok()) else { return };
        if self.by_source.len() >= MOST_SOURCES && !self.by_source.contains_key(&source) {
            return;
        }
        let mut shape = String::new();
        describe(&json, &mut shape);
        let kept = self.by_source.entry(source.clone()).or_default();
        if kept.len() < MOST && self.shapes.insert((source, shape)) {
            kept.push(json);
        }
    }

    pub(super) fn by_source(self) -> BTreeMap<String, Vec<Json>> {
        self.by_source
    }
}

/// The names of fields and the types of values.
fn describe(value: &Json, shape: &mut String) {
    match value {
        Json::Null => shape.push('0'),
        Json::Bool(_) => shape.push('b'),
        Json::Number(_) => shape.push('n'),
        Json::String(_) => shape.push('s'),
        Json::Array(elements) => {
            shape.push('[');
            if let Some(first) = elements.first() {
                describe(first, shape);
            }
        }
        Json::Object(fields) => {
            shape.push('{');
            for (name, field) in fields {
                shape.push_str(name);
                shape.push(':');
                describe(field, shape);
            }
            shape.push('}');
        }
    }
}
