//! A request, as operations see it.

use bytes::Bytes;
use serde_json::{Map, Value};
use store::{Actor, Grant, Store};
use url::form_urlencoded;
use uuid::Uuid;
use warp::http::{HeaderMap, Method};

use crate::{answers::Answers, body, parameters::Parameters, refusal::Refusal};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request whose caller may ask for what it asks for.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) store: Store,
    pub(crate) answers: Answers,
    pub(crate) method: Method,
    /// The operation's: `/api/sources/{token}`.
    pub(crate) path: &'static str,
    /// What the path captured, decoded, in order.
    pub(crate) captured: Vec<String>,
    /// Of the query string.
    pub(crate) parameters: Parameters,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What the caller may do; `None` without a token that opens anything.
    pub(crate) grant: Option<Grant>,
}

impl Call {
    /// What the path captured at this place, decoded.
    pub(crate) fn captured(&self, at: usize) -> &str {
        self.captured.get(at).map_or("", String::as_str)
    }

    /// The token that the path captured first. What is none names nothing.
    pub(crate) fn token(&self) -> Result<Uuid, Refusal> {
        Uuid::try_parse(self.captured(0)).map_err(|_| Refusal::NotFound)
    }

    /// What `look` finds in the loaded catalog, also where another process has just made it.
    pub(crate) async fn found<T>(
        &self,
        look: impl Fn(&Store) -> Option<T> + Send,
    ) -> Result<T, Refusal> {
        if let Some(found) = look(&self.store) {
            return Ok(found);
        }
        self.store.catch_up().await?;
        look(&self.store).ok_or(Refusal::NotFound)
    }

    /// Who asks, for the audit log.
    pub(crate) fn actor(&self) -> Result<Actor, Refusal> {
        let holder = self.grant.as_ref().map(Grant::holder).ok_or(Refusal::Unauthorized)?;
        let request_id = self.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        Ok(Actor { holder, request_id: request_id.map(str::to_owned) })
    }

    /// The body, which has to be JSON, or a form, which is an object of text. An empty one is an empty
    /// object.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        let text = self.body.trim_ascii();
        if text.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        // curl calls everything a form.
        let is_form = body::media_type(&self.headers).as_deref() == Some(FORM);
        if is_form && !text.starts_with(b"{") && !text.starts_with(b"[") {
            let fields = form_urlencoded::parse(text).into_owned();
            return Ok(fields.map(|(name, value)| (name, Value::String(value))).collect());
        }
        serde_json::from_slice(&self.body).map_err(|error| Refusal::Body(error.to_string()))
    }

    /// The body, which has to be a JSON object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(fields) => Ok(fields),
            _ => Err(Refusal::Body("it is not a JSON object".to_owned())),
        }
    }
}
