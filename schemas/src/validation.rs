//! Whether an event is what its source's JSON Schema describes.
//!
//! Events are checked where they are (`node`), no second tree is built. What is said of an event
//! that does not fit (`reason`) costs more, and is only worked out for such events.

mod lists;
mod node;
mod reason;

use std::fmt;

use jsonschema::{PatternOptions, ValidationError, Validator};

use crate::{Event, InvalidSchema, SchemaPath, TableSchema, Value};
use node::{EventJson, Part};

pub use reason::Reason;

/// Most reasons that are given for one event.
const MAX_REASONS: usize = 20;

/// Events of more values than this get their first reason only: the validator collects all reasons
/// before it gives one, and a long list could have one for each element.
const MANY_VALUES: usize = 10_000;

/// Deepest nesting of a schema's own text: as deep as serde_json reads.
const MAX_SCHEMA_DEPTH: usize = 128;

/// A JSON Schema that events are checked against, compiled.
///
/// It applies to the normalised event as one object: `id` (text), `timestamp` (integer, µs since
/// 1970 UTC), `event_message` (text; not there for events without one) and all other fields, under
/// the names that they are stored by: `user-agent` is `_user_agent`. What was empty is not there.
///
/// Where the schema says that a field is an object (`"type": "object"`), a list of such objects is
/// valid too: senders write a record that comes several times as a list, and queries unnest both
/// alike.
pub struct EventSchema {
    /// What the validator was made of: reasons are told in the schema's terms.
    schema: serde_json::Value,
    validator: Validator<EventJson>,
}

impl EventSchema {
    /// Compiles a JSON Schema (2020-12 where `$schema` does not say otherwise). Drafts before
    /// 2019-09 have no way to allow lists of objects; there each must be allowed by the schema.
    ///
    /// Regular expressions are those of the `regex` crate, which take linear time: an event cannot
    /// make its own check slow.
    ///
    /// # Errors
    /// [`InvalidSchema`] for a schema that breaks the rules of JSON Schema, that does not describe
    /// an object, or that refers to other documents by `$ref`: nothing is fetched.
    pub fn new(schema: &serde_json::Value) -> Result<Self, InvalidSchema> {
        if is_deeper(schema, MAX_SCHEMA_DEPTH) {
            let reason = format!("nested deeper than {MAX_SCHEMA_DEPTH} levels");
            return Err(InvalidSchema::Unusable { at: SchemaPath::default(), reason });
        }
        TableSchema::from_json_schema(schema)?;
        let with_lists = lists::allowed(schema);
        // Faults are told of the schema as it was given.
        Self::compiled(with_lists).or_else(|_| Self::compiled(schema.clone()))
    }

    fn compiled(schema: serde_json::Value) -> Result<Self, InvalidSchema> {
        let validator = jsonschema::options_for::<EventJson>()
            .offline()
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| InvalidSchema::Unusable {
                at: SchemaPath::from(error.instance_path()),
                reason: reason::of_schema(&error),
            })?;
        Ok(Self { schema, validator })
    }

    /// The schema of a Supabase source, `None` for other sources. Compiled when first asked for.
    pub fn of_source(name: &str) -> Option<&'static Self> {
        crate::source::event_schema(name)
    }

    /// Checks an event. About a microsecond for one that is as it should be.
    ///
    /// # Errors
    /// What is wrong with it, at least one and at most 20 reasons.
    pub fn check(&self, event: &Event<'_>) -> Result<(), Vec<Reason>> {
        let root = Part::Event(event);
        if self.validator.is_valid(root) {
            return Ok(());
        }
        let tell = |error: &ValidationError<'_>| reason::of_event(error, &self.schema);
        let mut reasons: Vec<_> = if has_many_values(event) {
            self.validator.validate(root).err().iter().map(tell).collect()
        } else {
            self.validator.iter_errors(root).take(MAX_REASONS).map(|error| tell(&error)).collect()
        };
        if reasons.is_empty() {
            reasons.push(Reason {
                path: String::new(),
                text: "the event does not fit its schema".to_owned(),
            });
        }
        reasons.sort_by(|one, other| one.path.cmp(&other.path));
        Err(reasons)
    }
}

