mod xsd;

use std::path::PathBuf;

use super::*;
use crate::{Events, Place};

/// A report with a finding of each level, and with texts that formats must quote.
fn report() -> Report {
    let place =
        |line, column| Some(Place { file: PathBuf::from("logs/my vector.yml"), line, column });
    let mut null = Finding::new(Rule::NullField, "expected a string, this is null")
        .of("logflare_kong")
        .at(place(48, 9));
    null.source = Some("cloudflare.logs.prod".to_owned());
    null.field = Some("metadata.request.method".to_owned());
    null.studio = Some("Logs page: list and filters; API report".to_owned());
    null.made_by = Some("kong_logs".to_owned());
    null.events = Some(Events { first: 1, count: 12 });
    let mut warning = Finding::new(Rule::VrlWarning, "warning[W900]: unused \"result\" <of> `a`")
        .of("auth_logs")
        .at(place(60, 1));
    warning.details = Some("\nwarning[W900]: unused\n  ┌─ :1:1\n".to_owned());
    let mut schema =
        Finding::new(Rule::Schema, "expected an integer, this is the string \"100%,\u{1}\"")
            .of("logflare_db");
    schema.events = Some(Events { first: 3, count: 1 });
    let note = Finding::new(Rule::NoConsumer, "Transform \"router._unmatched\" has no consumers");
    Report {
        findings: vec![null, schema, warning, note.of("router")],
        sinks: vec![
            sink("logflare_db", "postgres.logs", 2, 1),
            sink("logflare_kong", "cloudflare.logs.prod", 12, 12),
            sink("logflare_rest", "postgREST.logs.prod", 5, 0),
        ],
        transforms: vec![TransformSummary {
            id: "kong_logs".to_owned(),
            received: 13,
            sent: 12,
            dropped: 1,
            failed: 0,
        }],
        given: 20,
        unread: 1,
        unsent: 1,
        files: vec![PathBuf::from("logs/my vector.yml")],
        vector: VectorVersion { minor: 53 },
        samples: BTreeMap::new(),
    }
}

fn sink(sink: &str, source: &str, events: u64, faulty: u64) -> SinkSummary {
    let (sink, source) = (sink.to_owned(), source.to_owned());
    SinkSummary { sink, source, events, bytes: events * 300, faulty }
}

/// A report of a configuration that Vector refuses.
fn refused() -> Report {
    let place = Some(Place { file: PathBuf::from("v.yml"), line: 3, column: 12 });
    let mut error = Finding::new(Rule::VrlError, "error[E105]: call to undefined function");
    error.details = Some("\nerror[E105]: call to undefined function\n  ┌─ :1:6\n".to_owned());
    let inputs = "Input \"on\" for sink \"out\" doesn't match any components.";
    Report {
        findings: vec![Finding::new(Rule::Configuration, inputs), error.of("made").at(place)],
        sinks: Vec::new(),
        transforms: Vec::new(),
        given: 0,
        files: vec![PathBuf::from("v.yml")],
        ..report()
    }
}

const FORMATS: [(&str, ReportFormat); 5] = [
    ("text", ReportFormat::Text),
    ("json", ReportFormat::Json),
    ("junit", ReportFormat::Junit),
    ("sarif", ReportFormat::Sarif),
    ("github", ReportFormat::Github),
];

#[test]
fn every_format_is_as_it_was() {
    for (name, format) in FORMATS {
        insta::assert_snapshot!(name, report().written(format));
        insta::assert_snapshot!(format!("{name}_refused"), refused().written(format));
    }
}

#[test]
fn the_exit_code_is_that_of_the_worst() {
    let mut report = report();
    assert_eq!(report.exit_code(), 1);
    assert_eq!(refused().exit_code(), 78);
    report.allow(&[Rule::NullField, Rule::Schema]);
    assert_eq!(report.exit_code(), 1, "a warning");
    report.allow(&[Rule::VrlWarning]);
    assert_eq!((report.exit_code(), report.findings.len()), (0, 1));
    let mut refused = refused();
    refused.allow(&Rule::ALL);
    assert_eq!((refused.exit_code(), refused.findings.len()), (78, 2));
}

#[test]
fn sarif_is_what_its_schema_says() {
    let schema = include_str!("../../fixtures/sarif-schema-2.1.0.json");
    let mut schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    // The pattern of languages in it is no regular expression: a bracket is closed that is not open.
    for of in ["run", "toolComponent"] {
        let language = format!("/definitions/{of}/properties/language");
        let language = schema.pointer_mut(&language).unwrap();
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [report(), refused()] {
        let written = serde_json::from_str(&report.written(ReportFormat::Sarif)).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&written).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0"})));
}

#[test]
fn junit_is_what_its_schema_says() {
    let schema = include_str!("../../fixtures/junit.xsd");
    for report in [report(), refused()] {
        let text = report.written(ReportFormat::Junit);
        assert_eq!(xsd::faults(schema, &text), Vec::<String>::new(), "{text}");
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "testsuites");
        let count = |name: &str| {
            root.descendants().filter(|element| element.has_tag_name(name)).count().to_string()
        };
        for counted in [root, root.first_element_child().unwrap()] {
            assert_eq!(counted.attribute("tests"), Some(count("testcase").as_str()));
            assert_eq!(counted.attribute("failures"), Some(count("failure").as_str()));
            assert_eq!(counted.attribute("errors"), Some(count("error").as_str()));
        }
        // The schema refuses what is wrong.
        for (good, bad, expected) in [
            ("<testsuite name=\"logweir validate\"", "<testsuite", "testsuite lacks name"),
            ("<testcase classname", "<testcase class", "testcase has no attribute class"),
            ("testcase", "case", "there is no element case"),
            ("  <testsuite ", "text  <testsuite ", "testsuites may hold no text"),
            ("tests=\"", "tests=\"-", "is no xs:nonNegativeInteger"),
            ("</testsuite>", "<failure/></testsuite>", "testsuite may not hold"),
            ("<testsuites", "<testsuites x", "expected"),
        ] {
            let faults = xsd::faults(schema, &text.replace(good, bad));
            assert!(faults.iter().any(|one| one.contains(expected)), "{bad}: {faults:?}");
        }
    }
}

#[test]
fn the_version_of_vrl_is_the_one_that_is_built_in() {
    let lock = include_str!("../../../Cargo.lock");
    let (_, after) = lock.split_once("name = \"vrl\"\nversion = \"").unwrap();
    assert!(after.starts_with(&format!("{VRL}.")), "VRL must be the version in Cargo.lock");
}
