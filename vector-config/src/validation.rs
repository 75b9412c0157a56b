//! The whole: a configuration is loaded, linted, and run on events; what comes of it is a report.

mod run;
mod samples;

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{
    check::Checks,
    configuration::{Configuration, Role},
    finding::{Finding, Rule},
    interpolation::Variables,
    lints,
    loading::{ConfigPaths, ConfigText},
    position,
    program::path_of,
    report::{Report, SinkSummary, TransformSummary},
    topology::{BuildFault, Topology, Work},
};
use run::Counters;
use samples::Samples;

pub use run::{Progress, UnreadEvents};

/// A version of Vector; what it does differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VectorVersion {
    /// 57 for 0.57.
    pub minor: u32,
}

impl VectorVersion {
    /// The newest that is known.
    pub const NEWEST: Self = Self { minor: 58 };

    /// Whether it puts environment variables into a configuration without being told to.
    pub fn interpolates(self) -> bool {
        self.minor < 57
    }
}

impl std::fmt::Display for VectorVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0.{}", self.minor)
    }
}

impl std::str::FromStr for VectorVersion {
    type Err = String;

    /// Reads `0.57`, `0.57.1`, or the tag of an image such as `0.53.0-alpine`.
    fn from_str(text: &str) -> Result<Self, String> {
        let minor = text.strip_prefix("0.").and_then(|rest| {
            rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|minor| minor.parse().ok())
        });
        minor
            .map(|minor| Self { minor })
            .ok_or_else(|| format!("`{text}` is no version of Vector such as 0.57"))
    }
}

/// What is to be validated, and for what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration.
    pub paths: ConfigPaths,
    /// Environment variables.
    pub variables: Variables,
    /// Whether they are put in; `None` is as the version of Vector does it.
    pub interpolation: Option<bool>,
    /// The Vector that will run it.
    pub vector: VectorVersion,
    /// Sources that the server has besides those of every Supabase.
    pub known_sources: Vec<String>,
    /// Sources whose events the server repairs on arrival.
    pub repaired_sources: Vec<String>,
    /// Microseconds since 1970: the time of events that say none.
    pub now: i64,
}

impl Settings {
    /// Whether environment variables are put in.
    pub(crate) fn interpolates(&self) -> bool {
        self.interpolation.unwrap_or(self.vector.interpolates())
    }
}

/// A validation at work.
#[derive(Debug)]
pub struct Validation {
    settings: Settings,
    texts: Vec<ConfigText>,
    topology: Topology,
    findings: Vec<Finding>,
    loaded: bool,
    checks: Checks,
    counters: Counters,
    samples: Option<Samples>,
    /// By the sink's id, where bodies are asked for.
    written: Option<BTreeMap<String, Vec<Vec<u8>>>>,
}

impl Validation {
    /// Loads a configuration and lints it. One that cannot be loaded has findings that say why.
    pub fn load(settings: Settings) -> Self {
        let variables = settings.interpolates().then_some(&settings.variables);
        let mut validation = Self {
            texts: Vec::new(),
            topology: Topology::default(),
            findings: Vec::new(),
            loaded: false,
            checks: Checks::new(&settings.known_sources, &settings.repaired_sources),
            counters: Counters::default(),
            samples: None,
            written: None,
            settings: settings.clone(),
        };
        match Configuration::load(&settings.paths, variables) {
            Ok(configuration) => validation.build(configuration),
            Err(errors) => {
                let finding = |text| Finding::new(Rule::Configuration, text);
                validation.findings = errors.into_iter().map(finding).collect();
            }
        }
        validation
    }

    fn build(&mut self, configuration: Configuration) {
        self.texts.clone_from(&configuration.texts);
        for component in &configuration.components {
            if let Some(file) = component.options.get("file").and_then(|file| file.as_str())
                && component.kind == "remap"
                && let Ok(text) = fs::read_to_string(file)
            {
                self.texts.push(ConfigText {
                    path: PathBuf::from(file),
                    written: text.clone(),
                    text,
                });
            }
        }
        match Topology::new(&configuration) {
            Ok(topology) => {
                self.topology = topology;
                self.loaded = true;
                let findings = lints::all(&lints::Linted {
                    topology: &self.topology,
                    texts: &self.texts,
                    settings: &self.settings,
                });
                self.loaded =
                    !findings.iter().any(|finding| finding.level() == crate::Level::Fatal);
                self.findings.extend(findings);
                self.counters = Counters::new(self.topology.nodes.len());
            }
            Err(faults) => {
                let findings: Vec<_> = faults.iter().map(|fault| self.of_build(fault)).collect();
                self.findings.extend(findings);
            }
        }
    }

    fn of_build(&self, fault: &BuildFault) -> Finding {
        let component = fault.component.as_deref();
        let place = component.and_then(|id| position::of_component(&self.texts, id));
        let mut finding = match &fault.fault.fault {
            None => Finding::new(Rule::Configuration, fault.fault.text.clone()).at(place),
            Some((program, said)) => {
                let rule =
                    if said.instead.is_some() { Rule::RemovedFunction } else { Rule::VrlError };
                let text = match said.instead {
                    Some(instead) => instead.to_owned(),
                    None => format!("error[E{}]: {}", said.code, said.message),
                };
                let place = component
                    .and_then(|id| position::in_files(&self.texts, id, program, said.offset));
                let mut finding = Finding::new(rule, text).at(place);
                finding.details = Some(said.rendered.clone());
                finding
            }
        };
        finding.component = fault.component.clone();
        finding
    }

