use vrl::value;

use super::*;
use crate::configuration::{Component, Configuration, Role};

const NOW: i64 = 1_795_176_000_000_000;

fn event(text: &str) -> Event<'_> {
    Event::normalise(parse(text).unwrap(), NO_TIME).unwrap()
}

#[test]
fn nulls_count_where_studio_or_the_program_needs_the_field() {
    let sent = r#"{"metadata":{"request":{"method":null,"protocol":null,"x":null},"y":[]}}"#;
    let sent = parse(sent).unwrap();
    let said = |made: &'static str| {
        let faults = nulls("cloudflare.logs.prod", &sent, |field| field == made);
        faults.into_iter().map(|(_, path, text)| format!("{path}: {text}")).collect::<Vec<_>>()
    };
    let method = "metadata.request.method: expected a string, this is null";
    assert_eq!(said(""), [method]);
    assert_eq!(
        said("metadata.request.protocol"),
        [method, "metadata.request.protocol: expected a string, this is null"]
    );
}

#[test]
fn nulls_in_a_list_of_objects_count_too() {
    let sent = r#"{"metadata":[{"request":{"method":null}},{"request":[{"method":null,"path":null}]},
        {"context":[{"pid":null},1]}]}"#;
    let sent = parse(sent).unwrap();
    let said = |source: &str, made: &'static str| {
        let faults = nulls(source, &sent, |field| field == made);
        faults.into_iter().map(|(_, path, _)| path).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(said("cloudflare.logs.prod", ""), "metadata.request.method metadata.request.path");
    let pid = "metadata[2].context[0].pid";
    assert_eq!(said("storage.logs.prod.2", pid), "metadata.context[].pid");
    assert_eq!(said("my.own", pid), pid);
}

