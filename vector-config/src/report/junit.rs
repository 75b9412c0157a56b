//! JUnit's XML: a case for each finding, and one for each sink of which nothing is said.

use std::fmt::Write as _;

use super::{Report, events};
use crate::finding::{Finding, Level};

pub(super) fn written(report: &Report) -> String {
    let found: Vec<_> =
        report.findings.iter().filter(|finding| finding.level() != Level::Note).collect();
    let clean: Vec<_> = report
        .sinks
        .iter()
        .filter(|sink| !found.iter().any(|one| one.component.as_ref() == Some(&sink.sink)))
        .collect();
    let errors = found.iter().filter(|one| one.level() == Level::Fatal).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{errors}\"",
        found.len() + clean.len(),
        found.len() - errors,
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites {counts}>");
    let _ = writeln!(out, "  <testsuite name=\"logweir validate\" {counts}>");
    for finding in found {
        case(&mut out, finding);
    }
    for sink in clean {
        let name = escaped(&format!("{} events for {}", sink.events, sink.source));
        let class = escaped(&sink.sink);
        let _ = writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\"/>");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, finding: &Finding) {
    let element = if finding.level() == Level::Fatal { "error" } else { "failure" };
    let class = escaped(finding.component.as_deref().unwrap_or("configuration"));
    let name = match &finding.field {
        Some(field) => format!("{} {field}", finding.rule),
        None => finding.rule.to_string(),
    };
    let mut body = Vec::new();
    body.extend(events(finding));
    body.extend(finding.studio.as_ref().map(|studio| format!("Studio: {studio}")));
    body.extend(finding.place.as_ref().map(ToString::to_string));
    body.extend(finding.details.clone());
    let (name, said) = (escaped(&name), escaped(&finding.said()));
    let _ = writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\">");
    let _ = writeln!(
        out,
        "      <{element} message=\"{said}\" type=\"{}\">{}</{element}>",
        finding.rule,
        escaped(&body.join("\n"))
    );
    out.push_str("    </testcase>\n");
}

/// Text as XML can hold it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(character),
            control if u32::from(control) < 0x20 => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
