//! ClickHouse's HTTP interface: JSONEachRow into a table that is made if it is missing.

use reqwest::Method;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    batching::Batching,
    event::{Event, json_string},
    http::{Answer, Request, credentials, number_of, text_of},
    receiver::Form,
};

/// ClickHouse's code for a table that is missing.
const UNKNOWN_TABLE: &str = "Code: 60.";

pub(crate) struct Clickhouse {
    url: Url,
    database: String,
    table: String,
    credentials: Option<(String, String)>,
}

impl Clickhouse {
    pub(crate) fn new(config: &Map<String, Value>) -> Result<Self, String> {
        let mut url = Url::parse(&text_of(config, "url")).map_err(|error| error.to_string())?;
        let port = u16::try_from(number_of(config, "port")).ok();
        if url.port().is_none() {
            // URLs of HTTP always take a port.
            let _ = url.set_port(port);
        }
        Ok(Self {
            url,
            database: text_of(config, "database"),
            table: text_of(config, "table"),
            credentials: credentials(config),
        })
    }

    /// The names are identifiers, which need no escape between backticks.
    fn table(&self) -> String {
        format!("`{}`.`{}`", self.database, self.table)
    }

    fn ask(&self, query: Option<&str>, content_type: &str, body: Vec<u8>) -> Request {
        let mut url = self.url.clone();
        if let Some(query) = query {
            url.query_pairs_mut()
                .append_pair("query", query)
                .append_pair("date_time_input_format", "best_effort")
                // Where inserts are gathered first: the answer says that they are stored.
                .append_pair("wait_for_async_insert", "1");
        }
        let request = Request::post(url.as_str(), content_type, body);
        let request = Request { method: Method::POST, ..request };
        match &self.credentials {
            Some((user, password)) => {
                request.header("x-clickhouse-user", user).header("x-clickhouse-key", password)
            }
            None => request,
        }
    }
}

impl Form for Clickhouse {
    /// Each insert becomes a part that has to be merged.
    fn batching(&self) -> Batching {
        Batching { events: 10_000, bytes: 8 << 20, ..Batching::default() }
    }

    fn request(&self, events: &[Event<'_>]) -> Request {
        let mut rows = Vec::new();
        for event in events {
            let parts = event.parts();
            rows.extend_from_slice(b"{\"id\":");
            json_string(&parts.id, &mut rows);
            rows.extend_from_slice(b",\"timestamp\":");
            json_string(&parts.rfc3339(), &mut rows);
            rows.extend_from_slice(b",\"source\":");
            json_string(event.source, &mut rows);
            rows.extend_from_slice(b",\"event_message\":");
            json_string(&parts.message, &mut rows);
            rows.extend_from_slice(b",\"body\":");
            json_string(event.body, &mut rows);
            rows.extend_from_slice(b"}\n");
        }
        let insert = format!("INSERT INTO {} FORMAT JSONEachRow", self.table());
        self.ask(Some(&insert), "application/x-ndjson", rows).gzip()
    }

    fn remedy(&self, answer: &Answer) -> Option<Request> {
        let text = String::from_utf8_lossy(&answer.body);
        (answer.status >= 400 && text.contains(UNKNOWN_TABLE)).then(|| {
            let create = format!(
                "CREATE TABLE IF NOT EXISTS {} (id String, timestamp DateTime64(6, 'UTC'), \
                 source LowCardinality(String), event_message String, body String) \
                 ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (source, timestamp)",
                self.table()
            );
            self.ask(None, "text/plain", create.into_bytes())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::examples::EVENTS, http::shown};

    #[test]
    fn rows_are_inserted_and_the_table_is_made() {
        let config = json!({
            "url": "http://ch", "port": 8123, "database": "d", "table": "t", "username": "u",
            "password": "p",
        });
        let clickhouse = Clickhouse::new(config.as_object().unwrap()).unwrap();
        let body = b"Code: 60. DB::Exception: Table d.t does not exist. (UNKNOWN_TABLE)".to_vec();
        let missing = Answer { status: 404, retry_after: None, body };
        let create = clickhouse.remedy(&missing).unwrap();
        let shown = format!(
            "{}\n{}",
            shown::request(&clickhouse.request(&EVENTS)),
            shown::request(&create)
        );
        insta::assert_snapshot!(shown);
        let other = Answer { status: 500, retry_after: None, body: b"Code: 241.".to_vec() };
        assert_eq!(clickhouse.remedy(&other), None);
        let given = json!({"url": "https://ch:1/p", "port": 2, "database": "d", "table": "t"});
        let given = Clickhouse::new(given.as_object().unwrap()).unwrap();
        assert_eq!(given.url.as_str(), "https://ch:1/p");
    }
}
