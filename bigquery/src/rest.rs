//! The REST API: datasets and tables. One attempt each; whoever calls knows whether to try again.

use std::{sync::Arc, time::Duration};

use outbound::HttpVersion;
use reqwest::{Client, Method, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Credentials, Error, Settings, Table,
    resource::{Partitioning, Schema},
};

/// For an answer, beyond the time that BigQuery itself was given.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Largest answer that is read. A page of rows has about 10 MB.
const MAX_ANSWER: usize = 128 << 20;

/// The REST API of BigQuery. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rest {
    /// Or why the system gives what a client needs for no connection at all.
    client: Result<Client, Error>,
    place: Arc<Place>,
    credentials: Credentials,
}

#[derive(Debug)]
struct Place {
    url: Url,
    project: String,
    dataset: String,
    location: String,
    maximum_bytes_billed: Option<u64>,
}

/// What is changed of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TablePatch {
    /// All columns, those that are there among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// Only the expiration can become another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_partitioning: Option<Partitioning>,
}

/// A request that may be sent twice.
pub(crate) struct Sent<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) if_match: Option<&'a str>,
    pub(crate) timeout: Duration,
}

impl<'a> Sent<'a> {
    pub(crate) fn new(method: Method, path: &'a [&'a str]) -> Self {
        Self { method, path, query: &[], body: None, if_match: None, timeout: TIMEOUT }
    }

    pub(crate) fn with_body(self, body: &impl Serialize) -> Result<Self, Error> {
        let body =
            serde_json::to_vec(body).map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok(Self { body: Some(body), ..self })
    }
}

impl Rest {
    /// Prepares the client; connects to nothing yet.
    pub fn new(settings: &Settings) -> Self {
        let client = outbound::client(HttpVersion::Any).map_err(unreachable);
        let place = Place {
            url: settings.rest_url.clone(),
            project: settings.project.clone(),
            dataset: settings.dataset.clone(),
            location: settings.location.clone(),
            maximum_bytes_billed: settings.maximum_bytes_billed,
        };
        Self { client, place: Arc::new(place), credentials: settings.credentials.clone() }
    }

    /// The project.
    pub fn project(&self) -> &str {
        &self.place.project
    }

    /// The dataset, without its project.
    pub fn dataset_id(&self) -> &str {
        &self.place.dataset
    }

    /// Where the dataset is, and queries run.
    pub fn location(&self) -> &str {
        &self.place.location
    }

    /// What a query may cost at most, in bytes processed.
    pub(crate) fn maximum_bytes_billed(&self) -> Option<u64> {
        self.place.maximum_bytes_billed
    }

    /// A table's name in SQL: quoted, with its project and dataset.
    pub fn quoted(&self, table: &str) -> String {
        format!("`{}.{}.{table}`", self.place.project, self.place.dataset)
    }

    /// The dataset as BigQuery shows it, `None` where there is none.
    ///
    /// # Errors
    /// When BigQuery does not say.
    pub async fn dataset(&self) -> Result<Option<Value>, Error> {
        found(self.send(Sent::new(Method::GET, &self.of_dataset(&[]))).await)
    }

    /// Makes the dataset; one that is there is left as it is.
    ///
    /// # Errors
    /// When BigQuery does not make it.
    pub async fn create_dataset(&self) -> Result<(), Error> {
        let Place { project, dataset, location, .. } = &*self.place;
        let body = json!({
            "datasetReference": { "projectId": project, "datasetId": dataset },
            "location": location,
            "description": "Managed by Logweir",
            "labels": { "managed_by": "logweir" },
        });
        let made: Result<Value, Error> = self
            .send(Sent::new(Method::POST, &self.of_project(&["datasets"])).with_body(&body)?)
            .await;
        unless_there(made).map(drop)
    }

    /// Changes what is named of the dataset.
    ///
    /// # Errors
    /// When BigQuery does not change it.
    pub async fn patch_dataset(&self, patch: &Value) -> Result<Value, Error> {
        self.send(Sent::new(Method::PATCH, &self.of_dataset(&[])).with_body(patch)?).await
    }

    /// A table, `None` where there is none.
    ///
    /// # Errors
    /// When BigQuery does not say.
    pub async fn table(&self, id: &str) -> Result<Option<Table>, Error> {
        found(self.send(Sent::new(Method::GET, &self.of_dataset(&["tables", id]))).await)
    }

