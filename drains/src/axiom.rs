//! Axiom's ingest API.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    event::{Event, json_string},
    http::{Answer, Request, text_of},
    outcome::Outcome,
    receiver::Form,
};

pub(crate) struct Axiom {
    url: String,
    token: String,
}

impl Axiom {
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        let domain = text_of(config, "domain");
        // For tests and proxies, a whole address.
        let base = if domain.contains("://") { domain } else { format!("https://{domain}") };
        let dataset = text_of(config, "dataset_name");
        let url = format!("{}/v1/datasets/{dataset}/ingest", base.trim_end_matches('/'));
        Self { url, token: text_of(config, "api_token") }
    }
}

/// What became of the events of a request.
#[derive(Deserialize)]
struct Ingested {
    failed: usize,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    error: String,
}

impl Form for Axiom {
    fn request(&self, events: &[Event<'_>]) -> Request {
        let mut body = b"[".to_vec();
        for (place, event) in events.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            body.extend_from_slice(b"{\"_time\":");
            json_string(&event.parts().rfc3339(), &mut body);
            body.extend_from_slice(b",\"source\":");
            json_string(event.source, &mut body);
            body.extend_from_slice(b",\"event\":");
            body.extend_from_slice(event.body.as_bytes());
            body.push(b'}');
        }
        body.push(b']');
        let request = Request::post(&self.url, "application/json", body);
        request.header("authorization", format!("Bearer {}", self.token)).gzip()
    }

    fn outcome(&self, answer: &Answer, events: &[Event<'_>]) -> Outcome {
        let outcome = answer.outcome();
        match (&outcome, serde_json::from_slice::<Ingested>(&answer.body)) {
            (Outcome::Delivered, Ok(Ingested { failed, failures })) if failed > 0 => {
                let first = failures.into_iter().next();
                let reason = first.map_or_else(|| answer.reason(), |failure| failure.error);
                let unnamed = failed.min(events.len());
                let (refused, later) = (Vec::new(), Vec::new());
                Outcome::Partly { refused, unnamed, later, of_events: false, reason }
            }
            _ => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    #[test]
    fn events_have_a_time_of_axioms() {
        let config = json!({"dataset_name": "d", "api_token": "t", "domain": "api.axiom.co"});
        let axiom = Axiom::new(config.as_object().unwrap());
        insta::assert_snapshot!(shown::request(&axiom.request(&EVENTS)));
    }

    #[test]
    fn what_failed_is_refused() {
        let config = json!({"dataset_name": "d", "api_token": "t", "domain": "api.axiom.co"});
        let axiom = Axiom::new(config.as_object().unwrap());
        let answered = |body: Value| {
            let body = body.to_string().into_bytes();
            axiom.outcome(&Answer { status: 200, retry_after: None, body }, &EVENTS)
        };
        for (body, expected) in [
            (json!({"ingested": 3, "failed": 0, "failures": []}), Outcome::Delivered),
            (json!({}), Outcome::Delivered),
            (
                json!({"ingested": 1, "failed": 2, "failures": [{"error": "no time"}]}),
                Outcome::Partly {
                    refused: vec![],
                    unnamed: 2,
                    later: vec![],
                    of_events: false,
                    reason: "no time".to_owned(),
                },
            ),
        ] {
            assert_eq!(answered(body), expected);
        }
    }
}
