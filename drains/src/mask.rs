//! Secrets in configs are shown as a mask, and a mask that comes back means that nothing changes.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::Url;

use crate::{
    declared::{Setting, Shape},
    kind::Kind,
    postgres_url,
};

/// What is shown in the place of a secret.
pub(crate) const MASK: &str = "REDACTED";

/// The config as whoever manages backends may be shown it. Paths of URLs are shown, as forms send
/// back what they were shown.
pub fn masked(kind: Kind, config: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = Map::new();
    for setting in kind.settings() {
        if let Some(value) = config.get(setting.name) {
            shown.insert(setting.name.to_owned(), masked_value(setting, value));
        }
    }
    shown
}

/// The config as it may be noted for good: without paths of URLs too, as those of some webhooks are
/// all that it takes to post there.
pub fn noted(kind: Kind, config: &Map<String, Value>) -> Map<String, Value> {
    let mut noted = masked(kind, config);
    let is_http = |setting: &&Setting| matches!(setting.shape, Shape::HttpUrl | Shape::Dsn);
    for setting in kind.settings().iter().filter(is_http) {
        if let Some(Value::String(text)) = noted.get_mut(setting.name)
            && let Ok(mut url) = Url::parse(text)
            && url.path() != "/"
        {
            url.set_path(MASK);
            *text = url.into();
        }
    }
    noted
}

/// Settings beside URLs that say where events go, and what comes with them.
const ADDRESSES: [&str; 6] = ["ca_cert", "domain", "host", "hostname", "port", "tls"];

/// Where a config sends to, and how safely: who learns the secrets that it holds.
pub(crate) fn address(kind: Kind, config: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let of_setting = |setting: &Setting| {
        let address = match (setting.shape, config.get(setting.name)?) {
            (Shape::HttpUrl | Shape::Dsn | Shape::PostgresUrl, Value::String(url)) => {
                Url::parse(url).map_or_else(|_| url.clone(), |url| format!("{:?}", origin(&url)))
            }
            // What stands before several hosts sends to the one that it names.
            (Shape::Headers, Value::Object(headers)) => {
                // Of one that was kept in several spellings any may be the one that is sent.
                let hosts = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
                let hosts: Vec<_> = hosts.map(|(_, value)| value.to_string()).collect();
                Some(hosts.join(", ")).filter(|hosts| !hosts.is_empty())?
            }
            (_, value) if ADDRESSES.contains(&setting.name) => value.to_string(),
            _ => return None,
        };
        Some((setting.name, address))
    };
    kind.settings().iter().filter_map(of_setting).collect()
}

/// Where a URL leads, and how safely.
#[derive(Debug, PartialEq, Eq)]
struct Origin<'u> {
    scheme: &'u str,
    host: Option<&'u str>,
    port: Option<u16>,
    /// Parameters that say so too.
    parameters: Vec<(Cow<'u, str>, Cow<'u, str>)>,
}

fn origin(url: &Url) -> Origin<'_> {
    let says_where =
        |(name, _): &(Cow<'_, str>, _)| postgres_url::is_one(url) && postgres_url::says_where(name);
    Origin {
        scheme: url.scheme(),
        host: url.host_str(),
        port: url.port_or_known_default(),
        parameters: url.query_pairs().filter(says_where).collect(),
    }
}

/// Whether what a setting is now has a secret of before, which was not given anew.
pub(crate) fn keeps_secret(setting: &Setting, given: Option<&Value>, now: Option<&Value>) -> bool {
    let Some(now) = now else { return false };
    match (setting.shape, now) {
        (Shape::Headers, Value::Object(headers)) => headers.keys().any(|name| {
            let is_kept = |given: &Value| given.get(name).is_some_and(|value| value == MASK);
            is_secret_header(name) && given.is_none_or(is_kept)
        }),
        (Shape::HttpUrl | Shape::Dsn | Shape::PostgresUrl, Value::String(url)) => {
            let has_mask = |given: &Value| {
                let given = given.as_str().and_then(|given| Url::parse(given).ok());
                given.is_some_and(|given| is_masked(setting.shape, &given))
            };
            masked_url(setting.shape, url) != *url && given.is_none_or(has_mask)
        }
        _ => setting.secret && given.is_none_or(|given| given == MASK),
    }
}

