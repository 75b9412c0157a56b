use std::collections::BTreeMap;

use crate::{
    ConfigPaths, Level, Report,
    finding::{Finding, Rule},
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
    let findings = reported(text, |settings| Settings {
        vector: VectorVersion { minor: vector },
        known_sources: owned(known),
        repaired_sources: owned(repaired),
        ..settings
    });
    findings
        .iter()
        .filter(|one| one.level() != Level::Note)
        .map(|one| (one.rule, one.place.as_ref().map_or(0, |place| place.line), one.said()))
        .collect()
}

/// All findings of a configuration, with settings that are changed.
fn reported(text: &str, changed: impl FnOnce(Settings) -> Settings) -> Vec<Finding> {
    report_of(text, changed).findings
}

fn report_of(text: &str, changed: impl FnOnce(Settings) -> Settings) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector.yml");
    std::fs::write(&path, text).unwrap();
    let settings = Settings {
        paths: ConfigPaths { files: vec![(path.display().to_string(), None)], folders: vec![] },
        variables: BTreeMap::new(),
        interpolation: None,
        vector: VectorVersion::NEWEST,
        known_sources: Vec::new(),
        repaired_sources: Vec::new(),
        now: 0,
    };
    Validation::load(changed(settings)).finish()
}

fn said(sink: &str, program: &str) -> Vec<(Rule, usize, String)> {
    said_by(&configuration(sink, program), 58, &[])
}

