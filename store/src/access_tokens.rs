//! The two access tokens of a self-hosted Supabase, and the digests by which tokens are known.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::grant::{Grant, Holder, Scopes};

/// The public and the private access token.
///
/// The public one ingests; the private one also queries and manages. When both were set to one
/// value, that value may do everything (Logflare would create only the public one, and answer 401
/// to every query).
#[derive(Clone)]
pub struct AccessTokens {
    public: TokenDigest,
    private: TokenDigest,
    /// The public one as it is, to be shown to those who manage.
    public_text: Option<Arc<str>>,
}

impl AccessTokens {
    /// Tokens of any length. An empty token is never accepted.
    pub fn new(public: &str, private: &str) -> Self {
        Self {
            public: TokenDigest::of(public),
            private: TokenDigest::of(private),
            public_text: (!public.is_empty() && public != private).then(|| public.into()),
        }
    }

    /// The public token as it is. `None` where it is not set, or is the private one too, which is
    /// shown to nobody.
    pub fn public_text(&self) -> Option<&str> {
        self.public_text.as_deref()
    }

    /// The token that a request presents, the first that is there: `Authorization: Bearer …` (other
    /// schemes are passed over), the header `X-API-KEY`, the query parameter `api_key`.
    pub fn presented<'a>(
        authorization: Option<&'a str>,
        api_key_header: Option<&'a str>,
        api_key_parameter: Option<&'a str>,
    ) -> Option<&'a str> {
        let bearer = authorization.and_then(|value| value.strip_prefix("Bearer "));
        bearer.or(api_key_header).or(api_key_parameter)
    }

    /// What the holder of `presented` may do; `None` when it is neither token.
    ///
    /// Takes the same time whichever token it is and however much of one it shares: digests are
    /// compared, so that not even the length of the tokens shows.
    pub fn grant(&self, presented: &str) -> Option<Grant> {
        if presented.is_empty() {
            return None;
        }
        let presented = TokenDigest::of(presented);
        let public: Choice = self.public.0.ct_eq(&presented.0);
        let private: Choice = self.private.0.ct_eq(&presented.0);
        match (bool::from(public), bool::from(private)) {
            (_, true) => Some(Grant::new(Holder::Private, Arc::new(Scopes::private()))),
            (true, false) => Some(Grant::new(Holder::Public, Arc::new(Scopes::public()))),
            (false, false) => None,
        }
    }
}

/// What is kept of a token: it cannot be found from this.
///
/// Digests may be looked up in a table: nobody can choose what a digest begins with, so the time
/// that it takes says nothing of the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest(pub(crate) [u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokens(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(tokens: &AccessTokens, presented: &str) -> Option<Holder> {
        tokens.grant(presented).map(|grant| grant.holder())
    }

    #[test]
    fn each_token_has_its_grant() {
        let tokens = AccessTokens::new("pub", "a-much-longer-private-token");
        assert_eq!(holder(&tokens, "pub"), Some(Holder::Public));
        assert_eq!(holder(&tokens, "a-much-longer-private-token"), Some(Holder::Private));
        for wrong in ["", "pu", "pubb", "PUB", "a-much-longer-private-tokem", "pub "] {
            assert_eq!(tokens.grant(wrong), None, "{wrong:?}");
        }
        let public = tokens.grant("pub").unwrap();
        assert!(public.may_ingest() && !public.may_query_all() && !public.may_manage());
        let private = tokens.grant("a-much-longer-private-token").unwrap();
        assert!(private.may_ingest() && private.may_query_all() && private.may_manage());
    }

    #[test]
    fn one_value_for_both_may_do_everything() {
        let grant = AccessTokens::new("same", "same").grant("same").unwrap();
        assert!(grant.may_ingest() && grant.may_query_all() && grant.may_manage());
    }

    #[test]
    fn the_private_token_is_never_shown() {
        assert_eq!(AccessTokens::new("pub", "priv").public_text(), Some("pub"));
        assert_eq!(AccessTokens::new("same", "same").public_text(), None);
        assert_eq!(AccessTokens::new("", "priv").public_text(), None);
    }

    #[test]
    fn an_unset_token_opens_nothing() {
        assert_eq!(AccessTokens::new("", "").grant(""), None);
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", AccessTokens::new("pub", "priv"));
        assert_eq!(shown, "AccessTokens(redacted)");
    }
}
