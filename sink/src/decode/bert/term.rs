//! One term after the other, as values. Every length is checked against what is there, nothing is
//! reserved for what is only announced, and what is nested too deeply is refused. Of an event, no more
//! than so many values are kept. Names are never made of what holds others: as JSON in JSON in JSON, a
//! few bytes would become gigabytes.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use event_schemas::{MAX_DEPTH, MAX_VALUES, TooManyValues, Value};

use super::super::lossy;
use crate::records::Record;

/// The first byte of a term.
pub(in super::super) const VERSION: u8 = 131;

type Result<T> = std::result::Result<T, &'static str>;

const CUT: &str = "it is cut";
const DEEP: &str = "it is nested too deeply";

mod tag {
    pub(super) const NEW_FLOAT: u8 = 70;
    pub(super) const NEW_PID: u8 = 88;
    pub(super) const NEWER_REFERENCE: u8 = 90;
    pub(super) const SMALL_INTEGER: u8 = 97;
    pub(super) const INTEGER: u8 = 98;
    pub(super) const FLOAT: u8 = 99;
    pub(super) const ATOM: u8 = 100;
    pub(super) const PID: u8 = 103;
    pub(super) const SMALL_TUPLE: u8 = 104;
    pub(super) const LARGE_TUPLE: u8 = 105;
    pub(super) const NIL: u8 = 106;
    pub(super) const STRING: u8 = 107;
    pub(super) const LIST: u8 = 108;
    pub(super) const BINARY: u8 = 109;
    pub(super) const SMALL_BIG: u8 = 110;
    pub(super) const NEW_REFERENCE: u8 = 114;
    pub(super) const SMALL_ATOM: u8 = 115;
    pub(super) const MAP: u8 = 116;
    pub(super) const ATOM_UTF8: u8 = 118;
    pub(super) const SMALL_ATOM_UTF8: u8 = 119;
}

/// Reads terms from where it stands.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
    /// How many values of the event may still be kept.
    left: usize,
    /// Why the event is none.
    fault: Option<Fault>,
}

/// Why a term that can be read is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Some of its values were not kept.
    TooManyValues,
    /// A map, a list or a tuple stands where a name has to be.
    NoName,
}

impl<'a> Reader<'a> {
    pub(super) fn new(term: &'a [u8]) -> Self {
        Self { rest: term, depth: 0, left: MAX_VALUES, fault: None }
    }

    /// Reads and keeps nothing.
    pub(super) fn passing(term: &'a [u8]) -> Self {
        Self { left: 0, fault: Some(Fault::TooManyValues), ..Self::new(term) }
    }

