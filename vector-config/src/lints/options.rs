//! Options that Vector has not, or not yet.

use super::Linted;
use crate::{
    configuration::Role,
    finding::{Finding, Rule},
    http_sink::options::{too_new, unknown},
};

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let components = linted.topology.nodes.iter().map(|node| &node.component);
    for sink in components.filter(|one| one.role == Role::Sink && one.kind == "http") {
        let mut found = |rule, option: &str, text: String| {
            let place = linted.place(&sink.id, option);
            findings.push(Finding::new(rule, text).of(&sink.id).at(place));
        };
        for (option, text) in too_new(&sink.options, linted.settings.vector.minor) {
            found(Rule::Configuration, option, text);
        }
        for path in unknown(&sink.options) {
            let name = path.rsplit('.').next().unwrap_or(&path).to_owned();
            let text = format!("Vector has no option `{path}`: it refuses or ignores it");
            found(Rule::UnknownOption, &name, text);
        }
    }
    findings
}
