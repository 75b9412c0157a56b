//! JSONPath, RFC 9535, and dotted names beside it.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::Extent;

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

    /// What is there.
    pub(super) fn find<'v>(&self, value: &'v Value) -> Found<'v> {
        let found = self.path.query(value).all();
        if self.is_single { Found::One(found.into_iter().next()) } else { Found::List(found) }
    }
}

/// What was found. It is not copied yet: a path may lead to each value with all in which it lies.
#[derive(Debug, Clone)]
pub(super) enum Found<'v> {
    One(Option<&'v Value>),
    /// Where there may be several.
    List(Vec<&'v Value>),
}

impl Found<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::One(value) => value.is_none(),
            Self::List(values) => values.is_empty(),
        }
    }

    /// How much it is: `null` for nothing, the list of several.
    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::One(value) => Extent::of_json(value.unwrap_or(&Value::Null)),
            Self::List(values) => {
                let list = Extent { values: 1, bytes: 2 + values.len().saturating_sub(1) };
                values.iter().fold(list, |sum, value| {
                    let Extent { values, bytes } = Extent::of_json(value);
                    Extent { values: sum.values + values, bytes: sum.bytes + bytes }
                })
            }
        }
    }

    /// A text as it is, all else as JSON.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::One(Some(Value::String(text))) => text.clone(),
            Self::One(value) => value.unwrap_or(&Value::Null).to_string(),
            // JSON always becomes JSON.
            Self::List(values) => serde_json::to_string(values).unwrap_or_default(),
        }
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
            let path = ValuePath::read(path).unwrap();
            let found = path.find(&value);
            assert_eq!(
                found.to_text(),
                expected.as_str().map_or(expected.to_string(), str::to_owned),
                "{path:?}"
            );
            assert_eq!(found.extent(), Extent::of_json(&expected), "{path:?}");
            assert_eq!(
                found.is_nothing(),
                [json!(null), json!([])].contains(&expected),
                "{path:?}"
            );
        }
        for path in ["", "a..b", ".a", "$.", "$a", "a[", "$.a[0"] {
            assert!(ValuePath::read(path).is_err(), "{path}");
        }
    }
}
