//! What an `http` sink may be told, as far as Vector's reference says it.

use serde_json::{Map, Value as Json};

use crate::configuration::text;

/// Options of a sink; any other is an error.
const OPTIONS: [&str; 20] = [
    "acknowledgements",
    "auth",
    "batch",
    "buffer",
    "compression",
    "dangerously_allow_unconfined_template_resolution",
    "encoding",
    "framing",
    "graph",
    "headers",
    "healthcheck",
    "healthcheck_uri",
    "method",
    "payload_prefix",
    "payload_suffix",
    "proxy",
    "request",
    "retry_strategy",
    "tls",
    "uri",
];

/// Options that older versions have not, with the one that has them first: 56 for 0.56.
const SINCE: [(&str, u32); 2] =
    [("retry_strategy", 56), ("dangerously_allow_unconfined_template_resolution", 57)];

/// Options of the tables of a sink. What Vector does with others, it ignores some and refuses some, is
/// nothing that was meant.
const TABLES: [(&str, &[&str]); 8] = [
    ("/acknowledgements", &["enabled"]),
    ("/batch", &["max_bytes", "max_events", "timeout_secs"]),
    (
        "/encoding",
        &[
            "avro",
            "cef",
            "codec",
            "csv",
            "except_fields",
            "gelf",
            "json",
            "metric_tag_values",
            "only_fields",
            "otlp",
            "protobuf",
            "syslog",
            "timestamp_format",
        ],
    ),
    ("/healthcheck", &["enabled", "timeout", "uri"]),
    ("/proxy", &["enabled", "http", "https", "no_proxy"]),
    (
        "/request",
        &[
            "adaptive_concurrency",
            "concurrency",
            "headers",
            "rate_limit_duration_secs",
            "rate_limit_num",
            "retry_attempts",
            "retry_initial_backoff_secs",
            "retry_jitter_mode",
            "retry_max_duration_secs",
            "timeout_secs",
        ],
    ),
    (
        "/request/adaptive_concurrency",
        &[
            "decrease_ratio",
            "ewma_alpha",
            "initial_concurrency",
            "max_concurrency_limit",
            "rtt_deviation_scale",
        ],
    ),
    (
        "/tls",
        &[
            "alpn_protocols",
            "ca_file",
            "crt_file",
            "key_file",
            "key_pass",
            "server_name",
            "verify_certificate",
            "verify_hostname",
        ],
    ),
];

const NUMBERS: [&str; 9] = [
    "/batch/max_bytes",
    "/batch/max_events",
    "/batch/timeout_secs",
    "/request/rate_limit_duration_secs",
    "/request/rate_limit_num",
    "/request/retry_attempts",
    "/request/retry_initial_backoff_secs",
    "/request/retry_max_duration_secs",
    "/request/timeout_secs",
];

const METHODS: [&str; 8] = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];
const COMPRESSIONS: [&str; 5] = ["none", "gzip", "zlib", "zstd", "snappy"];

/// Least size of a buffer on disk, in bytes.
const LEAST_ON_DISK: u64 = 268_435_488;

/// What Vector refuses of a sink's options, whatever its version is.
///
/// # Errors
/// The first such thing.
pub(super) fn check(options: &Map<String, Json>) -> Result<(), String> {
    if let Some(name) = options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
        return Err(format!("unknown field `{name}`"));
    }
    let whole = Json::Object(options.clone());
    for path in NUMBERS {
        if whole.pointer(path).is_some_and(|value| !value.is_number() && !value.is_null()) {
            return Err(format!("`{}`: expected a number", dotted(path)));
        }
    }
    one_of(options.get("method"), "method", &METHODS)?;
    one_of(
        whole.pointer("/request/retry_jitter_mode"),
        "request.retry_jitter_mode",
        &["full", "none"],
    )?;
    if let Some(concurrency) = whole.pointer("/request/concurrency").filter(|one| !one.is_number())
    {
        one_of(Some(concurrency), "request.concurrency", &["adaptive", "none"])?;
    }
    compression(options.get("compression"))?;
    auth(options)?;
    match options.get("acknowledgements") {
        None | Some(Json::Null | Json::Bool(_) | Json::Object(_)) => {}
        Some(_) => return Err("`acknowledgements`: expected a boolean or a table".to_owned()),
    }
    if let Some(strategy) = options.get("retry_strategy") {
        let kinds = ["default", "none", "all", "custom"];
        one_of(strategy.get("type"), "retry_strategy.type", &kinds)?;
        if strategy.get("type").is_some_and(|kind| kind == "custom")
            && !strategy.get("status_codes").is_some_and(Json::is_array)
        {
            return Err("`retry_strategy`: missing field `status_codes`".to_owned());
        }
    }
    match options.get("buffer") {
        Some(Json::Array(stages)) => stages.iter().try_for_each(buffer),
        Some(stage) => buffer(stage),
        None => Ok(()),
    }
}

