//! Settings of a backend's config that nobody knows are passed over, as in Logflare. One that looks
//! like a misspelt one is not: its events would go out without it, and nobody would know why.

use drains::Kind;
use serde_json::{Map, Value};

use crate::refusal::FieldErrors;

/// Changed, missing or other letters of a name that is still taken for a misspelt one.
const MOST_CHANGES: usize = 2;

/// Of names with fewer letters than so many, one, or two that changed places.
const SHORT: usize = 8;

/// Settings of receivers' own APIs that nobody needs here: right names, not misspelt ones.
const OF_RECEIVERS: [(Kind, &str); 1] = [(Kind::Datadog, "app_key")];

/// Adds an error for each setting of `given` that looks like one of a type's and is none.
pub(crate) fn refuse(kind: Kind, given: &Map<String, Value>, errors: &mut FieldErrors) {
    let is_unknown = |name: &&String| {
        kind.setting_names().all(|known| known != *name)
            && !OF_RECEIVERS.contains(&(kind, name.as_str()))
    };
    for name in given.keys().filter(is_unknown) {
        if let Some(meant) = kind.setting_names().find(|known| is_misspelt(name, known)) {
            errors.add(&format!("config.{name}"), format!("is not known: it may be {meant}"));
        }
    }
}

fn is_misspelt(name: &str, known: &str) -> bool {
    // However long the names of a body are, little is compared.
    if name.len() > known.len() + 8 {
        return false;
    }
    let letters = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (name, known) = (letters(name), letters(known));
    let most = if known.len() < SHORT { 1 } else { MOST_CHANGES };
    strsim::osa_distance(&name, &known) <= most
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn misspelt_settings_are_refused_and_others_passed_over() {
        for (kind, name, meant) in [
            (Kind::Webhook, "header", Some("headers")),
            (Kind::Webhook, "Headers", Some("headers")),
            (Kind::Webhook, "gzips", Some("gzip")),
            (Kind::Webhook, "gizp", Some("gzip")),
            (Kind::S3, "batchTimeout", Some("batch_timeout")),
            (Kind::S3, "batch-timout", Some("batch_timeout")),
            (Kind::Datadog, "uri", Some("url")),
            (Kind::Elastic, "apikey", Some("api_key")),
            (Kind::Datadog, "api_kye", Some("api_key")),
            (Kind::Loki, "passwrod", Some("password")),
            (Kind::Loki, "passwd", Some("password")),
            (Kind::Postgres, "tabel", Some("table")),
            // Logflare's, which are not needed here.
            (Kind::Postgres, "pool_size", None),
            (Kind::Clickhouse, "pool_size", None),
            (Kind::Clickhouse, "async_insert", None),
            (Kind::Clickhouse, "native_port", None),
            (Kind::Clickhouse, "read_only_url", None),
            // Right, and of no use here.
            (Kind::Datadog, "app_key", None),
            (Kind::Datadog, "application_key", None),
            (Kind::Elastic, "app_key", Some("api_key")),
            // Of other types, and of people.
            (Kind::Clickhouse, "title", None),
            (Kind::Postgres, "title", None),
            (Kind::Postgres, "host", None),
            (Kind::Webhook, "region", None),
            (Kind::Webhook, "note", None),
            (Kind::Webhook, "", None),
            (Kind::Webhook, "ürl", Some("url")),
            (Kind::Webhook, "headers, which are many", None),
        ] {
            let mut errors = FieldErrors::default();
            refuse(kind, json!({name: 1}).as_object().unwrap(), &mut errors);
            let expected = meant.map_or(FieldErrors::default(), |meant| {
                let mut errors = FieldErrors::default();
                errors.add(&format!("config.{name}"), format!("is not known: it may be {meant}"));
                errors
            });
            assert_eq!(errors, expected, "{kind:?} {name}");
        }
    }

    #[test]
    fn no_setting_is_taken_for_another() {
        for kind in Kind::ALL {
            let all = kind.setting_names().map(|name| (name.to_owned(), json!(1))).collect();
            let mut errors = FieldErrors::default();
            refuse(kind, &all, &mut errors);
            assert_eq!(errors, FieldErrors::default(), "{kind:?}");
        }
    }
}
