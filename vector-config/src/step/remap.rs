//! `remap`: a program, with what becomes of events that it does not come to its end with.

use std::fs;

use serde::Deserialize;
use serde_json::Value as Json;
use vrl::{
    compiler::TimeZone,
    value::{Kind, Value},
};

use super::{
    BuiltStep, Incident, Step, StepFault, any_object, needs, of_program, options, time_zone, yes,
};
use crate::{
    configuration::Component,
    event::LogEvent,
    program::{NotCompiled, Program, Stopped},
};

/// A program with what becomes of events that it does not come to its end with.
#[derive(Debug)]
pub(crate) struct Remap {
    id: String,
    program: Program,
    timezone: TimeZone,
    drop_on_error: bool,
    drop_on_abort: bool,
    reroute_dropped: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemapOptions {
    source: Option<String>,
    file: Option<String>,
    files: Option<Vec<String>>,
    timezone: Option<String>,
    #[serde(default)]
    drop_on_error: bool,
    #[serde(default = "yes")]
    drop_on_abort: bool,
    #[serde(default)]
    reroute_dropped: bool,
    #[serde(rename = "metric_tag_values")]
    _metric_tag_values: Option<Json>,
    #[serde(rename = "runtime")]
    _runtime: Option<Json>,
    #[serde(rename = "graph")]
    _graph: Option<Json>,
}

/// Makes it ready for events of a kind.
pub(super) fn built(
    component: &Component,
    events: &Kind,
    global: Option<TimeZone>,
) -> Result<BuiltStep, Vec<StepFault>> {
    let options: RemapOptions = options(component)?;
    let one = |fault: String| vec![StepFault::new(fault)];
    let source = program_text(&options).map_err(one)?;
    let zone = match &options.timezone {
        Some(name) => time_zone(name).map_err(one)?,
        None => global.map_or_else(|| time_zone("local"), Ok).map_err(one)?,
    };
    let mut outputs = vec![String::new()];
    if options.reroute_dropped {
        outputs.push(".dropped".to_owned());
    }
    let program = match Program::compile(&source, &any_object(), false) {
        Ok(program) => program,
        Err(NotCompiled::Needs(names)) => return Ok(BuiltStep::stop(outputs, needs(&names))),
        Err(NotCompiled::Faults(faults)) => return Err(of_program(&source, faults)),
    };
    // Knowing more of the events must not make a difference to what is refused.
    let after = if *events == any_object() {
        Ok(program.events_after())
    } else {
        Program::compile(&source, events, false).map(|known| known.events_after())
    };
    let unchanged = program.may_fail() && !options.drop_on_error
        || program.may_abort() && !options.drop_on_abort;
    let kind = match after {
        Ok(after) if after.is_object() && unchanged => after.union(events.clone()),
        Ok(after) if after.is_object() => after,
        _ => any_object(),
    };
    let remap = Remap {
        id: component.id.clone(),
        program,
        timezone: zone,
        drop_on_error: options.drop_on_error,
        drop_on_abort: options.drop_on_abort,
        reroute_dropped: options.reroute_dropped,
    };
    let kinds = [kind, any_object()].into_iter().take(outputs.len()).collect();
    Ok(BuiltStep { step: Step::Remap(Box::new(remap)), outputs, kinds, note: None })
}

fn program_text(options: &RemapOptions) -> Result<String, String> {
    let read = |path: &String| {
        fs::read_to_string(path)
            .map_err(|error| format!("Could not open vrl program {path:?}: {error}"))
    };
    match (&options.source, &options.file, &options.files) {
        (Some(source), None, None) => Ok(source.clone()),
        (None, Some(file), None) => read(file),
        (None, None, Some(files)) => {
            files.iter().map(read).collect::<Result<Vec<_>, _>>().map(|texts| texts.join("\n"))
        }
        _ => {
            Err("must provide exactly one of `source` or `file` or `files` configuration"
                .to_owned())
        }
    }
}

impl Remap {
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    pub(super) fn run(
        &self,
        event: LogEvent,
        out: &mut impl FnMut(usize, LogEvent),
    ) -> Option<Incident> {
        let keeps = self.reroute_dropped
            || self.program.may_fail() && !self.drop_on_error
            || self.program.may_abort() && !self.drop_on_abort;
        let original = keeps.then(|| event.clone());
        let mut event = event;
        let Err(stopped) = self.program.run(&mut event, self.timezone) else {
            event.split().into_iter().for_each(|event| out(0, event));
            return None;
        };
        let (reason, message, drops) = match &stopped {
            Stopped::Aborted(message) => ("abort", message.as_str(), self.drop_on_abort),
            Stopped::Failed(message) => ("error", message.as_str(), self.drop_on_error),
            Stopped::TookTooLong => return Some(Incident::TookTooLong),
        };
        match original {
            Some(original) if !drops => out(0, original),
            Some(mut original) if self.reroute_dropped => {
                self.annotate(&mut original, reason, message);
                out(1, original);
            }
            _ => {}
        }
        match stopped {
            // Who sends such events another way means them to fail.
            Stopped::Failed(_) if drops && self.reroute_dropped => Some(Incident::Dropped),
            Stopped::Failed(message) => Some(Incident::Failed(message)),
            _ if drops => Some(Incident::Dropped),
            _ => None,
        }
    }

    /// Says in a dropped event why it was dropped.
    fn annotate(&self, event: &mut LogEvent, reason: &str, message: &str) {
        let why = [
            ("reason", reason),
            ("message", message),
            ("component_id", self.id.as_str()),
            ("component_type", "remap"),
            ("component_kind", "transform"),
        ];
        let why = why.map(|(name, text)| (name.into(), Value::from(text)));
        if let Some(path) = crate::program::path_of("metadata.dropped") {
            event.value.insert(&path, Value::Object(why.into()));
        }
    }
}
