//! A log event on its way through the transforms.

use vrl::value::{ObjectMap, Secrets, Value};

/// A log event, with where it has been.
#[derive(Debug, Clone)]
pub(crate) struct LogEvent {
    pub(crate) value: Value,
    /// What programs see as `%`.
    pub(crate) metadata: Value,
    pub(crate) secrets: Secrets,
    /// Which of the given events it was made of, counted from 1.
    pub(crate) number: u64,
    /// The components that it came through, by their place in the configuration.
    pub(crate) trail: Vec<usize>,
    /// The source that made it, by its place.
    pub(crate) source: usize,
    /// The component that it comes from and which of its outputs, by their places.
    pub(crate) output: (usize, usize),
    /// When it was received: microseconds since 1970.
    pub(crate) received: i64,
}

/// Where an event comes from, as codecs write it that tell.
#[derive(Debug)]
pub(crate) struct Provenance<'a> {
    /// The source's id.
    pub(crate) source: &'a str,
    /// `docker_logs`
    pub(crate) source_type: &'a str,
    /// The component that handed it on last.
    pub(crate) component: &'a str,
    /// Its output, where it has several.
    pub(crate) port: Option<&'a str>,
    pub(crate) metadata: &'a Value,
    pub(crate) number: u64,
}

impl LogEvent {
    pub(crate) fn new(value: Value, number: u64) -> Self {
        Self {
            value,
            metadata: Value::Object(ObjectMap::new()),
            secrets: Secrets::default(),
            number,
            trail: Vec::new(),
            source: 0,
            output: (0, 0),
            received: 0,
        }
    }

    /// What becomes of an event whose root is a list, or no object: Vector sends objects only.
    pub(crate) fn split(self) -> Vec<Self> {
        let Self { value, metadata, secrets, trail, number, source, output, received } = self;
        let values = match value {
            Value::Array(values) => values,
            other => vec![other],
        };
        let event = |value| {
            let value = match value {
                Value::Object(fields) => Value::Object(fields),
                scalar => Value::Object([("message".into(), scalar)].into()),
            };
            let (metadata, secrets, trail) = (metadata.clone(), secrets.clone(), trail.clone());
            Self { value, metadata, secrets, trail, number, source, output, received }
        };
        values.into_iter().map(event).collect()
    }
}

#[cfg(test)]
mod tests {
    use vrl::value;

    use super::*;

    #[test]
    fn a_list_becomes_several_events() {
        for (root, expected) in [
            (value!({"a": 1}), vec![value!({"a": 1})]),
            (value!("text"), vec![value!({"message": "text"})]),
            (value!([{"a": 1}, 2]), vec![value!({"a": 1}), value!({"message": 2})]),
            (value!([]), vec![]),
        ] {
            let events = LogEvent::new(root, 7).split();
            assert!(events.iter().all(|event| event.number == 7));
            let values: Vec<_> = events.into_iter().map(|event| event.value).collect();
            assert_eq!(values, expected);
        }
    }
}
