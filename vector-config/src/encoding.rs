//! Events to the bytes of a request's body, as Vector makes them.

mod native;
mod transformer;

use serde_json::{Map, Value as Json};
use vrl::value::{ObjectMap, Value};

use crate::{configuration::text, event::Provenance};
use transformer::Transformer;

/// How a sink writes its events.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) codec: Codec,
    pub(crate) framing: Framing,
    transformer: Transformer,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
}

/// How an event is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Codec {
    Json {
        pretty: bool,
    },
    NativeJson,
    Native,
    /// `text` and `raw_message`: the field `message` alone.
    Text,
    Other(String),
}

/// How events are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    Bytes,
    Newline,
    Character(char),
    /// Each event begins with its length.
    Length,
    Other(String),
}

/// The codecs that Vector has.
const CODECS: [&str; 14] = [
    "avro",
    "cef",
    "csv",
    "gelf",
    "json",
    "logfmt",
    "native",
    "native_json",
    "otlp",
    "protobuf",
    "raw_message",
    "syslog",
    "text",
    "arrow_stream",
];

impl Encoding {
    /// Reads what a sink says of it.
    ///
    /// # Errors
    /// What Vector would refuse.
    pub(crate) fn new(options: &Map<String, Json>) -> Result<Self, String> {
        let encoding = options.get("encoding").ok_or("missing field `encoding`")?;
        let encoding = encoding.as_object().ok_or("`encoding` must be a table")?;
        let name = text(encoding.get("codec")).ok_or("missing field `codec`")?;
        if !CODECS.contains(&name.as_str()) {
            return Err(format!(
                "unknown variant `{name}`, expected one of `{}`",
                CODECS.join("`, `")
            ));
        }
        let pretty = encoding.get("json").and_then(|json| json.get("pretty"));
        let codec = match name.as_str() {
            "json" => Codec::Json { pretty: pretty.and_then(Json::as_bool).unwrap_or(false) },
            "native_json" => Codec::NativeJson,
            "native" => Codec::Native,
            "text" | "raw_message" => Codec::Text,
            _ => Codec::Other(name),
        };
        let encoding = Self {
            framing: framing(options.get("framing"), &codec)?,
            transformer: Transformer::new(encoding)?,
            prefix: text(options.get("payload_prefix")).unwrap_or_default(),
            suffix: text(options.get("payload_suffix")).unwrap_or_default(),
            codec,
        };
        let wrapper = format!("{}{{}}{}", encoding.prefix, encoding.suffix);
        if encoding.is_wrapped() && serde_json::from_str::<serde::de::IgnoredAny>(&wrapper).is_err()
        {
            return Err(format!("Payload wrapper: the result {wrapper:?} is no valid JSON"));
        }
        Ok(encoding)
    }

    /// Whether a body is a list in a wrapper: Vector wraps no other.
    pub(crate) fn is_wrapped(&self) -> bool {
        matches!((&self.codec, &self.framing), (Codec::Json { .. }, Framing::Character(',')))
    }

    /// What becomes of an event before it is written.
    pub(crate) fn transformed(&self, event: Value) -> Value {
        self.transformer.transformed(event)
    }

    /// A transformed event as JSON: what the server reads of it, whatever it is written as. `None`
    /// where the codec is not executed.
    pub(crate) fn json(&self, event: &Value) -> Option<Vec<u8>> {
        match &self.codec {
            Codec::Json { .. } | Codec::NativeJson | Codec::Native => {
                serde_json::to_vec(event).ok()
            }
            Codec::Text => {
                let message = message(event);
                let fields: ObjectMap = [("message".into(), message)].into();
                serde_json::to_vec(&fields).ok()
            }
            Codec::Other(_) => None,
        }
    }

    /// A transformed event as it is written. `None` where the codec's bytes are not made here.
    pub(crate) fn written(&self, event: &Value, from: &Provenance<'_>) -> Option<Vec<u8>> {
        match &self.codec {
            Codec::Json { pretty: false } => serde_json::to_vec(event).ok(),
            Codec::Json { pretty: true } => serde_json::to_vec_pretty(event).ok(),
            Codec::NativeJson => {
                let wrapped: ObjectMap = [("log".into(), event.clone())].into();
                serde_json::to_vec(&wrapped).ok()
            }
            Codec::Text => Some(message(event).coerce_to_bytes().to_vec()),
            Codec::Native => Some(native::written(event, from)),
            Codec::Other(_) => None,
        }
    }

    /// How many bytes a transformed event is written as, which is this JSON.
    pub(crate) fn length(&self, event: &Value, json: &[u8], from: &Provenance<'_>) -> usize {
        match &self.codec {
            Codec::Json { pretty: false } => json.len(),
            _ => self.written(event, from).map_or(json.len(), |written| written.len()),
        }
    }

