//! Reads configs that people give, and brings them together with what was there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use store::PostgresServer;
use url::Url;

use crate::{
    declared::{Need, Setting, Shape},
    kind::Kind,
    mask::{self, MASK, Untold},
    postgres, postgres_url,
    sentry::Sentry,
    syslog,
};

/// What is wrong with each setting, to be read after its name.
pub type ConfigErrors = BTreeMap<String, Vec<String>>;

const NOT_BUILT: &str = "is not built yet: send to a relay on the same machine or network";

/// Who may change a config need not know its secrets, and learns none by sending them elsewhere.
const FOR_ANOTHER: &str =
    "must be given anew: what is kept is for another scheme, host or port, or for other TLS";

/// Most bytes of a text.
const MAX_TEXT: usize = 16 << 10;

/// The config that `given` makes of the one before: settings that are not given stay, `null` takes
/// one away, and a mask that comes back as it was shown means that nothing changes.
///
/// # Errors
/// What is wrong with each setting.
pub fn checked(
    kind: Kind,
    given: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
) -> Result<Map<String, Value>, ConfigErrors> {
    let mut config = Map::new();
    let mut errors = ConfigErrors::new();
    for setting in kind.settings() {
        let before = before.and_then(|before| before.get(setting.name));
        let read = match given.get(setting.name) {
            None => Ok(before.cloned()),
            Some(value) => setting.read(value, before),
        };
        match (read, setting.need) {
            (Ok(Some(value)), _) => drop(config.insert(setting.name.to_owned(), value)),
            (Ok(None), Need::Required) => add(&mut errors, setting.name, "can't be blank"),
            (Ok(None), Need::Optional) => {}
            (Ok(None), Need::Default(text)) => {
                let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
                config.insert(setting.name.to_owned(), value);
            }
            (Err(text), _) => add(&mut errors, setting.name, &text),
        }
    }
    whole(kind, &config, &mut errors);
    if kind == Kind::Postgres && !names_user(&config) && changes_server(&config, before) {
        add(&mut errors, "username", "can't be blank");
    }
    if let Some(before) = before.filter(|_| errors.is_empty())
        && mask::address(kind, before) != mask::address(kind, &config)
    {
        let kept = kind.settings().iter().filter(|setting| {
            mask::keeps_secret(setting, given.get(setting.name), config.get(setting.name))
        });
        kept.for_each(|setting| add(&mut errors, setting.name, FOR_ANOTHER));
    }
    if errors.is_empty() { Ok(config) } else { Err(errors) }
}

fn add(errors: &mut ConfigErrors, name: &str, text: &str) {
    errors.entry(name.to_owned()).or_default().push(text.to_owned());
}

/// Whether a Postgres is told who asks; a URL is read for itself.
fn names_user(config: &Map<String, Value>) -> bool {
    config.contains_key("url") || config.contains_key("username")
}

/// Whether another server or user is named than before. What was kept once may name no user.
fn changes_server(config: &Map<String, Value>, before: Option<&Map<String, Value>>) -> bool {
    config.contains_key("hostname")
        && before.is_none_or(|before| {
            ["url", "hostname", "username"]
                .iter()
                .any(|name| before.get(*name) != config.get(*name))
        })
}

/// What no setting alone says.
fn whole(kind: Kind, config: &Map<String, Value>, errors: &mut ConfigErrors) {
    let (user, password) = (config.contains_key("username"), config.contains_key("password"));
    // A Postgres may trust a user, and Syslog's have no users.
    if user != password && kind != Kind::Postgres {
        let text = "Both username and password must be provided for basic auth";
        add(errors, "username", text);
        add(errors, "password", text);
    }
    match kind {
        Kind::Postgres if !config.contains_key("url") && !config.contains_key("hostname") => {
            add(errors, "url", "can't be blank where hostname is");
        }
        // A URL is read for itself.
        Kind::Postgres if !config.contains_key("url") => {
            if let Err(text) = postgres::server_url(config) {
                add(errors, "hostname", &text);
            }
        }
        Kind::Sentry if config.contains_key("dsn") => {
            if let Err(text) = Sentry::new(config) {
                add(errors, "dsn", &text);
            }
        }
        Kind::Syslog => tls(config, errors),
        _ => {}
    }
}

