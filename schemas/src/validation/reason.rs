//! What is wrong with an event, said for people.

use std::fmt::Write as _;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, JsonTypeSet};
use serde_json::Value;

use super::lists;

/// Most characters of a value, a pattern or a list of values that are shown.
const MAX_SHOWN: usize = 100;

/// One thing that is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Where: `metadata.context[0].pid`; empty for the event itself.
    pub path: String,
    /// What: `expected an integer, this is the string "abc"`.
    pub text: String,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.text)
        } else {
            write!(f, "{}: {}", self.path, self.text)
        }
    }
}

/// What is wrong with an event by its schema.
pub(super) fn of_event(error: &ValidationError<'_>, schema: &Value) -> Reason {
    let field = error.schema_path().as_str().rsplit_once('/');
    let field = field.and_then(|(field, _keyword)| schema.pointer(field));
    let meant = field.and_then(|field| noun_of_x_type(field.get("x-type")?.as_str()?));
    Reason { path: path(error.instance_path()), text: text(error, meant) }
}

/// What is wrong with a schema.
pub(super) fn of_schema(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Referencing(jsonschema::ReferencingError::Unretrievable { uri, .. }) => {
            format!("`{}` is another document, write what it describes into this one", cut(uri))
        }
        Kind::Referencing(error) => cut(&error.to_string()),
        Kind::Format { format } if format == "regex" => format!(
            "{} is no regular expression that takes linear time: look-around and \
             back-references are not possible",
            shown(error.instance())
        ),
        _ => text(error, None),
    }
}

/// `metadata.context[0].pid`
fn path(location: &Location) -> String {
    let mut path = String::new();
    for segment in location.segments() {
        match segment {
            LocationSegment::Index(place) => {
                // Writing to a String cannot fail.
                let _ = write!(path, "[{place}]");
            }
            LocationSegment::Property(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
            }
        }
    }
    path
}

/// The text of an error. `meant` is what the schema means where it allows several types.
fn text(error: &ValidationError<'_>, meant: Option<&str>) -> String {
    let this = || format!("this is {}", shown(error.instance()));
    let expected = |what: String| format!("expected {what}, {}", this());
    match error.kind() {
        Kind::Type { kind } => expected(meant.map_or_else(|| nouns(kind), str::to_owned)),
        Kind::Pattern { pattern } => {
            let number = meant.filter(|meant| *meant != noun(JsonType::String));
            expected(
                number.map_or_else(
                    || format!("a string that matches `{}`", cut(pattern)),
                    str::to_owned,
                ),
            )
        }
        Kind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            expected(format!("one of {}", list(options.iter().map(Value::to_string))))
        }
        Kind::Constant { expected_value } => expected(cut(&expected_value.to_string())),
        Kind::Format { format } => expected(format!("a string of the format `{}`", cut(format))),
        Kind::Minimum { limit } => expected(format!("at least {limit}")),
        Kind::Maximum { limit } => expected(format!("at most {limit}")),
        Kind::ExclusiveMinimum { limit } => expected(format!("more than {limit}")),
        Kind::ExclusiveMaximum { limit } => expected(format!("less than {limit}")),
        Kind::MultipleOf { multiple_of } => expected(format!("a multiple of {multiple_of}")),
        Kind::MinLength { limit } => expected(format!("at least {limit} characters")),
        Kind::MaxLength { limit } => expected(format!("at most {limit} characters")),
        Kind::MinItems { limit } => format!("expected at least {limit} elements in the list"),
        Kind::MaxItems { limit } => format!("expected at most {limit} elements in the list"),
        Kind::AdditionalItems { limit } => {
            format!("expected at most {limit} elements in the list")
        }
        Kind::MinProperties { limit } => format!("expected at least {limit} fields"),
        Kind::MaxProperties { limit } => format!("expected at most {limit} fields"),
        Kind::UniqueItems => "expected a list in which nothing comes twice".to_owned(),
        Kind::Contains => "no element of the list is one that must be there".to_owned(),
        Kind::UnevaluatedItems { .. } => "expected fewer elements in the list".to_owned(),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("the field `{}` is missing", cut(name))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("no such field is allowed: {}", list(unexpected.iter().cloned()))
        }
        Kind::PropertyNames { error } => format!("the name of a field: {}", text(error, None)),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            format!("fits none of the forms that are allowed, {}", this())
        }
        Kind::OneOfMultipleValid { .. } => {
            format!("fits several forms of which one is allowed, {}", this())
        }
        Kind::Not { .. } => format!("is of a form that is not allowed, {}", this()),
        Kind::FalseSchema => format!("expected nothing, {}", this()),
        other => format!("does not fit `{}` of the schema, {}", cut(other.keyword()), this()),
    }
}

/// `an integer`, `a number or a string`
fn nouns(kind: &TypeKind) -> String {
    let types = match kind {
        TypeKind::Single(one) => JsonTypeSet::from(*one),
        TypeKind::Multiple(types) => *types,
    };
    let nouns: Vec<_> = types.iter().map(noun).collect();
    nouns.join(" or ")
}

fn noun(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "a list",
        JsonType::Object => "an object",
    }
}

fn noun_of_x_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "bool" => "a boolean",
        "int64" => "an integer",
        "float64" => "a number",
        "string" => "a string",
        "timestamp" => "a time",
        lists::OBJECT_OR_LIST => "an object or a list of objects",
        _ => return None,
    })
}

/// A value in a sentence: `the string "abc"`, `a list`.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", Value::from(cut(text))),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// `one, other`, as many as can be shown.
fn list(items: impl Iterator<Item = String>) -> String {
    let mut all = String::new();
    for item in items {
        if all.len() > MAX_SHOWN {
            break;
        }
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&item);
    }
    cut(&all)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
