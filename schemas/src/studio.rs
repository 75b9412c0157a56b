//! What Studio needs of a source's events, as the schemas say it.

use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

use crate::{SUPABASE_SOURCES, json_schema};

/// A field that a schema describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedField {
    /// Where it is: `metadata.context[].pid`.
    pub path: String,
    /// The JSON types that it may have: `integer`, `string` …
    pub types: Vec<String>,
    /// What a field of several types is read as: `int64` …
    pub read_as: Option<String>,
    /// What it is.
    pub description: String,
    /// The pages of Studio that need it.
    pub studio: Option<String>,
    /// What is not to be seen without it.
    pub shows: Option<Shows>,
}

/// What is not to be seen where a field is missing (`x-studio-shows` in a schema).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// The event itself: no page shows a row for it.
    Rows,
    /// A column of the list on the source's logs page.
    Column,
}

/// The fields that a Supabase source's schema describes, in its order; none for other sources.
pub fn described_fields(source_name: &str) -> &'static [DescribedField] {
    static FIELDS: LazyLock<Vec<OnceLock<Vec<DescribedField>>>> =
        LazyLock::new(|| SUPABASE_SOURCES.iter().map(|_| OnceLock::new()).collect());
    let place = SUPABASE_SOURCES.iter().position(|source| source.name == source_name);
    let Some(fields) = place.and_then(|place| FIELDS.get(place)) else { return &[] };
    fields.get_or_init(|| {
        let mut found = Vec::new();
        let schema = json_schema(source_name).and_then(|text| serde_json::from_str(text).ok());
        if let Some(schema) = schema {
            collect(&schema, "", &mut found);
        }
        found
    })
}

fn collect(schema: &Value, at: &str, found: &mut Vec<DescribedField>) {
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        found.push(described(&path, field));
        collect(field, &path, found);
        if let Some(items) = field.get("items") {
            collect(items, &format!("{path}[]"), found);
        }
    }
}

fn described(path: &str, field: &Value) -> DescribedField {
    let text = |name: &str| field.get(name).and_then(Value::as_str).map(str::to_owned);
    let types = match field.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    DescribedField {
        path: path.to_owned(),
        types: types.into_iter().map(str::to_owned).collect(),
        read_as: text("x-type"),
        description: text("description").unwrap_or_default(),
        studio: text("x-studio"),
        shows: match text("x-studio-shows").as_deref() {
            Some("rows") => Some(Shows::Rows),
            Some("column") => Some(Shows::Column),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str, shows: Shows) -> Vec<&'static str> {
        let fields = described_fields(source).iter();
        fields.filter(|field| field.shows == Some(shows)).map(|field| field.path.as_str()).collect()
    }

    #[test]
    fn what_is_needed_is_known() {
        for (source, rows, columns) in [
            (
                "cloudflare.logs.prod",
                &["event_message", "project"][..],
                &[
                    "metadata.request.method",
                    "metadata.request.path",
                    "metadata.response.status_code",
                ][..],
            ),
            ("postgres.logs", &["event_message", "project"], &["metadata.parsed.error_severity"]),
            (
                "deno-relay-logs",
                &["event_message", "metadata.project_ref"],
                &[
                    "metadata.request.method",
                    "metadata.request.pathname",
                    "metadata.response.status_code",
                ],
            ),
            (
                "deno-subhosting-events",
                &["event_message", "metadata.project_ref"],
                &["metadata.event_type", "metadata.level"],
            ),
            (
                "gotrue.logs.prod",
                &["event_message", "project"],
                &["metadata.level", "metadata.msg", "metadata.path", "metadata.status"],
            ),
            ("realtime.logs.prod", &["event_message", "metadata.project"], &[]),
            ("storage.logs.prod.2", &["event_message", "metadata.project"], &[]),
            ("postgREST.logs.prod", &["event_message", "project"], &[]),
            ("pgbouncer.logs.prod", &["event_message", "project"], &[]),
        ] {
            assert_eq!(paths(source, Shows::Rows), rows, "{source}");
            assert_eq!(paths(source, Shows::Column), columns, "{source}");
        }
        assert!(described_fields("edge_logs").is_empty());
    }

    #[test]
    fn what_shows_says_where() {
        for source in SUPABASE_SOURCES.iter() {
            for field in described_fields(source.name) {
                assert!(field.shows.is_none() || field.studio.is_some(), "{}", field.path);
                assert!(!field.types.is_empty() && !field.description.is_empty(), "{}", field.path);
            }
        }
    }
}
