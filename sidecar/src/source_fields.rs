//! Fields of sources: what they are, and what they may not be beyond their kinds.

use std::{fmt, str::FromStr};

use event_schemas::{CopyFields, DropFields, KeyLookups, MessageKeys, SUPABASE_SOURCES};
use serde_json::{Map, Value};

use crate::{
    backends::BACKEND,
    hooks,
    refusal::{FieldErrors, Refusal},
    resource::{Access, COUNT, Field, Kind, Resource, TEXT, required, set, set_once, shown},
};

/// A source, as the published reference and Logflare have it.
pub(crate) static SOURCE: Resource = Resource {
    name: "Source",
    fields: &[
        shown("id", COUNT, "Number of the source, for rules."),
        set_once("token", Kind::Uuid, "Public id; random where it is not given."),
        required("name", Kind::Text(255), "What senders call it. Unique."),
        set("description", TEXT, "For people."),
        set("service_name", TEXT, "Which service the events come from; for people."),
        set("favorite", Kind::Bool, "Whether it is listed first; false."),
        set("public_token", TEXT, "A second token for people to pass on; it opens nothing."),
        set("api_quota", COUNT, "Events per second that were agreed upon; 25. Not enforced."),
        set(
            "retention_days",
            Kind::Integer(1, 36_500),
            "Whole days that events are kept at least; what is older is removed within hours. The \
             default of the settings, where that is none for ever.",
        ),
        set(
            "bigquery_table_ttl",
            Kind::Integer(1, 36_500),
            "Days that events are kept in BigQuery where retention_days is not set. Does nothing in Postgres.",
        ),
        set(
            "bigquery_clustering_fields",
            TEXT,
            "Fields by which BigQuery clusters the table when it is made. Does nothing in Postgres.",
        ),
        set(
            "bq_table_id",
            TEXT,
            "The table's name in BigQuery, made of the token. Another one is kept and does nothing.",
        ),
        set(
            "bq_table_schema",
            Kind::Object,
            "The table's schema in BigQuery. Kept for Logflare's clients; does nothing.",
        ),
        set(
            "bq_storage_write_api",
            Kind::Bool,
            "Kept for Logflare's clients and does nothing: BigQuery's Storage Write API is always used.",
        ),
        set("webhook_notification_url", URL, "Where numbers of new events are posted to.")
            .such_as("\"http://127.0.0.1:9/events\""),
        set("slack_hook_url", URL, "The same, in Slack's form."),
        set("notifications_every", COUNT, "Milliseconds between two of them at least; 14,400,000."),
        set(
            "notifications",
            Kind::Objects(NOTIFICATION),
            "Who is told of new events; kept for people. One object, in a list or not.",
        ),
        set(
            "custom_event_message_keys",
            TEXT,
            "Of which values `event_message` is made, with ` | ` between: `id, message, m.level, \
             $.metadata.context[0].host`.",
        ),
        set("lock_schema", Kind::Bool, "Whether no new fields are learned; false."),
        set("validate_schema", Kind::Bool, "Whether events must fit the schema; true."),
        set(
            "repair",
            Kind::Bool,
            "Whether what pipelines leave empty is filled before events are checked, for sources of \
             Supabase that have a program for it; false.",
        ),
        set("drop_lql_string", Kind::Text(lql::MAX_BYTES), "Events that match are not stored.")
            .such_as("\"m.level:debug\""),
        set("default_search_lql", TEXT, "What a search begins with; for people."),
        set("suggested_keys", TEXT, "Fields that a search asks for; for people."),
        set(
            "transform_copy_fields",
            TEXT,
            "Lines of `from:to`: values are copied. `m.` stands for `metadata.`",
        ),
        set(
            "transform_key_values",
            TEXT,
            "Lines of `lookup:destination[:accessor]`: where the key-values know the value of a \
             field, theirs is put into another one.",
        ),
        set(
            "transform_drop_fields",
            TEXT,
            "Lines of paths: values are taken out, after copies and look-ups.",
        ),
        set("disable_tailing", Kind::Bool, "Whether the latest events are not shown; false."),
        set(
            "enable_spooling",
            Kind::Bool,
            "Taken for Logflare's clients: the spool is always used.",
        )
        .with(Access::Secret),
        set("default_ingest_backend_enabled?", Kind::Bool, "Whether default backends take events."),
        set("labels", TEXT, "`key=value` pairs, separated by commas."),
        shown("has_rejected_events", Kind::Bool, "Whether there are rejected events to look at."),
        shown(
            "metrics",
            Kind::Object,
            "Figures over all processes, of a second ago: events stored (`inserts`, \
             `inserts_string`), rejected (`rejected`) and of the last minute (`recent`); in a \
             second, of the last five (`rate`), of the last minute (`avg`), of the second with \
             most (`max`); waiting to be written (`buffer`); microseconds since 1970 when the \
             latest was stored (`latest`); known fields (`fields`). null while the database does \
             not answer.",
        ),
        shown("backends", Kind::ListOf(&BACKEND), "Backends that get all its events."),
        shown("inserted_at", Kind::Time, "When it was made."),
        shown("updated_at", Kind::Time, "When it was last changed."),
    ],
};

/// Longer URLs are none that anybody means.
const URL: Kind = Kind::Text(2048);