/// What Syslog's certificates and key say only together.
fn tls(config: &Map<String, Value>, errors: &mut ConfigErrors) {
    let has = |name: &str| config.contains_key(name);
    if config.get("tls") != Some(&Value::Bool(true)) {
        for name in ["ca_cert", "client_cert", "client_key"].into_iter().filter(|name| has(name)) {
            add(errors, name, "is of use with tls only");
        }
    } else if has("client_cert") != has("client_key") {
        for name in ["client_cert", "client_key"] {
            add(errors, name, "must be given with the other: a certificate and its key");
        }
    } else if let Err(error) = syslog::tls_of(config) {
        // Those that are trusted are read first.
        let whose = if has("ca_cert") && !error.is_of_identity { "ca_cert" } else { "client_cert" };
        add(errors, whose, &error.text);
    }
}

impl Setting {
    /// The value, `None` for an empty one; or what is wrong with it.
    fn read(&self, value: &Value, before: Option<&Value>) -> Result<Option<Value>, String> {
        match value {
            Value::Null => return Ok(None),
            Value::String(text) if text.trim().is_empty() => return Ok(None),
            _ => {}
        }
        // Once it could be given; it is not given now.
        if let Some(before) = before.filter(|before| mask::is_as_shown(self, value, before)) {
            return Ok(Some(before.clone()));
        }
        let value = mask::unmasked(self, value, before).map_err(|untold| match untold {
            Untold::ForAnother => FOR_ANOTHER.to_owned(),
            Untold::Nothing => {
                format!("is the mask {MASK}, behind which nothing was kept: give the value itself")
            }
        })?;
        self.shape.read(&value).map(Some)
    }
}

impl Shape {
    fn read(self, value: &Value) -> Result<Value, String> {
        let invalid = || Err("is invalid".to_owned());
        match (self, value) {
            (Self::NotBuilt, _) => Err(NOT_BUILT.to_owned()),
            (Self::Text, Value::String(text)) => line(text).map(Value::String),
            (Self::HttpUrl | Self::Dsn, Value::String(text)) => {
                http_url(text.trim()).map(Value::String)
            }
            (Self::PostgresUrl, Value::String(text)) => server_url(text).map(Value::String),
            (Self::Pem, Value::String(text)) => pem(text).map(Value::String),
            (Self::Identifier, Value::String(text)) if is_identifier(text.trim()) => {
                Ok(text.trim().into())
            }
            (Self::Identifier, Value::String(_)) => {
                Err("may only hold letters, digits and _, and starts with no digit".to_owned())
            }
            (Self::Flag, Value::Bool(flag)) => Ok((*flag).into()),
            (Self::Flag, Value::String(text)) => match text.as_str() {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => invalid(),
            },
            (Self::Number(from, to), Value::Number(_) | Value::String(_)) => {
                let number = match value {
                    Value::String(text) => text.trim().parse().ok(),
                    number => number.as_i64(),
                };
                match number {
                    Some(number) if (from..=to).contains(&number) => Ok(number.into()),
                    Some(_) => Err(format!("must be from {from} to {to}")),
                    None => invalid(),
                }
            }
            (Self::OneOf(words), Value::String(text)) if words.contains(&text.as_str()) => {
                Ok(value.clone())
            }
            (Self::OneOf(words), _) => {
                Err(format!("is invalid; it is one of {}", words.join(", ")))
            }
            (Self::Headers | Self::Labels, Value::Object(entries)) => self.entries(entries),
            _ => invalid(),
        }
    }

    fn entries(self, entries: &Map<String, Value>) -> Result<Value, String> {
        let mut read = Map::new();
        for (name, value) in entries {
            let value = match value {
                Value::Null => continue,
                Value::String(text) => line(text)?,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => return Err(format!("holds {name}, which is no text")),
            };
            if self == Self::Labels && !is_identifier(name) {
                return Err(format!("holds {name}: labels are named by letters, digits and _"));
            }
            if self == Self::Headers {
                let name_is_valid = reqwest::header::HeaderName::try_from(name.as_str()).is_ok();
                if !name_is_valid || reqwest::header::HeaderValue::try_from(&value).is_err() {
                    return Err(format!("holds {name}, which cannot be sent as a header"));
                }
                // The last one would be sent, whatever the others say.
                if read.keys().any(|other: &String| other.eq_ignore_ascii_case(name)) {
                    return Err(format!("holds {name} twice: upper and lower case are the same"));
                }
            }
            read.insert(name.clone(), value.into());
        }
        Ok(Value::Object(read))
    }
}

