//! Given events: lines of JSON as a source makes them, or lines of `docker compose logs`.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use regex::Regex;
use serde_json::Value as Json;
use vrl::value::{ObjectMap, Value};

use crate::{configuration::Component, event::LogEvent};

/// Fields that sources make timestamps of.
const TIMES: [&str; 2] = ["timestamp", "container_created_at"];

/// Codecs of sources that leave times as the text or the number that they find.
const PLAIN_CODECS: [&str; 4] = ["avro", "json", "native_json", "vrl"];

/// Options of `docker_logs` that change what is read, and that nothing is done for here.
const NOT_EXECUTED: [&str; 7] = [
    "auto_partial_merge",
    "host_key",
    "include_images",
    "include_labels",
    "log_namespace",
    "multiline",
    "partial_event_marker_field",
];

/// `supabase-kong  | 2026-11-20T12:00:00.000000000Z text`
static COMPOSE_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)\s*\| ?(?:(?P<time>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)) )?(?P<text>.*)$",
    )
    .ok()
});

/// Why a line is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAnInput {
    #[error("it is no JSON: {0}")]
    NotJson(String),
    #[error("an event must be a JSON object")]
    NotAnObject,
    #[error(
        "it is neither a JSON object nor `container | text` as `docker compose logs` prints it"
    )]
    Unknown,
}

/// The event that a source makes of a line; `None` where it makes none: for a blank line, and for a
/// container that it does not read.
pub(crate) fn event(
    line: &str,
    number: u64,
    source: &Component,
    now: i64,
) -> Result<Option<LogEvent>, NotAnInput> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let mut fields = if is_json(line) {
        of_json(line)?
    } else {
        // Only the end of the line is no part of the text.
        of_compose(line.trim_end_matches(['\r', '\n']).trim_start())?
    };
    for name in TIMES.into_iter().filter(|_| makes_times(source)) {
        if let Some(time) = fields.get(name).and_then(time_of) {
            fields.insert(name.into(), Value::Timestamp(time));
        }
    }
    if source.kind == "docker_logs" {
        if !is_json(line) {
            // Whatever compose starts has labels.
            fields.insert("label".into(), Value::Object(ObjectMap::new()));
        }
        complete(&mut fields, now);
        if !reads(source, &fields) {
            return Ok(None);
        }
    }
    let received = fields.get("timestamp").and_then(|time| match time {
        Value::Timestamp(time) => Some(*time),
        text => time_of(text),
    });
    let received = received.as_ref().map(DateTime::timestamp_micros);
    let mut event = LogEvent::new(Value::Object(fields), number);
    event.received = received.unwrap_or(now);
    Ok(Some(event))
}

/// Whether a line is an event as a source makes it; else it is one that `docker compose logs` prints.
pub(crate) fn is_json(line: &str) -> bool {
    line.trim_start().starts_with('{')
}

/// What is not executed of a source, where something is not.
pub(crate) fn note(source: &Component) -> Option<String> {
    if source.kind != "docker_logs" {
        return None;
    }
    let set: Vec<_> =
        NOT_EXECUTED.into_iter().filter(|name| source.options.contains_key(*name)).collect();
    let verb = if set.len() == 1 { "is" } else { "are" };
    (!set.is_empty()).then(|| {
        format!("`{}` {verb} not executed: given lines are taken as they are", set.join("`, `"))
    })
}

/// Whether a source makes timestamps of times. Where it decodes JSON, the text stays what it is.
fn makes_times(source: &Component) -> bool {
    let codec = source.options.get("decoding").and_then(|decoding| decoding.get("codec"));
    // As `http_server` was told it before it had `decoding`.
    let encoding = source.options.get("encoding").filter(|_| source.kind.starts_with("http"));
    let codec = codec.or(encoding).and_then(Json::as_str);
    !codec.is_some_and(|codec| PLAIN_CODECS.contains(&codec) || codec == "ndjson")
}