fn masked_value(setting: &Setting, value: &Value) -> Value {
    match (setting.shape, value) {
        _ if setting.secret => MASK.into(),
        (Shape::HttpUrl | Shape::Dsn | Shape::PostgresUrl, Value::String(url)) => {
            masked_url(setting.shape, url).into()
        }
        (Shape::Headers, Value::Object(headers)) => headers
            .iter()
            .map(|(name, value)| {
                let value = if is_secret_header(name) { MASK.into() } else { value.clone() };
                (name.clone(), value)
            })
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

/// Whether a value is what was shown of the one before.
pub(crate) fn is_as_shown(setting: &Setting, given: &Value, before: &Value) -> bool {
    given == &masked_value(setting, before)
}

/// Why a mask stands for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untold {
    /// Nothing was kept in its place.
    Nothing,
    /// What was kept is for another origin.
    ForAnother,
}

/// What is meant by a value that may hold masks.
pub(crate) fn unmasked(
    setting: &Setting,
    given: &Value,
    before: Option<&Value>,
) -> Result<Value, Untold> {
    match (setting.shape, given) {
        (Shape::Headers, Value::Object(headers)) => {
            let of_before = |name: &str| before.and_then(Value::as_object)?.get(name);
            let meant = headers.iter().map(|(name, value)| {
                let is_mask = is_secret_header(name) && value == MASK;
                let meant = if is_mask { of_before(name)?.clone() } else { value.clone() };
                Some((name.clone(), meant))
            });
            meant.collect::<Option<Map<_, _>>>().map(Value::Object).ok_or(Untold::Nothing)
        }
        (Shape::HttpUrl | Shape::Dsn | Shape::PostgresUrl, Value::String(url)) => {
            unmasked_url(setting.shape, url, before.and_then(Value::as_str)).map(Value::String)
        }
        (_, Value::String(text)) if setting.secret && text == MASK => {
            before.cloned().ok_or(Untold::Nothing)
        }
        _ => Ok(given.clone()),
    }
}

/// Headers that hold no secrets. Any other may.
const HARMLESS_HEADERS: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-type",
    "user-agent",
    "x-scope-orgid",
];

fn is_secret_header(name: &str) -> bool {
    !HARMLESS_HEADERS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless))
}

/// Parameters of URLs over HTTP that hold no secrets. Any other may.
const HARMLESS_PARAMETERS: [&str; 7] = [
    "api-version",
    "async_insert",
    "database",
    "format",
    "pipeline",
    "version",
    "wait_for_async_insert",
];

/// Whether a parameter of this name may hold a secret.
fn is_secret(url: &Url, name: &str) -> bool {
    if postgres_url::is_one(url) {
        return postgres_url::may_be_secret(name);
    }
    !HARMLESS_PARAMETERS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless))
}

/// Whether its user is what it is authorised by: a token, not a name.
fn user_is_secret(shape: Shape, url: &Url) -> bool {
    let is_alone = url.password().is_none_or(str::is_empty);
    !url.username().is_empty() && (is_alone || shape == Shape::Dsn)
}

fn password(url: &Url) -> Option<&str> {
    url.password().filter(|password| !password.is_empty())
}

/// The URL with masks for its password, or secret user, and for parameters that may hold secrets.
fn masked_url(shape: Shape, text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    let has_secrets = password(&url).is_some()
        || user_is_secret(shape, &url)
        || url.query_pairs().any(|(name, _)| is_secret(&url, &name));
    if !has_secrets {
        return text.to_owned();
    }
    replace(shape, &mut url, |_| Some(MASK.to_owned()));
    url.into()
}

/// Whether a URL has a mask in the place of a secret.
fn is_masked(shape: Shape, url: &Url) -> bool {
    url.password() == Some(MASK)
        || (user_is_secret(shape, url) && url.username() == MASK)
        || url.query_pairs().any(|(name, value)| is_secret(url, &name) && value == MASK)
}

/// A URL whose masks stand for what the one before has in their places, if it leads to the same
/// origin: no other may learn it.
fn unmasked_url(shape: Shape, text: &str, before: Option<&str>) -> Result<String, Untold> {
    // What is no URL is refused by whoever reads it.
    let Ok(mut url) = Url::parse(text) else { return Ok(text.to_owned()) };
    if !is_masked(shape, &url) {
        return Ok(text.to_owned());
    }
    let before = before.and_then(|before| Url::parse(before).ok()).ok_or(Untold::Nothing)?;
    let of_before = |place: Place<'_>| match place {
        // Encoded as it stands there; what is encoded stays so.
        Place::Password => before.password().map(str::to_owned),
        Place::User => user_is_secret(shape, &before).then(|| before.username().to_owned()),
        Place::Parameter(name) => {
            let found = before.query_pairs().find(|(of_before, _)| of_before == name);
            found.map(|(_, value)| value.into_owned())
        }
    };
    let mut missing = false;
    let is_mask = |url: &Url, place: &Place<'_>| match place {
        Place::Password => url.password() == Some(MASK),
        Place::User => url.username() == MASK,
        Place::Parameter(name) => url.query_pairs().any(|(n, v)| n == *name && v == MASK),
    };
    let given = url.clone();
    replace(shape, &mut url, |place| {
        if !is_mask(&given, &place) {
            return None;
        }
        let meant = of_before(place);
        missing |= meant.is_none();
        meant
    });
    if missing {
        Err(Untold::Nothing)
    } else if origin(&before) == origin(&given) {
        Ok(url.into())
    } else {
        Err(Untold::ForAnother)
    }
}

