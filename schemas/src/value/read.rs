//! JSON text to values.
//!
//! serde_json reads; this decides what becomes of what it refuses but an event may well hold:
//! numbers of any size, nesting without an end, lone surrogates, bytes that are not UTF-8.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess,
    SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{MAX_DEPTH, MAX_VALUES, Value, number::number};

/// Why a text is not read as a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON.
    #[error("{0}")]
    NotJson(String),
    /// It is more than one value may be.
    #[error(transparent)]
    TooManyValues(#[from] TooManyValues),
}

/// A value that holds too many others, which take many times the memory of their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it holds more than {MAX_VALUES} values; send it in several events")]
pub struct TooManyValues;

/// Makes bytes readable that senders get wrong, changing as little as possible: bytes that are
/// not UTF-8, and the escapes of lone surrogates and of U+0000 (which PostgreSQL cannot store),
/// become U+FFFD. Costs next to nothing where there is nothing to do.
pub fn repair(body: Vec<u8>) -> String {
    let mut body = match String::from_utf8(body) {
        Ok(text) => text.into_bytes(),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into_bytes(),
    };
    patch_escapes(&mut body);
    // The patches are ASCII on ASCII.
    String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// `\u0000`, `\ud800` … become `\ufffd`, which has as many bytes.
fn patch_escapes(body: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &body[at..]) {
        let start = at + found;
        let unit = code_unit(body, start);
        at = start + if unit.is_some() { 6 } else { 2 };
        let replace = match unit {
            Some(0 | 0xdc00..=0xdfff) => true,
            Some(0xd800..=0xdbff) => {
                let paired = matches!(code_unit(body, at), Some(0xdc00..=0xdfff));
                if paired {
                    at += 6;
                }
                !paired
            }
            _ => false,
        };
        if replace {
            body[start + 2..start + 6].copy_from_slice(b"fffd");
        }
        if at >= body.len() {
            return;
        }
    }
}

/// The code unit of an escape `\uXXXX` at this place.
fn code_unit(body: &[u8], at: usize) -> Option<u16> {
    let escape = body.get(at..at + 6)?;
    if escape[..2] != *b"\\u" || !escape[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
}

/// Reads one value. A number that PostgreSQL cannot store (it has more than 131,072 digits before
/// the point, or 16,383 after it) is rounded to a float, or kept as text where it is too large.
///
/// # Errors
/// Where the text is no JSON, or the value holds more than [`MAX_VALUES`] others.
pub fn parse(text: &str) -> Result<Value<'_>, Unreadable> {
    parse_at(text, 0)
}

/// Reads a list, handing over each element as soon as it is read, so that no more than one of them
/// is held. Of one that holds too many values comes the text. Those that come before a fault are
/// handed over before it is found.
///
/// # Errors
/// [`Unreadable::NotJson`], nothing else.
pub fn parse_elements<'a>(
    text: &'a str,
    each: &mut dyn FnMut(Result<Value<'a>, (&'a str, TooManyValues)>),
) -> Result<(), Unreadable> {
    let mut taken = 0;
    let mut reader = serde_json::Deserializer::from_str(text);
    let fast = Elements { each: &mut *each, taken: &mut taken, slowly_from: usize::MAX };
    if reader.deserialize_seq(fast).and_then(|()| reader.end()).is_ok() {
        return Ok(());
    }
    // The slow way goes on where the fast one gave up.
    let slow = Elements { each, taken: &mut 0, slowly_from: taken };
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_seq(slow).and_then(|()| reader.end()).map_err(not_json)
}