#[test]
fn times_are_judged() {
    for (text, expected) in [
        (r#"{"timestamp":"2026-11-20T12:00:00Z"}"#, None),
        (r#"{"timestamp":"2026-11-20T12:59:59Z"}"#, None),
        (r#"{"timestamp":"2026-11-20T14:00:00Z"}"#, Some("ahead")),
        (r#"{"timestamp":"yesterday"}"#, Some("cannot be read")),
        (r#"{"timestamp":null}"#, None),
        (r#"{"metadata":{"timestamp":"yesterday"}}"#, None),
    ] {
        let fault = times(&event(text), text, NOW);
        match expected {
            None => assert_eq!(fault, None, "{text}"),
            Some(part) => assert!(fault.unwrap().2.contains(part), "{text}"),
        }
    }
}

#[test]
fn rows_need_a_message_and_a_project() {
    let said = |source: &str, text: &str| {
        let faults = missing(source, &event(text), &[]);
        faults.into_iter().map(|(_, path, _)| path).collect::<Vec<_>>().join(" ")
    };
    let whole = r#"{"event_message":"m","project":"default"}"#;
    assert_eq!(said("postgres.logs", whole), "");
    assert_eq!(said("postgres.logs", r#"{"project":""}"#), "event_message project");
    assert_eq!(said("storage.logs.prod.2", whole), "metadata.project");
    let inside = r#"{"message":"m","metadata":[{"project":"default"}]}"#;
    assert_eq!(said("storage.logs.prod.2", inside), "");
    assert_eq!(said("my.own", "{}"), "");
}

#[test]
fn places_in_lists_are_left_out() {
    assert_eq!(without_places("a.b[12].c[0]"), "a.b[].c[]");
}

const SINK: &str = "http://analytics:4000/api/logs?source_name=storage.logs.prod.2";

/// A source, and a sink with this address and these headers, given these events.
fn judged_with(uri: &str, headers: serde_json::Value, events: &[Value]) -> (Checks, Topology) {
    let table = |options: serde_json::Value| options.as_object().unwrap().clone();
    let component = |id: &str, role, kind: &str, inputs: &[&str], options| Component {
        id: id.to_owned(),
        role,
        kind: kind.to_owned(),
        inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
        options: table(options),
    };
    let sink = serde_json::json!({
        "uri": uri, "encoding": {"codec": "json"}, "request": {"headers": headers},
    });
    let components = vec![
        component("in", Role::Source, "docker_logs", &[], serde_json::json!({})),
        component("out", Role::Sink, "http", &["in"], sink),
    ];
    let configuration = Configuration { components, ..Configuration::default() };
    let topology = Topology::new(&configuration).unwrap();
    let mut checks = Checks::new(&["my.own".to_owned()], &[]);
    for (place, event) in events.iter().enumerate() {
        let mut event = LogEvent::new(event.clone(), place as u64 + 1);
        event.received = NOW;
        checks.event(&topology, 1, event);
    }
    (checks, topology)
}

/// What is found of one event: `rule field`.
fn judged(uri: &str, headers: serde_json::Value, event: Value) -> Vec<String> {
    let (checks, topology) = judged_with(uri, headers, &[event]);
    let found = checks.findings(&topology).into_iter().map(|(_, finding, _)| {
        format!("{} {}", finding.rule, finding.field.unwrap_or_default()).trim().to_owned()
    });
    found.collect()
}

/// An event of the storage that nothing is wrong with.
fn good() -> Value {
    value!({
        "event_message": "m", "timestamp": "2026-11-20T12:00:00Z",
        "metadata": {"project": "default", "level": "info"}
    })
}

#[test]
fn each_rule_of_events_finds_its_fault() {
    let none = serde_json::json!({});
    assert_eq!(judged(SINK, none.clone(), good()), Vec::<String>::new());
    for (field, value, expected) in [
        ("metadata.req", value!(true), "schema metadata.req"),
        ("metadata.responseTime", value!("soon"), "schema metadata.responseTime"),
        ("event_message", value!(null), "null-field event_message"),
        ("event_message", value!(""), "missing-field event_message"),
        ("metadata.project", value!(""), "missing-field metadata.project"),
        ("timestamp", value!("yesterday"), "time timestamp"),
        ("timestamp", value!("2026-11-20T14:00:00Z"), "time timestamp"),
    ] {
        let mut event = good();
        event.insert(&path_of(field).unwrap(), value);
        assert_eq!(judged(SINK, none.clone(), event), [expected], "{field}");
    }
    let mut event = good();
    event.remove(&path_of("event_message").unwrap(), true);
    assert_eq!(judged(SINK, none, event), ["missing-field event_message"]);
}

#[test]
fn an_event_must_name_a_source_that_there_is() {
    let none = || serde_json::json!({});
    let by_header = || serde_json::json!({"x-source": "{{ to }}"});
    let (path, header) = ("http://a/api/logs/{{ to }}", "http://a/api/logs");
    let token = "0d4fcd3b-6d70-4d9c-8c5d-8a7f2b8a1a11";
    for (to, expected) in [
        ("storage.logs.prod.2", &[][..]),
        ("my.own", &[]),
        ("storage.logs", &["unknown-source"]),
        ("", &["unnamed-source"]),
        (token, &["not-executed"]),
    ] {
        let mut event = good();
        event.insert(&path_of("to").unwrap(), Value::from(to));
        assert_eq!(judged(path, none(), event.clone()), expected, "{to}");
        assert_eq!(judged(header, by_header(), event), expected, "{to}");
    }
    assert_eq!(judged(path, none(), good()), ["unnamed-source"], "a field is missing");
    let unknown = value!({"to": "storage.logs"});
    let (checks, topology) = judged_with(path, none(), &[unknown.clone(), unknown]);
    let (_, finding, _) = checks.findings(&topology).remove(0);
    assert!(finding.text.contains("is `storage.logs.prod.2` meant?"), "{}", finding.text);
    assert_eq!(finding.events, Some(Events { first: 1, count: 2 }));
    // Where no event makes a difference the lints say it.
    assert_eq!(judged(header, none(), good()), Vec::<String>::new());
}

#[test]
fn what_the_server_reshapes_is_not_judged() {
    let uri = "http://a/api/logs/vector?source_name=storage.logs.prod.2";
    assert_eq!(judged(uri, serde_json::json!({}), value!({"message": 1})), Vec::<String>::new());
    let (checks, _) = judged_with(uri, serde_json::json!({}), &[value!({"message": 1})]);
    assert_eq!(checks.checked[&(1, "storage.logs.prod.2".to_owned())].events, 1);
}
