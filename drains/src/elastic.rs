//! Elasticsearch's bulk API.

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    batching::Batching,
    event::{Event, Parts, json_string},
    http::{Answer, Request, credentials, text_of},
    outcome::Outcome,
    receiver::Form,
};

pub(crate) struct Elastic {
    url: String,
    index: String,
    credentials: Option<(String, String)>,
    api_key: String,
}

impl Elastic {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        Self {
            url: bulk_url(text_of(config, "url")),
            index: text_of(config, "index"),
            credentials: credentials(config),
            api_key: text_of(config, "api_key"),
        }
    }

    /// With `create` and an id of the event's own, an event that is sent again is there once.
    fn lines(&self, event: &Event<'_>, body: &mut Vec<u8>) {
        let parts = event.parts();
        body.extend_from_slice(b"{\"create\":{\"_index\":");
        json_string(&self.index, body);
        body.extend_from_slice(b",\"_id\":");
        json_string(&id_of(event.source, &parts), body);
        body.extend_from_slice(b"}}\n{\"@timestamp\":");
        json_string(&parts.rfc3339(), body);
        body.extend_from_slice(b",\"message\":");
        json_string(&parts.message, body);
        body.extend_from_slice(b",\"service\":{\"name\":");
        json_string(event.source, body);
        body.extend_from_slice(b"},\"event_body\":");
        body.extend_from_slice(event.body.as_bytes());
        body.extend_from_slice(b"}\n");
    }
}

/// The bulk API of what a URL names. Its parameters stay.
fn bulk_url(given: String) -> String {
    let Ok(mut url) = Url::parse(&given) else { return given };
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/_bulk").unwrap_or(path);
    url.set_path(&format!("{path}/_bulk"));
    url.into()
}

/// Senders choose ids: events are one only where source and time are too, as in the store. In
/// hexadecimal digits, as Elasticsearch takes at most 512 bytes.
fn id_of(source: &str, parts: &Parts<'_>) -> String {
    let Parts { id, timestamp, .. } = parts;
    // The length says where the source ends.
    let digest = Sha256::digest(format!("{timestamp} {} {source}{id}", source.len()));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    #[serde(default)]
    items: Vec<Map<String, Value>>,
}

/// There already: it was sent before.
const CONFLICT: u64 = 409;

impl Form for Elastic {
    fn batching(&self) -> Batching {
        Batching { bytes: 5 << 20, ..Batching::default() }
    }