/// Who is told of new events.
pub(crate) const NOTIFICATION: &[Field] = &[
    set("team_user_ids_for_email", Kind::Strings, "Ids of people."),
    set("team_user_ids_for_sms", Kind::Strings, "Ids of people."),
    set("team_user_ids_for_schema_updates", Kind::Strings, "Ids of people."),
    set("other_email_notifications", TEXT, "Addresses, separated by commas."),
    set("user_email_notifications", Kind::Bool, "false."),
    set("user_text_notifications", Kind::Bool, "false."),
    set("user_schema_update_notifications", Kind::Bool, "false."),
];

/// What is wrong with a source that wants its events repaired: by the name that it is to have, or,
/// where that is none of Supabase's, by what it was declared as before.
pub(crate) fn without_repair(name: &str, declared_before: Option<&str>) -> Option<String> {
    let is_declared = event_schemas::json_schema(name).is_some();
    let declared_as = declared_before.filter(|_| !is_declared).unwrap_or(name);
    if event_schemas::repair_program(declared_as).is_some() {
        return None;
    }
    let repaired = SUPABASE_SOURCES.iter().map(|source| source.name);
    let repaired: Vec<_> =
        repaired.filter(|name| event_schemas::repair_program(name).is_some()).collect();
    Some(format!("must be false: there is a program for {} only", repaired.join(", ")))
}

/// Whether all fields that were given can be.
pub(crate) fn check(given: &Map<String, Value>) -> Result<(), Refusal> {
    let mut errors = FieldErrors::default();
    for (field, check) in CHECKS {
        if let Some(Value::String(text)) = given.get(*field)
            && let Err(error) = check(text)
        {
            errors.add(field, error);
        }
    }
    errors.into_result()
}

type Check = fn(&str) -> Result<(), String>;

const CHECKS: &[(&str, Check)] = &[
    ("webhook_notification_url", hooks::check_url),
    ("slack_hook_url", hooks::check_url),
    ("custom_event_message_keys", reads::<MessageKeys>),
    ("transform_copy_fields", reads::<CopyFields>),
    ("transform_key_values", reads::<KeyLookups>),
    ("transform_drop_fields", reads::<DropFields>),
    ("drop_lql_string", drop_filter),
    ("labels", labels),
];

fn reads<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<(), String> {
    text.parse::<T>().map(drop).map_err(|error| error.to_string())
}

/// The error tells line and column.
fn drop_filter(text: &str) -> Result<(), String> {
    match lql::parse(text) {
        Ok(lql) if lql.filters.is_empty() => {
            Err("has no filter: it would drop every event".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("is not understood: {error}")),
    }
}

/// The contract's texts.
fn labels(text: &str) -> Result<(), String> {
    for label in text.split(',') {
        let parts: Vec<_> = label.split('=').map(str::trim).collect();
        let wrong = match parts.as_slice() {
            [_] => "each label must be in key=value format",
            [_, _, _, ..] => "each label must have exactly one '=' sign",
            ["", _] => "each label must have a non-empty key",
            [_, ""] => "each label must have a non-empty value",
            _ => continue,
        };
        return Err(wrong.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn repair_goes_by_what_a_source_is_declared_as() {
        for (name, declared_before, can_be) in [
            ("postgres.logs", None, true),
            ("own", None, false),
            ("own", Some("own"), false),
            ("pg", Some("postgres.logs"), true),
            ("gotrue.logs.prod", Some("postgres.logs"), false),
            ("postgres.logs", Some("gotrue.logs.prod"), true),
        ] {
            let wrong = without_repair(name, declared_before);
            assert_eq!(wrong.is_none(), can_be, "{name} {declared_before:?}: {wrong:?}");
        }
    }

    #[test]
    fn each_field_says_what_is_wrong() {
        let url = "must be a URL that begins with http:// or https://";
        for (field, value, expected) in [
            ("webhook_notification_url", "http://127.0.0.1:9/x", None),
            ("webhook_notification_url", "ftp://a/b", Some(url)),
            ("slack_hook_url", "hooks.slack.com/x", Some(url)),
            ("slack_hook_url", "https://", Some(url)),
            ("labels", "a=b, c=d", None),
            ("labels", "a", Some("each label must be in key=value format")),
            ("labels", "a=b,", Some("each label must be in key=value format")),
            ("labels", "=b", Some("each label must have a non-empty key")),
            ("labels", "a=", Some("each label must have a non-empty value")),
            ("labels", "a=b=c", Some("each label must have exactly one '=' sign")),
            ("drop_lql_string", "m.level:debug", None),
            ("drop_lql_string", "s:m.level", Some("has no filter: it would drop every event")),
            (
                "drop_lql_string",
                "error AND x",
                Some(
                    "is not understood: LQL has no AND: all terms must hold, `-` negates, \
                     ~\"a|b\" finds one of several; to search for the word, write \"AND\" at [1:7]",
                ),
            ),
            ("transform_drop_fields", "id", Some("cannot drop reserved fields: id")),
            ("transform_copy_fields", "a:b", None),
            (
                "transform_copy_fields",
                "a:b\nx",
                Some(
                    "has a line 2 that is not understood: `x`; write from:to, such as \
                     m.request.host:host",
                ),
            ),
            (
                "transform_key_values",
                "a",
                Some(
                    "has a line 1 that is not understood: `a`; write \
                     lookup:destination[:accessor], such as project:org.id:org_id",
                ),
            ),
            (
                "custom_event_message_keys",
                "id, a b",
                Some("has a part that is no path: `a b` (write it like m.request.host)"),
            ),
        ] {
            let given = json!({field: value});
            let checked = match check(given.as_object().unwrap()) {
                Ok(()) => None,
                Err(Refusal::Fields(errors)) => Some(errors.0[field].join("")),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(checked.as_deref(), expected, "{given}");
        }
    }
}