    /// Whether there is something that events can be run through.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Keeps events that pass, for [`Report::samples`].
    pub fn keep_samples(&mut self) {
        self.samples = Some(Samples::default());
    }

    /// Keeps what sinks write, for [`Validation::body`].
    pub fn keep_bodies(&mut self) {
        self.written = Some(BTreeMap::new());
    }

    /// The body of one request with all events that a sink was given; `None` where there are none,
    /// and where its bytes are not made here.
    pub fn body(&self, sink: &str) -> Option<Vec<u8>> {
        let node = self.topology.nodes.get(self.topology.place_of(sink)?)?;
        let Work::Sends(http) = &node.work else { return None };
        http.encoding.body(self.written.as_ref()?.get(sink)?)
    }

    /// The findings in order, and what was counted.
    pub fn finish(mut self) -> Report {
        let found: Vec<_> = self
            .checks
            .findings(&self.topology)
            .into_iter()
            .map(|(place, finding, trail)| self.located(place, finding, &trail))
            .collect();
        // What events show need not be said of the program's types as well.
        self.findings.retain(|static_one| {
            static_one.rule != Rule::FieldType
                || !found.iter().any(|one: &Finding| {
                    one.component == static_one.component && one.field == static_one.field
                })
        });
        self.findings.extend(found);
        self.findings.extend(self.counters.findings(&self.topology, &self.texts));
        self.findings.sort_by(|one, other| {
            let key = |f: &Finding| (f.level(), f.rule, f.component.clone(), f.field.clone());
            key(one).cmp(&key(other))
        });
        let transforms = self.transforms();
        let paths = &self.settings.paths;
        // What could not be read is told by what was asked for.
        let asked = paths.files.iter().map(|(file, _)| PathBuf::from(file));
        let asked = asked.chain(paths.folders.iter().cloned()).collect();
        let read = self.texts.iter().map(|text| text.path.clone()).collect();
        Report {
            findings: self.findings,
            sinks: summaries(&self.topology, &self.checks),
            transforms,
            given: self.counters.given,
            unread: self.counters.unread,
            unsent: self.counters.unsent,
            files: if self.texts.is_empty() { asked } else { read },
            vector: self.settings.vector,
            samples: self.samples.map(Samples::by_source).unwrap_or_default(),
        }
    }

    fn transforms(&self) -> Vec<TransformSummary> {
        let transforms = self.topology.nodes.iter().zip(&self.counters.nodes);
        transforms
            .filter(|(node, _)| node.component.role == Role::Transform)
            .map(|(node, counted)| TransformSummary {
                id: node.component.id.clone(),
                received: counted.received,
                sent: counted.sent,
                dropped: counted.dropped,
                failed: counted.failed,
            })
            .collect()
    }

    /// A finding about a sent field, with the line of the program that makes it.
    fn located(&self, sink: usize, mut finding: Finding, trail: &[usize]) -> Finding {
        let Some(node) = self.topology.nodes.get(sink) else { return finding };
        finding.component = Some(node.component.id.clone());
        let path = finding.field.as_deref().and_then(path_of);
        let made = path.and_then(|path| {
            trail.iter().rev().filter_map(|at| self.topology.nodes.get(*at)).find_map(|node| {
                let Work::Transform(step) = &node.work else { return None };
                step.programs().into_iter().find_map(|program| {
                    let offset = program.assignment_to(&path)?;
                    let id = &node.component.id;
                    let place = position::in_files(&self.texts, id, &program.source, offset)?;
                    Some((id.clone(), place))
                })
            })
        });
        match made {
            Some((id, place)) => {
                finding.made_by = Some(id);
                finding.place = Some(place);
            }
            None => finding.place = position::of_component(&self.texts, &node.component.id),
        }
        finding
    }
}

fn summaries(topology: &Topology, checks: &Checks) -> Vec<SinkSummary> {
    let mut all: Vec<_> = checks
        .checked
        .iter()
        .filter_map(|((place, source), checked)| {
            Some(SinkSummary {
                sink: topology.nodes.get(*place)?.component.id.clone(),
                source: source.clone(),
                events: checked.events,
                bytes: checked.bytes,
                faulty: checked.faulty,
            })
        })
        .collect();
    for node in &topology.nodes {
        let id = &node.component.id;
        if let Work::Sends(sink) = &node.work
            && !all.iter().any(|summary| summary.sink == *id)
        {
            let source = match sink.fixed_destination() {
                Some(crate::http_sink::Destination::Source(source)) => source.clone(),
                _ => String::new(),
            };
            all.push(SinkSummary { sink: id.clone(), source, events: 0, bytes: 0, faulty: 0 });
        }
    }
    all.sort_by(|one, other| (&one.sink, &one.source).cmp(&(&other.sink, &other.source)));
    all
}

#[cfg(test)]
mod tests;
