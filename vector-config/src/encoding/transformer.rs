//! `except_fields`, `only_fields`, `timestamp_format`, in this order.

use serde_json::{Map, Value as Json};
use vrl::{
    path::OwnedValuePath,
    prelude::NotNan,
    value::{ObjectMap, Value},
};

use crate::{configuration::text, program::path_of};

/// What is done to an event before it is written.
#[derive(Debug, Default)]
pub(super) struct Transformer {
    except: Vec<OwnedValuePath>,
    only: Option<Vec<OwnedValuePath>>,
    times: Times,
}

/// How timestamps are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Times {
    #[default]
    Rfc3339,
    Unix,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Float,
}

impl Transformer {
    pub(super) fn new(encoding: &Map<String, Json>) -> Result<Self, String> {
        let except = paths(encoding, "except_fields")?;
        let only = paths(encoding, "only_fields")?;
        if let (Some(except), Some(only)) = (&except, &only)
            && let Some(both) = except.iter().find(|path| only.contains(path))
        {
            return Err(format!(
                "`except_fields` and `only_fields` should be mutually exclusive: both name {both}"
            ));
        }
        let times = match text(encoding.get("timestamp_format")).as_deref() {
            None | Some("rfc3339") => Times::Rfc3339,
            Some("unix") => Times::Unix,
            Some("unix_ms") => Times::Milliseconds,
            Some("unix_us") => Times::Microseconds,
            Some("unix_ns") => Times::Nanoseconds,
            Some("unix_float") => Times::Float,
            Some(other) => return Err(format!("unknown variant `{other}` of a timestamp format")),
        };
        Ok(Self { except: except.unwrap_or_default(), only, times })
    }

    pub(super) fn transformed(&self, mut event: Value) -> Value {
        for path in &self.except {
            event.remove(path, false);
        }
        if let Some(only) = &self.only {
            let mut kept = Value::Object(ObjectMap::new());
            for path in only {
                if let Some(value) = event.remove(path, true) {
                    kept.insert(path, value);
                }
            }
            event = kept;
        }
        if self.times != Times::Rfc3339 {
            self.times.write(&mut event);
        }
        event
    }
}

impl Times {
    fn write(self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|field| self.write(field)),
            Value::Array(elements) => elements.iter_mut().for_each(|one| self.write(one)),
            Value::Timestamp(time) => {
                let micros = time.timestamp_micros();
                let number = match self {
                    Self::Rfc3339 => None,
                    Self::Unix => Some(Value::Integer(time.timestamp())),
                    Self::Milliseconds => Some(Value::Integer(time.timestamp_millis())),
                    Self::Microseconds => Some(Value::Integer(micros)),
                    Self::Nanoseconds => time.timestamp_nanos_opt().map(Value::Integer),
                    // Beyond what a float holds exactly lie only times that nothing happens at.
                    #[expect(clippy::cast_precision_loss, reason = "Vector does so")]
                    Self::Float => NotNan::new(micros as f64 / 1e6).ok().map(Value::Float),
                };
                if let Some(number) = number {
                    *value = number;
                }
            }
            _ => {}
        }
    }
}

/// A list of paths.
fn paths(encoding: &Map<String, Json>, name: &str) -> Result<Option<Vec<OwnedValuePath>>, String> {
    let Some(listed) = encoding.get(name).filter(|listed| !listed.is_null()) else {
        return Ok(None);
    };
    let listed = listed.as_array().ok_or_else(|| format!("`{name}` must be a list"))?;
    let path = |one: &Json| {
        let text = one.as_str().unwrap_or_default();
        path_of(text.strip_prefix('.').unwrap_or(text))
            .ok_or_else(|| format!("`{name}`: {one} is no path of a field"))
    };
    listed.iter().map(path).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vrl::value;

    use super::*;

    fn transformed(options: Json, event: Value) -> String {
        let Json::Object(options) = options else { panic!("a table") };
        let event = Transformer::new(&options).unwrap().transformed(event);
        serde_json::to_string(&event).unwrap()
    }

    #[test]
    fn fields_are_left_out_or_chosen() {
        let event = || value!({"a": 1, "b": {"c": 2, "d": [3, 4]}});
        for (options, expected) in [
            (json!({}), r#"{"a":1,"b":{"c":2,"d":[3,4]}}"#),
            (json!({"except_fields": ["a", "b.c", "none"]}), r#"{"b":{"d":[3,4]}}"#),
            (json!({"only_fields": ["b.c", ".none"]}), r#"{"b":{"c":2}}"#),
            (json!({"only_fields": ["b"], "except_fields": ["b.d"]}), r#"{"b":{"c":2}}"#),
        ] {
            assert_eq!(transformed(options.clone(), event()), expected, "{options}");
        }
    }

    #[test]
    fn times_are_written_at_every_depth() {
        let time = chrono::DateTime::from_timestamp_micros(1_795_176_000_123_456).unwrap();
        let event = || value!({"t": (Value::from(time)), "a": [{"t": (Value::from(time))}]});
        for (format, expected) in [
            ("rfc3339", r#""2026-11-20T12:00:00.123456Z""#),
            ("unix", "1795176000"),
            ("unix_ms", "1795176000123"),
            ("unix_us", "1795176000123456"),
            ("unix_ns", "1795176000123456000"),
            ("unix_float", "1795176000.123456"),
        ] {
            let expected = format!(r#"{{"a":[{{"t":{expected}}}],"t":{expected}}}"#);
            assert_eq!(transformed(json!({"timestamp_format": format}), event()), expected);
        }
    }
}
