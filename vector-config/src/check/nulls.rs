//! Fields that are sent as null.

use event_schemas::{DescribedField, Value as Json, described_fields};

use super::Fault;
use crate::finding::Rule;

/// Fields that are sent as null: where Studio needs them, or the program means to fill them.
pub(super) fn nulls(source: &str, sent: &Json<'_>, is_made: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut fields = Vec::new();
    null_fields(sent, "", &mut fields);
    let mut faults: Vec<Fault> = Vec::new();
    for path in fields {
        let described = described(source, &path);
        let is_shown = described.is_some_and(|field| field.shows.is_some());
        if !is_shown && !is_made(&path) {
            continue;
        }
        // A list of objects is as good as an object.
        let path = described.map_or(path, |field| field.path.clone());
        if faults.iter().any(|(_, said, _)| *said == path) {
            continue;
        }
        let types = described.map_or_else(|| "a value".to_owned(), nouns);
        faults.push((Rule::NullField, path, format!("expected {types}, this is null")));
    }
    faults
}

/// What a schema says of a field as it was sent. A list of objects is as good as an object, so places
/// in lists make no difference.
fn described(source: &str, path: &str) -> Option<&'static DescribedField> {
    let path = without_places(path).replace("[]", "");
    let is_it =
        |field: &&DescribedField| field.path.split("[]").flat_map(str::bytes).eq(path.bytes());
    described_fields(source).iter().find(is_it)
}

fn nouns(field: &DescribedField) -> String {
    let noun = |name: &str| match name {
        "integer" | "int64" => "an integer".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "float64" => "a number".to_owned(),
        other => format!("a {other}"),
    };
    match &field.read_as {
        Some(one) => noun(one),
        None => field.types.iter().map(|one| noun(one)).collect::<Vec<_>>().join(" or "),
    }
}

fn null_fields(value: &Json<'_>, at: &str, found: &mut Vec<String>) {
    if let Json::Array(elements) = value {
        let objects = elements.iter().enumerate().filter(|(_, one)| matches!(one, Json::Object(_)));
        objects.for_each(|(place, one)| null_fields(one, &format!("{at}[{place}]"), found));
        return;
    }
    let Json::Object(fields) = value else { return };
    for (name, field) in fields {
        let path = if at.is_empty() { name.to_string() } else { format!("{at}.{name}") };
        match field {
            Json::Null => found.push(path),
            inner => null_fields(inner, &path, found),
        }
    }
}

/// `metadata.context[0].pid` as schemas write it: `metadata.context[].pid`.
pub(super) fn without_places(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut inside = false;
    for character in field.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        out.push(character);
    }
    out
}
