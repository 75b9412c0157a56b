//! Templates of Vector's: `/api/logs/{{ source }}`.

use std::sync::LazyLock;

use regex::Regex;
use vrl::value::Value;

use crate::program::path_of;

static FIELD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{\s*(?P<field>[^{}]+?)\s*\}\}").ok());

/// A text with fields of the event in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(String);

impl Template {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn has_fields(&self) -> bool {
        FIELD.as_ref().is_some_and(|field| field.is_match(&self.0))
    }

    /// The text for an event; `None` where it lacks a field: Vector drops such events.
    pub(crate) fn rendered(&self, event: &Value) -> Option<String> {
        let Some(field) = FIELD.as_ref() else { return Some(self.0.clone()) };
        let mut missing = false;
        let text = field.replace_all(&self.0, |found: &regex::Captures<'_>| {
            let name = found.name("field").map_or("", |name| name.as_str());
            let path = path_of(name.strip_prefix('.').unwrap_or(name));
            match path.and_then(|path| event.get(&path)) {
                Some(value) => value.to_string_lossy().into_owned(),
                None => {
                    missing = true;
                    String::new()
                }
            }
        });
        (!missing).then(|| text.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use vrl::value;

    use super::*;

    #[test]
    fn fields_of_the_event_are_put_in() {
        let event = value!({"source": "postgres.logs", "a": {"n": 7}});
        for (text, expected) in [
            ("/api/logs/{{ source }}", Some("/api/logs/postgres.logs")),
            ("{{.a.n}}-{{ .source }}", Some("7-postgres.logs")),
            ("/api/logs", Some("/api/logs")),
            ("/api/logs/{{ none }}", None),
        ] {
            assert_eq!(Template::new(text).rendered(&event).as_deref(), expected, "{text}");
        }
        assert!(Template::new("{{ a }}").has_fields() && !Template::new("{a}").has_fields());
    }
}
