//! What is found in a configuration, or in what it sends.

use std::fmt;

use serde::Serialize;

use crate::position::Place;

/// What a finding is about. The names are stable: reports and `--allow` use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "said by `description`")]
pub enum Rule {
    Configuration,
    VrlError,
    RemovedFunction,
    TemplatedQuery,
    Events,
    VrlWarning,
    UninterpolatedVariable,
    MissingKey,
    UnknownSource,
    UnnamedSource,
    Codec,
    Framing,
    PayloadWrapper,
    Delivery,
    Buffer,
    FieldType,
    Schema,
    MissingField,
    NullField,
    EmptyColumn,
    Time,
    FailedProgram,
    SlowProgram,
    NotExecuted,
    NoConsumer,
    Method,
    UnknownOption,
    EmptyField,
    UnfedSource,
    UnsentEvent,
    UnseenColumn,
}

impl Rule {
    /// All rules, in the order of reports.
    pub const ALL: [Self; 31] = [
        Self::Configuration,
        Self::VrlError,
        Self::RemovedFunction,
        Self::TemplatedQuery,
        Self::Events,
        Self::VrlWarning,
        Self::UninterpolatedVariable,
        Self::MissingKey,
        Self::UnknownSource,
        Self::UnnamedSource,
        Self::Codec,
        Self::Framing,
        Self::PayloadWrapper,
        Self::Delivery,
        Self::Buffer,
        Self::FieldType,
        Self::Schema,
        Self::MissingField,
        Self::NullField,
        Self::EmptyColumn,
        Self::Time,
        Self::FailedProgram,
        Self::SlowProgram,
        Self::NotExecuted,
        Self::NoConsumer,
        Self::Method,
        Self::UnknownOption,
        Self::EmptyField,
        Self::UnfedSource,
        Self::UnsentEvent,
        Self::UnseenColumn,
    ];

    /// Its name in reports: `null-field`.
    pub fn name(self) -> &'static str {
        self.about().0
    }

    /// What it says, in a sentence.
    pub fn description(self) -> &'static str {
        self.about().1
    }

    /// How much it matters.
    pub fn level(self) -> Level {
        match self {
            Self::Configuration
            | Self::VrlError
            | Self::RemovedFunction
            | Self::TemplatedQuery
            | Self::Events => Level::Fatal,
            Self::VrlWarning
            | Self::Buffer
            | Self::FailedProgram
            | Self::SlowProgram
            | Self::UnknownOption
            | Self::EmptyField
            | Self::UnfedSource => Level::Warning,
            Self::NotExecuted | Self::NoConsumer | Self::UnsentEvent | Self::UnseenColumn => {
                Level::Note
            }
            _ => Level::Error,
        }
    }

    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Configuration => ("configuration", "Vector does not start with it."),
            Self::VrlError => ("vrl-error", "A program that does not compile."),
            Self::RemovedFunction => ("removed-function", "A function that is gone from VRL."),
            Self::TemplatedQuery => {
                ("templated-query", "A field in the query of a URI: Vector refuses it since 0.57.")
            }
            Self::Events => ("events", "Given events that cannot be read."),
            Self::VrlWarning => ("vrl-warning", "What the compiler of VRL warns of."),
            Self::UninterpolatedVariable => (
                "uninterpolated-variable",
                "A key or address with the name of a variable in it: Vector puts none in since 0.57.",
            ),
            Self::MissingKey => {
                ("missing-key", "A sink that presents no key that the server reads.")
            }
            Self::UnknownSource => ("unknown-source", "A source that no server has by itself."),
            Self::UnnamedSource => ("unnamed-source", "A request that names no source."),
            Self::Codec => ("codec", "A codec of which the server makes no fields."),
            Self::Framing => ("framing", "A framing that the server does not read."),
            Self::PayloadWrapper => {
                ("payload-wrapper", "A wrapper that the server takes for an event.")
            }
            Self::Delivery => ("delivery", "Settings with which events are dropped."),
            Self::Buffer => ("buffer", "Events that wait in memory are lost with Vector."),
            Self::FieldType => {
                ("field-type", "A program makes a type that the schema of the source refuses.")
            }
            Self::Schema => ("schema", "An event that does not fit the schema of its source."),
            Self::MissingField => {
                ("missing-field", "Without the field no page of Studio shows the event.")
            }
            Self::NullField => ("null-field", "A field is sent as null: it is stored as missing."),
            Self::EmptyColumn => ("empty-column", "No event fills a column of Studio's list."),
            Self::Time => ("time", "A time that the server cannot use."),
            Self::FailedProgram => ("failed-program", "A program that ends by an error."),
            Self::SlowProgram => ("slow-program", "A program that was stopped: it takes too long."),
            Self::NotExecuted => ("not-executed", "What cannot be told without a running Vector."),
            Self::NoConsumer => ("no-consumer", "An output that goes nowhere."),
            Self::Method => ("method", "A method by which the server takes no events."),
            Self::UnknownOption => ("unknown-option", "An option that Vector has not."),
            Self::EmptyField => {
                ("empty-field", "A field that pages of Studio ask for, and that no program fills.")
            }
            Self::UnfedSource => {
                ("unfed-source", "A source that a page of Studio shows, and that no sink feeds.")
            }
            Self::UnseenColumn => (
                "unseen-column",
                "A column of Studio's list that no given event fills, while a program may.",
            ),
            Self::UnsentEvent => ("unsent-event", "Events of which no sink is given anything."),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Vector does not start, or the events cannot be read.
    Fatal,
    /// Events are lost, or Studio does not show them.
    Error,
    /// It may go wrong.
    Warning,
    /// Nothing is wrong.
    Note,
}

impl Level {
    /// As reports write it; a fatal one is an error.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fatal | Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// What is wrong: `expected an integer, this is the string "abc"`.
    pub text: String,
    /// The component: a sink for what is sent, else the one that has the fault.
    pub component: Option<String>,
    /// The source that the events go to.
    pub source: Option<String>,
    /// The field: `metadata.request.method`.
    pub field: Option<String>,
    /// The pages of Studio that break.
    pub studio: Option<String>,
    /// Where it comes from: the line of the configuration.
    pub place: Option<Place>,
    /// The transform whose program is there.
    pub made_by: Option<String>,
    /// The first event, counted from 1 among the given ones, and how many there are.
    pub events: Option<Events>,
    /// More than fits into a line: what the compiler prints.
    pub details: Option<String>,
}

/// The events that a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Events {
    /// The line of the first, counted from 1.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Finding {
    pub(crate) fn new(rule: Rule, text: impl Into<String>) -> Self {
        Self {
            rule,
            text: text.into(),
            component: None,
            source: None,
            field: None,
            studio: None,
            place: None,
            made_by: None,
            events: None,
            details: None,
        }
    }

    pub(crate) fn of(self, component: &str) -> Self {
        Self { component: Some(component.to_owned()), ..self }
    }

    pub(crate) fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.rule.level()
    }

    /// Field and text: `metadata.level: expected …`.
    pub fn said(&self) -> String {
        match &self.field {
            Some(field) => format!("{field}: {}", self.text),
            None => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            let written = serde_json::to_value(rule).unwrap();
            assert_eq!(written, rule.name(), "{rule:?}");
            assert!(rule.description().ends_with('.'));
        }
    }
}
