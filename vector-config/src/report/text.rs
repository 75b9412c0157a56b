//! For people.

use std::fmt::Write as _;

use super::{Report, VRL, events};
use crate::finding::{Finding, Level, Rule};

pub(super) fn written(report: &Report) -> String {
    let mut out = String::new();
    let fatal = report.findings.iter().filter(|one| one.level() == Level::Fatal);
    let (unread, fatal): (Vec<_>, Vec<_>) = fatal.partition(|one| one.rule == Rule::Events);
    if fatal.is_empty() {
        let _ = writeln!(out, "√ Loaded {:?}", report.files);
    } else {
        title(&mut out, &format!("Failed to load {:?}", report.files));
    }
    if !unread.is_empty() {
        title(&mut out, "Failed to read events");
    }
    for one in fatal.iter().chain(&unread) {
        finding(&mut out, "x", one);
    }
    for one in report.findings.iter().filter(|one| one.level() != Level::Fatal) {
        out.push('\n');
        let sign = match one.level() {
            Level::Fatal | Level::Error => "x",
            Level::Warning => "~",
            Level::Note => "-",
        };
        finding(&mut out, sign, one);
    }
    if fatal.is_empty() {
        tables(&mut out, report);
    }
    let (errors, warnings) = (report.count("error"), report.count("warning"));
    let vector = report.vector;
    let _ = writeln!(
        out,
        "\n{errors} errors, {warnings} warnings. Programs were run by vrl {VRL}; Vector {vector} \
         has one of its own{}.",
        if vector.minor == 53 { ", vrl 0.30" } else { "" }
    );
    out
}

fn title(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}\n{}", "-".repeat(text.chars().count()));
}

fn finding(out: &mut String, sign: &str, finding: &Finding) {
    let _ = write!(out, "{sign} [{}] ", finding.rule);
    if let Some(component) = &finding.component {
        let _ = write!(out, "{component}");
        if let Some(source) = &finding.source {
            let _ = write!(out, " → {source}");
        }
        out.push_str(": ");
    }
    let _ = writeln!(out, "{}", finding.said());
    if let Some(events) = events(finding) {
        let _ = writeln!(out, "    in:     {events}");
    }
    if let Some(studio) = &finding.studio {
        let _ = writeln!(out, "    Studio: {studio}");
    }
    if let Some(place) = &finding.place {
        let by = finding.made_by.as_ref().map_or(String::new(), |id| format!(" ({id})"));
        let _ = writeln!(out, "    at:     {place}{by}");
    }
    for line in finding.details.iter().flat_map(|details| details.trim().lines()) {
        let _ = writeln!(out, "    {line}");
    }
}

fn tables(out: &mut String, report: &Report) {
    let transforms = report.transforms.iter().map(|one| {
        [
            one.id.clone(),
            one.received.to_string(),
            one.sent.to_string(),
            one.dropped.to_string(),
            one.failed.to_string(),
        ]
    });
    if report.given > 0 && !report.transforms.is_empty() {
        table(out, ["transform", "events", "sent", "dropped", "failed"], transforms);
    }
    let sinks = report.sinks.iter().map(|one| {
        [
            one.sink.clone(),
            one.source.clone(),
            one.events.to_string(),
            one.bytes.to_string(),
            one.faulty.to_string(),
        ]
    });
    if !report.sinks.is_empty() {
        table(out, ["sink", "source", "events", "bytes", "faulty"], sinks);
    }
    if report.given + report.unread > 0 {
        let _ = writeln!(
            out,
            "\n{} events given, {} reach no sink; {} lines are of containers that are not read.",
            report.given, report.unsent, report.unread
        );
    }
}

fn table<const N: usize>(
    out: &mut String,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let mut all: Vec<[String; N]> = vec![head.map(str::to_owned)];
    all.extend(rows);
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    out.push('\n');
    for row in &all {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| {
                let number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
                if number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            })
            .collect();
        let _ = writeln!(out, "{}", line.join("  ").trim_end());
    }
}
