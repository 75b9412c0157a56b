//! What the server makes of a body.

use super::Linted;
use crate::{
    encoding::{Codec, Framing},
    finding::{Finding, Rule},
    http_sink::HttpSink,
    topology::Node,
};

pub(super) fn lint(linted: &Linted<'_>) -> Vec<Finding> {
    linted.sinks().filter_map(|(node, sink)| payload(linted, node, sink)).collect()
}

fn payload(linted: &Linted<'_>, node: &Node, sink: &HttpSink) -> Option<Finding> {
    let id = &node.component.id;
    let found = |rule, option, text: String| {
        Some(Finding::new(rule, text).of(id).at(linted.place(id, option)))
    };
    let encoding = &sink.encoding;
    let codec = |said: String| {
        found(Rule::Codec, "codec", format!("{said}: use `json`, `native` or `native_json`"))
    };
    match (&encoding.codec, &encoding.framing) {
        (Codec::Other(name), _) => {
            codec(format!("the server finds no fields in what the codec `{name}` writes"))
        }
        (Codec::Text, _) => codec("the codec sends the field `message` alone".to_owned()),
        _ if encoding.is_wrapped() => wrapper(encoding.prefix.as_str(), &encoding.suffix)
            .and_then(|text| found(Rule::PayloadWrapper, "payload_prefix", text)),
        (Codec::Json { .. } | Codec::NativeJson, Framing::Newline | Framing::Bytes)
        | (Codec::Native, Framing::Length) => None,
        (codec, _) => {
            let needed = match codec {
                Codec::Native => "`length_delimited`",
                _ => "none, or `newline_delimited`",
            };
            let text = format!("the server does not read this framing: it must be {needed}");
            found(Rule::Framing, "framing", text)
        }
    }
}

/// What is wrong with a wrapper. A body must be a list, or hold one as `batch`.
fn wrapper(prefix: &str, suffix: &str) -> Option<String> {
    if prefix.trim().is_empty() && suffix.trim().is_empty() {
        return None;
    }
    let body = format!("{prefix}[]{suffix}");
    let body: serde_json::Value = serde_json::from_str(&body).ok()?;
    match body.get("batch") {
        Some(batch) if batch.is_array() => None,
        _ => Some(
            "the server takes the whole body for one event: leave the wrapper out, or make it \
             `{\"batch\": […]}`"
                .to_owned(),
        ),
    }
}
