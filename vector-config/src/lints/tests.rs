use std::collections::BTreeMap;

use crate::{
    ConfigPaths, Level,
    finding::Rule,
    validation::{Settings, Validation, VectorVersion},
};

/// A configuration in which a sink and a transform can be changed.
fn configuration(sink: &str, program: &str) -> String {
    format!(
        "sources: {{in: {{type: docker_logs}}}}\n\
         transforms:\n  made:\n    type: remap\n    inputs: [in]\n    source: |-\n{}\n\
         sinks:\n  out:\n    type: http\n    inputs: [made]\n{}\n",
        program.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n"),
        sink.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"),
    )
}

/// A sink that nothing is wrong with.
const SINK: &str = "\
encoding: {codec: json}
uri: http://analytics:4000/api/logs?source_name=postgres.logs
request: {headers: {x-api-key: key}}
buffer: {type: disk, max_size: 268435488, when_full: block}";

const PROGRAM: &str = ".project = \"default\"\n.event_message = del(.message)";

/// What is said, but for notes: `rule line`.
fn said_by(text: &str, vector: u32, known: &[&str]) -> Vec<(Rule, usize, String)> {
    said_where_repaired(&[], text, vector, known)
}

fn said_where_repaired(
    repaired: &[&str],
    text: &str,
    vector: u32,
    known: &[&str],
) -> Vec<(Rule, usize, String)> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector.yml");
    std::fs::write(&path, text).unwrap();
    let report = Validation::load(Settings {
        paths: ConfigPaths { files: vec![(path.display().to_string(), None)], folders: vec![] },
        variables: BTreeMap::new(),
        interpolation: None,
        vector: VectorVersion { minor: vector },
        known_sources: owned(known),
        repaired_sources: owned(repaired),
        now: 0,
    })
    .finish();
    let findings = report.findings.iter().filter(|one| one.level() != Level::Note);
    findings
        .map(|one| (one.rule, one.place.as_ref().map_or(0, |place| place.line), one.said()))
        .collect()
}

fn said(sink: &str, program: &str) -> Vec<(Rule, usize, String)> {
    said_by(&configuration(sink, program), 58, &[])
}

