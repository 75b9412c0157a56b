use serde_json::json;
use vrl::{value, value::Value};

use super::*;
use crate::configuration::Role;

fn component(kind: &str, options: Json) -> Component {
    let Json::Object(options) = options else { panic!("a table") };
    Component {
        id: "it".to_owned(),
        role: Role::Transform,
        kind: kind.to_owned(),
        inputs: Vec::new(),
        options,
    }
}

fn built(kind: &str, options: Json) -> BuiltStep {
    BuiltStep::new(&component(kind, options), &any_object(), None).unwrap()
}

/// Runs an event through: the names of outputs and the events, and what happened besides.
fn run(kind: &str, options: Json, event: Value) -> (Vec<(String, Value)>, Option<Incident>) {
    let built = built(kind, options);
    let mut out = Vec::new();
    let incident = built.step.run(LogEvent::new(event, 1), &mut |place, event| {
        out.push((built.outputs[place].clone(), event.value));
    });
    (out, incident)
}

fn faults(kind: &str, options: Json) -> Vec<String> {
    let faults = BuiltStep::new(&component(kind, options), &any_object(), None).unwrap_err();
    faults.into_iter().map(|fault| fault.text).collect()
}

#[test]
fn an_event_that_a_program_fails_on_goes_on_unchanged() {
    let event = || value!({"a": 1});
    let source = ".b = true\n.c = upcase!(.a)";
    let (out, incident) = run("remap", json!({"source": source}), event());
    assert_eq!(out, [(String::new(), event())]);
    assert!(matches!(incident, Some(Incident::Failed(_))), "{incident:?}");

    let options = json!({"source": source, "drop_on_error": true});
    assert!(run("remap", options, event()).0.is_empty());

    let options = json!({"source": source, "drop_on_error": true, "reroute_dropped": true});
    let (out, incident) = run("remap", options, event());
    assert_eq!(incident, Some(Incident::Dropped), "it is meant so");
    let [(output, dropped)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(output, ".dropped");
    let path = crate::program::path_of("metadata.dropped.reason").unwrap();
    assert_eq!(dropped.get(&path), Some(&value!("error")));
    let path = crate::program::path_of("metadata.dropped.component_id").unwrap();
    assert_eq!(dropped.get(&path), Some(&value!("it")));
}

#[test]
fn an_aborted_event_is_dropped_unless_it_is_kept() {
    let event = || value!({"a": 1});
    let source = ".b = true\nabort";
    let (out, incident) = run("remap", json!({"source": source}), event());
    assert!(out.is_empty());
    assert_eq!(incident, Some(Incident::Dropped));
    let options = json!({"source": source, "drop_on_abort": false});
    assert_eq!(run("remap", options, event()), (vec![(String::new(), event())], None));
}

#[test]
fn a_list_at_the_root_becomes_events() {
    let options = json!({"source": ". = [{\"a\": 1}, \"text\"]"});
    let (out, _) = run("remap", options, value!({}));
    let events: Vec<_> = out.into_iter().map(|(_, event)| event).collect();
    assert_eq!(events, [value!({"a": 1}), value!({"message": "text"})]);
}

#[test]
fn a_route_copies_to_every_condition_that_holds() {
    let options = json!({"route": {"a": "(int(.n) ?? 0) > 0", "b": {"type": "vrl", "source": "(int(.n) ?? 0) > 1"},
        "fails": "starts_with(string!(.n), \"2\")"}});
    let names = |n: i64| {
        let (out, _) = run("route", options.clone(), value!({"n": n}));
        out.into_iter().map(|(output, _)| output).collect::<Vec<_>>().join(" ")
    };
    assert_eq!([names(2), names(1), names(0)], [".a .b", ".a", "._unmatched"]);
}

#[test]
fn a_route_may_have_no_output_for_the_rest() {
    let built =
        built("route", json!({"route": {"a": "(int(.n) ?? 0) > 0"}, "reroute_unmatched": false}));
    assert_eq!(built.outputs, [".a"]);
}

#[test]
fn an_exclusive_route_takes_the_first() {
    let options = json!({"routes": [
        {"name": "b", "condition": "(int(.n) ?? 0) > 1"}, {"name": "a", "condition": "(int(.n) ?? 0) > 0"}]});
    let names = |n: i64| {
        let (out, _) = run("exclusive_route", options.clone(), value!({"n": n}));
        out.into_iter().map(|(output, _)| output).collect::<Vec<_>>().join(" ")
    };
    assert_eq!([names(2), names(1), names(0)], [".b", ".a", "._unmatched"]);
}

#[test]
fn a_filter_lets_through_what_its_condition_holds_for() {
    let options = json!({"condition": "exists(.a)"});
    assert_eq!(run("filter", options.clone(), value!({"a": 1})).0.len(), 1);
    assert_eq!(run("filter", options, value!({})), (vec![], Some(Incident::Dropped)));
    assert_eq!(run("filter", json!({"condition": {"type": "is_log"}}), value!({})).0.len(), 1);
    assert!(run("filter", json!({"condition": {"type": "is_metric"}}), value!({})).0.is_empty());
}

#[test]
fn what_is_not_executed_is_said() {
    let sampled = built("sample", json!({"rate": 10}));
    assert!(matches!(sampled.step, Step::PassThrough) && sampled.note.is_some());
    for (kind, options) in [
        ("reduce", json!({})),
        ("lua", json!({})),
        ("filter", json!({"condition": {"type": "datadog_search", "source": "*"}})),
        ("remap", json!({"source": ".k = get_secret(\"k\")"})),
    ] {
        let stopped = built(kind, options);
        assert!(matches!(stopped.step, Step::Stop), "{kind}");
        assert!(stopped.note.unwrap().contains("not executed"), "{kind}");
    }
}

#[test]
fn what_vector_refuses_is_refused() {
    for (kind, options, expected) in [
        ("remap", json!({}), "must provide exactly one of"),
        ("remap", json!({"source": ".", "files": ["x"]}), "must provide exactly one of"),
        ("remap", json!({"file": "none.vrl"}), "Could not open vrl program"),
        ("remap", json!({"source": ".", "drop_on_eror": true}), "unknown field `drop_on_eror`"),
        ("remap", json!({"source": ".", "timezone": "Nowhere"}), "`Nowhere` is no time zone"),
        ("remap", json!({"source": ".a = parse_json(.b)"}), "unhandled fallible assignment"),
        ("route", json!({"route": {"a": ".b"}}), "VRL conditions must return a boolean."),
        ("route", json!({"route": {"_unmatched": "true"}}), "cannot have a route with name"),
        (
            "exclusive_route",
            json!({"routes": [{"name": "a", "condition": "true"}, {"name": "a", "condition": "false"}]}),
            "found several routes with name",
        ),
        ("filter", json!({}), "missing field `condition`"),
        ("filter", json!({"condition": {"type": "x", "source": ""}}), "unknown variant `x`"),
    ] {
        let said = faults(kind, options.clone());
        assert!(said[0].contains(expected), "{kind} {options}: {said:?}");
    }
}

#[test]
fn a_time_zone_counts() {
    let source = ".t = to_unix_timestamp(parse_timestamp!(.t, \"%Y-%m-%d %H:%M\"))";
    let time = |options: Json| {
        let (out, _) = run("remap", options, value!({"t": "2026-11-20 12:00"}));
        out[0].1.clone()
    };
    assert_eq!(time(json!({"source": source})), value!({"t": 1_795_176_000}));
    let berlin = json!({"source": source, "timezone": "Europe/Berlin"});
    assert_eq!(time(berlin), value!({"t": 1_795_172_400}));
}

#[test]
fn a_condition_that_takes_too_long_is_no_answer() {
    let slow = "x = range!(0, 2000)\nfor_each(x) -> |_a, _b| { for_each(x) -> |_c, _d| { \
                for_each(x) -> |_e, _f| { y = 1 } } }\n.a == 1";
    for (kind, options) in [
        ("filter", json!({"condition": slow})),
        ("route", json!({"route": {"b": slow}})),
        ("exclusive_route", json!({"routes": [{"name": "b", "condition": slow}]})),
    ] {
        let ran = run(kind, options, value!({"a": 1}));
        assert_eq!(ran, (Vec::new(), Some(Incident::TookTooLong)), "{kind}");
    }
}
