//! Reads single variables and remembers what was wrong with them.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr};

use super::{Problem, WrongSettings};

/// The variables, and the problems met so far.
///
/// A reader that meets a problem notes it and returns a stand-in, so that reading goes on; the
/// stand-in is never used, because [`Variables::finish`] then returns the problems.
pub(super) struct Variables<'a> {
    variables: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(variables: &'a BTreeMap<String, String>) -> Self {
        Self { variables, problems: Vec::new() }
    }

    /// Notes what is wrong with a variable.
    pub(super) fn problem(&mut self, variable: &'static str, text: impl Into<String>) {
        self.problems.push(Problem { variable, text: text.into() });
    }

    /// The value; none when it is unset or empty, as compose files pass unset variables.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `true` or `false` in any case, as Logflare reads them.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.text(name)?;
        if value.eq_ignore_ascii_case("true") {
            Some(true)
        } else if value.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            self.problem(name, format!("expected `true` or `false`, found `{value}`"));
            None
        }
    }

    /// A value that parses; `expected` names its form for the reader.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let value = self.text(name)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("expected {expected}, found `{value}`"));
        }
        parsed
    }

    /// A whole number in `allowed`, or `default` when it is unset.
    pub(super) fn number<T>(
        &mut self,
        name: &'static str,
        default: T,
        allowed: RangeInclusive<T>,
    ) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.text(name) else { return default };
        match value.parse() {
            Ok(number) if allowed.contains(&number) => number,
            _ => {
                let (least, most) = (allowed.start(), allowed.end());
                let text =
                    format!("expected a whole number from {least} to {most}, found `{value}`");
                self.problem(name, text);
                default
            }
        }
    }

    /// The settings, if no problem was met.
    pub(super) fn finish<T>(self, settings: T) -> Result<T, WrongSettings> {
        if self.problems.is_empty() {
            Ok(settings)
        } else {
            Err(WrongSettings { problems: self.problems })
        }
    }
}
