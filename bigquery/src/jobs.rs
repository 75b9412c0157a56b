//! Queries (`jobs.query`), with all pages of their answers.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Error, Rest, Schema,
    cells::RowWriter,
    rest::{Sent, TIMEOUT},
    retry::Retry,
};

/// Longest label, and the longest key of one.
const LABEL_LENGTH: usize = 63;

/// Time that BigQuery gets, beyond its own limit, to tell that the limit was reached.
const GRACE: Duration = Duration::from_secs(10);

/// Before a query that failed for no reason of its own is asked again, the first time and the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(1)];

/// A query.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// GoogleSQL.
    pub sql: &'a str,
    /// Values of its `@name`s, all of type STRING.
    pub parameters: &'a BTreeMap<String, Option<String>>,
    /// What it is told apart by on bills; made fit for that by [`label`].
    pub labels: &'a BTreeMap<String, String>,
    /// Longest run.
    pub timeout: Duration,
    /// Rows that are fetched at most.
    pub max_rows: u64,
    /// Bytes of JSON that are made of them at most.
    pub max_answer: usize,
    /// The columns, by their places, that hold values of events: what is not set in them is left
    /// out. Those that are not named hold none.
    pub of_events: &'a [bool],
}

/// The rows of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// A JSON array of objects.
    pub json: String,
    /// How many there are.
    pub count: usize,
    /// What it cost, in bytes processed.
    pub bytes_processed: u64,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryFailure {
    /// BigQuery gives none.
    #[error(transparent)]
    Service(#[from] Error),
    /// It ran into its time limit.
    #[error("the query ran longer than {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// There is more than was asked for at most.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// A page of an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    job_complete: bool,
    job_reference: Option<Job>,
    schema: Option<Schema>,
    #[serde(default)]
    rows: Vec<Value>,
    page_token: Option<String>,
    total_bytes_processed: Option<String>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    job_id: String,
    location: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Problem {
    reason: String,
    message: String,
}

impl Rest {
    /// Runs a query. A future that is dropped ends the query there too, where it has become a job.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn query(&self, query: &Query<'_>) -> Result<Rows, QueryFailure> {
        let deadline = Instant::now() + query.timeout;
        let mut page = self.first_page(query, deadline).await?;
        let mut running = Running { rest: self, job: None };
        while !page.job_complete {
            let job = page.job_reference.take();
            let Some(job) = job else {
                return Err(Error::Unexpected("a query that is no job".to_owned()).into());
            };
            running.job = Some(job.clone());
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(QueryFailure::Timeout(query.timeout));
            }
            page = self.next_page(&job, None, query.max_rows, left).await?;
        }
        let job = running.job.take().or_else(|| page.job_reference.take());
        let bytes_processed = page.total_bytes_processed.take();
        let bytes_processed = bytes_processed.and_then(|text| text.parse().ok()).unwrap_or(0);
        let Some(schema) = page.schema.take() else { return Err(failed(page).into()) };
        let writer = RowWriter::new(&schema, query.of_events);
        let mut json = vec![b'['];
        let mut count = 0;
        loop {
            for row in &page.rows {
                if count as u64 >= query.max_rows {
                    break;
                }
                if count > 0 {
                    json.push(b',');
                }
                writer.write(row, &mut json).map_err(Error::Unexpected)?;
                count += 1;
                if json.len() > query.max_answer {
                    return Err(QueryFailure::TooLarge(query.max_answer));
                }
            }
            let left = query.max_rows.saturating_sub(count as u64);
            let Some((token, job)) = page.page_token.take().zip(job.as_ref()) else { break };
            if left == 0 {
                break;
            }
            let time = deadline.saturating_duration_since(Instant::now());
            if time.is_zero() {
                return Err(QueryFailure::Timeout(query.timeout));
            }
            page = self.next_page(job, Some(&token), left, time).await?;
        }
        json.push(b']');
        let json = String::from_utf8(json).map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok(Rows { json, count, bytes_processed })
    }

    /// What a query would cost, in bytes processed; it is not run.
    ///
    /// # Errors
    /// When BigQuery would not run it.
    pub async fn estimate(
        &self,
        sql: &str,
        parameters: &BTreeMap<String, Option<String>>,
    ) -> Result<u64, Error> {
        let mut body = self.request(sql, parameters);
        body["dryRun"] = json!(true);
        let path = self.of_project(&["queries"]);
        let page: Page = self.send(Sent::new(Method::POST, &path).with_body(&body)?).await?;
        match page.total_bytes_processed.as_deref().map(str::parse) {
            Some(Ok(bytes)) => Ok(bytes),
            _ => Err(failed(page)),
        }
    }

    fn request(&self, sql: &str, parameters: &BTreeMap<String, Option<String>>) -> Value {
        let parameters = parameters.iter().map(|(name, value)| {
            json!({
                "name": name,
                "parameterType": { "type": "STRING" },
                "parameterValue": { "value": value },
            })
        });
        let mut body = json!({
            "query": sql,
            "useLegacySql": false,
            "useQueryCache": true,
            "location": self.location(),
            "parameterMode": "NAMED",
            "queryParameters": parameters.collect::<Vec<_>>(),
            "formatOptions": { "useInt64Timestamp": true },
        });
        if let Some(most) = self.maximum_bytes_billed() {
            body["maximumBytesBilled"] = json!(most.to_string());
        }
        body
    }

    async fn first_page(&self, query: &Query<'_>, deadline: Instant) -> Result<Page, QueryFailure> {
        let mut body = self.request(query.sql, query.parameters);
        let labels = query.labels.iter();
        let labels = labels.filter_map(|(key, value)| Some((label_key(key)?, label(value))));
        let timeout = u64::try_from(query.timeout.as_millis()).unwrap_or(u64::MAX);
        body["labels"] = json!(labels.collect::<BTreeMap<_, _>>());
        body["maxResults"] = json!(query.max_rows);
        body["timeoutMs"] = json!(timeout);
        body["jobTimeoutMs"] = json!(timeout.to_string());
        body["jobCreationMode"] = json!("JOB_CREATION_OPTIONAL");
        // With it a request that is sent again runs no second time.
        body["requestId"] = json!(Uuid::new_v4());
        let path = self.of_project(&["queries"]);
        let mut pauses = PAUSES.into_iter();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let sent = Sent::new(Method::POST, &path).with_body(&body)?;
            match self.send(Sent { timeout: left + GRACE, ..sent }).await {
                Ok(page) => return Ok(page),
                Err(Error::Unreachable(_)) if deadline <= Instant::now() => {
                    return Err(QueryFailure::Timeout(query.timeout));
                }
                Err(error) if ends_in_time(&error) => {
                    return Err(QueryFailure::Timeout(query.timeout));
                }
                Err(error) => {
                    let again = matches!(error.retry(), Retry::Soon | Retry::Late);
                    let Some(pause) = pauses.next().filter(|_| again) else {
                        return Err(error.into());
                    };
                    tokio::time::sleep(pause.min(left)).await;
                }
            }
        }
    }

    async fn next_page(
        &self,
        job: &Job,
        token: Option<&str>,
        rows: u64,
        time: Duration,
    ) -> Result<Page, Error> {
        let (rows, millis) = (rows.to_string(), time.as_millis().min(TIMEOUT.as_millis()));
        let millis = millis.to_string();
        let mut query = vec![
            ("maxResults", rows.as_str()),
            ("timeoutMs", millis.as_str()),
            ("formatOptions.useInt64Timestamp", "true"),
            ("location", job.location.as_deref().unwrap_or(self.location())),
        ];
        query.extend(token.map(|token| ("pageToken", token)));
        let path = self.of_project(&["queries", &job.job_id]);
        let sent = Sent::new(Method::GET, &path);
        self.send(Sent { query: &query, timeout: TIMEOUT + GRACE, ..sent }).await
    }

    async fn cancel(&self, job: &Job) {
        let path = self.of_project(&["jobs", &job.job_id, "cancel"]);
        let location = job.location.as_deref().unwrap_or(self.location());
        let sent = Sent::new(Method::POST, &path);
        let cancelled: Result<Value, Error> =
            self.send(Sent { query: &[("location", location)], ..sent }).await;
        if let Err(error) = cancelled {
            tracing::debug!(%error, job = job.job_id, "a query was not cancelled");
        }
    }
}

