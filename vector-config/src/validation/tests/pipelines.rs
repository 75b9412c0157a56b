//! The stock pipeline and ours, on lines of all seven services.

use super::*;
use crate::{Level, Report, ReportFormat};

const LINES: &str = include_str!("../../../fixtures/docker-lines.txt");

/// A file of this crate, with the environment that Supabase gives to Vector.
fn report(file: &str, vector: u32, events: &str) -> Report {
    report_where_repaired(&[], file, vector, events)
}

fn report_where_repaired(repaired: &[&str], file: &str, vector: u32, events: &str) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut validation = Validation::load(Settings {
        paths: ConfigPaths { files: vec![(path.display().to_string(), None)], folders: vec![] },
        variables: [("LOGFLARE_PUBLIC_ACCESS_TOKEN".to_owned(), "pub".to_owned())].into(),
        interpolation: None,
        vector: VectorVersion { minor: vector },
        known_sources: Vec::new(),
        repaired_sources: repaired.iter().map(|name| (*name).to_owned()).collect(),
        now: NOW,
    });
    validation.keep_samples();
    if validation.is_loaded() {
        validation.run("lines", &mut events.as_bytes(), None, &mut |_| {}).unwrap();
    }
    validation.finish()
}

/// What is found of events: `rule sink field`.
fn found(report: &Report) -> Vec<String> {
    let findings = report.findings.iter().filter(|one| one.level() != Level::Note);
    findings
        .map(|one| {
            let component = one.component.as_deref().unwrap_or("-");
            format!("{} {component} {}", one.rule, one.field.as_deref().unwrap_or("-"))
        })
        .collect()
}

#[test]
fn the_faults_of_the_stock_pipeline_are_named() {
    let report = report("fixtures/stock/vector.yml", 53, LINES);
    let found: Vec<_> =
        found(&report).into_iter().filter(|one| !one.starts_with("buffer ")).collect();
    assert_eq!(
        found,
        [
            "null-field logflare_kong metadata.request.method",
            "null-field logflare_kong metadata.request.path",
            "null-field logflare_kong metadata.request.protocol",
            "empty-column logflare_functions metadata.request.method",
            "empty-column logflare_functions metadata.request.pathname",
            "empty-column logflare_functions metadata.response.status_code",
            "failed-program rest_logs -",
            "empty-field logflare_db metadata.parsed.user_name",
            "empty-field logflare_kong metadata.request.search",
            "unfed-source logflare_functions -",
        ],
        "{}",
        report.written(ReportFormat::Text)
    );
    let method = report.findings.iter().find(|one| one.rule == Rule::NullField).unwrap();
    assert_eq!(method.text, "expected a string, this is null");
    assert!(method.studio.as_ref().unwrap().contains("Logs page: list"));
    assert_eq!(method.made_by.as_deref(), Some("kong_logs"));
    let place = method.place.as_ref().unwrap();
    let text = include_str!("../../../fixtures/stock/vector.yml");
    let line = text.lines().nth(place.line - 1).unwrap();
    assert_eq!(line.get(place.column - 1..), Some(".metadata.request.method = line.method"));
    let failed = report.findings.iter().find(|one| one.rule == Rule::FailedProgram).unwrap();
    let place = failed.place.as_ref().unwrap();
    let line = text.lines().nth(place.line - 1).unwrap();
    assert!(line.get(place.column - 1..).unwrap().starts_with("parse_timestamp!("), "{line}");
}

#[test]
fn what_the_server_repairs_is_not_missed() {
    let stock = "fixtures/stock/vector.yml";
    let missed = |repaired: &[&str]| {
        let found = found(&report_where_repaired(repaired, stock, 53, LINES));
        found.into_iter().filter(|one| one.contains("logflare_kong metadata.request")).count()
    };
    assert_eq!(missed(&[]), 4);
    assert_eq!(missed(&["cloudflare.logs.prod"]), 0);
    assert_eq!(missed(&["postgres.logs"]), 4);
}

