//! Lists of objects where a schema declares an object.
//!
//! BigQuery and Studio take an object and a list of objects for the same: a record that comes once
//! or several times. So wherever a schema says that a field is an object, a list of such objects is
//! as good.

use serde_json::{Map, Value, json};

/// What `x-type` says of such a field in the schema that is compiled. Schemas cannot say it.
pub(super) const OBJECT_OR_LIST: &str = "object or list";

/// Keywords that bind more than the fields of an object: those about lists, and those about the
/// value as a whole.
const NOT_OF_FIELDS: [&str; 22] = [
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "additionalItems",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "else",
    "enum",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "minContains",
    "minItems",
    "not",
    "oneOf",
    "prefixItems",
    "then",
    "unevaluatedItems",
    "uniqueItems",
];

/// A schema of events that allows what `schema` does and, wherever that declares a field an object,
/// a list of such objects too.
///
/// A field is what `properties` and the like describe. The event itself and the elements of a
/// declared list stay what they are. An object schema is not written a second time for the
/// elements: they refer to it by an anchor. So its keywords stay where they are, for those who refer
/// to them and for reasons, and the schema grows by a constant for each object. Drafts before
/// 2019-09 have no anchors; made of such a schema this one does not compile.
pub(super) fn allowed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    Walk { objects: 0 }.schema(&mut schema);
    schema
}

struct Walk {
    objects: usize,
}

impl Walk {
    /// Goes through all schemas inside one.
    fn schema(&mut self, schema: &mut Value) {
        let Value::Object(keywords) = schema else { return };
        for (keyword, value) in keywords {
            match (keyword.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(fields)) => {
                    fields.values_mut().for_each(|field| self.field(field));
                }
                ("additionalProperties" | "unevaluatedProperties", field) => self.field(field),
                ("$defs" | "definitions" | "dependentSchemas", Value::Object(schemas)) => {
                    schemas.values_mut().for_each(|schema| self.schema(schema));
                }
                ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
                    schemas.iter_mut().for_each(|schema| self.schema(schema));
                }
                (
                    "not" | "if" | "then" | "else" | "items" | "contains" | "additionalItems"
                    | "unevaluatedItems" | "propertyNames",
                    schema,
                ) => self.schema(schema),
                _ => {}
            }
        }
    }

    /// As above, of a schema that is a field's.
    fn field(&mut self, field: &mut Value) {
        self.schema(field);
        match field {
            Value::Object(keywords) if is_object(keywords) => self.allow_list(keywords),
            _ => {}
        }
    }

    fn allow_list(&mut self, keywords: &mut Map<String, Value>) {
        let mut of_one = Map::new();
        for keyword in NOT_OF_FIELDS {
            // These bind the object, not the list that it is in.
            of_one.extend(keywords.remove_entry(keyword));
        }
        if !of_one.is_empty() {
            keywords.insert("if".into(), json!({"type": "object"}));
            keywords.insert("then".into(), of_one.into());
        }
        self.objects += 1;
        let anchor = keywords
            .entry("$anchor")
            .or_insert_with(|| format!("logweir-object-{}", self.objects).into());
        let one = format!("#{}", anchor.as_str().unwrap_or_default());
        // An object, and this one; for what is none, one reason is enough.
        let element = json!({
            "if": {"type": "object"}, "then": {"$ref": one}, "else": {"type": "object"}
        });
        keywords.insert("items".into(), element);
        let types = keywords.entry("type").or_insert(Value::Null);
        *types = match types.take() {
            Value::Array(types) => types.into_iter().chain(["array".into()]).collect(),
            one => json!([one, "array"]),
        };
        keywords.insert("x-type".into(), OBJECT_OR_LIST.into());
    }
}

