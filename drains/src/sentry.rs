//! Sentry's structured logs, in envelopes.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    batching::Batching,
    event::{Event, Parts, distinct, flattened},
    http::{Request, text_of},
    otlp::{level, severity},
    receiver::Form,
};

/// Most attributes of a log.
const MAX_ATTRIBUTES: usize = 100;

/// Names of attributes that are ours: the last is for the fields beyond, as JSON.
const ID: &str = "id";
const SOURCE: &str = "source";
const MORE_FIELDS: &str = "more_fields";

pub(crate) struct Sentry {
    url: String,
    key: String,
}

impl Sentry {
    pub(crate) fn new(config: &Map<String, Value>) -> Result<Self, String> {
        let dsn = text_of(config, "dsn");
        let mut url = Url::parse(&dsn).map_err(|error| format!("is no URL: {error}"))?;
        let key = url.username().to_owned();
        let path = url.path().trim_end_matches('/').to_owned();
        let (before, project) = path.rsplit_once('/').unwrap_or(("", &path));
        if key.is_empty() || project.is_empty() {
            return Err(
                "must name a key and a project: https://KEY@HOST/PROJECT (in Sentry: settings \
                 of the project, Client Keys)"
                    .to_owned(),
            );
        }
        url.set_path(&format!("{before}/api/{project}/envelope/"));
        // Fails for URLs without a host, which were refused.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url: url.into(), key })
    }
}

impl Form for Sentry {
    /// Most logs that Sentry takes in an envelope.
    fn batching(&self) -> Batching {
        Batching { events: 100, ..Batching::default() }
    }

    fn request(&self, events: &[Event<'_>]) -> Request {
        let items: Vec<_> = events.iter().map(|event| log(event.source, &event.parts())).collect();
        let head = json!({
            "type": "log", "item_count": items.len(),
            "content_type": "application/vnd.sentry.items.log+json",
        });
        let body = format!("{{}}\n{head}\n{}\n", json!({ "items": items })).into_bytes();
        let key = &self.key;
        let client = concat!("logweir/", env!("CARGO_PKG_VERSION"));
        let auth = format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={key}");
        Request::post(&self.url, "application/x-sentry-envelope", body)
            .header("x-sentry-auth", auth)
            .gzip()
    }
}

fn log(source: &str, parts: &Parts<'_>) -> Value {
    let level = level(&parts.fields).unwrap_or_default();
    let number = match severity(&level) {
        0 => 9,
        number => number,
    };
    let word = match number {
        1 => "trace",
        5 => "debug",
        13 => "warn",
        17 => "error",
        21 => "fatal",
        _ => "info",
    };
    let mut attributes = Map::new();
    let mut attribute = |name: &str, value: &str| {
        attributes.insert(name.to_owned(), json!({ "value": value, "type": "string" }));
    };
    attribute(ID, &parts.id);
    attribute(SOURCE, source);
    let fields = distinct(flattened(&parts.fields, "."), &[ID, SOURCE, MORE_FIELDS]);
    let room = if fields.len() + 2 > MAX_ATTRIBUTES { MAX_ATTRIBUTES - 3 } else { fields.len() };
    let (own, more) = fields.split_at_checked(room).unwrap_or((&fields, &[]));
    own.iter().for_each(|(name, value)| attribute(name, value));
    if !more.is_empty() {
        let more = more.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        attribute(MORE_FIELDS, &Value::Object(more.collect()).to_string());
    }
    #[expect(clippy::cast_precision_loss, reason = "Sentry wants seconds with a fraction")]
    let seconds = parts.timestamp as f64 / 1e6;
    json!({
        "timestamp": seconds,
        "trace_id": trace_id(&parts.id),
        "level": word,
        "severity_number": number,
        "body": parts.message,
        "attributes": attributes,
    })
}

/// Every log belongs to a trace. That of an event is made of its id, so that it is the same when it
/// is sent again.
fn trace_id(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    fn sentry(dsn: &str) -> Result<Sentry, String> {
        Sentry::new(json!({ "dsn": dsn }).as_object().unwrap())
    }

    #[test]
    fn logs_go_in_an_envelope() {
        let sentry = sentry("https://the-key@o1.ingest.sentry.io/42").unwrap();
        let mut request = sentry.request(&EVENTS);
        for (_, value) in &mut request.headers {
            *value = value.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        }
        insta::assert_snapshot!(shown::request(&request));
    }

    #[test]
    fn no_field_goes_for_want_of_an_attribute() {
        for count in [97, 98, 99, 150] {
            let fields: Vec<_> = (0..count).map(|n| format!("\"f{n}\":{n}")).collect();
            let body = format!("{{\"id\":\"a\",\"timestamp\":1,{}}}", fields.join(","));
            let event = Event { source: "s", body: &body };
            let log = log(event.source, &event.parts());
            let attributes = log["attributes"].as_object().unwrap();
            assert_eq!(attributes.len(), (count + 2).min(MAX_ATTRIBUTES), "{count}");
            let more = attributes.get(MORE_FIELDS).map(|more| more["value"].as_str().unwrap());
            let more: Map<String, Value> =
                more.map(|more| serde_json::from_str(more).unwrap()).unwrap_or_default();
            for n in 0..count {
                let name = format!("f{n}");
                let own = attributes.get(&name).map(|attribute| &attribute["value"]);
                assert_eq!(own.or(more.get(&name)), Some(&json!(n.to_string())), "{count} {n}");
            }
        }
    }

    #[test]
    fn fields_called_as_our_attributes_get_another_name() {
        let body = r#"{"id":"a","timestamp":1,"source":"theirs","x":{"y":1},"x.y":2}"#;
        let log = log("ours", &Event { source: "ours", body }.parts());
        let of = |name: &str| log["attributes"][name]["value"].clone();
        assert_eq!([of("source"), of("source_2")], ["ours", "theirs"]);
        assert_eq!([of("x.y"), of("x.y_2")], ["1", "2"]);
    }

    #[test]
    fn where_envelopes_go_is_in_the_dsn() {
        for (dsn, url) in [
            ("https://k@h/1", "https://h/api/1/envelope/"),
            ("http://k:secret@h:9000/sentry/7/", "http://h:9000/sentry/api/7/envelope/"),
        ] {
            let sentry = sentry(dsn).unwrap();
            assert_eq!((sentry.url.as_str(), sentry.key.as_str()), (url, "k"));
        }
        for dsn in ["https://h/1", "https://k@h/", "https://k@h"] {
            assert!(sentry(dsn).is_err_and(|error| error.contains("KEY@HOST")), "{dsn}");
        }
    }
}