    /// How many elements the list has that comes next: one more than it says, where it is none of
    /// Erlang's own; none, where it is no list.
    pub(super) fn announced(&self) -> Result<usize> {
        let mut ahead = self.clone();
        if ahead.rest.first() != Some(&tag::LIST) {
            return Ok(0);
        }
        ahead.byte()?;
        let length = ahead.length()?;
        // Each has a byte.
        Ok(length.saturating_add(1).min(ahead.rest.len()))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.rest.first(), Some(&(tag::LIST | tag::NIL)))
    }

    /// Steps into a map and gives the number of its pairs; None, where there is none.
    pub(super) fn map(&mut self) -> Result<Option<usize>> {
        if self.rest.first() != Some(&tag::MAP) {
            return Ok(None);
        }
        self.byte()?;
        self.length().map(Some)
    }

    /// The name of a pair, and its value; None where there are too many.
    pub(super) fn pair(&mut self) -> Result<Option<(Cow<'a, str>, Value<'a>)>> {
        let name = self.name()?;
        let value = self.kept()?;
        Ok(value.map(|value| self.named(name, value)))
    }

    /// What stands in the place of a pair's name. A text, as nearly all are, is not counted.
    pub(super) fn name(&mut self) -> Result<Value<'a>> {
        let left = self.left;
        let name = self.value()?;
        if let Value::String(_) = name {
            self.left = left;
        }
        Ok(name)
    }

    /// A pair. Where the name is none, both are kept under no name, to be seen.
    fn named(&mut self, name: Value<'a>, value: Value<'a>) -> (Cow<'a, str>, Value<'a>) {
        match name {
            Value::String(name) | Value::Number(name) => (name, value),
            Value::Null | Value::Bool(_) => (name.to_json().into(), value),
            Value::Array(_) | Value::Object(_) => {
                self.fault.get_or_insert(Fault::NoName);
                (Cow::Borrowed(""), Value::Array(vec![name, value]))
            }
        }
    }

    /// Hands over the elements of a list as events.
    pub(super) fn events(&mut self, each: &mut dyn FnMut(Record<'a>)) -> Result<()> {
        self.elements(&mut |reader| {
            (reader.left, reader.fault) = (MAX_VALUES, None);
            let value = reader.value()?;
            each(reader.event(value));
            Ok(())
        })
    }

    /// Steps over a list, reading all of it.
    pub(super) fn pass_over(&mut self) -> Result<()> {
        let (left, fault) = (self.left, self.fault);
        self.events(&mut |_| {})?;
        (self.left, self.fault) = (left, fault);
        Ok(())
    }

    /// What was read as a record, which it is not where values of it were left out, or names are none.
    pub(super) fn event(&self, value: Value<'a>) -> Record<'a> {
        let reason = match self.fault {
            None => return Record::Value(value),
            Some(Fault::TooManyValues) => TooManyValues.to_string(),
            Some(Fault::NoName) => {
                "a name is no text: a map has a map, a list or a tuple for a key".to_owned()
            }
        };
        Record::Unreadable { text: value.to_json().into(), reason }
    }

    /// A term.
    pub(super) fn value(&mut self) -> Result<Value<'a>> {
        if self.depth >= MAX_DEPTH {
            return Err(DEEP);
        }
        self.depth += 1;
        self.count(1);
        let value = self.tagged();
        self.depth -= 1;
        value
    }

    /// A term, where it can be kept. It is read in any case, to know where the next one begins.
    fn kept(&mut self) -> Result<Option<Value<'a>>> {
        let value = self.value()?;
        Ok((!self.is_cut()).then_some(value))
    }

    fn is_cut(&self) -> bool {
        self.fault == Some(Fault::TooManyValues)
    }

    fn count(&mut self, values: usize) {
        match self.left.checked_sub(values) {
            Some(left) => self.left = left,
            None => self.fault = Some(Fault::TooManyValues),
        }
    }

    /// Steps through a list, each element by `element`.
    fn elements(&mut self, element: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if self.byte()? == tag::NIL {
            return Ok(());
        }
        for _ in 0..self.length()? {
            element(self)?;
        }
        // Behind them is the list's end, which is an element in lists that are none.
        if self.rest.first() == Some(&tag::NIL) { self.byte().map(|_| ()) } else { element(self) }
    }

    fn tagged(&mut self) -> Result<Value<'a>> {
        if self.is_list() {
            let mut elements = Vec::new();
            self.elements(&mut |reader| {
                elements.extend(reader.kept()?);
                Ok(())
            })?;
            return Ok(Value::Array(elements));
        }
        match self.byte()? {
            tag::SMALL_INTEGER => self.byte().map(number),
            tag::INTEGER => self.array().map(|bytes| number(i32::from_be_bytes(bytes))),
            tag::SMALL_BIG => self.big(),
            tag::NEW_FLOAT => self.array().map(|bytes| float(f64::from_be_bytes(bytes))),
            tag::FLOAT => {
                let text = lossy::borrowed(self.take(31)?);
                let text = text.trim_end_matches(['\u{fffd}', ' ']);
                text.parse().map(float).map_err(|_| "a float is none")
            }
            tag::BINARY => {
                let length = self.length()?;
                self.text(length).map(Value::String)
            }
            tag::STRING => {
                let length = usize::from(u16::from_be_bytes(self.array()?));
                let bytes = self.take(length)?;
                if is_text(bytes) {
                    return Ok(Value::String(lossy::borrowed(bytes)));
                }
                self.count(length);
                let kept = if self.is_cut() { &[] } else { bytes };
                Ok(Value::Array(kept.iter().map(number).collect()))
            }
            tag::ATOM | tag::ATOM_UTF8 => {
                let length = usize::from(u16::from_be_bytes(self.array()?));
                self.text(length).map(atom)
            }
            tag::SMALL_ATOM | tag::SMALL_ATOM_UTF8 => {
                let length = usize::from(self.byte()?);
                self.text(length).map(atom)
            }
            tag::SMALL_TUPLE => {
                let length = usize::from(self.byte()?);
                self.tuple(length)
            }
            tag::LARGE_TUPLE => {
                let length = self.length()?;
                self.tuple(length)
            }
            tag::MAP => {
                let mut fields = Vec::new();
                for _ in 0..self.length()? {
                    fields.extend(self.pair()?);
                }
                Ok(Value::Object(fields))
            }
            tag @ (tag::PID | tag::NEW_PID) => {
                self.value()?;
                let (id, serial) =
                    (u32::from_be_bytes(self.array()?), u32::from_be_bytes(self.array()?));
                self.take(if tag == tag::PID { 1 } else { 4 })?;
                Ok(Value::String(format!("#PID<0.{id}.{serial}>").into()))
            }
            tag @ (tag::NEW_REFERENCE | tag::NEWER_REFERENCE) => {
                let count = u16::from_be_bytes(self.array()?);
                self.value()?;
                self.take(if tag == tag::NEW_REFERENCE { 1 } else { 4 })?;
                let numbers = (0..count).map(|_| self.array().map(u32::from_be_bytes));
                let numbers: Vec<_> = numbers.collect::<Result<_>>()?;
                let numbers: Vec<_> = numbers.iter().rev().map(ToString::to_string).collect();
                Ok(Value::String(format!("#Reference<0.{}>", numbers.join(".")).into()))
            }
            _ => Err("it holds terms that are no data, such as functions and ports"),
        }
    }

    /// A tuple is a list, but for those by which BERT says what Erlang has no term for.
    fn tuple(&mut self, length: usize) -> Result<Value<'a>> {
        let mut elements = Vec::new();
        for _ in 0..length {
            elements.extend(self.kept()?);
        }
        Ok(match &mut elements[..] {
            [Value::String(bert), what] if bert == "bert" => std::mem::replace(what, Value::Null),
            [Value::String(bert), Value::String(kind), Value::Array(pairs)]
                if bert == "bert" && kind == "dict" =>
            {
                let pairs = std::mem::take(pairs).into_iter().filter_map(|pair| match pair {
                    Value::Array(pair) => <[Value<'a>; 2]>::try_from(pair).ok(),
                    _ => None,
                });
                Value::Object(pairs.map(|[name, value]| self.named(name, value)).collect())
            }
            [Value::String(bert), Value::String(kind), times @ ..]
                if bert == "bert" && kind == "time" =>
            {
                time(times).unwrap_or(Value::Null)
            }
            _ => Value::Array(elements),
        })
    }

    /// Little-endian, behind its length and its sign.
    fn big(&mut self) -> Result<Value<'a>> {
        let length = usize::from(self.byte()?);
        let negative = self.byte()? != 0;
        // Groups of nine digits, the lowest first.
        let mut groups = vec![0_u64];
        for byte in self.take(length)?.iter().rev() {
            let mut carry = u64::from(*byte);
            for group in &mut groups {
                let sum = *group * 256 + carry;
                (*group, carry) = (sum % 1_000_000_000, sum / 1_000_000_000);
            }
            if carry > 0 {
                groups.push(carry);
            }
        }
        let mut groups = groups.iter().rev();
        let mut text = if negative { "-".to_owned() } else { String::new() };
        text.push_str(&groups.next().copied().unwrap_or_default().to_string());
        groups.for_each(|group| text.push_str(&format!("{group:09}")));
        Ok(Value::Number(text.into()))
    }

    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or(CUT)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CUT)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| CUT)
    }

    fn text(&mut self, length: usize) -> Result<Cow<'a, str>> {
        self.take(length).map(lossy::borrowed)
    }
}

