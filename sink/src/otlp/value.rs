//! OTLP's values as values of an event.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use event_schemas::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};

use crate::decode::without_nul;

/// Nanoseconds since 1970 that can be a time of today: 19 digits, from September 2001 until 2262.
const TIMES: std::ops::RangeInclusive<u64> = 1_000_000_000_000_000_000..=i64::MAX.unsigned_abs();

/// Fields of a record in the making. What is empty is left out.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Fields<'a> {
    pub(super) fn of_type(record_type: &'static str) -> Self {
        let mut metadata = Self::default();
        metadata.text("type", record_type);
        let mut fields = Self(Vec::with_capacity(16));
        fields.value("metadata", metadata.into_value());
        fields
    }

    pub(super) fn value(&mut self, name: &'static str, value: Value<'a>) {
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        if !empty {
            self.0.push((Cow::Borrowed(name), value));
        }
    }

    pub(super) fn text(&mut self, name: &'static str, text: &'a str) {
        self.value(name, self::text(text));
    }

    /// The id of a trace or span in lower hexadecimal digits; one of zeros is none.
    pub(super) fn id(&mut self, name: &'static str, id: &[u8]) {
        if id.iter().any(|byte| *byte != 0) {
            let digits = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let text = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
            self.value(name, Value::String(Cow::Owned(text)));
        }
    }

    pub(super) fn attributes(&mut self, attributes: &'a [KeyValue]) {
        self.value("attributes", object(attributes));
    }

    /// Nanoseconds since 1970, where there are any.
    pub(super) fn nanoseconds(&mut self, name: &'static str, time: u64) {
        if time != 0 {
            self.value(name, integer(time));
        }
    }

    /// The record's own time: the first of `times` (nanoseconds since 1970) that can be one. A
    /// record without is of the time of its arrival: its sender's clock is not set.
    pub(super) fn timestamp(&mut self, times: &[u64]) {
        if let Some(time) = times.iter().find(|time| TIMES.contains(time)) {
            self.value("timestamp", integer(*time));
        }
    }

    pub(super) fn into_value(self) -> Value<'a> {
        Value::Object(self.0)
    }
}

/// A value that may be of any type. Bytes become base64; what refers to a table of strings, which
/// only profiles have, is nothing.
pub(super) fn any(value: &AnyValue) -> Value<'_> {
    let Some(value) = &value.value else { return Value::Null };
    match value {
        any_value::Value::StringValue(string) => text(string),
        any_value::Value::BoolValue(value) => Value::Bool(*value),
        any_value::Value::IntValue(number) => integer(*number),
        any_value::Value::DoubleValue(number) => double(*number),
        any_value::Value::ArrayValue(array) => Value::Array(array.values.iter().map(any).collect()),
        any_value::Value::KvlistValue(list) => object(&list.values),
        any_value::Value::BytesValue(bytes) => Value::String(Cow::Owned(STANDARD.encode(bytes))),
        any_value::Value::StringValueStrindex(_) => Value::Null,
    }
}

/// Attributes as an object.
pub(super) fn object(attributes: &[KeyValue]) -> Value<'_> {
    let fields = attributes.iter().map(|KeyValue { key, value, .. }| {
        (Cow::Borrowed(key.as_str()), value.as_ref().map_or(Value::Null, any))
    });
    Value::Object(fields.collect())
}

/// A text, without what PostgreSQL cannot store.
pub(super) fn text(text: &str) -> Value<'_> {
    Value::String(without_nul(Cow::Borrowed(text)))
}

/// A whole number.
pub(super) fn integer<'a>(number: impl ToString) -> Value<'a> {
    Value::Number(Cow::Owned(number.to_string()))
}

/// A number; what JSON has no number for is the text `NaN`, `Infinity` or `-Infinity`.
pub(super) fn double<'a>(number: f64) -> Value<'a> {
    match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(Cow::Owned(number.to_string())),
        None if number.is_nan() => Value::String(Cow::Borrowed("NaN")),
        None if number > 0.0 => Value::String(Cow::Borrowed("Infinity")),
        None => Value::String(Cow::Borrowed("-Infinity")),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    pub(in crate::otlp) fn value(value: any_value::Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    pub(in crate::otlp) fn string(text: &str) -> AnyValue {
        value(any_value::Value::StringValue(text.to_owned()))
    }

    pub(in crate::otlp) fn attribute(key: &str, value: AnyValue) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
    }

    pub(in crate::otlp) fn list(values: Vec<AnyValue>) -> AnyValue {
        value(any_value::Value::ArrayValue(ArrayValue { values }))
    }

    pub(in crate::otlp) fn map(values: Vec<KeyValue>) -> AnyValue {
        value(any_value::Value::KvlistValue(KeyValueList { values }))
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};

    #[test]
    fn every_type_of_value_is_kept() {
        use any_value::Value::{BoolValue, BytesValue, DoubleValue, IntValue, StringValueStrindex};
        for (given, json) in [
            (AnyValue::default(), "null"),
            (string("a\"b"), r#""a\"b""#),
            (value(BoolValue(false)), "false"),
            (value(IntValue(i64::MIN)), "-9223372036854775808"),
            (value(DoubleValue(0.1)), "0.1"),
            (value(DoubleValue(f64::NAN)), r#""NaN""#),
            (value(DoubleValue(f64::INFINITY)), r#""Infinity""#),
            (value(DoubleValue(f64::NEG_INFINITY)), r#""-Infinity""#),
            (value(BytesValue(vec![0, 255, 16])), r#""AP8Q""#),
            (value(StringValueStrindex(1)), "null"),
            (list(vec![string("a"), value(IntValue(1)), AnyValue::default()]), r#"["a",1,null]"#),
            (
                map(vec![
                    attribute("a.b", list(vec![map(vec![attribute("c", string("d"))])])),
                    KeyValue { key: "none".to_owned(), ..KeyValue::default() },
                ]),
                r#"{"a.b":[{"c":"d"}],"none":null}"#,
            ),
        ] {
            assert_eq!(any(&given).to_json(), json);
        }
    }

    #[test]
    fn a_time_is_one_of_19_digits() {
        let noon = 1_795_176_000_000_000_123;
        for (times, json) in [
            (&[noon, 1][..], r#"{"timestamp":1795176000000000123}"#),
            (&[0, noon], r#"{"timestamp":1795176000000000123}"#),
            // Seconds since the sender was switched on.
            (&[86_400_000_000_000, noon], r#"{"timestamp":1795176000000000123}"#),
            (&[u64::MAX, 0], "{}"),
            (&[], "{}"),
        ] {
            let mut fields = Fields::default();
            fields.timestamp(times);
            assert_eq!(fields.into_value().to_json(), json, "{times:?}");
        }
    }

    #[test]
    fn ids_are_lower_hexadecimal_or_absent() {
        for (id, json) in
            [(&[0x5b, 0x8e, 0xff, 0x0f][..], r#"{"id":"5b8eff0f"}"#), (&[], "{}"), (&[0; 16], "{}")]
        {
            let mut fields = Fields::default();
            fields.id("id", id);
            assert_eq!(fields.into_value().to_json(), json);
        }
    }
}
