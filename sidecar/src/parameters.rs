//! Parameters of a query: those of the URL and those of the body.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::refusal::Refusal;

/// Parameters by name; empty ones are as good as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(pub(crate) BTreeMap<String, String>);

impl Parameters {
    /// Reads a URL's query string (`+` is a blank, the last of several values counts).
    pub(crate) fn from_query_string(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Adds a body's parameters, which win: a JSON object, else a form. Values that are not text
    /// become their JSON text.
    pub(crate) fn add_body(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let text =
            std::str::from_utf8(body).map_err(|_| Refusal::Body("it is not UTF-8".to_owned()))?;
        let trimmed = text.trim_start();
        if trimmed.is_empty() {
            return Ok(());
        }
        if !trimmed.starts_with(['{', '[', '"']) {
            self.0.extend(form_urlencoded::parse(trimmed.as_bytes()).into_owned());
            return Ok(());
        }
        let value: serde_json::Value =
            serde_json::from_str(trimmed).map_err(|error| Refusal::Body(error.to_string()))?;
        let serde_json::Value::Object(fields) = value else {
            return Err(Refusal::Body("it is not a JSON object".to_owned()));
        };
        for (name, value) in fields {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => drop(self.0.insert(name, text)),
                other => drop(self.0.insert(name, other.to_string())),
            }
        }
        Ok(())
    }

    /// Bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// A value that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_studio_sends() {
        let mut parameters = Parameters::from_query_string(
            "project=default&sql=select+1%2B1%0A--+%C3%A9&iso_timestamp_end=&project=other",
        );
        assert_eq!(parameters.get("sql"), Some("select 1+1\n-- é"));
        assert_eq!(parameters.get("iso_timestamp_end"), None);
        assert_eq!(parameters.get("project"), Some("other"));
        parameters.add_body(br#"{"project":"p","n":5,"o":{"a":1},"nothing":null}"#).unwrap();
        assert_eq!(parameters.get("project"), Some("p"));
        assert_eq!((parameters.get("n"), parameters.get("o")), (Some("5"), Some("{\"a\":1}")));
        assert_eq!(parameters.get("nothing"), None);
        parameters.add_body(b"sql=select+2").unwrap();
        assert_eq!(parameters.get("sql"), Some("select 2"));
        parameters.add_body(b"").unwrap();
    }

    #[test]
    fn says_what_is_wrong_with_a_body() {
        for (body, text) in [
            (
                &b"{\"a\":"[..],
                "the request's body cannot be read: EOF while parsing a value at line 1 column 5",
            ),
            (b"[1]", "the request's body cannot be read: it is not a JSON object"),
            (b"\xff", "the request's body cannot be read: it is not UTF-8"),
        ] {
            let refusal = Parameters::default().add_body(body).unwrap_err();
            assert_eq!(refusal.to_string(), text);
        }
    }
}