/// Reads an object's fields in order, the text of each one's value in place of the value.
///
/// # Errors
/// Where the text is no JSON object, or there are more than [`MAX_VALUES`] fields.
pub fn parse_fields(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Unreadable> {
    let left = Left::all();
    let mut reader = serde_json::Deserializer::from_str(text);
    let fields = reader
        .deserialize_map(RawFields(&left))
        .and_then(|fields| reader.end().map(|()| fields))
        .map_err(|error| left.fault(error))?;
    Ok(fields.into_iter().map(|(name, raw)| (name, raw.get())).collect())
}

/// Reads a value that lies this deep.
fn parse_at(text: &str, depth: usize) -> Result<Value<'_>, Unreadable> {
    let left = Left::all();
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = Seed { depth, left: &left };
    let read = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(value) => return Ok(value),
        Err(_) if left.is_used_up() => {}
        // A number out of range, most likely. The slow way keeps every number's text.
        Err(_) => {
            let left = Left::all();
            let raw: &RawValue = serde_json::from_str(text).map_err(not_json)?;
            left.take().map_err(not_json)?;
            return parse_raw(raw.get(), depth, &left).map_err(|error| left.fault(error));
        }
    }
    // Whether it is JSON at all counts more.
    serde_json::from_str::<&RawValue>(text).map_err(not_json)?;
    Err(TooManyValues.into())
}

fn not_json(error: serde_json::Error) -> Unreadable {
    Unreadable::NotJson(error.to_string())
}

/// How many values may still be read.
#[derive(Debug)]
struct Left(Cell<Option<usize>>);

impl Left {
    fn all() -> Self {
        Self(Cell::new(Some(MAX_VALUES)))
    }

    fn is_used_up(&self) -> bool {
        self.0.get().is_none()
    }

    /// One more value.
    fn take<E: serde::de::Error>(&self) -> Result<(), E> {
        let left = self.0.get().and_then(|left| left.checked_sub(1));
        self.0.set(left);
        left.map(|_| ()).ok_or_else(|| E::custom(TooManyValues))
    }

    /// What an error of a reader means that took from this.
    fn fault(&self, error: serde_json::Error) -> Unreadable {
        if self.is_used_up() { TooManyValues.into() } else { not_json(error) }
    }
}

/// Hands over a list's elements, all of which lie one deep.
struct Elements<'f, 'a> {
    each: &'f mut dyn FnMut(Result<Value<'a>, (&'a str, TooManyValues)>),
    /// How many are handed over.
    taken: &'f mut usize,
    /// The first that is read slowly. Where there is one, those before it were handed over already.
    slowly_from: usize,
}

impl<'a> Visitor<'a> for Elements<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        if self.slowly_from == usize::MAX {
            loop {
                let left = Left::all();
                let seed = Seed { depth: 1, left: &left };
                let Some(element) = list.next_element_seed(seed)? else { return Ok(()) };
                *self.taken += 1;
                (self.each)(Ok(element));
            }
        }
        while *self.taken < self.slowly_from && list.next_element::<IgnoredAny>()?.is_some() {
            *self.taken += 1;
        }
        while let Some(raw) = list.next_element::<&RawValue>()? {
            (self.each)(match parse_at(raw.get(), 1) {
                Err(Unreadable::NotJson(error)) => return Err(A::Error::custom(error)),
                Err(Unreadable::TooManyValues(error)) => Err((raw.get(), error)),
                Ok(element) => Ok(element),
            });
        }
        Ok(())
    }
}

/// Reads a value piece by piece, numbers as text. The value itself is taken from `left` already.
fn parse_raw<'a>(text: &'a str, depth: usize, left: &Left) -> Result<Value<'a>, serde_json::Error> {
    let text = text.trim_ascii();
    let mut reader = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth >= MAX_DEPTH => Ok(Value::String(Cow::Borrowed(text))),
        Some(b'{') => {
            let fields = reader.deserialize_map(RawFields(left))?.into_iter();
            let fields = fields.map(|(key, raw)| Ok((key, parse_raw(raw.get(), depth + 1, left)?)));
            fields.collect::<Result<_, _>>().map(Value::Object)
        }
        Some(b'[') => {
            let raw = reader.deserialize_seq(RawElements(left))?.into_iter();
            raw.map(|raw| parse_raw(raw.get(), depth + 1, left))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') => Ok(number(text)),
        _ => Seed { depth, left: &Left::all() }.deserialize(&mut reader),
    }
}

/// Reads an object's fields in order, their values unread.
struct RawFields<'l>(&'l Left);

impl<'de> Visitor<'de> for RawFields<'_> {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            self.0.take()?;
            fields.push((key, map.next_value()?));
        }
        Ok(fields)
    }
}