    /// Makes a table; `None` where it is there.
    ///
    /// # Errors
    /// When BigQuery does not make it.
    pub async fn create_table(&self, table: &Table) -> Result<Option<Table>, Error> {
        let path = self.of_dataset(&["tables"]);
        unless_there(self.send(Sent::new(Method::POST, &path).with_body(table)?).await)
    }

    /// Changes a table: only if it is the one of the `etag`, where there is one.
    ///
    /// # Errors
    /// When BigQuery does not change it.
    pub async fn patch_table(
        &self,
        id: &str,
        patch: &TablePatch,
        etag: Option<&str>,
    ) -> Result<Table, Error> {
        let path = self.of_dataset(&["tables", id]);
        let sent = Sent::new(Method::PATCH, &path).with_body(patch)?;
        self.send(Sent { if_match: etag, ..sent }).await
    }

    /// Removes a table; one that is not there is as good as removed.
    ///
    /// # Errors
    /// When BigQuery does not remove it.
    pub async fn delete_table(&self, id: &str) -> Result<(), Error> {
        let path = self.of_dataset(&["tables", id]);
        found(self.answer(Sent::new(Method::DELETE, &path)).await).map(drop)
    }

    /// Below the project.
    pub(crate) fn of_project<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["projects", &*self.place.project], rest].concat()
    }

    /// Below the dataset.
    pub(crate) fn of_dataset<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.of_project(&[&["datasets", &*self.place.dataset], rest].concat())
    }

    /// Sends a request and reads what comes.
    pub(crate) async fn send<T: DeserializeOwned>(&self, sent: Sent<'_>) -> Result<T, Error> {
        let body = self.answer(sent).await?;
        serde_json::from_slice(&body).map_err(|error| Error::Unexpected(error.to_string()))
    }

    /// The body of an answer that is no error. A token that is refused is asked for anew, once.
    async fn answer(&self, sent: Sent<'_>) -> Result<Vec<u8>, Error> {
        let response = self.attempt(&sent).await?;
        let response = if response.status() == StatusCode::UNAUTHORIZED {
            self.credentials.renew().await;
            self.attempt(&sent).await?
        } else {
            response
        };
        let status = response.status();
        let body = body(response).await?;
        if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
    }

    async fn attempt(&self, sent: &Sent<'_>) -> Result<Response, Error> {
        let mut url = self.place.url.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => drop(segments.pop_if_empty().extend(sent.path)),
            Err(()) => {
                let url = &self.place.url;
                return Err(Error::Unexpected(format!("{url} has no path")));
            }
        }
        if !sent.query.is_empty() {
            url.query_pairs_mut().extend_pairs(sent.query);
        }
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let mut request = client.request(sent.method.clone(), url).timeout(sent.timeout);
        if let Some(token) = self.credentials.bearer().await? {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = sent.if_match {
            request = request.header(header::IF_MATCH, etag);
        }
        if let Some(body) = &sent.body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        request.send().await.map_err(unreachable)
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            let text = format!("an answer of more than {} MiB", MAX_ANSWER >> 20);
            return Err(Error::Unexpected(text));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// With its causes, without the URL: it names the project, and is known.
fn unreachable(error: reqwest::Error) -> Error {
    Error::Unreachable(outbound::with_causes(&error.without_url()))
}

/// Reads `{"error": {"message": …, "status": …, "errors": [{"reason": …}]}}`.
fn refused(status: StatusCode, body: &[u8]) -> Error {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let reason = text("/error/errors/0/reason").or_else(|| text("/error/status"));
    let message = text("/error/message")
        .map_or_else(|| String::from_utf8_lossy(body).chars().take(500).collect(), str::to_owned);
    Error::Refused {
        status: status.as_u16(),
        reason: reason.unwrap_or_default().to_owned(),
        message,
    }
}

fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(Error::Refused { status: 404, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

fn unless_there<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(Error::Refused { status: 409, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read() {
        for (body, reason, message) in [
            (
                r#"{"error":{"code":403,"message":"Access Denied","errors":[{"reason":"accessDenied"}],"status":"PERMISSION_DENIED"}}"#,
                "accessDenied",
                "Access Denied",
            ),
            (r#"{"error":{"message":"m","status":"NOT_FOUND"}}"#, "NOT_FOUND", "m"),
            ("<html>", "", "<html>"),
            ("", "", ""),
        ] {
            let expected = Error::Refused {
                status: 403,
                reason: reason.to_owned(),
                message: message.to_owned(),
            };
            assert_eq!(refused(StatusCode::FORBIDDEN, body.as_bytes()), expected);
        }
    }
}
