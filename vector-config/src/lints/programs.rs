//! What the compiler of VRL knows of programs.

use event_schemas::{DescribedField, described_fields};
use vrl::value::Kind;

use super::Linted;
use crate::{
    configuration::Role,
    finding::{Finding, Rule},
    http_sink::Destination,
    position,
    program::path_of,
    topology::{Node, Work},
};

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in &linted.topology.nodes {
        let id = &node.component.id;
        if let Work::Transform(step) = &node.work {
            for program in step.programs() {
                for warning in &program.warnings {
                    let text = format!("warning[W{}]: {}", warning.code, warning.message);
                    let place =
                        position::in_files(linted.texts, id, &program.source, warning.offset);
                    let mut finding = Finding::new(Rule::VrlWarning, text).of(id).at(place);
                    finding.details = Some(warning.rendered.clone());
                    findings.push(finding);
                }
            }
        }
        if let Some(note) = &node.note {
            let place = position::of_component(linted.texts, id);
            findings.push(Finding::new(Rule::NotExecuted, note.clone()).of(id).at(place));
        }
        findings.extend(unused(linted, node));
        findings.extend(types(linted, node));
    }
    findings
}

/// Outputs that go nowhere.
fn unused<'a>(linted: &'a Linted<'_>, node: &'a Node) -> impl Iterator<Item = Finding> + 'a {
    let outputs = node.outputs.iter().filter(|output| output.consumers.is_empty());
    outputs.map(move |output| {
        let id = &node.component.id;
        let kind = if node.component.role == Role::Source { "Source" } else { "Transform" };
        let text = format!("{kind} \"{}\" has no consumers", output.name);
        let place = position::of_component(linted.texts, id);
        Finding::new(Rule::NoConsumer, text).of(id).at(place)
    })
}

/// Fields whose type the schema refuses, whatever the events are.
fn types(linted: &Linted<'_>, node: &Node) -> Vec<Finding> {
    let Work::Sends(sink) = &node.work else { return Vec::new() };
    let Some(Destination::Source(source)) = sink.fixed_destination() else { return Vec::new() };
    if sink.format().is_some() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let is_repaired = linted.settings.repaired_sources.contains(source);
    let repair = is_repaired.then(|| repair::of_source(source)).flatten();
    for (from, kind) in &node.known {
        for field in described_fields(source).iter().filter(|field| !field.path.contains("[]")) {
            let Some(path) = path_of(&field.path) else { continue };
            let made = kind.at_path(&path);
            let filled = repair.is_some_and(|repair| repair.may_fill(&field.path));
            let Some(text) = contradiction(field, &made, filled) else { continue };
            let mut finding = Finding::new(Rule::FieldType, text).of(&node.component.id);
            finding.field = Some(field.path.clone());
            finding.source = Some(source.clone());
            finding.studio.clone_from(&field.studio);
            let maker = linted.topology.nodes.get(*from);
            if let Some(Work::Transform(step)) = maker.map(|node| &node.work)
                && let Some(id) = maker.map(|node| &node.component.id)
            {
                finding.made_by = Some(id.clone());
                finding.place = step.programs().into_iter().find_map(|program| {
                    let offset = program.assignment_to(&path)?;
                    position::in_files(linted.texts, id, &program.source, offset)
                });
            }
            if finding.place.is_none() {
                finding.place = position::of_component(linted.texts, &node.component.id);
            }
            findings.push(finding);
        }
    }
    findings
}

/// What is wrong with a field that has always one of these types. One that the server fills may be
/// null.
fn contradiction(field: &DescribedField, made: &Kind, filled: bool) -> Option<String> {
    let fits = |json: &str| field.types.iter().any(|one| one == json);
    let number = fits("number");
    let possible = [
        (
            made.contains_bytes() || made.contains_regex() || made.contains_timestamp(),
            fits("string"),
        ),
        (made.contains_integer(), number || fits("integer")),
        (made.contains_float(), number),
        (made.contains_boolean(), fits("boolean")),
        (made.contains_object(), fits("object")),
        // A list of objects is as good as an object.
        (made.contains_array(), fits("array") || fits("object")),
    ];
    let is_made = possible.iter().any(|(made, _)| *made);
    let may_fit = possible.iter().any(|(made, fits)| *made && *fits);
    if is_made {
        return (!may_fit).then(|| {
            let mut known = made.clone();
            known.remove_undefined();
            known.remove_null();
            let allowed = field.types.join(" or ");
            format!("the program makes {known} of it, the schema wants {allowed}")
        });
    }
    let never = made.contains_null() && field.shows.is_some() && !filled;
    never.then(|| "the program makes nothing but null of it".to_owned())
}
