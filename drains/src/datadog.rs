//! Datadog's intake of logs (v2).

use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    batching::Batching,
    event::Event,
    http::{Request, text_of},
    receiver::Form,
};

pub(crate) struct Datadog {
    url: String,
    api_key: String,
}

impl Datadog {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        let given = text_of(config, "url");
        let url = if given.is_empty() { intake(&text_of(config, "region")) } else { given };
        Self { url, api_key: text_of(config, "api_key") }
    }
}

fn intake(region: &str) -> String {
    let site = match region {
        "US3" => "us3.datadoghq.com",
        "US5" => "us5.datadoghq.com",
        "EU" => "datadoghq.eu",
        "AP1" => "ap1.datadoghq.com",
        "AP2" => "ap2.datadoghq.com",
        "US1-FED" => "ddog-gov.com",
        _ => "datadoghq.com",
    };
    format!("https://http-intake.logs.{site}/api/v2/logs")
}

impl Form for Datadog {
    /// Datadog takes 1,000 entries of together 5 MB.
    fn batching(&self) -> Batching {
        Batching { bytes: 3 << 20, ..Batching::default() }
    }

    fn request(&self, events: &[Event<'_>]) -> Request {
        let entries: Vec<_> = events.iter().map(entry).collect();
        let body = format!("[{}]", entries.join(",")).into_bytes();
        let request = Request::post(&self.url, "application/json", body);
        request.header("dd-api-key", &self.api_key).gzip()
    }
}

/// As Logflare sends it.
fn entry(event: &Event<'_>) -> String {
    let parts = event.parts();
    let data = RawValue::from_string(event.body.to_owned()).ok();
    let message = format!("{} {}", parts.rfc3339(), parts.message);
    #[derive(serde::Serialize)]
    struct Entry<'a> {
        /// Milliseconds since 1970. Without it the time of arrival counts.
        timestamp: i64,
        message: &'a str,
        ddsource: &'a str,
        service: &'a str,
        data: Option<Box<RawValue>>,
    }
    let entry = Entry {
        timestamp: parts.timestamp.div_euclid(1000),
        message: &message,
        ddsource: "Supabase",
        service: event.source,
        data,
    };
    serde_json::to_string(&entry).unwrap_or_else(|_| json!({ "message": message }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    #[test]
    fn entries_carry_the_event_as_data() {
        let config = json!({"api_key": "k", "region": "EU"});
        let datadog = Datadog::new(config.as_object().unwrap());
        insta::assert_snapshot!(shown::request(&datadog.request(&EVENTS)));
    }
}