/// Options that a version of Vector has not: what it says, and what is missing.
pub(crate) fn too_new(options: &Map<String, Json>, minor: u32) -> Vec<(&'static str, String)> {
    let newer = SINCE.iter().filter(|(name, since)| options.contains_key(*name) && minor < *since);
    let said = |(name, since): &(&'static str, u32)| {
        (*name, format!("unknown field `{name}`: Vector has it since 0.{since}"))
    };
    newer.map(said).collect()
}

/// Options of a sink's tables that Vector has not: `batch.max_byte`.
pub(crate) fn unknown(options: &Map<String, Json>) -> Vec<String> {
    let whole = Json::Object(options.clone());
    let of_table = |(path, known): &(&str, &[&str])| {
        let table = whole.pointer(path).and_then(Json::as_object);
        let names = table.into_iter().flat_map(Map::keys);
        let unknown = names.filter(|name| !known.contains(&name.as_str()));
        unknown.map(|name| format!("{}.{name}", dotted(path))).collect::<Vec<_>>()
    };
    TABLES.iter().flat_map(of_table).collect()
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn one_of(value: Option<&Json>, name: &str, known: &[&str]) -> Result<(), String> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(()) };
    match value.as_str() {
        Some(value) if known.contains(&value) => Ok(()),
        _ => Err(format!(
            "`{name}`: unknown variant `{}`, expected one of `{}`",
            value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            known.join("`, `")
        )),
    }
}

fn compression(value: Option<&Json>) -> Result<(), String> {
    let Some(Json::Object(table)) = value else {
        return one_of(value, "compression", &COMPRESSIONS);
    };
    if let Some(name) = table.keys().find(|name| !["algorithm", "level"].contains(&name.as_str())) {
        return Err(format!("`compression`: unknown field `{name}`"));
    }
    let algorithm =
        text(table.get("algorithm")).ok_or("`compression`: missing field `algorithm`")?;
    one_of(table.get("algorithm"), "compression.algorithm", &COMPRESSIONS)?;
    let most = if algorithm == "zstd" { 21 } else { 9 };
    match table.get("level") {
        Some(level) if level.is_number() => match level.as_u64() {
            Some(level) if level <= most => Ok(()),
            _ => Err(format!("`compression.level`: expected 0 to {most}")),
        },
        level => one_of(level, "compression.level", &["none", "fast", "default", "best"]),
    }
}

