//! The sources of a self-hosted Supabase.

use std::sync::{LazyLock, OnceLock};

use crate::{EventSchema, InvalidSchema, TableSchema};

/// A source that every Supabase has.
#[derive(Debug, Clone)]
pub struct SupabaseSource {
    /// The name that Vector sends, for example `cloudflare.logs.prod`.
    pub name: &'static str,
    /// The name that Studio asks for, for example `edge_logs`.
    pub table: &'static str,
    /// The types of its fields.
    pub schema: TableSchema,
}

/// The nine sources of a self-hosted Supabase, in the order in which they are seeded.
pub static SUPABASE_SOURCES: LazyLock<Vec<SupabaseSource>> = LazyLock::new(|| {
    let source = |file: &SchemaFile| SupabaseSource {
        name: file.source,
        table: file.table,
        // The files are part of the program and a test reads them all. Should one be broken all the
        // same, its source works as one of which nothing is known yet.
        schema: file.table_schema().unwrap_or_else(|error| {
            debug_assert!(false, "sources/{}.json: {error}", file.source);
            TableSchema::default()
        }),
    };
    FILES.iter().map(source).collect()
});

/// The text of the JSON Schema (2020-12) of a Supabase source's events, `None` for other sources.
///
/// Besides the types it says what each field is, in `x-type` what a field of several types is read
/// as, in `x-studio` where Studio needs it, and in `x-studio-shows` what is not to be seen without
/// it: the event's `rows`, or a `column` of the list.
pub fn json_schema(source_name: &str) -> Option<&'static str> {
    FILES.iter().find(|file| file.source == source_name).map(|file| file.text)
}

/// Events of a Supabase source as Vector sends them, `None` for other sources: JSON text, a list
/// of two to four events that differ.
pub fn sample_events(source_name: &str) -> Option<&'static str> {
    FILES.iter().find(|file| file.source == source_name).map(|file| file.samples)
}

/// The program in VRL that fills what pipelines leave empty in a Supabase source's events, `None` for
/// sources whose events lack nothing that could be made of them.
pub fn repair_program(source_name: &str) -> Option<&'static str> {
    FILES.iter().find(|file| file.source == source_name)?.repair
}

/// The compiled schema of a Supabase source's events, `None` for other sources.
pub(crate) fn event_schema(source_name: &str) -> Option<&'static EventSchema> {
    let file = FILES.iter().find(|file| file.source == source_name)?;
    let compiled = file.compiled.get_or_init(|| {
        // As above: a file that a test has read.
        file.event_schema()
            .inspect_err(|error| debug_assert!(false, "sources/{}.json: {error}", file.source))
            .ok()
    });
    compiled.as_ref()
}

/// A file of `sources/`, and those of the same name in `samples/` and `repairs/`.
struct SchemaFile {
    source: &'static str,
    table: &'static str,
    text: &'static str,
    samples: &'static str,
    repair: Option<&'static str>,
    compiled: OnceLock<Option<EventSchema>>,
}

#[derive(Debug, thiserror::Error)]
enum UnreadableFile {
    #[error("not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error(transparent)]
    Invalid(#[from] InvalidSchema),
}

impl SchemaFile {
    fn table_schema(&self) -> Result<TableSchema, UnreadableFile> {
        Ok(TableSchema::from_json_schema(&serde_json::from_str(self.text)?)?)
    }

