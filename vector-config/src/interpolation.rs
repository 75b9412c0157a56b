//! Environment variables in the text of a configuration, as Vector puts them in before it parses.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// Names are word characters and dots: Java's properties files have dots.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\$\$|\$([[:word:].]+)|\$\{([[:word:].]+)(?:(:?-|:?\?)([^}]*))?\}").ok()
});

/// What Vector would take for a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `${KEY?missing}`, as it is written.
    pub(crate) written: String,
    name: String,
    /// `:-` …, and what follows it.
    operator: Option<(String, String)>,
}

impl Reference {
    /// All variables of a text.
    pub(crate) fn all(text: &str) -> Vec<Self> {
        let found = REFERENCE.as_ref().map(|pattern| pattern.captures_iter(text));
        found.into_iter().flatten().filter_map(|found| Self::of(&found)).collect()
    }

    fn of(found: &Captures<'_>) -> Option<Self> {
        let part =
            |number| found.get(number).map(|part: regex::Match<'_>| part.as_str().to_owned());
        Some(Self {
            written: part(0)?,
            name: part(1).or(part(2))?,
            operator: part(3).map(|operator| (operator, part(4).unwrap_or_default())),
        })
    }

    /// Whether it can be nothing else: it stands in braces, or is written in capitals. A password
    /// may have a `$` in it.
    pub(crate) fn is_surely_meant(&self) -> bool {
        let capitals = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        self.written.starts_with("${")
            || self.name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
                && self.name.chars().all(capitals)
    }

    /// As it is written, but for a value to fall back to: that may be a secret.
    pub(crate) fn shown(&self) -> String {
        match &self.operator {
            Some((operator, _)) if operator.ends_with('-') => {
                format!("${{{}{operator}…}}", self.name)
            }
            _ => self.written.clone(),
        }
    }
}

/// The variable that a text is, or that stands in braces in it.
pub(crate) fn whole_variable(text: &str) -> Option<Reference> {
    let whole = |one: &Reference| one.written == text.trim();
    let all = Reference::all(text);
    all.into_iter()
        .find(|one| one.is_surely_meant() && (whole(one) || one.written.starts_with("${")))
}

/// A text with its variables replaced, everywhere: in comments and programs too.
///
/// # Errors
/// What Vector says of variables that are not there, or that hold more than one line.
pub(crate) fn interpolate(text: &str, variables: &Variables) -> Result<String, Vec<String>> {
    let mut errors = Vec::new();
    let Some(pattern) = REFERENCE.as_ref() else { return Ok(text.to_owned()) };
    let replaced = pattern.replace_all(text, |found: &Captures<'_>| {
        value(found, variables).unwrap_or_else(|error| {
            errors.push(error);
            String::new()
        })
    });
    let replaced = replaced.into_owned();
    if errors.is_empty() { Ok(replaced) } else { Err(errors) }
}

fn value(found: &Captures<'_>, variables: &Variables) -> Result<String, String> {
    let Some(name) = found.get(1).or(found.get(2)).map(|name| name.as_str()) else {
        return Ok("$".to_owned());
    };
    let operator = found.get(3).map_or("", |operator| operator.as_str());
    let operand = found.get(4).map_or("", |operand| operand.as_str());
    let set = variables.get(name).map(String::as_str);
    let filled = set.filter(|value| !value.is_empty());
    let value = match operator {
        ":-" => filled.unwrap_or(operand),
        "-" => set.unwrap_or(operand),
        ":?" => filled.ok_or_else(|| {
            format!(
                "Non-empty environment variable required in config. name = {name:?}, \
                 error = {operand:?}"
            )
        })?,
        "?" => set.ok_or_else(|| {
            format!(
                "Missing environment variable required in config. name = {name:?}, \
                 error = {operand:?}"
            )
        })?,
        _ => {
            set.ok_or_else(|| format!("Missing environment variable in config. name = {name:?}"))?
        }
    };
    if value.contains(['\n', '\r']) {
        return Err(format!("Environment variable contains a newline character. name = {name:?}"));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        [("KEY", "secret"), ("EMPTY", ""), ("A.B", "dotted"), ("LINES", "one\ntwo")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn variables_are_replaced_as_vector_does() {
        for (text, expected) in [
            ("x-api-key: $KEY", "x-api-key: secret"),
            ("${KEY}y", "secrety"),
            ("$KEY-1", "secret-1"),
            ("$A.B", "dotted"),
            ("$$KEY $$1", "$KEY $1"),
            ("$ {KEY} ${} $(x)", "$ {KEY} ${} $(x)"),
            ("${EMPTY:-d}|${EMPTY-d}|${NO-d}|${NO:-a b}", "d||d|a b"),
            ("${KEY?needed} ${EMPTY?needed}", "secret "),
            ("# a comment: ${KEY}", "# a comment: secret"),
        ] {
            assert_eq!(interpolate(text, &variables()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_said_as_vector_says_it() {
        for (text, expected) in [
            ("$NO", r#"Missing environment variable in config. name = "NO""#),
            (
                "${NO?set it}",
                r#"Missing environment variable required in config. name = "NO", error = "set it""#,
            ),
            (
                "${EMPTY:?set it}",
                r#"Non-empty environment variable required in config. name = "EMPTY", error = "set it""#,
            ),
            ("$LINES", r#"Environment variable contains a newline character. name = "LINES""#),
        ] {
            assert_eq!(interpolate(text, &variables()), Err(vec![expected.to_owned()]), "{text}");
        }
    }

    #[test]
    fn a_variable_is_known_by_its_form() {
        for (text, expected) in [
            ("${KEY?error}", Some("${KEY?error}")),
            ("$KEY", Some("$KEY")),
            ("x-${KEY}", Some("${KEY}")),
            ("${KEY:-secret}", Some("${KEY:-…}")),
            ("${key-secret}", Some("${key-…}")),
            ("$$KEY", None),
            ("a $ b", None),
            ("secret", None),
            // Passwords.
            ("pa$WORD", None),
            ("$ecret", None),
            ("$2a$10$N9qo8uLOickgx2ZMRZoMye", None),
        ] {
            let shown = whole_variable(text).map(|variable| variable.shown());
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }
}