#[test]
fn with_a_newer_vector_the_stock_pipeline_sends_no_key() {
    let report = report("fixtures/stock/vector.yml", 58, "");
    let keys = report.findings.iter().filter(|one| one.rule == Rule::UninterpolatedVariable);
    assert_eq!(keys.count(), 7);
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn our_pipeline_has_no_faults() {
    for (file, vector) in [("vector.yml", 53), ("vector.yml", 58), ("vector-sink.yml", 58)] {
        let report = report(file, vector, LINES);
        let text = report.written(ReportFormat::Text);
        assert_eq!(found(&report), Vec::<String>::new(), "{file} {vector}\n{text}");
        assert_eq!(report.exit_code(), 0);
    }
}

#[test]
fn our_pipeline_has_no_faults_with_the_lines_that_vector_was_run_on() {
    let report = report("vector.yml", 58, include_str!("../../../fixtures/docker-events.ndjson"));
    assert_eq!(found(&report), Vec::<String>::new(), "{}", report.written(ReportFormat::Text));
}

/// A column that only some kinds of lines fill is not missed where there are none of them.
#[test]
fn our_pipeline_has_no_faults_with_one_line_alone() {
    for part in ["GoTrue migrations", "Listening on", "Started Successfully", "LOG:  checkpoint"] {
        let line = LINES.lines().find(|line| line.contains(part)).unwrap();
        let report = report("vector.yml", 58, line);
        assert_eq!(found(&report), Vec::<String>::new(), "{line}");
        assert_eq!(report.exit_code(), 0, "{line}");
    }
    let error = LINES.lines().find(|line| line.contains("upstream timed out")).unwrap();
    let noted = report("vector.yml", 58, error);
    assert_eq!(found(&noted), Vec::<String>::new());
    let unseen = noted.findings.iter().filter(|one| one.rule == Rule::UnseenColumn);
    let unseen: Vec<_> = unseen.filter_map(|one| one.field.as_deref()).collect();
    assert_eq!(unseen, ["metadata.response.status_code"]);
}

/// Where a program means to fill a column and never does, that is a fault when many lines have come.
#[test]
fn a_column_that_many_lines_leave_empty_is_missed() {
    let line = LINES.lines().find(|line| line.contains("GoTrue migrations")).unwrap();
    let missed = |lines: usize| {
        let report = report("vector.yml", 58, &format!("{line}\n").repeat(lines));
        found(&report).into_iter().filter(|one| one.starts_with("empty-column")).count()
    };
    assert_eq!((missed(999), missed(1000)), (0, 4));
}

/// What our pipeline makes of the lines, one event of each shape: read by other tests too.
/// `UPDATE_FIXTURES=1` writes it anew.
#[test]
fn our_pipeline_makes_of_each_line_what_studio_shows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sent.json");
    let report = report("vector.yml", 58, LINES);
    let sent = serde_json::to_string_pretty(&report.samples).unwrap() + "\n";
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, &sent).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), sent, "set UPDATE_FIXTURES=1");
}

#[test]
fn every_line_but_those_without_a_request_reaches_a_sink() {
    let report = report("vector.yml", 58, LINES);
    // Vector's own line is not read, and a notice of the gateway is about no request.
    assert_eq!((report.given, report.unread, report.unsent), (20, 1, 1));
    let note = report.findings.iter().find(|one| one.rule == Rule::UnsentEvent).unwrap();
    assert_eq!(note.component.as_deref(), Some("docker_host"));
    assert_eq!(note.events.map(|events| (events.first, events.count)), Some((5, 1)));
    assert!(report.sinks.iter().all(|sink| sink.events > 0), "{:?}", report.sinks);
}

#[test]
fn the_variant_for_a_separate_sink_differs_by_its_host() {
    let of = |text: &'static str| -> Vec<String> {
        let text = text.lines().filter(|line| !line.starts_with('#'));
        text.map(|line| line.replace("http://analytics:4000", "http://sink:4000")).collect()
    };
    let sink = of(include_str!("../../../vector-sink.yml"));
    assert_eq!(of(include_str!("../../../vector.yml")), sink);
}

#[test]
fn sources_and_sinks_are_those_of_supabase() {
    let names = |text: &'static str, table: &str| {
        let root = crate::document::parse(text, crate::Format::Yaml).unwrap();
        let table = root[table].as_object().unwrap();
        table.keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let stock = include_str!("../../../fixtures/stock/vector.yml");
    let ours = include_str!("../../../vector.yml");
    assert_eq!(names(ours, "sources"), names(stock, "sources"));
    assert!(names(ours, "sinks").is_superset(&names(stock, "sinks")));
}