fn auth(options: &Map<String, Json>) -> Result<(), String> {
    let Some(auth) = options.get("auth").filter(|auth| !auth.is_null()) else { return Ok(()) };
    let strategy = text(auth.get("strategy")).ok_or("`auth`: missing field `strategy`")?;
    let needed: &[&str] = match strategy.as_str() {
        "basic" => &["user", "password"],
        "bearer" => &["token"],
        "custom" => &["value"],
        "aws" => &[],
        other => return Err(format!("`auth.strategy`: unknown variant `{other}`")),
    };
    if let Some(name) = needed.iter().find(|name| auth.get(**name).is_none()) {
        return Err(format!("`auth`: missing field `{name}`"));
    }
    let names = auth.as_object().into_iter().flat_map(Map::keys);
    if strategy != "aws"
        && let Some(name) =
            names.filter(|name| *name != "strategy").find(|name| !needed.contains(&name.as_str()))
    {
        return Err(format!("`auth`: unknown field `{name}`"));
    }
    let request = options.get("request").and_then(|request| request.get("headers"));
    let tables =
        [options.get("headers"), request].into_iter().flatten().filter_map(Json::as_object);
    if tables.flat_map(Map::keys).any(|name| name.eq_ignore_ascii_case("authorization")) {
        return Err("Authorization header can not be used with defined auth options".to_owned());
    }
    let uri = text(options.get("uri")).unwrap_or_default();
    if super::user_of(&uri).is_some() {
        return Err("`auth` can not be used with a user in `uri`".to_owned());
    }
    Ok(())
}

