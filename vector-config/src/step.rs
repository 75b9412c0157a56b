//! The transforms that are executed, as Vector executes them.

mod condition;
mod remap;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use vrl::{
    compiler::TimeZone,
    value::{Kind, kind::Collection},
};

use crate::{
    configuration::Component,
    event::LogEvent,
    program::{Fault, Program},
};
use condition::{AnyCondition, Condition};
use remap::Remap;

/// What a transform does with an event. Its outputs are numbered.
#[derive(Debug)]
pub(crate) enum Step {
    Remap(Box<Remap>),
    /// A copy for each condition that holds; the last output is for the others.
    Route(Vec<Condition>),
    /// The first condition that holds; the last output is for the others.
    ExclusiveRoute(Vec<Condition>),
    Filter(Condition),
    /// What it does is not done here: events go through as they are.
    PassThrough,
    /// Events go no further: what it makes of them cannot be told.
    Stop,
}

/// A transform that is ready.
#[derive(Debug)]
pub(crate) struct BuiltStep {
    pub(crate) step: Step,
    /// What follows the id in the name of each output: nothing, or `.name`.
    pub(crate) outputs: Vec<String>,
    /// What is known of the events of each output.
    pub(crate) kinds: Vec<Kind>,
    /// Why it is not, or not wholly, executed.
    pub(crate) note: Option<String>,
}

/// What is wrong with a transform.
#[derive(Debug)]
pub(crate) struct StepFault {
    pub(crate) text: String,
    /// The program and what its compiler says, where it is about a program.
    pub(crate) fault: Option<(String, Fault)>,
}

impl StepFault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fault: None }
    }
}

