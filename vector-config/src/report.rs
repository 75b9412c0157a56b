//! What a validation comes to, for people and for programs.

mod github;
mod json;
mod junit;
mod sarif;
mod text;

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

use crate::{
    finding::{Finding, Level, Rule},
    validation::VectorVersion,
};

/// The version of the vrl crate that runs the programs.
pub(crate) const VRL: &str = "0.38";

/// What a validation comes to.
#[derive(Debug)]
pub struct Report {
    /// What matters most comes first.
    pub findings: Vec<Finding>,
    /// What each sink would send.
    pub sinks: Vec<SinkSummary>,
    /// What became of events in each transform.
    pub transforms: Vec<TransformSummary>,
    /// Events that were given.
    pub given: u64,
    /// Lines of containers that the source does not read.
    pub unread: u64,
    /// Events of which no sink was given anything.
    pub unsent: u64,
    /// The files of the configuration.
    pub files: Vec<PathBuf>,
    /// The version of Vector that it is meant for.
    pub vector: VectorVersion,
    /// Events that passed, one of each shape, by source: where they were asked for.
    pub samples: BTreeMap<String, Vec<serde_json::Value>>,
}

/// What a sink would send to a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkSummary {
    /// The sink.
    pub sink: String,
    /// The source; empty where it is not known.
    pub source: String,
    /// Events.
    pub events: u64,
    /// Their bytes as they are written, without what stands between events.
    pub bytes: u64,
    /// Events that something was found of.
    pub faulty: u64,
}

/// What became of events in a transform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransformSummary {
    /// The transform.
    pub id: String,
    /// Events that it was given.
    pub received: u64,
    /// Events that left it, by all outputs.
    pub sent: u64,
    /// Events that it dropped on purpose.
    pub dropped: u64,
    /// Events that its program failed on.
    pub failed: u64,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// One object.
    Json,
    /// What test runners write.
    Junit,
    /// SARIF 2.1.0, as code scanners write it.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

impl Report {
    /// The exit code: 78 where Vector would not start or events cannot be read, 1 where there are
    /// errors or warnings, else 0.
    pub fn exit_code(&self) -> u8 {
        let worst = self.findings.iter().map(Finding::level).min();
        match worst {
            Some(Level::Fatal) => 78,
            Some(Level::Error | Level::Warning) => 1,
            Some(Level::Note) | None => 0,
        }
    }

    /// Takes out what is allowed; what is fatal never is.
    pub fn allow(&mut self, rules: &[Rule]) {
        let stays = |one: &Finding| one.level() == Level::Fatal || !rules.contains(&one.rule);
        self.findings.retain(stays);
    }

    /// The whole as text that ends with a line's end.
    pub fn written(&self, format: ReportFormat) -> String {
        match format {
            ReportFormat::Text => text::written(self),
            ReportFormat::Json => json::written(self),
            ReportFormat::Junit => junit::written(self),
            ReportFormat::Sarif => sarif::written(self),
            ReportFormat::Github => github::written(self),
        }
    }

    /// How many findings have a level as reports write it.
    fn count(&self, level: &str) -> usize {
        self.findings.iter().filter(|finding| finding.level().name() == level).count()
    }
}

/// Where events are, in words: `3 events, the first in line 7`.
fn events(finding: &Finding) -> Option<String> {
    let events = finding.events?;
    Some(match events.count {
        1 => format!("event in line {}", events.first),
        count => format!("{count} events, the first in line {}", events.first),
    })
}

#[cfg(test)]
mod tests;