/// A stage of a buffer.
fn buffer(stage: &Json) -> Result<(), String> {
    let stage = stage.as_object().ok_or("`buffer`: expected a table, or a list of them")?;
    let kind = stage.get("type");
    one_of(kind, "buffer.type", &["memory", "disk"])?;
    one_of(stage.get("when_full"), "buffer.when_full", &["block", "drop_newest", "overflow"])?;
    let on_disk = kind.is_some_and(|kind| kind == "disk");
    let known: &[&str] = if on_disk {
        &["type", "max_size", "when_full"]
    } else {
        &["type", "max_events", "max_size", "when_full"]
    };
    if let Some(name) = stage.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!(
            "`buffer`: unknown field `{name}`, expected one of `{}`",
            known.join("`, `")
        ));
    }
    for name in ["max_size", "max_events"] {
        if stage.get(name).is_some_and(|size| size.as_u64().is_none_or(|size| size == 0)) {
            return Err(format!("`buffer.{name}`: expected a whole number above 0"));
        }
    }
    match stage.get("max_size").and_then(Json::as_u64) {
        None if on_disk => Err("`buffer`: missing field `max_size`".to_owned()),
        Some(size) if on_disk && size < LEAST_ON_DISK => Err(format!(
            "`buffer.max_size`: {size} is too small, a buffer on disk must have {LEAST_ON_DISK} bytes"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(options: &Json) -> Map<String, Json> {
        options.as_object().unwrap().clone()
    }

    #[test]
    fn what_vector_takes_passes() {
        for options in [
            json!({}),
            json!({"buffer": {"type": "disk", "max_size": 268_435_488, "when_full": "block"}}),
            json!({"buffer": {"max_events": 1000}}),
            json!({"buffer": {"type": "memory", "max_size": 1_000_000}}),
            json!({"buffer": [{"type": "memory", "when_full": "overflow"},
                {"type": "disk", "max_size": 300_000_000}]}),
            json!({"compression": "zstd"}),
            json!({"compression": {"algorithm": "zstd", "level": 21}}),
            json!({"compression": {"algorithm": "gzip", "level": "best"}}),
            json!({"method": "put"}),
            json!({"auth": {"strategy": "aws", "region": "x"}}),
            json!({"auth": {"strategy": "bearer", "token": "t"}, "request": {"headers": {"x": "y"}}}),
            json!({"acknowledgements": true, "retry_strategy": {"type": "default"}}),
            json!({"retry_strategy": {"type": "custom", "status_codes": [503]}}),
            json!({"request": {"concurrency": 4, "retry_jitter_mode": "none", "timeout_secs": 10,
                "adaptive_concurrency": {"initial_concurrency": 5}}}),
            json!({"request": {"concurrency": "adaptive"}, "batch": {"timeout_secs": 0.5}}),
        ] {
            assert_eq!(check(&table(&options)), Ok(()), "{options}");
            assert_eq!(unknown(&table(&options)), Vec::<String>::new(), "{options}");
        }
    }

    #[test]
    fn what_vector_refuses_is_refused() {
        for (options, expected) in [
            (json!({"buffer": {"type": "disk"}}), "missing field `max_size`"),
            (json!({"buffer": {"type": "disk", "max_size": 268_435_487}}), "is too small"),
            (json!({"buffer": [{"type": "disk", "max_size": 1}]}), "is too small"),
            (
                json!({"buffer": {"type": "disk", "max_size": 268_435_488, "max_events": 5}}),
                "unknown field `max_events`",
            ),
            (json!({"buffer": {"type": "disc"}}), "unknown variant `disc`"),
            (json!({"buffer": {"when_full": "drop"}}), "unknown variant `drop`"),
            (json!({"buffer": {"size": 5}}), "unknown field `size`"),
            (json!({"buffer": {"max_events": "many"}}), "a whole number above 0"),
            (json!({"buffer": "disk"}), "expected a table"),
            (json!({"compression": "brotli"}), "`compression`: unknown variant `brotli`"),
            (json!({"compression": {"level": 3}}), "missing field `algorithm`"),
            (json!({"compression": {"algorithm": "gzip", "level": 10}}), "expected 0 to 9"),
            (json!({"compression": {"algorithm": "gzip", "levels": 1}}), "unknown field `levels`"),
            (json!({"method": "POST"}), "`method`: unknown variant `POST`"),
            (json!({"auth": {"token": "t"}}), "missing field `strategy`"),
            (json!({"auth": {"strategy": "bearer"}}), "missing field `token`"),
            (json!({"auth": {"strategy": "basic", "user": "u"}}), "missing field `password`"),
            (json!({"auth": {"strategy": "api_key"}}), "unknown variant `api_key`"),
            (
                json!({"auth": {"strategy": "bearer", "token": "t", "user": "u"}}),
                "unknown field `user`",
            ),
            (
                json!({"auth": {"strategy": "bearer", "token": "t"},
                    "request": {"headers": {"authorization": "Bearer t"}}}),
                "Authorization header can not be used",
            ),
            (
                json!({"auth": {"strategy": "bearer", "token": "t"}, "uri": "http://u:p@a/logs"}),
                "a user in `uri`",
            ),
            (json!({"acknowledgements": "yes"}), "expected a boolean"),
            (json!({"retry_strategy": {"type": "some"}}), "unknown variant `some`"),
            (json!({"retry_strategy": {"type": "custom"}}), "missing field `status_codes`"),
            (
                json!({"request": {"timeout_secs": "60"}}),
                "`request.timeout_secs`: expected a number",
            ),
            (json!({"request": {"retry_jitter_mode": "half"}}), "unknown variant `half`"),
            (json!({"request": {"concurrency": "all"}}), "unknown variant `all`"),
            (json!({"retries": 3}), "unknown field `retries`"),
        ] {
            let error = check(&table(&options)).expect_err(&options.to_string());
            assert!(error.contains(expected), "{options}: {error}");
        }
    }

    #[test]
    fn options_of_tables_that_vector_has_not_are_named() {
        for (options, expected) in [
            (json!({"batch": {"max_byte": 1}}), "batch.max_byte"),
            (json!({"request": {"retries": 1, "headers": {"x": "y"}}}), "request.retries"),
            (
                json!({"request": {"adaptive_concurrency": {"limit": 1}}}),
                "request.adaptive_concurrency.limit",
            ),
            (json!({"encoding": {"codec": "json", "except_field": []}}), "encoding.except_field"),
            (json!({"tls": {"ca": "x"}}), "tls.ca"),
            (json!({"acknowledgements": {"enable": true}}), "acknowledgements.enable"),
        ] {
            assert_eq!(unknown(&table(&options)), [expected], "{options}");
        }
    }

    #[test]
    fn options_that_a_version_has_not_are_named() {
        let options = table(&json!({"retry_strategy": {"type": "none"}}));
        assert_eq!(too_new(&options, 55).len(), 1);
        assert!(too_new(&options, 56).is_empty());
        let options = table(&json!({"dangerously_allow_unconfined_template_resolution": true}));
        assert_eq!(too_new(&options, 56).len(), 1);
        assert!(too_new(&options, 57).is_empty());
    }
}