/// What happened to an event besides going on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incident {
    /// The program ended by an error; what it says.
    Failed(String),
    /// It was dropped: by the program's `abort`, by a condition, or by an error where such events
    /// are sent another way.
    Dropped,
    /// The program was stopped, it takes too long.
    TookTooLong,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteOptions {
    #[serde(default)]
    route: BTreeMap<String, AnyCondition>,
    #[serde(default = "yes")]
    reroute_unmatched: bool,
    #[serde(rename = "graph")]
    _graph: Option<Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExclusiveRouteOptions {
    routes: Vec<NamedCondition>,
    #[serde(rename = "graph")]
    _graph: Option<Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedCondition {
    name: String,
    condition: AnyCondition,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterOptions {
    condition: AnyCondition,
    #[serde(rename = "graph")]
    _graph: Option<Json>,
}

fn yes() -> bool {
    true
}

fn options<T: for<'de> Deserialize<'de>>(component: &Component) -> Result<T, Vec<StepFault>> {
    serde_json::from_value(Json::Object(component.options.clone()))
        .map_err(|error| vec![StepFault::new(error.to_string())])
}

impl BuiltStep {
    /// Makes a transform ready for events of a kind. Programs are compiled for any events, as
    /// Vector compiles them, so that what it refuses is refused here.
    ///
    /// # Errors
    /// What Vector would refuse.
    pub(crate) fn new(
        component: &Component,
        events: &Kind,
        global: Option<TimeZone>,
    ) -> Result<Self, Vec<StepFault>> {
        match component.kind.as_str() {
            "remap" => remap::built(component, events, global),
            "route" => route(component, events),
            "exclusive_route" => exclusive_route(component, events),
            "filter" => filter(component, events),
            kind @ ("sample" | "throttle") => Ok(Self {
                step: Step::PassThrough,
                outputs: vec![String::new()],
                kinds: vec![events.clone()],
                note: Some(format!("`{kind}` is not executed: all events go through it")),
            }),
            kind => Ok(Self::stop(
                vec![String::new()],
                format!("`{kind}` is not executed: events are not followed beyond it"),
            )),
        }
    }

    fn stop(outputs: Vec<String>, note: String) -> Self {
        let kinds = outputs.iter().map(|_| any_object()).collect();
        Self { step: Step::Stop, outputs, kinds, note: Some(note) }
    }
}

/// What is known of events of which nothing is known.
pub(crate) fn any_object() -> Kind {
    Kind::object(Collection::any())
}

/// Reads the name of a time zone. `local` is UTC, as in Vector's image, so that the answer is the
/// same on every machine.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone, String> {
    let name = if name == "local" { "UTC" } else { name };
    TimeZone::parse(name).ok_or_else(|| format!("`{name}` is no time zone"))
}

fn needs(names: &[String]) -> String {
    format!(
        "its program is not executed, `{}` is not run here: events are not followed beyond it",
        names.join("`, `")
    )
}

fn of_program(source: &str, faults: Vec<Fault>) -> Vec<StepFault> {
    let fault = |fault: Fault| StepFault {
        text: fault.message.clone(),
        fault: Some((source.to_owned(), fault)),
    };
    faults.into_iter().map(fault).collect()
}

/// The conditions of a transform, or the reason why one cannot be executed.
fn conditions(
    named: Vec<(String, AnyCondition)>,
) -> Result<Result<Vec<Condition>, String>, Vec<StepFault>> {
    let mut built = Vec::new();
    let mut faults = Vec::new();
    let mut note = None;
    for (_, condition) in named {
        match Condition::new(condition) {
            Ok(condition) => built.push(condition),
            Err(condition::NotBuilt::NotHere(why)) => note = Some(why),
            Err(condition::NotBuilt::Faults(more)) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(note.map_or(Ok(built), Err)) } else { Err(faults) }
}

fn branches(
    named: Vec<(String, AnyCondition)>,
    unmatched: bool,
    events: &Kind,
    step: impl FnOnce(Vec<Condition>) -> Step,
) -> Result<BuiltStep, Vec<StepFault>> {
    for (place, (name, _)) in named.iter().enumerate() {
        if named.iter().take(place).any(|(other, _)| other == name) {
            return Err(vec![StepFault::new(format!("found several routes with name {name:?}"))]);
        }
        if name == "_unmatched" || name == "_default" {
            return Err(vec![StepFault::new(format!("cannot have a route with name {name:?}"))]);
        }
    }
    let mut outputs: Vec<_> = named.iter().map(|(name, _)| format!(".{name}")).collect();
    if unmatched {
        outputs.push("._unmatched".to_owned());
    }
    match conditions(named)? {
        Ok(conditions) => {
            let kinds = outputs.iter().map(|_| events.clone()).collect();
            Ok(BuiltStep { step: step(conditions), outputs, kinds, note: None })
        }
        Err(why) => Ok(BuiltStep::stop(outputs, why)),
    }
}

fn route(component: &Component, events: &Kind) -> Result<BuiltStep, Vec<StepFault>> {
    let options: RouteOptions = options(component)?;
    let named = options.route.into_iter().collect();
    branches(named, options.reroute_unmatched, events, Step::Route)
}

fn exclusive_route(component: &Component, events: &Kind) -> Result<BuiltStep, Vec<StepFault>> {
    let options: ExclusiveRouteOptions = options(component)?;
    let named = options.routes.into_iter().map(|route| (route.name, route.condition)).collect();
    branches(named, true, events, Step::ExclusiveRoute)
}

fn filter(component: &Component, events: &Kind) -> Result<BuiltStep, Vec<StepFault>> {
    let options: FilterOptions = options(component)?;
    let built = conditions(vec![(String::new(), options.condition)])?;
    let outputs = vec![String::new()];
    match built.map(|mut conditions| conditions.pop()) {
        Ok(Some(condition)) => {
            let (step, kinds) = (Step::Filter(condition), vec![events.clone()]);
            Ok(BuiltStep { step, outputs, kinds, note: None })
        }
        Ok(None) => Ok(BuiltStep::stop(outputs, "it has no condition".to_owned())),
        Err(why) => Ok(BuiltStep::stop(outputs, why)),
    }
}

impl Step {
    /// Runs an event through; what comes out is given to `out` with the output's number.
    pub(crate) fn run(
        &self,
        event: LogEvent,
        out: &mut impl FnMut(usize, LogEvent),
    ) -> Option<Incident> {
        match self {
            Self::Remap(remap) => return remap.run(event, out),
            Self::Route(conditions) => return routed(conditions, event, false, out),
            Self::ExclusiveRoute(conditions) => return routed(conditions, event, true, out),
            Self::Filter(condition) => {
                let mut event = event;
                match condition.holds(&mut event) {
                    Some(true) => out(0, event),
                    Some(false) => return Some(Incident::Dropped),
                    None => return Some(Incident::TookTooLong),
                }
            }
            Self::PassThrough => out(0, event),
            Self::Stop => {}
        }
        None
    }

    /// Its programs: a `remap` has one, a `route` one for each condition.
    pub(crate) fn programs(&self) -> Vec<&Program> {
        match self {
            Self::Remap(remap) => vec![remap.program()],
            Self::Route(conditions) | Self::ExclusiveRoute(conditions) => {
                conditions.iter().filter_map(Condition::program).collect()
            }
            Self::Filter(condition) => condition.program().into_iter().collect(),
            Self::PassThrough | Self::Stop => Vec::new(),
        }
    }
}

fn routed(
    conditions: &[Condition],
    mut event: LogEvent,
    first_only: bool,
    out: &mut impl FnMut(usize, LogEvent),
) -> Option<Incident> {
    let mut matched = false;
    for (place, condition) in conditions.iter().enumerate() {
        match condition.holds(&mut event) {
            Some(true) => {
                matched = true;
                out(place, event.clone());
                if first_only {
                    break;
                }
            }
            Some(false) => {}
            // Where the event goes from here nobody knows.
            None => return Some(Incident::TookTooLong),
        }
    }
    if !matched {
        out(conditions.len(), event);
    }
    None
}

#[cfg(test)]
mod tests;
