//! Hooks: URLs of people's own services, and of Slack, to which rows are posted.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE};
use serde_json::{Value, json, value::RawValue};

/// For one attempt.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// Rows that Slack shows; the rest is counted.
const SLACK_ROWS: usize = 5;

/// Bytes of them: Slack refuses messages with longer texts.
const SLACK_BYTES: usize = 2_500;

/// Posts to hooks.
#[derive(Debug, Clone)]
pub(crate) struct Hooks(Client);

/// Why a hook was not told. The URL is not in it: who has it may post there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    /// It did not answer, or could not be reached.
    #[error("it cannot be reached: {0}")]
    Unreachable(reqwest::Error),
    /// It answered that it does not take it.
    #[error("it answered {0}")]
    Refused(StatusCode),
}

impl Untold {
    /// Whether it may take it another time.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(error) => !error.is_builder(),
            Self::Refused(status) => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    )
            }
        }
    }
}

/// Whether something can be posted there; else what is wrong, to be read after the field's name.
pub(crate) fn check_url(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err("must be a URL that begins with http:// or https://".to_owned()),
    }
}

impl Hooks {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        outbound::client(outbound::HttpVersion::Any).map(Self)
    }

    /// Posts a JSON body, of which no copy is made; tries again some times.
    pub(crate) async fn tell(&self, url: &str, body: impl Into<Bytes>) -> Result<(), Untold> {
        let (body, mut waits) = (body.into(), WAITS.into_iter());
        loop {
            match self.post(url, body.clone()).await {
                Err(untold) if untold.may_pass() => match waits.next() {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(untold),
                },
                told => return told,
            }
        }
    }

    async fn post(&self, url: &str, body: Bytes) -> Result<(), Untold> {
        let request = self.0.post(url).timeout(TIMEOUT).header(CONTENT_TYPE, "application/json");
        let sent = request.body(body).send().await;
        let status = sent.map_err(|error| Untold::Unreachable(error.without_url()))?.status();
        if status.is_success() { Ok(()) } else { Err(Untold::Refused(status)) }
    }
}

/// What Slack gets: whose rows these are, how many, and the first.
pub(crate) fn slack_body(name: &str, rows: &[&RawValue]) -> Value {
    let count = rows.len();
    let title = match count {
        1 => "1 row".to_owned(),
        _ => format!("{count} rows"),
    };
    let name = escaped(name);
    let mut shown = String::new();
    for row in rows.iter().take(SLACK_ROWS) {
        // What is cut off need not be made readable.
        let readable = (row.get().len() <= SLACK_BYTES).then(|| serde_json::from_str(row.get()));
        let readable = readable.and_then(|row: Result<Value, _>| row.ok());
        match readable.and_then(|row| serde_json::to_string_pretty(&row).ok()) {
            Some(text) => shown.push_str(&text),
            None => {
                let text = row.get();
                // More than is shown, so that it is seen that something is missing.
                let end = text.floor_char_boundary(SLACK_BYTES + 4);
                shown.push_str(text.get(..end).unwrap_or(text));
            }
        }
        shown.push('\n');
        if shown.len() > SLACK_BYTES {
            break;
        }
    }
    if shown.len() > SLACK_BYTES {
        shown.truncate(shown.floor_char_boundary(SLACK_BYTES));
        shown.push('…');
    }
    if count > SLACK_ROWS {
        shown.push_str(&format!("\nand {} more", count - SLACK_ROWS));
    }
    json!({
        // Shown where blocks are not: in notifications.
        "text": format!("{name}: {title}"),
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": format!("*{name}*: {title}") } },
            { "type": "rich_text", "elements": [{
                "type": "rich_text_preformatted",
                "border": 0,
                "elements": [{ "type": "text", "text": shown }],
            }] },
        ],
    })
}

/// Text in which Slack finds no mark-up of its own.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_can_be_posted_to() {
        for text in ["https://hooks.slack.com/services/T/B/x", "http://localhost:9/a?b=c"] {
            assert_eq!(check_url(text), Ok(()), "{text}");
        }
        for text in ["", "hooks.slack.com/a", "ftp://a/b", "file:///etc/passwd", "http://", "x:y"] {
            assert!(check_url(text).is_err(), "{text}");
        }
    }

    fn raw(row: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(row).unwrap()
    }

    #[test]
    fn slack_gets_the_first_rows_and_the_number_of_all() {
        let rows: Vec<_> = (0..7).map(|n| raw(&json!({"n": n}))).collect();
        let rows: Vec<_> = rows.iter().map(|row| &**row).collect();
        let body = slack_body("a <b> & c", &rows);
        assert_eq!(body["text"], "a &lt;b&gt; &amp; c: 7 rows");
        let text = body["blocks"][1]["elements"][0]["elements"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("{\n  \"n\": 0\n}\n") && text.ends_with("\nand 2 more"), "{text}");
        assert!(!text.contains("\"n\": 5"), "{text}");

        let long = slack_body("x", &[&*raw(&json!({"text": "ü".repeat(5000)}))]);
        assert_eq!(long["text"], "x: 1 row");
        let text = long["blocks"][1]["elements"][0]["elements"][0]["text"].as_str().unwrap();
        assert!(text.len() < SLACK_BYTES + 10 && text.ends_with("ü…"), "{}", text.len());
    }
}
