use serde_json::Value as Json;
use vrl::path::parse_value_path;

use super::*;

fn configuration(yaml: &str) -> Configuration {
    let root: serde_json::Map<String, Json> =
        crate::document::parse(yaml, crate::document::Format::Yaml).unwrap();
    let mut configuration = Configuration::default();
    for (table, role) in
        [("sources", Role::Source), ("transforms", Role::Transform), ("sinks", Role::Sink)]
    {
        for (id, options) in root.get(table).and_then(Json::as_object).into_iter().flatten() {
            let Json::Object(mut options) = options.clone() else { panic!("{id} is no table") };
            let kind = options.remove("type").unwrap().as_str().unwrap().to_owned();
            let inputs = options.remove("inputs").unwrap_or_default();
            let inputs = inputs.as_array().into_iter().flatten();
            configuration.components.push(Component {
                id: id.clone(),
                role,
                kind,
                inputs: inputs.map(|input| input.as_str().unwrap().to_owned()).collect(),
                options,
            });
        }
    }
    configuration
}

fn errors(yaml: &str) -> Vec<String> {
    let faults = Topology::new(&configuration(yaml)).unwrap_err();
    faults.into_iter().map(|fault| fault.fault.text).collect()
}

/// Who feeds whom: `from>to`.
fn connections(topology: &Topology) -> Vec<String> {
    let mut all = Vec::new();
    for output in topology.nodes.iter().flat_map(|node| &node.outputs) {
        for consumer in &output.consumers {
            all.push(format!("{}>{}", output.name, topology.nodes[*consumer].component.id));
        }
    }
    all.sort();
    all
}

const ROUTED: &str = "
sources: {in: {type: docker_logs}}
transforms:
  r: {type: route, inputs: [in], route: {a: 'true', b: 'false'}}
  t: {type: remap, inputs: [r.a], source: '.x = 1', drop_on_abort: true, reroute_dropped: true}
sinks:
  one: {type: blackhole, inputs: ['r.*']}
  two: {type: blackhole, inputs: [t, t.dropped]}
";

#[test]
fn inputs_name_outputs_or_are_patterns_of_them() {
    let topology = Topology::new(&configuration(ROUTED)).unwrap();
    assert_eq!(
        connections(&topology),
        ["in>r", "r._unmatched>one", "r.a>one", "r.a>t", "r.b>one", "t.dropped>two", "t>two"]
    );
}

#[test]
fn what_cannot_be_connected_is_said_as_vector_says_it() {
    const IN: &str = "sources: {in: {type: stdin}}\n";
    for (text, expected) in [
        (
            "sinks: {out: {type: blackhole, inputs: [on]}}",
            "Input \"on\" for sink \"out\" doesn't match any components.",
        ),
        ("sinks: {out: {type: blackhole}}", "Sink \"out\" has no inputs"),
        (
            "transforms: {m: {type: log_to_metric, inputs: [in]}}\n\
             sinks: {out: {type: loki, inputs: [m]}}",
            "Data type mismatch between m (Metric) and out (Log)",
        ),
        (
            "sinks: {out: {type: blackhole, inputs: [in, in]}}",
            "Sink \"out\" has input \"in\" duplicated 2 times",
        ),
        (
            "transforms: {r: {type: route, inputs: [in], route: {a: 'true'}}}\n\
          sinks: {out: {type: blackhole, inputs: [r]}}",
            "Input \"r\" for sink \"out\" doesn't match any components.",
        ),
        (
            "transforms:\n  a: {type: remap, inputs: [b, in], source: '.'}\n  \
          b: {type: remap, inputs: [a], source: '.'}\n\
          sinks: {out: {type: blackhole, inputs: [b]}}",
            "Cyclic dependency detected in the chain [ a -> b -> a ]",
        ),
        (
            "transforms:\n  a: {type: remap, inputs: [in, d], source: '.'}\n  \
          b: {type: remap, inputs: [a], source: '.'}\n  \
          c: {type: remap, inputs: [d], source: '.'}\n  \
          d: {type: remap, inputs: [b], source: '.'}\n\
          sinks: {out: {type: blackhole, inputs: [c]}}",
            "Cyclic dependency detected in the chain [ a -> b -> d -> a ]",
        ),
    ] {
        let said = errors(&format!("{IN}{text}"));
        assert!(said.contains(&expected.to_owned()), "{expected}: {said:?}");
    }
    let mut relaxed =
        configuration(&format!("{IN}sinks: {{out: {{type: blackhole, inputs: [x]}}}}"));
    relaxed.relaxed_inputs = true;
    assert!(Topology::new(&relaxed).is_ok());
}

#[test]
fn all_faults_are_told_with_their_components() {
    let faults = Topology::new(&configuration(
        "sources: {in: {type: stdin}}\n\
         transforms:\n  a: {type: remap, inputs: [in], source: '.a = '}\n  \
         b: {type: remap, inputs: [in]}\n\
         sinks: {out: {type: http, inputs: [a, b], uri: 'http://h/api/logs'}}",
    ))
    .unwrap_err();
    let components: Vec<_> = faults.iter().map(|fault| fault.component.as_deref()).collect();
    assert_eq!(components, [Some("a"), Some("b"), Some("out")]);
}

#[test]
fn what_is_known_of_events_reaches_the_sinks() {
    let topology = Topology::new(&configuration(
        "sources: {in: {type: docker_logs}}\n\
         transforms:\n  a: {type: remap, inputs: [in], source: '.n = 1'}\n  \
         b: {type: remap, inputs: [a], source: 'if exists(.host) { .m.x = true } else { .m.x = 1 }'}\n\
         sinks: {out: {type: blackhole, inputs: [b]}}",
    ))
    .unwrap();
    let known = &topology.nodes[topology.place_of("out").unwrap()].known[0].1;
    let at = |path: &str| known.at_path(&parse_value_path(path).unwrap());
    assert!(at("n").is_integer(), "{known:?}");
    assert!(at("timestamp").is_timestamp());
    assert!(at("m.x").contains_boolean() && at("m.x").contains_integer());
    assert!(!at("m.x").contains_bytes());
    assert!(at("other").is_any());
}
