//! The API's own description, made from the declarations of its operations and of what other parts of
//! the program serve.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use warp::http::Method;

use crate::{
    answer::Answer,
    operation::{MOST_AT_ONCE, Needs, Operation, Shape},
    operations::OPERATIONS,
    other_routes,
    resource::{Access, Field, Kind, Resource},
};

pub(crate) static OPERATIONS_OF_DOCUMENT: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/api/openapi",
    needs: Needs::Nothing,
    summary: "This description of the API",
    parameters: &[],
    body: Shape::Nothing,
    answers: &[(200, Shape::Any)],
    run: |_| Box::pin(std::future::ready(Ok(Answer::FoundText(DOCUMENT.clone())))),
}];

/// The document as text, made once: anybody may ask for it.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// The description as an OpenAPI 3.1 document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Error".to_owned(), error_schema());
    schemas.insert("FieldErrors".to_owned(), field_errors_schema());
    for operation in OPERATIONS.iter().copied().flatten() {
        let methods = paths.entry(path(operation)).or_insert_with(|| json!({}));
        methods[operation.method.as_str().to_ascii_lowercase()] = described(operation);
        for (_, shape) in operation.answers {
            if let Some(resource) = shape.resource() {
                insert_shown(&mut schemas, resource);
            }
        }
        if let Some(resource) = operation.body.resource() {
            schemas.insert(given_name(operation, resource), given_schema(operation, resource));
        }
    }
    other_routes::add_to(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Logweir",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The analytics server of a self-hosted Supabase",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "api_key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
                "api_key_in_query": { "type": "apiKey", "in": "query", "name": "api_key" },
            },
        },
    })
}

fn path(operation: &Operation) -> String {
    operation.path.replace("{name or token}", "{name_or_token}")
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "summary": operation.summary,
        "operationId": operation_id(operation),
        "parameters": parameters(operation),
        "responses": responses(operation),
        "security": match operation.needs {
            Needs::Management | Needs::Endpoint => with_a_token(),
            Needs::Nothing => json!([]),
        },
    });
    let schema = operation.body.resource().map(|resource| given_name(operation, resource));
    let schema = schema.map(|name| reference(&name)).unwrap_or_default();
    let content = match operation.body {
        Shape::Nothing => return described,
        Shape::List(_) => json_content(&array_of(&schema)),
        Shape::OneOrSeveral(_) => {
            json_content(&json!({ "anyOf": [schema, at_most(MOST_AT_ONCE, &schema)] }))
        }
        Shape::Parameters => {
            let any = json!({ "schema": { "type": "object" } });
            json!({ "application/json": any, "application/x-www-form-urlencoded": any })
        }
        _ => json_content(&schema),
    };
    described["requestBody"] = json!({ "required": needs_body(operation), "content": content });
    described
}

/// Each of the ways in which a token comes.
pub(crate) fn with_a_token() -> Value {
    json!([{ "bearer": [] }, { "api_key": [] }, { "api_key_in_query": [] }])
}

/// An empty body is an empty object.
fn needs_body(operation: &Operation) -> bool {
    let required = |field: &Field| field.access == Access::Required;
    let has_required =
        operation.body.resource().is_some_and(|resource| resource.fields.iter().any(required));
    matches!(operation.body, Shape::List(_)) || creates(operation) && has_required
}

fn creates(operation: &Operation) -> bool {
    operation.method == Method::POST
}

fn operation_id(operation: &Operation) -> String {
    let path: Vec<_> = operation
        .path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    format!("{}_{}", operation.method.as_str().to_ascii_lowercase(), path.join("_"))
}