    fn request(&self, events: &[Event<'_>]) -> Request {
        let mut body = Vec::new();
        events.iter().for_each(|event| self.lines(event, &mut body));
        let request = Request::post(&self.url, "application/x-ndjson", body);
        let request = match &self.credentials {
            Some((user, password)) => request.basic_auth(user, password),
            None if self.api_key.is_empty() => request,
            None => request.header("authorization", format!("ApiKey {}", self.api_key)),
        };
        request.gzip()
    }

    fn outcome(&self, answer: &Answer, events: &[Event<'_>]) -> Outcome {
        let outcome = answer.outcome();
        if outcome != Outcome::Delivered {
            return outcome;
        }
        let Ok(bulk) = serde_json::from_slice::<Bulk>(&answer.body) else {
            let reason = format!("no answer of a bulk API: {}", answer.reason());
            return Outcome::Later { reason, after: None, of_events: true };
        };
        if !bulk.errors {
            return Outcome::Delivered;
        }
        let (mut refused, mut later, mut first) = (Vec::new(), Vec::new(), None);
        let mut of_events = false;
        for (place, item) in bulk.items.iter().enumerate().take(events.len()) {
            let Some(result) = item.values().next() else {
                of_events = true;
                later.push(place);
                continue;
            };
            match result["status"].as_u64().unwrap_or_default() {
                200..=299 | CONFLICT => continue,
                400 | 413 | 422 => refused.push(place),
                // An index that is closed to all, and too much for now.
                401 | 403 | 429 => later.push(place),
                // An index that is missing, a shard that is away; or what breaks it.
                _ => {
                    of_events = true;
                    later.push(place);
                }
            }
            first.get_or_insert_with(|| result["error"].to_string());
        }
        if bulk.items.len() < events.len() {
            of_events = true;
            later.extend(bulk.items.len()..events.len());
            first.get_or_insert_with(|| "the answer does not speak of all events".to_owned());
        }
        let reason: String = first.unwrap_or_default().chars().take(500).collect();
        if refused.is_empty() && later.is_empty() {
            return Outcome::Delivered;
        }
        Outcome::Partly { refused, unnamed: 0, later, of_events, reason }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    fn elastic(more: Value) -> Elastic {
        let mut config = json!({"url": "https://es:9200/", "index": "logweir"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Elastic::new(config.as_object().unwrap())
    }

    #[test]
    fn events_are_created_under_their_ids() {
        let elastic = elastic(json!({"username": "u", "password": "p"}));
        insta::assert_snapshot!(shown::request(&elastic.request(&EVENTS)));
    }

    #[test]
    fn events_are_one_only_by_source_time_and_id() {
        let id = |source, body| id_of(source, &Event { source, body }.parts());
        let body = r#"{"id":"a","timestamp":1,"event_message":"one"}"#;
        let one = id("source", body);
        assert_eq!(one.len(), 64);
        // As it is sent again.
        assert_eq!(one, id("source", r#"{"id":"a","timestamp":1,"event_message":"else"}"#));
        for (source, body) in [
            ("other", body),
            ("source", r#"{"id":"a","timestamp":2}"#),
            ("source", r#"{"id":"b","timestamp":1}"#),
            ("sourcea", r#"{"id":"","timestamp":1}"#),
        ] {
            assert_ne!(one, id(source, body), "{source} {body}");
        }
    }

    #[test]
    fn parameters_of_the_url_stay() {
        for (given, expected) in [
            ("https://es:9200", "https://es:9200/_bulk"),
            ("https://es/a/", "https://es/a/_bulk"),
            ("https://es/a/_bulk?pipeline=p", "https://es/a/_bulk?pipeline=p"),
            ("https://es/?pipeline=p", "https://es/_bulk?pipeline=p"),
        ] {
            assert_eq!(bulk_url(given.to_owned()), expected);
        }
    }

    #[test]
    fn items_are_judged_one_by_one() {
        let answered = |body: Value| {
            let body = body.to_string().into_bytes();
            let answer = Answer { status: 200, retry_after: None, body };
            elastic(json!({"api_key": "k"})).outcome(&answer, &EVENTS)
        };
        let created = |status: u16| json!({"create": {"status": status, "error": {"type": "t"}}});
        assert_eq!(answered(json!({"errors": false})), Outcome::Delivered);
        let items = json!({"errors": true, "items": [created(201), created(409), created(200)]});
        assert_eq!(answered(items), Outcome::Delivered);
        let items = json!({"errors": true, "items": [created(400), created(201), created(429)]});
        let partly = |refused: &[usize], later: &[usize], of_events| {
            let (refused, later) = (refused.to_vec(), later.to_vec());
            let reason = r#"{"type":"t"}"#.to_owned();
            Outcome::Partly { refused, unnamed: 0, later, of_events, reason }
        };
        assert_eq!(answered(items), partly(&[0], &[2], false));
        let items = json!({"errors": true, "items": [created(400)]});
        assert_eq!(answered(items), partly(&[0], &[1, 2], true));
        // An index that is missing is no fault of an event, and what breaks it may be.
        for status in [0, 404, 405, 500, 503] {
            let items = [created(201), created(status), created(429)];
            let items = json!({"errors": true, "items": items});
            assert_eq!(answered(items), partly(&[], &[1, 2], true), "{status}");
        }
        let items = json!({"errors": true, "items": [created(201), {}]});
        assert!(matches!(
            answered(items),
            Outcome::Partly { refused, later, .. } if refused.is_empty() && later == [1, 2]
        ));
        assert!(matches!(answered(json!("hello")), Outcome::Later { .. }));
    }
}
