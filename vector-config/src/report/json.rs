//! One JSON object.

use serde_json::{Value, json};

use super::{Report, VRL};
use crate::finding::Finding;

pub(super) fn written(report: &Report) -> String {
    let files: Vec<_> = report.files.iter().map(|file| file.display().to_string()).collect();
    let whole = json!({
        "exit_code": report.exit_code(),
        "vector": report.vector.to_string(),
        "vrl": VRL,
        "files": files,
        "events": {"given": report.given, "unread": report.unread, "unsent": report.unsent},
        "sinks": report.sinks,
        "transforms": report.transforms,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}

fn finding(finding: &Finding) -> Value {
    let place = finding.place.as_ref().map(|place| {
        json!({"file": place.file.display().to_string(), "line": place.line, "column": place.column})
    });
    json!({
        "rule": finding.rule,
        "level": finding.level(),
        "text": finding.text,
        "component": finding.component,
        "source": finding.source,
        "field": finding.field,
        "studio": finding.studio,
        "place": place,
        "made_by": finding.made_by,
        "events": finding.events,
        "details": finding.details,
    })
}