fn parameters(operation: &Operation) -> Value {
    let in_path = operation.path.split('{').skip(1).filter_map(|part| part.split('}').next());
    let of_path = in_path.map(|name| {
        json!({
            "name": name.replace(' ', "_"),
            "in": "path",
            "required": true,
            "schema": { "type": "string", "minLength": 1 },
        })
    });
    // The length of text is that of the whole URL.
    let of_query = operation.parameters.iter().map(|field| {
        json!({
            "name": field.name,
            "in": "query",
            "description": field.doc,
            "schema": kind_schema(field, true),
        })
    });
    of_path.chain(of_query).collect()
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, shape) in operation.answers {
        let mut answer = match shape {
            Shape::Nothing => json!({ "description": "Done" }),
            shape => answer("What was asked for", &schema(*shape)),
        };
        if let (201, Shape::One(made) | Shape::OneOrSeveral(made)) = (status, shape) {
            let links = links(operation, made);
            if !links.is_empty() {
                answer["links"] = Value::Object(links);
            }
        }
        responses.insert(status.to_string(), answer);
    }
    let error = reference("Error");
    let mut refused = |status: &str, description: &str, schema: &Value| {
        responses.insert(status.to_owned(), answer(description, schema));
    };
    let starting = "The server is starting, or a database does not answer: ask again";
    refused("503", starting, &error);
    refused("414", "The URL is too long", &error);
    if operation.needs != Needs::Nothing {
        refused("401", "No token, or one that may not do this", &error);
    }
    let names_one = operation.path.contains('{') && operation.needs == Needs::Management;
    if names_one
        || given_fields(operation).any(|field| matches!(field.kind, Kind::Id | Kind::Ids(_)))
    {
        refused("404", "There is no such thing", &error);
    }
    let cannot_be_read = match operation.body {
        Shape::OneOrSeveral(resource) => json!({ "anyOf": [error, several(resource)] }),
        _ => error.clone(),
    };
    refused("400", "The request cannot be read", &cannot_be_read);
    if !matches!(operation.body, Shape::Nothing) {
        refused("413", "The body is too large", &error);
        refused("415", "The body is multipart", &error);
    }
    if operation.body.resource().is_some() {
        refused("422", "What is wrong with each field", &reference("FieldErrors"));
    }
    Value::Object(responses)
}

/// Everything that a caller may give, but for the path.
fn given_fields(operation: &Operation) -> impl Iterator<Item = &'static Field> {
    let of_body = operation.body.resource().map_or(&[][..], |resource| resource.fields);
    operation.parameters.iter().chain(of_body)
}

/// What can be asked of a thing that was made: all that its token names.
fn links(operation: &Operation, made: &Resource) -> Map<String, Value> {
    let mut links = Map::new();
    if !creates(operation) || !made.fields.iter().any(|field| field.name == "token") {
        return links;
    }
    let of_one = format!("{}/{{token}}", operation.path);
    let all = OPERATIONS.iter().copied().flatten();
    for linked in all.filter(|linked| linked.path.starts_with(&of_one)) {
        let link = json!({
            "operationId": operation_id(linked),
            "parameters": { "token": "$response.body#/token" },
        });
        links.insert(operation_id(linked), link);
    }
    links
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": json_content(schema) })
}

fn json_content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn array_of(schema: &Value) -> Value {
    json!({ "type": "array", "items": schema })
}

fn at_most(count: usize, schema: &Value) -> Value {
    json!({ "type": "array", "items": schema, "maxItems": count })
}

fn schema(shape: Shape) -> Value {
    match shape {
        Shape::Nothing | Shape::Any | Shape::Parameters => json!({}),
        Shape::One(resource) => reference(resource.name),
        Shape::List(resource) => array_of(&reference(resource.name)),
        Shape::OneOrSeveral(resource) => {
            json!({ "anyOf": [reference(resource.name), several(resource)] })
        }
        Shape::Rows => json!({ "oneOf": [
            {
                "type": "object",
                "properties": { "result": { "type": "array", "items": { "type": "object" } } },
                "required": ["result"],
                "additionalProperties": false,
            },
            reference("Error"),
        ] }),
    }
}

/// What of several things was made, and what is wrong with the others.
fn several(resource: &Resource) -> Value {
    json!({
        "type": "object",
        "properties": {
            "results": array_of(&reference(resource.name)),
            "errors": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["results", "errors"],
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "error": { "type": "string" } },
        "required": ["error"],
        "additionalProperties": false,
    })
}

fn field_errors_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "errors": {
            "type": "object",
            "additionalProperties": { "type": "array", "items": { "type": "string" } },
        } },
        "required": ["errors"],
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What is answered: every field that is always shown is there.
fn shown_schema(resource: &Resource) -> Value {
    let shown = || resource.fields.iter().filter(|field| field.access != Access::Secret);
    let properties: Map<_, _> = shown().map(|field| property(field, true)).collect();
    let always = shown().filter(|field| field.access != Access::AtTimes);
    let names: Vec<_> = always.map(|field| field.name).collect();
    json!({ "type": "object", "title": resource.name, "properties": properties, "required": names })
}

