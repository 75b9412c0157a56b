//! Conditions of `route`, `exclusive_route` and `filter`.

use serde::Deserialize;
use vrl::{
    compiler::TimeZone,
    value::{Kind, Value, kind::Collection},
};

use super::StepFault;
use crate::{
    event::LogEvent,
    program::{NotCompiled, Program, Stopped},
};

/// A condition as it is written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum AnyCondition {
    Program(String),
    Typed(TypedCondition),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypedCondition {
    #[serde(rename = "type")]
    kind: String,
    source: Option<String>,
}

/// A condition that is ready.
#[derive(Debug)]
pub(crate) enum Condition {
    Program(Box<Program>),
    /// What it asks is known: all events are logs.
    Constant(bool),
}

/// Why a condition is not there.
#[derive(Debug)]
pub(super) enum NotBuilt {
    /// Vector would refuse it.
    Faults(Vec<StepFault>),
    /// It is not executed here.
    NotHere(String),
}

impl Condition {
    pub(super) fn new(condition: AnyCondition) -> Result<Self, NotBuilt> {
        let fault = |text: String| NotBuilt::Faults(vec![StepFault::new(text)]);
        let (kind, source) = match condition {
            AnyCondition::Program(source) => ("vrl".to_owned(), Some(source)),
            AnyCondition::Typed(typed) => (typed.kind, typed.source),
        };
        match (kind.as_str(), source) {
            ("vrl", Some(source)) => Self::program_of(&source),
            ("vrl" | "datadog_search", None) => Err(fault("missing field `source`".to_owned())),
            ("is_log", _) => Ok(Self::Constant(true)),
            ("is_metric" | "is_trace", _) => Ok(Self::Constant(false)),
            ("datadog_search", Some(_)) => Err(NotBuilt::NotHere(
                "a condition of type `datadog_search` is not executed: events are not followed \
                 beyond it"
                    .to_owned(),
            )),
            (other, _) => Err(fault(format!("unknown variant `{other}` of a condition"))),
        }
    }

    fn program_of(source: &str) -> Result<Self, NotBuilt> {
        match Program::compile(source, &Kind::object(Collection::any()), true) {
            Ok(program) if program.is_boolean() => Ok(Self::Program(Box::new(program))),
            Ok(_) => {
                Err(NotBuilt::Faults(vec![StepFault::new("VRL conditions must return a boolean.")]))
            }
            Err(NotCompiled::Needs(names)) => Err(NotBuilt::NotHere(super::needs(&names))),
            Err(NotCompiled::Faults(faults)) => {
                Err(NotBuilt::Faults(super::of_program(source, faults)))
            }
        }
    }

    /// Whether it holds for an event. One that ends by an error does not hold; of one that was
    /// stopped, because it takes too long, nobody knows: `None`.
    pub(super) fn holds(&self, event: &mut LogEvent) -> Option<bool> {
        match self {
            Self::Constant(holds) => Some(*holds),
            // Its program cannot change the event, and knows no time zone but the local one.
            Self::Program(program) => {
                let local = super::time_zone("local").unwrap_or(TimeZone::Local);
                match program.run(event, local) {
                    Err(Stopped::TookTooLong) => None,
                    answer => Some(matches!(answer, Ok(Value::Boolean(true)))),
                }
            }
        }
    }

    pub(super) fn program(&self) -> Option<&Program> {
        match self {
            Self::Program(program) => Some(program),
            Self::Constant(_) => None,
        }
    }
}
