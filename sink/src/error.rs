//! Why events were not stored.

use store::{AppendError, ChangeError, StoreUnavailable};

use crate::{
    collected::Rejected,
    limits::{MAX_BODY_VALUES, MAX_EVENTS},
    rate_limits::Exceeded,
};

/// Why a request's events were not stored, or not all. The texts go to the sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    /// The catalog was not read yet.
    #[error("the server is starting; send this again in a moment")]
    Starting,
    /// No token, a wrong one, no source or an unknown one.
    #[error("Unauthorized")]
    Unauthorized,
    /// A token whose scopes do not let events into the source, or into any. Over HTTP the same.
    #[error("Unauthorized")]
    OutOfScope,
    /// Too much is being worked on already.
    #[error("Buffer Full: Too Many Requests")]
    Busy,
    /// A limit of events per minute is reached. The contract's texts.
    #[error(
        "{} rate is over the API quota. Email support@logflare.app to increase your rate limit.",
        .0.who()
    )]
    TooMany(Exceeded),
    /// The body is larger than the limit (bytes), compressed or not.
    #[error(
        "the body is larger than {0} bytes; send smaller batches, or raise LOGWEIR_MAX_BODY_BYTES"
    )]
    TooLarge(usize),
    /// The body holds more events than are taken at once.
    #[error(
        "the body holds more than {MAX_EVENTS} events; send smaller batches (in Vector: \
         batch.max_events)"
    )]
    TooManyEvents,
    /// The body holds more values than are taken at once, where all of them are read at once.
    #[error("the body holds more than {MAX_BODY_VALUES} values; send smaller batches")]
    TooManyValues,
    /// The events of the body say the same again and again, and come to more than this (bytes).
    #[error("the events of the body come to more than {0} bytes; send smaller batches")]
    TooLong(usize),
    /// The body is compressed in a way that is not understood.
    #[error(
        "content-encoding {0} is not understood; send gzip, deflate, zstd, snappy, br or identity, \
         at most three one over the other"
    )]
    Encoding(String),
    /// The body is not what its content-encoding says.
    #[error("the body cannot be inflated: {0}")]
    Inflate(String),
    /// The connection broke while the body was read.
    #[error("the body could not be read: {0}")]
    Body(String),
    /// The body is no JSON.
    #[error("the body is not JSON: {0}; send a list of objects, {{\"batch\": […]}} or one object")]
    NotJson(String),
    /// The body is no export of OpenTelemetry's protocol.
    #[error("the body is no export of {signal} in OTLP's {format}: {reason}")]
    NotOtlp {
        /// What it should export: logs …
        signal: &'static str,
        /// protobuf or JSON.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The body is length-delimited, but no events of Vector's.
    #[error(
        "the body is binary, and frame {frame} of it is no event of Vector's codec native: \
         {reason}; send JSON, or codec native with its default framing"
    )]
    Frames {
        /// Which one, from 1.
        frame: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The body begins as an Erlang term, but is none.
    #[error("the body is no BERT: {0}; send a map with the list `batch`, or JSON")]
    NotBert(&'static str),
    /// Nothing in the body is a syslog message.
    #[error(
        "there is no syslog message in the body; this path takes RFC 5424, one message per line or \
         each behind its length in bytes"
    )]
    NotSyslog,
    /// The path does not take events in this form.
    #[error("the body is {found}; this path takes {expected}")]
    Form {
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A form in parts.
    #[error("multipart bodies are not taken; send JSON: a list of objects, or one object")]
    Multipart,
    /// Some elements are no events; the others are stored. The list says which and why.
    #[error("some events were refused: {}", .0.reasons.join("; "))]
    Rejected(Rejected),
    /// The store did not take the events.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It cannot be told whether there is such a token. Who has none is not told why.
    #[error("it cannot be told now whether this token is valid; send this again in a moment")]
    UncertainToken,
    /// It cannot be told whether there is such a source.
    #[error("{0}; send this again in a moment")]
    Catalog(ChangeError),
    /// Another process has made the source while the body that names it was read.
    #[error("the source was made a moment ago; send this again")]
    JustMade,
    /// Nobody reads this.
    #[error("the sender has left")]
    Left,
    /// The work was interrupted: a fault of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl IngestError {
    /// Whether the same body would be refused again, so that senders give it up.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Starting
            | Self::Busy
            | Self::TooMany(_)
            | Self::Append(_)
            | Self::UncertainToken
            | Self::Catalog(_)
            | Self::JustMade
            | Self::Left
            | Self::Body(_)
            | Self::Internal(_) => false,
            Self::Unauthorized
            | Self::OutOfScope
            | Self::TooLarge(_)
            | Self::TooManyEvents
            | Self::TooManyValues
            | Self::TooLong(_)
            | Self::Encoding(_)
            | Self::Inflate(_)
            | Self::NotJson(_)
            | Self::NotOtlp { .. }
            | Self::Frames { .. }
            | Self::NotBert(_)
            | Self::NotSyslog
            | Self::Form { .. }
            | Self::Multipart
            | Self::Rejected(_) => true,
        }
    }
}

/// Why rejected events, or what is done with them, cannot be shown or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManageError {
    /// The catalog was not read yet.
    #[error("the server is starting; ask again in a moment")]
    Starting,
    /// Not the private token.
    #[error("Unauthorized")]
    Unauthorized,
    /// It cannot be told whether there is such a token. Who has none is not told why.
    #[error("it cannot be told now whether this token is valid; ask again in a moment")]
    UncertainToken,
    /// No source has this token or name.
    #[error("Not Found")]
    NoSuchSource,
    /// The body is larger than this (bytes).
    #[error("the body is larger than {0} bytes; name fewer events at a time")]
    TooLarge(usize),
    /// Too much is being worked on already.
    #[error("Buffer Full: Too Many Requests")]
    Busy,
    /// The body or a parameter is not what belongs there.
    #[error("{0}")]
    Body(String),
    /// The store cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The store cannot take the events.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The catalog cannot be asked or changed.
    #[error(transparent)]
    Catalog(ChangeError),
}

impl From<ChangeError> for ManageError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::NoSuchSource,
            ChangeError::Invalid { .. } | ChangeError::Malformed(_) => {
                Self::Body(error.to_string())
            }
            ChangeError::ConfigKey(_) | ChangeError::Unavailable(_) => Self::Catalog(error),
        }
    }
}