    fn event_schema(&self) -> Result<EventSchema, UnreadableFile> {
        Ok(EventSchema::new(&serde_json::from_str(self.text)?)?)
    }
}

macro_rules! schema_file {
    ($source:literal, $table:literal) => {
        schema_file!($source, $table, None)
    };
    ($source:literal, $table:literal, repaired) => {
        schema_file!($source, $table, Some(include_str!(concat!("../repairs/", $source, ".vrl"))))
    };
    ($source:literal, $table:literal, $repair:expr) => {
        SchemaFile {
            source: $source,
            table: $table,
            text: include_str!(concat!("../sources/", $source, ".json")),
            samples: include_str!(concat!("../samples/", $source, ".json")),
            repair: $repair,
            compiled: OnceLock::new(),
        }
    };
}

/// Logflare's seeding order.
static FILES: [SchemaFile; 9] = [
    schema_file!("cloudflare.logs.prod", "edge_logs", repaired),
    schema_file!("postgres.logs", "postgres_logs", repaired),
    schema_file!("deno-relay-logs", "function_edge_logs"),
    schema_file!("deno-subhosting-events", "function_logs", repaired),
    schema_file!("gotrue.logs.prod", "auth_logs"),
    schema_file!("realtime.logs.prod", "realtime_logs", repaired),
    schema_file!("storage.logs.prod.2", "storage_logs", repaired),
    schema_file!("postgREST.logs.prod", "postgrest_logs", repaired),
    schema_file!("pgbouncer.logs.prod", "pgbouncer_logs"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::FieldType;

    /// The type at a path such as `metadata.context[].pid`.
    fn type_at<'t>(schema: &'t TableSchema, path: &str) -> &'t FieldType {
        let (step, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let name = step.trim_end_matches("[]");
        let mut found = schema.field(name);
        if name != step {
            let FieldType::Array(element) = found else { panic!("{step} is no list: {found:?}") };
            found = element;
        }
        match (rest, found) {
            (None, found) => found,
            (Some(rest), FieldType::Object(fields)) => type_at(fields, rest),
            (Some(_), other) => panic!("{step} is no object: {other:?}"),
        }
    }

    #[test]
    fn every_file_is_read() {
        for file in &FILES {
            let schema = file.table_schema().unwrap_or_else(|e| panic!("{}: {e}", file.source));
            for (column, expected) in [
                ("timestamp", FieldType::Timestamp),
                ("id", FieldType::String),
                ("event_message", FieldType::String),
                ("project", FieldType::String),
                ("appname", FieldType::String),
                ("identifier", FieldType::String),
            ] {
                assert_eq!(schema.field(column), &expected, "{}: {column}", file.source);
            }
            let metadata = schema.field("metadata");
            assert!(matches!(metadata, FieldType::Object(_)), "{}: {metadata:?}", file.source);
        }
    }

    #[test]
    fn a_broken_file_is_an_error() {
        let file = |text| SchemaFile {
            source: "s",
            table: "t",
            text,
            samples: "[]",
            repair: None,
            compiled: OnceLock::new(),
        };
        let error = file("{").table_schema().unwrap_err();
        assert!(matches!(error, UnreadableFile::NotJson(_)), "{error}");
        let error = file(r#"{"type": "text"}"#).table_schema().unwrap_err();
        assert!(matches!(error, UnreadableFile::Invalid(_)), "{error}");
    }

    #[test]
    fn sources_are_in_seeding_order() {
        let names: Vec<_> = SUPABASE_SOURCES.iter().map(|s| (s.name, s.table)).collect();
        assert_eq!(names.first(), Some(&("cloudflare.logs.prod", "edge_logs")));
        assert_eq!(names.last(), Some(&("pgbouncer.logs.prod", "pgbouncer_logs")));
        assert_eq!(names.len(), 9);
        assert!(SUPABASE_SOURCES.iter().all(|source| !source.schema.fields.is_empty()));
    }

    #[test]
    fn json_schema_is_found_by_the_exact_source_name() {
        let text = json_schema("postgREST.logs.prod").unwrap();
        let schema: Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["$id"], "urn:logweir:source:postgREST.logs.prod");
        assert_eq!(json_schema("postgrest.logs.prod"), None);
        assert_eq!(json_schema("edge_logs"), None);
    }

    fn schema_of_table(table: &str) -> &'static TableSchema {
        &SUPABASE_SOURCES.iter().find(|source| source.table == table).unwrap().schema
    }

    #[test]
    fn paths_that_studio_reads_have_their_types() {
        let lines = include_str!("../fixtures/studio-paths.txt").lines();
        let mut read = 0;
        for line in lines.filter(|line| !line.starts_with('#')) {
            let [table, path, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let found = match type_at(schema_of_table(table), path) {
                FieldType::Object(_) => "object",
                FieldType::Array(_) => "array",
                FieldType::Unknown => "unknown",
                scalar => FieldType::NAMES.into_iter().find(|(_, ty)| ty == scalar).unwrap().0,
            };
            assert_eq!(found, expected, "{table}: {path}");
            read += 1;
        }
        assert_eq!(read, 222);
    }

    #[test]
    fn other_paths_have_their_types() {
        use FieldType::{Bool, Float64, Int64, String, Unknown};

        for (table, path, expected) in [
            ("edge_logs", "metadata.request.cf.botManagement.verifiedBot", Bool),
            ("edge_logs", "metadata.request.cf.botManagement.detectionIds[]", Int64),
            ("auth_logs", "metadata.duration", Int64),
            ("auth_logs", "metadata.auth_event.traits.provider", String),
            ("realtime_logs", "metadata.project", String),
            ("realtime_logs", "metadata.measurements.connected", Float64),
            ("storage_logs", "metadata.level", Unknown),
            ("storage_logs", "metadata.timestamp", String),
            ("storage_logs", "metadata.context[].pid", Int64),
            ("storage_logs", "metadata.responseTime", Float64),
            ("pgbouncer_logs", "file", String),
        ] {
            assert_eq!(type_at(schema_of_table(table), path), &expected, "{table}: {path}");
        }
    }

    #[test]
    fn every_file_and_field_is_described_and_stays_open() {
        for file in &FILES {
            let schema: Value = serde_json::from_str(file.text).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
            assert_eq!(schema["$id"], format!("urn:logweir:source:{}", file.source));
            assert!(is_text(&schema["title"]), "{}", file.source);
            assert!(is_text(&schema["description"]), "{}", file.source);
            check(&schema, file.source);
        }
    }

    fn is_text(value: &Value) -> bool {
        value.as_str().is_some_and(|text| !text.trim().is_empty())
    }

    /// Fields inside `schema` have a type and texts, and none forbids further fields.
    fn check(schema: &Value, at: &str) {
        assert_eq!(schema.get("additionalProperties"), None, "{at}");
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            assert!(is_text(&field["description"]), "{at} has no description");
            assert!(field.get("type").is_some(), "{at} has no type");
            assert!(field.get("x-studio").is_none_or(is_text), "{at}: empty x-studio");
            check(field, &at);
        }
        if let Some(items) = schema.get("items") {
            check(items, &format!("{at}[]"));
        }
    }
}