/// Reads a list's elements, themselves unread.
struct RawElements<'l>(&'l Left);

impl<'de> Visitor<'de> for RawElements<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(raw) = list.next_element()? {
            self.0.take()?;
            elements.push(raw);
        }
        Ok(elements)
    }
}

/// A string that borrows where it can.
struct Text<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Reads a value that lies this deep.
#[derive(Clone, Copy)]
struct Seed<'l> {
    depth: usize,
    left: &'l Left,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value<'de>, D::Error> {
        self.left.take()?;
        if self.depth < MAX_DEPTH {
            return deserializer.deserialize_any(self);
        }
        // A raw value is skipped without recursion, however deep it is.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with(['{', '[']) {
            return Ok(Value::String(Cow::Borrowed(raw)));
        }
        parse_raw(raw, self.depth, self.left).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value<'de>, E> {
        // A whole number of more than 64 bits comes as a rounded float; the other way of reading
        // keeps its digits.
        if value.abs() >= 1e15 {
            return Err(E::custom("a number that a float may not hold"));
        }
        let number =
            serde_json::Number::from_f64(value).ok_or_else(|| E::custom("not a number"))?;
        Ok(Value::Number(Cow::Owned(number.to_string())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element_seed(Self { depth: self.depth + 1, ..self })? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            fields.push((key, map.next_value_seed(Self { depth: self.depth + 1, ..self })?));
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again(text: &str) -> String {
        parse(text).unwrap().to_json()
    }

    #[test]
    fn keeps_values() {
        for text in [
            r#"{"a":[1,-2.5,true,null,"x\"\\\n\u0001é"],"b":{}}"#,
            "123456789012345678901234567890",
            r#"{"big":1e400,"deep":{"small":-1E-999}}"#,
            "18446744073709551615",
            "[]",
        ] {
            assert_eq!(again(text), text);
        }
        assert_eq!(again(" [ 1 , 2 ] "), "[1,2]");
        assert!(parse("[1,]").is_err() && parse("").is_err() && parse("1 2").is_err());
        // The place of the fault, not of the number that only made the reading slow.
        let error = parse("[1e400,\n nonsense]").unwrap_err().to_string();
        assert!(error.contains("at line 2"), "{error}");
    }

    #[test]
    fn keeps_what_lies_too_deep_as_text() {
        for levels in [MAX_DEPTH + 1, 200, 100_000] {
            let text = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
            let parsed = parse(&text).unwrap();
            let (mut value, mut depth) = (&parsed, 0);
            while let Value::Array(elements) = value {
                value = &elements[0];
                depth += 1;
            }
            assert_eq!(depth, MAX_DEPTH);
            let rest = levels - MAX_DEPTH;
            assert_eq!(
                *value,
                Value::String(format!("{}1{}", "[".repeat(rest), "]".repeat(rest)).into())
            );
        }
    }

    /// What is handed over, and whether the list is one.
    fn elements(text: &str) -> (Vec<String>, Result<(), Unreadable>) {
        let mut elements = Vec::new();
        let result = parse_elements(text, &mut |element| {
            elements
                .push(element.map_or_else(|(text, _)| text.to_owned(), |value| value.to_json()));
        });
        (elements, result)
    }

    #[test]
    fn hands_over_elements() {
        for (text, expected) in [
            ("[]", &[][..]),
            (" [ {\"a\": [1]} , 2,\n null ] ", &[r#"{"a":[1]}"#, "2", "null"]),
            ("[1,2,1e400,3]", &["1", "2", "1e400", "3"]),
            ("[{\"a\":[1,{\"b\":1e400}]},2]", &[r#"{"a":[1,{"b":1e400}]}"#, "2"]),
        ] {
            assert_eq!(
                elements(text),
                (expected.iter().map(ToString::to_string).collect(), Ok(()))
            );
        }
        for (text, place) in [
            ("[1,2", "line 1 column 4"),
            ("[1,\n2] 3", "line 2 column 4"),
            ("[1e400,2,\n,]", "line 2 column 1"),
            ("{}", "a list"),
            ("", "line 1 column 0"),
        ] {
            let error = elements(text).1.unwrap_err().to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    /// Of a value, of one that is read slowly, and of its text where it is an element.
    #[test]
    fn reads_only_so_many_values() {
        let zeros = |count: usize, first: &str| format!("[{first}{}]", ",0".repeat(count - 1));
        let fields = |count: usize| {
            let fields: Vec<_> = (0..count).map(|_| r#""":0"#).collect();
            format!("{{{}}}", fields.join(","))
        };
        for (most, more) in [
            (zeros(MAX_VALUES - 1, "0"), zeros(MAX_VALUES, "0")),
            (zeros(MAX_VALUES - 1, "1e400"), zeros(MAX_VALUES, "1e400")),
            (fields(MAX_VALUES - 1), fields(MAX_VALUES)),
            (format!("[[{}]]", zeros(9, "0")), format!("[[{}]]", zeros(MAX_VALUES - 2, "0"))),
        ] {
            assert_eq!(again(&most), most);
            assert_eq!(parse(&more), Err(TooManyValues.into()));
            let list = format!("[1,{more},{{\"a\":2}},1e999]");
            let (found, result) = elements(&list);
            assert_eq!(result, Ok(()));
            assert_eq!(found, ["1", more.as_str(), r#"{"a":2}"#, "1e999"]);
        }
        assert_eq!(parse_fields(&fields(MAX_VALUES)).unwrap().len(), MAX_VALUES);
        assert_eq!(parse_fields(&fields(MAX_VALUES + 1)), Err(TooManyValues.into()));
        let cut = zeros(MAX_VALUES, "0").replace(']', "");
        assert!(matches!(parse(&cut), Err(Unreadable::NotJson(_))));
    }

    #[test]
    fn leaves_values_of_fields_as_text() {
        let fields = parse_fields(r#" {"a" : [1, 2], "b\n":"x", "a":{} } "#).unwrap();
        let fields: Vec<_> = fields.iter().map(|(name, text)| (&**name, *text)).collect();
        assert_eq!(fields, [("a", "[1, 2]"), ("b\n", r#""x""#), ("a", "{}")]);
        for text in ["[]", "{", r#"{"a":}"#, "{} {}"] {
            assert!(parse_fields(text).is_err(), "{text}");
        }
    }

    #[test]
    fn repairs() {
        for (from, to) in [
            (&br#""a\u0000b""#[..], r#""a\ufffdb""#),
            (br#""\\u0000""#, r#""\\u0000""#),
            (br#""\\\u0000""#, r#""\\\ufffd""#),
            (br#""\ud83d\ude00 \uD83D\uDE00""#, r#""\ud83d\ude00 \uD83D\uDE00""#),
            (br#""\ud800 \udc00 \ud800\ud83d\ude00""#, r#""\ufffd \ufffd \ufffd\ud83d\ude00""#),
            (br#""\ud800"#, r#""\ufffd"#),
            (b"\"\xff\"", "\"\u{fffd}\""),
            (br"\", r"\"),
        ] {
            assert_eq!(repair(from.to_vec()), to);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&repair(bytes));
        }

        #[test]
        fn elements_are_those_of_the_list(text in r#"\[([0-9a"{}\[\], ]|1e999|"a":){0,12}\]"#) {
            let (elements, result) = elements(&text);
            match parse(&text) {
                Ok(Value::Array(list)) => {
                    prop_assert_eq!(result, Ok(()));
                    let list: Vec<_> = list.iter().map(Value::to_json).collect();
                    prop_assert_eq!(elements, list);
                }
                _ => prop_assert!(result.is_err()),
            }
        }

        #[test]
        fn what_serde_reads_is_read_alike(text in r#"[\[\]{}:,"a0-9eE.+\\u d-]{0,40}"#) {
            let text = repair(text.into_bytes());
            let serde: Result<serde_json::Value, _> = serde_json::from_str(&text);
            if let Ok(expected) = serde {
                let ours: serde_json::Value = serde_json::from_str(&again(&text)).unwrap();
                prop_assert_eq!(ours.to_string().len(), expected.to_string().len());
            }
        }
    }
}
