//! Inputs to outputs.

use std::collections::BTreeSet;

use super::{Node, Topology};
use crate::{configuration::Role, kind};

impl Topology {
    /// Connects each input with the outputs that it names.
    ///
    /// # Errors
    /// What Vector says of inputs that it cannot connect.
    pub(super) fn connect(&mut self, relaxed: bool) -> Result<(), Vec<String>> {
        let mut errors = Vec::new();
        let mut connections = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let (role, id) = (node.component.role, &node.component.id);
            if role == Role::Source {
                continue;
            }
            if node.component.inputs.is_empty() {
                errors.push(format!("{} \"{id}\" has no inputs", capitalised(role)));
            }
            let mut seen = BTreeSet::new();
            for input in &node.component.inputs {
                let found = self.matching(input, place);
                if found.is_empty() && !relaxed {
                    errors.push(format!(
                        "Input \"{input}\" for {} \"{id}\" doesn't match any components.",
                        role.name()
                    ));
                }
                for output in found {
                    if seen.insert(output) {
                        connections.push((output, place));
                    } else if !input.contains('*') {
                        errors.push(format!(
                            "{} \"{id}\" has input \"{input}\" duplicated 2 times",
                            capitalised(role)
                        ));
                    }
                }
            }
        }
        for ((from, _), to) in &connections {
            let nodes = [from, to].map(|place| self.nodes.get(*place));
            if let [Some(from), Some(to)] = nodes {
                errors.extend(mismatch(from, to));
            }
        }
        for ((from, output), to) in connections {
            if let Some(output) =
                self.nodes.get_mut(from).and_then(|node| node.outputs.get_mut(output))
            {
                output.consumers.push(to);
            }
        }
        if errors.is_empty()
            && let Some(cycle) = self.cycle()
        {
            errors.push(format!("Cyclic dependency detected in the chain [ {cycle} ]"));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The outputs that an input names, but the component's own.
    fn matching(&self, input: &str, own: usize) -> Vec<(usize, usize)> {
        let pattern = glob::Pattern::new(input).ok();
        let matches = |name: &str| {
            name == input || pattern.as_ref().is_some_and(|pattern| pattern.matches(name))
        };
        let outputs = self.nodes.iter().enumerate().flat_map(|(place, node)| {
            let named = node.outputs.iter().enumerate();
            named.map(move |(number, output)| (place, number, output.name.as_str()))
        });
        outputs
            .filter(|(place, _, name)| *place != own && matches(name))
            .map(|(place, number, _)| (place, number))
            .collect()
    }

    /// The components of a circle, as Vector shows it: the first comes again at the end.
    fn cycle(&self) -> Option<String> {
        let ordered = self.in_order();
        // What is left is in a circle, or fed by one: whoever goes against the stream ends in it.
        let left: Vec<_> = (0..self.nodes.len()).filter(|place| !ordered.contains(place)).collect();
        let mut way = vec![*left.first()?];
        let begin = loop {
            let here = *way.last()?;
            let feeder = left.iter().find(|place| self.feeds(**place, here))?;
            if let Some(begin) = way.iter().position(|place| place == feeder) {
                break begin;
            }
            way.push(*feeder);
        };
        let mut circle = way.split_off(begin);
        circle.reverse();
        let first = circle.iter().enumerate().min_by_key(|(_, place)| **place)?.0;
        circle.rotate_left(first);
        circle.push(*circle.first()?);
        let nodes = circle.iter().filter_map(|place| self.nodes.get(*place));
        let names: Vec<_> = nodes.map(|node| node.component.id.as_str()).collect();
        Some(names.join(" -> "))
    }

    fn feeds(&self, from: usize, to: usize) -> bool {
        let outputs = self.nodes.get(from).map(|node| node.outputs.as_slice());
        outputs.unwrap_or_default().iter().any(|output| output.consumers.contains(&to))
    }

    /// The nodes, each after those that feed it; those in a circle are left out.
    pub(super) fn in_order(&self) -> Vec<usize> {
        let mut waiting = vec![0_usize; self.nodes.len()];
        for consumer in self.consumers() {
            if let Some(count) = waiting.get_mut(consumer) {
                *count += 1;
            }
        }
        let mut ready: Vec<usize> = waiting
            .iter()
            .enumerate()
            .filter(|(_, count)| **count == 0)
            .map(|(at, _)| at)
            .collect();
        let mut ordered = Vec::new();
        while let Some(place) = ready.pop() {
            ordered.push(place);
            let outputs = self.nodes.get(place).map(|node| node.outputs.as_slice());
            for consumer in outputs.unwrap_or_default().iter().flat_map(|output| &output.consumers)
            {
                if let Some(count) = waiting.get_mut(*consumer) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(*consumer);
                    }
                }
            }
        }
        ordered
    }

    fn consumers(&self) -> impl Iterator<Item = usize> {
        self.nodes.iter().flat_map(|node| &node.outputs).flat_map(|output| output.consumers.clone())
    }
}

/// What is wrong where a component makes only what the next one does not take.
fn mismatch(from: &Node, to: &Node) -> Option<String> {
    let (from, to) = (&from.component, &to.component);
    let made = kind::made(from.role, &from.kind)?;
    let taken = kind::taken(to.role, &to.kind)?;
    (made != taken).then(|| {
        format!(
            "Data type mismatch between {} ({}) and {} ({})",
            from.id,
            made.name(),
            to.id,
            taken.name()
        )
    })
}

fn capitalised(role: Role) -> &'static str {
    match role {
        Role::Source => "Source",
        Role::Transform => "Transform",
        Role::Sink => "Sink",
    }
}
