//! Who we are to Google.

use std::{fmt, sync::Arc, time::Duration};

use gcp_auth::{CustomServiceAccount, MetadataServiceAccount, TokenProvider};
use tokio::sync::Mutex;

use crate::Error;

/// What tokens are for: everything of BigQuery's two APIs.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/bigquery"];

/// For a token to come.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Who we are to Google. Cheap to clone; clones share their tokens.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    way: Way,
    /// Made when the first token is wanted. It keeps tokens until they end.
    provider: Mutex<Option<Arc<dyn TokenProvider>>>,
}

enum Way {
    Nobody,
    /// The JSON key of a service account.
    Key(String),
    /// The machine is one of Google's, and knows who it is.
    Metadata,
}

impl Credentials {
    /// Nobody: for stand-ins that ask for no token.
    pub fn none() -> Self {
        Self::by(Way::Nobody)
    }

    /// A service account by its key, the JSON text that Google gives for download. Tokens come from
    /// the `token_uri` in it.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn of_key(json: &str) -> Result<Self, Error> {
        // Made anew with the first token, as it looks for the system's certificates.
        let key: KeyParts = serde_json::from_str(json)
            .map_err(|error| Error::Credentials(format!("no key of a service account: {error}")))?;
        if !key.private_key.contains("PRIVATE KEY") {
            let text = "no key of a service account: `private_key` holds no PEM";
            return Err(Error::Credentials(text.to_owned()));
        }
        Ok(Self::by(Way::Key(json.to_owned())))
    }

    /// The service account of the machine, one of Google's.
    pub fn of_machine() -> Self {
        Self::by(Way::Metadata)
    }

    fn by(way: Way) -> Self {
        Self(Arc::new(Inner { way, provider: Mutex::default() }))
    }

    /// The token for the header `authorization: Bearer …`; `None` for [nobody](Self::none).
    ///
    /// # Errors
    /// When whoever gives tokens does not.
    pub async fn bearer(&self) -> Result<Option<String>, Error> {
        if matches!(self.0.way, Way::Nobody) {
            return Ok(None);
        }
        let token = tokio::time::timeout(TIMEOUT, async {
            let provider = self.provider().await?;
            provider.token(SCOPES).await
        });
        match token.await {
            Ok(Ok(token)) => Ok(Some(token.as_str().to_owned())),
            Ok(Err(error)) => Err(Error::Credentials(outbound::with_causes(&error))),
            Err(_) => {
                Err(Error::Credentials(format!("no token came within {} s", TIMEOUT.as_secs())))
            }
        }
    }

    /// Forgets the token, which was refused though its time is not up.
    pub async fn renew(&self) {
        self.0.provider.lock().await.take();
    }

    async fn provider(&self) -> Result<Arc<dyn TokenProvider>, gcp_auth::Error> {
        // Held while one is made: all others want the same.
        let mut kept = self.0.provider.lock().await;
        if let Some(provider) = &*kept {
            return Ok(Arc::clone(provider));
        }
        let provider: Arc<dyn TokenProvider> = match &self.0.way {
            Way::Key(json) => Arc::new(CustomServiceAccount::from_json(json)?),
            Way::Metadata | Way::Nobody => Arc::new(MetadataServiceAccount::new().await?),
        };
        Ok(Arc::clone(kept.insert(provider)))
    }
}

/// What a key must have.
#[derive(serde::Deserialize)]
struct KeyParts {
    private_key: String,
    #[expect(dead_code, reason = "it must be there")]
    client_email: String,
    #[expect(dead_code, reason = "it must be there")]
    token_uri: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.0.way {
            Way::Nobody => "nobody",
            Way::Key(_) => "a key",
            Way::Metadata => "the machine",
        };
        f.debug_tuple("Credentials").field(&way).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_looked_at() {
        for (json, text) in [
            ("", "no key of a service account: EOF"),
            (r#"{"type":"authorized_user"}"#, "missing field `private_key`"),
            (r#"{"private_key":"x","client_email":"a@b"}"#, "missing field `token_uri`"),
            (r#"{"private_key":"x","client_email":"a","token_uri":"b"}"#, "holds no PEM"),
        ] {
            let error = Credentials::of_key(json).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_has_no_token() {
        assert_eq!(Credentials::none().bearer().await, Ok(None));
        let shown = format!("{:?}", Credentials::default());
        assert_eq!(shown, "Credentials(\"nobody\")");
    }
}
