//! Annotations of GitHub Actions.

use std::fmt::Write as _;

use super::{Report, events};
use crate::finding::{Finding, Level};

pub(super) fn written(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.level() {
            Level::Fatal | Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let mut properties = Vec::new();
        if let Some(place) = &finding.place {
            properties.push(format!("file={}", property(&place.file.display().to_string())));
            properties.push(format!("line={},col={}", place.line, place.column));
        }
        properties.push(format!("title={}", property(finding.rule.name())));
        let _ = writeln!(out, "::{command} {}::{}", properties.join(","), data(&text(finding)));
    }
    let (errors, warnings) = (report.count("error"), report.count("warning"));
    let _ = writeln!(out, "{errors} errors, {warnings} warnings");
    out
}

fn text(finding: &Finding) -> String {
    let mut text = String::new();
    if let Some(component) = &finding.component {
        let _ = write!(text, "{component}: ");
    }
    text.push_str(&finding.said());
    if let Some(events) = events(finding) {
        let _ = write!(text, " ({events})");
    }
    if let Some(studio) = &finding.studio {
        let _ = write!(text, "\nStudio: {studio}");
    }
    text
}

/// A message: one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
