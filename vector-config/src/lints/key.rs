//! The key that a sink presents, and variables in it and in the address that Vector does not put in.

use serde_json::Value as Json;

use super::Linted;
use crate::{
    configuration::{Component, Role, text},
    finding::{Finding, Rule},
    http_sink::{HttpSink, user_of},
    interpolation::{Reference, whole_variable},
    topology::Node,
};

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> =
        linted.sinks().filter_map(|(node, sink)| key(linted, node, sink)).collect();
    let sinks = linted.topology.nodes.iter().map(|node| &node.component);
    let sinks = sinks.filter(|sink| sink.role == Role::Sink && sink.kind == "http");
    findings.extend(sinks.filter_map(|sink| address(linted, sink)));
    findings
}

fn key(linted: &Linted<'_>, node: &Node, sink: &HttpSink) -> Option<Finding> {
    let id = &node.component.id;
    let found = |rule, text: String, option| {
        Some(Finding::new(rule, text).of(id).at(linted.place(id, option)))
    };
    let missing = |text: &str, option| {
        let text = format!(
            "{text}: the server answers 401 and Vector drops the events; send the public token as \
             the header `x-api-key`"
        );
        found(Rule::MissingKey, text, option)
    };
    let authorization = authorization(node, sink);
    let bearer = authorization
        .as_ref()
        .and_then(|(option, value)| Some((*option, value.strip_prefix("Bearer ")?.to_owned())));
    // The server looks for the key in this order.
    let presented = bearer.or_else(|| {
        let value = sink.headers.get("x-api-key")?;
        Some(("x-api-key", value.text().to_owned()))
    });
    let presented = presented.or_else(|| {
        let query = sink.uri.text().split_once('?')?.1;
        let pair = query.split('&').find_map(|pair| pair.strip_prefix("api_key="))?;
        Some(("api_key", pair.to_owned()))
    });
    let Some((option, presented)) = presented else {
        return match authorization {
            Some((option, value)) => match uninterpolated(linted, &value) {
                Some(text) => found(Rule::UninterpolatedVariable, text, option),
                // What these come to is known to Vector alone.
                None if value.starts_with("SECRET[") || value.contains("{{") => None,
                None => missing(
                    "its `Authorization` begins with something else than `Bearer `, which the \
                     server does not read",
                    option,
                ),
            },
            None => missing("it presents no key", "uri"),
        };
    };
    if presented.trim().is_empty() {
        return missing("its key is empty", option);
    }
    let text = uninterpolated(linted, &presented)?;
    found(Rule::UninterpolatedVariable, text, option)
}

/// The header `Authorization` that a sink sends, and the option that says it.
fn authorization(node: &Node, sink: &HttpSink) -> Option<(&'static str, String)> {
    if let Some(auth) = node.component.options.get("auth").filter(|auth| !auth.is_null()) {
        let said = |name: &str| auth.get(name).and_then(Json::as_str).unwrap_or_default();
        let value = match said("strategy") {
            "bearer" => format!("Bearer {}", said("token")),
            "custom" => said("value").to_owned(),
            other => format!("{other} …"),
        };
        return Some(("auth", value));
    }
    if let Some(value) = sink.headers.get("authorization") {
        return Some(("authorization", value.text().to_owned()));
    }
    user_of(sink.uri.text()).map(|_| ("uri", "basic …".to_owned()))
}

/// What is wrong with a key that is the name of a variable. It is never written itself: it may be a
/// key after all.
fn uninterpolated(linted: &Linted<'_>, presented: &str) -> Option<String> {
    let variable = whole_variable(presented.strip_prefix("Bearer ").unwrap_or(presented))?;
    let why = why(linted, &variable)?;
    Some(format!("the key is sent as `{}`, events are dropped: {why}", variable.shown()))
}

/// Why a variable is still there after Vector has read the configuration; `None` where it comes out
/// of a variable itself.
fn why(linted: &Linted<'_>, variable: &Reference) -> Option<String> {
    let vector = linted.settings.vector;
    if linted.settings.interpolates() {
        let doubled = format!("${}", variable.written);
        let is_value =
            linted.settings.variables.values().any(|value| value.contains(&variable.written));
        let is_doubled = linted.texts.iter().any(|text| text.written.contains(&doubled));
        return (is_doubled && !is_value)
            .then(|| "its `$` is doubled, which Vector takes for a `$`".to_owned());
    }
    Some(if vector.interpolates() {
        "variables are switched off".to_owned()
    } else {
        format!(
            "Vector {vector} puts in environment variables only with \
             --dangerously-allow-env-var-interpolation; or take the key from a `secret` backend"
        )
    })
}

/// What is wrong with an address that holds a variable, whatever server it is meant for.
fn address(linted: &Linted<'_>, sink: &Component) -> Option<Finding> {
    if linted.settings.interpolates() {
        return None;
    }
    let uri = text(sink.options.get("uri"))?;
    let variable = Reference::all(&uri).into_iter().find(Reference::is_surely_meant)?;
    let why = why(linted, &variable)?;
    let text = format!("the address holds `{}` as it stands: {why}", variable.shown());
    let place = linted.place(&sink.id, "uri");
    Some(Finding::new(Rule::UninterpolatedVariable, text).of(&sink.id).at(place))
}
