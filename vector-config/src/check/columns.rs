//! Columns of Studio's lists that no event fills: whether that is a fault, or the lines were not of the
//! kind that does.

use std::collections::BTreeMap;

use crate::{
    finding::Rule,
    http_sink::HttpSink,
    topology::{Topology, may_fill},
};

/// So many events came by a program that fills a column, and none has it: then it does not.
const ENOUGH: u64 = 1000;

/// Ways that are kept apart.
const MOST_WAYS: usize = 1000;

/// How many events came by which source and which transforms.
#[derive(Debug, Default)]
pub(super) struct Ways(BTreeMap<(usize, Vec<usize>), u64>);

impl Ways {
    /// Counts an event.
    pub(super) fn came(&mut self, source: usize, trail: &[usize]) {
        let key = (source, trail.to_vec());
        if self.0.len() < MOST_WAYS || self.0.contains_key(&key) {
            *self.0.entry(key).or_default() += 1;
        }
    }

    /// The transforms of one way.
    pub(super) fn trail(&self) -> &[usize] {
        self.0.keys().next().map_or(&[], |(_, trail)| trail)
    }

    /// Whether anything on the way to a sink may fill a field. A sink of several sources is fed by
    /// what fills others: there only ways count by which events came.
    pub(super) fn may_fill(
        &self,
        topology: &Topology,
        (place, sink): (usize, &HttpSink),
        field: &str,
    ) -> bool {
        let makes = |node: &usize| may_fill(topology, *node, field);
        match sink.fixed_destination() {
            Some(_) => topology.before(place).iter().any(makes),
            None => self.0.keys().any(|(from, trail)| makes(from) || trail.iter().any(makes)),
        }
    }

    /// What is said of a column that none of a sink's events fills. It is a fault where nothing on the
    /// way to the sink may fill it, and where many events came by what may; else the lines were of
    /// other kinds.
    pub(super) fn unfilled(
        &self,
        topology: &Topology,
        sink: (usize, &HttpSink),
        column: &str,
        events: u64,
    ) -> (Rule, String) {
        if !self.may_fill(topology, sink, column) {
            return (Rule::EmptyColumn, format!("none of {events} events fills it"));
        }
        let makes = |node: &usize| may_fill(topology, *node, column);
        let ways = self.0.iter();
        let came = ways.filter(|((from, trail), _)| makes(from) || trail.iter().any(makes));
        let came: u64 = came.map(|(_, count)| count).sum();
        if came >= ENOUGH {
            let text = format!("none of {came} events fills it that came by what may");
            return (Rule::EmptyColumn, text);
        }
        let text = format!(
            "none of {events} events fills it; a program on the way may, for lines of another kind"
        );
        (Rule::UnseenColumn, text)
    }
}
