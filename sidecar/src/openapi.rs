//! The API's own description, made from the declarations of its operations.

use serde_json::{Map, Value, json};
use warp::http::Method;

use crate::{
    answer::Answer,
    operation::{Needs, Operation, Shape},
    operations::OPERATIONS,
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
    run: |_| Box::pin(std::future::ready(Ok(Answer::Found(document())))),
}];

/// The description as an OpenAPI 3.1 document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for operation in OPERATIONS.iter().copied().flatten() {
        let path = operation.path.replace("{name or token}", "{name_or_token}");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[operation.method.as_str().to_ascii_lowercase()] = described(operation);
        let shapes = operation.answers.iter().map(|(_, shape)| shape).chain([&operation.body]);
        for shape in shapes {
            if let Shape::One(resource) | Shape::List(resource) = shape {
                schemas.insert(resource.name.to_owned(), shown_schema(resource));
                schemas.insert(format!("{}Params", resource.name), given_schema(resource));
            }
        }
    }
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
            },
        },
    })
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "summary": operation.summary,
        "operationId": operation_id(operation),
        "parameters": parameters(operation),
        "responses": responses(operation),
        "security": match operation.needs {
            Needs::Management | Needs::Endpoint => json!([{ "bearer": [] }, { "api_key": [] }]),
            Needs::Nothing => json!([]),
        },
    });
    if !matches!(operation.body, Shape::Nothing) {
        let schema = match operation.body {
            Shape::One(resource) => reference(&format!("{}Params", resource.name)),
            Shape::List(resource) => {
                json!({ "type": "array", "items": reference(&format!("{}Params", resource.name)) })
            }
            other => schema(other),
        };
        described["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        });
    }
    described
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
            "schema": { "type": "string" },
        })
    });
    let of_query = operation.parameters.iter().map(|(name, doc)| {
        json!({ "name": name, "in": "query", "description": doc, "schema": { "type": "string" } })
    });
    of_path.chain(of_query).collect()
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, shape) in operation.answers {
        let answer = match shape {
            Shape::Nothing => json!({ "description": "Done" }),
            shape => answer("What was asked for", &schema(*shape)),
        };
        responses.insert(status.to_string(), answer);
    }
    let error = json!({
        "type": "object",
        "properties": { "error": { "type": "string" } },
        "required": ["error"],
    });
    let mut refused = |status: &str, description: &str| {
        responses.insert(status.to_owned(), answer(description, &error));
    };
    refused("503", "The server is starting, or a database does not answer: ask again");
    if operation.needs != Needs::Nothing {
        refused("401", "No token, or one that may not do this");
    }
    if operation.path.contains('{') && operation.needs == Needs::Management {
        refused("404", "There is no such thing");
    }
    refused("400", "The request cannot be read");
    if !matches!(operation.body, Shape::Nothing) {
        refused("413", "The body is too large");
        let errors = json!({
            "type": "object",
            "properties": { "errors": {
                "type": "object",
                "additionalProperties": { "type": "array", "items": { "type": "string" } },
            } },
            "required": ["errors"],
        });
        responses.insert("422".to_owned(), answer("What is wrong with each field", &errors));
    }
    Value::Object(responses)
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn schema(shape: Shape) -> Value {
    match shape {
        Shape::Nothing | Shape::Any => json!({}),
        Shape::One(resource) => reference(resource.name),
        Shape::List(resource) => json!({ "type": "array", "items": reference(resource.name) }),
        Shape::Rows => json!({
            "type": "object",
            "properties": {
                "result": { "type": "array", "items": { "type": "object" } },
                "error": { "type": "string" },
            },
        }),
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What is answered: every field that is shown is there.
fn shown_schema(resource: &Resource) -> Value {
    let shown = || resource.fields.iter().filter(|field| field.access != Access::Secret);
    let properties: Map<_, _> = shown().map(|field| property(field, true)).collect();
    let names: Vec<_> = shown().map(|field| field.name).collect();
    json!({ "type": "object", "title": resource.name, "properties": properties, "required": names })
}

/// What may be given.
fn given_schema(resource: &Resource) -> Value {
    let given = || resource.fields.iter().filter(|field| field.access != Access::Shown);
    let properties: Map<_, _> = given().map(|field| property(field, false)).collect();
    json!({ "type": "object", "properties": properties })
}

fn property(field: &Field, is_answer: bool) -> (String, Value) {
    let mut schema = match field.kind {
        Kind::Text(max) if !is_answer => json!({ "type": "string", "maxLength": max }),
        Kind::Text(_) => json!({ "type": "string" }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Uuid => json!({ "type": "string", "format": "uuid" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Object => json!({ "type": "object" }),
        Kind::List => json!({ "type": "array" }),
        Kind::Objects(fields) => {
            let properties: Map<_, _> =
                fields.iter().map(|field| property(field, is_answer)).collect();
            json!({ "type": "array", "items": { "type": "object", "properties": properties } })
        }
        Kind::Any => json!({}),
    };
    if field.access != Access::Required && field.kind != Kind::Any {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["description"] = field.doc.into();
    (field.name.to_owned(), schema)
}

#[cfg(test)]
mod tests {
    use super::*;

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