    /// The body of a request that holds these events, written. `None` where its framing is not
    /// executed.
    pub(crate) fn body(&self, events: &[Vec<u8>]) -> Option<Vec<u8>> {
        let json = matches!(self.codec, Codec::Json { .. });
        let mut body = Vec::new();
        match &self.framing {
            Framing::Character(',') if json => {
                body.extend_from_slice(self.prefix.as_bytes());
                body.push(b'[');
                body.extend(events.join(&b','));
                body.push(b']');
                body.extend_from_slice(self.suffix.as_bytes());
            }
            Framing::Bytes => body.extend(events.concat()),
            Framing::Newline if json => body.extend(events.join(&b'\n')),
            Framing::Newline => framed(events, b"\n", &mut body),
            Framing::Character(delimiter) => {
                framed(events, delimiter.to_string().as_bytes(), &mut body);
            }
            Framing::Length => {
                for event in events {
                    body.extend_from_slice(&u32::try_from(event.len()).ok()?.to_be_bytes());
                    body.extend_from_slice(event);
                }
            }
            Framing::Other(_) => return None,
        }
        Some(body)
    }
}

/// Each event followed by a delimiter.
fn framed(events: &[Vec<u8>], delimiter: &[u8], body: &mut Vec<u8>) {
    for event in events {
        body.extend_from_slice(event);
        body.extend_from_slice(delimiter);
    }
}

fn message(event: &Value) -> Value {
    let message = crate::program::path_of("message").and_then(|path| event.get(&path).cloned());
    message.unwrap_or_else(|| Value::from(""))
}

fn framing(options: Option<&Json>, codec: &Codec) -> Result<Framing, String> {
    let Some(options) = options.filter(|options| !options.is_null()) else {
        return Ok(match codec {
            Codec::Json { .. } => Framing::Character(','),
            Codec::Native => Framing::Length,
            Codec::NativeJson | Codec::Text => Framing::Newline,
            Codec::Other(name) => Framing::Other(format!("that of `{name}`")),
        });
    };
    let method = text(options.get("method")).ok_or("missing field `method`")?;
    Ok(match method.as_str() {
        "bytes" => Framing::Bytes,
        "newline_delimited" => Framing::Newline,
        "length_delimited" => Framing::Length,
        "character_delimited" => {
            let character = options.get("character_delimited");
            let delimiter = text(character.and_then(|character| character.get("delimiter")));
            let mut delimiter = delimiter.as_deref().unwrap_or_default().chars();
            match (delimiter.next(), delimiter.next()) {
                (Some(delimiter), None) if delimiter.is_ascii() => Framing::Character(delimiter),
                _ => return Err("`delimiter` must be one ASCII character".to_owned()),
            }
        }
        "varint_length_delimited" => Framing::Other(method),
        _ => return Err(format!("unknown variant `{method}` of a framing")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vrl::value;

    use super::*;

    fn encoding(options: Json) -> Result<Encoding, String> {
        let Json::Object(options) = options else { panic!("a table") };
        Encoding::new(&options)
    }

    fn body(options: Json, events: &[Value]) -> String {
        let encoding = encoding(options).unwrap();
        let metadata = value!({});
        let from = Provenance {
            source: "in",
            source_type: "stdin",
            component: "in",
            port: None,
            metadata: &metadata,
            number: 1,
        };
        let written: Vec<_> = events
            .iter()
            .map(|event| encoding.written(&encoding.transformed(event.clone()), &from).unwrap())
            .collect();
        String::from_utf8(encoding.body(&written).unwrap()).unwrap()
    }

    #[test]
    fn bodies_are_those_of_vector() {
        let events = [value!({"message": "x", "b": {"d": 1, "c": null}}), value!({"a": true})];
        for (options, expected) in [
            (
                json!({"encoding": {"codec": "json"}}),
                r#"[{"b":{"c":null,"d":1},"message":"x"},{"a":true}]"#,
            ),
            (
                json!({"encoding": {"codec": "json"}, "payload_prefix": "{\"batch\":",
                "payload_suffix": "}"}),
                r#"{"batch":[{"b":{"c":null,"d":1},"message":"x"},{"a":true}]}"#,
            ),
            (
                json!({"encoding": {"codec": "json"}, "framing": {"method": "newline_delimited"}}),
                "{\"b\":{\"c\":null,\"d\":1},\"message\":\"x\"}\n{\"a\":true}",
            ),
            (
                json!({"encoding": {"codec": "json", "json": {"pretty": true},
                "only_fields": ["a"]}}),
                "[{},{\n  \"a\": true\n}]",
            ),
            (
                json!({"encoding": {"codec": "native_json"}}),
                "{\"log\":{\"b\":{\"c\":null,\"d\":1},\"message\":\"x\"}}\n{\"log\":{\"a\":true}}\n",
            ),
            (json!({"encoding": {"codec": "text"}}), "x\n\n"),
        ] {
            assert_eq!(body(options.clone(), &events), expected, "{options}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let event = value!({"a": (Value::from(vrl::prelude::Bytes::from_static(b"\xffx")))});
        assert_eq!(
            body(json!({"encoding": {"codec": "json"}}), &[event]),
            "[{\"a\":\"\u{fffd}x\"}]"
        );
    }

    #[test]
    fn what_vector_refuses_is_refused() {
        for (options, expected) in [
            (json!({}), "missing field `encoding`"),
            (json!({"encoding": {"codec": "yaml"}}), "unknown variant `yaml`"),
            (json!({"encoding": {"codec": "json"}, "payload_prefix": "["}), "no valid JSON"),
            (
                json!({"encoding": {"codec": "json"}, "framing": {"method": "x"}}),
                "unknown variant `x`",
            ),
            (
                json!({"encoding": {"codec": "json", "except_fields": ["a"], "only_fields": ["a"]}}),
                "both",
            ),
        ] {
            let error = encoding(options.clone()).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
