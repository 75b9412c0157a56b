//! Settings that lose events.

use serde_json::Value as Json;

use super::Linted;
use crate::{
    configuration::Component,
    finding::{Finding, Rule},
};

/// Largest body that the server takes, where it is told nothing else.
const LARGEST_BODY: u64 = 32 << 20;

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, _) in linted.sinks() {
        let component = &node.component;
        let mut found = |rule, option: &str, text: String| {
            let id = &component.id;
            findings.push(Finding::new(rule, text).of(id).at(linted.place(id, option)));
        };
        if let Some(text) = strategy(component) {
            found(Rule::Delivery, "retry_strategy", text);
        }
        let request = component.options.get("request");
        if let Some(attempts) = request.and_then(|request| request.get("retry_attempts")) {
            let text = format!(
                "after {attempts} attempts events are dropped: leave `retry_attempts` out, then \
                 Vector goes on until the server is back"
            );
            found(Rule::Delivery, "retry_attempts", text);
        }
        let batch = component.options.get("batch").and_then(|batch| batch.get("max_bytes"));
        if batch.and_then(Json::as_u64).is_some_and(|bytes| bytes > LARGEST_BODY) {
            let text = format!(
                "the server answers 413 to a body of more than {LARGEST_BODY} bytes (its \
                 LOGWEIR_MAX_BODY_BYTES), and Vector drops the events"
            );
            found(Rule::Delivery, "max_bytes", text);
        }
        if let Some(method) = component.options.get("method").and_then(Json::as_str)
            && method != "post"
        {
            let text = format!(
                "the server takes events by POST: it answers 405 to {}, and Vector drops them",
                method.to_uppercase()
            );
            found(Rule::Method, "method", text);
        }
        for (rule, text) in buffers(component) {
            found(rule, "buffer", text);
        }
    }
    findings
}

fn strategy(component: &Component) -> Option<String> {
    let strategy = component.options.get("retry_strategy")?;
    match strategy.get("type").or(Some(strategy)).and_then(Json::as_str)? {
        "none" => {
            Some("events are dropped at the first failure: leave `retry_strategy` out".to_owned())
        }
        "all" => Some(
            "a request that the server refuses for good is sent again for ever, and nothing after \
             it arrives: leave `retry_strategy` out"
                .to_owned(),
        ),
        "custom" => {
            let codes = strategy.get("status_codes").and_then(Json::as_array);
            let listed = |code: u64| {
                codes.is_some_and(|codes| codes.iter().any(|one| one.as_u64() == Some(code)))
            };
            let missing: Vec<_> = [429, 503]
                .into_iter()
                .filter(|code| !listed(*code))
                .map(|c| c.to_string())
                .collect();
            (!missing.is_empty()).then(|| {
                format!(
                    "events are dropped when the server answers {}: list it",
                    missing.join(", ")
                )
            })
        }
        _ => None,
    }
}

/// What is wrong with a sink's buffer, which may have several stages.
fn buffers(component: &Component) -> Vec<(Rule, String)> {
    let buffer = component.options.get("buffer");
    let stages: Vec<&Json> = match buffer {
        Some(Json::Array(stages)) => stages.iter().collect(),
        Some(stage) => vec![stage],
        None => Vec::new(),
    };
    let says = |stage: &Json, name: &str, value: &str| {
        stage.get(name).and_then(Json::as_str) == Some(value)
    };
    let mut found = Vec::new();
    if stages.iter().any(|stage| says(stage, "when_full", "drop_newest")) {
        let text = "a full buffer drops events: set `when_full: block`".to_owned();
        found.push((Rule::Delivery, text));
    }
    if !stages.iter().any(|stage| says(stage, "type", "disk")) {
        let text =
            "events wait in memory, 500 of them, and are lost when Vector ends: use a buffer \
                    of `type: disk`"
                .to_owned();
        found.push((Rule::Buffer, text));
    }
    found
}