/// Ends a job that nobody waits for any more.
struct Running<'r> {
    rest: &'r Rest,
    job: Option<Job>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let (Some(job), Ok(runtime)) = (self.job.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let rest = self.rest.clone();
        runtime.spawn(async move { rest.cancel(&job).await });
    }
}

/// BigQuery's own words for a job that took too long.
fn ends_in_time(error: &Error) -> bool {
    matches!(error, Error::Refused { reason, message, .. }
        if reason == "timeout" || message.contains("Job timed out"))
}

/// Some answer 200 to a query that failed.
fn failed(page: Page) -> Error {
    match page.errors.into_iter().next() {
        Some(Problem { reason, message }) => Error::Refused { status: 400, reason, message },
        None => Error::Unexpected("an answer without columns".to_owned()),
    }
}

/// A text as BigQuery takes it for a label: lower case, digits, `_` and `-`, 63 at most.
pub fn label(text: &str) -> String {
    let fit = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' { c } else { '_' }
    };
    text.chars().map(fit).take(LABEL_LENGTH).collect()
}

/// A text as BigQuery takes it for the key of a label, which begins with a letter; nothing is none.
fn label_key(text: &str) -> Option<String> {
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
    match label(text) {
        key if key.is_empty() => None,
        key if begins(&key) => Some(key),
        key => Some(label(&format!("l{key}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_labels_begin_with_a_letter() {
        for (text, expected) in [
            ("Team.a", Some("team_a")),
            ("9lives", Some("l9lives")),
            ("_x", Some("l_x")),
            ("-", Some("l-")),
            ("Übung", Some("l_bung")),
            ("", None),
            (&"9".repeat(63), Some(&*format!("l{}", "9".repeat(62)))),
        ] {
            assert_eq!(label_key(text).as_deref(), expected);
        }
    }

    #[test]
    fn labels_are_made_fit() {
        for (text, expected) in [
            ("logs.all", "logs_all"),
            ("Übung-1", "_bung-1"),
            ("", ""),
            (&"x".repeat(100), &"x".repeat(63)),
        ] {
            assert_eq!(label(text), expected);
        }
    }

    #[test]
    fn a_failure_that_is_answered_200_is_one() {
        let page = r#"{"jobComplete":true,"errors":[{"reason":"invalidQuery","message":"no"}]}"#;
        let page: Page = serde_json::from_str(page).unwrap();
        let expected = Error::Refused {
            status: 400,
            reason: "invalidQuery".to_owned(),
            message: "no".to_owned(),
        };
        assert_eq!(failed(page), expected);
    }
}