fn line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(format!("should be at most {MAX_TEXT} byte(s)"));
    }
    if text.contains(char::is_control) {
        return Err("must be one line".to_owned());
    }
    Ok(text.to_owned())
}

fn http_url(text: &str) -> Result<String, String> {
    let text = line(text)?;
    let url = Url::parse(&text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must start with http:// or https:// and name a host".to_owned());
    }
    Ok(text)
}

fn server_url(text: &str) -> Result<String, String> {
    let text = line(text)?;
    postgres_url::check(&text)?;
    // What it says may hold a part of the URL, but no more than its sender knows.
    PostgresServer::parse(&text, None).map_err(|error| format!("is no URL: {error}"))?;
    Ok(text)
}

fn pem(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(format!("should be at most {MAX_TEXT} byte(s)"));
    }
    if !text.starts_with("-----BEGIN ") {
        return Err("must be PEM: -----BEGIN …".to_owned());
    }
    Ok(format!("{text}\n"))
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: Kind, given: Value, before: Option<&Value>) -> Result<Value, Value> {
        let before = before.and_then(Value::as_object);
        checked(kind, given.as_object().unwrap(), before)
            .map(Value::Object)
            .map_err(|errors| json!(errors))
    }

    #[test]
    fn each_type_says_what_it_needs() {
        for (kind, missing) in [
            (Kind::Webhook, &["url"][..]),
            (Kind::Loki, &["url"]),
            (Kind::Otlp, &["endpoint"]),
            (Kind::S3, &["access_key_id", "s3_bucket", "secret_access_key", "storage_region"]),
            (Kind::Clickhouse, &["database", "port", "url"]),
            (Kind::Elastic, &["url"]),
            (Kind::Datadog, &["api_key", "region"]),
            (Kind::Axiom, &["api_token", "dataset_name"]),
            (Kind::Syslog, &["host", "port"]),
            (Kind::Sentry, &["dsn"]),
        ] {
            let errors = checked(kind, &Map::new(), None).unwrap_err();
            let names: Vec<_> = errors.keys().collect();
            assert_eq!(names, missing, "{kind:?}");
            assert!(errors.values().all(|texts| texts == &["can't be blank"]), "{kind:?}");
        }
    }

    #[test]
    fn values_are_read_as_what_they_are() {
        let webhook = json!({"url": " https://h/x ", "headers": {"a": 1, "b": null}, "more": 1});
        let expected =
            json!({"url": "https://h/x", "headers": {"a": "1"}, "http": "http2", "gzip": true});
        assert_eq!(read(Kind::Webhook, webhook, None), Ok(expected));
        for (given, setting, text) in [
            (json!({"url": "ftp://h"}), "url", "must start with http:// or https://"),
            (json!({"url": "h"}), "url", "is no URL: relative URL without a base"),
            (json!({"url": 5}), "url", "is invalid"),
            (json!({"http": "http3"}), "http", "is invalid; it is one of http1, http2"),
            (json!({"gzip": "maybe"}), "gzip", "is invalid"),
            (json!({"headers": {"a b": "c"}}), "headers", "holds a b, which cannot be sent"),
            (json!({"headers": {"a": "c\nd"}}), "headers", "must be one line"),
            (json!({"headers": []}), "headers", "is invalid"),
            (json!({"headers": {"A": "b", "a": "b"}}), "headers", "holds a twice"),
        ] {
            let errors = read(Kind::Webhook, given.clone(), None).unwrap_err();
            let found = errors[setting][0].as_str().unwrap_or_default();
            assert!(found.starts_with(text), "{given}: {errors}");
        }
        let clickhouse = json!({"url": "http://h", "database": "a`b", "port": 70_000});
        let errors = read(Kind::Clickhouse, clickhouse, None).unwrap_err();
        assert_eq!(errors["port"], json!(["must be from 1 to 65535"]));
        assert!(errors["database"][0].as_str().unwrap().starts_with("may only hold"));
        let one = read(Kind::Loki, json!({"url": "http://h", "username": "u"}), None);
        assert_eq!(one.unwrap_err().as_object().unwrap().len(), 2);
        let postgres = read(Kind::Postgres, json!({}), None).unwrap_err();
        assert_eq!(postgres["url"], json!(["can't be blank where hostname is"]));
        for (given, is_right) in [
            (json!({"hostname": "h", "username": "u"}), true),
            (json!({"hostname": "h"}), false),
            (json!({"url": "postgres://u:p@h/d"}), true),
            (json!({"url": "postgres:///d"}), false),
            (json!({"url": "mysql://u:p@h/d"}), false),
            (json!({"hostname": "h", "schema": "a b"}), false),
            (json!({"hostname": "h/d?host=other", "username": "u"}), false),
            (json!({"hostname": "other@h", "username": "u"}), false),
            (json!({"hostname": "a b"}), false),
        ] {
            assert_eq!(read(Kind::Postgres, given.clone(), None).is_ok(), is_right, "{given}");
        }
        let url = json!({"url": "postgres://u:p@h/d?pgbouncer=true"});
        let unknown = read(Kind::Postgres, url, None).unwrap_err();
        let text = unknown["url"][0].as_str().unwrap();
        assert!(text.contains("pgbouncer") && text.contains("sslrootcert"), "{text}");
        let sentry = read(Kind::Sentry, json!({"dsn": "https://h/1"}), None).unwrap_err();
        assert!(sentry["dsn"][0].as_str().unwrap().starts_with("must name a key"), "{sentry}");
    }

    #[test]
    fn certificates_of_syslog_are_checked() {
        const AUTHORITY: &str = include_str!("../../tests/fixtures/tls/authority.pem");
        const CERTIFICATE: &str = include_str!("../../tests/fixtures/tls/server.pem");
        const KEY: &str = include_str!("../../tests/fixtures/tls/server.key");
        let with = |more: Value| {
            let mut given = json!({"host": "h", "port": "6514", "tls": true});
            given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(Kind::Syslog, given, None)
        };
        let whole = json!({"ca_cert": AUTHORITY, "client_cert": CERTIFICATE, "client_key": KEY});
        assert_eq!(with(whole).unwrap()["ca_cert"], AUTHORITY);
        // As Studio sends what was left empty.
        let empty = json!({"ca_cert": "", "client_cert": "", "client_key": "", "cipher_key": ""});
        assert!(with(empty).is_ok());
        for (more, names, text) in [
            (json!({"cipher_key": "x"}), &["cipher_key"][..], "is not built"),
            (json!({"ca_cert": "x"}), &["ca_cert"], "must be PEM"),
            (json!({"ca_cert": KEY}), &["ca_cert"], "holds no certificate"),
            (json!({"client_key": KEY}), &["client_cert", "client_key"], "must be given with"),
            (
                json!({"ca_cert": AUTHORITY, "client_cert": AUTHORITY, "client_key": KEY}),
                &["client_cert"],
                "cannot be used",
            ),
            (json!({"tls": false, "ca_cert": AUTHORITY}), &["ca_cert"], "is of use with tls only"),
        ] {
            let errors = with(more.clone()).unwrap_err();
            assert_eq!(errors.as_object().unwrap().keys().collect::<Vec<_>>(), names, "{more}");
            let found = errors[names[0]][0].as_str().unwrap();
            assert!(found.starts_with(text), "{more}: {errors}");
        }
    }

    #[test]
    fn updates_are_merged_and_masks_mean_no_change() {
        let before = json!({
            "url": "https://u:p@h/x?token=t&a=b", "http": "http1", "gzip": true,
            "headers": {"Authorization": "Bearer x", "plain": "y"},
        });
        let shown = Value::Object(mask::masked(Kind::Webhook, before.as_object().unwrap()));
        let read = |given| read(Kind::Webhook, given, Some(&before));
        assert_eq!(read(json!({})), Ok(before.clone()));
        assert_eq!(read(shown), Ok(before.clone()));
        let moved = read(json!({"url": "https://u:REDACTED@h/y", "headers": null})).unwrap();
        assert_eq!(moved["url"], "https://u:p@h/y");
        assert_eq!(moved.get("headers"), None);
        let headers = json!({"headers": {"Authorization": "REDACTED", "new": "z"}});
        let headers = read(headers).unwrap()["headers"].clone();
        assert_eq!(headers, json!({"Authorization": "Bearer x", "new": "z"}));
        for (given, said) in [
            (json!({"headers": {"x-api-key": "REDACTED"}}), "is the mask"),
            (json!({"url": "https://h/?key=REDACTED"}), "is the mask"),
            (json!({"url": "https://u:REDACTED@other/x"}), FOR_ANOTHER),
            (json!({"url": "https://u:REDACTED@h:8/x"}), FOR_ANOTHER),
            (json!({"url": "http://u:REDACTED@h/x"}), FOR_ANOTHER),
        ] {
            let errors = read(given.clone()).unwrap_err();
            assert!(errors.to_string().contains(said), "{given}: {errors}");
        }
    }

    /// Versions before took more: of what they kept, what is given anew is looked at.
    #[test]
    fn what_could_be_given_once_stays_and_can_be_mended() {
        let url = "postgresql://u:secret@db/d?connect_timeout=10&port=6";
        let before = json!({"url": url, "table": "logweir_events"});
        let shown = mask::masked(Kind::Postgres, before.as_object().unwrap());
        let with = |name: &str, value: Value| {
            let mut given = Value::Object(shown.clone());
            given[name] = value;
            read(Kind::Postgres, given, Some(&before))
        };
        let renamed = with("table", "other".into()).unwrap();
        assert_eq!(renamed, json!({"url": url, "table": "other"}));
        for (given, expected) in [
            ("postgresql://u:REDACTED@db/e?connect_timeout=REDACTED&port=6", "has the parameter"),
            ("postgresql://u:REDACTED@db/d", FOR_ANOTHER),
            ("postgresql://u:REDACTED@db/d?host=evil.example", FOR_ANOTHER),
            ("postgresql://u:REDACTED@db/d?port=6&token=REDACTED", "is the mask"),
        ] {
            let errors = with("url", given.into()).unwrap_err();
            assert!(errors["url"][0].as_str().unwrap().starts_with(expected), "{given}: {errors}");
        }
        let before = json!({"url": "postgresql://u:secret@db/d?connect_timeout=10&a=b"});
        let given = json!({"url": "postgresql://u:REDACTED@db/d"});
        let mended = read(Kind::Postgres, given, Some(&before)).unwrap();
        assert_eq!(mended["url"], "postgresql://u:secret@db/d");

        let before = json!({"hostname": "h", "table": "t"});
        assert!(
            read(Kind::Postgres, json!({"hostname": "h", "table": "s"}), Some(&before)).is_ok()
        );
        let errors = read(Kind::Postgres, json!({"hostname": "i"}), Some(&before)).unwrap_err();
        assert_eq!(errors, json!({"username": ["can't be blank"]}));
    }

    /// The last spelling of a header is the one that is sent.
    #[test]
    fn no_second_spelling_of_host_leads_a_secret_elsewhere() {
        let before = json!({
            "url": "https://h/x", "http": "http2", "gzip": true,
            "headers": {"Host": "a", "Authorization": "s"},
        });
        let read = |given, before: &Value| read(Kind::Webhook, given, Some(before));
        for headers in [
            json!({"Host": "a", "host": "evil", "Authorization": "REDACTED"}),
            json!({"Host": "REDACTED", "host": "evil", "Authorization": "REDACTED"}),
            json!({"HOST": "a", "Host": "evil", "Authorization": "REDACTED"}),
        ] {
            let errors = read(json!({"headers": headers}), &before).unwrap_err();
            assert!(errors["headers"][0].as_str().unwrap().contains("twice"), "{errors}");
        }
        // As it was kept once: whichever was sent, another one is none of them.
        let both = json!({"Host": "a", "host": "b", "Authorization": "s"});
        let before = json!({"url": "https://h/x", "headers": both});
        let renamed = read(
            json!({"gzip": false, "headers": {
                "Host": "REDACTED", "host": "REDACTED", "Authorization": "REDACTED",
            }}),
            &before,
        );
        assert_eq!(renamed.unwrap()["headers"], both);
        for host in ["Host", "host"] {
            let given = json!({"headers": {host: "REDACTED", "Authorization": "REDACTED"}});
            let errors = read(given, &before).unwrap_err();
            assert_eq!(errors, json!({"headers": [FOR_ANOTHER]}));
        }
    }

    #[test]
    fn secrets_go_to_no_other_address_than_they_were_given_for() {
        const AUTHORITY: &str = include_str!("../../tests/fixtures/tls/authority.pem");
        let webhook =
            json!({"url": "https://h/x", "headers": {"Authorization": "a", "accept": "b"}});
        let elastic =
            json!({"url": "https://h:9200", "username": "u", "password": "p", "api_key": "k"});
        let postgres = json!({"hostname": "h", "username": "u", "password": "p"});
        let postgres_url = json!({"url": "postgresql://u:p@h/d"});
        let syslog =
            json!({"host": "h", "port": 6514, "tls": true, "structured_data": "[t@1 a=\"b\"]"});
        let axiom = json!({"dataset_name": "d", "api_token": "t"});
        let datadog = json!({"api_key": "k", "region": "EU"});
        let clickhouse = json!({"url": "http://u:p@h", "port": 8123, "database": "d"});
        for (kind, before, given, refused) in [
            (Kind::Webhook, &webhook, json!({"url": "https://other/x"}), &["headers"][..]),
            (Kind::Webhook, &webhook, json!({"url": "http://h/x"}), &["headers"]),
            (Kind::Webhook, &webhook, json!({"url": "https://h:8443/x"}), &["headers"]),
            (
                Kind::Webhook,
                &webhook,
                json!({"url": "https://other/", "headers": {"Authorization": "REDACTED"}}),
                &["headers"],
            ),
            (Kind::Webhook, &webhook, json!({"url": "https://h:443/other"}), &[]),
            (
                Kind::Webhook,
                &webhook,
                json!({"url": "https://other/", "headers": {"Authorization": "new"}}),
                &[],
            ),
            (Kind::Webhook, &webhook, json!({"url": "https://other/", "headers": null}), &[]),
            (Kind::Elastic, &elastic, json!({"url": "https://o:9200"}), &["api_key", "password"]),
            (
                Kind::Elastic,
                &elastic,
                json!({"url": "https://o:9200", "api_key": null, "password": "p"}),
                &[],
            ),
            (
                Kind::Postgres,
                &postgres,
                json!({"hostname": "o", "password": "REDACTED"}),
                &["password"],
            ),
            (Kind::Postgres, &postgres, json!({"database": "d"}), &[]),
            (Kind::Postgres, &postgres_url, json!({"database": "d"}), &[]),
            (Kind::Syslog, &syslog, json!({"tls": false}), &["structured_data"]),
            (Kind::Syslog, &syslog, json!({"ca_cert": AUTHORITY}), &["structured_data"]),
            // What a proxy before several hosts goes by.
            (
                Kind::Webhook,
                &webhook,
                json!({"headers": {"Authorization": "REDACTED", "HOST": "other"}}),
                &["headers"],
            ),
            // Its URL names no port.
            (Kind::Clickhouse, &clickhouse, json!({"port": 9000}), &["url"]),
            (
                Kind::Clickhouse,
                &clickhouse,
                json!({"port": 9000, "url": "http://u:REDACTED@h"}),
                &["url"],
            ),
            (Kind::Clickhouse, &clickhouse, json!({"port": 9000, "url": "http://u:p@h"}), &[]),
            (Kind::Clickhouse, &clickhouse, json!({"database": "e"}), &[]),
            (Kind::Axiom, &axiom, json!({"domain": "o"}), &["api_token"]),
            (Kind::Datadog, &datadog, json!({"url": "https://o/"}), &["api_key"]),
            (Kind::Datadog, &datadog, json!({"region": "US1"}), &[]),
        ] {
            let before = read(kind, before.clone(), None).unwrap();
            let found = match read(kind, given.clone(), Some(&before)) {
                Ok(_) => Vec::new(),
                Err(errors) => {
                    let errors = errors.as_object().unwrap();
                    assert!(errors.values().all(|texts| texts[0] == FOR_ANOTHER), "{errors:?}");
                    errors.keys().cloned().collect()
                }
            };
            assert_eq!(found, refused, "{given}");
        }
    }
}
