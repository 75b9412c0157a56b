//! Who we are to Google.

use crate::Error;

/// Who we are to Google. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Credentials {}

impl Credentials {
    /// Nobody: for stand-ins that ask for no token.
    pub fn none() -> Self {
        Self {}
    }

    /// The token for the header `authorization: Bearer …`; `None` for [nobody](Self::none).
    ///
    /// # Errors
    /// When whoever gives tokens does not.
    #[expect(clippy::unused_async, reason = "tokens come over the network")]
    pub async fn bearer(&self) -> Result<Option<String>, Error> {
        Ok(None)
    }
}
