//! Why a request is not done. The texts go to the person who asked.

use std::{collections::BTreeMap, sync::Arc};

use store::{ChangeError, QueryError};

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The catalog was not read yet.
    #[error("the server is starting; ask again in a moment")]
    Starting,
    /// No token, a wrong one, or one that may not do this.
    #[error("Unauthorized")]
    Unauthorized,
    /// There is no such thing.
    #[error("Not Found")]
    NotFound,
    /// Nobody has made such an endpoint.
    #[error("Endpoint \"{0}\" is not available on this server")]
    UnknownEndpoint(String),
    /// The body cannot be read.
    #[error("the request's body cannot be read: {0}")]
    Body(String),
    /// The body comes in parts.
    #[error("multipart bodies are not taken; send JSON, or a form that is urlencoded")]
    Multipart,
    /// The body is larger than the limit, in bytes.
    #[error("the request's body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// Fields of the body have values that cannot be.
    #[error("some fields are invalid: {0:?}")]
    Fields(FieldErrors),
    /// A parameter of the URL, or the request as a whole, makes no sense.
    #[error("{0}")]
    Request(String),
    /// A database does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// The endpoint runs its own query only.
    #[error("Endpoint \"{0}\" does not take SQL: it is not sandboxable")]
    NotSandboxable(String),
    /// The endpoint's query is in a language that is not understood.
    #[error("Endpoint \"{0}\" is written in {1}, which this server cannot run yet")]
    Language(String, String),
    /// The query cannot be translated.
    #[error("{0}")]
    Translation(#[from] translate::Diagnostic),
    /// The query failed while it ran.
    #[error("{0}")]
    Query(Arc<QueryError>),
}

/// What is wrong with each field, to be read after its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldErrors(pub(crate) BTreeMap<String, Vec<String>>);

impl FieldErrors {
    pub(crate) fn add(&mut self, field: &str, text: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(text.into());
    }

    /// Adds what is wrong with other fields; gives what was refused for another reason.
    pub(crate) fn add_all(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        match refusal {
            Refusal::Fields(errors) => {
                self.0.extend(errors.0);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Nothing, if nothing is wrong.
    pub(crate) fn into_result(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Fields(self)) }
    }

    /// One field is wrong.
    pub(crate) fn one(field: &str, text: impl Into<String>) -> Refusal {
        let mut errors = Self::default();
        errors.add(field, text);
        Refusal::Fields(errors)
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::NotFound,
            ChangeError::Invalid { field, text } => FieldErrors::one(field, text),
            ChangeError::Malformed(_) => Self::Request(error.to_string()),
            ChangeError::ConfigKey(_) | ChangeError::Unavailable(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}
