//! The two access tokens of a self-hosted Supabase and what each may do.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The public and the private access token.
///
/// The public one ingests; the private one also queries and manages. When both were set to one
/// value, that value may do everything (Logflare would create only the public one, and answer 401
/// to every query).
#[derive(Clone)]
pub struct AccessTokens {
    public: [u8; 32],
    private: [u8; 32],
}

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The public token: ingest.
    Public,
    /// The private token: ingest, query, manage.
    Private,
    /// Both tokens have this one value.
    Both,
}

impl Scope {
    /// Whether events may be sent.
    pub fn may_ingest(self) -> bool {
        true
    }

    /// Whether the catalog and rejected events may be seen and changed.
    pub fn may_manage(self) -> bool {
        matches!(self, Self::Private | Self::Both)
    }

    /// Whether endpoints may be queried.
    pub fn may_query(self) -> bool {
        matches!(self, Self::Private | Self::Both)
    }
}

impl AccessTokens {
    /// Tokens of any length. An empty token is never accepted.
    pub fn new(public: &str, private: &str) -> Self {
        Self { public: digest(public), private: digest(private) }
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

    /// What `presented` may do; `None` when it is neither token.
    ///
    /// Takes the same time whichever token it is and however much of one it shares: digests are
    /// compared, so that not even the length of the tokens shows.
    pub fn scope(&self, presented: &str) -> Option<Scope> {
        if presented.is_empty() {
            return None;
        }
        let presented = digest(presented);
        let public: Choice = self.public.ct_eq(&presented);
        let private: Choice = self.private.ct_eq(&presented);
        match (bool::from(public), bool::from(private)) {
            (true, true) => Some(Scope::Both),
            (true, false) => Some(Scope::Public),
            (false, true) => Some(Scope::Private),
            (false, false) => None,
        }
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokens(redacted)")
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_scope() {
        let tokens = AccessTokens::new("pub", "a-much-longer-private-token");
        assert_eq!(tokens.scope("pub"), Some(Scope::Public));
        assert_eq!(tokens.scope("a-much-longer-private-token"), Some(Scope::Private));
        for wrong in ["", "pu", "pubb", "PUB", "a-much-longer-private-tokem", "pub "] {
            assert_eq!(tokens.scope(wrong), None, "{wrong:?}");
        }
        assert!(Scope::Public.may_ingest() && !Scope::Public.may_query());
        assert!(Scope::Private.may_ingest() && Scope::Private.may_query());
        assert!(Scope::Private.may_manage() && !Scope::Public.may_manage());
    }

    #[test]
    fn one_value_for_both_may_do_everything() {
        let scope = AccessTokens::new("same", "same").scope("same");
        assert_eq!(scope, Some(Scope::Both));
        assert!(Scope::Both.may_ingest() && Scope::Both.may_query());
    }

    #[test]
    fn an_unset_token_opens_nothing() {
        assert_eq!(AccessTokens::new("", "").scope(""), None);
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", AccessTokens::new("pub", "priv"));
        assert_eq!(shown, "AccessTokens(redacted)");
    }
}