fn of_json(line: &str) -> Result<ObjectMap, NotAnInput> {
    let value: Value =
        serde_json::from_str(line).map_err(|error| NotAnInput::NotJson(error.to_string()))?;
    value.into_object().ok_or(NotAnInput::NotAnObject)
}

fn of_compose(line: &str) -> Result<ObjectMap, NotAnInput> {
    let found = COMPOSE_LINE.as_ref().and_then(|line_of| line_of.captures(line));
    let found = found.ok_or(NotAnInput::Unknown)?;
    let part = |name: &str| found.name(name).map(|part| Value::from(part.as_str()));
    let parts =
        [("container_name", part("name")), ("timestamp", part("time")), ("message", part("text"))];
    let parts = parts.into_iter().filter_map(|(name, part)| Some((name.into(), part?)));
    Ok(parts.collect())
}

fn time_of(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.to_str_lossy()?;
    DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc())
}

/// Adds what every line of a container has.
fn complete(fields: &mut ObjectMap, now: i64) {
    let now = DateTime::from_timestamp_micros(now).unwrap_or_default();
    for (name, value) in [
        ("container_created_at", Value::Timestamp(now)),
        ("container_id", Value::from("0".repeat(64))),
        ("container_name", Value::from("unnamed")),
        ("host", Value::from("localhost")),
        ("image", Value::from("image")),
        ("message", Value::from("")),
        ("source_type", Value::from("docker_logs")),
        ("stream", Value::from("stdout")),
        ("timestamp", Value::Timestamp(now)),
    ] {
        fields.entry(name.into()).or_insert(value);
    }
}

