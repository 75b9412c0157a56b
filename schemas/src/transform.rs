//! What a source's settings make of its events, beyond what is done to all.
//!
//! Contract: fields are copied, then values are looked up, then fields are dropped; the message is
//! made last. Each is a text that people write; what they wrote wrong is told with its line.

mod lookup;
mod message;
mod path;
mod value_path;

use std::str::FromStr;

use crate::{Event, MAX_VALUES};

pub use lookup::{KeyLookups, KeyValues};
pub use message::MessageKeys;
pub use path::EventPath;

/// Most lines of one setting: each costs time for every event.
const MAX_LINES: usize = 200;

/// Why a setting is not understood, to be read after the setting's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransform {
    /// A line is not what lines are.
    #[error("has a line {line} that is not understood: `{text}`; write {expected}")]
    Line {
        /// From 1.
        line: usize,
        /// What stands there.
        text: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// It has more lines than are taken.
    #[error("should have at most {MAX_LINES} line(s)")]
    TooManyLines,
    /// Every event has these.
    #[error("cannot drop reserved fields: {0}")]
    Reserved(String),
    /// A part of a message that is no path.
    #[error("has a part that is no path: `{text}` ({reason})")]
    Message {
        /// What stands there.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Lines of `from:to`: values are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFields(Vec<(EventPath, EventPath)>);

impl CopyFields {
    /// Copies the values that are there, as long as `may_copy`, asked before each with about the
    /// bytes of its JSON, says so. A value that has no place, because what should be an object is
    /// none, is not copied.
    pub fn apply(&self, event: &mut Event<'_>, mut may_copy: impl FnMut(usize) -> bool) {
        // Copies of copies grow fast.
        let mut left = MAX_VALUES;
        for (from, to) in &self.0 {
            let Some(value) = from.get(event) else { continue };
            let extent = value.extent();
            left = left.saturating_sub(extent.values);
            if left == 0 || !may_copy(extent.bytes + to.bytes()) {
                return;
            }
            to.put(event, value);
        }
    }
}

impl FromStr for CopyFields {
    type Err = InvalidTransform;

    fn from_str(text: &str) -> Result<Self, InvalidTransform> {
        let read = |line: &str| {
            let (from, to) = line.split_once(':')?;
            Some((EventPath::read(from)?, EventPath::read(to)?))
        };
        lines(text, "from:to, such as m.request.host:host", read).map(Self)
    }
}

/// Lines of paths: fields are taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropFields(Vec<EventPath>);

impl DropFields {
    /// Takes the fields out; objects and lists that become empty go too.
    pub fn apply(&self, event: &mut Event<'_>) {
        self.0.iter().for_each(|path| path.remove(event));
    }
}

impl FromStr for DropFields {
    type Err = InvalidTransform;

    fn from_str(text: &str) -> Result<Self, InvalidTransform> {
        let paths = lines(text, "a path, such as m.request.host", EventPath::read)?;
        let reserved: Vec<_> = paths.iter().filter_map(EventPath::reserved).collect();
        match reserved.is_empty() {
            true => Ok(Self(paths)),
            false => Err(InvalidTransform::Reserved(reserved.join(", "))),
        }
    }
}

/// What `read` makes of each line that is not blank.
fn lines<T>(
    text: &str,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, InvalidTransform> {
    let mut found = Vec::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() {
            continue;
        }
        if found.len() == MAX_LINES {
            return Err(InvalidTransform::TooManyLines);
        }
        found.push(read(line).ok_or_else(|| InvalidTransform::Line {
            line: number + 1,
            text: line.chars().take(100).collect(),
            expected,
        })?);
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::parse;

    /// What becomes of an event with the id `i` and the time 0.
    pub(crate) fn changed(event: &str, change: impl FnOnce(&mut Event<'_>)) -> serde_json::Value {
        let mut event = Event::normalise(parse(event).unwrap(), 0).unwrap();
        if !event.has_own_id {
            event.id = "i".into();
        }
        change(&mut event);
        let mut body = Vec::new();
        event.write_body(&mut body);
        let mut body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let fields = body.as_object_mut().unwrap();
        for (name, usual) in [("id", json!("i")), ("timestamp", json!(0))] {
            if fields[name] == usual {
                fields.remove(name);
            }
        }
        if fields["event_message"].is_null() {
            fields.remove("event_message");
        }
        body
    }

    #[test]
    fn fields_are_copied() {
        for (lines, event, expected) in [
            ("a:b", r#"{"a":{"x":1}}"#, json!({"a": {"x": 1}, "b": {"x": 1}})),
            // In their order; blank lines say nothing.
            (" a : b \n\n b:c.d\r\n", r#"{"a":1}"#, json!({"a": 1, "b": 1, "c": {"d": 1}})),
            (
                "m.a.b:m.c",
                r#"{"metadata":{"a":{"b":2}}}"#,
                json!({"metadata": {"a": {"b": 2}, "c": 2}}),
            ),
            (
                "metadata.a:a",
                r#"{"metadata":{"a":[1]}}"#,
                json!({"metadata": {"a": [1]}, "a": [1]}),
            ),
            // What is not there, and what has no place.
            ("x:b", r#"{"a":1}"#, json!({"a": 1})),
            ("a:b.c", r#"{"a":1,"b":2}"#, json!({"a": 1, "b": 2})),
            ("a.b:c", r#"{"a":[{"b":1}]}"#, json!({"a": [{"b": 1}]})),
            // Names are those of normalised events.
            ("a-b:c-d", r#"{"a-b":1}"#, json!({"_a_b": 1, "_c_d": 1})),
            // Of columns and into them.
            (
                "event_message:text",
                r#"{"message":"m"}"#,
                json!({"event_message": "m", "text": "m"}),
            ),
            ("message:text", r#"{"message":"m"}"#, json!({"event_message": "m", "text": "m"})),
            (
                "a:event_message",
                r#"{"a":{"b":1}}"#,
                json!({"a": {"b": 1}, "event_message": "{\"b\":1}"}),
            ),
            (
                "a:id\na:timestamp",
                r#"{"a":1700000000}"#,
                json!({"a": 1_700_000_000, "id": "1700000000", "timestamp": 1_700_000_000_000_000_i64}),
            ),
            ("a:timestamp", r#"{"a":"soon"}"#, json!({"a": "soon"})),
            ("timestamp:t\nid:i", r#"{"id":"x"}"#, json!({"id": "x", "t": 0, "i": "x"})),
        ] {
            let copy: CopyFields = lines.parse().unwrap();
            assert_eq!(changed(event, |event| copy.apply(event, |_| true)), expected, "{lines}");
        }
    }

    #[test]
    fn copies_of_copies_end() {
        let lines: Vec<_> = (0..MAX_LINES).map(|n| format!("a:a.x{n}")).collect();
        let copy: CopyFields = lines.join("\n").parse().unwrap();
        let mut event = Event::normalise(parse(r#"{"a":{"b":1}}"#).unwrap(), 0).unwrap();
        copy.apply(&mut event, |_| true);
        assert!(event.field("a").unwrap().extent().values < 2 * MAX_VALUES);
    }

    #[test]
    fn copies_are_asked_for_before_they_are_made() {
        let copy: CopyFields = "a:b\nx:y\na:c.d\nb:e".parse().unwrap();
        let mut asked = Vec::new();
        let found = changed(r#"{"a":"text"}"#, |event| {
            copy.apply(event, |bytes| {
                asked.push(bytes);
                asked.len() < 3
            });
        });
        assert_eq!(found, json!({"a": "text", "b": "text", "c": {"d": "text"}}));
        // With names and signs: `,"b":"text"`, `,"c":{"d":"text"}`.
        assert_eq!(asked, [11, 17, 11]);
    }

    #[test]
    fn fields_are_dropped() {
        for (lines, event, expected) in [
            (
                "a\nm.b.c",
                r#"{"a":1,"metadata":{"b":{"c":1,"d":2}}}"#,
                json!({"metadata": {"b": {"d": 2}}}),
            ),
            ("m.b.c", r#"{"a":1,"metadata":{"b":{"c":1}}}"#, json!({"a": 1})),
            ("a.b", r#"{"a":[{"b":1,"c":2},{"b":3},4]}"#, json!({"a": [{"c": 2}, 4]})),
            ("a.b\na.b.c\nx.y", r#"{"a":"b"}"#, json!({"a": "b"})),
            ("a.id", r#"{"a":{"id":1,"b":2}}"#, json!({"a": {"b": 2}})),
        ] {
            let drop: DropFields = lines.parse().unwrap();
            assert_eq!(changed(event, |event| drop.apply(event)), expected, "{lines}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let of_copy = |text: &str| text.parse::<CopyFields>().unwrap_err().to_string();
        assert_eq!(
            of_copy("a:b\n\nc"),
            "has a line 3 that is not understood: `c`; write from:to, such as m.request.host:host"
        );
        for text in [":", "a:", ":b", "a..b:c", "a:b:c", "a b:c", ".a:b", "a:m."] {
            assert!(of_copy(text).starts_with("has a line 1 that"), "{text}");
        }
        let long = "a:b\n".repeat(MAX_LINES + 1);
        assert_eq!(long.parse::<CopyFields>(), Err(InvalidTransform::TooManyLines));
        for (text, expected) in [
            ("id", "cannot drop reserved fields: id"),
            (
                "a\ntimestamp\nevent_message",
                "cannot drop reserved fields: timestamp, event_message",
            ),
            (
                "m.",
                "has a line 1 that is not understood: `m.`; write a path, such as m.request.host",
            ),
        ] {
            assert_eq!(text.parse::<DropFields>().unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_empty_is_left(
            text in "(m[.])?[ab]([.][abc]){0,2}(\n[abc]([.][abc]){0,2}){0,3}",
            event in r#"\{"a":(\{"b":(1|\[\{"c":1\}\])(,"c":\{"a":2\})?\}|\[\{"b":1\}\]|5)(,"b":\{"a":1\})?\}"#,
        ) {
            let drop: DropFields = text.parse().unwrap();
            let body = changed(&event, |event| drop.apply(event)).to_string();
            prop_assert!(!body.contains("[]") && !body[1..].contains("{}"), "{}", body);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-c.:m\n $\\[\\]*é-]{0,30}") {
            let event = r#"{"a":{"b":[{"c":1}]},"b":2,"metadata":{"a":1}}"#;
            if let Ok(copy) = text.parse::<CopyFields>() {
                changed(event, |event| copy.apply(event, |_| true));
            }
            if let Ok(drop) = text.parse::<DropFields>() {
                changed(event, |event| drop.apply(event));
            }
            if let Ok(keys) = text.parse::<MessageKeys>() {
                changed(event, |event| {
                    keys.apply(event, |_| true);
                });
            }
            if let Ok(lookups) = text.parse::<KeyLookups>() {
                changed(event, |event| lookups.apply(event, &KeyValues::default(), |_| true));
            }
        }
    }
}
