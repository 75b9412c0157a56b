//! What goes wrong with BigQuery.

use tonic::Code;

/// What goes wrong with BigQuery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer at all: no connection, or one that broke.
    #[error("BigQuery cannot be reached: {0}")]
    Unreachable(String),
    /// The REST API refuses a request.
    #[error("BigQuery refuses it ({status} {reason}): {message}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// Google's name for the reason, such as `notFound`; empty when there is none.
        reason: String,
        /// Google's words.
        message: String,
    },
    /// The Storage Write API refuses an append.
    #[error("BigQuery takes no rows ({code:?}): {message}")]
    Append {
        /// The code of gRPC.
        code: Code,
        /// What it says in its own codes.
        fault: Option<StorageFault>,
        /// Google's words.
        message: String,
    },
    /// There is no token to show.
    #[error("there are no credentials for BigQuery: {0}")]
    Credentials(String),
    /// It answers something that this client does not understand.
    #[error("BigQuery answers what is not understood: {0}")]
    Unexpected(String),
    /// Something did not happen in time.
    #[error("BigQuery did not answer within {seconds} s")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
}

/// The codes of the Storage Write API that are acted upon, as `StorageError.StorageErrorCode`
/// numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageFault {
    /// 1: there is no such table.
    TableNotFound,
    /// 3: there is no such stream.
    StreamNotFound,
    /// 7: rows have fields that the table has not, or not yet.
    ExtraFields,
    /// Any other.
    Other(i32),
}

impl From<i32> for StorageFault {
    fn from(code: i32) -> Self {
        match code {
            1 => Self::TableNotFound,
            3 => Self::StreamNotFound,
            7 => Self::ExtraFields,
            other => Self::Other(other),
        }
    }
}
