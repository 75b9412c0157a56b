//! Grafana Loki's push API, with streams as Logflare labels them.

use std::collections::BTreeMap;

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
        for event in events {
            by_source.entry(event.source).or_default().push(entry(event));
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

/// Time in nanoseconds, the message, and all other fields as text. What has more fields than Loki
/// takes is one line of JSON.
fn entry(event: &Event<'_>) -> Value {
    let parts = event.parts();
    let time = i128::from(parts.timestamp) * 1000;
    let mut fields = flattened(&parts.fields, "_");
    fields.push(("id".to_owned(), parts.id.to_string()));
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    if fields.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES {
        return json!([time.to_string(), event.body]);
    }
    let fields: BTreeMap<_, _> = fields.into_iter().collect();
    json!([time.to_string(), parts.message, fields])
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
        let entry = entry(&Event { source: "s", body: &body });
        assert_eq!(entry, json!(["1000", body]));
    }
}
