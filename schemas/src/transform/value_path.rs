//! JSONPath, RFC 9535, and dotted names beside it.

use serde_json::Value;
use serde_json_path::JsonPath;

/// Where values of a JSON value are.
#[derive(Debug, Clone)]
pub(super) struct ValuePath {
    path: JsonPath,
    /// Whether it leads to one value at most.
    is_single: bool,
}

impl ValuePath {
    /// Reads `$.a.b[0]`, or `a.b` for the same without `$.`; names with `.` between may hold other
    /// characters too. Gives what is wrong.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let is_dotted = !text.starts_with('$') && !text.contains(['[', ']', '*', '(', ')', '?']);
        let path = match is_dotted {
            true if text.split('.').any(str::is_empty) => return Err("a name is empty".to_owned()),
            true => text.split('.').fold("$".to_owned(), |path, name| {
                format!("{path}['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
            }),
            false if text.starts_with('$') => text.to_owned(),
            false => format!("$.{text}"),
        };
        let is_single = is_dotted || !(path.contains(['*', '?', ',', ':']) || path.contains(".."));
        let path = JsonPath::parse(&path).map_err(|error| error.to_string())?;
        Ok(Self { path, is_single })
    }

    /// The value that is there, `null` for none; a list where there may be several.
    pub(super) fn find(&self, value: &Value) -> Value {
        let mut found = self.path.query(value).all().into_iter().cloned();
        if self.is_single { found.next().unwrap_or_default() } else { found.collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found() {
        let value = json!({"a": {"b": [1, {"c": "x"}], "d-e": 2, "it's": 3}});
        for (path, expected) in [
            ("a.d-e", json!(2)),
            ("a.it's", json!(3)),
            ("a.x.y", json!(null)),
            ("$.a.b[1].c", json!("x")),
            ("a.b[-1].c", json!("x")),
            ("a.b[*]", json!([1, {"c": "x"}])),
            ("$..c", json!(["x"])),
            ("$.a.b[?@.c]", json!([{"c": "x"}])),
            ("$.none[*]", json!([])),
        ] {
            assert_eq!(ValuePath::read(path).unwrap().find(&value), expected, "{path}");
        }
        for path in ["", "a..b", ".a", "$.", "$a", "a[", "$.a[0"] {
            assert!(ValuePath::read(path).is_err(), "{path}");
        }
    }
}