/// Rule, what is changed to what, the line, a part of what is said. What it is changed from passes:
/// nothing is said of the whole as it stands.
type Case = (Rule, &'static str, &'static str, usize, &'static str);

const SINK_LINTS: [Case; 17] = [
    (
        Rule::UninterpolatedVariable,
        "x-api-key: key",
        "x-api-key: '${KEY?missing}'",
        15,
        "`${KEY?missing}`",
    ),
    (
        Rule::UninterpolatedVariable,
        "request: {headers: {x-api-key: key}}",
        "auth: {strategy: bearer, token: $KEY}",
        15,
        "`$KEY`",
    ),
    (Rule::MissingKey, "request: {headers: {x-api-key: key}}", "method: post", 14, "no key"),
    (Rule::TemplatedQuery, "postgres.logs", "{{ source }}", 14, "in the query"),
    (
        Rule::UnknownSource,
        "source_name=postgres.logs",
        "source_name=edge_logs",
        14,
        "`cloudflare.logs.prod`",
    ),
    (Rule::UnknownSource, "source_name=postgres.logs", "source_name=my.own", 14, "--known-source"),
    (Rule::UnnamedSource, "?source_name=postgres.logs", "", 14, "names no source"),
    (Rule::Codec, "codec: json", "codec: logfmt", 13, "`logfmt`"),
    (Rule::Codec, "codec: json", "codec: text", 13, "`message`"),
    (
        Rule::Framing,
        "encoding:",
        "framing: {method: length_delimited}\nencoding:",
        13,
        "newline_delimited",
    ),
    (
        Rule::PayloadWrapper,
        "encoding:",
        "payload_prefix: '{\"logs\":'\npayload_suffix: '}'\nencoding:",
        13,
        "one event",
    ),
    (Rule::Delivery, "encoding:", "retry_strategy: {type: none}\nencoding:", 13, "first failure"),
    (Rule::Delivery, "encoding:", "retry_strategy: {type: all}\nencoding:", 13, "for ever"),
    (
        Rule::Delivery,
        "encoding:",
        "retry_strategy: {type: custom, status_codes: [503]}\nencoding:",
        13,
        "429",
    ),
    (Rule::Delivery, "request: {", "request: {retry_attempts: 5, ", 15, "after 5 attempts"),
    (Rule::Delivery, "when_full: block", "when_full: drop_newest", 16, "full buffer"),
    (
        Rule::Buffer,
        "buffer: {type: disk, max_size: 268435488, when_full: block}",
        "compression: gzip",
        10,
        "in memory",
    ),
];

#[test]
fn a_sink_that_nothing_is_wrong_with_passes() {
    assert_eq!(said(SINK, PROGRAM), []);
}

#[test]
fn each_lint_of_a_sink_finds_its_fault() {
    for (rule, good, bad, line, part) in SINK_LINTS {
        assert!(SINK.contains(good), "{good}");
        let said = said(&SINK.replacen(good, bad, 1), PROGRAM);
        let [(found, at, text)] = &said[..] else { panic!("{rule} {bad}: {said:?}") };
        assert_eq!((*found, *at), (rule, line), "{bad}: {text}");
        assert!(text.contains(part), "{bad}: {text}");
    }
}

#[test]
fn what_is_as_good_passes() {
    for (good, other) in [
        ("codec: json", "codec: native"),
        ("codec: json", "codec: native_json"),
        ("encoding:", "framing: {method: newline_delimited}\nencoding:"),
        ("encoding:", "payload_prefix: '{\"batch\":'\npayload_suffix: '}'\nencoding:"),
        ("encoding:", "retry_strategy: {type: custom, status_codes: [429, 500, 503]}\nencoding:"),
        ("?source_name=postgres.logs", "/postgres.logs"),
        ("?source_name=postgres.logs", "/{{ source }}"),
        ("request: {headers: {x-api-key: key}}", "auth: {strategy: bearer, token: key}"),
        ("?source_name=postgres.logs", "?source=0d4fcd3b-6d70-4d9c-8c5d-8a7f2b8a1a11"),
    ] {
        let said: Vec<_> = said(&SINK.replacen(good, other, 1), PROGRAM);
        assert_eq!(said, [], "{other}");
    }
}

#[test]
fn versions_of_vector_differ() {
    let templated = configuration(&SINK.replacen("postgres.logs", "{{ source }}", 1), PROGRAM);
    assert_eq!(said_by(&templated, 56, &[]), []);
    let allowed = format!("{SINK}\ndangerously_allow_unconfined_template_resolution: true");
    let allowed = allowed.replacen("postgres.logs", "{{ source }}", 1);
    assert_eq!(said(&allowed, PROGRAM), []);
    let variable = configuration(&SINK.replacen("x-api-key: key", "x-api-key: $KEY", 1), PROGRAM);
    let found = said_by(&variable, 53, &[]);
    assert_eq!(found[0].0, Rule::Configuration, "{found:?}");
    assert!(found[0].2.contains("Missing environment variable"), "{found:?}");
    let own = configuration(&SINK.replacen("postgres.logs", "my.own", 1), PROGRAM);
    assert_eq!(said_by(&own, 58, &["my.own"]), []);
}

#[test]
fn each_lint_of_a_program_finds_its_fault() {
    for (rule, program, line, part) in [
        (Rule::VrlError, ".project = \"p\"\n.a = parse_json(.message)", 8, "error[E103]"),
        (Rule::VrlError, ".a = nonsense(1)", 7, "error[E105]"),
        (Rule::RemovedFunction, ".timestamp = to_timestamp!(.timestamp)", 7, "parse_timestamp!"),
        (Rule::VrlWarning, "upcase(\"x\")\n.project = \"p\"", 7, "warning[W900]"),
        (Rule::FieldType, ".metadata.parsed.process_id = true", 7, "metadata.parsed.process_id: "),
        (Rule::FieldType, ".metadata.parsed = \"text\"", 7, "metadata.parsed: "),
        (Rule::FieldType, ".metadata.parsed.error_severity = null", 7, "nothing but null"),
    ] {
        let said = said(SINK, program);
        let [(found, at, text)] = &said[..] else { panic!("{rule} {program}: {said:?}") };
        assert_eq!((*found, *at), (rule, line), "{program}: {text}");
        assert!(text.contains(part), "{program}: {text}");
    }
    for program in [
        ".a = parse_json(.message) ?? {}",
        ".timestamp = parse_timestamp!(.timestamp, \"%s\")",
        ".metadata.parsed.process_id = \"12\"",
        ".metadata.parsed = [{\"error_severity\": \"LOG\"}]",
        "if exists(.x) { .metadata.parsed.process_id = true }",
    ] {
        assert_eq!(said(SINK, program), [], "{program}");
    }
}

#[test]
fn what_the_server_fills_may_be_null() {
    for (field, filled) in [("process_id", true), ("error_severity", true), ("detail", false)] {
        let text = configuration(SINK, &format!(".metadata.parsed.{field} = null"));
        let said = |repaired: &[&str]| said_where_repaired(repaired, &text, 58, &[]).len();
        let without = said(&[]);
        assert_eq!(said(&["postgres.logs"]), if filled { 0 } else { without }, "{field}");
        assert_eq!(said(&["cloudflare.logs.prod"]), without, "{field}");
    }
    let wrong = configuration(SINK, ".metadata.parsed.process_id = true");
    assert_eq!(said_where_repaired(&["postgres.logs"], &wrong, 58, &[]).len(), 1);
}

#[test]
fn what_is_not_executed_and_what_goes_nowhere_is_noted() {
    let text = configuration(SINK, PROGRAM)
        .replace("sinks:", "  less: {type: sample, inputs: [in], rate: 10}\nsinks:");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector.yml");
    std::fs::write(&path, text).unwrap();
    let report = Validation::load(Settings {
        paths: ConfigPaths { files: vec![(path.display().to_string(), None)], folders: vec![] },
        variables: BTreeMap::new(),
        interpolation: None,
        vector: VectorVersion::NEWEST,
        known_sources: Vec::new(),
        repaired_sources: Vec::new(),
        now: 0,
    })
    .finish();
    let said: Vec<_> = report.findings.iter().map(|one| (one.rule, one.text.clone())).collect();
    assert_eq!(
        said,
        [
            (Rule::NotExecuted, "`sample` is not executed: all events go through it".to_owned()),
            (Rule::NoConsumer, "Transform \"less\" has no consumers".to_owned()),
        ]
    );
    assert_eq!(report.exit_code(), 0);
}