/// With all that it lists.
fn insert_shown(schemas: &mut Map<String, Value>, resource: &Resource) {
    schemas.insert(resource.name.to_owned(), shown_schema(resource));
    for field in resource.fields {
        if let Kind::ListOf(listed) = field.kind {
            insert_shown(schemas, listed);
        }
    }
}

/// The name of what makes a thing, or of what changes it.
fn given_name(operation: &Operation, resource: &Resource) -> String {
    let what_for = if creates(operation) { "Params" } else { "Changes" };
    format!("{}{what_for}", resource.name)
}

/// What may be given; to make a thing, some has to be.
fn given_schema(operation: &Operation, resource: &Resource) -> Value {
    let is_given = |field: &&Field| match field.access {
        Access::Shown | Access::AtTimes => false,
        Access::SetOnce => creates(operation),
        Access::Set | Access::Required | Access::Secret => true,
    };
    let given = || resource.fields.iter().filter(is_given);
    let properties: Map<_, _> = given().map(|field| property(field, false)).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    let required = given().filter(|field| field.access == Access::Required);
    let required: Vec<_> = required.map(|field| field.name).collect();
    if creates(operation) && !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn property(field: &Field, is_answer: bool) -> (String, Value) {
    let mut schema = kind_schema(field, is_answer);
    let may_be_null = field.access != Access::Required && !matches!(field.kind, Kind::Ids(_));
    if may_be_null && field.kind != Kind::Any {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["description"] = field.doc.into();
    // Examples are ours; a test holds them to be JSON.
    if let (false, Ok(example)) = (is_answer, serde_json::from_str::<Value>(field.example)) {
        schema["examples"] = json!([example]);
    }
    (field.name.to_owned(), schema)
}

/// The values of a field, but for `null`.
fn kind_schema(field: &Field, is_answer: bool) -> Value {
    match field.kind {
        Kind::Text(_) if is_answer => json!({ "type": "string" }),
        // Blanks are nothing.
        Kind::Text(max) if field.access == Access::Required => {
            json!({ "type": "string", "maxLength": max, "pattern": "\\S" })
        }
        Kind::Text(max) => json!({ "type": "string", "maxLength": max }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Kind::Id => json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }),
        Kind::Ids(most) => {
            at_most(most, &json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }))
        }
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Uuid => json!({ "type": "string", "format": "uuid" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Object => json!({ "type": "object" }),
        Kind::Strings => array_of(&json!({ "type": "string" })),
        Kind::ListOf(listed) if is_answer => array_of(&reference(listed.name)),
        Kind::ListOf(listed) => array_of(&object_of(listed.fields, false)),
        Kind::Texts(most) => at_most(most, &json!({ "type": ["string", "number", "boolean"] })),
        Kind::Objects(fields) => {
            let object = object_of(fields, is_answer);
            match is_answer {
                true => array_of(&object),
                false => json!({ "anyOf": [array_of(&object), object] }),
            }
        }
        Kind::Any => json!({}),
    }
}

/// An object within a field.
fn object_of(fields: &[Field], is_answer: bool) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| property(field, is_answer)).collect();
    let required = fields.iter().filter(|field| field.access == Access::Required);
    let required: Vec<_> = required.map(|field| field.name).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_can_be_given() {
        for operation in OPERATIONS.iter().copied().flatten() {
            for field in given_fields(operation).filter(|field| !field.example.is_empty()) {
                let example = serde_json::from_str(field.example).unwrap();
                assert!(field.kind.read(&example).is_ok(), "{}: {example}", field.name);
            }
        }
    }

    /// The committed document is what the code says. It is written anew with
    /// `UPDATE_DOCS=1 cargo test -p sidecar`.
    #[test]
    fn the_committed_document_is_true() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let mut text = serde_json::to_string_pretty(&document()).unwrap();
        text.push('\n');
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == text, "docs/openapi.json is old: UPDATE_DOCS=1 cargo test -p sidecar");
    }
}
