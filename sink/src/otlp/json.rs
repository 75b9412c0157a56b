//! OTLP/JSON, as it is and as it is sent.
//!
//! What the names of fields promise is read by `opentelemetry-proto`. It refuses a whole request,
//! or passes over a whole metric, for things that senders do get wrong or that protobuf's own JSON
//! allows; those are made right first. Nothing here can touch what people sent: keys of JSON
//! objects are OTLP's own, people's names and texts are strings.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use event_schemas::repair;
use opentelemetry_proto::tonic::{
    logs::v1::SeverityNumber,
    metrics::v1::AggregationTemporality,
    trace::v1::{span::SpanKind, status::StatusCode},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

/// Reads one request, or a list of them, which is what Vector's `opentelemetry` sink sends with
/// the codec `json`.
pub(super) fn read<T: DeserializeOwned>(body: Vec<u8>) -> Result<Vec<T>, serde_json::Error> {
    let requests = match serde_json::from_str(&repair(body))? {
        Json::Array(requests) => requests,
        request => vec![request],
    };
    let read = |mut request| {
        amend(&mut request);
        serde_json::from_value(request)
    };
    requests.into_iter().map(read).collect()
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
