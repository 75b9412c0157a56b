//! Where a value of an event is: `metadata.request.host`.

use std::borrow::Cow;

use crate::{Event, Value, event, key, timestamp};

/// Most names in a path.
const MAX_NAMES: usize = 16;

/// The way to a value from the event down, by names of fields; never empty. `m` as the first of
/// several stands for `metadata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPath {
    first: String,
    rest: Vec<String>,
}

impl EventPath {
    /// Reads names with `.` between. They are made fit as those of events are.
    pub fn read(text: &str) -> Option<Self> {
        let mut names = text.trim().split('.').map(|name| {
            let is_name = !name.is_empty() && !name.contains([':', ' ', '\t', '$', '[', ']', '*']);
            is_name.then(|| key::sanitise(Cow::Borrowed(name)).into_owned())
        });
        let mut first = names.next()??;
        let rest: Vec<_> = names.collect::<Option<_>>()?;
        if first == "m" && !rest.is_empty() {
            "metadata".clone_into(&mut first);
        }
        (rest.len() < MAX_NAMES).then_some(Self { first, rest })
    }

    /// Bytes of JSON that the names take before a value that is put there, and the signs after it.
    pub(super) fn bytes(&self) -> usize {
        let names = std::iter::once(&self.first).chain(&self.rest);
        names.map(|name| name.len() + 2 * "\":".len()).sum::<usize>() + self.rest.len()
    }

    /// The name of a field that every event has, if this is one.
    pub(super) fn reserved(&self) -> Option<&str> {
        let is_reserved = ["id", "timestamp", "event_message"].contains(&&*self.first);
        (is_reserved && self.rest.is_empty()).then_some(&*self.first)
    }

    /// The value that is there.
    pub fn get<'a>(&self, event: &Event<'a>) -> Option<Value<'a>> {
        if self.rest.is_empty() {
            let text = |text: &Cow<'a, str>| Value::String(text.clone());
            match &*self.first {
                "id" => return Some(text(&event.id)),
                "timestamp" => {
                    return Some(Value::Number(event.timestamp.to_string().into()));
                }
                "event_message" => return event.event_message.as_ref().map(text),
                "message" if event.field("message").is_none() => {
                    return event.event_message.as_ref().map(text);
                }
                _ => {}
            }
        }
        let mut found = event.field(&self.first)?;
        for name in &self.rest {
            let Value::Object(fields) = found else { return None };
            found = member(fields, name)?;
        }
        Some(found.clone())
    }

    /// Puts a value there, making objects on the way. What is no object on the way stays as it is.
    pub(super) fn put<'a>(&self, event: &mut Event<'a>, value: Value<'a>) {
        let Some((last, between)) = self.rest.split_last() else {
            return self.put_first(event, value);
        };
        if self.is_column() {
            return;
        }
        let fields = object_at(&mut event.fields, &self.first);
        let fields = between.iter().fold(fields, |fields, name| object_at(fields?, name));
        if let Some(fields) = fields {
            fields.retain(|(name, _)| name != last);
            fields.push((Cow::Owned(last.clone()), value));
        }
    }

    /// Puts a value where nothing is; whether it is there now. What is empty is no value.
    pub fn fill<'a>(&self, event: &mut Event<'a>, value: Value<'a>) -> bool {
        if self.get(event).is_some() {
            return false;
        }
        let Some(value) = event::pruned(value) else { return false };
        self.put(event, value);
        self.get(event).is_some()
    }

    fn put_first<'a>(&self, event: &mut Event<'a>, value: Value<'a>) {
        match &*self.first {
            "id" => {
                if let Some(id) = event::text(value) {
                    event.id = id;
                    event.has_own_id = true;
                }
            }
            "timestamp" => {
                event.timestamp = timestamp::microseconds(&value).unwrap_or(event.timestamp);
            }
            "event_message" | "message" => event.event_message = event::text(value),
            _ => {
                event.fields.retain(|(name, _)| *name != self.first);
                event.fields.push((Cow::Owned(self.first.clone()), value));
            }
        }
    }

    fn is_column(&self) -> bool {
        ["id", "timestamp", "event_message", "message"].contains(&&*self.first)
    }

    /// Takes out what is there, in all elements of lists on the way, and what becomes empty by it.
    pub(super) fn remove(&self, event: &mut Event<'_>) {
        remove(&mut event.fields, &self.first, &self.rest);
    }
}

type Fields<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// The last field of the name, which is the one that counts.
pub(super) fn member<'f, 'a>(fields: &'f Fields<'a>, name: &str) -> Option<&'f Value<'a>> {
    fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value)
}

/// The object in the field of this name, made if there is nothing.
fn object_at<'f, 'a>(fields: &'f mut Fields<'a>, name: &str) -> Option<&'f mut Fields<'a>> {
    if member(fields, name).is_none() {
        fields.push((Cow::Owned(name.to_owned()), Value::Object(Vec::new())));
    }
    let found = fields.iter_mut().rev().find(|(field, _)| field == name);
    match found {
        Some((_, Value::Object(fields))) => Some(fields),
        _ => None,
    }
}

fn remove(fields: &mut Fields<'_>, first: &str, rest: &[String]) {
    let Some((next, rest)) = rest.split_first() else {
        return fields.retain(|(name, _)| name != first);
    };
    fields.retain_mut(|(name, value)| name != first || remove_below(value, next, rest));
}

/// Whether something is left.
fn remove_below(value: &mut Value<'_>, first: &str, rest: &[String]) -> bool {
    match value {
        Value::Object(fields) => {
            remove(fields, first, rest);
            !fields.is_empty()
        }
        Value::Array(elements) => {
            elements.retain_mut(|element| remove_below(element, first, rest));
            !elements.is_empty()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{parse, transform::tests::changed};

    #[test]
    fn only_what_is_missing_is_filled() {
        let event = r#"{"message":"m","a":{"b":1},"list":[{"x":1}],"text":"t"}"#;
        for (path, value, expected) in [
            ("a.c", "2", Some(json!({"b": 1, "c": 2}))),
            ("a.c.d", "{\"e\":2,\"f\":null}", Some(json!({"b": 1, "c": {"d": {"e": 2}}}))),
            ("a.b", "2", None),
            ("a", "2", None),
            ("a.b.c", "2", None),
            ("list.y", "2", None),
            ("text.y", "2", None),
            ("event_message", "\"other\"", None),
            ("id", "\"other\"", None),
            ("timestamp", "5", None),
            ("a.c", "\"\"", None),
            ("a.c", "[{}]", None),
        ] {
            let mut filled = false;
            let before = changed(event, |_| {});
            let after = changed(event, |event| {
                filled = EventPath::read(path).unwrap().fill(event, parse(value).unwrap());
            });
            assert_eq!(filled, expected.is_some(), "{path}");
            assert_eq!(after["a"], expected.unwrap_or_else(|| before["a"].clone()), "{path}");
            assert_eq!(after["list"], before["list"], "{path}");
        }
        let nameless = changed("{}", |event| {
            let path = EventPath::read("event_message").unwrap();
            assert!(path.fill(event, Value::String("made".into())));
        });
        assert_eq!(nameless, json!({"event_message": "made"}));
    }
}
