//! One export, whichever way it came: checked, stored, and what became of it.

use store::Grant;
use warp::http::HeaderMap;

use super::decode::{Decoder, Format, Signal};
use crate::{
    SenderConnection,
    body::Encoding,
    budget::Share,
    error::IngestError,
    pipeline::{Pipeline, Sent, Taken},
    rate_limits::Quota,
    request::{Parameters, Route},
};

/// What a sender exports, admitted and read.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) admitted: Admitted,
    pub(super) signal: Signal,
    /// As the sender says it; the body shows it where the sender says nothing.
    pub(super) format: Option<Format>,
    pub(super) body: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) share: Share,
}

/// Who sends, and where to.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    grant: Grant,
    route: Route,
}

/// What became of an export of which not everything was refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Log records, spans or points that are not stored as events.
    pub(super) rejected: i64,
    /// Which and why, for the sender; empty where there are none.
    pub(super) message: String,
}

/// Why nothing of an export is stored. The texts go to the sender.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No token, or a wrong one.
    #[error("Missing or invalid API key")]
    Token,
    /// The request does not say where to.
    #[error("Missing source id")]
    NoSource,
    /// There is no such source.
    #[error("Invalid source id")]
    UnknownSource,
    /// The token lets no events in. HTTP has no answer of its own for that.
    #[error("Missing or invalid API key")]
    TokenScope,
    /// The token lets events into some sources, and not into this, if it is there. Likewise.
    #[error("Invalid source id")]
    SourceScope,
    /// The body is of another type than OTLP's two.
    #[error("content-type {0} is not understood; send application/x-protobuf or application/json")]
    MediaType(String),
    /// An empty body, which no sender means.
    #[error("the body is empty")]
    Empty,
    /// As with all events.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// Checks what does not need the body: whether the sender may send, and that it says where to.
pub(super) async fn admit(
    pipeline: &Pipeline,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Admitted, Failure> {
    let grant =
        pipeline.authorise(parameters.token(headers)).await.map_err(|error| match error {
            IngestError::Unauthorized => Failure::Token,
            IngestError::OutOfScope => Failure::TokenScope,
            error => Failure::Ingest(error),
        })?;
    let route = parameters.route(None, headers);
    if route.key().is_some() { Ok(Admitted { grant, route }) } else { Err(Failure::NoSource) }
}

impl Admitted {
    /// Counts an export of which not even the body is taken, where it will not come again.
    pub(super) fn count_refused(&self, pipeline: &Pipeline, failure: &Failure) {
        if !matches!(failure, Failure::Ingest(error) if !error.is_final()) {
            pipeline.count_refused(&self.grant, &self.route, failure);
        }
    }
}

impl Export {
    /// Stores the records; returns when all that can be are committed. Besides, what is left to
    /// the sender.
    pub(super) async fn store(
        self,
        pipeline: &Pipeline,
        connection: Option<&SenderConnection>,
    ) -> (Option<Quota>, Result<Outcome, Failure>) {
        let Self { admitted: Admitted { grant, route }, signal, format, body, encoding, share } =
            self;
        let sent = Sent { grant, route, form: signal.name().to_owned(), body, encoding, share };
        let taken = pipeline.submit(sent, connection, Decoder { signal, format });
        let Taken { quota, outcome } = taken.await;
        let outcome = match outcome {
            Ok(()) => Ok(Outcome::default()),
            Err(IngestError::Rejected(rejected)) => Ok(Outcome {
                rejected: i64::try_from(rejected.count).unwrap_or(i64::MAX),
                message: rejected.reasons.join("; "),
            }),
            // The token was right.
            Err(IngestError::Unauthorized) => Err(Failure::UnknownSource),
            Err(IngestError::OutOfScope) => Err(Failure::SourceScope),
            Err(error) => Err(Failure::Ingest(error)),
        };
        (quota, outcome)
    }
}