impl fmt::Debug for EventSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSchema").field("schema", &self.schema).finish_non_exhaustive()
    }
}

fn has_many_values(event: &Event<'_>) -> bool {
    let mut left = MANY_VALUES;
    !event.fields.iter().all(|(_, value)| take(value, &mut left))
}

/// Counts the values down; false when there are none left.
fn take(value: &Value<'_>, left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    *left > 0
        && match value {
            Value::Array(elements) => elements.iter().all(|element| take(element, left)),
            Value::Object(fields) => fields.iter().all(|(_, value)| take(value, left)),
            _ => true,
        }
}

fn is_deeper(schema: &serde_json::Value, levels: usize) -> bool {
    let Some(inside) = levels.checked_sub(1) else { return true };
    match schema {
        serde_json::Value::Array(parts) => parts.iter().any(|part| is_deeper(part, inside)),
        serde_json::Value::Object(parts) => parts.values().any(|part| is_deeper(part, inside)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{SUPABASE_SOURCES, parse, sample_events};

    const NOW: i64 = 1_795_176_000_000_000;

    fn event(text: &str) -> Event<'_> {
        Event::normalise(parse(text).unwrap(), NOW).unwrap()
    }

    /// The events of a JSON array, normalised.
    fn events(text: &str) -> Vec<Event<'_>> {
        let Value::Array(values) = parse(text).unwrap() else { panic!("{text} is no list") };
        values.into_iter().map(|value| Event::normalise(value, NOW).unwrap()).collect()
    }

    fn source(name: &str) -> &'static EventSchema {
        EventSchema::of_source(name).unwrap()
    }

    /// What a schema says of an event: `path: text; path: text`.
    fn said(schema: &EventSchema, event: &Event<'_>) -> String {
        let reasons = schema.check(event).err().unwrap_or_default();
        reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; ")
    }

    fn schema_error(schema: serde_json::Value) -> String {
        EventSchema::new(&schema).unwrap_err().to_string()
    }

    #[test]
    fn can_be_shared() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<EventSchema>();
    }

    #[test]
    fn every_supabase_source_has_one() {
        for known in SUPABASE_SOURCES.iter() {
            let schema = source(known.name);
            assert!(std::ptr::eq(schema, source(known.name)), "compiled once");
            assert_eq!(said(schema, &event(r#"{"message":"m"}"#)), "", "{}", known.name);
        }
        assert!(EventSchema::of_source("edge_logs").is_none());
    }

    #[test]
    fn what_the_stock_pipeline_sends_is_valid() {
        macro_rules! captured {
            ($source:literal) => {
                (
                    $source,
                    include_str!(concat!("../../tests/fixtures/vector-0.58/", $source, ".http")),
                )
            };
        }
        for (name, request) in [
            captured!("cloudflare.logs.prod"),
            captured!("postgres.logs"),
            captured!("deno-relay-logs"),
            captured!("gotrue.logs.prod"),
            captured!("realtime.logs.prod"),
            captured!("storage.logs.prod.2"),
            captured!("postgREST.logs.prod"),
        ] {
            let (_head, body) = request.split_once("\r\n\r\n").unwrap();
            let events = events(body);
            assert!(events.len() >= 5, "{name}");
            for event in events {
                assert_eq!(said(source(name), &event), "", "{name}");
            }
        }
    }

    #[test]
    fn samples_are_valid() {
        for known in SUPABASE_SOURCES.iter() {
            let samples = events(sample_events(known.name).unwrap());
            assert!((2..=4).contains(&samples.len()), "{}", known.name);
            for sample in samples {
                assert_eq!(said(source(known.name), &sample), "", "{}: {sample:?}", known.name);
                assert!(sample.event_message.is_some() && sample.timestamp < NOW + 1_000_000_000);
                assert!(sample.field("metadata").is_some() || sample.field("project").is_some());
            }
        }
    }

    #[test]
    fn what_other_versions_send_is_valid() {
        for (name, metadata) in [
            ("cloudflare.logs.prod", r#"{"response":{"status_code":"200","origin_time":"12.5"}}"#),
            ("cloudflare.logs.prod", r#"{"response":{"status_code":200.0,"origin_time":3e2}}"#),
            ("cloudflare.logs.prod", r#"{"response":{"headers":{"content_length":4096}}}"#),
            ("cloudflare.logs.prod", r#"{"request":{"sb":{"jwt":{"apikey":{"invalid":true}}}}}"#),
            (
                "postgres.logs",
                r#"{"parsed":{"process_id":"19302","query_id":"-2835399305386018931"}}"#,
            ),
            ("postgres.logs", r#"{"parsed":{"timestamp":1795176000959000000}}"#),
            ("postgres.logs", r#"{"parsed":{"timestamp":1795176000.959}}"#),
            ("gotrue.logs.prod", r#"{"status":"200","args":[0.5],"error_code":null}"#),
            ("deno-relay-logs", r#"{"version":11,"request":{"port":443},"execution_time_ms":9}"#),
            ("storage.logs.prod.2", r#"{"level":"info","timestamp":"2026-11-20T12:00:00.123Z"}"#),
            ("storage.logs.prod.2", r#"{"level":30,"timestamp":1795176000123,"region":{"a":[1]}}"#),
            ("realtime.logs.prod", r#"{"measurements":{"connected":"3"},"new":{"b":[[true]]}}"#),
        ] {
            let text =
                format!(r#"{{"message":"m","metadata":{metadata},"something":{{"new":1}}}}"#);
            assert_eq!(said(source(name), &event(&text)), "", "{name} {metadata}");
        }
    }

    /// An event of `samples/refused.json`: what Studio would misread.
    #[derive(serde::Deserialize)]
    struct Refused {
        source: String,
        event: serde_json::Value,
        /// `path: text`
        reasons: Vec<String>,
    }

    #[test]
    fn what_studio_would_misread_is_refused() {
        let refused: Vec<Refused> =
            serde_json::from_str(include_str!("../samples/refused.json")).unwrap();
        for Refused { source: name, event: sample, reasons } in &refused {
            let text = sample.to_string();
            assert_eq!(said(source(name), &event(&text)), reasons.join("; "), "{name} {text}");
        }
        for known in SUPABASE_SOURCES.iter() {
            assert!(refused.iter().any(|one| one.source == known.name), "{}", known.name);
        }
    }

    #[test]
    fn the_event_is_seen_with_its_columns() {
        let schema = EventSchema::new(&json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "maxLength": 3},
                "timestamp": {"type": "integer", "minimum": 0},
                "event_message": {"type": "string", "pattern": "^[a-z]+$"},
                "a": {"type": "integer", "maximum": 10}
            },
            "required": ["id", "timestamp", "event_message"],
            "additionalProperties": false
        }))
        .unwrap();
        for (text, expected) in [
            (r#"{"id":"abc","message":"m","a":7}"#, ""),
            (r#"{"id":"abc","message":"m","a":"seven","a":7}"#, ""),
            (
                r#"{"id":"abc","message":"m","a":7,"a":"seven"}"#,
                r#"a: expected an integer, this is the string "seven""#,
            ),
            (
                r#"{"id":"four","message":"M","a":11,"b":{},"c":1,"d":[2]}"#,
                "no such field is allowed: c, d; a: expected at most 10, this is the number 11; \
                 event_message: expected a string that matches `^[a-z]+$`, this is the string \
                 \"M\"; id: expected at most 3 characters, this is the string \"four\"",
            ),
            (r#"{"id":"abc"}"#, "the field `event_message` is missing"),
            (
                r#"{"id":"abc","message":"m","a":1e400}"#,
                "a: expected at most 10, this is the number \
                1.7976931348623157e+308",
            ),
        ] {
            assert_eq!(said(&schema, &event(text)), expected, "{text}");
        }
    }

    #[test]
    fn every_keyword_has_a_text_for_people() {
        let a = r#"{"a":"abc"}"#;
        let list = r#"{"a":[1,1,"x"]}"#;
        for (schema, text, expected) in [
            (json!({"enum": ["x", 1]}), a, r#"expected one of "x", 1, this is the string "abc""#),
            (json!({"const": {"x": 1}}), a, r#"expected {"x":1}, this is the string "abc""#),
            (
                json!({"minLength": 4}),
                a,
                r#"expected at least 4 characters, this is the string "abc""#,
            ),
            (
                json!({"exclusiveMinimum": 5}),
                r#"{"a":5}"#,
                "expected more than 5, this is the number 5",
            ),
            (
                json!({"exclusiveMaximum": 5}),
                r#"{"a":5}"#,
                "expected less than 5, this is the number 5",
            ),
            (json!({"minimum": 6}), r#"{"a":5}"#, "expected at least 6, this is the number 5"),
            (
                json!({"multipleOf": 2}),
                r#"{"a":5}"#,
                "expected a multiple of 2, this is the number 5",
            ),
            (json!({"minItems": 4}), list, "expected at least 4 elements in the list"),
            (json!({"maxItems": 2}), list, "expected at most 2 elements in the list"),
            (
                json!({"prefixItems": [true], "items": false}),
                list,
                "expected nothing, this is the number 1",
            ),
            (json!({"uniqueItems": true}), list, "expected a list in which nothing comes twice"),
            (
                json!({"contains": {"type": "null"}}),
                list,
                "no element of the list is one that must be there",
            ),
            (
                json!({"prefixItems": [true], "unevaluatedItems": false}),
                list,
                "expected fewer elements in the list",
            ),
            (json!({"minProperties": 2}), r#"{"a":{"b":1}}"#, "expected at least 2 fields"),
            (json!({"maxProperties": 0}), r#"{"a":{"b":1}}"#, "expected at most 0 fields"),
            (
                json!({"unevaluatedProperties": false}),
                r#"{"a":{"b":1}}"#,
                "no such field is allowed: b",
            ),
            (
                json!({"propertyNames": {"maxLength": 1}}),
                r#"{"a":{"bc":1}}"#,
                r#"the name of a field: expected at most 1 characters, this is the string "bc""#,
            ),
            (
                json!({"anyOf": [{"type": "null"}, {"type": "boolean"}]}),
                a,
                r#"fits none of the forms that are allowed, this is the string "abc""#,
            ),
            (
                json!({"oneOf": [true, {}]}),
                r#"{"a":true}"#,
                "fits several forms of which one is allowed, this is true",
            ),
            (
                json!({"not": {}}),
                r#"{"a":{"b":1}}"#,
                "is of a form that is not allowed, this is an object",
            ),
            (json!(false), r#"{"a":[1]}"#, "expected nothing, this is a list"),
            (json!({"$ref": "#/$defs/n"}), a, r#"expected a number, this is the string "abc""#),
        ] {
            let schema = EventSchema::new(&json!({
                "type": "object",
                "properties": {"a": schema},
                "$defs": {"n": {"type": ["number", "string"], "x-type": "float64", "pattern": "^[0-9]+$"}}
            }))
            .unwrap();
            let reasons = schema.check(&event(text)).unwrap_err();
            assert_eq!(reasons[0].text, expected, "{reasons:?}");
            assert!(reasons[0].path.starts_with('a'), "{reasons:?}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        let long = "é".repeat(5_000);
        let schema = EventSchema::new(&json!({
            "type": "object",
            "properties": {
                "a": {"type": "integer"},
                "b": {"enum": vec![long.clone(); 50]},
                "c": {"const": long}
            }
        }))
        .unwrap();
        let text = json!({"a": long, "b": format!("{long}x"), "c": 1}).to_string();
        for reason in schema.check(&event(&text)).unwrap_err() {
            assert!(reason.text.chars().count() < 260, "{reason}");
        }
    }

    #[test]
    fn not_too_many_reasons() {
        let source = source("storage.logs.prod.2");
        let of = |elements: usize| {
            let list = vec!["1"; elements].join(",");
            let text = format!(r#"{{"metadata":{{"context":[{list}]}}}}"#);
            source.check(&event(&text)).unwrap_err()
        };
        assert_eq!(of(5).len(), 5);
        assert_eq!(of(100).len(), MAX_REASONS);
        assert_eq!(of(2 * MANY_VALUES).len(), 1);
    }

    #[test]
    fn unusable_schemas_are_refused() {
        let object = |part: serde_json::Value| json!({"type": "object", "properties": {"a": part}});
        for (schema, expected) in [
            (json!(1), "#: a schema (an object) belongs here, this is a number"),
            (json!({"type": "array"}), "#: an event is an object, write \"type\": \"object\""),
            (
                object(json!({"minLength": "x"})),
                "#/properties/a/minLength: expected an integer, this is the string \"x\"",
            ),
            (
                object(json!({"required": ["a", 1]})),
                "#/properties/a/required/1: expected a string, this is the number 1",
            ),
            (
                object(json!({"$ref": "https://example.com/other.json"})),
                "#: `https://example.com/other.json` is another document, write what it \
                 describes into this one",
            ),
            (
                object(json!({"$ref": "other.json"})),
                "#: `other.json` is another document, write what it describes \
                 into this one",
            ),
            (
                object(json!({"$ref": "file:///other.json"})),
                "#: `file:///other.json` is another document, write what it describes into this \
                 one",
            ),
            (
                object(json!({"$ref": "#/$defs/nothing"})),
                "#: Pointer '/$defs/nothing' does not exist",
            ),
            (
                object(json!({"pattern": "("})),
                "#/properties/a/pattern: the string \"(\" is no regular expression that takes \
                 linear time: look-around and back-references are not possible",
            ),
            (
                object(json!({"pattern": "^(?!a)"})),
                "#/properties/a/pattern: the string \"^(?!a)\" is no regular expression that \
                 takes linear time: look-around and back-references are not possible",
            ),
        ] {
            assert_eq!(schema_error(schema.clone()), expected, "{schema}");
        }
        let unknown = json!({"$schema": "https://example.com/meta", "type": "object"});
        assert!(schema_error(unknown).contains("https://example.com/meta"));
    }

    #[test]
    fn schemas_that_refer_to_themselves_come_to_an_end() {
        let deep = (0..60).fold("1".to_owned(), |inner, _| format!(r#"{{"a":{inner}}}"#));
        for schema in [
            json!({"type": "object", "properties": {"a": {"$ref": "#"}}}),
            json!({"type": "object", "allOf": [{"$ref": "#"}]}),
            json!({"type": "object", "anyOf": [{"$ref": "#/$defs/a"}],
                   "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, false]}}}),
            json!({"type": "object", "propertyNames": {"$ref": "#/$defs/a"},
                   "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}),
            json!({"type": "object", "properties": {"timestamp": {"$ref": "#/$defs/a"}},
                   "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}),
        ] {
            let schema = EventSchema::new(&schema).unwrap();
            let _ = schema.check(&event(&deep));
        }
    }

    #[test]
    fn the_nesting_of_schemas_is_bounded() {
        let nest = |keyword: &str, levels| {
            (0..levels).fold(json!({}), |inner, _| match keyword {
                "not" => json!({"not": inner}),
                "items" => json!({"items": inner}),
                _ => json!({keyword: [inner]}),
            })
        };
        for keyword in ["allOf", "anyOf", "oneOf", "not", "items", "prefixItems"] {
            let of = |levels| json!({"type": "object", "properties": {"a": nest(keyword, levels)}});
            let levels = if keyword == "not" { 124 } else { 62 };
            let schema = EventSchema::new(&of(levels)).unwrap();
            let _ = schema.check(&event(r#"{"a":[[[[1]]]]}"#));
            assert!(schema_error(of(200)).contains("deeper than 128 levels"), "{keyword}");
        }
    }
}