/// Whether this is how an object is declared: no other types, besides null, and not read as one.
fn is_object(keywords: &Map<String, Value>) -> bool {
    let types = match keywords.get("type") {
        Some(Value::Array(types)) => types.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut types = types.iter().filter(|name| *name != "null");
    types.next().is_some_and(|name| name == "object")
        && types.next().is_none()
        && !keywords.contains_key("x-type")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Event, EventSchema, FieldType, Reason, SUPABASE_SOURCES, TableSchema, parse, sample_events,
    };

    fn event(text: &str) -> Event<'_> {
        Event::normalise(parse(text).unwrap(), 0).unwrap()
    }

    fn reasons(schema: &EventSchema, event: &Event<'_>) -> Vec<Reason> {
        schema.check(event).err().unwrap_or_default()
    }

    /// What a schema says of an event: `path: text; path: text`.
    fn said(schema: &EventSchema, text: &str) -> String {
        let reasons = reasons(schema, &event(text));
        reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; ")
    }

    /// Metadata of `edge_logs`, what is said.
    const EDGE_LOGS: [(&str, &str); 14] = [
        (r#"{"request":{"method":"GET"}}"#, ""),
        (r#"[{"request":[{"method":"GET"},{"method":"PUT"}],"response":{"status_code":200}}]"#, ""),
        (r#"[{"request":{"headers":[{"host":"h"},{"new":[1]}]}},{"other":[1,"x"]}]"#, ""),
        (r#"{"request":[null,{"method":"GET"},{},[]]}"#, ""),
        (
            r#"{"request":[{"method":"GET"},{"method":1}]}"#,
            "metadata.request[1].method: expected a string, this is the number 1",
        ),
        (
            r#"[{"request":[{"headers":[{"host":1},{"host":[2]}]}]},{"response":{"status_code":"x"}}]"#,
            "metadata[0].request[0].headers[0].host: expected a string, this is the number 1; \
             metadata[0].request[0].headers[1].host: expected a string, this is a list; \
             metadata[1].response.status_code: expected an integer, this is the string \"x\"",
        ),
        (
            r#"{"request":5}"#,
            "metadata.request: expected an object or a list of objects, this is the number 5",
        ),
        (
            r#"{"request":[{"method":"GET"},5]}"#,
            "metadata.request[1]: expected an object, this is the number 5",
        ),
        (
            r#"["a",true]"#,
            "metadata[0]: expected an object, this is the string \"a\"; \
             metadata[1]: expected an object, this is true",
        ),
        (
            r#"{"request":[[{"method":1}]]}"#,
            "metadata.request[0]: expected an object, this is a list",
        ),
        (
            r#"[{"request":{"headers":7}}]"#,
            "metadata[0].request.headers: expected an object or a list of objects, this is the \
             number 7",
        ),
        (
            r#"{"request":{"headers":[{"content_length":"1 kB"}]}}"#,
            "metadata.request.headers[0].content_length: expected a string that matches \
             `^[0-9]{1,19}$`, this is the string \"1 kB\"",
        ),
        (
            r#"{"request":{"cf":[{"botManagement":[{"detectionIds":[[1]]}]}]}}"#,
            "metadata.request.cf[0].botManagement[0].detectionIds[0]: expected an integer, this \
             is a list",
        ),
        (
            r#"[{"request":{"method":{"x":1}}}]"#,
            "metadata[0].request.method: expected a string, this is an object",
        ),
    ];

    #[test]
    fn a_list_of_objects_is_as_good_as_an_object() {
        let schema = EventSchema::of_source("cloudflare.logs.prod").unwrap();
        for (metadata, expected) in EDGE_LOGS {
            let text = format!(r#"{{"message":"m","metadata":{metadata}}}"#);
            assert_eq!(said(schema, &text), expected, "{metadata}");
        }
    }

    #[test]
    fn elements_of_a_declared_list_stay_objects() {
        let schema = EventSchema::of_source("storage.logs.prod.2").unwrap();
        for (context, expected) in [
            (r#"[{"pid":1},{"host":"h"}]"#, ""),
            (r#"{"pid":1}"#, "metadata.context: expected a list, this is an object"),
            (r#"[[{"pid":1}]]"#, "metadata.context[0]: expected an object, this is a list"),
        ] {
            let text = format!(r#"{{"metadata":[{{"context":{context}}}]}}"#);
            assert_eq!(said(schema, &text).replace("metadata[0]", "metadata"), expected);
        }
    }

    /// A schema of the field `f`, events, what is said.
    #[test]
    fn what_binds_an_object_binds_each_element() {
        let a_or_b = json!([{"required": ["a"]}, {"required": ["b"]}]);
        for (field, text, expected) in [
            (
                json!({"type": "object", "required": ["a"], "maxProperties": 1}),
                r#"[{"a":1},{"b":1},{"a":1,"b":2}]"#,
                "f[1]: the field `a` is missing; f[2]: expected at most 1 fields",
            ),
            (
                json!({"type": ["null", "object"], "additionalProperties": {"type": "object"}}),
                r#"[{"a":[{"x":1}]},{"b":{"x":1},"c":[1],"d":2}]"#,
                "f[1].c[0]: expected an object, this is the number 1; f[1].d: expected an object \
                 or a list of objects, this is the number 2",
            ),
            (json!({"type": "object", "oneOf": a_or_b}), r#"[{"a":1},{"b":1}]"#, ""),
            (
                json!({"type": "object", "oneOf": a_or_b}),
                r#"[{"a":1,"b":1},{"b":1}]"#,
                "f[0]: fits several forms of which one is allowed, this is an object",
            ),
            (
                json!({"type": "object", "allOf": [
                    {"type": "object", "properties": {"a": {"type": "object"}}},
                    {"required": ["a"]}
                ]}),
                r#"[{"a":[{"x":1}]},{"b":1},{"a":[7]}]"#,
                "f[1]: the field `a` is missing; f[2].a[0]: expected an object, this is the \
                 number 7",
            ),
            (
                json!({"type": "object", "enum": [{"a": 1}, {"a": 2}]}),
                r#"[{"a":2},{"a":3}]"#,
                r#"f[1]: expected one of {"a":1}, {"a":2}, this is an object"#,
            ),
            (
                json!({"type": "object", "not": {"required": ["a"]}}),
                r#"[{"a":2},{"b":3}]"#,
                "f[0]: is of a form that is not allowed, this is an object",
            ),
            (
                json!({"type": "object", "$ref": "#/$defs/o", "unevaluatedProperties": false}),
                r#"[{"a":2},{"b":3},{"a":"x"}]"#,
                "f[1]: no such field is allowed: b; f[2].a: expected an integer, this is the string \"x\"",
            ),
            (
                json!({"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]},
                       "else": {"required": ["c"]}, "maxItems": 1, "items": false}),
                r#"[{"a":1,"b":1},{"a":1},{"b":1}]"#,
                "f[1]: the field `b` is missing; f[2]: the field `c` is missing",
            ),
            // Reasons know no places inside other documents.
            (
                json!({"type": "object", "$id": "urn:f", "$anchor": "own",
                       "properties": {"f": {"$ref": "#own"}, "o": {"type": "object"}}}),
                r#"[{"f":{"f":[{"o":{"x":1}},{"o":[1]}]}},{"f":1}]"#,
                "f[0].f.f[1].o[0]: expected an object, this is the number 1; f[1].f: expected a \
                 list or an object, this is the number 1",
            ),
            (
                json!({"type": "object", "properties": {"f": {"$ref": "#/properties/f"}}}),
                r#"{"f":[{"f":{"a":1}},{"f":"x"}]}"#,
                "f.f[1].f: expected an object or a list of objects, this is the string \"x\"",
            ),
            // These do not say that the field is an object.
            (json!({"$ref": "#/$defs/o"}), r#"[{"a":1}]"#, "f: expected an object, this is a list"),
            (
                json!({"type": ["object", "string"], "x-type": "string"}),
                r#"[{"a":1}]"#,
                "f: expected a string, this is a list",
            ),
            (
                json!({"type": ["object", "string"]}),
                r#"[{"a":1}]"#,
                "f: expected a string or an object, this is a list",
            ),
            (json!({"properties": {"a": {"type": "integer"}}}), r#"[{"a":"x"},1]"#, ""),
        ] {
            let schema = EventSchema::new(&json!({
                "type": "object",
                "properties": {"f": field},
                "$defs": {"o": {"type": "object", "properties": {"a": {"type": "integer"}}}}
            }))
            .unwrap();
            assert_eq!(said(&schema, &format!(r#"{{"f":{text}}}"#)), expected, "{field} {text}");
        }
    }

    #[test]
    fn faults_are_told_of_the_schema_as_it_was_given() {
        let schema = json!({"type": "object", "properties": {
            "f": {"type": "object", "properties": {"a": true}, "allOf": [{"minLength": "x"}]}
        }});
        assert_eq!(
            EventSchema::new(&schema).unwrap_err().to_string(),
            "#/properties/f/allOf/0/minLength: expected an integer, this is the string \"x\""
        );
    }

    #[test]
    fn schemas_that_cannot_be_told_of_lists_stay_as_they_are() {
        let draft_7 = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {"f": {"type": "object", "required": ["a"]}}
        });
        // It refers to a keyword that has another place where lists are allowed.
        let pointer = json!({"type": "object", "properties": {
            "f": {"type": "object", "allOf": [{"required": ["a"]}]},
            "g": {"$ref": "#/properties/f/allOf/0"}
        }});
        for schema in [draft_7, pointer] {
            let schema = EventSchema::new(&schema).unwrap();
            assert_eq!(said(&schema, r#"{"f":{"a":1}}"#), "");
            assert_eq!(said(&schema, r#"{"f":{"b":1}}"#), "f: the field `a` is missing");
            let refused = "f: expected an object, this is a list";
            assert_eq!(said(&schema, r#"{"f":[{"a":1}]}"#), refused);
        }
    }

    #[test]
    fn deep_schemas_stay_small() {
        let object = |inner| json!({"type": "object", "properties": {"a": inner}});
        let deep = (0..60).fold(json!({"type": "integer"}), |inner, _| object(inner));
        let given = deep.to_string().len();
        assert!(allowed(&deep).to_string().len() < given + 60 * 200);
        let schema = EventSchema::new(&deep).unwrap();
        // Events are read down to 64 levels, and lists are levels too.
        let text = (0..31).fold("1".to_owned(), |inner, _| format!(r#"[{{"a":{inner}}}]"#));
        let said = said(&schema, &text[1..text.len() - 1]);
        let expected = "a[0].a: expected an object or a list of objects, this is the number 1";
        assert!(said.ends_with(expected), "{said}");
    }

    // ---- each element for itself -----------------------------------------------------------

    /// Puts objects at fields that are declared objects into lists of two.
    fn doubled(fields: &mut Map<String, Value>, declared: &TableSchema) {
        for (name, value) in fields {
            if let (Value::Object(inner), FieldType::Object(declared)) =
                (&mut *value, declared.field(name))
            {
                doubled(inner, declared);
                *value = json!([value, value]);
            }
        }
    }

    #[test]
    fn samples_with_lists_are_valid() {
        let mut lists = 0;
        for source in SUPABASE_SOURCES.iter() {
            let schema = EventSchema::of_source(source.name).unwrap();
            let samples = serde_json::from_str(sample_events(source.name).unwrap()).unwrap();
            let samples: Vec<Map<String, Value>> = samples;
            for mut sample in samples {
                doubled(&mut sample, &source.schema);
                let text = Value::from(sample).to_string();
                lists += text.matches("[{").count();
                assert_eq!(said(schema, &text), "", "{}", source.name);
            }
        }
        assert!(lists > 100);
    }

    fn field_schema() -> impl Strategy<Value = Value> {
        let leaf = proptest::sample::select(vec![
            json!({"type": "integer"}),
            json!({"type": "string", "maxLength": 1}),
            json!({"type": "array", "items": {"type": "integer"}}),
        ]);
        leaf.prop_recursive(3, 8, 2, object_schema)
    }

    fn object_schema(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        let fields = proptest::collection::btree_map("[ab]", inner, 1..3);
        (fields, any::<(bool, bool)>()).prop_map(|(fields, (required, not_two))| {
            let mut schema = json!({"type": "object", "properties": fields});
            if required {
                schema["required"] = json!(["a"]);
            }
            if not_two {
                schema["not"] = json!({"required": ["a", "b"]});
            }
            schema
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![(1..9).prop_map(Value::from), "x{1,2}".prop_map(Value::from)];
        leaf.prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..3).prop_map(Value::from),
                proptest::collection::btree_map("[ab]", inner, 1..3).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_list_is_as_good_as_its_elements(
            object in object_schema(field_schema()),
            elements in proptest::collection::vec(value(), 1..4),
        ) {
            let schema = json!({"type": "object", "properties": {"f": object}});
            let schema = EventSchema::new(&schema).unwrap();
            let of = |f: Value| reasons(&schema, &event(&json!({"f": f}).to_string()));
            let mut expected = Vec::new();
            for (place, element) in elements.iter().enumerate() {
                let at = format!("f[{place}]");
                if element.is_object() {
                    expected.extend(of(element.clone()).into_iter().map(|reason| Reason {
                        path: reason.path.replacen('f', &at, 1),
                        text: reason.text,
                    }));
                } else {
                    let alone = of(json!([element]));
                    prop_assert_eq!(alone.len(), 1);
                    prop_assert_eq!(&alone[0].path, "f[0]");
                    prop_assert!(alone[0].text.starts_with("expected an object, this is"));
                    expected.push(Reason { path: at, text: alone[0].text.clone() });
                }
            }
            expected.truncate(20);
            prop_assert_eq!(of(elements.into()), expected);
        }
    }
}