#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Password,
    User,
    Parameter(&'a str),
}

/// Puts something else in the places of secrets; `None` leaves one as it is.
fn replace(shape: Shape, url: &mut Url, mut with: impl FnMut(Place<'_>) -> Option<String>) {
    // Either fails for URLs without a host, which have no user and no password.
    if user_is_secret(shape, url)
        && let Some(user) = with(Place::User)
    {
        let _ = url.set_username(&user);
    }
    if password(url).is_some()
        && let Some(password) = with(Place::Password)
    {
        let _ = url.set_password(Some(&password));
    }
    if !url.query_pairs().any(|(name, _)| is_secret(url, &name)) {
        return;
    }
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| {
            let other = is_secret(url, &name).then(|| with(Place::Parameter(&name))).flatten();
            (name.clone().into_owned(), other.unwrap_or_else(|| value.into_owned()))
        })
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (kind, config, expected) in [
            (
                Kind::Webhook,
                json!({"url": "http://u:p%40@h/x?api_key=k&a=b", "headers": {
                    "Authorization": "x", "DD-API-KEY": "y", "content-type": "z"}}),
                json!({"url": "http://u:REDACTED@h/x?api_key=REDACTED&a=REDACTED", "headers": {
                    "Authorization": "REDACTED", "DD-API-KEY": "REDACTED", "content-type": "z"}}),
            ),
            (
                Kind::Webhook,
                json!({"url": "https://t%2Bk@h/x", "headers": {"X-Splunk": "x", "Accept": "*"}}),
                json!({"url": "https://REDACTED@h/x",
                    "headers": {"X-Splunk": "REDACTED", "Accept": "*"}}),
            ),
            (
                Kind::S3,
                json!({"secret_access_key": "s", "access_key_id": "a", "s3_bucket": "b"}),
                json!({"s3_bucket": "b", "access_key_id": "a", "secret_access_key": "REDACTED"}),
            ),
            (
                Kind::Datadog,
                json!({"api_key": "s", "region": "EU"}),
                json!({"api_key": "REDACTED", "region": "EU"}),
            ),
            (
                Kind::Syslog,
                json!({"host": "h", "structured_data": "[token@1 a=\"b\"]", "client_key": "k"}),
                json!({"host": "h", "structured_data": "REDACTED", "client_key": "REDACTED"}),
            ),
            (
                Kind::Postgres,
                json!({"url": "postgresql://u:p%40@h:5/d?sslmode=require", "password": "x"}),
                json!({"url": "postgresql://u:REDACTED@h:5/d?sslmode=require",
                    "password": "REDACTED"}),
            ),
            (
                Kind::Sentry,
                json!({"dsn": "https://key@o1.ingest.sentry.io/1"}),
                json!({"dsn": "https://REDACTED@o1.ingest.sentry.io/1"}),
            ),
            // The old form; it is the user that authorises.
            (
                Kind::Sentry,
                json!({"dsn": "https://key:secret@h/1"}),
                json!({"dsn": "https://REDACTED:REDACTED@h/1"}),
            ),
            (
                Kind::Postgres,
                json!({"url": "postgresql:///d?host=/run&user=u&sslkey=k&password=p"}),
                json!({"url": "postgresql:///d?host=%2Frun&user=u&sslkey=REDACTED&password=REDACTED"}),
            ),
        ] {
            let shown = masked(kind, config.as_object().unwrap());
            assert_eq!(Value::Object(shown), expected);
        }
    }

    /// Of a webhook the path may be the secret, and a parameter of any name.
    #[test]
    fn what_is_noted_has_no_paths() {
        let slack = json!({"url": "https://hooks.slack.com/services/T0/B0/secret?p=secret"});
        let config = slack.as_object().unwrap();
        let shown = masked(Kind::Webhook, config);
        assert_eq!(shown["url"], "https://hooks.slack.com/services/T0/B0/secret?p=REDACTED");
        let noted_url = &noted(Kind::Webhook, config)["url"];
        assert_eq!(noted_url, "https://hooks.slack.com/REDACTED?p=REDACTED");
        let plain = json!({"url": "http://h:1", "database": "d"});
        assert_eq!(
            noted(Kind::Clickhouse, plain.as_object().unwrap()),
            *plain.as_object().unwrap()
        );
    }

    #[test]
    fn masked_urls_are_read_back() {
        use Untold::{ForAnother, Nothing};
        let before = "http://u:p%40%25%2B+@h/x?api_key=k+1&a=b";
        for (given, expected) in [
            (masked_url(Shape::HttpUrl, before).as_str(), Ok(before)),
            ("http://v:REDACTED@h:80/", Ok("http://v:p%40%25%2B+@h/")),
            ("http://v:REDACTED@h:81/", Err(ForAnother)),
            ("https://u:REDACTED@h/x", Err(ForAnother)),
            ("https://h/x?api_key=REDACTED", Err(ForAnother)),
            ("http://u:REDACTED@i/x", Err(ForAnother)),
            ("http://i/x?api_key=REDACTED", Err(ForAnother)),
            ("http://h/?a=c&api_key=REDACTED", Ok("http://h/?a=c&api_key=k+1")),
            ("http://h/?token=REDACTED", Err(Nothing)),
            ("http://i/?token=REDACTED", Err(Nothing)),
            ("http://u:new@h/", Ok("http://u:new@h/")),
            ("no url", Ok("no url")),
        ] {
            let found = unmasked_url(Shape::HttpUrl, given, Some(before));
            assert_eq!(found, expected.map(str::to_owned), "{given}");
        }
        let unknown = unmasked_url(Shape::HttpUrl, "http://u:REDACTED@h/", None);
        assert_eq!(unknown, Err(Nothing));
        let token = "https://t%2Bk@h/x";
        for (given, expected) in [
            (masked_url(Shape::HttpUrl, token).as_str(), Ok(token)),
            ("https://REDACTED@h/y", Ok("https://t%2Bk@h/y")),
            ("https://REDACTED@i/x", Err(ForAnother)),
            ("https://u:REDACTED@h/x", Err(Nothing)),
        ] {
            let found = unmasked_url(Shape::HttpUrl, given, Some(token));
            assert_eq!(found, expected.map(str::to_owned), "{given}");
        }
        let dsn = "https://key:secret@h/1";
        for (given, expected) in [
            (masked_url(Shape::Dsn, dsn).as_str(), Ok(dsn)),
            ("https://REDACTED@h/2", Ok("https://key@h/2")),
            ("https://new:REDACTED@h/1", Ok("https://new:secret@h/1")),
            ("https://REDACTED:REDACTED@i/1", Err(ForAnother)),
        ] {
            let found = unmasked_url(Shape::Dsn, given, Some(dsn));
            assert_eq!(found, expected.map(str::to_owned), "{given}");
        }
    }

    /// What a Postgres URL's parameters say counts as much as its host.
    #[test]
    fn passwords_of_postgres_go_to_no_other_host_and_no_less_safely() {
        let before = "postgresql://u:secret@db/d?sslmode=verify-full&connect_timeout=10";
        let safe = "postgresql://u:REDACTED@db/d?sslmode=verify-full";
        for (given, expected) in [
            (masked_url(Shape::PostgresUrl, before), Some(before)),
            // What nobody knows any more is taken away.
            (safe.to_owned(), Some("postgresql://u:secret@db/d?sslmode=verify-full")),
            (
                "postgresql://v:REDACTED@db/e?sslmode=verify-full&application_name=a".to_owned(),
                Some("postgresql://v:secret@db/e?sslmode=verify-full&application_name=a"),
            ),
            (format!("{safe}&host=evil.example"), None),
            (format!("{safe}&hostaddr=192.0.2.1"), None),
            (format!("{safe}&port=6543"), None),
            (format!("{safe}&sslrootcert=/x"), None),
            (format!("{safe}&ssl-root-cert=/x"), None),
            (format!("{safe}&ssl-ca=/x"), None),
            (format!("{safe}&sslmode=disable"), None),
            (format!("{safe}&ssl-mode=disable"), None),
            ("postgresql://u:REDACTED@db/d?sslmode=disable".to_owned(), None),
            ("postgresql://u:REDACTED@db/d".to_owned(), None),
            ("postgresql://u:REDACTED@evil/d?sslmode=verify-full".to_owned(), None),
        ] {
            let found = unmasked_url(Shape::PostgresUrl, &given, Some(before));
            let expected = expected.map(str::to_owned).ok_or(Untold::ForAnother);
            assert_eq!(found, expected, "{given}");
        }
    }
}
