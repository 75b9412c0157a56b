//! Environment variables in the text of a configuration, as Vector puts them in before it parses.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// Names are word characters and dots: Java's properties files have dots.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\$\$|\$([[:word:].]+)|\$\{([[:word:].]+)(?:(:?-|:?\?)([^}]*))?\}").ok()
});

/// Whether a text holds what Vector would take for a variable.
pub(crate) fn has_variable(text: &str) -> bool {
    REFERENCE.as_ref().is_some_and(|pattern| {
        pattern.captures_iter(text).any(|found| found.get(1).or(found.get(2)).is_some())
    })
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
        assert!(has_variable("${KEY?error}") && has_variable("Bearer $KEY"));
        assert!(!has_variable("$$KEY") && !has_variable("a $ b") && !has_variable("secret"));
    }
}
