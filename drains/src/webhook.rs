//! A JSON array posted to a URL.

use outbound::HttpVersion;
use serde_json::{Map, Value};

use crate::{
    batching::Batching,
    event::Event,
    http::{Request, flag_of, headers, text_of},
    receiver::Form,
};

pub(crate) struct Webhook {
    url: String,
    headers: Vec<(String, String)>,
    gzip: bool,
    version: HttpVersion,
}

impl Webhook {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        let only_http1 = text_of(config, "http") == "http1";
        Self {
            url: text_of(config, "url"),
            headers: headers(config),
            gzip: flag_of(config, "gzip"),
            version: if only_http1 { HttpVersion::Http1 } else { HttpVersion::Any },
        }
    }
}

impl Form for Webhook {
    /// Logflare's.
    fn batching(&self) -> Batching {
        Batching { events: 250, ..Batching::default() }
    }

    fn http_version(&self) -> HttpVersion {
        self.version
    }

    fn request(&self, events: &[Event<'_>]) -> Request {
        let request = Request::post(&self.url, "application/json", array(events));
        let request = request.chosen(&self.headers);
        if self.gzip { request.gzip() } else { request }
    }
}

/// The bodies as a JSON array.
pub(crate) fn array(events: &[Event<'_>]) -> Vec<u8> {
    let bodies: Vec<_> = events.iter().map(|event| event.body).collect();
    format!("[{}]", bodies.join(",")).into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    #[test]
    fn bodies_are_posted_as_an_array() {
        let config = json!({
            "url": "https://h/x", "headers": {"Authorization": "Bearer t"}, "gzip": true,
            "http": "http1",
        });
        let webhook = Webhook::new(config.as_object().unwrap());
        assert_eq!(webhook.http_version(), HttpVersion::Http1);
        insta::assert_snapshot!(shown::request(&webhook.request(&EVENTS)));
    }
}