/// Rule, what is changed to what, the line, a part of what is said. What it is changed from passes:
/// nothing is said of the whole as it stands.
type Case = (Rule, &'static str, &'static str, usize, &'static str);

const SINK_LINTS: [Case; 31] = [
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
    (Rule::MissingKey, "x-api-key: key", "x-api-key: ''", 15, "key is empty"),
    (
        Rule::MissingKey,
        "request: {headers: {x-api-key: key}}",
        "auth: {strategy: basic, user: u, password: s3cret}",
        15,
        "does not read",
    ),
    (
        Rule::MissingKey,
        "request: {headers: {x-api-key: key}}",
        "auth: {strategy: custom, value: s3cret}",
        15,
        "does not read",
    ),
    (Rule::MissingKey, "x-api-key: key", "Authorization: s3cret", 15, "does not read"),
    (Rule::MissingKey, "x-api-key: key", "authorization: bearer s3cret", 15, "`Bearer `"),
    (
        Rule::UninterpolatedVariable,
        "x-api-key: key",
        "authorization: Bearer $KEY, x-api-key: key",
        15,
        "`$KEY`",
    ),
    (
        Rule::UninterpolatedVariable,
        "x-api-key: key",
        "x-api-key: '${KEY:-s3cret}'",
        15,
        "`${KEY:-…}`",
    ),
    (Rule::UninterpolatedVariable, "analytics:4000", "${HOST}:4000", 14, "the address"),
    (Rule::UninterpolatedVariable, "http://analytics", "$ADDRESS", 14, "`$ADDRESS`"),
    (Rule::Method, "encoding:", "method: put\nencoding:", 13, "405 to PUT"),
    (Rule::UnknownOption, "encoding:", "batch: {max_byte: 5}\nencoding:", 13, "`batch.max_byte`"),
    (Rule::UnknownOption, "request: {", "request: {timeout: 5, ", 15, "`request.timeout`"),
    (Rule::Delivery, "encoding:", "batch: {max_bytes: 33554433}\nencoding:", 13, "413"),
    (Rule::Configuration, ", max_size: 268435488", "", 10, "missing field `max_size`"),
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

/// Keys are in reports of no kind, also where something is said of them.
#[test]
fn keys_are_never_written() {
    for (_, good, bad, ..) in SINK_LINTS.iter().filter(|(.., bad, _, _)| bad.contains("s3cret")) {
        let said = said(&SINK.replacen(good, bad, 1), PROGRAM);
        assert!(said.iter().all(|(.., text)| !text.contains("s3cret")), "{bad}: {said:?}");
    }
}

#[test]
fn a_key_of_a_variable_may_have_a_dollar_in_it() {
    let said = |line: &str, key: &str, interpolation: Option<bool>, vector| {
        let text = configuration(&SINK.replacen("x-api-key: key", line, 1), PROGRAM);
        let variables = [("KEY".to_owned(), key.to_owned())].into();
        reported(&text, |settings| Settings {
            variables,
            interpolation,
            vector: VectorVersion { minor: vector },
            ..settings
        })
        .into_iter()
        .map(|one| one.said())
        .collect::<Vec<_>>()
        .join("\n")
    };
    for key in ["pa$word", "$word", "${WORD}", "$WORD"] {
        assert_eq!(said("x-api-key: \"$KEY\"", key, None, 53), "", "{key}");
    }
    let doubled = said("x-api-key: $$KEY", "s3cret", None, 53);
    assert!(doubled.contains("`$KEY`") && doubled.contains("doubled"), "{doubled}");
    let off = said("x-api-key: $KEY", "s3cret", Some(false), 53);
    assert!(off.contains("switched off"), "{off}");
    assert_eq!(said("x-api-key: $KEY", "s3cret", Some(true), 58), "");
}

#[test]
fn what_is_not_checked_is_noted() {
    for (good, other, part) in [
        ("?source_name=postgres.logs", "?source=0d4fcd3b-6d70-4d9c-8c5d-8a7f2b8a1a11", "token"),
        ("/api/logs?", "/api/logs/json?", "another shape"),
        ("/api/logs?", "/ingest?", "none of an analytics server"),
        ("codec: json", "codec: logfmt", "`logfmt` is not executed"),
    ] {
        let text = configuration(&SINK.replacen(good, other, 1), PROGRAM);
        let noted = reported(&text, |settings| settings);
        let noted: Vec<_> = noted.iter().filter(|one| one.rule == Rule::NotExecuted).collect();
        let [note] = noted[..] else { panic!("{other}: {noted:?}") };
        assert_eq!(note.component.as_deref(), Some("out"), "{other}");
        assert!(note.text.contains(part), "{other}: {}", note.text);
    }
    let text = configuration(SINK, PROGRAM);
    let text = text.replace("{type: docker_logs}", "{type: docker_logs, include_images: [x]}");
    let noted = reported(&text, |settings| settings);
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(noted[0].text.contains("`include_images` is not executed"), "{noted:?}");
}

#[test]
fn the_page_of_function_logs_needs_a_source_of_its_own() {
    let calls = SINK.replacen("postgres.logs", "deno-relay-logs", 1);
    let said = |text: &str| {
        let said = said_by(text, 58, &[]);
        said.into_iter().map(|(rule, ..)| rule).collect::<Vec<_>>()
    };
    let alone = configuration(&calls, PROGRAM);
    assert_eq!(said(&alone), [Rule::UnfedSource]);
    let other = |source: &str| {
        let sink = SINK.replacen("?source_name=postgres.logs", source, 1);
        let sink = sink.lines().map(|line| format!("    {line}\n")).collect::<String>();
        format!("{alone}  other:\n    type: http\n    inputs: [made]\n{sink}")
    };
    assert_eq!(said(&other("?source_name=deno-subhosting-events")), []);
    assert_eq!(said(&other("/{{ source }}")), [], "it may be any");
    assert_eq!(said(&other("?source_name=postgres.logs")), [Rule::UnfedSource]);
    assert_eq!(said(&configuration(SINK, PROGRAM)), []);
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
        ("encoding:", "method: post\nbatch: {max_bytes: 33554432}\nencoding:"),
        ("x-api-key: key", "Authorization: Bearer key"),
        // The server looks at the header that it does not read, and then at the key.
        ("x-api-key: key", "authorization: Basic x, x-api-key: key"),
        ("request: {headers: {x-api-key: key}}", "auth: {strategy: custom, value: Bearer key}"),
        ("x-api-key: key", "x-api-key: 'pa$word'"),
        ("x-api-key: key", "x-api-key: '$2a$10$N9qo8uLOickgx2ZMRZoMye'"),
        ("http://analytics:4000", "http://kong:8000/analytics/v1"),
        // Vector wraps no other bodies.
        (
            "encoding:",
            "framing: {method: newline_delimited}\npayload_prefix: '{\"logs\":'\npayload_suffix: '}'\n\
             encoding:",
        ),
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
    for (option, first) in [
        ("retry_strategy: {type: default}", 56),
        ("dangerously_allow_unconfined_template_resolution: false", 57),
    ] {
        let text = configuration(&format!("{SINK}\n{option}"), PROGRAM);
        assert_eq!(said_by(&text, first, &[]), [], "{option}");
        let older = said_by(&text, first - 1, &[]);
        let [(rule, line, said)] = &older[..] else { panic!("{option}: {older:?}") };
        assert_eq!((*rule, *line), (Rule::Configuration, 17), "{said}");
        assert!(said.contains(&format!("since 0.{first}")), "{said}");
    }
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
    let report = report_of(&text, |settings| settings);
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
