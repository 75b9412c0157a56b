//! Events as the validator reads them: in place, without a second tree.
//!
//! A schema sees one object: `id` (text), `timestamp` (integer, µs), `event_message` (text, or not
//! there) and the other fields.

use std::{borrow::Cow, ptr};

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use serde_json::Number as JsonValueNumber;

use crate::members::{self, Fields, Members};
use crate::{Event, Value};

/// The representation of JSON that events and their values are.
pub(super) struct EventJson;

/// A value that a schema applies to.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// The whole event.
    Event(&'a Event<'a>),
    Id(&'a Event<'a>),
    Timestamp(&'a Event<'a>),
    /// Its message, for events that have one.
    Message(&'a Event<'a>, &'a str),
    /// A value inside one of the other fields.
    Value(&'a Value<'a>),
    /// The name of a field, which schemas can restrict too.
    Name(&'a str),
}

impl Json for EventJson {
    type Node<'a> = Part<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    // A lookup goes through the fields, so one pass is never dearer.
    const KEYS_PER_LOOKUP: usize = 16;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), name: &str, f: impl FnOnce(Part<'_>) -> T) -> T {
        f(Part::Name(name))
    }
}

impl<'a> Node<'a, EventJson> for Part<'a> {
    type Object = ObjectPart<'a>;
    type Array = &'a [Value<'a>];
    type Number = Number<'a>;

    fn as_object(&self) -> Option<ObjectPart<'a>> {
        match *self {
            Self::Event(event) => Some(ObjectPart { event: Some(event), fields: &event.fields }),
            Self::Value(Value::Object(fields)) => Some(ObjectPart { event: None, fields }),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&'a [Value<'a>]> {
        match *self {
            Self::Value(Value::Array(elements)) => Some(elements),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        self.text().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<Number<'a>> {
        match *self {
            Self::Timestamp(event) => Some(Number::Microseconds(event.timestamp)),
            Self::Value(Value::Number(text)) => Some(Number::Text(text)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match *self {
            Self::Value(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }

    fn json_type(&self) -> JsonType {
        match self {
            Self::Event(_) => JsonType::Object,
            Self::Timestamp(_) => JsonType::Number,
            Self::Id(_) | Self::Message(..) | Self::Name(_) => JsonType::String,
            Self::Value(value) => match value {
                Value::Null => JsonType::Null,
                Value::Bool(_) => JsonType::Boolean,
                Value::Number(_) => JsonType::Number,
                Value::String(_) => JsonType::String,
                Value::Array(_) => JsonType::Array,
                Value::Object(_) => JsonType::Object,
            },
        }
    }

    fn string_length(&self) -> Option<u64> {
        self.text().map(|text| text.chars().count() as u64)
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        match (self.text(), expected) {
            (Some(text), serde_json::Value::String(expected)) => text == expected,
            (Some(_), _) => false,
            (None, _) => jsonschema::json::cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(match *self {
            Self::Timestamp(event) => event.timestamp.into(),
            Self::Value(value) => copy(value),
            _ => match (self.as_object(), self.text()) {
                (Some(object), _) => {
                    let members = object.members().map(|(name, part)| {
                        (name.to_owned(), Node::<EventJson>::to_value(&part).into_owned())
                    });
                    serde_json::Value::Object(members.collect())
                }
                (None, Some(text)) => text.into(),
                (None, None) => serde_json::Value::Null,
            },
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        let (address, tag) = match *self {
            Self::Event(event) => (ptr::from_ref(event).addr(), 1),
            Self::Id(event) => (ptr::from_ref(event).addr(), 2),
            Self::Timestamp(event) => (ptr::from_ref(event).addr(), 3),
            Self::Message(event, _) => (ptr::from_ref(event).addr(), 4),
            Self::Value(value) => (ptr::from_ref(value).addr(), 0),
            // One name is looked at at a time.
            Self::Name(name) => (name.as_ptr().addr(), 5),
        };
        Some(NodeIdentity::tagged(address, tag))
    }
}

impl<'a> Part<'a> {
    fn text(&self) -> Option<&'a str> {
        match *self {
            Self::Id(event) => Some(&event.id),
            Self::Message(_, text) | Self::Name(text) => Some(text),
            Self::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

fn copy(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(text) => Number::Text(text).to_number().into_owned().into(),
        Value::String(text) => text.as_ref().into(),
        Value::Array(elements) => elements.iter().map(copy).collect(),
        Value::Object(fields) => {
            members::members(fields).map(|(name, value)| (name, copy(value))).collect()
        }
    }
}

/// An object: the event with its columns, or one inside it.
pub(super) struct ObjectPart<'a> {
    event: Option<&'a Event<'a>>,
    fields: Fields<'a, 'a>,
}

impl<'a> Object<'a, EventJson> for ObjectPart<'a> {
    type Node = Part<'a>;
    type MemberName = &'a str;
    type MembersIter = MemberParts<'a>;

    fn len(&self) -> usize {
        let columns = self.event.map_or(0, |event| 2 + usize::from(event.event_message.is_some()));
        columns + members::count(self.fields)
    }

    fn get(&self, key: &String) -> Option<Part<'a>> {
        if let Some(event) = self.event {
            match key.as_str() {
                "id" => return Some(Part::Id(event)),
                "timestamp" => return Some(Part::Timestamp(event)),
                "event_message" => return message(event),
                _ => {}
            }
        }
        let last = self.fields.iter().rev().find(|(name, _)| name == key);
        last.map(|(_, value)| Part::Value(value))
    }

    fn members(&self) -> MemberParts<'a> {
        MemberParts { event: self.event, column: 0, members: members::members(self.fields) }
    }
}

fn message<'a>(event: &'a Event<'a>) -> Option<Part<'a>> {
    event.event_message.as_deref().map(|text| Part::Message(event, text))
}

/// An object's names and values: the columns of an event first.
pub(super) struct MemberParts<'a> {
    event: Option<&'a Event<'a>>,
    column: u8,
    members: Members<'a, 'a>,
}

impl<'a> Iterator for MemberParts<'a> {
    type Item = (&'a str, Part<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(event) = self.event {
            self.column += 1;
            match self.column {
                1 => return Some(("id", Part::Id(event))),
                2 => return Some(("timestamp", Part::Timestamp(event))),
                _ => self.event = None,
            }
            if let Some(message) = message(event) {
                return Some(("event_message", message));
            }
        }
        self.members.next().map(|(name, value)| (name, Part::Value(value)))
    }
}

impl<'a> Array<'a, EventJson> for &'a [Value<'a>] {
    type Node = Part<'a>;
    type ElementsIter =
        std::iter::Map<std::slice::Iter<'a, Value<'a>>, fn(&'a Value<'a>) -> Part<'a>>;

    fn len(&self) -> usize {
        <[Value<'a>]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter().map(Part::Value)
    }
}

/// A number of any size.
#[derive(Clone, Copy)]
pub(super) enum Number<'a> {
    Text(&'a str),
    Microseconds(i64),
}

impl JsonNumber for Number<'_> {
    fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Text(text) => text.parse().ok(),
            Self::Microseconds(micros) => micros.try_into().ok(),
        }
    }

    fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Text(text) => text.parse().ok(),
            Self::Microseconds(micros) => Some(micros),
        }
    }

    fn as_f64(&self) -> Option<f64> {
        self.as_str().parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        match *self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Microseconds(micros) => Cow::Owned(micros.to_string()),
        }
    }

    fn to_number(&self) -> Cow<'_, JsonValueNumber> {
        let number = match *self {
            Self::Microseconds(micros) => micros.into(),
            Self::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| beyond_f64(text)),
        };
        Cow::Owned(number)
    }

    fn is_integer(&self) -> bool {
        match self {
            Self::Text(text) => is_whole(text),
            Self::Microseconds(_) => true,
        }
    }
}