/// Whether a source reads a container, by the beginnings of names and ids that it is told.
fn reads(source: &Component, fields: &ObjectMap) -> bool {
    let text = |name: &str| fields.get(name).map(|value| value.to_string_lossy().into_owned());
    let (name, id) = (text("container_name"), text("container_id"));
    let listed = |option: &str| {
        let list = source.options.get(option).and_then(Json::as_array)?;
        Some(list.iter().filter_map(Json::as_str).any(|prefix| {
            [&name, &id].into_iter().flatten().any(|known| known.starts_with(prefix))
        }))
    };
    listed("include_containers").unwrap_or(true) && !listed("exclude_containers").unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::configuration::Role;

    const NOW: i64 = 1_795_176_000_000_000;

    fn source(kind: &str, options: Json) -> Component {
        let Json::Object(options) = options else { panic!("a table") };
        let id = "in".to_owned();
        Component { id, role: Role::Source, kind: kind.to_owned(), inputs: Vec::new(), options }
    }

    fn read(line: &str, options: Json) -> Option<Value> {
        event(line, 1, &source("docker_logs", options), NOW).unwrap().map(|event| event.value)
    }

    fn field(event: &Value, name: &str) -> String {
        event.as_object().unwrap()[name].to_string_lossy().into_owned()
    }

    #[test]
    fn lines_of_both_forms_are_read() {
        for (line, name, message, time) in [
            (
                r#"{"container_name":"kong","message":"m","timestamp":"2026-11-20T13:00:00.5+01:00"}"#,
                "kong",
                "m",
                "2026-11-20T12:00:00.500Z",
            ),
            ("kong  | GET | 200", "kong", "GET | 200", "2026-11-20T12:00:00Z"),
            (
                "kong | 2026-11-20T12:00:00.123456789Z x",
                "kong",
                "x",
                "2026-11-20T12:00:00.123456789Z",
            ),
            ("a.b-c_1 |", "a.b-c_1", "", "2026-11-20T12:00:00Z"),
            ("kong  |   at x \t\r\n", "kong", "  at x \t", "2026-11-20T12:00:00Z"),
        ] {
            let event = read(line, json!({})).unwrap();
            assert_eq!(field(&event, "container_name"), name, "{line}");
            assert_eq!(field(&event, "message"), message, "{line}");
            assert_eq!(field(&event, "timestamp"), time, "{line}");
            assert!(event.as_object().unwrap()["container_created_at"].is_timestamp());
            assert_eq!(field(&event, "source_type"), "docker_logs");
        }
    }

    #[test]
    fn events_of_other_sources_are_as_they_are() {
        let event = event(r#"{"a": [1, null]}"#, 3, &source("stdin", json!({})), NOW);
        assert_eq!(event.unwrap().unwrap().value, vrl::value!({"a": [1, null]}));
    }

    #[test]
    fn times_are_text_where_a_source_decodes_json() {
        const LINE: &str = r#"{"timestamp": "2026-11-20T12:00:00Z"}"#;
        for (kind, options, is_time) in [
            ("docker_logs", json!({}), true),
            ("syslog", json!({}), true),
            ("vector", json!({}), true),
            ("file", json!({}), true),
            ("stdin", json!({}), true),
            ("stdin", json!({"decoding": {"codec": "syslog"}}), true),
            ("stdin", json!({"decoding": {"codec": "json"}}), false),
            ("http_server", json!({"decoding": {"codec": "json"}}), false),
            ("http_server", json!({"encoding": "ndjson"}), false),
            ("kafka", json!({"decoding": {"codec": "vrl", "vrl": {"source": "."}}}), false),
        ] {
            let event = event(LINE, 1, &source(kind, options.clone()), 0).unwrap().unwrap();
            let time = &event.value.as_object().unwrap()["timestamp"];
            assert_eq!(time.is_timestamp(), is_time, "{kind} {options}");
            assert_eq!(event.received, NOW, "{kind}");
        }
    }

    #[test]
    fn lines_of_containers_have_what_docker_gives_them() {
        let labels = |line: &str| {
            let event = read(line, json!({})).unwrap();
            event.as_object().unwrap().get("label").cloned()
        };
        assert_eq!(labels("kong | x"), Some(Value::Object(ObjectMap::new())));
        // A container may have none.
        assert_eq!(labels(r#"{"message": "x"}"#), None);
        assert_eq!(field(&read("kong | x", json!({})).unwrap(), "host"), "localhost");
        let told = r#"{"message": "x", "host": "h", "label": {"a.b": "c"}}"#;
        assert_eq!(field(&read(told, json!({})).unwrap(), "host"), "h");
    }

    #[test]
    fn options_that_are_not_executed_are_named() {
        let said = |options| note(&source("docker_logs", options));
        assert_eq!(said(json!({"exclude_containers": ["x"]})), None);
        let text = said(json!({"multiline": {}, "include_labels": ["x"]})).unwrap();
        assert_eq!(
            text,
            "`include_labels`, `multiline` are not executed: given lines are taken as they are"
        );
        assert!(
            said(json!({"include_images": ["x"]})).unwrap().contains("`include_images` is not")
        );
        assert_eq!(note(&source("stdin", json!({"multiline": {}}))), None);
    }

    #[test]
    fn containers_are_chosen_by_the_beginning_of_their_name() {
        let line = "supabase-vector | x";
        for (options, expected) in [
            (json!({}), true),
            (json!({"exclude_containers": ["supabase-vector"]}), false),
            (json!({"exclude_containers": ["supabase-"]}), false),
            (json!({"exclude_containers": ["other"]}), true),
            (json!({"include_containers": ["supabase-kong"]}), false),
            (json!({"include_containers": ["supabase"]}), true),
        ] {
            assert_eq!(read(line, options.clone()).is_some(), expected, "{options}");
        }
        assert_eq!(read("   ", json!({})), None);
    }

    #[test]
    fn other_lines_are_refused() {
        let refused = |line: &str| event(line, 1, &source("stdin", json!({})), NOW).unwrap_err();
        assert!(matches!(refused("{\"a\": "), NotAnInput::NotJson(_)));
        assert_eq!(refused("just text"), NotAnInput::Unknown);
        assert_eq!(refused("[1]"), NotAnInput::Unknown);
    }
}
