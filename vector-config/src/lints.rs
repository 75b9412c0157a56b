//! What can be said of a configuration without events.

mod delivery;
mod key;
mod options;
mod payload;
mod programs;
pub(crate) mod source;
mod studio;

use crate::{
    finding::Finding,
    http_sink::HttpSink,
    loading::ConfigText,
    position::{self, Place},
    topology::{Node, Topology, Work},
    validation::Settings,
};

/// What is linted.
pub(crate) struct Linted<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) texts: &'a [ConfigText],
    pub(crate) settings: &'a Settings,
}

impl Linted<'_> {
    /// The sinks that send to an analytics server.
    fn sinks(&self) -> impl Iterator<Item = (&Node, &HttpSink)> {
        self.topology.nodes.iter().filter_map(|node| match &node.work {
            Work::Sends(sink) => Some((node, sink.as_ref())),
            _ => None,
        })
    }

    /// Where an option of a component is written, else where the component begins.
    fn place(&self, component: &str, option: &str) -> Option<Place> {
        position::of_option(self.texts, component, option)
            .or_else(|| position::of_component(self.texts, component))
    }
}

/// All lints.
pub(crate) fn all(linted: &Linted<'_>) -> Vec<Finding> {
    let all = [
        key::lint,
        source::lint,
        options::lint,
        payload::lint,
        delivery::lint,
        programs::lint,
        studio::lint,
    ];
    all.iter().flat_map(|lint| lint(linted)).collect()
}

#[cfg(test)]
mod tests;