fn atom(text: Cow<'_, str>) -> Value<'_> {
    match text.as_ref() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "nil" | "null" => Value::Null,
        _ => Value::String(text),
    }
}

fn number<'a>(number: impl ToString) -> Value<'a> {
    Value::Number(number.to_string().into())
}

fn float<'a>(value: f64) -> Value<'a> {
    serde_json::Number::from_f64(value).map_or(Value::Null, number)
}

/// Whether a list of small numbers is a text of Erlang's, as it most often is.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Millions of seconds, seconds, microseconds.
fn time<'a>(parts: &[Value<'_>]) -> Option<Value<'a>> {
    let part = |value: &Value<'_>| match value {
        Value::Number(number) => number.parse::<i64>().ok(),
        _ => None,
    };
    let [millions, seconds, micros] = parts else { return None };
    let seconds = part(millions)?.checked_mul(1_000_000)?.checked_add(part(seconds)?)?;
    let micros = seconds.checked_mul(1_000_000)?.checked_add(part(micros)?)?;
    let time = DateTime::from_timestamp_micros(micros)?;
    Some(Value::String(time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(term: &[u8]) -> Result<String> {
        Reader::new(term).value().map(|value| value.to_json())
    }

    /// A binary.
    fn binary(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[109][..], &length, text.as_bytes()].concat()
    }

    fn small_atom(text: &str) -> Vec<u8> {
        [&[119, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
    }

    #[test]
    fn reads_terms() {
        let tuple = |elements: &[Vec<u8>]| {
            [vec![104, u8::try_from(elements.len()).unwrap()], elements.concat()].concat()
        };
        let bert = || small_atom("bert");
        let pair = tuple(&[binary("k"), vec![97, 1]]);
        for (term, json) in [
            (vec![97, 7], "7"),
            (vec![98, 255, 255, 255, 254], "-2"),
            (vec![110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255], "18446744073709551615"),
            (vec![110, 5, 1, 0, 0, 0, 0, 1], "-4294967296"),
            (vec![110, 0, 0], "0"),
            ([&[70][..], &1.5_f64.to_be_bytes()].concat(), "1.5"),
            ([&[70][..], &f64::NAN.to_be_bytes()].concat(), "null"),
            ([&[99][..], b"1.50000000000000000000e+00\0\0\0\0\0"].concat(), "1.5"),
            (binary("é"), "\"é\""),
            (binary("a\0\u{1}"), "\"a\u{fffd}\\u0001\""),
            ([&[109, 0, 0, 0, 1][..], &[0xff]].concat(), "\"\u{fffd}\""),
            (vec![107, 0, 2, b'h', b'i'], r#""hi""#),
            (vec![107, 0, 2, 1, 200], "[1,200]"),
            (vec![106], "[]"),
            (vec![108, 0, 0, 0, 1, 97, 1, 106], "[1]"),
            (vec![108, 0, 0, 0, 1, 97, 1, 97, 2], "[1,2]"),
            (small_atom("true"), "true"),
            (small_atom("nil"), "null"),
            (small_atom("error"), r#""error""#),
            (vec![100, 0, 2, b'o', b'k'], r#""ok""#),
            (tuple(&[small_atom("a"), vec![97, 1]]), r#"["a",1]"#),
            (vec![105, 0, 0, 0, 1, 97, 1], "[1]"),
            (
                [vec![116, 0, 0, 0, 2], binary("a"), vec![97, 1, 97, 5, 106]].concat(),
                r#"{"a":1,"5":[]}"#,
            ),
            (tuple(&[bert(), small_atom("nil")]), "null"),
            (tuple(&[bert(), small_atom("false")]), "false"),
            (
                tuple(&[
                    bert(),
                    small_atom("dict"),
                    [vec![108, 0, 0, 0, 1], pair, vec![106]].concat(),
                ]),
                r#"{"k":1}"#,
            ),
            (
                tuple(&[
                    bert(),
                    small_atom("time"),
                    vec![98, 0, 0, 7, 3],
                    vec![98, 0, 2, 0xaf, 0x80],
                    vec![97, 9],
                ]),
                r#""2026-11-20T12:00:00.000009Z""#,
            ),
            (
                [&[103][..], &small_atom("n@h"), &[0, 0, 0, 9, 0, 0, 0, 1, 0]].concat(),
                r##""#PID<0.9.1>""##,
            ),
            (
                [&[90, 0, 2][..], &small_atom("n@h"), &[0; 4], &[0, 0, 0, 9, 0, 0, 0, 1]].concat(),
                r##""#Reference<0.1.9>""##,
            ),
        ] {
            assert_eq!(read(&term).as_deref(), Ok(json), "{term:?}");
        }
    }

    /// In a list, a map, a tuple, a text that is none; the neighbours are whole.
    #[test]
    fn keeps_only_so_many_values() {
        let most = u32::try_from(MAX_VALUES).unwrap();
        let list = |count: u32| {
            [&[108][..], &count.to_be_bytes(), &[97, 0].repeat(count as usize), &[106]].concat()
        };
        let tuple = |count: u32| {
            [&[105][..], &count.to_be_bytes(), &[97, 0].repeat(count as usize)].concat()
        };
        let map = |count: u32| {
            [&[116][..], &count.to_be_bytes(), &[119, 0, 97, 0].repeat(count as usize)].concat()
        };
        let characters = |count: u32| {
            let count = usize::try_from(count).unwrap();
            let one = |count: usize| {
                [&[107][..], &u16::try_from(count).unwrap().to_be_bytes(), &vec![1; count]].concat()
            };
            let (half, rest) = (count / 2, count - count / 2 - 2);
            [&[108, 0, 0, 0, 2][..], &one(half), &one(rest), &[106]].concat()
        };
        for event in [list, tuple, map, characters] {
            for (given, whole) in [(event(most - 1), true), (event(most), false)] {
                let body = [&[108, 0, 0, 0, 3, 97, 1][..], &given, &[97, 2, 106]].concat();
                let mut found = Vec::new();
                Reader::new(&body).events(&mut |record| found.push(record)).unwrap();
                let kept = match &found[..] {
                    [Record::Value(_), Record::Value(value), Record::Value(_)] => {
                        Some(value.extent().values)
                    }
                    [Record::Value(_), Record::Unreadable { reason, .. }, Record::Value(_)] => {
                        assert!(reason.contains("100000 values"), "{reason}");
                        None
                    }
                    _ => panic!("{}", found.len()),
                };
                assert_eq!(kept, whole.then_some(MAX_VALUES));
            }
        }
    }

    fn map(pairs: &[[Vec<u8>; 2]]) -> Vec<u8> {
        let length = u32::try_from(pairs.len()).unwrap().to_be_bytes();
        [&[116][..], &length, &pairs.as_flattened().concat()].concat()
    }

    /// Numbers and the like are names too; what holds others is none, and its neighbours are whole.
    #[test]
    fn names_hold_nothing() {
        let nil = || vec![106];
        let dict = |name: Vec<u8>| {
            let pair = [&[104, 2][..], &name, &[97, 1]].concat();
            let pairs = [&[108, 0, 0, 0, 1][..], &pair, &[106]].concat();
            [&[104, 3][..], &small_atom("bert"), &small_atom("dict"), &pairs].concat()
        };
        let deep = |levels| (0..levels).fold(binary("a"), |name, _| map(&[[name, nil()]]));
        for (event, json) in [
            (map(&[[vec![97, 5], nil()], [small_atom("nil"), nil()]]), Ok(r#"{"5":[],"null":[]}"#)),
            (dict(small_atom("true")), Ok(r#"{"true":1}"#)),
            (map(&[[deep(1), vec![97, 1]]]), Err(r#"{"":[{"a":[]},1]}"#)),
            (map(&[[vec![104, 1, 97, 7], nil()]]), Err(r#"{"":[[7],[]]}"#)),
            (map(&[[nil(), nil()], [binary("b"), nil()]]), Err(r#"{"":[[],[]],"b":[]}"#)),
            (dict(nil()), Err(r#"{"":[[],1]}"#)),
            (dict(deep(1)), Err(r#"{"":[{"a":[]},1]}"#)),
            (deep(3), Err(r#"{"":[{"":[{"a":[]},[]]},[]]}"#)),
        ] {
            let body = [&[108, 0, 0, 0, 3, 97, 1][..], &event, &[97, 2, 106]].concat();
            let mut found = Vec::new();
            Reader::new(&body).events(&mut |record| found.push(record)).unwrap();
            let found = match &found[..] {
                [Record::Value(_), Record::Value(value), Record::Value(_)] => Ok(value.to_json()),
                [Record::Value(_), Record::Unreadable { text, reason }, Record::Value(_)] => {
                    assert!(reason.starts_with("a name is no text"), "{reason}");
                    Err(text.to_string())
                }
                _ => panic!("{}", found.len()),
            };
            assert_eq!(found, json.map(str::to_owned).map_err(str::to_owned), "{event:?}");
        }
    }

    #[test]
    fn believes_no_length_and_goes_only_so_deep() {
        for (term, reason) in [
            (vec![108, 255, 255, 255, 255], CUT),
            (vec![116, 255, 255, 255, 255, 97, 1], CUT),
            (vec![105, 255, 255, 255, 255], CUT),
            (vec![109, 255, 255, 255, 255, 1], CUT),
            (vec![], CUT),
            (vec![97], CUT),
            ([108, 0, 0, 0, 1].repeat(100_000), DEEP),
            ([104, 1].repeat(100_000), DEEP),
            (vec![112], "it holds terms that are no data, such as functions and ports"),
            ([&[99][..], &[b'x'; 31]].concat(), "a float is none"),
        ] {
            assert_eq!(read(&term), Err(reason), "{:?}", &term[..term.len().min(9)]);
        }
    }

    proptest! {
        #[test]
        fn never_panics(term in proptest::collection::vec(
            prop_oneof![proptest::sample::select(vec![0_u8, 1, 97, 104, 106, 107, 108, 109, 110, 116, 119]), any::<u8>()],
            0..60,
        )) {
            _ = read(&term);
        }

        #[test]
        fn integers_keep_their_digits(number in any::<i128>()) {
            let digits = number.unsigned_abs().to_le_bytes();
            let term = [&[110, 16, u8::from(number < 0)][..], &digits].concat();
            prop_assert_eq!(read(&term), Ok(if number == 0 { "0".to_owned() } else { number.to_string() }));
        }
    }
}
