//! The source that a sink sends to.

use event_schemas::SUPABASE_SOURCES;
use serde_json::Value as Json;

use super::Linted;
use crate::{
    finding::{Finding, Rule},
    http_sink::{Destination, HttpSink},
    topology::Node,
};

/// Since this version Vector refuses templates in the query of a URI.
const CONFINED_SINCE: u32 = 57;

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    linted.sinks().filter_map(|(node, sink)| source(linted, node, sink)).collect()
}

fn source(linted: &Linted<'_>, node: &Node, sink: &HttpSink) -> Option<Finding> {
    let id = &node.component.id;
    let found =
        |rule, text: String| Some(Finding::new(rule, text).of(id).at(linted.place(id, "uri")));
    let uri = sink.uri.text();
    let allowed = node.component.options.get("dangerously_allow_unconfined_template_resolution");
    let refused = linted.settings.vector.minor >= CONFINED_SINCE
        && allowed.and_then(Json::as_bool) != Some(true);
    if refused
        && uri.find(['?', '#']).and_then(|at| uri.get(at..)).is_some_and(|q| q.contains("{{"))
    {
        return found(
            Rule::TemplatedQuery,
            "Vector 0.57 and later refuse a field in the query of a URI: name the source in the \
             path (`/api/logs/{{ field }}`) or in the header `x-source`"
                .to_owned(),
        );
    }
    match sink.fixed_destination()? {
        Destination::Unnamed => found(
            Rule::UnnamedSource,
            "the request names no source: add `?source_name=` to the URI".to_owned(),
        ),
        Destination::Source(name) => {
            let is_known = is_known(name, &linted.settings.known_sources);
            (!is_known).then(|| found(Rule::UnknownSource, unknown(name))).flatten()
        }
        Destination::Token(_) => found(Rule::NotExecuted, BY_TOKEN.to_owned()),
        Destination::Unrendered => None,
    }
}

/// What is said of a request that names its source by a token.
pub(crate) const BY_TOKEN: &str = "it names its source by a token: which one that is only the server knows, so what is sent is not \
     checked against a schema";

/// Whether a server has a source of this name: by itself, or as it is said.
pub(crate) fn is_known(name: &str, known: &[String]) -> bool {
    SUPABASE_SOURCES.iter().any(|source| source.name == name) || known.iter().any(|one| one == name)
}

/// What is said of a source that no server has.
pub(crate) fn unknown(name: &str) -> String {
    format!("no server has a source `{name}` by itself{}", meant(name))
}

/// The source that may be meant.
fn meant(name: &str) -> String {
    let close = |known: &str| {
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
        };
        let (known, name) = (letters(known), letters(name));
        known == name || known.starts_with(&name) || name.starts_with(&known)
    };
    let found = SUPABASE_SOURCES.iter().find(|source| close(source.name) || close(source.table));
    match found {
        Some(source) => format!(": is `{}` meant? (--known-source allows it)", source.name),
        None => ": make it in the server, and allow it with --known-source".to_owned(),
    }
}
