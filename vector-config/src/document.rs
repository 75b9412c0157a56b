//! YAML, TOML and JSON to one kind of value.

use serde_json::{Map, Number, Value};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.toml`, and files without an ending that is known.
    Toml,
    /// `.json`
    Json,
}

impl Format {
    /// By the ending of a file's name, `None` for others.
    pub(crate) fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Reads a document whose root is a table. An empty one is an empty table.
///
/// # Errors
/// Where it is and why it cannot be read.
pub(crate) fn parse(text: &str, format: Format) -> Result<Map<String, Value>, String> {
    let value = match format {
        Format::Yaml => yaml(text)?,
        Format::Toml => {
            let table: toml::Table = toml::from_str(text).map_err(|e| e.to_string())?;
            from_toml(toml::Value::Table(table))?
        }
        Format::Json if text.trim().is_empty() => Value::Null,
        Format::Json => serde_json::from_str(text).map_err(|e| e.to_string())?,
    };
    match value {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        _ => Err("a configuration must be a table".to_owned()),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let mut value: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    value.apply_merge().map_err(|error| error.to_string())?;
    from_yaml(value)
}

fn from_yaml(value: serde_yaml_ng::Value) -> Result<Value, String> {
    use serde_yaml_ng::Value as Yaml;
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::from(integer),
            (None, Some(float)) if !number.is_u64() => finite(float)?,
            _ => return Err(format!("the number {number} is too large")),
        },
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(elements) => {
            Value::Array(elements.into_iter().map(from_yaml).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(fields) => {
            let field = |(key, value)| match key {
                Yaml::String(key) => Ok((key, from_yaml(value)?)),
                other => Err(format!("the key {other:?} must be a string")),
            };
            Value::Object(fields.into_iter().map(field).collect::<Result<_, String>>()?)
        }
        Yaml::Tagged(tagged) => return Err(format!("the tag {} is not supported", tagged.tag)),
    })
}

fn from_toml(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(integer) => Value::from(integer),
        toml::Value::Float(float) => finite(float)?,
        toml::Value::Boolean(value) => Value::Bool(value),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(elements) => {
            Value::Array(elements.into_iter().map(from_toml).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(fields) => {
            let field = |(key, value)| Ok((key, from_toml(value)?));
            Value::Object(fields.into_iter().map(field).collect::<Result<_, String>>()?)
        }
    })
}

fn finite(float: f64) -> Result<Value, String> {
    Number::from_f64(float)
        .map(Value::Number)
        .ok_or_else(|| format!("the number {float} is not supported"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_formats_say_the_same() {
        let expected = json!({"sinks": {"a": {"inputs": ["b"], "n": 1, "f": 0.5, "on": true}}});
        for (format, text) in [
            (Format::Yaml, "sinks:\n  a:\n    inputs: [b]\n    n: 1\n    f: 0.5\n    on: true\n"),
            (Format::Toml, "[sinks.a]\ninputs = ['b']\nn = 1\nf = 0.5\non = true\n"),
            (Format::Json, r#"{"sinks": {"a": {"inputs": ["b"], "n": 1, "f": 0.5, "on": true}}}"#),
        ] {
            assert_eq!(Value::Object(parse(text, format).unwrap()), expected, "{format:?}");
        }
    }

    #[test]
    fn merge_keys_are_resolved() {
        let text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n";
        assert_eq!(parse(text, Format::Yaml).unwrap()["b"], json!({"x": 1, "y": 3}));
    }

    #[test]
    fn an_empty_file_is_an_empty_table() {
        for format in [Format::Yaml, Format::Toml, Format::Json] {
            assert!(parse("", format).unwrap().is_empty(), "{format:?}");
        }
        assert!(parse("# only a comment\n", Format::Yaml).unwrap().is_empty());
    }

    #[test]
    fn what_vector_refuses_is_refused() {
        for text in [
            "a: !tag x",
            "1: x",
            "a: 18446744073709551615",
            "a: .nan",
            "a: .inf",
            "- a",
            "a: [",
            "a: 1\na: 2",
        ] {
            assert!(parse(text, Format::Yaml).is_err(), "{text}");
        }
        assert!(parse("[]", Format::Json).is_err());
        assert!(parse("a = ", Format::Toml).is_err());
    }
}
