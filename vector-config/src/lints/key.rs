//! The key that a sink presents.

use serde_json::Value as Json;

use super::Linted;
use crate::{
    finding::{Finding, Rule},
    http_sink::HttpSink,
    interpolation::has_variable,
    topology::Node,
};

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    linted.sinks().filter_map(|(node, sink)| key(linted, node, sink)).collect()
}

fn key(linted: &Linted<'_>, node: &Node, sink: &HttpSink) -> Option<Finding> {
    let id = &node.component.id;
    let Some((option, presented)) = presented(node, sink) else {
        let text = "it presents no key: the server answers 401 and Vector drops the events; send \
                    the public token as the header `x-api-key`";
        return Some(Finding::new(Rule::MissingKey, text).of(id).at(linted.place(id, "uri")));
    };
    if !has_variable(&presented) {
        return None;
    }
    let why = if linted.settings.vector.interpolates() {
        "its `$` is doubled, or variables are switched off".to_owned()
    } else {
        format!(
            "Vector {} puts in environment variables only with \
             --dangerously-allow-env-var-interpolation; or take the key from a `secret` backend",
            linted.settings.vector
        )
    };
    let text = format!("the key is sent as `{presented}`, events are dropped: {why}");
    Some(Finding::new(Rule::UninterpolatedVariable, text).of(id).at(linted.place(id, option)))
}

/// What a sink presents, and the option that says it.
fn presented(node: &Node, sink: &HttpSink) -> Option<(&'static str, String)> {
    for name in ["x-api-key", "authorization"] {
        if let Some(value) = sink.headers.get(name) {
            return Some((name, value.text().to_owned()));
        }
    }
    if let Some(auth) = node.component.options.get("auth") {
        let texts =
            ["token", "password", "value"].map(|name| auth.get(name).and_then(Json::as_str));
        return Some(("auth", texts.into_iter().flatten().collect()));
    }
    let query = sink.uri.text().split_once('?')?.1;
    let pair = query.split('&').find_map(|pair| pair.strip_prefix("api_key="))?;
    Some(("api_key", pair.to_owned()))
}
