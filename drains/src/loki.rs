//! Grafana Loki's push API, with streams as Logflare labels them.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::{
    event::{Event, flattened},
    http::{Request, credentials, headers, text_of},
    receiver::Form,
};

/// Most fields that are sent as structured metadata, and their bytes. Loki refuses more than 128
/// and 64 KiB.
const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: usize = 48 << 10;

pub(crate) struct Loki {
    url: String,
    headers: Vec<(String, String)>,
    credentials: Option<(String, String)>,
    /// Beside `source` and `service`.
    labels: Map<String, Value>,
}

impl Loki {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        Self {
            url: text_of(config, "url"),
            headers: headers(config),
            credentials: credentials(config),
            labels: config.get("labels").and_then(Value::as_object).cloned().unwrap_or_default(),
        }
    }

    fn stream(&self, source: &str, values: &[Value]) -> Value {
        let mut labels = json!({ "source": "supabase", "service": source });
        if let Value::Object(of_stream) = &mut labels {
            of_stream.extend(self.labels.clone());
        }
        json!({ "stream": labels, "values": values })
    }
}

impl Form for Loki {
    fn request(&self, events: &[Event<'_>]) -> Request {
        let mut by_source: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let mut times = Times::default();
        for event in events {
            by_source.entry(event.source).or_default().push(entry(event, &mut times));
        }
        let streams: Vec<_> =
            by_source.iter().map(|(source, values)| self.stream(source, values)).collect();
        let body = json!({ "streams": streams }).to_string().into_bytes();
        let request = Request::post(&self.url, "application/json", body).chosen(&self.headers);
        let request = match &self.credentials {
            Some((user, password)) => request.basic_auth(user, password),
            None => request,
        };
        request.gzip()
    }
}

/// Times of lines in nanoseconds. Of equal lines of one time Loki keeps one, whatever their fields
/// are: within a request these are a nanosecond apart. There are less than 1000 of one time.
#[derive(Default)]
struct Times(HashMap<(i64, String), i128>);

impl Times {
    fn next(&mut self, micros: i64, line: &str) -> String {
        let before = self.0.entry((micros, line.to_owned())).or_default();
        let time = i128::from(micros) * 1000 + *before;
        *before += 1;
        time.to_string()
    }
}

/// Time, the message, and all other fields as text. What has more fields than Loki takes, or fields
/// that would have one name there, is one line of JSON.
fn entry(event: &Event<'_>, times: &mut Times) -> Value {
    let parts = event.parts();
    let mut fields = flattened(&parts.fields, "_");
    fields.push(("id".to_owned(), parts.id.to_string()));
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let mut names = HashSet::new();
    let is_too_much = fields.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES;
    if is_too_much || !fields.iter().all(|(name, _)| names.insert(name_in_loki(name))) {
        return json!([times.next(parts.timestamp, event.body), event.body]);
    }
    let fields: BTreeMap<_, _> = fields.into_iter().collect();
    json!([times.next(parts.timestamp, &parts.message), parts.message, fields])
}

/// What Loki makes of a name, about: each run of what is no letter or digit becomes one `_`.
fn name_in_loki(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            normal.push(letter);
        } else if !normal.ends_with('_') {
            normal.push('_');
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    #[test]
    fn a_stream_for_each_source() {
        let config = json!({
            "url": "http://loki/loki/api/v1/push", "username": "u", "password": "p",
            "headers": {"X-Scope-OrgID": "t"}, "labels": {"env": "prod"},
        });
        let loki = Loki::new(config.as_object().unwrap());
        insta::assert_snapshot!(shown::request(&loki.request(&EVENTS)));
    }

    #[test]
    fn what_has_too_many_fields_is_one_line() {
        let fields: Vec<_> = (0..MAX_FIELDS).map(|n| format!("\"f{n}\":{n}")).collect();
        let body = format!("{{\"id\":\"a\",\"timestamp\":1,{}}}", fields.join(","));
        let entry = entry(&Event { source: "s", body: &body }, &mut Times::default());
        assert_eq!(entry, json!(["1000", body]));
    }

    #[test]
    fn fields_that_would_have_one_name_are_one_line() {
        for (fields, is_line) in [
            (r#""a":{"b":1},"a_b":2"#, true),
            (r#""a.b":1,"a_b":2"#, true),
            (r#""a":["x"],"a-0":2"#, true),
            (r#""é":1,"ü":2"#, true),
            (r#""a":{"b":1},"ab":2,"a_c":3"#, false),
            (r#""a":1,"a":2"#, false),
        ] {
            let body = format!("{{\"id\":\"i\",\"timestamp\":1,\"event_message\":\"m\",{fields}}}");
            let entry = entry(&Event { source: "s", body: &body }, &mut Times::default());
            let line = if is_line { body.as_str() } else { "m" };
            assert_eq!(entry[1], line, "{fields}");
        }
    }

    #[test]
    fn equal_lines_of_one_time_are_told_apart() {
        let bodies = ["a", "b", "c"]
            .map(|id| format!("{{\"id\":\"{id}\",\"timestamp\":7,\"event_message\":\"same\"}}"));
        let events = bodies.each_ref().map(|body| Event { source: "s", body });
        let loki = Loki::new(json!({"url": "http://loki"}).as_object().unwrap());
        let request = shown::request(&loki.request(&events));
        for time in ["\"7000\"", "\"7001\"", "\"7002\""] {
            assert_eq!(request.matches(time).count(), 1, "{request}");
        }
    }
}