/// The nearest number that serde_json holds.
fn beyond_f64(text: &str) -> JsonValueNumber {
    let most = if text.starts_with('-') { f64::MIN } else { f64::MAX };
    JsonValueNumber::from_f64(most).unwrap_or_else(|| 0.into())
}

/// Whether a JSON number is a whole one: `5`, `5.0`, `1.5e3`, also of any size.
fn is_whole(text: &str) -> bool {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return true;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    if mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-')) {
        return true;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let zeros = whole.len() - whole.trim_end_matches('0').len();
    match exponent.parse::<i64>() {
        // The point moves right over all of the fraction, or left over zeros only.
        Ok(moved) if fraction.is_empty() => moved >= 0 || moved.unsigned_abs() <= zeros as u64,
        Ok(moved) => moved >= 0 && moved.unsigned_abs() >= fraction.len() as u64,
        Err(_) => !exponent.starts_with('-'),
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::json::conformance;
    use proptest::prelude::*;

    use super::*;
    use crate::parse;

    #[test]
    fn is_json_as_the_validator_wants_it() {
        let text = conformance::document().to_string();
        let value = parse(&text).unwrap();
        conformance::assert_conformance::<EventJson>(&Part::Value(&value));
    }

    #[test]
    fn an_event_is_an_object_with_its_columns() {
        let fields = vec![
            ("b".into(), Value::Bool(true)),
            ("a".into(), Value::Null),
            ("b".into(), Value::Number("1e400".into())),
        ];
        let mut event = Event {
            id: "7".into(),
            has_own_id: true,
            timestamp: -5,
            event_message: Some("m".into()),
            fields,
        };
        let seen = |event: &Event<'_>| {
            let object = Part::Event(event).as_object().unwrap();
            let names: Vec<_> = object.members().map(|(name, _)| name.to_owned()).collect();
            assert_eq!(object.len(), names.len());
            for name in &names {
                let got = object.get(name).unwrap();
                let met = object.members().find(|(other, _)| other == name).unwrap().1;
                assert_eq!(got.identity(), met.identity());
            }
            (names, Part::Event(event).to_value().into_owned())
        };
        let all = serde_json::json!(
            {"id": "7", "timestamp": -5, "event_message": "m", "a": null, "b": f64::MAX}
        );
        assert_eq!(seen(&event), (vec_of(["id", "timestamp", "event_message", "a", "b"]), all));
        event.event_message = None;
        event.fields.clear();
        let few = serde_json::json!({"id": "7", "timestamp": -5});
        assert_eq!(seen(&event), (vec_of(["id", "timestamp"]), few));
    }

    fn vec_of<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    #[test]
    fn parts_are_told_apart() {
        let event = Event {
            has_own_id: true,
            id: "".into(),
            timestamp: 0,
            event_message: Some("".into()),
            fields: vec![("a".into(), Value::Array(vec![Value::Null, Value::Null]))],
        };
        let root = Part::Event(&event);
        let object = root.as_object().unwrap();
        let mut parts: Vec<_> = object.members().map(|(_, part)| part).collect();
        parts.extend(parts.last().unwrap().as_array().unwrap().elements());
        parts.push(root);
        for (place, part) in parts.iter().enumerate() {
            assert!(parts[..place].iter().all(|other| other.identity() != part.identity()));
        }
    }

    #[test]
    fn whole_numbers_of_any_size() {
        for whole in [
            "0",
            "-5",
            "5.0",
            "-0.000",
            "1e400",
            "1.5e1",
            "150e-1",
            "0e-99999999999999999999",
            "123456789012345678901234567890",
            "1E+99999999999999999999",
            "0.0e-5",
            "10.00e-1",
        ] {
            assert!(is_whole(whole), "{whole}");
        }
        for fraction in ["5.5", "1.25e1", "15e-1", "1e-99999999999999999999", "0.5", "10.50e-1"] {
            assert!(!is_whole(fraction), "{fraction}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_those_without_a_fraction(number in -1e6..1e6f64, digits in 0..4usize) {
            for text in [format!("{number:.digits$}"), format!("{number:.digits$e}")] {
                let float: f64 = text.parse().unwrap();
                prop_assert_eq!(is_whole(&text), float.fract() == 0.0, "{}", text);
            }
        }
    }
}
