//! Pages of Studio that stay empty, whatever the events are.

use event_schemas::described_fields;

use super::Linted;
use crate::{
    finding::{Finding, Rule},
    http_sink::Destination,
    position,
};

/// What edge functions do is on two pages: their calls, and what they print.
const CALLS: &str = "deno-relay-logs";
const PRINTED: &str = "deno-subhosting-events";

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    let mut calls = None;
    for (node, sink) in linted.sinks() {
        match sink.fixed_destination() {
            Some(Destination::Source(source)) if source == CALLS => calls = Some(node),
            Some(Destination::Source(source)) if source != PRINTED => {}
            // It is fed, or may be.
            _ => return Vec::new(),
        }
    }
    let Some(node) = calls else { return Vec::new() };
    let id = &node.component.id;
    let text = format!(
        "no sink feeds `{PRINTED}`: the page of function logs shows what edge functions print only \
         from there"
    );
    let place = position::of_component(linted.texts, id);
    let mut finding = Finding::new(Rule::UnfedSource, text).of(id).at(place);
    finding.source = Some(PRINTED.to_owned());
    let message = described_fields(PRINTED).iter().find(|field| field.path == "event_message");
    finding.studio = message.and_then(|field| field.studio.clone());
    vec![finding]
}
