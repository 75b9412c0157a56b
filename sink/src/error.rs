//! Why events were not stored.

use store::AppendError;

/// Why a request's events were not stored, or not all. The texts go to the sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    /// The catalog was not read yet.
    #[error("the server is starting; send this again in a moment")]
    Starting,
    /// No token, a wrong one, no source or an unknown one.
    #[error("Unauthorized")]
    Unauthorized,
    /// The body is larger than the limit (bytes), compressed or not.
    #[error(
        "the body is larger than {0} bytes; send smaller batches, or raise LOGWEIR_MAX_BODY_BYTES"
    )]
    TooLarge(usize),
    /// The body is compressed in a way that is not understood.
    #[error("content-encoding {0} is not understood; send gzip, deflate or identity")]
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
    /// Some elements are no events; the others are stored. The list says which and why.
    #[error("some events were refused: {}", .0.join("; "))]
    Rejected(Vec<String>),
    /// The store did not take the events.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The work was interrupted: a fault of ours.
    #[error("internal error: {0}")]
    Internal(String),
}
