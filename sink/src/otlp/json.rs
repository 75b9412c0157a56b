//! OTLP/JSON, as it is and as it is sent.
//!
//! What the names of fields promise is read by `opentelemetry-proto`. It refuses a whole request,
//! or passes over a whole metric, for things that senders do get wrong or that protobuf's own JSON
//! allows; those are made right first. Nothing here can touch what people sent: keys of JSON
//! objects are OTLP's own, people's names and texts are strings.

use std::{cell::Cell, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use event_schemas::repair;
use opentelemetry_proto::tonic::{
    logs::v1::SeverityNumber,
    metrics::v1::AggregationTemporality,
    trace::v1::{span::SpanKind, status::StatusCode},
};
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json, json};

use super::decode::Unread;
use crate::limits::MAX_BODY_VALUES;

/// Reads one request, or a list of them, which is what Vector's `opentelemetry` sink sends with
/// the codec `json`.
pub(super) fn read<T: DeserializeOwned>(body: Vec<u8>) -> Result<Vec<T>, Unread> {
    let text = repair(body);
    if weight(&text, MAX_BODY_VALUES + 1) > MAX_BODY_VALUES {
        return Err(Unread::TooManyValues);
    }
    let not_otlp = |error: serde_json::Error| Unread::NotOtlp(error.to_string());
    let requests = match serde_json::from_str(&text).map_err(not_otlp)? {
        Json::Array(requests) => requests,
        request => vec![request],
    };
    let read = |mut request| {
        amend(&mut request);
        serde_json::from_value(request).map_err(not_otlp)
    };
    requests.into_iter().map(read).collect()
}

/// About how many values a text takes the memory of; no more than `most` are counted, and none
/// behind what is no JSON.
fn weight(text: &str, most: usize) -> usize {
    let weight = Cell::new(0);
    // What is wrong with it is told when it is read.
    _ = Weigh { weight: &weight, most }.deserialize(&mut serde_json::Deserializer::from_str(text));
    weight.get()
}

/// Counts values; an object is two, for the room that its fields get.
#[derive(Clone, Copy)]
struct Weigh<'w> {
    weight: &'w Cell<usize>,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl Weigh<'_> {
    fn add<E: serde::de::Error>(self, values: usize) -> Result<(), E> {
        self.weight.set(self.weight.get() + values);
        if self.weight.get() < self.most { Ok(()) } else { Err(E::custom("it weighs too much")) }
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.add(1)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.add(1)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.add(1)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.add(1)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.add(1)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.add(1)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.add(1)?;
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.add(2)?;
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(self)?;
        }
        Ok(())
    }
}

fn amend(value: &mut Json) {
    match value {
        Json::Array(elements) => elements.iter_mut().for_each(amend),
        Json::Object(fields) => {
            if fields.keys().any(|name| name.contains('_')) {
                let named = std::mem::take(fields).into_iter();
                *fields = named.map(|(name, value)| (camel_case(&name), value)).collect();
            }
            // `null` is as good as nothing, and the parts that are not kept need not be right.
            fields.retain(|name, value| {
                !value.is_null() && name != "entityRefs" && name != "exemplars"
            });
            fields.values_mut().for_each(amend);
            amend_value(fields);
            fields.retain(amend_field);
        }
        _ => {}
    }
}

/// The name in JSON of a field of protobuf.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// An AnyValue: what does not have the type that it is said to have gets the one that it has.
fn amend_value(fields: &mut Map<String, Json>) {
    let retyped =
        match (fields.get("intValue"), fields.get("doubleValue"), fields.get("bytesValue")) {
            (Some(Json::Number(number)), ..) if !number.is_i64() => {
                Some(("intValue", "doubleValue", json!(number.as_f64())))
            }
            (Some(Json::String(text)), ..) if text.parse::<i64>().is_err() => {
                Some(("intValue", "stringValue", json!(text)))
            }
            (_, Some(Json::String(text)), _) => Some(match number(text) {
                Some(number) => ("doubleValue", "doubleValue", number),
                None => ("doubleValue", "stringValue", json!(text)),
            }),
            // It becomes base64 in the event too, whichever alphabet the sender uses.
            (.., Some(text)) => Some(("bytesValue", "stringValue", text.clone())),
            _ => None,
        };
    if let Some((name, right_name, value)) = retyped {
        fields.remove(name);
        fields.insert(right_name.to_owned(), value);
    }
}

/// Makes a field right; whether it can be kept.
fn amend_field(name: &String, value: &mut Json) -> bool {
    match (name.as_str(), &mut *value) {
        ("traceId" | "spanId" | "parentSpanId", Json::String(id)) => return amend_id(id),
        ("severityNumber", Json::String(name)) => {
            *value = enumeration(name, |name| SeverityNumber::from_str_name(name).map(Into::into));
        }
        ("kind", Json::String(name)) => {
            *value = enumeration(name, |name| SpanKind::from_str_name(name).map(Into::into));
        }
        ("code", Json::String(name)) => {
            *value = enumeration(name, |name| StatusCode::from_str_name(name).map(Into::into));
        }
        ("aggregationTemporality", Json::String(name)) => {
            let number = |name: &str| AggregationTemporality::from_str_name(name).map(Into::into);
            *value = enumeration(name, number);
        }
        ("asDouble" | "sum" | "min" | "max" | "zeroThreshold", Json::String(text)) => {
            let Some(number) = number(text) else { return false };
            *value = number;
        }
        ("arrayValue" | "kvlistValue", Json::Object(list)) => {
            let values = list.entry("values").or_insert_with(|| json!([]));
            if name == "kvlistValue" {
                name_all(values);
            }
        }
        ("attributes" | "metadata", list) => name_all(list),
        _ => {}
    }
    true
}

/// An empty key may be left out as all that is empty.
fn name_all(attributes: &mut Json) {
    for attribute in attributes.as_array_mut().into_iter().flatten() {
        if let Json::Object(attribute) = attribute {
            attribute.entry("key").or_insert_with(|| json!(""));
        }
    }
}

/// Ids are hexadecimal. Protobuf's own JSON has base64, and what Vector makes text of is lost: the
/// record is kept without it.
fn amend_id(id: &mut String) -> bool {
    if id.len().is_multiple_of(2) && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return true;
    }
    match STANDARD.decode(id.as_bytes()) {
        Ok(bytes) if matches!(bytes.len(), 8 | 16) => {
            *id = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            true
        }
        _ => false,
    }
}

/// The number of an enumeration's value that is given by its name.
fn enumeration(name: &str, number: impl Fn(&str) -> Option<i32>) -> Json {
    json!(name.parse().ok().or_else(|| number(name)).unwrap_or(0))
}

fn number(text: &str) -> Option<Json> {
    let number: f64 = text.parse().ok()?;
    serde_json::Number::from_f64(number).map(Json::Number)
}
